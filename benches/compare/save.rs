//! Rows save: a server full of data writes its RDB file while it is written to, and then starts from that file.
//!
//! Not pinned: the save (a child in Redis, a thread in Tandem) and the load share what cores there are. The longest hold
//! of the lock is Tandem's only; Redis has no lock.

use crate::Options;
use crate::load::{Numbers, Requests, preload};
use crate::pace::Pace;
use crate::process::tree_pss_bytes;
use crate::report::{Figures, percentile};
use crate::resync::peak_pss_during;
use crate::support::client::Client;
use crate::support::eventually;
use crate::support::server::{Launch, Server};
use std::thread::sleep;
use std::time::{Duration, Instant};

const VALUE_LEN: usize = 64;
const WARM_UP: Duration = Duration::from_secs(2);
const LIMIT: Duration = Duration::from_secs(600);

pub fn measure(launch: &Launch, options: &Options, compression: &str) -> Figures {
    let mut server = launch.clone().with("rdbcompression", compression).start();
    preload(server.port, options.save_keys, VALUE_LEN).expect("the server takes its data");
    let requests = Requests::set(Numbers::random(options.save_keys), VALUE_LEN);
    let pace = Pace::start(server.port, requests, options.save_rate, u64::MAX).expect("a connection");
    sleep(WARM_UP);
    let mut client = server.client();
    // Redis answers with an error, and has no such figure later.
    let has_lock = client.request(&["DEBUG", "HOLDS", "ON"]).is_ok_and(|reply| reply.to_string() == "OK");
    let before = tree_pss_bytes(server.pid());

    let start = Instant::now();
    let peak = peak_pss_during(server.pid(), || save(&mut client));
    let end = Instant::now();

    let longest_hold_ns = if has_lock { longest_hold_ns(&mut client) } else { 0 };
    let latencies_us = pace.finish(start, end).expect("the server answers all");
    let bytes = std::fs::metadata(server.path("dump.rdb")).expect("the file").len();
    let mut figures = vec![
        ("seconds to save".to_owned(), (end - start).as_secs_f64()),
        ("peak PSS over before, %".to_owned(), 100.0 * (peak as f64 / before as f64 - 1.0)),
        ("longest hold of the lock, ms".to_owned(), longest_hold_ns as f64 / 1e6),
        ("file, MB".to_owned(), bytes as f64 / 1e6),
    ];
    for (label, share) in [("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)] {
        figures.push((format!("SET {label} ms"), percentile(&latencies_us, share) / 1000.0));
    }
    figures.push(("seconds to load".to_owned(), load_s(&mut server)));
    figures
}

fn save(client: &mut Client) {
    client.call("BGSAVE");
    eventually(LIMIT, "the save ends", || client.count("rdb_bgsave_in_progress") == 0);
    assert_eq!(client.info("rdb_last_bgsave_status").as_deref(), Some("ok"));
}

/// In CPU time of the thread that held it.
fn longest_hold_ns(client: &mut Client) -> u64 {
    let figures = client.call("DEBUG HOLDS").to_string();
    let words: Vec<_> =
        figures.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect();
    let at = words.iter().position(|word| *word == "hold_cpu_ns_max").expect("the figure");
    words[at + 1].parse().expect("a number")
}

/// What the server itself says, so that what else a start takes does not count.
fn load_s(server: &mut Server) -> f64 {
    server.stop();
    server.start_again();
    let mut client = server.client();
    eventually(LIMIT, "the data are loaded", || client.count("loading") == 0);
    let log = server.log();
    let line =
        log.lines().rev().find_map(|line| line.split_once("DB loaded from disk: ")).expect("the line of the load");
    line.1.split(' ').next().and_then(|seconds| seconds.parse().ok()).expect("seconds")
}
