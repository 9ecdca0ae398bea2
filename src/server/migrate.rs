//! MIGRATE: keys are sent to another server over a connection that is kept a while for the next ones.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::dialer::Way;
use super::shared::Shared;
use crate::command::Migration;
use crate::engine::Migrated;
use crate::resp::encode_command;

/// How long a connection is kept that nobody uses.
const KEPT: Duration = Duration::from_secs(10);
/// What is written within one timeout.
const PIECE_BYTES: usize = 64 * 1024;
/// No reply that we wait for is longer.
const REPLY_BYTES_MAX: u64 = 64 * 1024;

/// Connections to servers that keys were sent to.
pub type Targets = HashMap<(String, u16), Target>;

pub struct Target {
    stream: BufReader<TcpStream>,
    /// What is selected there.
    db: Option<i64>,
    used_at: Instant,
}

/// Why a connection is of no more use.
struct Broken {
    doing: &'static str,
    was_slow: bool,
    /// Keys that had arrived, and what the server said of others.
    so_far: Migrated,
}

/// Sends the keys, then tells the engine. It asks for one migration at a time.
pub fn start(shared: &Arc<Shared>, migration: Migration) {
    let task = shared.clone();
    shared.spawn(async move {
        let place = (migration.host.clone(), migration.port);
        let result = migrate(&task, &place, &migration).await;
        let cached = task.targets.lock().len() as u64;
        task.turn(|engine, now| {
            engine.server.migration_targets = cached;
            engine.migrated(now, result);
        });
        sleep(KEPT).await;
        forget_unused(&task);
    });
}

fn forget_unused(shared: &Arc<Shared>) {
    let cached = {
        let mut targets = shared.targets.lock();
        targets.retain(|_, target| target.used_at.elapsed() < KEPT);
        targets.len() as u64
    };
    shared.turn(|engine, _| engine.server.migration_targets = cached);
}

/// A kept connection may have been closed meanwhile: as long as nothing has arrived, another one is tried.
async fn migrate(shared: &Arc<Shared>, place: &(String, u16), migration: &Migration) -> Migrated {
    let mut may_retry = true;
    loop {
        let kept = shared.targets.lock().remove(place);
        let target = match kept {
            Some(target) => Some(target),
            None => connect(shared, migration).await,
        };
        let Some(mut target) = target else {
            return failed(Migrated::default(), "IOERR error or timeout connecting to the client");
        };
        match target.exchange(migration).await {
            Ok(result) => {
                target.used_at = Instant::now();
                shared.targets.lock().insert(place.clone(), target);
                return result;
            }
            Err(Broken { was_slow: false, so_far, .. }) if may_retry && so_far == Migrated::default() => {
                may_retry = false;
            }
            Err(Broken { doing, so_far, .. }) => {
                return failed(so_far, &format!("IOERR error or timeout {doing} to target instance"));
            }
        }
    }
}

/// What the server said of a key comes before what became of the connection.
fn failed(so_far: Migrated, error: &str) -> Migrated {
    Migrated { error: so_far.error.or(Some(error.to_owned())), ..so_far }
}

async fn connect(shared: &Arc<Shared>, migration: &Migration) -> Option<Target> {
    let way = shared.turn(|engine, _| Way::of(&engine.config));
    let limit = Duration::from_millis(migration.timeout_ms);
    let stream = timeout(limit, way.connect(&migration.host, migration.port)).await.ok()?.ok()?;
    // Costs time at most.
    let _ = stream.set_nodelay(true);
    Some(Target { stream: BufReader::new(stream), db: None, used_at: Instant::now() })
}

impl Target {
    async fn exchange(&mut self, migration: &Migration) -> Result<Migrated, Broken> {
        let limit = Duration::from_millis(migration.timeout_ms);
        let selects = self.db != Some(migration.db);
        self.send(limit, &head(migration, selects)).await?;
        for packed in &migration.keys {
            self.send(limit, &packed.restore).await?;
        }
        let mut result = Migrated::default();
        for _ in 0..usize::from(migration.login.is_some()) + usize::from(selects) {
            self.hear(limit, &mut result).await?;
        }
        // Keys that went to a database that could not be selected went astray.
        let is_astray = result.error.is_some();
        for index in 0..migration.keys.len() {
            if self.hear(limit, &mut result).await? && !is_astray {
                result.arrived.push(index);
            }
        }
        self.db = result.error.is_none().then_some(migration.db);
        Ok(result)
    }

    async fn send(&mut self, limit: Duration, bytes: &[u8]) -> Result<(), Broken> {
        for piece in bytes.chunks(PIECE_BYTES) {
            let sent = timeout(limit, self.stream.write_all(piece)).await;
            checked(sent).map_err(|was_slow| Broken { doing: "writing", was_slow, so_far: Migrated::default() })?;
        }
        Ok(())
    }

    /// One reply; false if it is an error, the first of which is kept.
    async fn hear(&mut self, limit: Duration, result: &mut Migrated) -> Result<bool, Broken> {
        let mut line = Vec::new();
        let read = timeout(limit, (&mut self.stream).take(REPLY_BYTES_MAX).read_until(b'\n', &mut line)).await;
        let whole = checked(read).and_then(|_| if line.ends_with(b"\n") { Ok(()) } else { Err(false) });
        if let Err(was_slow) = whole {
            return Err(Broken { doing: "reading", was_slow, so_far: std::mem::take(result) });
        }
        let text = String::from_utf8_lossy(&line);
        let Some(error) = text.trim_end().strip_prefix('-') else { return Ok(true) };
        result.error.get_or_insert_with(|| format!("ERR Target instance replied with error: {error}"));
        Ok(false)
    }
}

/// The error says whether the time was over.
fn checked<T>(result: Result<io::Result<T>, tokio::time::error::Elapsed>) -> Result<T, bool> {
    result.map_err(|_| true)?.map_err(|_| false)
}

/// What goes before the keys.
fn head(migration: &Migration, selects: bool) -> Vec<u8> {
    let mut head = Vec::new();
    if let Some(login) = &migration.login {
        let words: Vec<&[u8]> = [b"AUTH".as_slice()].into_iter().chain(login.iter().map(Vec::as_slice)).collect();
        encode_command(&mut head, &words);
    }
    if selects {
        encode_command(&mut head, &[b"SELECT", migration.db.to_string().as_bytes()]);
    }
    head
}
