//! SIGTERM and SIGINT end the server as their directives say.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use super::shared::{Shared, log};
use crate::command::ShutdownOptions;
use crate::config;
use crate::replication::Level;

/// Listens for the signals that end the server, from now on.
pub fn listen(shared: &Arc<Shared>) -> Result<(), String> {
    for (kind, name) in [(SignalKind::terminate(), "SIGTERM"), (SignalKind::interrupt(), "SIGINT")] {
        let mut signals = signal(kind).map_err(|error| error.to_string())?;
        let own = shared.clone();
        shared.spawn(async move {
            while signals.recv().await.is_some() {
                on_signal(&own, kind, name);
            }
        });
    }
    Ok(())
}

fn on_signal(shared: &Arc<Shared>, kind: SignalKind, name: &str) {
    let (is_loading, is_ending) = shared.turn(|engine, _| (engine.server.loading.is_some(), engine.is_ending()));
    if is_ending && kind == SignalKind::interrupt() {
        log(Level::Warning, "You insist... exiting now.");
        return shared.end(1);
    }
    if is_loading {
        log(Level::Warning, "Received shutdown signal during loading, exiting now.");
        return shared.end(0);
    }
    log(Level::Warning, &format!("Received {name} scheduling shutdown..."));
    shared.turn(|engine, now| {
        let by = if kind == SignalKind::terminate() {
            engine.config.shutdown_on_sigterm
        } else {
            engine.config.shutdown_on_sigint
        };
        engine.schedule_shutdown(now, options(by));
    });
}

fn options(by: config::ShutdownOptions) -> ShutdownOptions {
    let save = match (by.save, by.nosave) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    ShutdownOptions { save, now: by.now, force: by.force, abort: false }
}
