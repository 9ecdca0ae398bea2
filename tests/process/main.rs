//! Tandem beside the real redis-server, in real processes: few tests, each a whole story. What a machine or a handler can
//! show by itself is tested beside it.
//!
//! TANDEM_BIN names another binary to test; with `redis-server` in that place the tests check themselves.

mod acl;
mod attach;
mod crash;
mod daemon;
mod debian;
mod full_sync;
mod info;
mod loading;
mod migrate;
mod package;
#[allow(dead_code)]
#[path = "../support/requests.rs"]
mod requests;
mod resume;
mod roles;
mod sentinel;
mod supervision;
#[path = "../support/mod.rs"]
mod support;
mod tools;
mod traffic;
mod tree;
mod tutorial;

use std::time::{Duration, Instant};
use support::server::{Launch, Server};

const CONVERGE_LIMIT: Duration = Duration::from_secs(60);

/// A backlog that no cut of these tests exceeds, so that every reconnect must be a partial resync.
fn with_backlog(launch: Launch) -> Launch {
    launch.with("repl-backlog-size", "100mb")
}

/// Waits until all servers have the same offset and the same data, by Redis's own digest.
fn await_equal(servers: &[&Server]) {
    let deadline = Instant::now() + CONVERGE_LIMIT;
    loop {
        let states: Vec<_> = servers.iter().map(|server| state(server)).collect();
        if states.windows(2).all(|pair| pair[0] == pair[1]) {
            return;
        }
        assert!(Instant::now() < deadline, "offset and digest differ after {CONVERGE_LIMIT:?}: {states:#?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn state(server: &Server) -> (u64, String) {
    let mut client = server.client();
    let offset = client.count("master_repl_offset");
    (offset, client.call("DEBUG DIGEST").to_string())
}
