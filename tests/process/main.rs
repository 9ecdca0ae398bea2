//! Tandem beside the real redis-server, in real processes: few tests, each a whole story. What a machine or a handler can
//! show by itself is tested beside it.
//!
//! TANDEM_BIN names another binary to test; with `redis-server` in that place the tests check themselves.

mod acl;
mod attach;
mod crash;
mod daemon;
mod debian;
mod files;
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

use std::collections::BTreeSet;
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
        assert!(
            Instant::now() < deadline,
            "offset and digest differ after {CONVERGE_LIMIT:?}: {states:#?}\n{}",
            different_keys(servers).join("\n")
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Keys whose values differ, with what all servers say of them.
fn different_keys(servers: &[&Server]) -> Vec<String> {
    let mut clients: Vec<_> = servers.iter().map(|server| server.client()).collect();
    let mut lines = Vec::new();
    for db in 0..16 {
        clients.iter_mut().for_each(|client| drop(client.call(&format!("SELECT {db}"))));
        let mut keys: BTreeSet<String> = BTreeSet::new();
        clients.iter_mut().for_each(|client| keys.extend(client.call("KEYS *").to_string().lines().map(str::to_owned)));
        for key in keys {
            let questions = ["DEBUG DIGEST-VALUE", "PEXPIRETIME", "TYPE", "DUMP"];
            let mut ask = |question: &str| -> Vec<String> {
                clients.iter_mut().map(|client| client.call(&format!("{question} {key}")).to_string()).collect()
            };
            let answers: Vec<Vec<String>> = questions.iter().map(|question| ask(question)).collect();
            if answers[..2].iter().any(|answers| answers.windows(2).any(|pair| pair[0] != pair[1])) {
                lines.push(format!("{key} in {db}: {answers:?}"));
            }
        }
    }
    lines
}

fn state(server: &Server) -> (u64, String) {
    let mut client = server.client();
    let offset = client.count("master_repl_offset");
    (offset, client.call("DEBUG DIGEST").to_string())
}
