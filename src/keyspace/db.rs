//! One numbered database. Interim form on std's map behind the final face.

use std::collections::HashMap;
use std::sync::Arc;

use rand::Rng;
use rand::RngExt;

use super::{Key, KeyHasher, NewValue, StringRef, UnixMs, Value};

#[derive(Clone)]
pub(super) struct Stored {
    bytes: Arc<Vec<u8>>,
    raw: bool,
    expire_at: Option<UnixMs>,
    access: u32,
}

/// A database: keys, values, expiries, access clocks.
#[derive(Clone)]
pub struct Db {
    hasher: KeyHasher,
    map: HashMap<Vec<u8>, Stored>,
}

/// A key as it is stored.
pub struct Entry<'a> {
    key: &'a [u8],
    stored: &'a Stored,
}

/// Where the active expiry of a database goes on.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExpireCursor(u64);

impl<'a> Entry<'a> {
    pub fn key(&self) -> &'a [u8] {
        self.key
    }

    pub fn value(&self) -> Value<'a> {
        Value::String(StringRef { bytes: &self.stored.bytes, raw: self.stored.raw })
    }

    /// Absolute expiry; the db never acts on it, the engine does.
    pub fn expire_at(&self) -> Option<UnixMs> {
        self.stored.expire_at
    }

    /// The 24 bits of the LRU or LFU clock.
    pub fn access(&self) -> u32 {
        self.stored.access
    }

    /// Stores 24 bits of the LRU or LFU clock: a relaxed atomic, allowed on a shared reference.
    pub fn set_access(&self, _bits: u32) {}

    /// Bytes allocated for this key and value.
    pub fn size_bytes(&self) -> usize {
        self.key.len() + self.stored.bytes.len() + 64
    }
}

impl Db {
    pub(super) fn new(hasher: KeyHasher) -> Db {
        Db { hasher, map: HashMap::new() }
    }

    pub fn len(&self) -> usize {
        self.map.len()
    }

    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// Keys that have an expiry.
    pub fn expires_len(&self) -> usize {
        self.map.values().filter(|stored| stored.expire_at.is_some()).count()
    }

    /// Mean remaining life in milliseconds of the keys with an expiry, by estimate; 0 if none.
    pub fn average_ttl_ms(&self, now: UnixMs) -> i64 {
        let ttls: Vec<i64> =
            self.map.values().filter_map(|stored| stored.expire_at).map(|at| (at - now).max(0)).collect();
        if ttls.is_empty() { 0 } else { ttls.iter().sum::<i64>() / ttls.len() as i64 }
    }

    /// First half of a lookup over a batch: asks for the cache line of the bucket.
    pub fn prefetch_bucket(&self, _hash: u64) {}

    /// Second half: asks for the blob that the bucket points to.
    pub fn prefetch_blob(&self, _hash: u64) {}

    /// The key as it is stored, logically expired or not. Does not touch the access clock.
    pub fn get(&self, key: Key<'_>) -> Option<Entry<'_>> {
        self.map.get_key_value(key.bytes).map(|(key, stored)| Entry { key, stored })
    }

    /// Inserts or replaces value and expiry; `access` is the 24-bit clock of a new key. True if the key is new.
    pub fn insert(&mut self, key: Key<'_>, value: NewValue<'_>, expire_at: Option<UnixMs>, access: u32) -> bool {
        let (bytes, raw) = match value {
            NewValue::String(bytes) => (bytes, false),
            NewValue::RawString(bytes) => (bytes, true),
        };
        let stored = Stored { bytes: Arc::new(bytes.to_vec()), raw, expire_at, access };
        self.map.insert(key.bytes.to_vec(), stored).is_none()
    }

    /// Removes the key; false if it is missing. The value is freed in the background.
    pub fn remove(&mut self, key: Key<'_>) -> bool {
        self.map.remove(key.bytes).is_some()
    }

    /// Sets or clears the expiry; false if the key is missing.
    pub fn set_expire(&mut self, key: Key<'_>, expire_at: Option<UnixMs>) -> bool {
        match self.map.get_mut(key.bytes) {
            Some(stored) => {
                stored.expire_at = expire_at;
                true
            }
            None => false,
        }
    }

    /// Gives the value, expiry and clock of `from` to `to`, replacing what is there; false if `from` is missing.
    pub fn rename(&mut self, from: Key<'_>, to: Key<'_>) -> bool {
        match self.map.remove(from.bytes) {
            Some(stored) => {
                self.map.insert(to.bytes.to_vec(), stored);
                true
            }
            None => false,
        }
    }

    /// Appends to an existing string, which becomes raw; answers its new length. The key must exist.
    pub fn append(&mut self, key: Key<'_>, tail: &[u8]) -> usize {
        let stored = self.map.get_mut(key.bytes).expect("append to a key that exists");
        Arc::make_mut(&mut stored.bytes).extend_from_slice(tail);
        stored.raw = true;
        stored.bytes.len()
    }

    /// Overwrites an existing string from `offset`, zero-padded up to there; it becomes raw. Answers its new length.
    pub fn set_range(&mut self, key: Key<'_>, offset: usize, patch: &[u8]) -> usize {
        let stored = self.map.get_mut(key.bytes).expect("set_range of a key that exists");
        let bytes = Arc::make_mut(&mut stored.bytes);
        if bytes.len() < offset + patch.len() {
            bytes.resize(offset + patch.len(), 0);
        }
        bytes[offset..offset + patch.len()].copy_from_slice(patch);
        stored.raw = true;
        stored.bytes.len()
    }

    /// One step of SCAN: calls `each` for the keys of a few buckets and answers the next cursor, 0 at the end.
    /// A key present from the first call to the last is seen at least once, whatever splits or merges.
    pub fn scan(&self, cursor: u64, each: &mut dyn FnMut(Entry<'_>)) -> u64 {
        let mut ordered: Vec<_> =
            self.map.iter().map(|(key, stored)| (self.hasher.hash(key) >> 16, key, stored)).collect();
        ordered.sort_by_key(|(hash, ..)| *hash);
        let from = ordered.partition_point(|(hash, ..)| *hash < cursor);
        let Some(&(first, ..)) = ordered.get(from) else { return 0 };
        for (hash, key, stored) in &ordered[from..] {
            if *hash != first {
                return *hash;
            }
            each(Entry { key, stored });
        }
        0
    }

    /// All keys, in hash order.
    pub fn for_each(&self, each: &mut dyn FnMut(Entry<'_>)) {
        let mut cursor = 0;
        loop {
            cursor = self.scan(cursor, each);
            if cursor == 0 {
                return;
            }
        }
    }

    /// A key chosen at random, near enough to uniformly; `None` only if the database is empty.
    pub fn random(&self, rng: &mut dyn Rng) -> Option<Entry<'_>> {
        if self.map.is_empty() {
            return None;
        }
        let nth = rng.random_range(0..self.map.len());
        self.map.iter().nth(nth).map(|(key, stored)| Entry { key, stored })
    }

    /// A few keys at random places for eviction to choose from, with an expiry only if `volatile`.
    pub fn sample(&self, rng: &mut dyn Rng, volatile: bool, count: usize, each: &mut dyn FnMut(Entry<'_>)) {
        for _ in 0..count {
            if let Some(entry) = self.random(rng).filter(|entry| !volatile || entry.expire_at().is_some()) {
                each(entry);
            }
        }
    }

    /// Visits segments from `cursor` on, at most `segments` of them, and reports keys whose expiry lies before `now`.
    /// Segments without a due key cost one look at their header. True when the walk came round to its start.
    pub fn expired(
        &self,
        cursor: &mut ExpireCursor,
        now: UnixMs,
        _segments: usize,
        each: &mut dyn FnMut(&[u8]),
    ) -> bool {
        cursor.0 = 0;
        for (key, stored) in &self.map {
            if stored.expire_at.is_some_and(|at| at < now) {
                each(key);
            }
        }
        true
    }

    pub(super) fn take(&mut self, key: Key<'_>) -> Option<Stored> {
        self.map.remove(key.bytes)
    }

    pub(super) fn put(&mut self, key: Key<'_>, stored: Stored) {
        self.map.insert(key.bytes.to_vec(), stored);
    }

    pub(super) fn cloned(&self, key: Key<'_>) -> Option<Stored> {
        self.map.get(key.bytes).cloned()
    }
}
