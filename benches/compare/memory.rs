//! Rows memory16 and memory64: resident bytes for each of many small keys.

use crate::Options;
use crate::load::preload;
use crate::process::rss_bytes;
use crate::report::Figures;
use crate::support::server::Launch;
use std::thread::sleep;
use std::time::{Duration, Instant};

const SETTLE_LIMIT: Duration = Duration::from_secs(15);
const SETTLE_STEP: Duration = Duration::from_secs(1);

pub fn measure(launch: &Launch, options: &Options, value_len: usize) -> Figures {
    let server = launch.clone().on_core(options.server_core).start();
    let empty = settled_rss_bytes(server.pid());
    preload(server.port, options.memory_keys, value_len).unwrap_or_else(|error| panic!("{error}\n{}", server.log()));
    let keys = server.client().call("DBSIZE").to_string().parse::<f64>().expect("a number of keys");
    let full = settled_rss_bytes(server.pid());
    vec![
        ("bytes per key (RSS)".to_owned(), (full - empty) as f64 / keys),
        ("RSS in MB".to_owned(), full as f64 / 1e6),
        ("keys".to_owned(), keys),
    ]
}

/// Tables may still be growing or freeing in the background: RSS once it moves by less than a thousandth a second.
fn settled_rss_bytes(pid: u32) -> u64 {
    let deadline = Instant::now() + SETTLE_LIMIT;
    let mut before = rss_bytes(pid);
    loop {
        sleep(SETTLE_STEP);
        let now = rss_bytes(pid);
        if now.abs_diff(before) < before / 1000 || Instant::now() > deadline {
            return now;
        }
        before = now;
    }
}
