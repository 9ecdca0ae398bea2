//! Row stopped: four replicas stand still (SIGSTOP) while their master is written to within 50 seconds; how much the
//! master grows for it, in the measure of what was written, and whether one of them can go on from there.

use crate::Options;
use crate::load::{Numbers, Requests, preload};
use crate::pace::Pace;
use crate::process::rss_bytes;
use crate::report::Figures;
use crate::support::eventually;
use crate::support::server::{Launch, Server};
use std::time::{Duration, Instant};

const REPLICAS: usize = 4;
const KEYS: u64 = 20_000;
const VALUE_LEN: usize = 1000;
const WRITE_TIME_S: u64 = 40;
const WRITE_LIMIT: Duration = Duration::from_secs(50);
const CATCH_UP_LIMIT: Duration = Duration::from_secs(60);

pub fn measure(launch: &Launch, options: &Options) -> Figures {
    let master = launch.clone().start();
    preload(master.port, KEYS, VALUE_LEN).expect("the master takes its data");
    let replicas: Vec<Server> = (0..REPLICAS).map(|_| launch.clone().start()).collect();
    replicas.iter().for_each(|replica| replica.replicate_from(master.port));
    let full_syncs = master.client().count("sync_full");
    let before = rss_bytes(master.pid());

    replicas.iter().for_each(|replica| replica.signal(libc::SIGSTOP));
    let (written, peak) = write(&master, options.stopped_megabytes * 1_000_000);
    replicas[0].signal(libc::SIGCONT);
    let caught_up = catch_up(&master, &replicas[0]);

    vec![
        ("megabytes written".to_owned(), written as f64 / 1e6),
        ("master's growth / written".to_owned(), peak.saturating_sub(before) as f64 / written as f64),
        ("seconds to catch up".to_owned(), caught_up.as_secs_f64()),
        ("full syncs after being continued".to_owned(), (master.client().count("sync_full") - full_syncs) as f64),
    ]
}

/// SETs over existing keys at an even rate; gives the bytes written and the largest RSS seen.
fn write(master: &Server, bytes: u64) -> (u64, u64) {
    let requests = Requests::set(Numbers::random(KEYS), VALUE_LEN);
    let request_len = requests.request_len() as u64;
    let count = bytes / request_len;
    let pace = Pace::start(master.port, requests, count / WRITE_TIME_S, count).expect("a connection");
    let (start, mut peak) = (Instant::now(), 0);
    eventually(WRITE_LIMIT, "all is written", || {
        peak = rss_bytes(master.pid()).max(peak);
        pace.sent() == count
    });
    pace.finish(start, Instant::now()).expect("the master answers all");
    (count * request_len, rss_bytes(master.pid()).max(peak))
}

fn catch_up(master: &Server, replica: &Server) -> Duration {
    let start = Instant::now();
    let (mut master, mut replica) = (master.client(), replica.client());
    eventually(CATCH_UP_LIMIT, "the continued replica reaches the master's offset", || {
        replica.info("master_link_status").as_deref() == Some("up")
            && master.count("master_repl_offset") == replica.count("master_repl_offset")
    });
    start.elapsed()
}
