//! The shell: sockets, timers, files, signals around the engine. The only place with tokio, clocks and system calls.

mod apply;
pub mod banner;
mod clock;
pub mod config_file;
mod connection;
mod crash;
mod dialer;
pub mod disk;
mod handover;
mod jobs;
mod listener;
pub mod logging;
mod migrate;
pub mod process;
mod restore;
mod shared;
mod signals;
mod socket;
mod sync_file;
mod ticker;
mod usage;
mod wakeup;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use crate::config::Config;
use crate::engine::Engine;
use crate::replication::Level;
use apply::Running;
use clock::Clock;
use listener::Listeners;
use logging::Log;
use process::{PidFile, Process, kernel};
use shared::Shared;

/// Scripts nest deep: as much as a process's first thread has.
const STACK_BYTES: usize = 8 << 20;

/// Runs the server until it is shut down and answers the exit code; the error is what kept it from starting.
pub fn run(config: Config, log: Log, process: Process) -> Result<i32, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.io_threads.max(1))
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        // First come, first served: see .cargo/config.toml.
        .disable_lifo_slot()
        .build()
        .map_err(|error| error.to_string())?;
    let code = runtime.block_on(serve(config, log, process))?;
    runtime.shutdown_background();
    Ok(code)
}

async fn serve(mut config: Config, log: Log, process: Process) -> Result<i32, String> {
    limit_clients(&mut config)?;
    let listeners = Listeners::bind(&config)?;
    let running = settle(&config, log, process);
    let (exit, mut exited) = watch::channel(None);
    let clock = Clock::start();
    let mut engine = Engine::new(config, rand::random(), clock.now());
    describe_process(&mut engine, &running.process);
    engine.define_users()?;
    let shared = Shared::new(engine, clock, running, exit);
    let log = shared.running.lock().log.clone();
    crash::watch(&log, &shared);
    let _guard = crash::Essential;
    shared::log(Level::Warning, "Server initialized");
    signals::listen(&shared)?;
    let has_tcp = listeners.has_tcp();
    let loading = restore::begin(&shared)?;
    listeners.serve(&shared);
    ticker::start(&shared);
    if let Some(loading) = loading {
        tokio::select! {
            loaded = loading => loaded.map_err(|error| error.to_string())??,
            code = exited.wait_for(Option::is_some) => return code.map(|code| code.unwrap_or_default()).map_err(gone),
        }
    }
    shared.turn(|engine, now| engine.begin(now));
    announce(&shared, has_tcp);
    let code = exited.wait_for(Option::is_some).await.map_err(gone)?;
    Ok(code.unwrap_or_default())
}

fn gone(error: watch::error::RecvError) -> String {
    error.to_string()
}

/// As many clients as the system lets us have open files for.
fn limit_clients(config: &mut Config) -> Result<(), String> {
    let Err(shortage) = process::allow_clients(config.maxclients) else { return Ok(()) };
    if shortage.clients == 0 {
        return Err(format!(
            "Your current 'ulimit -n' of {} is not enough for the server to start. Please increase your open file \
             limit to at least {}. Exiting.",
            shortage.files, shortage.wanted_files
        ));
    }
    config.overwrite("maxclients", shortage.clients.to_string().as_bytes())
}

/// We listen: from now on others may find us.
fn settle(config: &Config, log: Log, process: Process) -> Running {
    let mut running = Running::new(log, process);
    running.take_role(config.replicaof.is_some());
    running.adjust_first_oom_score(config);
    running.pid_file = PidFile::path(config.pidfile.as_deref(), running.process.is_daemon).and_then(create_pid_file);
    running.unix_socket = config.unixsocket.as_ref().and_then(|path| std::path::absolute(path).ok());
    if config.set_proc_title {
        running.process.show_title(config);
    }
    banner::show(config, &running.log);
    kernel::check_backlog(config.tcp_backlog);
    kernel::check_maxmemory(config.maxmemory);
    running
}

fn create_pid_file(path: PathBuf) -> Option<PidFile> {
    let created = PidFile::create(&path);
    // Who needs it will miss it; Redis serves without it too.
    created.inspect_err(|error| tracing::warn!("Failed to write PID file: {}", config_file::reason(error))).ok()
}

/// Tells the log and the init system that clients are welcome.
fn announce(shared: &Arc<Shared>, has_tcp: bool) {
    let (unixsocket, is_replica) =
        shared.turn(|engine, _| (engine.config.unixsocket.clone(), engine.config.replicaof.is_some()));
    if has_tcp {
        shared::log(Level::Notice, "Ready to accept connections");
    }
    if let Some(path) = unixsocket {
        shared::log(Level::Notice, &format!("The server is now ready to accept connections at {}", path.display()));
    }
    shared.supervisor.tell(if is_replica {
        "STATUS=Ready to accept connections in read-only mode. Waiting for MASTER <-> REPLICA sync\n"
    } else {
        "STATUS=Ready to accept connections\n"
    });
    shared.supervisor.tell("READY=1\n");
}

fn describe_process(engine: &mut Engine, process: &Process) {
    let facts = &mut engine.server;
    facts.pid = std::process::id();
    facts.os = operating_system();
    facts.supervised = process.supervisor.name();
    facts.tcp_port = engine.config.port;
    facts.executable = std::env::current_exe().map(|path| path.display().to_string()).unwrap_or_default();
    facts.config_file = engine.config.file.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    facts.startup_memory_bytes = crate::alloc::used_bytes() as u64;
    engine.hooks.crash = crash::segfault;
    engine.hooks.read_acl_file = config_file::read_acl_file;
    engine.hooks.write_acl_file = config_file::write_acl_file;
    engine.hooks.make_secret = rand::fill;
    engine.hooks.clock_ns = Clock::ticks_ns;
    Clock::learn_ticks();
}

/// System, release and machine, as in `Linux 6.1.0 x86_64`.
fn operating_system() -> String {
    let read = |name| std::fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
    format!("{} {} {}", read("ostype").trim(), read("osrelease").trim(), std::env::consts::ARCH)
}
