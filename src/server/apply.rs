//! Directives of the shell that CONFIG SET changed: where we listen, what we log, which folder we work in.
//!
//! What can fail is tried under the lock, so that CONFIG SET can answer it; the rest follows after it.

use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::task::JoinHandle;

use super::config_file;
use super::listener::Listeners;
use super::logging::Log;
use super::shared::{Shared, log};
use crate::config::{Config, ConfigError};
use crate::replication::Level;

/// What the shell keeps so that it can be changed.
#[derive(Default)]
pub struct Running {
    pub log: Option<Log>,
    /// Tasks that accept connections.
    pub listeners: Vec<JoinHandle<()>>,
    /// Bound for a new port, not served yet.
    bound: Option<Listeners>,
}

/// Tries what can fail: another port, another folder.
pub fn try_out(running: &Mutex<Running>, config: &mut Config, names: &[&'static str]) -> Result<(), ConfigError> {
    if names.contains(&"dir") {
        change_folder(config).map_err(|reason| failed("dir", &reason))?;
    }
    if names.contains(&"port") {
        let reason = "Unable to listen on this port. Check server logs.";
        let bound = Listeners::bind_tcp(config).map_err(|_| failed("port", reason))?;
        running.lock().bound = Some(bound);
    }
    Ok(())
}

fn failed(name: &str, reason: &str) -> ConfigError {
    ConfigError::Failed { name: name.to_owned(), reason: reason.to_owned() }
}

/// The folder is the process's own from now on, and named by its absolute path, as CONFIG GET shows it.
fn change_folder(config: &mut Config) -> Result<(), String> {
    std::env::set_current_dir(&config.dir).map_err(|error| config_file::reason(&error))?;
    let folder = std::env::current_dir().map_err(|error| config_file::reason(&error))?;
    config.overwrite("dir", folder.as_os_str().as_bytes())
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
        let bound = task.running.lock().bound.take();
        if let Some(listeners) = bound {
            task.turn(|engine, _| engine.server.tcp_port = listeners.port());
            listeners.serve(&task);
        } else if names.contains(&"bind") {
            listen_elsewhere(&task, &config).await;
        }
    });
}

/// The same port at other addresses: the old ones are given up first, since they may be among the new ones.
async fn listen_elsewhere(shared: &Arc<Shared>, config: &Config) {
    let old = std::mem::take(&mut shared.running.lock().listeners);
    for task in old {
        task.abort();
        // It ends by being aborted: that is no news.
        let _ = task.await;
    }
    match Listeners::bind_tcp(config) {
        Ok(listeners) => listeners.serve(shared),
        Err(error) => log(Level::Warning, &error),
    }
}
