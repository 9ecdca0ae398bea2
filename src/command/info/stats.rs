//! Sections stats and keyspace: counters, and the size of each database.

use super::fields::Fields;
use crate::command::Context;
use crate::pubsub::Topic;

/// Fields that count what has subscribers.
const TOPICS: &[(&str, Topic)] = &[
    ("pubsub_channels", Topic::Channel),
    ("pubsub_patterns", Topic::Pattern),
    ("pubsubshard_channels", Topic::ShardChannel),
];

pub(super) fn stats(cx: &mut Context<'_>, fields: &mut Fields) {
    traffic(cx, fields);
    let stats = &*cx.db.stats;
    fields.add("rejected_connections", stats.rejected_connections);
    fields.add("sync_full", stats.sync_full);
    fields.add("sync_partial_ok", stats.sync_partial_ok);
    fields.add("sync_partial_err", stats.sync_partial_err);
    fields.add("expired_subkeys", stats.expired_subkeys);
    fields.add("expired_keys", stats.expired_keys);
    fields.decimal("expired_stale_perc", cx.server.expired_stale_share * 100.0);
    fields.add("expired_time_cap_reached_count", stats.expired_time_cap_reached);
    fields.add("expire_cycle_cpu_milliseconds", stats.expire_cycle_ns / 1_000_000);
    fields.add("evicted_keys", stats.evicted_keys);
    fields.add("evicted_clients", stats.evicted_clients);
    let exceeded_ms = cx.server.over_maxmemory_since.map_or(0, |since| cx.now.mono.since(since));
    fields.add("total_eviction_exceeded_time", stats.eviction_exceeded_ms + exceeded_ms);
    fields.add("current_eviction_exceeded_time", exceeded_ms);
    fields.add("keyspace_hits", stats.keyspace_hits);
    fields.add("keyspace_misses", stats.keyspace_misses);
    for (name, topic) in TOPICS {
        fields.add(name, cx.pubsub.names(*topic).len());
    }
    fields.zeros(&["latest_fork_usec", "total_forks"]);
    fields.add("migrate_cached_sockets", cx.server.migration_targets);
    fields.zeros(&["slave_expires_tracked_keys"]);
    fields.zeros(&["active_defrag_hits", "active_defrag_misses", "active_defrag_key_hits"]);
    fields.zeros(&["active_defrag_key_misses", "total_active_defrag_time", "current_active_defrag_time"]);
    let tracked = &cx.pubsub.tracked;
    fields.add("tracking_total_keys", tracked.keys());
    fields.add("tracking_total_items", tracked.items());
    fields.add("tracking_total_prefixes", tracked.prefixes());
    fields.add("unexpected_error_replies", stats.unexpected_error_replies);
    fields.add("total_error_replies", cx.metrics.errors.total);
    fields.add("total_reads_processed", stats.reads_processed);
    fields.add("total_writes_processed", stats.writes_processed);
    fields.add("acl_access_denied_auth", stats.acl_denied_auth);
    fields.add("acl_access_denied_cmd", stats.acl_denied_command);
    fields.add("acl_access_denied_key", stats.acl_denied_key);
    fields.add("acl_access_denied_channel", stats.acl_denied_channel);
    fields.add("client_query_buffer_limit_disconnections", stats.query_limit_disconnections);
    fields.add("client_output_buffer_limit_disconnections", stats.output_limit_disconnections);
}

fn traffic(cx: &Context<'_>, fields: &mut Fields) {
    let (stats, server) = (&*cx.db.stats, &*cx.server);
    fields.add("total_connections_received", stats.connections_received);
    fields.add("total_commands_processed", stats.commands_processed);
    fields.add("instantaneous_ops_per_sec", server.ops_per_second);
    // The link to our master is no client's connection; what goes to our peers goes over theirs.
    fields.add("total_net_input_bytes", stats.net_input_bytes + stats.net_repl_input_bytes);
    fields.add("total_net_output_bytes", stats.net_output_bytes);
    fields.add("total_net_repl_input_bytes", stats.net_repl_input_bytes);
    fields.add("total_net_repl_output_bytes", stats.net_repl_output_bytes);
    fields.decimal("instantaneous_input_kbps", server.input_kbps);
    fields.decimal("instantaneous_output_kbps", server.output_kbps);
    fields.decimal("instantaneous_input_repl_kbps", server.input_repl_kbps);
    fields.decimal("instantaneous_output_repl_kbps", server.output_repl_kbps);
}

pub(super) fn keyspace(cx: &mut Context<'_>, fields: &mut Fields) {
    for index in 0..cx.db.keyspace.databases() {
        let db = cx.db.keyspace.db(index);
        if !db.is_empty() {
            let (keys, expires, ttl_ms) = (db.len(), db.expires_len(), db.average_ttl_ms(cx.now.unix_ms()));
            let subexpiry = db.expiring_hashes();
            let shown = format_args!("keys={keys},expires={expires},avg_ttl={ttl_ms},subexpiry={subexpiry}");
            fields.add(&format!("db{index}"), shown);
        }
    }
}
