//! Where the memory goes: the figures behind MEMORY STATS, MEMORY DOCTOR and INFO's section.
//!
//! Every figure is counted as things change, or costs a step per client or database; none walks keys.

use crate::alloc::{self, AllocatorStats};
use crate::command::Context;
use crate::keyspace::Keyspace;
use crate::replication::Node;
use crate::session::{ClientKind, Sessions};

/// Bytes, unless a name says otherwise.
pub struct MemoryFigures {
    pub used: u64,
    pub peak: u64,
    pub startup: u64,
    pub rss: u64,
    pub backlog: u64,
    /// Replicas' connections, and what the log keeps for them beyond the backlog's size.
    pub replicas: u64,
    pub clients: u64,
    /// Cached scripts, and what is known of functions.
    pub scripts: u64,
    pub functions: u64,
    /// Dead, but still seen by a snapshot, or waiting to be freed.
    pub retired: u64,
    /// Nodes of each database's table that has keys, by its number.
    pub tables: Vec<(usize, u64)>,
    pub keys: u64,
    pub allocator: AllocatorStats,
}

/// What does not count against maxmemory: what is dead but still seen, what is kept for replicas alone, what clients take
/// that are being closed, and messages that are on their way out.
pub fn uncounted_bytes(keyspace: &Keyspace, node: &Node, sessions: &Sessions) -> u64 {
    let peers = node.peers.keys().filter_map(|token| sessions.get(*token));
    let peers_output_bytes: usize = peers.map(|session| session.output_capacity_bytes()).sum();
    // Messages about evicted keys that are about to go out must not evict further keys.
    let passing_bytes = peers_output_bytes + sessions.doomed_bytes + sessions.delivered_bytes;
    keyspace.retired_bytes() as u64 + node.log.memory().uncounted_bytes + passing_bytes as u64
}

impl MemoryFigures {
    pub fn of(cx: &mut Context<'_>) -> MemoryFigures {
        let allocator = allocator_stats(cx);
        let used = alloc::used_bytes() as u64;
        cx.server.peak_memory_bytes = cx.server.peak_memory_bytes.max(used);
        let log = cx.node.log.memory();
        let beyond_backlog = if cx.node.peers.is_empty() { 0 } else { log.uncounted_bytes };
        let keyspace = &*cx.db.keyspace;
        let databases = (0..keyspace.databases()).map(|db| (db, keyspace.db(db)));
        MemoryFigures {
            used,
            peak: cx.server.peak_memory_bytes,
            startup: cx.server.startup_memory_bytes,
            rss: cx.server.usage.rss_bytes,
            backlog: log.total_bytes - beyond_backlog,
            replicas: beyond_backlog + sessions_bytes(cx.sessions, ClientKind::Replica),
            clients: sessions_bytes(cx.sessions, ClientKind::Normal),
            scripts: cx.scripts.cached_bytes() as u64,
            functions: cx.scripts.libraries().size_bytes() as u64,
            retired: keyspace.retired_bytes() as u64,
            tables: databases.filter(|(_, db)| !db.is_empty()).map(|(at, db)| (at, db.nodes_bytes() as u64)).collect(),
            keys: keyspace.len() as u64,
            allocator,
        }
    }

    /// All that is no key and no value.
    pub fn overhead(&self) -> u64 {
        let tables: u64 = self.tables.iter().map(|(_, bytes)| bytes).sum();
        let caches = self.scripts + self.functions;
        self.startup + self.backlog + self.replicas + self.clients + caches + self.retired + tables
    }

    pub fn dataset(&self) -> u64 {
        self.used.saturating_sub(self.overhead())
    }

    /// Used since the start.
    pub fn grown(&self) -> u64 {
        self.used.saturating_sub(self.startup)
    }

    /// What one layer holds beyond what it is asked for: field of INFO, of MEMORY STATS, part, whole.
    pub fn layers(&self) -> [(&'static str, &'static str, u64, u64); 3] {
        let (active, resident) = (self.allocator.active as u64, self.allocator.resident as u64);
        [
            ("allocator_frag", "allocator-fragmentation", active, self.allocator.allocated as u64),
            ("allocator_rss", "allocator-rss", resident, active),
            ("rss_overhead", "rss-overhead", self.rss, resident),
        ]
    }
}

fn sessions_bytes(sessions: &Sessions, kind: ClientKind) -> u64 {
    sessions.iter().filter(|(_, session)| session.kind == kind).map(|(_, session)| session.memory_bytes() as u64).sum()
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
