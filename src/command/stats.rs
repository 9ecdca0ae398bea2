//! Counters that INFO shows and CONFIG RESETSTAT clears.

/// Totals since the start or the last reset.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    pub connections_received: u64,
    pub rejected_connections: u64,
    pub commands_processed: u64,
    pub net_input_bytes: u64,
    pub net_output_bytes: u64,
    pub net_repl_input_bytes: u64,
    pub net_repl_output_bytes: u64,
    pub reads_processed: u64,
    pub writes_processed: u64,
    pub keyspace_hits: u64,
    pub keyspace_misses: u64,
    pub expired_keys: u64,
    /// Fields of hashes that have expired.
    pub expired_subkeys: u64,
    pub expired_time_cap_reached: u64,
    /// Time that went into looking for expired keys.
    pub expire_cycle_ns: u64,
    pub evicted_keys: u64,
    pub evicted_clients: u64,
    /// How long memory was above its limit, but for a time that lasts.
    pub eviction_exceeded_ms: u64,
    pub unexpected_error_replies: u64,
    pub sync_full: u64,
    pub sync_partial_ok: u64,
    pub sync_partial_err: u64,
    /// Refusals by what was denied.
    pub acl_denied_auth: u64,
    pub acl_denied_command: u64,
    pub acl_denied_key: u64,
    pub acl_denied_channel: u64,
    pub query_limit_disconnections: u64,
    pub output_limit_disconnections: u64,
    /// Objects that the keyspace had freed in the background when these counters were last cleared.
    pub freed_before: u64,
}
