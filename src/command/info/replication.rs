//! Section replication, field for field as Redis writes it: monitoring and failover tools read it.

use crate::replication::{Address, MasterLink, SyncProgress};

use super::fields::{Fields, ratio};
use crate::command::{Context, replication::peers};

pub(super) fn replication(cx: &mut Context<'_>, fields: &mut Fields) {
    fields.add("role", if cx.node.is_replica() { "slave" } else { "master" });
    if let Some(link) = &cx.node.link {
        master(cx, link, fields);
    }
    replicas(cx, fields);
    history(cx, fields);
}

fn master(cx: &Context<'_>, link: &MasterLink, fields: &mut Fields) {
    let (config, status, now) = (link.config(), link.status(), cx.now.mono);
    fields.add("master_host", &config.host);
    fields.add("master_port", config.port);
    fields.add("master_link_status", if status.is_up { "up" } else { "down" });
    fields.add("master_last_io_seconds_ago", status.last_byte_at.map_or(-1, |at| now.seconds_since(at) as i64));
    fields.flag("master_sync_in_progress", status.sync.is_some());
    // What is read is applied before anybody can look.
    fields.add("slave_read_repl_offset", cx.node.offset().0 + cx.node.unapplied_bytes);
    fields.add("slave_repl_offset", cx.node.offset());
    if let Some(sync) = status.sync {
        progress(sync, fields);
        fields.add("master_sync_last_io_seconds_ago", now.seconds_since(sync.last_byte_at));
    }
    if !status.is_up {
        let down_s = status.down_since.map_or(-1, |since| now.seconds_since(since) as i64);
        fields.add("master_link_down_since_seconds", down_s);
    }
    fields.add("slave_priority", cx.config.replica_priority);
    fields.flag("slave_read_only", cx.config.replica_read_only);
    fields.flag("replica_announced", cx.config.replica_announced);
}

/// A payload whose size the master does not know counts as one of 0 bytes: what is left is negative then.
fn progress(sync: SyncProgress, fields: &mut Fields) {
    let size_bytes = sync.size_bytes.unwrap_or(0);
    fields.add("master_sync_total_bytes", size_bytes);
    fields.add("master_sync_read_bytes", sync.read_bytes);
    fields.add("master_sync_left_bytes", size_bytes as i64 - sync.read_bytes as i64);
    fields.decimal("master_sync_perc", ratio(sync.read_bytes, size_bytes) * 100.0);
}

fn replicas(cx: &Context<'_>, fields: &mut Fields) {
    fields.add("connected_slaves", cx.node.peers.len());
    let max_lag_s = cx.config.min_replicas_max_lag_s;
    if cx.config.min_replicas_to_write > 0 && max_lag_s > 0 {
        fields.add("min_slaves_good_slaves", cx.node.good_replicas(cx.now.mono, max_lag_s.into()));
    }
    for (number, peer) in peers(cx).iter().enumerate() {
        let (Address { host: ip, port }, state) = (&peer.address, peer.state.as_str());
        let line = format_args!("ip={ip},port={port},state={state},offset={},lag={}", peer.acked, peer.lag_s);
        fields.add(&format!("slave{number}"), line);
    }
}

fn history(cx: &Context<'_>, fields: &mut Fields) {
    let (history, log) = (&cx.node.history, &cx.node.log);
    fields.add("master_failover_state", cx.node.failover.state_word());
    fields.add("master_replid", history.replid());
    fields.add("master_replid2", history.replid2());
    fields.add("master_repl_offset", cx.node.offset());
    fields.add("second_repl_offset", history.second_repl_offset());
    fields.flag("repl_backlog_active", log.is_active());
    fields.add("repl_backlog_size", log.backlog_bytes());
    fields.add("repl_backlog_first_byte_offset", if log.is_active() { log.first().next_byte() } else { 0 });
    // The log keeps more than the backlog's size while a peer needs it: a partial resync can use it all.
    fields.add("repl_backlog_histlen", log.held_bytes());
}
