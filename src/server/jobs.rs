//! Work on threads of their own: writing snapshots, loading payloads and files. None of it holds the lock.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc as std_mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::crash::Essential;
use super::disk::RealDisk;
use super::shared::{PayloadPart, Shared, log};
use super::sync_file;
use crate::config::{MaxmemoryPolicy, Settings};
use crate::engine::{LinkId, LoadedPayload, Payload, SaveError, SavePurpose};
use crate::keyspace::{Keyspace, Snapshot, access};
use crate::persistence::rdb::{
    self, AccessInfo, Aux, FreshAccess, LoadError, LoadOptions, Loaded, Preamble, Reader, ReplicationInfo,
    WriterOptions,
};
use crate::replication::{Level, LinkEvent, Position};
use crate::script::Libraries;
use crate::session::Token;

/// Threads that walk and load do not compete with those that answer clients.
const NICE: i32 = 10;
/// Pieces of a payload that may wait for the peer's socket.
pub(super) const PAYLOAD_PARTS: usize = 16;
/// Bytes that may wait for the loader before the master has to.
const LOADER_BEHIND_BYTES: usize = 16 * 1024 * 1024;

/// Runs `job` on a thread of its own, at low priority.
pub(super) fn spawn(name: &str, job: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    let run = move || {
        let _guard = Essential;
        // SAFETY: plain system calls on the calling thread's own id.
        unsafe {
            libc::setpriority(libc::PRIO_PROCESS, libc::gettid() as libc::id_t, NICE);
        }
        job();
    };
    // Libraries of functions are tried out where they are loaded.
    let spawned = std::thread::Builder::new().name(name.to_owned()).stack_size(super::STACK_BYTES).spawn(run);
    spawned.expect("the system to give us a thread")
}

/// What a payload says of itself, from what the engine knows.
struct Head {
    redis_version: &'static str,
    created_s: i64,
    used_memory_bytes: u64,
    options: WriterOptions,
}

impl Head {
    fn of(shared: &Arc<Shared>) -> Head {
        let created_s = shared.clock.now().unix_s();
        let options = shared.turn(|engine, _| WriterOptions {
            compression: engine.config.rdbcompression,
            checksum: engine.config.rdbchecksum,
            access: written_access(engine.config.maxmemory_policy, engine.config.lfu_decay_time_min, created_s),
        });
        Head {
            redis_version: crate::config::REDIS_VERSION,
            created_s,
            used_memory_bytes: crate::alloc::used_bytes() as u64,
            options,
        }
    }

    fn write(
        &self,
        shared: &Arc<Shared>,
        snapshot: Snapshot,
        functions: &[Arc<[u8]>],
        position: Option<Position>,
        sink: impl Write,
        course: &Course,
    ) -> io::Result<u64> {
        let replication = position.as_ref().map(|position| ReplicationInfo {
            stream_db: position.db.map_or(-1, |db| db as i64),
            replid: position.replid.as_str(),
            offset: position.offset.0 as i64,
        });
        let preamble = Preamble {
            redis_version: self.redis_version,
            created_s: self.created_s,
            used_memory_bytes: self.used_memory_bytes,
            replication,
            is_aof_base: false,
        };
        let mut pace = Pace::of(shared, |settings| settings.rdb_key_save_delay_us, &course.cancelled);
        let mut step = || {
            course.written.fetch_add(1, Ordering::Relaxed);
            pace.step();
        };
        let functions: Vec<&[u8]> = functions.iter().map(|source| &**source).collect();
        rdb::write_paced(snapshot, &preamble, &functions, self.options, sink, &mut step)
    }
}

/// Access clocks are written where the policy in force has a use for them.
fn written_access(policy: MaxmemoryPolicy, decay_min: u32, unix_s: i64) -> AccessInfo {
    if policy.counts_uses() {
        AccessInfo::Lfu { clock_min: access::lfu_clock(unix_s), decay_min }
    } else if policy.counts_accesses() {
        AccessInfo::Lru { clock_s: access::lru_clock(unix_s) }
    } else {
        AccessInfo::Omit
    }
}

/// Writes a snapshot to a peer, piece by piece, as fast as its socket takes it.
pub fn send_payload(shared: &Arc<Shared>, peer: Token, payload: Payload) {
    let (parts, receiver) = mpsc::channel(PAYLOAD_PARTS);
    shared.payloads.lock().insert(peer, receiver);
    let job = {
        let shared = shared.clone();
        move || {
            // The peer's task finds its payload now.
            shared.turn(|engine, _| engine.sessions.get(peer).map(|session| session.wake()));
            let head = Head::of(&shared);
            let sink = PartSink { parts: &parts };
            let Payload { snapshot, functions, position } = payload;
            let written = head.write(&shared, snapshot, &functions, Some(position), sink, &Course::default());
            let last = match written {
                Ok(_) => PayloadPart::Ended,
                Err(error) => PayloadPart::Failed(error.to_string()),
            };
            // The peer may be gone: then nobody is to be told.
            let _ = parts.blocking_send(last);
        }
    };
    drop(spawn("rdb-to-replica", job));
}

struct PartSink<'a> {
    parts: &'a mpsc::Sender<PayloadPart>,
}

impl Write for PartSink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let chunk = PayloadPart::Chunk(Bytes::copy_from_slice(bytes));
        self.parts.blocking_send(chunk).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How writing goes on: others look at how far it is, and may call it off.
#[derive(Default)]
struct Course {
    written: Arc<AtomicU64>,
    cancelled: Arc<AtomicBool>,
}

/// The latest save; it can be called off.
pub struct SaveHandle {
    cancelled: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// Writes the RDB file, then tells the engine. All saves have the same temporary file: what is called off ends before
/// the next one begins.
pub fn save(
    shared: &Arc<Shared>,
    snapshot: Snapshot,
    functions: Vec<Arc<[u8]>>,
    position: Option<Position>,
    purpose: SavePurpose,
    written: Arc<AtomicU64>,
) {
    let course = Course { written, ..Course::default() };
    let cancelled = course.cancelled.clone();
    let mut latest = shared.save.lock();
    let previous = latest.take();
    let shared = shared.clone();
    let thread = spawn("rdb-save", move || {
        // How it ended, it has said itself.
        let _ = previous.map(|save| save.thread.join());
        let (dir, name, incremental, pid) = shared.turn(|engine, _| {
            let config = &engine.config;
            (config.dir.clone(), config.dbfilename.clone(), config.rdb_save_incremental_fsync, engine.server.pid)
        });
        let head = Head::of(&shared);
        let disk = RealDisk::new(dir);
        let result = rdb::save(&disk, &name, pid, incremental, |sink| {
            let sink = CancellableSink { sink, cancelled: &course.cancelled };
            head.write(&shared, snapshot, &functions, position, sink, &course)
        });
        let result = result.map(drop).map_err(|error| match course.cancelled.load(Ordering::Acquire) {
            true => SaveError::CalledOff,
            false => SaveError::Failed(error.to_string()),
        });
        let result = match purpose {
            SavePurpose::FullSync => result.and_then(|()| sync_file::offer_to_peers(&shared)),
            _ => result,
        };
        shared.turn(|engine, now| engine.saved(now, purpose, result));
        *shared.sync_file.lock() = None;
    });
    *latest = Some(SaveHandle { cancelled, thread });
}

pub fn cancel_save(shared: &Arc<Shared>) {
    if let Some(save) = &*shared.save.lock() {
        save.cancelled.store(true, Ordering::Release);
        save.thread.thread().unpark();
    }
}

struct CancellableSink<'a> {
    sink: &'a mut dyn Write,
    cancelled: &'a AtomicBool,
}

impl Write for CancellableSink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.cancelled.load(Ordering::Acquire) {
            return Err(io::Error::other("cancelled"));
        }
        self.sink.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// Builds a keyspace from the master's payload, beside the present one.
pub struct Loader {
    pieces: std_mpsc::Sender<Piece>,
    waiting_bytes: Arc<AtomicUsize>,
}

enum Piece {
    Bytes(Bytes),
    End,
}

impl Loader {
    pub fn start(shared: &Arc<Shared>, link: LinkId) -> Loader {
        let (pieces, receiver) = std_mpsc::channel();
        let waiting_bytes = Arc::new(AtomicUsize::new(0));
        let source = PieceReader { pieces: receiver, current: Bytes::new(), waiting_bytes: waiting_bytes.clone() };
        let shared = shared.clone();
        drop(spawn("rdb-from-master", move || load_payload(&shared, link, source)));
        Loader { pieces, waiting_bytes }
    }

    pub fn push(&self, bytes: Bytes) {
        self.waiting_bytes.fetch_add(bytes.len(), Ordering::AcqRel);
        // A loader that has given up has said why.
        let _ = self.pieces.send(Piece::Bytes(bytes));
    }

    pub fn finish(self) {
        let _ = self.pieces.send(Piece::End);
    }

    pub fn is_behind(&self) -> bool {
        self.waiting_bytes.load(Ordering::Acquire) > LOADER_BEHIND_BYTES
    }
}

struct PieceReader {
    pieces: std_mpsc::Receiver<Piece>,
    current: Bytes,
    waiting_bytes: Arc<AtomicUsize>,
}

impl Read for PieceReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.pieces.recv() {
                Ok(Piece::Bytes(bytes)) => self.current = bytes,
                Ok(Piece::End) => return Ok(0),
                Err(_) => return Err(io::ErrorKind::ConnectionAborted.into()),
            }
        }
        let count = out.len().min(self.current.len());
        out[..count].copy_from_slice(&self.current.split_to(count));
        self.waiting_bytes.fetch_sub(count, Ordering::AcqRel);
        Ok(count)
    }
}

impl Drop for PieceReader {
    fn drop(&mut self) {
        // Who gave up waits for nothing: the link must not be held back.
        self.waiting_bytes.store(0, Ordering::Release);
    }
}

fn load_payload(shared: &Arc<Shared>, link: LinkId, mut source: PieceReader) {
    let loaded = load(shared, &mut source, false);
    loaded.as_ref().err().into_iter().for_each(|error| log(Level::Warning, &format!("Internal error in RDB: {error}")));
    // The data may be whole before the payload is: they are nobody's until its end has come.
    let result = loaded.and_then(|loaded| {
        io::copy(&mut source, &mut io::sink()).map_err(|error| error.to_string())?;
        Ok(loaded)
    });
    match result {
        Ok(LoadedData { keyspace, libraries, loaded }) => {
            let stream_db = loaded.aux.repl_stream_db.and_then(|db| usize::try_from(db).ok());
            let loaded = LoadedPayload { keyspace, libraries, stream_db };
            shared.turn(|engine, now| engine.link_loaded(now, link, loaded));
        }
        Err(error) => {
            let event = LinkEvent::LoadFailed(error);
            shared.turn(|engine, now| engine.link_event(now, link, event));
        }
    }
}

/// What a payload holds, and what is to be known of it.
pub struct LoadedData {
    pub keyspace: Keyspace,
    pub libraries: Libraries,
    pub loaded: Loaded,
}

/// Decodes a payload into new data.
fn load(shared: &Arc<Shared>, source: impl Read + Send, drops_expired: bool) -> Result<LoadedData, String> {
    let (keyspace, loaded) = load_keys(shared, source, drops_expired).map_err(|error| error.to_string())?;
    let sources = loaded.functions.iter().map(Vec::as_slice);
    let libraries =
        Libraries::of_sources(sources, false).map_err(|error| format!("Failed creating function, {error}"))?;
    Ok(LoadedData { keyspace, libraries, loaded })
}

fn load_keys(
    shared: &Arc<Shared>,
    source: impl Read + Send,
    drops_expired: bool,
) -> Result<(Keyspace, Loaded), LoadError> {
    let (databases, hasher, checksum, policy, limits) = shared.turn(|engine, _| {
        let config = &engine.config;
        (
            engine.keyspace.databases(),
            engine.keyspace.hasher(),
            config.rdbchecksum && !engine.server.skips_checksums,
            config.maxmemory_policy,
            config.collections,
        )
    });
    let now = shared.clock.now();
    let mut keyspace = Keyspace::new(databases, hasher);
    let access = match policy.counts_uses() {
        true => FreshAccess::Lfu { clock_min: access::lfu_clock(now.unix_s()) },
        false => FreshAccess::Lru { clock_s: access::lru_clock(now.unix_s()) },
    };
    let options = LoadOptions { drops_expired, skips_module_aux: true, access, limits };
    let mut reader = Reader::new(source, checksum)?;
    let mut pace = Pace::of(shared, |settings| settings.key_load_delay_us, &NEVER);
    let mut is_described = false;
    let mut before_key = |aux: &Aux| {
        if !std::mem::replace(&mut is_described, true) {
            describe(aux, now.unix_s());
        }
        pace.step();
    };
    let loaded = rdb::load_ahead(&mut reader, &mut keyspace, now.unix_ms(), options, &mut before_key)?;
    if !is_described {
        describe(&loaded.aux, now.unix_s());
    }
    let (keys, expired) = (loaded.keys_loaded, loaded.keys_expired);
    let skipped = match loaded.empty_keys {
        0 => String::new(),
        count => format!(", empty keys skipped: {count}"),
    };
    log(Level::Notice, &format!("Done loading RDB, keys loaded: {keys}, keys expired: {expired}{skipped}."));
    Ok((keyspace, loaded))
}

/// What a payload says of itself before its first key.
fn describe(aux: &Aux, now_s: i64) {
    if let Some(version) = &aux.redis_version {
        log(Level::Notice, &format!("Loading RDB produced by version {version}"));
    }
    if let Some(created_s) = aux.created_s {
        log(Level::Notice, &format!("RDB age {} seconds", now_s.saturating_sub(created_s).max(0)));
    }
    if let Some(bytes) = aux.used_memory_bytes {
        log(Level::Notice, &format!("RDB memory usage when created {:.2} Mb", bytes as f64 / (1024.0 * 1024.0)));
    }
}

/// The RDB file, if there is one.
pub fn find_file(shared: &Arc<Shared>) -> Result<Option<File>, String> {
    let path = shared.turn(|engine, _| engine.config.dir.join(&engine.config.dbfilename));
    match File::open(&path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// Loads the RDB file beside the present data; `read` hears of each piece that is read of it.
pub fn load_file(shared: &Arc<Shared>, file: File, read: impl FnMut(u64) + Send) -> Result<LoadedData, String> {
    let is_replica = shared.turn(|engine, _| engine.node.is_replica() || engine.config.replicaof.is_some());
    let source = io::BufReader::with_capacity(1 << 20, Counted { file, read });
    load(shared, source, !is_replica)
}

struct Counted<F> {
    file: File,
    read: F,
}

impl<F: FnMut(u64)> Read for Counted<F> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(out)?;
        (self.read)(count as u64);
        Ok(count)
    }
}

/// DEBUG RELOAD: loads the file beside the present data.
pub fn reload(shared: &Arc<Shared>, client: Token) {
    let shared = shared.clone();
    spawn("rdb-load", move || {
        let file = find_file(&shared).and_then(|file| file.ok_or_else(|| "no RDB file".to_owned()));
        let loaded = file.and_then(|file| load_file(&shared, file, |_| ()));
        let data = loaded.map(|data| (data.keyspace, data.libraries));
        shared.turn(|engine, now| engine.reloaded(now, client, data));
    });
}

/// Loading is not called off.
static NEVER: AtomicBool = AtomicBool::new(false);

/// A pause at each key, for those who want to see what happens while data are saved or loaded.
struct Pace<'a> {
    shared: &'a Arc<Shared>,
    delay_us: fn(&Settings) -> i32,
    is_wanted: bool,
    cancelled: &'a AtomicBool,
    keys: i32,
}

impl Pace<'_> {
    /// Whoever wants no pause at the beginning is not asked again.
    fn of<'a>(shared: &'a Arc<Shared>, delay_us: fn(&Settings) -> i32, cancelled: &'a AtomicBool) -> Pace<'a> {
        let is_wanted = shared.turn(|engine, _| delay_us(&engine.config) != 0);
        Pace { shared, delay_us, is_wanted, cancelled, keys: 0 }
    }

    fn step(&mut self) {
        if !self.is_wanted || self.cancelled.load(Ordering::Acquire) {
            return;
        }
        self.keys = self.keys.wrapping_add(1);
        let delay_us = self.shared.turn(|engine, _| (self.delay_us)(&engine.config));
        match u64::try_from(delay_us) {
            // Who calls it off wakes the thread.
            Ok(delay_us) => std::thread::park_timeout(Duration::from_micros(delay_us)),
            // A negative one stands for the shortest pause at every so many keys.
            Err(_) if self.keys % delay_us == 0 => std::thread::sleep(Duration::from_micros(1)),
            Err(_) => {}
        }
    }
}
