//! The engine's sense of time: a tick `hz` times a second, and whenever it asked for one.

use std::sync::Arc;

use super::shared::Shared;
use super::usage;

/// Ticks until the process ends.
pub fn start(shared: &Arc<Shared>) {
    let shared = shared.clone();
    shared.clone().spawn(async move {
        loop {
            let usage = usage::sample();
            let next = shared.turn(|engine, now| {
                engine.server.usage = usage;
                engine.server.peak_memory_bytes =
                    engine.server.peak_memory_bytes.max(crate::alloc::used_bytes() as u64);
                engine.tick(now);
                engine.next_timeout(now)
            });
            tokio::time::sleep_until(shared.clock.instant(next)).await;
        }
    });
}
