//! Trees of three, every order of Redis and Tandem, whose links are cut each second under load: at the end all hold the
//! same data at the same offset, and no cut has cost a full resync. `TANDEM_CUTS=60` is the long run.

use super::support::proxy::Proxy;
use super::support::server::Launch;
use super::traffic::Traffic;
use super::{await_equal, with_backlog};
use std::thread::sleep;
use std::time::Duration;

const CUTS: usize = 4;

/// A test for each order, from the master down.
macro_rules! trees {
    ($($name:ident: $top:ident, $middle:ident, $bottom:ident;)*) => {
        $(#[test]
        fn $name() {
            cut_each_second(Launch::$top(), Launch::$middle(), Launch::$bottom());
        })*
    };
}

trees! {
    tandem_tandem_tandem_survives_a_cut_each_second: tandem, tandem, tandem;
    tandem_tandem_redis_survives_a_cut_each_second: tandem, tandem, redis;
    tandem_redis_tandem_survives_a_cut_each_second: tandem, redis, tandem;
    tandem_redis_redis_survives_a_cut_each_second: tandem, redis, redis;
    redis_tandem_tandem_survives_a_cut_each_second: redis, tandem, tandem;
    redis_tandem_redis_survives_a_cut_each_second: redis, tandem, redis;
    redis_redis_tandem_survives_a_cut_each_second: redis, redis, tandem;
}

fn cut_each_second(top: Launch, middle: Launch, bottom: Launch) {
    let [top, middle, bottom] = [top, middle, bottom].map(|launch| with_backlog(launch).start());
    let (upper, lower) = (Proxy::to(top.port), Proxy::to(middle.port));
    middle.replicate_from(upper.port);
    bottom.replicate_from(lower.port);

    let traffic = Traffic::on(&top, 2);
    let cuts = std::env::var("TANDEM_CUTS").map_or(CUTS, |cuts| cuts.parse().expect("a number"));
    for cut in 0..cuts {
        sleep(Duration::from_secs(1));
        // The upper link, the lower one, both at once.
        if cut % 3 != 1 {
            upper.cut();
        }
        if cut % 3 != 0 {
            lower.cut();
        }
    }
    traffic.stop();

    await_equal(&[&top, &middle, &bottom]);
    assert_eq!(top.client().count("sync_full"), 1, "the middle resumes within the backlog");
    assert_eq!(middle.client().count("sync_full"), 1, "the bottom resumes within the backlog");
    assert!(top.client().count("sync_partial_ok") >= 1, "the cuts were real");
}
