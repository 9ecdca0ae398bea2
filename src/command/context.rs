//! What a handler is given and what it may return.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use rand::rngs::SmallRng;

use crate::acl::{Acl, Rights};
use crate::alloc::AllocatorStats;
use crate::config::{Changed, Config};
use crate::keyspace::{Key, KeyHasher};
use crate::log::Offset;
use crate::metrics::Metrics;
use crate::pubsub::PubSub;
use crate::replication::{FailoverRequest, Node, PsyncRequest};
use crate::resp::{self, Reply};
use crate::script::{Kind, ScriptFlags, Scripts};
use crate::session::{Session, Sessions, Token};
use crate::time::{Millis, Now};

use super::{BlockOn, CommandError, CommandId, CommandTable, Database, Holds, Migration, Stats, Wish};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Client,
    /// The master's stream: no ACL, no reply, no refusal.
    Master,
    /// The server itself.
    Internal,
}

/// The arguments of a request, with the first key's hash computed ahead, outside the lock.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    pub words: resp::Args<'a>,
    hasher: KeyHasher,
    first_key: (usize, u64),
}

impl<'a> Args<'a> {
    pub fn new(words: resp::Args<'a>, hasher: KeyHasher) -> Args<'a> {
        Args { words, hasher, first_key: (usize::MAX, 0) }
    }

    pub fn hashed(words: resp::Args<'a>, hasher: KeyHasher, first_key: (usize, u64)) -> Args<'a> {
        Args { words, hasher, first_key }
    }

    /// Number of words, the command's name included.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.words.len()
    }

    pub fn at(&self, index: usize) -> &'a [u8] {
        self.words.at(index)
    }

    /// Word `index` as a key.
    pub fn key(&self, index: usize) -> Key<'a> {
        let bytes = self.words.at(index);
        if index == self.first_key.0 { Key { bytes, hash: self.first_key.1 } } else { self.hasher.key(bytes) }
    }

    /// Any bytes as a key.
    pub fn key_of<'k>(&self, bytes: &'k [u8]) -> Key<'k> {
        self.hasher.key(bytes)
    }

    /// Words from `first` on.
    pub fn rest(
        &self,
        first: usize,
    ) -> impl DoubleEndedIterator<Item = &'a [u8]> + ExactSizeIterator + Clone + use<'a> {
        self.words.iter().skip(first)
    }

    /// Whether word `index` exists and is `word`, whatever the case.
    pub fn is(&self, index: usize, word: &str) -> bool {
        index < self.len() && self.at(index).eq_ignore_ascii_case(word.as_bytes())
    }

    /// Word `index` as an i64, or Redis's error.
    pub fn int(&self, index: usize) -> Result<i64, CommandError> {
        resp::parse_i64(self.at(index)).ok_or(CommandError::NOT_AN_INTEGER)
    }

    /// The whole request as slices.
    pub fn to_vec(&self) -> Vec<&'a [u8]> {
        self.words.iter().collect()
    }
}

/// What a request may see and change.
pub struct Context<'a> {
    pub now: Now,
    pub origin: Origin,
    /// The client that asks; for the master's stream, the link's session.
    pub client: Token,
    pub reply: Reply,
    pub db: Database<'a>,
    pub sessions: &'a mut Sessions,
    pub config: &'a mut Config,
    pub node: &'a mut Node,
    pub server: &'a mut ServerFacts,
    pub scripts: &'a mut Scripts,
    pub metrics: &'a mut Metrics,
    pub pubsub: &'a mut PubSub,
    pub acl: &'a mut Acl,
    pub table: &'a CommandTable,
    pub rng: &'a mut SmallRng,
    /// The row that is being executed.
    pub command: CommandId,
    /// The request runs inside EXEC (or a script): nothing may block.
    pub in_unit: bool,
}

impl Context<'_> {
    /// The session of the client that asks.
    pub fn session(&mut self) -> &mut Session {
        &mut self.sessions[self.client]
    }

    /// Where a reply ends the connection: what is longer need not be made, since nobody will see it.
    pub fn reply_limit_bytes(&self) -> usize {
        let class = self.sessions[self.client].class();
        match self.sessions.output_limits[class as usize].hard_bytes {
            0 => usize::MAX,
            bytes => usize::try_from(bytes).unwrap_or(usize::MAX),
        }
    }

    /// Whether the request may read whatever key, beyond those that it names: patterns in it find them.
    pub fn may_read_all_keys(&self, args: &Args<'_>) -> bool {
        let user = &self.sessions[self.client].user;
        let request = Wish::new(self.table, self.command, args);
        self.origin != Origin::Client
            || !user.is_restricted
            || self.acl.permits_on_all_keys(user.id, &request, Rights::READ)
    }

    pub fn stats(&mut self) -> &mut Stats {
        self.db.stats
    }

    /// Full name of the command that is being executed, as errors quote it.
    pub fn command_name(&self) -> &'static str {
        self.table.entry(self.command).full_name
    }
}

/// Facts about this process that only the shell knows, and states that several commands share.
#[derive(Clone, Debug, Default)]
pub struct ServerFacts {
    /// 40 hex digits, new with each start.
    pub run_id: String,
    pub pid: u32,
    /// System, release and machine, as uname says.
    pub os: String,
    pub executable: String,
    pub config_file: String,
    /// Name of the init system that supervises us.
    pub supervised: &'static str,
    pub tcp_port: u16,
    pub started_at: Millis,
    pub started_unix_s: i64,
    /// The data set is being loaded from a file.
    pub loading: Option<Loading>,
    /// Until when the end waits for lagging replicas.
    pub shutdown_at: Option<Millis>,
    /// CLIENT PAUSE.
    pub pause: Option<Pause>,
    pub save: SaveState,
    /// DEBUG SET-ACTIVE-EXPIRE 0.
    pub active_expire_off: bool,
    /// DEBUG PAUSE-CRON 1.
    pub cron_paused: bool,
    /// Samples that the shell refreshes at each tick: resident set, CPU times.
    pub usage: ProcessUsage,
    /// Connections that MIGRATE keeps.
    pub migration_targets: u64,
    pub peak_memory_bytes: u64,
    /// The allocator's own figures, and when they were taken: they take locks, so once a tick is enough.
    pub allocator: Option<(Millis, AllocatorStats)>,
    pub startup_memory_bytes: u64,
    pub ops_per_second: u64,
    pub input_kbps: f64,
    pub output_kbps: f64,
    pub input_repl_kbps: f64,
    pub output_repl_kbps: f64,
    /// Of the keys with a time to live, how many lie there although it is over: a running average.
    pub expired_stale_share: f64,
    /// Since when memory is above its limit.
    pub over_maxmemory_since: Option<Millis>,
    /// Keys that clients wait for.
    pub blocking_keys: usize,
    /// DEBUG SET-DISABLE-DENY-SCRIPTS.
    pub scripts_may_all: bool,
    /// DEBUG HOLDS.
    pub holds: Option<Box<Holds>>,
}

/// CLIENT PAUSE: until when, and whether reads wait too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    pub until: Millis,
    pub all: bool,
}

/// Progress of loading a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Loading {
    pub started_unix_s: i64,
    pub total_bytes: u64,
    pub loaded_bytes: u64,
    /// The old data are shown meanwhile.
    pub is_async: bool,
}

/// Where saving the RDB stands.
#[derive(Clone, Debug)]
pub struct SaveState {
    /// `changes` of the keyspace at the last successful save are subtracted from this.
    pub changes_since_save: u64,
    pub changes_before_running: u64,
    pub last_save_unix_s: i64,
    pub last_status_ok: bool,
    /// Since when a background save runs.
    pub running_since: Option<Millis>,
    pub progress: SaveProgress,
    pub last_duration_s: i64,
    pub saves: u64,
    pub last_try_unix_s: i64,
    pub last_load_keys_loaded: u64,
    pub last_load_keys_expired: u64,
}

impl Default for SaveState {
    fn default() -> SaveState {
        SaveState {
            changes_since_save: 0,
            changes_before_running: 0,
            last_save_unix_s: 0,
            last_status_ok: true,
            running_since: None,
            progress: SaveProgress::default(),
            last_duration_s: -1,
            saves: 0,
            last_try_unix_s: 0,
            last_load_keys_loaded: 0,
            last_load_keys_expired: 0,
        }
    }
}

/// How far a save has come. Whoever writes the file counts.
#[derive(Clone, Debug, Default)]
pub struct SaveProgress {
    pub keys: u64,
    pub written: Arc<AtomicU64>,
}

/// What the operating system says of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessUsage {
    pub rss_bytes: u64,
    pub total_system_memory_bytes: u64,
    pub cpu_user: Duration,
    pub cpu_sys: Duration,
}

/// How SHUTDOWN was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShutdownOptions {
    /// `Some(true)` SAVE, `Some(false)` NOSAVE, else save if there are save points.
    pub save: Option<bool>,
    pub now: bool,
    pub force: bool,
    pub abort: bool,
}

/// Code that is ready to run.
#[derive(Clone, Debug, PartialEq)]
pub struct ScriptRun {
    pub kind: Kind,
    /// SHA-1 of the script, or name of the function.
    pub name: String,
    /// As its interpreter keeps it.
    pub function: i32,
    /// What the code says that it does; `None`: nothing, older rules apply.
    pub flags: Option<ScriptFlags>,
    /// The command promises that nothing is written.
    pub reads_only: bool,
    /// So many of the words behind the third are keys.
    pub keys: usize,
}

/// What the engine is to do after a handler, beyond sending the reply that it wrote.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Nothing.
    Done,
    /// How the rest is read or answered has changed (AUTH, HELLO, RESET).
    EndBatch,
    /// Close the connection after its output.
    Close,
    /// Run the client's queue as one unit, and answer.
    Exec,
    /// Run code inside, and answer what it does.
    RunScript(ScriptRun),
    /// The client watches a key now.
    WatchAdded,
    /// The client watches nothing any more.
    Unwatch,
    /// WAIT: answer once so many replicas have acknowledged all that is written so far, or at the deadline.
    Wait {
        replicas: usize,
        deadline: Option<Millis>,
    },
    /// Databases have changed places or are empty: keys that clients wait for may be there now, or gone.
    Swapped,
    /// Nothing is there: the client waits until something comes.
    Block(Box<BlockOn>),
    /// The client wants to follow us.
    Psync {
        request: PsyncRequest,
        /// It is our master, and wants us to take its place.
        takes_over: bool,
    },
    /// The client wants to follow us and knows no positions.
    Sync,
    /// A peer has applied the stream up to here.
    PeerAcked(Offset),
    /// The master wants to know how far we are.
    AckWanted,
    /// Change places with a replica.
    Failover(FailoverRequest),
    AbortFailover,
    /// Send keys to another server; the answer comes when they are there.
    Migrate(Box<Migration>),
    /// Follow this server, or nobody.
    ReplicaOf(Option<(String, u16)>),
    /// Directives were set: they take effect, or all of them are taken back; then the request is answered.
    ConfigChanged(Vec<Changed>),
    /// Rewrite the configuration file; the engine's shell answers.
    ConfigRewrite {
        /// Also what is at its default and has no line (DEBUG CONFIG-REWRITE-FORCE-ALL).
        all: bool,
    },
    /// Write the RDB file; the answer comes when it is there.
    Save,
    /// FLUSHALL where save points are set: write the RDB file, lest it bring back what is gone; then answer.
    SaveFlushed,
    /// Start writing the RDB file in the background; answered already.
    BackgroundSave,
    /// Call the save in the background off; answered already.
    CallSaveOff,
    /// DEBUG RELOAD: write the RDB file, if asked to, and load it; the answer comes afterwards.
    Reload {
        save: bool,
    },
    /// Take the users of the ACL file in, then answer.
    AclLoad,
    /// Write the users to the ACL file, then answer.
    AclSave,
    /// Answer so many random hexadecimal digits that nobody can guess.
    Password {
        digits: usize,
    },
    Shutdown(ShutdownOptions),
    /// The whole server stands still (DEBUG SLEEP).
    Sleep(Duration),
    /// The process dies of a fault of memory (DEBUG SEGFAULT).
    Crash,
    /// CLIENT PAUSE began, changed or ended.
    PauseChanged,
    /// DEBUG CHANGE-REPL-ID.
    ChangeReplid,
    /// CLIENT KILL of the link to our master.
    CutMasterLink,
    /// A warning in the server's log, and an error if it was about one.
    Log {
        line: String,
        error: Option<&'static str>,
    },
    /// CLIENT UNBLOCK: answers whether the client waited for something that can be given up.
    Unblock {
        client: Token,
        with_error: bool,
    },
}
