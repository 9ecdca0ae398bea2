//! Snapshots: taking them, walking them while others write, and what that costs in time and memory.
//!
//! `cargo bench --bench snapshot`; KEYS=10000000, VALUE=16 and PACE_MS=5000 (how long the slow walk takes) by default.

mod common;

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::{Sequence, Times, filled, key, resident_bytes, setting, settle, thread_cpu_ns};
use tandem::alloc;
use tandem::keyspace::{Keyspace, NewValue, Snapshot, Value};

fn main() {
    let keys = setting("KEYS", 10_000_000);
    let value = vec![b'v'; setting("VALUE", 16)];
    println!("{keys} keys of 16 bytes, values of {} bytes\n", value.len());
    let mut keyspace = filled(keys, &value);
    taking(&mut keyspace, keys, &value);
    walking_alone(&mut keyspace);
    println!("| random SETs at full speed | SETs | p50 ns CPU | p99 | p99.9 | longest |\n|---|---|---|---|---|---|");
    let base = alloc::used_bytes();
    writing(&mut keyspace, keys, &value, "no snapshot", || true);
    let fast = beside(&mut keyspace, keys, &value, "walked at full speed", Duration::ZERO);
    let pace = Duration::from_millis(setting("PACE_MS", 5000) as u64);
    let slow = beside(&mut keyspace, keys, &value, "walked slowly", pace);
    let percent = |bytes: usize| 100.0 * bytes.saturating_sub(base) as f64 / base as f64;
    println!(
        "\npeak of extra memory: {:.1} % walked at full speed, {:.1} % walked slowly",
        percent(fast),
        percent(slow)
    );
    resident(keyspace.db(0).shape().bytes);
}

/// How much memory stays with the process after the snapshots are gone.
fn resident(table: usize) {
    println!("\n| resident memory, % of the table's bytes | |\n|---|---|");
    let row = |name: &str| println!("| {name} | {:.1} |", 100.0 * resident_bytes() as f64 / table as f64);
    row("after the last snapshot");
    thread::sleep(Duration::from_secs(12));
    row("12 s later");
    alloc::purge();
    row("after a purge");
}

/// Takes snapshots one after the other, with writes between them, so that there is something to take.
fn taking(keyspace: &mut Keyspace, keys: usize, value: &[u8]) {
    let hasher = keyspace.hasher();
    let (mut sequence, mut times, mut first_writes) = (Sequence(3), Times::default(), Times::default());
    for _ in 0..300 {
        let start = thread_cpu_ns();
        let snapshot = keyspace.snapshot();
        times.add(thread_cpu_ns() - start);
        for _ in 0..100 {
            let bytes = key(sequence.below(keys));
            let start = thread_cpu_ns();
            keyspace.db_mut(0).insert(hasher.key(&bytes), NewValue::String(value), None, 0);
            first_writes.add(thread_cpu_ns() - start);
        }
        drop(snapshot);
    }
    println!("| ns of thread CPU | count | p50 | p99 | p99.9 | longest |\n|---|---|---|---|---|---|");
    times.row("taking a snapshot");
    first_writes.row("the first SETs after it");
    println!();
}

fn walking_alone(keyspace: &mut Keyspace) {
    let snapshot = keyspace.snapshot();
    let start = Instant::now();
    let seen = walk(snapshot, Duration::ZERO);
    println!("walked {seen} keys in {} ms, no lock taken (a walker has none)\n", start.elapsed().as_millis());
}

/// Reads all keys and values, spread over `pace`.
fn walk(snapshot: Snapshot, pace: Duration) -> usize {
    let keys = snapshot.db_size(0).0;
    let start = Instant::now();
    let mut walker = snapshot.walk();
    let mut seen = 0;
    while let Some(entry) = walker.next() {
        let Value::String(string) = entry.value else { continue };
        black_box((entry.key, string.chunks().map(<[u8]>::len).sum::<usize>()));
        seen += 1;
        if seen % 4096 == 0 && !pace.is_zero() {
            let due = pace.mul_f64(seen as f64 / keys as f64);
            thread::sleep(due.saturating_sub(start.elapsed()));
        }
    }
    seen
}

/// Random overwrites until told to stop, at least 300,000. Answers the peak of bytes in use.
fn writing(keyspace: &mut Keyspace, keys: usize, value: &[u8], name: &str, done: impl Fn() -> bool) -> usize {
    let hasher = keyspace.hasher();
    let (mut sequence, mut times, mut peak) = (Sequence(9), Times::with_capacity(20_000_000), 0);
    let start = Instant::now();
    let mut count = 0;
    while count < 300_000 || !done() {
        let bytes = key(sequence.below(keys));
        let key = hasher.key(&bytes);
        let start = thread_cpu_ns();
        keyspace.db_mut(0).insert(key, NewValue::String(value), None, 0);
        times.add(thread_cpu_ns() - start);
        count += 1;
        if count % 1024 == 0 {
            peak = peak.max(alloc::used_bytes());
        }
    }
    let elapsed = start.elapsed();
    times.row(&format!("{name}, {:.1} s", elapsed.as_secs_f64()));
    drop(times);
    peak
}

fn beside(keyspace: &mut Keyspace, keys: usize, value: &[u8], name: &str, pace: Duration) -> usize {
    let snapshot = keyspace.snapshot();
    let ended = AtomicBool::new(false);
    let peak = thread::scope(|scope| {
        scope.spawn(|| {
            walk(snapshot, pace);
            ended.store(true, Ordering::Release);
        });
        writing(keyspace, keys, value, name, || ended.load(Ordering::Acquire))
    });
    settle(keyspace);
    // The times' own buffer is not the keyspace's.
    peak.saturating_sub(20_000_000 * size_of::<u32>())
}
