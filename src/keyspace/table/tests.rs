//! The table alone, with hashers that collide as no secret hasher would.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{RecordRef, Table};
use crate::keyspace::blob::{Blob, Content, Kind};
use crate::keyspace::epoch::Epochs;
use crate::keyspace::{Key, KeyHasher};

struct Fixture {
    table: Option<Table<Blob>>,
    hasher: KeyHasher,
}

impl Fixture {
    /// Hashes keep only the bits of `mask`.
    fn new(mask: u64) -> Fixture {
        let hasher = KeyHasher::masked((1, 2), mask);
        Fixture { table: Some(Table::new(Epochs::new(), hasher)), hasher }
    }

    fn table(&mut self) -> &mut Table<Blob> {
        self.table.as_mut().unwrap()
    }

    fn insert(&mut self, key: &str, expire_at: Option<i64>) {
        let key = self.hasher.key(key.as_bytes());
        let content = Content::Inline { kind: Kind::String, parts: &[b"value"], raw: false };
        self.table().insert(key.hash, Blob::new(key.bytes, content, expire_at, 0));
    }

    fn has(&mut self, key: &str) -> bool {
        let key = self.hasher.key(key.as_bytes());
        self.table().find(key).is_some()
    }

    fn remove(&mut self, key: &str) -> bool {
        let key: Key<'_> = self.hasher.key(key.as_bytes());
        let spot = self.table().locate(key).map(|(_, spot)| spot);
        spot.into_iter().for_each(|spot| self.table().remove(key.hash, spot));
        spot.is_some()
    }

    fn segments(&mut self) -> usize {
        self.table().segments()
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        // SAFETY: these tables have no snapshots.
        unsafe { self.table.take().unwrap().free_whole() };
    }
}

fn name(n: usize) -> String {
    format!("key:{n}")
}

fn grows_and_shrinks(mask: u64, keys: usize, most_segments: usize) {
    let mut fixture = Fixture::new(mask);
    let empty = fixture.table().bytes();
    for n in 0..keys {
        fixture.insert(&name(n), (n % 3 == 0).then_some(n as i64));
    }
    assert!((0..keys).all(|n| fixture.has(&name(n))) && !fixture.has("missing"));
    assert!(fixture.segments() <= most_segments, "{} segments", fixture.segments());
    assert_eq!((fixture.table().len(), fixture.table().volatile_len()), (keys, keys.div_ceil(3)));
    let mut walked = HashSet::new();
    fixture.table().for_each(&mut |record| assert!(walked.insert(record.key().to_vec())));
    assert_eq!(walked.len(), keys);
    for n in (0..keys).rev() {
        assert!(fixture.remove(&name(n)) && !fixture.remove(&name(n)));
    }
    assert!(fixture.segments() <= 2, "{} segments are left", fixture.segments());
    let left = fixture.table().bytes();
    assert!(left <= 3 * empty, "{left} bytes are left, an empty table has {empty}");
}

#[test]
fn good_hashes_grow_and_shrink() {
    grows_and_shrinks(u64::MAX, 200_000, 200_000 / 47);
}

#[test]
fn equal_hashes_make_a_chain_not_a_directory() {
    grows_and_shrinks(0, 3000, 20);
}

#[test]
fn hashes_of_three_bits_make_chains() {
    grows_and_shrinks(0xe000_0000_0000_0000, 6000, 100);
}

#[test]
fn hashes_without_their_low_bits_fill_buckets_unevenly() {
    grows_and_shrinks(!0xffff, 20_000, 1000);
}

#[test]
fn hashes_with_equal_prefixes_reach_the_depth_limit() {
    grows_and_shrinks(0x0000_00ff_ffff_ffff, 20_000, 300);
}

#[test]
fn a_scan_sees_what_is_there_throughout() {
    for seed in 0..8 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut fixture = Fixture::new(u64::MAX);
        let (stable, passing) = (3000, 20_000);
        (0..stable).for_each(|n| fixture.insert(&name(n), None));
        let (mut seen, mut cursor, mut steps) = (HashSet::new(), 0, 0);
        let growing = seed % 2 == 0;
        if !growing {
            (stable..stable + passing).for_each(|n| fixture.insert(&name(n), None));
        }
        let mut next = stable;
        loop {
            cursor = fixture.table().scan(cursor, &mut |record| {
                seen.insert(record.key().to_vec());
            });
            steps += 1;
            if cursor == 0 {
                break;
            }
            for _ in 0..rng.random_range(0..40) {
                if next < stable + passing {
                    if growing {
                        fixture.insert(&name(next), None)
                    } else {
                        assert!(fixture.remove(&name(next)))
                    }
                    next += 1;
                }
            }
            assert!(steps < 100_000, "a scan ends");
        }
        assert!((0..stable).all(|n| seen.contains(name(n).as_bytes())));
    }
}

#[test]
fn any_number_is_a_cursor() {
    let mut fixture = Fixture::new(u64::MAX);
    (0..1000).for_each(|n| fixture.insert(&name(n), None));
    for cursor in [1, 15, 16, u64::MAX, u64::MAX - 1, 1 << 53, 0xffff, 63 << 4] {
        let mut cursor = fixture.table().scan(cursor, &mut |_| {});
        for _ in 0..10_000 {
            cursor = if cursor == 0 { break } else { fixture.table().scan(cursor, &mut |_| {}) };
        }
        assert_eq!(cursor, 0);
    }
}

#[test]
fn random_records_are_near_enough_to_uniform() {
    for keys in [1, 40, 3000] {
        let mut fixture = Fixture::new(u64::MAX);
        (0..keys).for_each(|n| fixture.insert(&name(n), (n % 10 == 0).then_some(1)));
        let mut rng = StdRng::seed_from_u64(5);
        let mut counts: HashMap<Vec<u8>, usize> = HashMap::new();
        for _ in 0..keys * 100 {
            let record = fixture.table().random(&mut rng).unwrap();
            *counts.entry(record.key().to_vec()).or_default() += 1;
            assert!(fixture.table().random_volatile(&mut rng).unwrap().expire_at().is_some());
        }
        assert_eq!(counts.len(), keys);
        assert!(counts.values().all(|count| (20..400).contains(count)), "{:?}", counts.values().max());
    }
}

#[test]
fn the_only_volatile_record_is_found() {
    let mut fixture = Fixture::new(u64::MAX);
    (0..100_000).for_each(|n| fixture.insert(&name(n), (n == 777).then_some(1)));
    let mut rng = StdRng::seed_from_u64(5);
    for _ in 0..20 {
        assert_eq!(fixture.table().random_volatile(&mut rng).unwrap().key(), name(777).as_bytes());
    }
}

#[test]
fn expired_records_are_found_without_looking_at_others() {
    let mut fixture = Fixture::new(u64::MAX);
    (0..50_000).for_each(|n| fixture.insert(&name(n), (n % 1000 == 7).then_some(n as i64)));
    let mut due = Vec::new();
    let mut hash = Some(0);
    while let Some(from) = hash {
        hash = fixture.table().expired(from, 20_000, 10, &mut |record| due.push(record.expire_at().unwrap()));
    }
    due.sort_unstable();
    assert!(due.into_iter().eq((0..20).map(|thousand| thousand * 1000 + 7)));
}

#[test]
fn records_are_retired_only_while_a_snapshot_needs_them() {
    let epochs = Epochs::new();
    let hasher = KeyHasher::new((1, 2));
    let mut fixture = Fixture { table: Some(Table::new(Arc::clone(&epochs), hasher)), hasher };
    (0..500).for_each(|n| fixture.insert(&name(n), None));
    (0..100).for_each(|n| assert!(fixture.remove(&name(n))));
    assert_eq!(epochs.retired_bytes(), 0);
    let epoch = epochs.begin_snapshot();
    let view = fixture.table().view(epoch);
    fixture.insert("young", None);
    let copied_segment = epochs.retired_bytes();
    assert!(copied_segment >= 1024);
    fixture.remove("young");
    assert_eq!(epochs.retired_bytes(), copied_segment, "what is young dies at once");
    fixture.remove(&name(200));
    let with_record = epochs.retired_bytes();
    assert!(with_record > copied_segment);
    view.finish();
    (300..400).for_each(|n| assert!(fixture.remove(&name(n))));
    assert_eq!(epochs.retired_bytes(), with_record, "what the walker has passed dies at once");
    epochs.end_snapshot(epoch);
    drop(crate::keyspace::epoch::Freeing::start(&epochs));
    assert_eq!(epochs.retired_bytes(), 0);
}
