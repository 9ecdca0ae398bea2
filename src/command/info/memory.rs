//! Section memory: what is used, what the allocator makes of it, what eviction leaves out.

use crate::alloc::{self, AllocatorStats};
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
    allocator(cx, fields);
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

/// What the allocator has in use, in pages with something in use, in memory.
fn allocator(cx: &mut Context<'_>, fields: &mut Fields) {
    let stats = allocator_stats(cx);
    let (allocated, active, resident) = (stats.allocated as u64, stats.active as u64, stats.resident as u64);
    let rss = cx.server.usage.rss_bytes;
    fields.add("allocator_allocated", allocated);
    fields.add("allocator_active", active);
    fields.add("allocator_resident", resident);
    for (name, part, whole) in
        [("allocator_frag", active, allocated), ("allocator_rss", resident, active), ("rss_overhead", rss, resident)]
    {
        fields.decimal(&format!("{name}_ratio"), ratio(part, whole));
        fields.add(&format!("{name}_bytes"), part as i64 - whole as i64);
    }
}

fn allocator_stats(cx: &mut Context<'_>) -> AllocatorStats {
    let tick_ms = 1000 / u64::from(cx.config.hz.max(1));
    match cx.server.allocator {
        Some((taken_at, stats)) if cx.now.mono.since(taken_at) < tick_ms => stats,
        _ => {
            let stats = alloc::allocator_stats();
            cx.server.allocator = Some((cx.now.mono, stats));
            stats
        }
    }
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
    fields.add("mem_allocator", format_args!("jemalloc-{}", alloc::allocator_version()));
    fields.zeros(&["active_defrag_running"]);
}

fn clients_bytes(cx: &Context<'_>, kind: ClientKind) -> u64 {
    let bytes = |session: &Session| size_of::<Session>() + session.query.capacity_bytes + session.outbox.capacity();
    cx.sessions.iter().filter(|(_, session)| session.kind == kind).map(|(_, session)| bytes(session) as u64).sum()
}
