//! Section memory: what is used, what the allocator makes of it, what eviction leaves out.

use crate::alloc;
use crate::session::{ClientKind, Session};

use super::fields::{Fields, ratio};
use crate::command::Context;

pub(super) fn memory(cx: &mut Context<'_>, fields: &mut Fields) {
    let used = alloc::used_bytes() as u64;
    cx.server.peak_memory_bytes = cx.server.peak_memory_bytes.max(used);
    used_memory(cx, used, fields);
    scripts(fields);
    fields.bytes("maxmemory", cx.config.maxmemory);
    fields.add("maxmemory_policy", cx.config.maxmemory_policy.name());
    fields.decimal("mem_fragmentation_ratio", ratio(cx.server.usage.rss_bytes, used));
    fields.add("mem_fragmentation_bytes", cx.server.usage.rss_bytes as i64 - used as i64);
    consumers(cx, fields);
}

fn used_memory(cx: &Context<'_>, used: u64, fields: &mut Fields) {
    let server = &*cx.server;
    let startup = server.startup_memory_bytes;
    let overhead = startup + cx.node.log.memory().total_bytes + clients_bytes(cx, ClientKind::Normal);
    let data = used.saturating_sub(overhead);
    fields.bytes("used_memory", used);
    fields.bytes("used_memory_rss", server.usage.rss_bytes);
    fields.bytes("used_memory_peak", server.peak_memory_bytes);
    fields.percent("used_memory_peak_perc", used, server.peak_memory_bytes);
    fields.add("used_memory_overhead", overhead);
    fields.add("used_memory_startup", startup);
    fields.add("used_memory_dataset", data);
    fields.percent("used_memory_dataset_perc", data, used.saturating_sub(startup).max(1));
    fields.bytes("total_system_memory", server.usage.total_system_memory_bytes);
}

/// No interpreter is here, so none holds memory.
fn scripts(fields: &mut Fields) {
    fields.zeros(&["used_memory_lua", "used_memory_vm_eval", "number_of_cached_scripts", "number_of_functions"]);
}

/// The log, the clients, and what waits to be freed.
fn consumers(cx: &Context<'_>, fields: &mut Fields) {
    let log = cx.node.log.memory();
    let retired = cx.db.keyspace.retired_bytes() as u64;
    fields.add("mem_not_counted_for_evict", retired + log.uncounted_bytes);
    fields.add("mem_retired", retired);
    fields.add("mem_replication_backlog", log.total_bytes - log.uncounted_bytes);
    fields.add("mem_total_replication_buffers", log.total_bytes);
    fields.add("mem_clients_slaves", log.uncounted_bytes);
    fields.add("mem_clients_normal", clients_bytes(cx, ClientKind::Normal));
    fields.zeros(&["mem_cluster_links", "mem_aof_buffer"]);
    fields.zeros(&["active_defrag_running"]);
}

fn clients_bytes(cx: &Context<'_>, kind: ClientKind) -> u64 {
    let bytes = |session: &Session| size_of::<Session>() + session.query_capacity_bytes + session.outbox.capacity();
    cx.sessions.iter().filter(|(_, session)| session.kind == kind).map(|(_, session)| bytes(session) as u64).sum()
}
