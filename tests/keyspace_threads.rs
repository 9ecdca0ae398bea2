//! Walkers in threads of their own while the keyspace is written to, checked by sums that the writer keeps.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use tandem::keyspace::{Key, KeyHasher, Keyspace, NewValue, Snapshot, Value, Walker};

const HASHER: (u64, u64) = (3, 5);
const KEYS: u32 = 20_000;

fn hashed(key: &[u8]) -> Key<'_> {
    KeyHasher::new(HASHER).key(key)
}

/// A number for a key with its value; databases are summed with it, in any order.
fn digest(key: &[u8], value: impl Iterator<Item = u8>) -> u64 {
    let bytes = key.iter().copied().chain(value);
    bytes.fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

fn digest_of(keyspace: &Keyspace, db: usize, key: &[u8]) -> u64 {
    let Some(entry) = keyspace.db(db).get(hashed(key)) else { return 0 };
    value_digest(key, entry.value())
}

fn value_digest(key: &[u8], value: Value<'_>) -> u64 {
    match value {
        Value::String(string) => digest(key, string.chunks().flatten().copied()),
        _ => 0,
    }
}

fn walk(snapshot: Snapshot) -> u64 {
    let mut walker: Walker = snapshot.walk();
    let mut sum = 0u64;
    while let Some(entry) = walker.next() {
        sum = sum.wrapping_add(value_digest(entry.key, entry.value) ^ entry.db as u64);
    }
    sum
}

/// The writer: random changes, and the sum that a walk at this moment gives.
struct Writer {
    rng: StdRng,
    keyspace: Keyspace,
    sum: u64,
}

impl Writer {
    /// Changes one key and keeps the sum.
    fn change(&mut self) {
        let db = self.rng.random_range(0..2);
        let key = self.rng.random_range(0..KEYS).to_be_bytes();
        self.sum = self.sum.wrapping_sub(self.part(db, &key));
        self.change_key(db, &key);
        self.sum = self.sum.wrapping_add(self.part(db, &key));
    }

    fn part(&self, db: usize, key: &[u8]) -> u64 {
        let exists = self.keyspace.db(db).get(hashed(key)).is_some();
        if exists { digest_of(&self.keyspace, db, key) ^ db as u64 } else { 0 }
    }

    fn change_key(&mut self, db: usize, key: &[u8]) {
        let choice = self.rng.random_range(0..100);
        let large = u32::from_be_bytes([key[0], key[1], key[2], key[3]]) < 4;
        let mut bytes = vec![0; self.rng.random_range(0..if large { 100_000 } else { 50 })];
        self.rng.fill_bytes(&mut bytes);
        let db = self.keyspace.db_mut(db);
        match choice {
            0..30 => drop(db.remove(hashed(key))),
            30..45 if db.get(hashed(key)).is_some() => {
                let Value::String(string) = db.get(hashed(key)).unwrap().value() else { return };
                let offset = self.rng.random_range(0..=string.len());
                db.set_range(hashed(key), offset, &bytes[..bytes.len().min(2000)]);
            }
            45..50 if db.get(hashed(key)).is_some() => drop(db.append(hashed(key), &bytes[..bytes.len() / 2])),
            50..60 => drop(db.set_expire(hashed(key), self.rng.random::<bool>().then_some(5))),
            _ => drop(db.insert(hashed(key), NewValue::String(&bytes), None, choice)),
        }
        if let Some(entry) = db.get(hashed(key)) {
            entry.set_access(choice);
        }
    }
}

#[test]
fn walks_beside_a_writer_see_their_moment() {
    let limit = Duration::from_millis(std::env::var("STRESS_MS").ok().and_then(|ms| ms.parse().ok()).unwrap_or(3000));
    let mut writer =
        Writer { rng: StdRng::seed_from_u64(1), keyspace: Keyspace::new(2, KeyHasher::new(HASHER)), sum: 0 };
    let (begin, start) = (Instant::now(), mpsc::channel::<(u64, u64)>());
    let (sender, results) = start;
    let (mut taken, mut checked) = (0, 0);
    thread::scope(|scope| {
        while begin.elapsed() < limit {
            for _ in 0..2000 {
                writer.change();
            }
            if writer.keyspace.live_snapshots() < 3 {
                let (snapshot, expected, sender) = (writer.keyspace.snapshot(), writer.sum, sender.clone());
                taken += 1;
                scope.spawn(move || sender.send((walk(snapshot), expected)));
            }
            if taken % 40 == 39 {
                // Both databases are emptied under the walkers.
                writer.keyspace.flush(0);
                writer.keyspace.flush(1);
                writer.sum = 0;
            }
            for (seen, expected) in results.try_iter() {
                assert_eq!(seen, expected, "a walk saw something else than its moment");
                checked += 1;
            }
        }
        drop(sender);
        for (seen, expected) in results.iter() {
            assert_eq!(seen, expected, "a walk saw something else than its moment");
            checked += 1;
        }
    });
    assert!(taken > 5 && checked == taken, "{checked} of {taken} walks were checked");
    drop(writer);
}
