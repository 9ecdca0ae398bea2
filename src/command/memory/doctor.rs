//! MEMORY DOCTOR: what is unusual about memory, in words. The thresholds are Redis's, the words are ours.

use super::MemoryFigures;
use crate::command::{Args, CommandError, Context, Outcome};

const MIB: u64 = 1 << 20;
/// With less in use no ratio says anything.
const LEAST_BYTES: u64 = 5 * MIB;
/// A ratio counts only if it stands for so much.
const NOTABLE_BYTES: i64 = 10 * MIB as i64;
const CLIENT_BYTES: u64 = 200 * 1024;
const REPLICAS_BYTES: u64 = 10 * MIB;

pub(super) fn doctor(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    let memory = MemoryFigures::of(cx);
    let (replicas, clients) = (cx.node.peers.len() as u64, cx.sessions.len() as u64);
    let report = match findings(&memory, clients.saturating_sub(replicas), replicas).as_slice() {
        _ if memory.used < LEAST_BYTES => "So little memory is in use that nothing can be said about it.\n".to_owned(),
        [] => "Nothing about memory is unusual.\n".to_owned(),
        findings => findings.iter().map(|finding| format!(" * {finding}\n")).collect(),
    };
    cx.reply.verbatim("txt", report.as_bytes());
    Ok(Outcome::Done)
}

fn findings(memory: &MemoryFigures, clients: u64, replicas: u64) -> Vec<&'static str> {
    let exceeds = |part: u64, whole: u64, ratio: f64| {
        part as f64 > whole as f64 * ratio && part as i64 - whole as i64 > NOTABLE_BYTES
    };
    let [fragmentation, allocator, process] = memory.layers().map(|(_, _, part, whole)| exceeds(part, whole, 1.1));
    let list = [
        (
            memory.peak as f64 > memory.used as f64 * 1.5,
            "Peak: once more than one and a half times as much was in use. What was freed since may still be \
             resident; MEMORY PURGE gives it back.",
        ),
        (
            exceeds(memory.rss, memory.used, 1.4),
            "Resident: the process holds more than 1.4 times what is in use. After a peak that is to be expected.",
        ),
        (
            fragmentation,
            "Fragmentation: more than a tenth of the allocator's pages in use is free space between what is \
             allocated, as after many deletions.",
        ),
        (
            allocator,
            "Allocator: it keeps more than a tenth beyond its pages in use, to use them again; MEMORY PURGE gives \
             them back.",
        ),
        (process, "Process: more than a tenth of what is resident is not the allocator's."),
        (
            memory.clients / clients.max(1) > CLIENT_BYTES,
            "Clients: on average each takes more than 200 KB. CLIENT LIST shows which do not read their replies or \
             send large requests.",
        ),
        (
            replicas > 0 && memory.replicas > REPLICAS_BYTES,
            "Replicas: more than 10 MB of the stream wait for them. One that is slow or gone is closed by \
             client-output-buffer-limit.",
        ),
    ];
    list.into_iter().filter(|(is_so, _)| *is_so).map(|(_, text)| text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alloc::AllocatorStats;

    fn healthy() -> MemoryFigures {
        let allocator = AllocatorStats { allocated: 100 << 20, active: 101 << 20, resident: 105 << 20, retained: 0 };
        MemoryFigures {
            used: 100 * MIB,
            peak: 110 * MIB,
            startup: MIB,
            rss: 106 * MIB,
            backlog: MIB,
            replicas: 0,
            clients: MIB,
            scripts: 0,
            functions: 0,
            retired: 0,
            tables: vec![(0, MIB)],
            keys: 1,
            allocator,
        }
    }

    #[test]
    fn each_finding_has_its_cause_and_a_healthy_server_none() {
        assert!(findings(&healthy(), 10, 0).is_empty());
        let one = |memory: MemoryFigures, replicas, word: &str| {
            let found = findings(&memory, 10, replicas);
            assert!(found.iter().any(|text| text.starts_with(word)), "{word}: {found:?}");
        };
        one(MemoryFigures { peak: 200 * MIB, ..healthy() }, 0, "Peak");
        one(MemoryFigures { rss: 150 * MIB, ..healthy() }, 0, "Resident");
        one(MemoryFigures { rss: 150 * MIB, ..healthy() }, 0, "Process");
        one(MemoryFigures { clients: 10 * MIB, ..healthy() }, 0, "Clients");
        one(MemoryFigures { replicas: 11 * MIB, ..healthy() }, 1, "Replicas");
        let sparse = AllocatorStats { active: 130 << 20, resident: 200 << 20, ..healthy().allocator };
        one(MemoryFigures { allocator: sparse, ..healthy() }, 0, "Fragmentation");
        one(MemoryFigures { allocator: sparse, ..healthy() }, 0, "Allocator");
    }
}
