//! The replication log: what one propagated write costs, alone and with peers that read along.
//!
//! Commands are as long as a SET of a 16-byte key and a 64-byte value on the wire.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tandem::log::{CursorId, Log, Offset};

const COMMAND: [u8; 110] = [b'x'; 110];
const BACKLOG_BYTES: u64 = 1 << 20;
const READ_BYTES: usize = 64 * 1024;

fn active_log() -> Log {
    let mut log = Log::new(BACKLOG_BYTES);
    log.activate();
    log
}

/// Reads and passes all that a peer has not had yet; answers the bytes.
fn catch_up(log: &mut Log, peer: CursorId) -> usize {
    let mut total = 0;
    loop {
        let at = log.position_of(peer).expect("the cursor is attached");
        let bytes = log.read(at, READ_BYTES).expect("a cursor's bytes are held");
        if bytes.is_empty() {
            return total;
        }
        total += bytes.len();
        log.advance(peer, bytes.len() as u64);
    }
}

fn append(c: &mut Criterion) {
    let mut group = c.benchmark_group("log/append");
    group.throughput(Throughput::Bytes(COMMAND.len() as u64));
    group.bench_function("inactive", |b| {
        let mut log = Log::new(BACKLOG_BYTES);
        b.iter(|| log.append(black_box(&COMMAND)));
    });
    group.bench_function("no_peer", |b| {
        let mut log = active_log();
        b.iter(|| log.append(black_box(&COMMAND)));
    });
    group.finish();
}

fn append_and_read(c: &mut Criterion) {
    let mut group = c.benchmark_group("log/append_with_readers");
    group.throughput(Throughput::Bytes(COMMAND.len() as u64));
    for peers in [1, 4] {
        for (name, commands_per_read) in [("every_command", 1), ("every_64_commands", 64)] {
            group.bench_function(format!("{peers}_peers/{name}"), |b| {
                let mut log = active_log();
                let cursors: Vec<CursorId> = (0..peers).map(|_| log.attach(Offset::ZERO).expect("held")).collect();
                let mut appended = 0;
                b.iter(|| {
                    log.append(black_box(&COMMAND));
                    appended += 1;
                    if appended % commands_per_read == 0 {
                        for cursor in &cursors {
                            black_box(catch_up(&mut log, *cursor));
                        }
                    }
                });
            });
        }
    }
    group.finish();
}

fn read_behind(c: &mut Criterion) {
    let held_bytes = 256 << 20;
    let mut group = c.benchmark_group("log/late_peer");
    group.throughput(Throughput::Bytes(held_bytes));
    group.sample_size(10);
    group.bench_function("reads_256_MB_of_sealed_blocks", |b| {
        let mut log = Log::new(held_bytes);
        log.activate();
        for _ in 0..held_bytes / COMMAND.len() as u64 {
            log.append(&COMMAND);
        }
        b.iter(|| {
            let peer = log.attach(log.first()).expect("held");
            let bytes = catch_up(&mut log, peer);
            log.detach(peer);
            bytes
        });
    });
    group.finish();
}

criterion_group!(benches, append, append_and_read, read_behind);
criterion_main!(benches);
