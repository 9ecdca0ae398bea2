//! Row resync: a replica attaches to a master full of data that is being written to, both of the same kind.
//!
//! Neither is pinned: the master's snapshot (a fork in Redis), the replica's loading and the load share what cores there are.

use crate::Options;
use crate::load::{Numbers, Requests, preload};
use crate::pace::Pace;
use crate::process::tree_pss_bytes;
use crate::report::{Figures, percentile};
use crate::support::eventually;
use crate::support::server::{Launch, Server};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

const VALUE_LEN: usize = 64;
const WARM_UP: Duration = Duration::from_secs(2);
const SAMPLE_STEP: Duration = Duration::from_millis(100);
const CATCH_UP_LIMIT: Duration = Duration::from_secs(60);

pub fn measure(launch: &Launch, options: &Options) -> Figures {
    let launch = launch.clone().with("repl-backlog-size", "16mb");
    let (master, replica) = (launch.clone().start(), launch.start());
    preload(master.port, options.resync_keys, VALUE_LEN).expect("the master takes its data");
    let requests = Requests::set(Numbers::random(options.resync_keys), VALUE_LEN);
    let pace = Pace::start(master.port, requests, options.resync_rate, u64::MAX).expect("a connection");
    sleep(WARM_UP);
    let before = tree_pss_bytes(master.pid());

    let start = Instant::now();
    let peak = peak_pss_during(master.pid(), || replica.replicate_from(master.port));
    let end = Instant::now();

    let latencies_us = pace.finish(start, end).expect("the master answers all");
    await_equal(&master, &replica);
    let mut figures = vec![
        ("seconds to link up".to_owned(), (end - start).as_secs_f64()),
        ("master's peak PSS over before, %".to_owned(), 100.0 * (peak as f64 / before as f64 - 1.0)),
        ("master's PSS before, MB".to_owned(), before as f64 / 1e6),
    ];
    for (label, share) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)] {
        figures.push((format!("SET {label} ms"), percentile(&latencies_us, share) / 1000.0));
    }
    figures
}

/// The largest of the samples while `action` runs.
pub fn peak_pss_during(pid: u32, action: impl FnOnce()) -> u64 {
    let done = AtomicBool::new(false);
    scope(|scope| {
        let sampler = scope.spawn(|| {
            let mut peak = 0;
            while !done.load(Ordering::Relaxed) {
                peak = tree_pss_bytes(pid).max(peak);
                sleep(SAMPLE_STEP);
            }
            tree_pss_bytes(pid).max(peak)
        });
        action();
        done.store(true, Ordering::Relaxed);
        sampler.join().expect("the sampler does not panic")
    })
}

/// A figure counts only if the replica then holds what the master holds.
fn await_equal(master: &Server, replica: &Server) {
    let (mut master, mut replica) = (master.client(), replica.client());
    eventually(CATCH_UP_LIMIT, "the replica reaches the master's offset", || {
        master.count("master_repl_offset") == replica.count("master_repl_offset")
    });
    assert_eq!(master.call("DBSIZE"), replica.call("DBSIZE"));
}
