//! Scenarios of snapshots that the rules of the keyspace were written for.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tandem::config::CollectionLimits;
use tandem::keyspace::{Key, KeyHasher, Keyspace, NewValue, Snapshot, SortedSet, Value, Walker};

type Seen = BTreeMap<(usize, Vec<u8>), Vec<u8>>;

fn hashed(key: &[u8]) -> Key<'_> {
    KeyHasher::new((1, 2)).key(key)
}

fn name(n: usize) -> Vec<u8> {
    format!("key:{n}").into_bytes()
}

fn keyspace(keys: usize) -> Keyspace {
    let mut keyspace = Keyspace::new(4, KeyHasher::new((1, 2)));
    for n in 0..keys {
        set(&mut keyspace, 0, &name(n), &name(n));
    }
    keyspace
}

fn set(keyspace: &mut Keyspace, db: usize, key: &[u8], value: &[u8]) {
    keyspace.db_mut(db).insert(hashed(key), NewValue::String(value), None, 0);
}

fn bytes(value: Value<'_>) -> Vec<u8> {
    match value {
        Value::String(string) => string.to_cow().into_owned(),
        _ => panic!("only strings are stored"),
    }
}

fn walk_some(walker: &mut Walker, seen: &mut Seen, count: usize) {
    for _ in 0..count {
        let Some(entry) = walker.next() else { return };
        seen.insert((entry.db, entry.key.to_vec()), bytes(entry.value));
    }
}

fn walk(snapshot: Snapshot) -> Seen {
    let mut seen = Seen::new();
    walk_some(&mut snapshot.walk(), &mut seen, usize::MAX);
    seen
}

fn soon(what: &str, condition: impl Fn() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_large_value_renamed_behind_the_walker_keeps_its_moment() {
    let mut keyspace = keyspace(3000);
    let large = vec![b'a'; 200_000];
    (0..3000).step_by(100).for_each(|n| set(&mut keyspace, 0, &name(n), &large));
    let mut walker = keyspace.snapshot().walk();
    let mut seen = Seen::new();
    walk_some(&mut walker, &mut seen, 1);
    // Its segment will have been left.
    let behind = seen.keys().next().map(|(_, key)| key.clone()).expect("one key was seen");
    walk_some(&mut walker, &mut seen, 1500);
    let passed = |n: &usize| seen.contains_key(&(0, name(*n)));
    let ahead = (0..3000).step_by(100).find(|n| !passed(n)).expect("a large value lies ahead");
    assert!(keyspace.db_mut(0).rename(hashed(&name(ahead)), hashed(&behind)));
    keyspace.db_mut(0).set_range(hashed(&behind), 1000, b"changed");
    keyspace.db_mut(0).append(hashed(&behind), b"longer");
    walk_some(&mut walker, &mut seen, usize::MAX);
    assert_eq!(seen.len(), 3000);
    assert!(seen[&(0, name(ahead))] == large, "the walker saw a later value");
}

#[test]
fn a_large_value_moved_to_another_database_keeps_its_moment() {
    let mut keyspace = keyspace(100);
    let large: Vec<u8> = (0..300_000u32).map(|n| n as u8).collect();
    set(&mut keyspace, 0, b"large", &large);
    let snapshot = keyspace.snapshot();
    assert!(keyspace.move_key(hashed(b"large"), 0, 3));
    for offset in (0..300_000).step_by(5000) {
        keyspace.db_mut(3).set_range(hashed(b"large"), offset, b"changed");
    }
    keyspace.db_mut(3).remove(hashed(b"large"));
    assert!(walk(snapshot)[&(0, b"large".to_vec())] == large);
}

#[test]
fn the_first_write_to_a_large_value_copies_a_path_not_the_value() {
    let mut keyspace = keyspace(0);
    set(&mut keyspace, 0, b"large", &vec![b'a'; 8 << 20]);
    let snapshot = keyspace.snapshot();
    keyspace.db_mut(0).set_range(hashed(b"large"), 4 << 20, b"b");
    keyspace.db_mut(0).append(hashed(b"large"), b"b");
    let retired = keyspace.retired_bytes();
    assert!((16_384..64_000).contains(&retired), "{retired} bytes were replaced");
    drop(snapshot);
}

#[test]
fn the_first_write_to_a_large_sorted_set_copies_two_paths_not_the_set() {
    const LIMITS: CollectionLimits = CollectionLimits::DEFAULT;
    let mut keyspace = keyspace(0);
    let mut set = SortedSet::default();
    (0..200_000).for_each(|n| set.push(&name(n), n as f64));
    keyspace.db_mut(0).insert(hashed(b"large"), NewValue::SortedSet(&set, &LIMITS), None, 0);
    let snapshot = keyspace.snapshot();
    let scores = keyspace.db_mut(0).sorted_set_update(hashed(b"large"), &name(77), &LIMITS, |_| Some(150_000.5));
    assert_eq!(scores, (Some(77.0), Some(150_000.5)));
    let retired = keyspace.retired_bytes();
    assert!((1_024..64_000).contains(&retired), "{retired} bytes were replaced");
    let mut walker = snapshot.walk();
    let Some(Value::SortedSet(before)) = walker.next().map(|entry| entry.value) else { panic!("a sorted set") };
    assert_eq!((before.rank(&name(77)), before.len()), (Some((77, 77.0)), 200_000));
    let entry = keyspace.db(0).get(hashed(b"large"));
    let Some(Value::SortedSet(now)) = entry.map(|entry| entry.value()) else { panic!("a sorted set") };
    assert_eq!(now.rank(&name(77)), Some((150_000, 150_000.5)));
}

#[test]
fn databases_swapped_and_flushed_under_a_walker_are_walked_as_they_were() {
    let mut keyspace = keyspace(2000);
    set(&mut keyspace, 1, b"one", b"1");
    let before = walk(keyspace.snapshot());
    let mut walker = keyspace.snapshot().walk();
    let mut seen = Seen::new();
    walk_some(&mut walker, &mut seen, 700);
    keyspace.swap(0, 1);
    (0..2000).for_each(|n| set(&mut keyspace, 1, &name(n), b"changed"));
    let middle = keyspace.snapshot();
    assert_eq!(keyspace.flush(1), 2000);
    set(&mut keyspace, 1, b"new", b"value");
    walk_some(&mut walker, &mut seen, usize::MAX);
    assert_eq!(seen, before);
    let seen = walk(middle);
    assert!((0..2000).all(|n| seen[&(1, name(n))] == b"changed") && seen[&(0, b"one".to_vec())] == b"1");
    assert_eq!(walk(keyspace.snapshot()).len(), 2);
}

#[test]
fn what_a_walker_has_passed_is_changed_in_place() {
    let mut keyspace = keyspace(5000);
    let mut walker = keyspace.snapshot().walk();
    walk_some(&mut walker, &mut Seen::new(), usize::MAX);
    assert_eq!(keyspace.live_snapshots(), 1);
    (0..5000).for_each(|n| set(&mut keyspace, 0, &name(n), b"another value, and a longer one than before"));
    (0..2500).for_each(|n| assert!(keyspace.db_mut(0).remove(hashed(&name(n)))));
    assert_eq!(keyspace.retired_bytes(), 0);
}

#[test]
fn all_that_was_retired_is_freed_with_the_last_snapshot() {
    let mut keyspace = keyspace(5000);
    let (first, second) = (keyspace.snapshot(), keyspace.snapshot());
    (0..5000).for_each(|n| set(&mut keyspace, 0, &name(n), b"another value, and a longer one than before"));
    let retired = keyspace.retired_bytes();
    assert!(retired > 5000 * 16);
    drop(first);
    assert_eq!((keyspace.live_snapshots(), keyspace.retired_bytes()), (1, retired));
    assert_eq!(walk(second).len(), 5000);
    soon("what was retired is freed", || keyspace.retired_bytes() == 0);
}

#[test]
fn evicting_by_each_keys_own_size_ends_under_a_snapshot() {
    let mut keyspace = keyspace(10_000);
    let snapshot = keyspace.snapshot();
    let mut to_free = 100_000;
    let mut victims = 0;
    for n in 0..10_000 {
        let size = keyspace.db(0).get(hashed(&name(n))).map_or(0, |entry| entry.size_bytes());
        assert!((24..100).contains(&size));
        keyspace.db_mut(0).remove(hashed(&name(n)));
        victims += 1;
        to_free -= size as i64;
        if to_free <= 0 {
            break;
        }
    }
    assert!(victims <= 100_000 / 24 + 1);
    assert_eq!(walk(snapshot).len(), 10_000);
}

#[test]
fn a_walk_outlives_its_keyspace() {
    let mut keyspace = keyspace(3000);
    set(&mut keyspace, 2, b"large", &vec![b'a'; 100_000]);
    let snapshot = keyspace.snapshot();
    drop(keyspace);
    assert_eq!(walk(snapshot).len(), 3001);
}
