//! The shell: sockets, timers, files, signals around the engine. The only place with tokio, clocks and system calls.

mod apply;
pub mod banner;
mod clock;
pub mod config_file;
mod connection;
mod dialer;
pub mod disk;
mod jobs;
mod listener;
pub mod logging;
pub mod process;
mod shared;
mod signals;
mod socket;
mod ticker;
mod usage;
mod wakeup;

use std::sync::Arc;

use tokio::sync::watch;

use crate::config::Config;
use crate::engine::Engine;
use crate::persistence::rdb::Aux;
use crate::replication::{Level, Offset, Position, ReplId};
use clock::Clock;
use listener::Listeners;
use logging::Log;
use shared::Shared;

/// Runs the server until it is shut down and answers the exit code; the error is what kept it from starting.
pub fn run(config: Config, log: Log) -> Result<i32, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.io_threads.max(1))
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let code = runtime.block_on(serve(config, log))?;
    runtime.shutdown_background();
    Ok(code)
}

async fn serve(config: Config, log: Log) -> Result<i32, String> {
    let listeners = Listeners::bind(&config)?;
    banner::show(&config, &log);
    let (exit, mut exited) = watch::channel(None);
    let clock = Clock::start();
    let mut engine = Engine::new(config, rand::random(), clock.now());
    describe_process(&mut engine, &listeners);
    let shared = Shared::new(engine, clock, exit);
    shared::log(Level::Notice, "Server initialized");
    restore(&shared)?;
    signals::listen(&shared)?;
    shared.running.lock().log = Some(log.clone());
    shared.turn(|engine, now| engine.begin(now));
    ticker::start(&shared, log);
    announce(&shared, &listeners);
    listeners.serve(&shared);
    let code = exited.wait_for(Option::is_some).await.map_err(|error| error.to_string())?;
    Ok(code.unwrap_or_default())
}

fn announce(shared: &Arc<Shared>, listeners: &Listeners) {
    let unixsocket = shared.turn(|engine, _| engine.config.unixsocket.clone());
    if listeners.port() != 0 {
        shared::log(Level::Notice, "Ready to accept connections");
    }
    if let Some(path) = unixsocket {
        shared::log(Level::Notice, &format!("The server is now ready to accept connections at {}", path.display()));
    }
}

fn describe_process(engine: &mut Engine, listeners: &Listeners) {
    let facts = &mut engine.server;
    facts.pid = std::process::id();
    facts.os = operating_system();
    facts.tcp_port = listeners.port();
    facts.executable = std::env::current_exe().map(|path| path.display().to_string()).unwrap_or_default();
    facts.config_file = engine.config.file.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    facts.startup_memory_bytes = crate::alloc::used_bytes() as u64;
    engine.hooks.sleep = std::thread::sleep;
    engine.hooks.clock_ns = Clock::ticks_ns;
    Clock::learn_ticks();
}

/// System, release and machine, as in `Linux 6.1.0 x86_64`.
fn operating_system() -> String {
    let read = |name| std::fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
    format!("{} {} {}", read("ostype").trim(), read("osrelease").trim(), std::env::consts::ARCH)
}

/// Loads the RDB file, if there is one, before anybody is served.
fn restore(shared: &Arc<Shared>) -> Result<(), String> {
    let began = std::time::Instant::now();
    let loaded = jobs::load_file(shared).map_err(|error| {
        format!("Fatal error loading the DB, check server logs. Exiting. The file could not be read: {error}")
    })?;
    let Some((keyspace, loaded)) = loaded else { return Ok(()) };
    let seconds = began.elapsed().as_secs_f64();
    shared::log(
        Level::Notice,
        &format!("Done loading RDB, keys loaded: {}, keys expired: {}.", loaded.keys_loaded, loaded.keys_expired),
    );
    shared::log(Level::Notice, &format!("DB loaded from disk: {seconds:.3} seconds"));
    shared.turn(|engine, _| {
        engine.server.save.last_load_keys_loaded = loaded.keys_loaded;
        engine.server.save.last_load_keys_expired = loaded.keys_expired;
        engine.restore(keyspace, position_of(&loaded.aux));
        engine.drop_expired(loaded.expired);
    });
    Ok(())
}

/// The place in a history that a file says it stands at.
fn position_of(aux: &Aux) -> Option<Position> {
    let replid = ReplId::parse(aux.repl_id.as_ref()?.as_bytes())?;
    let offset = Offset(u64::try_from(aux.repl_offset?).ok()?);
    let db = aux.repl_stream_db.and_then(|db| usize::try_from(db).ok());
    Some(Position { replid, offset, db })
}
