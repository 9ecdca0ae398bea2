//! The engine's sense of time: a tick `hz` times a second, and whenever it asked for one.

use std::sync::Arc;

use super::logging::{Log, Role};
use super::shared::Shared;
use super::usage;

/// Ticks until the process ends.
pub fn start(shared: &Arc<Shared>, log: Log) {
    let shared = shared.clone();
    show_role(&log, shared.turn(|engine, _| engine.node.is_replica()));
    tokio::spawn(async move {
        loop {
            let usage = usage::sample();
            let (next, is_replica) = shared.turn(|engine, now| {
                engine.server.usage = usage;
                engine.server.peak_memory_bytes =
                    engine.server.peak_memory_bytes.max(crate::alloc::used_bytes() as u64);
                engine.tick(now);
                (engine.next_timeout(now), engine.node.is_replica())
            });
            show_role(&log, is_replica);
            tokio::time::sleep_until(shared.clock.instant(next)).await;
        }
    });
}

fn show_role(log: &Log, is_replica: bool) {
    log.set_role(if is_replica { Role::Replica } else { Role::Master });
}
