//! The counted tree: by position, in order with ranks, under a kept version; and large strings, which lie in one.
//!
//! `cargo bench --bench tree`; ITEMS=5000000 and STRING_MB=256 by default. All
//! times are thread CPU time.

mod common;

use std::hint::black_box;

use common::{HASHER, Sequence, Times, setting, thread_cpu_ns};
use tandem::keyspace::{KeyHasher, Keyspace, NewValue, Numbers, Value};

fn main() {
    let items = setting("ITEMS", 5_000_000) as u64;
    println!("{items} items of 8 bytes\n\n| loop | ns per call |\n|---|---|");
    let pushed = by_position(items);
    let mut ordered = in_order(items);
    println!("\nbytes per item: {:.1} pushed, {:.1} in random order\n", pushed, ordered.bytes() as f64 / items as f64);
    under_a_version(&mut ordered);
    large_string(setting("STRING_MB", 256) << 20);
}

fn timed(name: &str, calls: u64, mut call: impl FnMut()) {
    let start = thread_cpu_ns();
    (0..calls).for_each(|_| call());
    println!("| {name} | {:.0} |", (thread_cpu_ns() - start) as f64 / calls as f64);
}

fn by_position(items: u64) -> f64 {
    let (mut numbers, mut sequence) = (Numbers::default(), Sequence(1));
    timed("push", items, || numbers.push(sequence.next()));
    let per_item = numbers.bytes() as f64 / items as f64;
    let mut at = Sequence(2);
    timed("item at a random position", 1_000_000, || {
        black_box(numbers.at(at.below(items as usize) as u64));
    });
    timed("insert at a random position", 1_000_000, || {
        numbers.insert_at(at.below(numbers.len() as usize) as u64, 7);
    });
    timed("remove at a random position", 1_000_000, || {
        numbers.remove_at(at.below(numbers.len() as usize) as u64);
    });
    let start = thread_cpu_ns();
    black_box(numbers.sum_from(0));
    println!("| walk, per item | {:.1} |", (thread_cpu_ns() - start) as f64 / items as f64);
    per_item
}

fn in_order(items: u64) -> Numbers {
    let (mut numbers, mut sequence) = (Numbers::default(), Sequence(3));
    timed("insert in order, random numbers", items, || {
        numbers.insert_in_order(sequence.next());
    });
    let mut probe = Sequence(4);
    timed("rank of a random number", 1_000_000, || {
        black_box(numbers.rank(probe.next()).is_ok());
    });
    numbers
}

/// What a write costs that must first copy its path, and the ones after it.
fn under_a_version(numbers: &mut Numbers) {
    let (mut first, mut later, mut sequence) = (Times::default(), Times::default(), Sequence(5));
    for _ in 0..200 {
        let version = numbers.version();
        for write in 0..50 {
            let number = sequence.next();
            let start = thread_cpu_ns();
            numbers.insert_in_order(number);
            let ns = thread_cpu_ns() - start;
            if write == 0 { first.add(ns) } else { later.add(ns) }
        }
        drop(version);
    }
    println!("| ns of thread CPU | count | p50 | p99 | p99.9 | longest |\n|---|---|---|---|---|---|");
    first.row("first insert after a version was kept");
    later.row("the next ones");
}

fn large_string(len: usize) {
    let mut keyspace = Keyspace::new(1, KeyHasher::new(HASHER));
    let key = keyspace.hasher().key(b"large");
    let piece = [b'p'; 1000];
    keyspace.db_mut(0).insert(key, NewValue::String(&piece), None, 0);
    let (mut appends, mut patches, mut shared, mut ranges) =
        (Times::default(), Times::default(), Times::default(), Times::default());
    let timed = |times: &mut Times, call: &mut dyn FnMut()| {
        let start = thread_cpu_ns();
        call();
        times.add(thread_cpu_ns() - start);
    };
    let mut now = piece.len();
    while now < len {
        timed(&mut appends, &mut || now = keyspace.db_mut(0).append(key, &piece));
    }
    let mut at = Sequence(6);
    for _ in 0..100_000 {
        let offset = at.below(len - piece.len());
        timed(&mut patches, &mut || {
            black_box(keyspace.db_mut(0).set_range(key, offset, &piece));
        });
    }
    for _ in 0..300 {
        let snapshot = keyspace.snapshot();
        let offset = at.below(len - piece.len());
        timed(&mut shared, &mut || {
            black_box(keyspace.db_mut(0).set_range(key, offset, &piece));
        });
        drop(snapshot);
    }
    for _ in 0..100_000 {
        let offset = at.below(len - piece.len());
        let Value::String(string) = keyspace.db(0).get(key).expect("it is there").value() else { return };
        timed(&mut ranges, &mut || drop(black_box(string.range(offset, offset + piece.len()))));
    }
    println!("\n| string of {} MB, ns of thread CPU | count | p50 | p99 | p99.9 | longest |", len >> 20);
    println!("|---|---|---|---|---|---|");
    appends.row("APPEND of 1,000 bytes");
    patches.row("SETRANGE of 1,000 bytes");
    shared.row("the first SETRANGE after a snapshot");
    ranges.row("GETRANGE of 1,000 bytes");
}
