//! The keyspace against a model of std maps: random commands with snapshots open and walkers at different places.
//!
//! Each walk must equal the clone that the model made at the snapshot's moment; at the end the counting allocator must
//! be where it began. One test per process would be needed for the count to be exact under threads, so all of it is
//! one test function.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use tandem::alloc;
use tandem::keyspace::{
    Encoding, ExpireCursor, Key, KeyHasher, Keyspace, NewValue, Snapshot, SnapshotEntry, StringRef, Value, Walker,
    is_canonical_i64,
};

const DATABASES: usize = 3;
const HASHER: (u64, u64) = (7, 11);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Stored {
    bytes: Arc<Vec<u8>>,
    raw: bool,
    expire_at: Option<i64>,
}

type Database = BTreeMap<Vec<u8>, Stored>;
type Databases = Vec<Database>;

/// The keyspace, its model, and the snapshots under way.
struct Pair {
    rng: StdRng,
    keyspace: Keyspace,
    model: Databases,
    walks: Vec<Walk>,
    expire_cursors: Vec<ExpireCursor>,
    keys: usize,
    large: bool,
    now: i64,
}

/// A snapshot half walked.
struct Walk {
    expected: Databases,
    seen: Databases,
    state: WalkState,
}

enum WalkState {
    Taken(Option<Snapshot>),
    Walking(Walker),
}

fn string(value: Value<'_>) -> StringRef<'_> {
    match value {
        Value::String(string) => string,
        _ => panic!("only strings are stored"),
    }
}

fn joined(string: StringRef<'_>) -> Vec<u8> {
    let joined: Vec<u8> = string.chunks().flatten().copied().collect();
    assert_eq!(joined.len(), string.len());
    joined
}

impl Walk {
    /// Takes some steps; false when the walk is over (and was right).
    fn go(&mut self, steps: usize) -> bool {
        if let WalkState::Taken(snapshot) = &mut self.state {
            let snapshot = snapshot.take().unwrap();
            for db in 0..DATABASES {
                let expires = self.expected[db].values().filter(|stored| stored.expire_at.is_some()).count();
                assert_eq!(snapshot.db_size(db), (self.expected[db].len(), expires));
            }
            self.state = WalkState::Walking(snapshot.walk());
        }
        let WalkState::Walking(walker) = &mut self.state else { unreachable!() };
        for _ in 0..steps {
            let Some(entry) = walker.next() else {
                assert!(self.seen == self.expected, "a walk saw something else than its moment");
                return false;
            };
            see(&mut self.seen, &entry);
        }
        true
    }
}

fn see(seen: &mut Databases, entry: &SnapshotEntry<'_>) {
    let value = string(entry.value);
    let stored = Stored {
        bytes: Arc::new(joined(value)),
        raw: value.encoding() == Encoding::Raw && value.len() <= 44,
        expire_at: entry.expire_at,
    };
    assert!(entry.size_bytes() >= entry.key.len() + value.len());
    let twice = seen[entry.db].insert(entry.key.to_vec(), stored);
    assert!(twice.is_none(), "a walk saw a key twice");
}

impl Pair {
    fn new(seed: u64) -> Pair {
        Pair {
            rng: StdRng::seed_from_u64(seed),
            keyspace: Keyspace::new(DATABASES, KeyHasher::new(HASHER)),
            model: vec![Database::new(); DATABASES],
            walks: Vec::new(),
            expire_cursors: vec![ExpireCursor::default(); DATABASES],
            keys: 4000,
            large: false,
            now: 1_000_000,
        }
    }

    fn db(&mut self) -> usize {
        // Most of the work is in one database, so that it grows.
        if self.rng.random_ratio(3, 4) { 0 } else { self.rng.random_range(0..DATABASES) }
    }

    fn key(&mut self) -> Vec<u8> {
        let n = self.rng.random_range(0..self.keys);
        if n == 5 { vec![b'k'; 70_000] } else { format!("key:{n}").into_bytes() }
    }

    fn present(&mut self, db: usize) -> Option<Vec<u8>> {
        let key = self.key();
        let next = self.model[db].range(key..).next();
        next.map(|(key, _)| key.clone())
    }

    fn len(&mut self) -> usize {
        match self.rng.random_range(0..if self.large { 60 } else { 1000 }) {
            0 => self.rng.random_range(0..300_000),
            1 => 65_535 + self.rng.random_range(0..3),
            2..10 => self.rng.random_range(0..2000),
            10..20 => self.rng.random_range(0..20_000),
            _ => self.rng.random_range(0..64),
        }
    }

    fn bytes(&mut self) -> Vec<u8> {
        let len = self.len();
        let mut bytes = vec![0; len];
        self.rng.fill_bytes(&mut bytes);
        if self.rng.random_ratio(1, 8) { self.rng.random_range(-50i64..50).to_string().into_bytes() } else { bytes }
    }

    fn expire_at(&mut self) -> Option<i64> {
        self.rng.random_ratio(1, 4).then(|| self.now + self.rng.random_range(-100..10_000))
    }

    fn set(&mut self) {
        let (db, key, bytes, expire_at) = (self.db(), self.key(), self.bytes(), self.expire_at());
        let raw = self.rng.random_ratio(1, 8);
        let value = if raw { NewValue::RawString(&bytes) } else { NewValue::String(&bytes) };
        let is_new = self.keyspace.db_mut(db).insert(hashed(&key), value, expire_at, 3);
        let raw = raw && bytes.len() <= 44;
        let before = self.model[db].insert(key, Stored { bytes: Arc::new(bytes), raw, expire_at });
        assert_eq!(is_new, before.is_none());
    }

    fn remove(&mut self, db: usize, key: &[u8]) {
        let was = self.model[db].remove(key).is_some();
        assert_eq!(self.keyspace.db_mut(db).remove(hashed(key)), was);
    }

    fn append(&mut self) {
        let db = self.db();
        let (Some(key), tail) = (self.present(db), self.bytes()) else { return };
        let stored = self.model[db].get_mut(&key).unwrap();
        Arc::make_mut(&mut stored.bytes).extend_from_slice(&tail);
        stored.raw = stored.bytes.len() <= 44;
        let len = self.keyspace.db_mut(db).append(hashed(&key), &tail);
        assert_eq!(len, stored.bytes.len());
    }

    fn set_range(&mut self) {
        let db = self.db();
        let (Some(key), patch) = (self.present(db), self.bytes()) else { return };
        let len = self.model[db][&key].bytes.len();
        let offset = self.rng.random_range(0..len + 40);
        let stored = self.model[db].get_mut(&key).unwrap();
        let bytes = Arc::make_mut(&mut stored.bytes);
        bytes.resize(bytes.len().max(offset + patch.len()), 0);
        bytes[offset..offset + patch.len()].copy_from_slice(&patch);
        stored.raw = bytes.len() <= 44;
        let len = self.keyspace.db_mut(db).set_range(hashed(&key), offset, &patch);
        assert_eq!(len, stored.bytes.len());
    }

    fn expire(&mut self) {
        let (db, expire_at) = (self.db(), self.expire_at());
        let key = if self.rng.random() { self.present(db).unwrap_or_default() } else { self.key() };
        let found = self.keyspace.db_mut(db).set_expire(hashed(&key), expire_at);
        let stored = self.model[db].get_mut(&key);
        assert_eq!(found, stored.is_some());
        stored.into_iter().for_each(|stored| stored.expire_at = expire_at);
    }

    fn rename(&mut self) {
        let (db, to) = (self.db(), self.key());
        let from = self.present(db).unwrap_or_default();
        let renamed = self.keyspace.db_mut(db).rename(hashed(&from), hashed(&to));
        let stored = self.model[db].remove(&from);
        assert_eq!(renamed, stored.is_some());
        stored.into_iter().for_each(|stored| drop(self.model[db].insert(to.clone(), stored)));
    }

    fn move_key(&mut self) {
        let (from, to) = (self.db(), self.rng.random_range(0..DATABASES));
        let key = self.present(from).unwrap_or_default();
        if from == to {
            return;
        }
        let moved = self.keyspace.move_key(hashed(&key), from, to);
        let can = self.model[from].contains_key(&key) && !self.model[to].contains_key(&key);
        assert_eq!(moved, can);
        if can {
            let stored = self.model[from].remove(&key).unwrap();
            self.model[to].insert(key, stored);
        }
    }

    fn copy(&mut self) {
        let (from_db, to_db, to) = (self.db(), self.db(), self.key());
        let from = self.present(from_db).unwrap_or_default();
        if from_db == to_db && from == to {
            return;
        }
        let copied = self.keyspace.copy_key(from_db, hashed(&from), to_db, hashed(&to));
        let stored = self.model[from_db].get(&from).cloned();
        assert_eq!(copied, stored.is_some());
        stored.into_iter().for_each(|stored| drop(self.model[to_db].insert(to.clone(), stored)));
    }

    fn swap(&mut self) {
        let (a, b) = (self.rng.random_range(0..DATABASES), self.rng.random_range(0..DATABASES));
        self.keyspace.swap(a, b);
        self.model.swap(a, b);
    }

    fn flush(&mut self) {
        let db = self.rng.random_range(0..DATABASES);
        assert_eq!(self.keyspace.flush(db), self.model[db].len());
        self.model[db].clear();
    }

    fn evict(&mut self) {
        let (db, volatile) = (self.db(), self.rng.random());
        let mut victims = Vec::new();
        let mut rng = StdRng::seed_from_u64(self.rng.random());
        self.keyspace.db(db).sample(&mut rng, volatile, 3, &mut |entry| {
            assert!(!volatile || entry.expire_at().is_some());
            victims.push(entry.key().to_vec());
        });
        let candidates = if volatile { self.keyspace.db(db).expires_len() } else { self.model[db].len() };
        assert_eq!(victims.is_empty(), candidates == 0);
        for victim in victims {
            self.remove(db, &victim);
        }
    }

    fn expire_due(&mut self) {
        self.now += self.rng.random_range(0..50);
        let db = self.db();
        let mut due = Vec::new();
        let now = self.now;
        while !self.keyspace.db(db).expired(&mut self.expire_cursors[db], now, 7, &mut |key| due.push(key.to_vec())) {}
        let mut cursor = ExpireCursor::default();
        while !self.keyspace.db(db).expired(&mut cursor, now, 50, &mut |key| due.push(key.to_vec())) {}
        due.sort();
        due.dedup();
        let overdue = |stored: &Stored| stored.expire_at.is_some_and(|at| at < now);
        let expected: Vec<_> = self.model[db].iter().filter(|(_, s)| overdue(s)).map(|(key, _)| key.clone()).collect();
        assert_eq!(due, expected);
        for key in due {
            self.remove(db, &key);
        }
    }

    fn snapshot(&mut self) {
        if self.walks.len() < 4 {
            let state = WalkState::Taken(Some(self.keyspace.snapshot()));
            self.walks.push(Walk { expected: self.model.clone(), seen: vec![Database::new(); DATABASES], state });
        } else {
            // Given up half way: its walk is dropped.
            let index = self.rng.random_range(0..4);
            self.walks.swap_remove(index);
        }
    }

    fn walk(&mut self) {
        if self.walks.is_empty() {
            return;
        }
        let index = self.rng.random_range(0..self.walks.len());
        let steps = self.rng.random_range(0..400);
        if !self.walks[index].go(steps) {
            self.walks.swap_remove(index);
        }
    }

    fn step(&mut self, growing: bool) {
        match self.rng.random_range(0..1000) {
            0..5 => self.snapshot(),
            5..30 => self.walk(),
            30..31 => self.swap(),
            31..32 if !growing => self.flush(),
            32..60 => self.append(),
            60..90 => self.set_range(),
            90..150 => self.expire(),
            150..180 => self.rename(),
            180..210 => self.move_key(),
            210..230 => self.copy(),
            230..240 => self.evict(),
            240..243 => self.expire_due(),
            243..600 if growing => self.set(),
            600..700 if !growing => self.set(),
            _ => {
                let (db, key) = (self.db(), self.key());
                if growing { self.set() } else { self.remove(db, &key) }
            }
        }
    }

    /// Everything that can be asked of the databases, compared with the model.
    fn check(&mut self) {
        for db in 0..DATABASES {
            let (real, model) = (self.keyspace.db(db), &self.model[db]);
            assert_eq!(real.len(), model.len());
            let ttls: Vec<i64> = model.values().filter_map(|stored| stored.expire_at).collect();
            assert_eq!(real.expires_len(), ttls.len());
            let mean = ttls.iter().sum::<i64>() / ttls.len().max(1) as i64;
            assert_eq!(real.average_ttl_ms(self.now), (mean - self.now).max(0));
            for (key, stored) in model {
                let entry = real.get(hashed(key)).expect("the model has the key");
                compare(entry.key(), key);
                assert_eq!(entry.expire_at(), stored.expire_at);
                check_string(string(entry.value()), stored);
            }
            let mut scanned = Vec::new();
            let mut cursor = 0;
            loop {
                cursor = real.scan(cursor, &mut |entry| scanned.push(entry.key().to_vec()));
                if cursor == 0 {
                    break;
                }
                assert!(cursor < 1 << 53);
            }
            scanned.sort();
            assert!(scanned.iter().eq(model.keys()), "without changes SCAN sees each key once");
            let (mut walked, mut bytes) = (0, 0);
            real.for_each(&mut |entry| {
                walked += 1;
                bytes += entry.size_bytes();
            });
            assert_eq!(walked, model.len());
            let shape = real.shape();
            let nodes = shape.segments * 1024 + shape.directory_bytes;
            assert_eq!(shape.bytes + shape.value_bytes, bytes + nodes);
            assert_eq!(real.random(&mut self.rng).is_none(), model.is_empty());
        }
    }
}

fn hashed(key: &[u8]) -> Key<'_> {
    KeyHasher::new(HASHER).key(key)
}

fn compare(a: &[u8], b: &[u8]) {
    assert!(a == b, "bytes differ, lengths {} and {}", a.len(), b.len());
}

fn check_string(string: StringRef<'_>, stored: &Stored) {
    let bytes = &stored.bytes;
    compare(&string.to_cow(), bytes);
    compare(&joined(string), bytes);
    let (start, end) = (bytes.len() / 3, bytes.len() - bytes.len() / 4);
    compare(&string.range(start, end), &bytes[start..end]);
    let encoding = match bytes.len() {
        _ if stored.raw => Encoding::Raw,
        _ if is_canonical_i64(bytes) => Encoding::Int,
        0..=44 => Encoding::Embstr,
        _ => Encoding::Raw,
    };
    assert_eq!(string.encoding(), encoding);
}

fn run(seed: u64, large: bool, steps: usize) {
    let mut pair = Pair::new(seed);
    pair.large = large;
    for phase in 0..6 {
        let growing = phase % 2 == 0;
        pair.keys = if large { 60 } else { [4000, 4000, 30_000, 30_000, 300, 6000][phase] };
        for _ in 0..steps {
            pair.step(growing);
        }
        pair.check();
    }
    // A walk may outlive its keyspace.
    let mut walks = std::mem::take(&mut pair.walks);
    let keep = pair.rng.random();
    if keep {
        drop(pair);
        walks.iter_mut().for_each(|walk| while walk.go(1000) {});
        drop(walks);
    } else {
        drop(walks);
        assert_eq!(pair.keyspace.live_snapshots(), 0);
    }
}

/// Waits until the bytes in use are as at the start: freeing threads of keyspaces outlived by a walk end by themselves.
fn all_is_freed(before: usize) -> bool {
    for _ in 0..2000 {
        if alloc::used_bytes() <= before {
            return true;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    false
}

#[test]
fn every_walk_equals_its_moment_and_nothing_is_left_unfreed() {
    let setting = |name: &str| std::env::var(name).ok().and_then(|number| number.parse().ok());
    let (seeds, steps) = (setting("SEEDS").unwrap_or(6), setting("STEPS").unwrap_or(12_000) as usize);
    run(0, false, 1000);
    for seed in 1..=seeds {
        eprintln!("seed {seed}");
        let before = alloc::used_bytes();
        run(seed, seed % 3 == 0, if seed % 3 == 0 { steps / 6 } else { steps });
        assert!(all_is_freed(before), "{} bytes are left after seed {seed}", alloc::used_bytes() - before);
    }
}
