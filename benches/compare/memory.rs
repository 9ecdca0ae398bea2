//! Rows memory16 and memory64: resident bytes for each of many small keys. Rows memory-small and memory-large:
//! for each of many small collections, and for each element of a large one.

use crate::Options;
use crate::load::{Numbers, Requests, fill, preload};
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

/// A request that adds an element of 16 bytes, by the type's name.
const TYPES: &[(&str, &str)] = &[
    ("list", "RPUSH key:############ elem############"),
    ("hash", "HSET key:############ elem############ vvvvvvvvvvvvvvvv"),
    ("set", "SADD key:############ elem############"),
    ("sorted set", "ZADD key:############ ############ elem############"),
    ("stream", "XADD key:############ * f elem############"),
];

/// `keys` collections of `elements` elements each; a figure for each type, by `per` key or element.
pub fn measure_types(launch: &Launch, options: &Options, keys: u64, elements: u64, per: &str) -> Figures {
    let units = if per == "key" { keys } else { keys * elements } as f64;
    let figure = |&(name, line): &(&str, &str)| {
        let server = launch.clone().on_core(options.server_core).start();
        let empty = settled_rss_bytes(server.pid());
        let (start, lines) = if name == "stream" { (b'$', 2) } else { (b':', 1) };
        let requests = Requests::new(line, Numbers::sequential(keys), start, lines);
        fill(server.port, requests, keys * elements).unwrap_or_else(|error| panic!("{error}\n{}", server.log()));
        (format!("{name}, bytes per {per}"), (settled_rss_bytes(server.pid()) - empty) as f64 / units)
    };
    let wanted = |(name, _): &&(&str, &str)| options.requests.is_empty() || options.requests.iter().any(|n| n == name);
    TYPES.iter().filter(wanted).map(figure).collect()
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
