//! Section memory: what is used, what the allocator makes of it, what eviction leaves out.

use crate::alloc;

use super::fields::{Fields, human, ratio};
use crate::command::{Context, MemoryFigures, uncounted_bytes};
use crate::script::Scripts;

pub(super) fn memory(cx: &mut Context<'_>, fields: &mut Fields) {
    let memory = MemoryFigures::of(cx);
    used(&memory, fields);
    fields.add("allocator_allocated", memory.allocator.allocated);
    fields.add("allocator_active", memory.allocator.active);
    fields.add("allocator_resident", memory.allocator.resident);
    fields.bytes("total_system_memory", cx.server.usage.total_system_memory_bytes);
    scripts(cx.scripts, fields);
    fields.bytes("maxmemory", cx.config.maxmemory);
    fields.add("maxmemory_policy", cx.config.maxmemory_policy.name());
    for (name, _, part, whole) in memory.layers() {
        fields.decimal(&format!("{name}_ratio"), ratio(part, whole));
        fields.add(&format!("{name}_bytes"), part as i64 - whole as i64);
    }
    fields.decimal("mem_fragmentation_ratio", ratio(memory.rss, memory.used));
    fields.add("mem_fragmentation_bytes", memory.rss as i64 - memory.used as i64);
    consumers(cx, &memory, fields);
}

fn used(memory: &MemoryFigures, fields: &mut Fields) {
    fields.bytes("used_memory", memory.used);
    fields.bytes("used_memory_rss", memory.rss);
    fields.bytes("used_memory_peak", memory.peak);
    fields.percent("used_memory_peak_perc", memory.used, memory.peak);
    fields.add("used_memory_overhead", memory.overhead());
    fields.add("used_memory_startup", memory.startup);
    fields.add("used_memory_dataset", memory.dataset());
    fields.percent("used_memory_dataset_perc", memory.dataset(), memory.grown().max(1));
}

/// Interpreters with all that their code holds (`vm`), and what the server keeps to make them anew.
fn scripts(scripts: &Scripts, fields: &mut Fields) {
    let (eval, functions) = scripts.interpreters_bytes();
    let (cached, libraries) = (scripts.cached_bytes(), scripts.libraries().size_bytes());
    fields.add("used_memory_lua", eval);
    fields.add("used_memory_vm_eval", eval);
    fields.add("used_memory_lua_human", human(eval as u64));
    fields.add("used_memory_scripts_eval", cached);
    fields.add("number_of_cached_scripts", scripts.cached_len());
    fields.add("number_of_functions", scripts.libraries().functions_len());
    fields.add("number_of_libraries", scripts.libraries().len());
    fields.add("used_memory_vm_functions", functions);
    fields.bytes("used_memory_vm_total", (eval + functions) as u64);
    fields.add("used_memory_functions", libraries);
    fields.bytes("used_memory_scripts", (cached + libraries) as u64);
}

/// The log, the clients, and what waits to be freed.
fn consumers(cx: &Context<'_>, memory: &MemoryFigures, fields: &mut Fields) {
    let keyspace = &*cx.db.keyspace;
    fields.add("mem_not_counted_for_evict", uncounted_bytes(keyspace, cx.node, cx.sessions));
    fields.add("mem_retired", memory.retired);
    fields.add("mem_replication_backlog", memory.backlog);
    fields.add("mem_total_replication_buffers", cx.node.log.memory().total_bytes);
    fields.add("mem_clients_slaves", memory.replicas);
    fields.add("mem_clients_normal", memory.clients);
    fields.zeros(&["mem_cluster_links", "mem_aof_buffer"]);
    fields.add("mem_allocator", format_args!("jemalloc-{}", alloc::allocator_version()));
    fields.zeros(&["active_defrag_running"]);
    fields.add("lazyfree_pending_objects", keyspace.pending_objects());
    fields.add("lazyfreed_objects", keyspace.freed_objects().saturating_sub(cx.db.stats.freed_before));
}
