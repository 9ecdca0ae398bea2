//! Cluster mode.

use crate::config::directive::{Directive, rows::*};
use crate::config::value::Value;

const PORT: (i128, i128) = (0, 65535);

pub(super) const ROWS: &[Directive] = &[
    yes_no("cluster-enabled", "no", "Takes part in a cluster.").immutable().waits("cluster"),
    text("cluster-config-file", "nodes.conf", "File in which the node keeps what it knows of the cluster.")
        .immutable()
        .waits("cluster"),
    one_of(
        "cluster-config-save-behavior",
        &["sync", "best-effort"],
        "sync",
        "Whether a failed write of that file stops the node.",
    )
    .waits("cluster"),
    int("cluster-port", PORT, "0", "Port of the cluster bus; 0 is the data port plus 10000.")
        .immutable()
        .waits("cluster"),
    int("cluster-databases", (1, INT_MAX), "1", "Number of databases in cluster mode.").immutable().waits("cluster"),
    int(
        "cluster-node-timeout",
        (0, LONG_MAX),
        "15000",
        "Milliseconds of silence after which a node counts as failing.",
    )
    .waits("cluster"),
    int(
        "cluster-manual-failover-timeout",
        (1, INT_MAX),
        "5000",
        "Milliseconds within which a manual failover must be done.",
    )
    .waits("cluster"),
    int("cluster-blacklist-ttl", (0, INT_MAX), "60", "Seconds during which a forgotten node is not taken in again.")
        .waits("cluster"),
    yes_no("cluster-require-full-coverage", "yes", "Refuses commands while any slot has no owner.").waits("cluster"),
    yes_no("cluster-allow-reads-when-down", "no", "Allows reads while the cluster is down.").waits("cluster"),
    yes_no("cluster-allow-pubsubshard-when-down", "yes", "Allows sharded Pub/Sub while the cluster is down.")
        .waits("cluster"),
    yes_no("cluster-allow-replica-migration", "yes", "Lets replicas move to masters that have none.").waits("cluster"),
    int("cluster-migration-barrier", (0, INT_MAX), "1", "Replicas that a master must keep when one moves away.")
        .waits("cluster"),
    yes_no("cluster-replica-no-failover", "no", "Never lets this replica take over by itself.")
        .aliases(&["cluster-slave-no-failover"])
        .waits("cluster"),
    int(
        "cluster-replica-validity-factor",
        (0, INT_MAX),
        "10",
        "Node timeouts of lost link after which a replica is too old to take over; 0 is never.",
    )
    .aliases(&["cluster-slave-validity-factor"])
    .waits("cluster"),
    text("cluster-announce-ip", "", "Address that other nodes and clients are told.").waits("cluster"),
    text("cluster-announce-client-ipv4", "", "IPv4 address that clients are told.").waits("cluster"),
    text("cluster-announce-client-ipv6", "", "IPv6 address that clients are told.").waits("cluster"),
    text("cluster-announce-hostname", "", "Host name that clients are told.").refine(host_name).waits("cluster"),
    text("cluster-announce-human-nodename", "", "Name of this node in log lines.").refine(host_name).waits("cluster"),
    int("cluster-announce-port", PORT, "0", "Port that others are told; 0 is the real one.").waits("cluster"),
    int("cluster-announce-tls-port", PORT, "0", "TLS port that others are told; 0 is the real one.").waits("cluster"),
    int("cluster-announce-client-port", PORT, "0", "Port that clients are told; 0 is the announced one.")
        .waits("cluster"),
    int("cluster-announce-client-tls-port", PORT, "0", "TLS port that clients are told; 0 is the announced one.")
        .waits("cluster"),
    int("cluster-announce-bus-port", PORT, "0", "Bus port that other nodes are told; 0 is the real one.")
        .waits("cluster"),
    one_of(
        "cluster-preferred-endpoint-type",
        &["ip", "hostname", "unknown-endpoint"],
        "ip",
        "What clients are redirected to.",
    )
    .waits("cluster"),
    memory(
        "cluster-link-sendbuf-limit",
        (0, u64::MAX as i128),
        "0",
        "Unsent bytes after which a bus link is closed; 0 is no limit.",
    )
    .waits("cluster"),
    int(
        "cluster-compatibility-sample-ratio",
        (0, 100),
        "0",
        "Percentage of commands checked for whether a cluster would allow them.",
    )
    .waits("cluster"),
    yes_no("cluster-slot-stats-enabled", "no", "Counts commands and bytes of each slot.").waits("cluster"),
    int("cluster-slot-migration-log-max-len", (0, LONG_MAX), "1000", "Finished slot migrations that are remembered.")
        .waits("cluster"),
    memory(
        "slot-migration-max-failover-repl-bytes",
        (0, LONG_MAX),
        "0",
        "Bytes that may be missing at the target when a slot changes hands.",
    )
    .waits("cluster"),
];

fn host_name(value: Value) -> Result<Value, &'static str> {
    let name = value.bytes().unwrap_or_default();
    if name.len() >= 256 {
        return Err("Hostnames must be less than 256 characters");
    }
    if !name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.')) {
        return Err("Hostnames may only contain alphanumeric characters, hyphens or dots");
    }
    Ok(value)
}
