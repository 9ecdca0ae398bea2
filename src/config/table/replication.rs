//! Both roles: following a master, and feeding replicas.

use crate::config::directive::{DENY_LOADING, Directive, SENSITIVE, rows::*};
use crate::config::settings::{DisklessLoad, PropagationErrors};
use crate::config::value::{Kind, Value};

pub(super) const ROWS: &[Directive] = &[
    special("replicaof", Kind::Master, "no one", "Host and port of the master to follow; \"no one\" is a master.")
        .aliases(&["slaveof"])
        .immutable()
        .store(|s, v| {
            if let Value::Master(master) = v {
                s.replicaof = master.clone()
            }
        }),
    text("masteruser", "", "User to log in as at the master.")
        .aliases(&["primaryuser"])
        .flags(SENSITIVE)
        .store(|s, v| s.masteruser = v.bytes()),
    text("masterauth", "", "Password to log in with at the master.")
        .aliases(&["primaryauth"])
        .flags(SENSITIVE)
        .store(|s, v| s.masterauth = v.bytes()),
    yes_no("replica-serve-stale-data", "yes", "Answers from old data while there is no link to the master.")
        .aliases(&["slave-serve-stale-data"])
        .store(|s, v| s.replica_serve_stale_data = v.bool()),
    yes_no("replica-read-only", "yes", "Refuses writes of clients on a replica.")
        .aliases(&["slave-read-only"])
        .store(|s, v| s.replica_read_only = v.bool()),
    yes_no("replica-ignore-maxmemory", "yes", "Leaves eviction on a replica to its master.")
        .aliases(&["slave-ignore-maxmemory"])
        .store(|s, v| s.replica_ignore_maxmemory = v.bool()),
    yes_no("replica-lazy-flush", "no", "The old data of a replica are freed in the background in any case.")
        .aliases(&["slave-lazy-flush"])
        .no_effect(),
    int("replica-priority", (0, INT_MAX), "100", "The lower, the sooner Sentinel promotes this replica; 0 never.")
        .aliases(&["slave-priority"])
        .store(|s, v| s.replica_priority = v.int()),
    yes_no("replica-announced", "yes", "Lets Sentinel show this replica to clients.")
        .store(|s, v| s.replica_announced = v.bool()),
    text("replica-announce-ip", "", "Address under which the master lists this replica.")
        .aliases(&["slave-announce-ip"])
        .store(|s, v| s.replica_announce_ip = v.string_if_any()),
    int("replica-announce-port", (0, 65535), "0", "Port under which the master lists this replica; 0 is the real one.")
        .aliases(&["slave-announce-port"])
        .store(|s, v| s.replica_announce_port = v.int()),
    int("repl-timeout", (1, INT_MAX), "60", "Seconds of silence after which a replication link is closed.")
        .store(|s, v| s.repl_timeout_s = v.int()),
    int(
        "repl-ping-replica-period",
        (1, INT_MAX),
        "10",
        "Seconds between the pings that a master sends down the stream.",
    )
    .aliases(&["repl-ping-slave-period"])
    .store(|s, v| s.repl_ping_replica_period_s = v.int()),
    memory("repl-backlog-size", (1, LONG_MAX), "1048576", "Bytes of the stream kept for replicas that come back.")
        .refine(at_least_one_block)
        .store(|s, v| s.repl_backlog_size = v.int()),
    int(
        "repl-backlog-ttl",
        (0, LONG_MAX),
        "3600",
        "Seconds without replicas after which the backlog is freed; 0 keeps it.",
    )
    .store(|s, v| s.repl_backlog_ttl_s = v.int()),
    yes_no("repl-disable-tcp-nodelay", "no", "Saves packets to replicas at the cost of delay.")
        .store(|s, v| s.repl_disable_tcp_nodelay = v.bool()),
    yes_no("repl-diskless-sync", "yes", "Sends full resyncs straight from memory.")
        .store(|s, v| s.repl_diskless_sync = v.bool()),
    int(
        "repl-diskless-sync-delay",
        (0, INT_MAX),
        "5",
        "Seconds to wait for more replicas before a full resync starts.",
    )
    .store(|s, v| s.repl_diskless_sync_delay_s = v.int()),
    int(
        "repl-diskless-sync-max-replicas",
        (0, INT_MAX),
        "0",
        "Waiting replicas that start a full resync before the delay is over; 0 is no such number.",
    )
    .store(|s, v| s.repl_diskless_sync_max_replicas = v.int()),
    int("repl-max-full-syncs", (1, INT_MAX), "8", "Full resyncs that run at the same time; further replicas wait.")
        .store(|s, v| s.repl_max_full_syncs = v.int()),
    one_of(
        "repl-diskless-load",
        DisklessLoad::NAMES,
        "disabled",
        "How a replica treats its old data while the new arrives.",
    )
    .flags(DENY_LOADING)
    .store(|s, v| s.repl_diskless_load = DisklessLoad::named(v.choice())),
    int("min-replicas-to-write", (0, INT_MAX), "0", "Good replicas below which a master refuses writes.")
        .aliases(&["min-slaves-to-write"])
        .store(|s, v| s.min_replicas_to_write = v.int()),
    int(
        "min-replicas-max-lag",
        (0, INT_MAX),
        "10",
        "Seconds since its last acknowledgement after which a replica is no longer good.",
    )
    .aliases(&["min-slaves-max-lag"])
    .store(|s, v| s.min_replicas_max_lag_s = v.int()),
    yes_no("dual-channel-replication-enabled", "no", "Sends snapshot and stream over two connections.")
        .waits("dual channel resync"),
    memory(
        "replica-full-sync-buffer-limit",
        (0, LONG_MAX),
        "0",
        "Stream bytes that a replica holds while it loads; 0 takes the output limit of replicas.",
    )
    .waits("dual channel resync"),
    one_of(
        "propagation-error-behavior",
        PropagationErrors::NAMES,
        "ignore",
        "What to do about a command of the stream that fails.",
    )
    .store(|s, v| s.propagation_errors = PropagationErrors::named(v.choice())),
    yes_no("replica-ignore-disk-write-errors", "no", "Lets a replica go on applying writes that it cannot log.")
        .waits("AOF"),
];

/// A smaller backlog is accepted as a wish; Redis raises it too.
fn at_least_one_block(value: Value) -> Result<Value, &'static str> {
    let Value::Number(bytes) = value else { return Ok(value) };
    Ok(Value::Number(bytes.max(16 << 10)))
}
