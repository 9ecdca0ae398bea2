//! MEMORY STATS: names and figures, in Redis's order.

use super::MemoryFigures;
use crate::command::{Args, CommandError, Context, Outcome};
use crate::resp::Reply;

/// What the cluster bus and the AOF take: they are not here.
const ABSENT: [&str; 2] = ["cluster.links", "aof.buffer"];

enum Figure {
    Count(u64),
    Difference(i64),
    Ratio(f64),
    /// Nodes of a database's table; keys with an expiry have no table of their own.
    Table(u64),
}

pub(super) fn stats(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    let memory = MemoryFigures::of(cx);
    let figures = figures(&memory);
    cx.reply.map(figures.len());
    for (name, figure) in figures {
        cx.reply.bulk(name.as_bytes());
        figure.write(&mut cx.reply);
    }
    Ok(Outcome::Done)
}

fn figures(memory: &MemoryFigures) -> Vec<(String, Figure)> {
    let mut list: Vec<(String, Figure)> = Vec::new();
    let mut add = |name: &str, figure: Figure| list.push((name.to_owned(), figure));
    add("peak.allocated", Figure::Count(memory.peak));
    add("total.allocated", Figure::Count(memory.used));
    add("startup.allocated", Figure::Count(memory.startup));
    add("replication.backlog", Figure::Count(memory.backlog));
    add("clients.slaves", Figure::Count(memory.replicas));
    add("clients.normal", Figure::Count(memory.clients));
    ABSENT.iter().for_each(|name| add(name, Figure::Count(0)));
    add("lua.caches", Figure::Count(memory.scripts));
    add("functions.caches", Figure::Count(memory.functions));
    memory.tables.iter().for_each(|(db, bytes)| add(&format!("db.{db}"), Figure::Table(*bytes)));
    add("overhead.total", Figure::Count(memory.overhead()));
    add("keys.count", Figure::Count(memory.keys));
    add("keys.bytes-per-key", Figure::Count(memory.grown().checked_div(memory.keys).unwrap_or(0)));
    add("dataset.bytes", Figure::Count(memory.dataset()));
    add("dataset.percentage", Figure::Ratio(ratio(memory.dataset(), memory.grown()) * 100.0));
    add("peak.percentage", Figure::Ratio(ratio(memory.used, memory.peak) * 100.0));
    add("allocator.allocated", Figure::Count(memory.allocator.allocated as u64));
    add("allocator.active", Figure::Count(memory.allocator.active as u64));
    add("allocator.resident", Figure::Count(memory.allocator.resident as u64));
    for (_, name, part, whole) in memory.layers() {
        add(&format!("{name}.ratio"), Figure::Ratio(ratio(part, whole)));
        add(&format!("{name}.bytes"), Figure::Difference(part as i64 - whole as i64));
    }
    add("fragmentation", Figure::Ratio(ratio(memory.rss, memory.used)));
    add("fragmentation.bytes", Figure::Difference(memory.rss as i64 - memory.used as i64));
    list
}

fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

impl Figure {
    fn write(&self, reply: &mut Reply) {
        match self {
            Figure::Count(count) => reply.int(*count as i64),
            Figure::Difference(bytes) => reply.int(*bytes),
            Figure::Ratio(ratio) => reply.double(&ratio.to_string()),
            Figure::Table(bytes) => {
                reply.map(3);
                for (name, bytes) in [("main", *bytes), ("expires", 0), ("slot-to-keys", 0)] {
                    reply.bulk(format!("overhead.hashtable.{name}").as_bytes());
                    reply.int(bytes as i64);
                }
            }
        }
    }
}
