//! The engine behind its one lock, and the way from its actions into the world.

use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::clock::Clock;
use super::crash::{Essential, UnderLock};
use super::dialer::LinkHandle;
use super::process::Supervisor;
use super::{apply, config_file, handover, jobs, migrate, sync_file, usage};
use crate::engine::{Action, Engine};
use crate::replication::Level;
use crate::session::Token;
use crate::time::Now;

/// What a snapshot's writer sends to the connection of a peer.
pub enum PayloadPart {
    Sized(u64),
    Chunk(Bytes),
    Ended,
    Failed(String),
}

/// What all tasks of the server share.
pub struct Shared {
    pub(super) engine: Mutex<Engine>,
    /// Taken before the engine's lock is released, so that actions are carried out in the order they were wished.
    order: Mutex<()>,
    pub clock: Clock,
    /// Payloads that wait for their peer's task.
    pub payloads: Mutex<HashMap<Token, mpsc::Receiver<PayloadPart>>>,
    pub link: Arc<Mutex<Option<LinkHandle>>>,
    pub save: Mutex<Option<jobs::SaveHandle>>,
    /// The file that a save for peers has just written, while the engine is told.
    pub sync_file: Mutex<Option<Arc<File>>>,
    pub targets: Mutex<migrate::Targets>,
    pub running: Arc<Mutex<apply::Running>>,
    pub supervisor: Supervisor,
    /// `Some(exit code)` ends the process.
    pub exit: watch::Sender<Option<i32>>,
    pub runtime: tokio::runtime::Handle,
}

impl Shared {
    pub fn new(
        mut engine: Engine,
        clock: Clock,
        running: apply::Running,
        exit: watch::Sender<Option<i32>>,
    ) -> Arc<Shared> {
        let supervisor = running.process.supervisor.clone();
        let running = Arc::new(Mutex::new(running));
        let tried = running.clone();
        let link = Arc::new(Mutex::new(None));
        let ended = link.clone();
        engine.hooks.sleep = Box::new(move |duration, wishes| {
            super::dialer::close_before(&ended, wishes);
            std::thread::sleep(duration);
        });
        engine.hooks.reconfigure = Box::new(move |config, names| apply::try_out(&tried, config, names));
        engine.hooks.rewrite_config = config_file::rewrite;
        let shared = Arc::new(Shared {
            engine: Mutex::new(engine),
            order: Mutex::new(()),
            clock,
            payloads: Mutex::new(HashMap::new()),
            link,
            save: Mutex::new(None),
            sync_file: Mutex::new(None),
            targets: Mutex::new(migrate::Targets::new()),
            running,
            supervisor,
            exit,
            runtime: tokio::runtime::Handle::current(),
        });
        let held = Arc::downgrade(&shared);
        shared.engine.lock().hooks.let_others_in = Arc::new(move |_| {
            if let Some(shared) = held.upgrade() {
                handover::let_others_in(&shared);
            }
        });
        shared
    }

    /// One hold of the lock. What the engine wishes is carried out after it.
    pub fn turn<T>(self: &Arc<Self>, run: impl FnOnce(&mut Engine, Now) -> T) -> T {
        let now = self.clock.now();
        let mut engine = self.engine.lock();
        let held = UnderLock { engine: &mut engine, now };
        let result =
            if held.engine.server.holds.is_some() { measured(held.engine, now, run) } else { run(held.engine, now) };
        std::mem::forget(held);
        let actions = engine.take_actions();
        if actions.is_empty() {
            return result;
        }
        let order = self.order.lock();
        drop(engine);
        for action in actions {
            self.carry_out(action);
        }
        drop(order);
        result
    }

    /// A task that the server cannot do without.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        self.runtime.spawn(async {
            let guard = Essential;
            task.await;
            drop(guard);
        })
    }

    fn carry_out(self: &Arc<Self>, action: Action) {
        match action {
            Action::Dial { link, host, port } => super::dialer::dial(self, link, host, port),
            Action::LinkSend { link, bytes } => self.with_link(link, |handle| handle.send(bytes)),
            Action::LinkClose { link } => super::dialer::close(self, link),
            Action::LoadBegin { link } => self.with_link(link, |handle| handle.begin_load(self)),
            Action::LoadChunk { link, bytes } => self.with_link(link, |handle| handle.load_chunk(bytes)),
            Action::LoadEnd { link } => self.with_link(link, |handle| handle.end_load()),
            Action::LoadAbandon { link } => self.with_link(link, |handle| handle.abandon_load()),
            Action::FullSync { peer, payload } => jobs::send_payload(self, peer, payload),
            Action::SendFile { peer } => sync_file::send(self, peer),
            Action::AbandonPayload { peer } => drop(self.payloads.lock().remove(&peer)),
            Action::Save { snapshot, functions, position, purpose, written } => {
                jobs::save(self, snapshot, functions, position, purpose, written);
            }
            Action::CancelSave => jobs::cancel_save(self),
            Action::Load { client } => jobs::reload(self, client),
            Action::Migrate(migration) => migrate::start(self, migration),
            Action::ConfigChanged => apply::apply(self),
            Action::Log(level, line) => log(level, &line),
            Action::RoleChanged { is_replica } => self.running.lock().take_role(is_replica),
            Action::Tell(message) => drop(self.supervisor.tell(message)),
            Action::Exit { code } => self.end(code),
        }
    }

    /// Clears away and ends the process.
    pub fn end(&self, code: i32) {
        self.running.lock().clear_away();
        log(Level::Warning, "Redis is now ready to exit, bye bye...");
        // Nobody listens any more if the end has begun already.
        let _ = self.exit.send(Some(code));
    }

    fn with_link(&self, link: crate::engine::LinkId, run: impl FnOnce(&mut LinkHandle)) {
        if let Some(handle) = self.link.lock().as_mut().filter(|handle| handle.id == link) {
            run(handle);
        }
    }
}

/// A hold under measurement (DEBUG HOLDS).
fn measured<T>(engine: &mut Engine, now: Now, run: impl FnOnce(&mut Engine, Now) -> T) -> T {
    let start = usage::thread_cpu_ns();
    let result = run(engine, now);
    let spent = usage::thread_cpu_ns() - start;
    if let Some(holds) = &mut engine.server.holds {
        holds.record_hold(spent);
    }
    result
}

/// A line of the server's log.
pub fn log(level: Level, line: &str) {
    match level {
        Level::Debug => tracing::trace!("{line}"),
        Level::Verbose => tracing::debug!("{line}"),
        Level::Notice => tracing::info!("{line}"),
        Level::Warning => tracing::warn!("{line}"),
    }
}
