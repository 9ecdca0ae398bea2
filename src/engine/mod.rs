//! The core: requests, bytes, time and a seed come in; replies and actions go out. One lock holds it.
//!
//! It has no socket, no clock, no file and no global state: the shell (`server/`) and the simulator drive the same
//! code. A *unit* (a request, an EXEC, an expiry, a command of the master's stream) runs without interruption and
//! ends in `close_unit`, the one place that propagates, marks watched keys and moves the offset.

mod access;
mod account;
mod action;
mod busy;
mod client_memory;
mod clients;
mod cron;
mod ending;
mod evict;
mod execute;
mod failover;
mod feed;
mod follow;
mod full_sync;
mod gate;
mod held;
mod input;
mod invalidate;
mod migrate;
mod monitor;
mod outcome;
mod persist;
mod publish;
mod script;
mod testify;
mod transaction;
mod unit;
mod waiting;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use sha1::{Digest, Sha1};

use crate::acl::Acl;
use crate::command::{CommandTable, Effects, Expiry, ServerFacts, Stats, acl_commands};
use crate::config::{Config, ConfigError};
use crate::keyspace::{KeyHasher, Keyspace};
use crate::log::Offset;
use crate::metrics::{CommandsStats, Metrics};
use crate::pubsub::PubSub;
use crate::replication::{Level, Node, ReplId};
use crate::resp::Limits;
use crate::script::Scripts;
use crate::session::{Sessions, Token};
use crate::time::Now;

pub use action::{Action, LinkId, Payload, SaveError, SavePurpose};
pub use clients::Refused;
pub use execute::Turn;
pub use follow::LoadedPayload;
pub use gate::{Conditions, Verdict};
pub use input::Input;
pub use migrate::Migrated;
pub use testify::Testimony;

use held::HeldList;
use waiting::Waiting;

/// What the engine needs of the shell while it holds the lock. By default nothing happens, as in the simulator.
pub struct Hooks {
    /// The whole server stands still (DEBUG SLEEP).
    pub sleep: Sleep,
    /// The process is to die of a fault of memory (DEBUG SEGFAULT).
    pub crash: fn(),
    /// Code inside runs for long: others are to have the engine for a moment. The lock is released and taken again.
    pub let_others_in: Arc<dyn Fn(&mut Engine) + Send + Sync>,
    /// Nanoseconds of a clock that only goes forward: how long requests take, and how long one may evict.
    pub clock_ns: fn() -> u64,
    /// Directives of the shell were set: take them into effect or say why not, as CONFIG SET's error after `ERR `.
    pub reconfigure: Reconfigure,
    /// CONFIG REWRITE: bring the file up to date, with all directives if asked to; the error is the reply's text after
    /// `ERR `.
    pub rewrite_config: fn(&Config, all: bool) -> Result<(), String>,
    /// The text of the ACL file, or the system's reason why it cannot be had.
    pub read_acl_file: fn(&Path) -> Result<Vec<u8>, String>,
    /// Replaces the ACL file by this text.
    pub write_acl_file: fn(&Path, &[u8]) -> Result<(), String>,
    /// Makes bytes that nobody can guess out of those that a seed gave.
    pub make_secret: fn(&mut [u8]),
}

/// What was wished before and shows at once, connections that end, is carried out first.
type Sleep = Box<dyn FnMut(Duration, &[Action]) + Send>;
type Reconfigure = Box<dyn FnMut(&mut Config, &[&'static str]) -> Result<(), ConfigError> + Send>;

impl Default for Hooks {
    fn default() -> Hooks {
        Hooks {
            sleep: Box::new(|_, _| {}),
            crash: || {},
            let_others_in: Arc::new(|_| {}),
            clock_ns: || 0,
            reconfigure: Box::new(|_, _| Ok(())),
            rewrite_config: |_, _| Ok(()),
            read_acl_file: |_| Ok(Vec::new()),
            write_acl_file: |_, _| Ok(()),
            make_secret: |_| {},
        }
    }
}

/// A whole server without its sockets.
pub struct Engine {
    pub config: Config,
    pub keyspace: Keyspace,
    pub sessions: Sessions,
    pub node: Node,
    pub stats: Stats,
    pub metrics: Metrics,
    pub server: ServerFacts,
    table: Arc<CommandTable>,
    effects: Effects,
    rng: SmallRng,
    held: HeldList,
    waiting: Waiting,
    /// How long the server stood still in this turn (DEBUG SLEEP).
    slept: Duration,
    pubsub: PubSub,
    /// Users and what they may do.
    pub acl: Acl,
    follower: follow::Follower,
    migrating: Option<migrate::Migrating>,
    file_sync: Option<full_sync::FileSync>,
    cron: cron::Cron,
    /// Scripts and functions, and what runs inside.
    pub scripts: Scripts,
    /// What came while code ran inside.
    deferred: Vec<busy::Deferred>,
    /// Conditions of the server as a whole, for the gate.
    conditions: Conditions,
    /// What becomes of an expired key that a request meets: while writers wait, and on a replica, it stays.
    expiry: Expiry,
    /// The log grew in this turn: peers are woken at its end.
    log_grew: bool,
    /// Where the log stood when the peers' output limits were last looked at.
    limits_checked_at: Offset,
    eviction: evict::Eviction,
    ending: ending::Ending,
    pub hooks: Hooks,
    /// A turn has closed clients: they are gone before whoever closed them has its reply.
    pub has_closed: bool,
    /// The client whose request ran last.
    caller: Option<Token>,
    /// When the clock was last read: the end of one request is the beginning of the next.
    clock_read_ns: u64,
    actions: Vec<Action>,
}

impl Engine {
    /// A server with an empty keyspace and a history of its own. The same seed and the same events give the same run.
    pub fn new(config: Config, seed: u64, now: Now) -> Engine {
        let mut rng = SmallRng::seed_from_u64(seed);
        let drawn = (rng.next_u64(), rng.next_u64());
        let hasher = KeyHasher::new(config.hash_seed.as_deref().map_or(drawn, hash_keys));
        let keyspace = Keyspace::new(config.databases, hasher);
        let node = Node::new(ReplId::random(&mut rng), config.repl_backlog_size);
        let server = facts(now, &ReplId::random(&mut rng));
        let (table, acl) = commands_and_users(&config);
        let mut engine = Engine {
            keyspace,
            sessions: Sessions::default(),
            node,
            stats: Stats::default(),
            metrics: Metrics { commands: CommandsStats::with_rows(table.len()), ..Metrics::default() },
            clock_read_ns: 0,
            server,
            table: Arc::new(table),
            effects: Effects::default(),
            rng,
            held: HeldList::default(),
            waiting: Waiting::default(),
            slept: Duration::ZERO,
            pubsub: PubSub::default(),
            acl,
            follower: follow::Follower::default(),
            migrating: None,
            file_sync: None,
            cron: cron::Cron::new(now),
            scripts: Scripts::default(),
            deferred: Vec::new(),
            conditions: Conditions::NONE,
            expiry: Expiry::Delete,
            log_grew: false,
            limits_checked_at: Offset::ZERO,
            eviction: evict::Eviction::default(),
            ending: ending::Ending::No,
            has_closed: false,
            hooks: Hooks::default(),
            caller: None,
            actions: Vec::new(),
            config,
        };
        engine.configure();
        engine.refresh_conditions(now);
        engine
    }

    /// After the data set is restored: follows the configured master.
    pub fn begin(&mut self, now: Now) {
        if let Some(master) = self.config.replicaof.clone() {
            self.follow(now, master.host, master.port);
        }
    }

    /// Takes directives into effect that others keep a copy of.
    fn configure(&mut self) {
        self.metrics.configure(&self.config);
        self.effects.event_classes = self.config.notify_keyspace_events;
        self.sessions.output_limits = self.config.client_output_buffer_limits;
        self.acl.log.max_len = self.config.acllog_max_len;
        self.acl.grants_channels = self.config.acl_grants_channels;
    }

    pub fn table(&self) -> &Arc<CommandTable> {
        &self.table
    }

    /// An empty input for a new connection.
    pub fn input(&self) -> Input {
        Input::new(self.table.clone(), self.keyspace.hasher(), self.limits())
    }

    /// What a connection may send now.
    fn limits(&self) -> Limits {
        Limits {
            bulk_max_bytes: self.config.proto_max_bulk_len as i64,
            authenticated: !self.acl.wants_login(),
            is_from_master: false,
        }
    }

    /// What is to be done outside, in order. To be taken after every call.
    pub fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    fn log(&mut self, level: Level, line: impl Into<String>) {
        self.actions.push(Action::Log(level, line.into()));
    }

    fn notice(&mut self, line: impl Into<String>) {
        self.log(Level::Notice, line);
    }

    fn warning(&mut self, line: impl Into<String>) {
        self.log(Level::Warning, line);
    }

    /// What is the matter with the server as a whole; asked again after whatever may change it.
    fn refresh_conditions(&mut self, now: Now) {
        let settings = &*self.config;
        let is_replica = self.node.is_replica();
        let stale = is_replica && !self.node.is_link_up() && !settings.replica_serve_stale_data;
        let disk_error = settings.stop_writes_on_bgsave_error
            && !self.server.save.last_status_ok
            && !settings.save_points.is_empty()
            && !is_replica;
        let few_replicas = !is_replica
            && settings.min_replicas_to_write > 0
            && settings.min_replicas_max_lag_s > 0
            && self.node.good_replicas(now.mono, settings.min_replicas_max_lag_s.into())
                < settings.min_replicas_to_write as usize;
        self.expiry = if is_replica || self.holds_writers() { Expiry::Hide } else { Expiry::Delete };
        self.conditions = Conditions::NONE
            .when(settings.maxmemory > 0 && !(is_replica && settings.replica_ignore_maxmemory), Conditions::MAXMEMORY)
            .when(disk_error, Conditions::DISK_ERROR)
            .when(few_replicas, Conditions::FEW_REPLICAS)
            .when(is_replica && settings.replica_read_only, Conditions::READ_ONLY)
            .when(stale, Conditions::STALE)
            .when(self.server.loading.is_some_and(|loading| !loading.is_async), Conditions::LOADING)
            .when(self.server.loading.is_some_and(|loading| loading.is_async), Conditions::ASYNC_LOADING)
            .when(self.is_busy(), Conditions::BUSY)
            .when(self.holds_writers(), Conditions::PAUSED);
        self.eviction.look_anew();
    }
}

/// The commands under the names of the configuration (that they can be had is checked when it is loaded), and the
/// default user.
fn commands_and_users(config: &Config) -> (CommandTable, Acl) {
    let names = config.renamed_commands.iter().map(|(from, to)| (from.as_slice(), to.as_slice()));
    let table = CommandTable::renamed(names).unwrap_or_default();
    let mut acl = Acl::new(acl_commands(&table));
    acl.set_default_password(config.requirepass.as_deref());
    (table, acl)
}

/// What is known of the process before its shell says more.
fn facts(now: Now, run_id: &ReplId) -> ServerFacts {
    let mut facts = ServerFacts {
        supervised: "no",
        started_at: now.mono,
        started_unix_s: now.unix_s(),
        run_id: run_id.to_string(),
        ..ServerFacts::default()
    };
    facts.save.last_save_unix_s = now.unix_s();
    facts
}

/// The keys of the hash function that follow from a text: equal for servers that are told the same.
fn hash_keys(seed: &[u8]) -> (u64, u64) {
    let digest = Sha1::digest(seed);
    let part = |from: usize| digest[from..from + 8].iter().fold(0, |key, byte| key << 8 | u64::from(*byte));
    (part(0), part(8))
}
