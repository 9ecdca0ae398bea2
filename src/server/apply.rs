//! Directives of the shell that CONFIG SET changed: where we listen, what we log, which folder we work in.

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::listener::Listeners;
use super::logging::Log;
use super::shared::{Shared, log};
use crate::replication::Level;

/// What the shell keeps so that it can be changed.
#[derive(Default)]
pub struct Running {
    pub log: Option<Log>,
    /// Tasks that accept connections.
    pub listeners: Vec<JoinHandle<()>>,
}

/// Called while actions are carried out: the work itself waits for its turn at the lock.
pub fn apply(shared: &Arc<Shared>, names: Vec<&'static str>) {
    let task = shared.clone();
    shared.runtime.spawn(async move {
        let config = task.turn(|engine, _| engine.config.clone());
        if names.contains(&"loglevel")
            && let Some(log) = &task.running.lock().log
        {
            log.set_level(config.loglevel);
        }
        if names.iter().any(|name| matches!(*name, "port" | "bind")) {
            match Listeners::bind(&config) {
                Ok(listeners) => {
                    task.turn(|engine, _| engine.server.tcp_port = listeners.port());
                    listeners.serve(&task);
                }
                Err(error) => log(Level::Warning, &error),
            }
        }
    });
}
