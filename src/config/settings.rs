//! The directives that take effect, as plain typed fields: what the hot path reads.
//!
//! Filled from the table alone (each row says which field it stores into), so a field and what CONFIG GET answers
//! cannot drift apart. Units are in the names; zero means "no limit" or "off" wherever Redis means it so.

use std::path::PathBuf;

use super::events::EventClasses;

/// An enum whose variants have a name in the configuration; the order of the names is the order of error texts.
macro_rules! named {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub enum $type { $($(#[$variant_doc])* $variant),+ }

        impl $type {
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            pub fn name(self) -> &'static str {
                match self { $($type::$variant => $name),+ }
            }

            /// The variant called so; the default where none is, which a parsed value never is.
            pub(super) fn named(name: &str) -> $type {
                match name { $($name => $type::$variant,)+ _ => $type::default() }
            }
        }
    };
}

named! {
    /// What goes when memory is full.
    MaxmemoryPolicy {
        VolatileLru = "volatile-lru",
        VolatileLfu = "volatile-lfu",
        VolatileRandom = "volatile-random",
        VolatileTtl = "volatile-ttl",
        AllkeysLru = "allkeys-lru",
        AllkeysLfu = "allkeys-lfu",
        AllkeysRandom = "allkeys-random",
        #[default]
        Noeviction = "noeviction",
    }
}

named! {
    /// The least level that is logged.
    LogLevel {
        Debug = "debug",
        Verbose = "verbose",
        #[default]
        Notice = "notice",
        Warning = "warning",
        Nothing = "nothing",
    }
}

named! {
    /// Who may use a protected command or directive; `Local` is a client of this machine.
    Protected { #[default] No = "no", Yes = "yes", Local = "local" }
}

named! {
    SyslogFacility {
        User = "user",
        #[default]
        Local0 = "local0",
        Local1 = "local1",
        Local2 = "local2",
        Local3 = "local3",
        Local4 = "local4",
        Local5 = "local5",
        Local6 = "local6",
        Local7 = "local7",
    }
}

named! {
    /// Which init system is told about start and end.
    Supervision { Upstart = "upstart", Systemd = "systemd", Auto = "auto", #[default] No = "no" }
}

named! {
    /// How the kernel's out-of-memory score is adjusted; `yes` adds to what the process was started with.
    OomScoreAdj { #[default] No = "no", Relative = "yes", Absolute = "absolute" }
}

named! {
    /// What becomes of a replica that cannot follow a command of its master; both panics are the same without AOF.
    PropagationErrors { #[default] Ignore = "ignore", Panic = "panic", PanicOnReplicas = "panic-on-replicas" }
}

named! {
    /// What a replica's clients find while its data set arrives: where it is loaded beside the old one, the old one.
    DisklessLoad {
        #[default]
        Disabled = "disabled",
        OnEmptyDb = "on-empty-db",
        SwapDb = "swapdb",
        FlushBeforeLoad = "flush-before-load",
    }
}

named! {
    LogFormat { #[default] Legacy = "legacy", Logfmt = "logfmt" }
}

named! {
    LogTimestamp { #[default] Legacy = "legacy", Iso8601 = "iso8601", Milliseconds = "milliseconds" }
}

/// Up to where collections keep their compact form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CollectionLimits {
    /// Elements of a list, or a class of bytes, from -1 to -5.
    pub list_size: i32,
    pub hash_entries: usize,
    /// Of a field or a value.
    pub hash_value_bytes: usize,
    /// Members of a set of integers.
    pub set_integers: usize,
    pub set_entries: usize,
    pub set_value_bytes: usize,
    pub sorted_set_entries: usize,
    /// Of a member.
    pub sorted_set_value_bytes: usize,
    /// Of a stream's chunk; 0 is no limit.
    pub stream_chunk_entries: usize,
    pub stream_chunk_bytes: usize,
}

impl Default for CollectionLimits {
    fn default() -> CollectionLimits {
        CollectionLimits::DEFAULT
    }
}

impl CollectionLimits {
    /// As without a configuration.
    pub const DEFAULT: CollectionLimits = CollectionLimits {
        list_size: -2,
        hash_entries: 512,
        hash_value_bytes: 64,
        set_integers: 512,
        set_entries: 128,
        set_value_bytes: 64,
        sorted_set_entries: 128,
        sorted_set_value_bytes: 64,
        stream_chunk_entries: 100,
        stream_chunk_bytes: 4096,
    };

    /// Whatever the number of elements may be.
    const LIST_BYTES_MAX: usize = 8192;

    pub fn list_stays_packed(&self, elements: usize, bytes: usize) -> bool {
        match usize::try_from(self.list_size) {
            Ok(most) => elements <= most.max(1) && bytes <= CollectionLimits::LIST_BYTES_MAX,
            Err(_) => bytes <= 4096 << (self.list_size.max(-5).unsigned_abs() - 1),
        }
    }
}

/// Save when `changes` happened within `seconds`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SavePoint {
    pub seconds: u64,
    pub changes: u64,
}

/// Which of the three output buffer limits holds for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientClass {
    Normal = 0,
    Replica = 1,
    Pubsub = 2,
}

/// Close the client at once above `hard_bytes`, or after `soft_seconds` without a break above `soft_bytes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BufferLimit {
    pub hard_bytes: u64,
    pub soft_bytes: u64,
    pub soft_seconds: u64,
}

/// A limit on memory, as such or as a share of maxmemory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryShare {
    Bytes(u64),
    Percent(u32),
}

/// Where our master listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterAddress {
    pub host: String,
    pub port: u16,
}

/// How a signal shuts down; nothing set means: save if save points are configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ShutdownOptions {
    pub save: bool,
    pub nosave: bool,
    /// Do not wait for replicas that lag.
    pub now: bool,
    /// Go down even if saving fails.
    pub force: bool,
}

/// Typed values of all directives in effect.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    // Network
    pub bind: Vec<String>,
    pub bind_source_addr: Option<String>,
    pub port: u16,
    pub protected_mode: bool,
    pub tcp_backlog: u32,
    pub tcp_keepalive_s: u32,
    pub timeout_s: u32,
    pub unixsocket: Option<PathBuf>,
    /// Mode bits; zero leaves them to the umask.
    pub unixsocketperm: u32,
    pub unixsocketgroup: Option<String>,
    /// Zero sets none.
    pub socket_mark_id: u32,
    pub max_new_connections_per_cycle: u32,
    pub mptcp: bool,
    pub repl_mptcp: bool,
    pub io_threads: usize,

    // Clients
    pub maxclients: usize,
    /// By [`ClientClass`]; [`Settings::output_limit`] picks.
    pub client_output_buffer_limits: [BufferLimit; 3],
    pub client_query_buffer_limit: usize,
    pub proto_max_bulk_len: usize,
    /// 0: no limit.
    pub tracking_table_max_keys: usize,
    pub requirepass: Option<Vec<u8>>,
    pub aclfile: Option<PathBuf>,
    pub acllog_max_len: usize,
    /// New users may use all channels.
    pub acl_grants_channels: bool,
    pub enable_debug_command: Protected,
    pub availability_zone: Option<String>,
    pub enable_module_command: Protected,
    pub enable_protected_configs: Protected,

    // Memory and expiry
    pub databases: usize,
    pub maxmemory: u64,
    pub maxmemory_policy: MaxmemoryPolicy,
    /// 0 gives up soon, 100 evicts until the limit is met, whatever the delay.
    pub maxmemory_eviction_tenacity: u32,
    pub maxmemory_samples: usize,
    pub collections: CollectionLimits,
    pub maxmemory_clients: MemoryShare,
    pub lfu_log_factor: u32,
    /// 0 for never.
    pub lfu_decay_time_min: u32,
    pub lazyfree_lazy_eviction: bool,
    pub lazyfree_lazy_expire: bool,
    pub lazyfree_lazy_user_del: bool,
    pub active_expire_effort: u32,

    // Values
    pub hll_sparse_max_bytes: usize,

    // Snapshots on disk
    pub save_points: Vec<SavePoint>,
    pub dir: PathBuf,
    pub dbfilename: PathBuf,
    pub rdbcompression: bool,
    pub rdbchecksum: bool,
    pub rdb_save_incremental_fsync: bool,
    pub rdb_del_sync_files: bool,
    pub stop_writes_on_bgsave_error: bool,

    // Replication
    pub replicaof: Option<MasterAddress>,
    pub masteruser: Option<Vec<u8>>,
    pub masterauth: Option<Vec<u8>>,
    pub replica_serve_stale_data: bool,
    pub replica_read_only: bool,
    pub replica_ignore_maxmemory: bool,
    pub replica_priority: u32,
    pub replica_announced: bool,
    pub replica_announce_ip: Option<String>,
    pub replica_announce_port: u16,
    pub repl_timeout_s: u32,
    pub repl_ping_replica_period_s: u32,
    pub repl_backlog_size: u64,
    pub repl_backlog_ttl_s: u64,
    pub repl_disable_tcp_nodelay: bool,
    pub repl_diskless_sync: bool,
    pub repl_diskless_load: DisklessLoad,
    pub repl_diskless_sync_delay_s: u32,
    pub repl_diskless_sync_max_replicas: u32,
    pub repl_max_full_syncs: u32,
    pub min_replicas_to_write: u32,
    pub min_replicas_max_lag_s: u32,
    pub propagation_errors: PropagationErrors,

    // Process
    pub daemonize: bool,
    pub pidfile: Option<PathBuf>,
    pub supervised: Supervision,
    pub set_proc_title: bool,
    pub proc_title_template: String,
    pub oom_score_adj: OomScoreAdj,
    /// Of a master, of a replica, of a background child.
    pub oom_scores: [i32; 3],
    /// Pauses at each key that is saved or loaded; a negative one is the shortest, at every so many keys.
    pub rdb_key_save_delay_us: i32,
    pub key_load_delay_us: i32,
    pub crash_log_enabled: bool,
    pub use_exit_on_panic: bool,
    pub always_show_logo: bool,
    pub hash_seed: Option<Vec<u8>>,
    pub hz: u32,
    pub busy_reply_threshold_ms: u64,
    pub shutdown_timeout_s: u32,
    pub shutdown_on_sigint: ShutdownOptions,
    pub shutdown_on_sigterm: ShutdownOptions,

    // Log lines
    pub loglevel: LogLevel,
    pub logfile: Option<PathBuf>,
    pub log_format: LogFormat,
    pub log_timestamp: LogTimestamp,
    pub hide_user_data_from_log: bool,
    pub syslog_enabled: bool,
    pub syslog_ident: String,
    pub syslog_facility: SyslogFacility,

    // What is noted of requests
    /// Negative: none.
    pub slowlog_log_slower_than_us: i64,
    pub slowlog_max_len: usize,
    pub commandlog_request_larger_than: i64,
    pub commandlog_large_request_max_len: usize,
    pub commandlog_reply_larger_than: i64,
    pub commandlog_large_reply_max_len: usize,
    /// 0: none.
    pub latency_monitor_threshold_ms: u64,
    pub latency_tracking: bool,
    pub latency_tracking_info_percentiles: Vec<f64>,
    pub notify_keyspace_events: EventClasses,
}

impl MaxmemoryPolicy {
    /// Whether victims are chosen by when or how often they were used.
    pub fn counts_accesses(self) -> bool {
        use MaxmemoryPolicy::*;
        matches!(self, VolatileLru | VolatileLfu | AllkeysLru | AllkeysLfu)
    }

    /// Whether keys count their uses, in place of noting the last one.
    #[inline]
    pub fn counts_uses(self) -> bool {
        matches!(self, MaxmemoryPolicy::VolatileLfu | MaxmemoryPolicy::AllkeysLfu)
    }

    /// Whether only keys with an expiry go.
    pub fn is_volatile(self) -> bool {
        use MaxmemoryPolicy::*;
        matches!(self, VolatileLru | VolatileLfu | VolatileRandom | VolatileTtl)
    }
}

impl Default for MemoryShare {
    fn default() -> MemoryShare {
        MemoryShare::Bytes(0)
    }
}

impl Settings {
    /// Memory of all clients together above which the largest are closed; 0 is no limit.
    pub fn client_memory_limit(&self) -> u64 {
        match self.maxmemory_clients {
            MemoryShare::Bytes(bytes) => bytes,
            MemoryShare::Percent(percent) => (u128::from(self.maxmemory) * u128::from(percent) / 100) as u64,
        }
    }

    pub fn output_limit(&self, class: ClientClass) -> BufferLimit {
        self.client_output_buffer_limits[class as usize]
    }
}

impl Protected {
    /// Whether a client may, given that it comes from this machine (loopback or Unix socket) or not.
    pub fn allows(self, is_local: bool) -> bool {
        match self {
            Protected::No => false,
            Protected::Yes => true,
            Protected::Local => is_local,
        }
    }
}
