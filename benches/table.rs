//! The keyspace's table: growth step by step, lookups and overwrites, bytes per key.
//!
//! `cargo bench --bench table`; KEYS=10000000 and VALUE=16 by default. All times are thread CPU
//! time; where single calls are timed, the clock itself costs more than a call.

mod common;

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::hint::black_box;

use common::{HASHER, Sequence, Times, filled, key, resident_bytes, setting, settle, thread_cpu_ns};
use siphasher::sip::SipHasher13;
use tandem::alloc;
use tandem::keyspace::{Key, KeyHasher, Keyspace, NewValue};

const BATCH: usize = 32;

fn main() {
    let keys = setting("KEYS", 10_000_000);
    let value = vec![b'v'; setting("VALUE", 16)];
    println!("{keys} keys of 16 bytes, values of {} bytes\n", value.len());
    let mut keyspace = memory(keys, &value);
    let mut sequence = Sequence(1);
    let picks: Vec<[u8; 16]> = (0..4_000_000).map(|_| key(sequence.below(keys))).collect();
    lookups(&mut keyspace, &picks, &value);
    common::keep_freed_pages();
    keyspace.flush(0);
    settle(&keyspace);
    peer(keys, &picks, &value);
    growth(keys, &value);
}

fn memory(keys: usize, value: &[u8]) -> Keyspace {
    let (used, resident) = (alloc::used_bytes(), resident_bytes());
    let start = thread_cpu_ns();
    let keyspace = filled(keys, value);
    let ns = (thread_cpu_ns() - start) as usize / keys;
    let shape = keyspace.db(0).shape();
    let per_key = |bytes: usize| bytes as f64 / keys as f64;
    println!("| filling, ns per key | allocated, bytes per key | resident | directory | keys per segment |");
    println!("|---|---|---|---|---|");
    println!(
        "| {ns} | {:.1} | {:.1} | {:.2} | {:.1} |\n",
        per_key(alloc::used_bytes() - used),
        per_key(resident_bytes() - resident),
        per_key(shape.directory_bytes),
        keys as f64 / shape.segments as f64
    );
    keyspace
}

fn lookups(keyspace: &mut Keyspace, picks: &[[u8; 16]], value: &[u8]) {
    println!("| loop, ns per call | plain | prefetched in batches of {BATCH} |\n|---|---|---|");
    let hasher = keyspace.hasher();
    let get = |keyspace: &mut Keyspace, key: Key<'_>| {
        black_box(keyspace.db(0).get(key).expect("all keys are there").expire_at());
    };
    let set = |keyspace: &mut Keyspace, key: Key<'_>| {
        black_box(keyspace.db_mut(0).insert(key, NewValue::String(value), None, 0));
    };
    row("GET", keyspace, hasher, picks, get);
    row("SET over a value of equal length", keyspace, hasher, picks, set);
    let missing: Vec<[u8; 16]> = picks.iter().map(|key| key.map(|byte| byte ^ 0x40)).collect();
    let miss = |keyspace: &mut Keyspace, key: Key<'_>| assert!(keyspace.db(0).get(key).is_none());
    row("GET of a missing key", keyspace, hasher, &missing, miss);
    println!();
}

fn row(
    name: &str,
    keyspace: &mut Keyspace,
    hasher: KeyHasher,
    picks: &[[u8; 16]],
    call: impl Fn(&mut Keyspace, Key<'_>),
) {
    let start = thread_cpu_ns();
    picks.iter().for_each(|bytes| call(keyspace, hasher.key(bytes)));
    let plain = (thread_cpu_ns() - start) as usize / picks.len();
    let start = thread_cpu_ns();
    for batch in picks.chunks_exact(BATCH) {
        let batch: [Key<'_>; BATCH] = std::array::from_fn(|index| hasher.key(&batch[index]));
        batch.iter().for_each(|key| keyspace.db(0).prefetch_bucket(key.hash));
        batch.iter().for_each(|key| keyspace.db(0).prefetch_blob(key.hash));
        batch.iter().for_each(|key| call(keyspace, *key));
    }
    let prefetched = (thread_cpu_ns() - start) as usize / picks.len();
    println!("| {name} | {plain} | {prefetched} |");
}

/// The same loop on std's map of boxed slices, with the same hash function: a figure to read the others by.
fn peer(keys: usize, picks: &[[u8; 16]], value: &[u8]) {
    let used = alloc::used_bytes();
    let mut map: HashMap<Box<[u8]>, Box<[u8]>, BuildHasherDefault<SipHasher13>> = HashMap::default();
    for n in 0..keys {
        map.insert(key(n).into(), value.into());
    }
    let per_key = (alloc::used_bytes() - used) as f64 / keys as f64;
    let start = thread_cpu_ns();
    for bytes in picks {
        black_box(map.get(&bytes[..]).expect("all keys are there").len());
    }
    let ns = (thread_cpu_ns() - start) as usize / picks.len();
    println!("std's HashMap beside it: {per_key:.1} bytes per key, GET {ns} ns\n");
}

/// Inserts one by one, on memory that has been touched before. What an insert did shows in the table's shape.
fn growth(keys: usize, value: &[u8]) {
    let mut keyspace = Keyspace::new(16, KeyHasher::new(HASHER));
    let hasher = keyspace.hasher();
    let db = keyspace.db_mut(0);
    let (mut plain, mut splits, mut directory) = (Times::with_capacity(keys), Times::default(), Times::default());
    let mut shape = db.shape();
    for n in 0..keys {
        let bytes = key(n);
        let key = hasher.key(&bytes);
        let start = thread_cpu_ns();
        db.insert(key, NewValue::String(value), None, 0);
        let ns = thread_cpu_ns() - start;
        let now = db.shape();
        let times = match () {
            () if now.directory_bytes != shape.directory_bytes => &mut directory,
            () if now.segments != shape.segments => &mut splits,
            () => &mut plain,
        };
        times.add(ns);
        shape = now;
    }
    println!(
        "| insert by what it did, ns of thread CPU | count | p50 | p99 | p99.9 | longest |\n|---|---|---|---|---|---|"
    );
    plain.row("no split");
    splits.row("a segment split");
    directory.row("the directory grew too");
}
