//! What tests and benches with real processes share: servers on free ports in folders of their own, a small RESP
//! client, a TCP proxy whose links can be cut, and waiting for a condition instead of for a time.
//!
//! Any program that takes a redis.conf will do as a server, so Tandem and redis-server are the same to all of it.

#![allow(dead_code)]

pub mod client;
pub mod proxy;
pub mod server;

use std::time::{Duration, Instant};

/// Polls until `condition` holds; panics with `what` if it does not within `limit`.
pub fn eventually(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !condition() {
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
