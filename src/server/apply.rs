//! Directives of the shell that CONFIG SET changed: where we listen, what we log, which folder we work in, how the
//! system sees us.
//!
//! What can fail is done under the lock, one directive after the other in the order of the request, so that CONFIG SET
//! can answer it; if one fails, those before it are taken back. The rest follows after the lock.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use super::config_file::reason;
use super::crash;
use super::listener::{Listeners, Served};
use super::logging::{Log, Role};
use super::process::{self, OomScore, PidFile, Process};
use super::shared::Shared;
use crate::config::{Config, ConfigError};
use crate::persistence::rdb;

/// What the shell keeps so that it can be changed, or cleared away at the end.
pub struct Running {
    pub log: Log,
    pub process: Process,
    pub pid_file: Option<PidFile>,
    pub unix_socket: Option<PathBuf>,
    /// Sockets whose connections are accepted.
    pub served: Vec<Served>,
    /// Bound for a new port or new addresses, not served yet.
    bound: Option<Listeners>,
    oom_score: OomScore,
}

/// Takes a directive back that was applied.
type Undo = Box<dyn FnOnce(&mut Running)>;

impl Running {
    pub fn new(log: Log, process: Process) -> Running {
        Running {
            log,
            process,
            pid_file: None,
            unix_socket: None,
            served: Vec::new(),
            bound: None,
            oom_score: OomScore::default(),
        }
    }

    /// Master or replica, from now on: what log lines and the out-of-memory score show.
    pub fn take_role(&mut self, is_replica: bool) {
        self.log.set_role(if is_replica { Role::Replica } else { Role::Master });
        self.oom_score.take_role(is_replica);
    }

    /// The out-of-memory score that the directives ask for at the start.
    pub fn adjust_first_oom_score(&mut self, config: &Config) {
        // Refused, it says so in the log.
        let _ = self.oom_score.configure(config);
    }

    /// The last traces go with the process: nobody new is let in, and nothing stays on the disk.
    pub fn clear_away(&mut self) {
        self.served.iter().for_each(Served::suspend);
        if let Some(file) = self.pid_file.take() {
            tracing::info!("Removing the pid file.");
            drop(file);
        }
        if let Some(path) = self.unix_socket.take() {
            tracing::info!("Removing the unix socket file.");
            // Somebody may have been faster.
            let _ = std::fs::remove_file(path);
        }
        // What a save left half done; mostly there is none.
        let _ = std::fs::remove_file(rdb::temporary_name(std::process::id()));
    }

    fn try_one(&mut self, config: &mut Config, name: &str) -> Result<Option<Undo>, String> {
        match name {
            "dir" => change_folder(config).map(Some),
            "port" | "bind" => self.listen(config, name),
            "maxclients" => match process::allow_clients(config.maxclients) {
                Ok(()) => Ok(None),
                Err(shortage) => Err(format!(
                    "The operating system is not able to handle the specified number of clients, try with {}",
                    shortage.clients
                )),
            },
            "oom-score-adj" | "oom-score-adj-values" => self.adjust_oom_score(config).map(Some),
            _ => Ok(None),
        }
    }

    /// Binds to what port and addresses are now. Where only addresses changed, the old sockets have to make room first:
    /// they may be among the new ones.
    fn listen(&mut self, config: &Config, name: &str) -> Result<Option<Undo>, String> {
        if self.bound.is_some() {
            return Ok(None);
        }
        let backlog = config.tcp_backlog;
        if name == "bind" {
            self.served.iter().for_each(Served::suspend);
        }
        let take_back = move |running: &mut Running| {
            running.bound = None;
            running.served.iter().for_each(|served| served.resume(backlog));
        };
        match Listeners::bind_tcp(config) {
            Ok(bound) => {
                self.bound = Some(bound);
                Ok(Some(Box::new(take_back)))
            }
            Err(_) => {
                take_back(self);
                Err(match name {
                    "bind" => "Failed to bind to specified addresses.".to_owned(),
                    _ => "Unable to listen on this port. Check server logs.".to_owned(),
                })
            }
        }
    }

    fn adjust_oom_score(&mut self, config: &Config) -> Result<Undo, String> {
        let saved = self.oom_score.save();
        match self.oom_score.configure(config) {
            Ok(()) => Ok(Box::new(move |running| running.oom_score.restore(saved))),
            Err(_) => Err("Failed to set current oom_score_adj. Check server logs.".to_owned()),
        }
    }
}

/// Does what can fail. If something does, nothing has changed.
pub fn try_out(running: &Mutex<Running>, config: &mut Config, names: &[&'static str]) -> Result<(), ConfigError> {
    let mut running = running.lock();
    let mut done: Vec<Undo> = Vec::new();
    for name in names {
        match running.try_one(config, name) {
            Ok(undo) => done.extend(undo),
            Err(reason) => {
                done.into_iter().rev().for_each(|undo| undo(&mut running));
                return Err(ConfigError::Failed { name: (*name).to_owned(), reason });
            }
        }
    }
    // Cannot fail, and is to be seen by whoever has the reply. Redis shows a new template even to those who wanted no
    // title.
    let is_in_title = |name: &&str| matches!(*name, "port" | "bind") && config.set_proc_title;
    if names.iter().any(|name| *name == "proc-title-template" || is_in_title(name)) {
        running.process.show_title(config);
    }
    Ok(())
}

/// The folder is the process's own from now on, and named by its absolute path, as CONFIG GET shows it.
fn change_folder(config: &mut Config) -> Result<Undo, String> {
    let old = std::env::current_dir();
    std::env::set_current_dir(&config.dir).map_err(|error| reason(&error))?;
    let folder = std::env::current_dir().map_err(|error| reason(&error))?;
    config.overwrite("dir", folder.as_os_str().as_bytes())?;
    Ok(Box::new(|_| {
        if let Err(error) = old.and_then(std::env::set_current_dir) {
            tracing::warn!("Can't go back to the folder of before: {}", reason(&error));
        }
    }))
}

/// Called while actions are carried out: the work itself waits for its turn at the lock.
pub fn apply(shared: &Arc<Shared>) {
    let task = shared.clone();
    shared.spawn(async move {
        let config = task.turn(|engine, _| engine.config.clone());
        let bound = {
            let mut running = task.running.lock();
            running.log.follow(&config);
            crash::follow(config.crash_log_enabled);
            running.bound.take()
        };
        if let Some(listeners) = bound {
            task.turn(|engine, _| engine.server.tcp_port = engine.config.port);
            listeners.serve(&task);
        }
    });
}
