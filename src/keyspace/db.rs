//! One numbered database: keys with their values, expiries and access clocks.
//!
//! It stores and finds; it never acts on an expiry, a limit or a notification: the engine does.

use std::sync::Arc;

use rand::Rng;

use super::birth::{Cradle, blob_of_string, blob_taking_over};
use super::blob::{Blob, BlobRef, Kind};
use super::due::DueHashes;
use super::epoch::Epochs;
use super::table::{RecordRef, SEGMENT_BYTES, Spot, Table};
use super::types::earliest_in;
use super::value::{Outer, string_of, value_of};
use super::{Key, KeyHasher, NewValue, StringRef, UnixMs, Value};

/// A database: keys, values, expiries, access clocks.
pub struct Db {
    pub(super) table: Table<Blob>,
    /// Hashes with fields that expire, if there are any.
    pub(super) due: Option<Box<DueHashes>>,
    pub(super) epochs: Arc<Epochs>,
}

/// A key as it is stored.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    blob: BlobRef<'a>,
}

/// Where a key lies, until something is changed.
#[derive(Clone, Copy)]
pub struct Place(Spot);

/// How the table of a database lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableShape {
    pub segments: usize,
    /// Root and chunks.
    pub directory_bytes: usize,
    /// Directory, segments and blobs.
    pub bytes: usize,
    /// Values that do not lie in their blob.
    pub value_bytes: usize,
}

/// Where the active expiry of a database goes on.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExpireCursor(u64);

impl<'a> Entry<'a> {
    pub fn key(&self) -> &'a [u8] {
        self.blob.key()
    }

    pub fn value(&self) -> Value<'a> {
        value_of(self.blob)
    }

    /// The value, if it is a string: what most requests ask for.
    #[inline]
    pub fn string(&self) -> Option<StringRef<'a>> {
        (self.blob.kind() == Kind::String).then(|| string_of(self.blob))
    }

    /// Absolute expiry; the db never acts on it, the engine does.
    pub fn expire_at(&self) -> Option<UnixMs> {
        self.blob.expire_at()
    }

    /// The 24 bits of the LRU or LFU clock.
    pub fn access(&self) -> u32 {
        self.blob.access()
    }

    /// Stores 24 bits of the LRU or LFU clock: a relaxed atomic, allowed on a shared reference.
    pub fn set_access(&self, bits: u32) {
        self.blob.set_access(bits);
    }

    /// Bytes allocated for this key and value, in the allocator's size classes.
    pub fn size_bytes(&self) -> usize {
        self.blob.size_bytes() + self.blob.value_bytes()
    }
}

impl Db {
    pub(super) fn new(epochs: Arc<Epochs>, hasher: KeyHasher) -> Db {
        Db { table: Table::new(Arc::clone(&epochs), hasher), due: None, epochs }
    }

    /// A database that is a value of another one.
    pub(super) fn nested(epochs: Arc<Epochs>, hasher: KeyHasher) -> Db {
        Db { table: Table::nested(Arc::clone(&epochs), hasher), due: None, epochs }
    }

    /// The same version of a nested one under another owner. Only one of both may be changed from then on.
    pub(super) fn fork(&self) -> Db {
        Db { table: self.table.fork(), due: None, epochs: Arc::clone(&self.epochs) }
    }

    pub(super) fn cradle(&self) -> Cradle<'_> {
        Cradle { epochs: &self.epochs, hasher: self.table.hasher() }
    }

    pub(super) fn key<'k>(&self, bytes: &'k [u8]) -> Key<'k> {
        self.table.hasher().key(bytes)
    }

    pub fn len(&self) -> usize {
        self.table.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keys that have an expiry.
    pub fn expires_len(&self) -> usize {
        self.table.volatile_len()
    }

    /// Mean remaining life in milliseconds of the keys with an expiry; 0 if none, or if most are overdue.
    pub fn average_ttl_ms(&self, now: UnixMs) -> i64 {
        self.table.mean_expiry().map_or(0, |mean| mean.saturating_sub(now).max(0))
    }

    /// First half of a lookup over a batch: asks for the cache line of the bucket.
    pub fn prefetch_bucket(&self, hash: u64) {
        self.table.prefetch_bucket(hash);
    }

    /// Second half: asks for the blob that the bucket points to.
    pub fn prefetch_blob(&self, hash: u64) {
        self.table.prefetch_record(hash);
    }

    /// The key as `get` has it, and its place.
    pub fn locate(&self, key: Key<'_>) -> Option<(Entry<'_>, Place)> {
        self.table.locate(key).map(|(blob, spot)| (Entry { blob }, Place(spot)))
    }

    /// The key at its place; nothing has changed since it was found there.
    pub fn at(&self, key: Key<'_>, place: Place) -> Entry<'_> {
        Entry { blob: self.table.at(key.hash, place.0) }
    }

    /// The key as it is stored, logically expired or not. Does not touch the access clock.
    pub fn get(&self, key: Key<'_>) -> Option<Entry<'_>> {
        self.table.find(key).map(|blob| Entry { blob })
    }

    /// Inserts or replaces value, expiry and access clock. True if the key is new.
    pub fn insert(&mut self, key: Key<'_>, value: NewValue<'_>, expire_at: Option<UnixMs>, access: u32) -> bool {
        self.store(key, value, expire_at, |_| access)
    }

    /// As `insert`; `access` makes the clock from the old one, if there is a key to replace.
    pub fn store(
        &mut self,
        key: Key<'_>,
        value: NewValue<'_>,
        expire_at: Option<UnixMs>,
        access: impl FnOnce(Option<u32>) -> u32,
    ) -> bool {
        let (bytes, raw) = match value {
            NewValue::String(bytes) => (bytes, false),
            NewValue::RawString(bytes) => (bytes, true),
            _ => return self.store_collection(key, value, expire_at, access),
        };
        let Some((old, spot)) = self.table.locate(key) else {
            let blob = blob_of_string(&self.epochs, key.bytes, &[bytes], raw, expire_at, access(None));
            self.table.insert(key.hash, blob);
            return true;
        };
        let access = access(Some(old.access()));
        if old.fits(bytes.len(), expire_at.is_some()) && self.table.can_change(key.hash, spot) {
            self.table.change(key.hash, spot, |mut blob| {
                blob.value_mut(bytes.len()).copy_from_slice(bytes);
                blob.set_form(Kind::String, raw);
                blob.set_access(access);
                if let Some(expire_at) = expire_at {
                    blob.set_expire_at(expire_at);
                }
            });
        } else {
            let value = Outer::of(old);
            let blob = blob_of_string(&self.epochs, key.bytes, &[bytes], raw, expire_at, access);
            self.table.replace(key.hash, spot, blob);
            self.retire(value);
        }
        self.note_fields(key, None);
        false
    }

    fn store_collection(
        &mut self,
        key: Key<'_>,
        value: NewValue<'_>,
        expire_at: Option<UnixMs>,
        access: impl FnOnce(Option<u32>) -> u32,
    ) -> bool {
        let old = self.table.find(key).map(|old| old.access());
        let blob = self.cradle().blob(key.bytes, value, expire_at, access(old));
        self.put(key, blob);
        old.is_none()
    }

    /// Does away with a value whose blob has just died.
    fn retire(&self, value: Option<Outer>) {
        value.into_iter().for_each(|value| value.retire(&self.epochs));
    }

    /// Removes the key; false if it is missing. A large value is freed in the background.
    pub fn remove(&mut self, key: Key<'_>) -> bool {
        let Some((blob, spot)) = self.table.locate(key) else { return false };
        let value = Outer::of(blob);
        self.table.remove(key.hash, spot);
        self.retire(value);
        self.note_fields(key, None);
        true
    }

    /// Sets or clears the expiry; false if the key is missing.
    pub fn set_expire(&mut self, key: Key<'_>, expire_at: Option<UnixMs>) -> bool {
        let Some((old, spot)) = self.table.locate(key) else { return false };
        match expire_at {
            Some(at) if old.expire_at().is_some() && self.table.can_change(key.hash, spot) => {
                self.table.change(key.hash, spot, |mut blob| blob.set_expire_at(at));
            }
            None if old.expire_at().is_none() => {}
            _ => {
                let blob = blob_taking_over(old, key.bytes, expire_at);
                self.table.replace(key.hash, spot, blob);
            }
        }
        true
    }

    /// Gives the value, expiry and clock of `from` to `to`, replacing what is there; false if `from` is missing.
    pub fn rename(&mut self, from: Key<'_>, to: Key<'_>) -> bool {
        if from.bytes == to.bytes {
            return self.get(from).is_some();
        }
        match self.take(from, to) {
            Some(blob) => {
                self.put(to, blob);
                true
            }
            None => false,
        }
    }

    /// Takes a key out; answers its value, expiry and clock as a blob of another key.
    pub(super) fn take(&mut self, from: Key<'_>, to: Key<'_>) -> Option<Blob> {
        let (old, spot) = self.table.locate(from)?;
        let blob = blob_taking_over(old, to.bytes, old.expire_at());
        self.table.remove(from.hash, spot);
        self.note_fields(from, None);
        Some(blob)
    }

    /// Value, expiry and clock of a key as a blob of another key, which shares nothing with it.
    pub(super) fn copy(&self, from: Key<'_>, to: Key<'_>) -> Option<Blob> {
        let old = self.table.find(from)?;
        Some(self.cradle().copy(old, to.bytes))
    }

    /// Puts a blob of this key in, replacing what is there.
    pub(super) fn put(&mut self, key: Key<'_>, blob: Blob) {
        match self.table.locate(key) {
            Some((old, spot)) => {
                let value = Outer::of(old);
                self.table.replace(key.hash, spot, blob);
                self.retire(value);
            }
            None => self.table.insert(key.hash, blob),
        }
        let earliest = self.table.find(key).and_then(earliest_in);
        self.note_fields(key, earliest);
    }

    /// When the first field of the hash at this key expires.
    #[inline]
    pub(super) fn note_fields(&mut self, key: Key<'_>, earliest: Option<UnixMs>) {
        if self.due.is_some() || earliest.is_some() {
            self.note_due(key, earliest);
        }
    }

    #[cold]
    fn note_due(&mut self, key: Key<'_>, earliest: Option<UnixMs>) {
        let due = self.due.get_or_insert_default();
        due.note(key.bytes, earliest);
        if due.len() == 0 {
            self.due = None;
        }
    }

    /// Hashes of which fields expire.
    pub fn expiring_hashes(&self) -> usize {
        self.due.as_ref().map_or(0, |due| due.len())
    }

    /// Whether fields of the hash at this key may have expired.
    #[inline]
    pub fn has_due_fields(&self, key: Key<'_>, now: UnixMs) -> bool {
        self.due.as_ref().is_some_and(|due| due.is_due(key.bytes, now))
    }

    /// A key whose hash may have fields that have expired: the one where that was first.
    pub fn first_due_hash(&self, now: UnixMs) -> Option<Arc<[u8]>> {
        self.due.as_ref()?.first(now).cloned()
    }

    /// One step of SCAN: calls `each` for the keys of a bucket or a few and answers the next cursor, 0 at the end.
    /// A key present from the first call to the last is seen at least once, whatever splits or merges. Any number is
    /// a valid cursor.
    pub fn scan<'a>(&'a self, cursor: u64, each: &mut dyn FnMut(Entry<'a>)) -> u64 {
        self.table.scan(cursor, &mut |blob| each(Entry { blob }))
    }

    /// All keys, in the order of hash prefixes.
    pub fn for_each(&self, each: &mut dyn FnMut(Entry<'_>)) {
        self.table.for_each(&mut |blob| each(Entry { blob }));
    }

    /// All keys, in the order of hash prefixes.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.table.records().map(|blob| Entry { blob })
    }

    /// A key chosen at random, each with the same chance; `None` only if the database is empty.
    pub(super) fn random_fair(&self, rng: &mut dyn Rng) -> Option<Entry<'_>> {
        self.table.random_fair(rng).map(|blob| Entry { blob })
    }

    /// A key chosen at random, near enough to uniformly; `None` only if the database is empty.
    pub fn random(&self, rng: &mut dyn Rng) -> Option<Entry<'_>> {
        self.table.random(rng).map(|blob| Entry { blob })
    }

    /// As `random`, among the keys with an expiry.
    pub fn random_volatile(&self, rng: &mut dyn Rng) -> Option<Entry<'_>> {
        self.table.random_volatile(rng).map(|blob| Entry { blob })
    }

    /// About `count` keys for eviction to choose from, with an expiry only if `volatile`: neighbours at a random place,
    /// which the hash has thrown together, and of further places where one has too few. A key may come twice; none
    /// comes only if there is none.
    pub fn sample(&self, rng: &mut dyn Rng, volatile: bool, count: usize, each: &mut dyn FnMut(Entry<'_>)) {
        self.table.sample(rng, volatile, count, &mut |blob| each(Entry { blob }));
    }

    /// A key by its hash: one of them, if two should have the same.
    pub fn by_hash(&self, hash: u64) -> Option<Entry<'_>> {
        self.table.by_hash(hash).map(|blob| Entry { blob })
    }

    /// Visits segments from `cursor` on, at most `segments` of them, and reports keys whose expiry lies before `now`.
    /// Segments without a due key cost one look at their header. True when the walk came round to its start.
    pub fn expired(
        &self,
        cursor: &mut ExpireCursor,
        now: UnixMs,
        segments: usize,
        each: &mut dyn FnMut(&[u8]),
    ) -> bool {
        let next = self.table.expired(cursor.0, now, segments, &mut |blob| each(blob.key()));
        cursor.0 = next.unwrap_or(0);
        next.is_none()
    }

    /// Bytes of the table's nodes: directory and segments.
    pub fn nodes_bytes(&self) -> usize {
        self.table.node_bytes()
    }

    /// How the table lies in memory.
    pub fn shape(&self) -> TableShape {
        let segments = self.table.segments();
        let directory_bytes = self.table.node_bytes() - segments * SEGMENT_BYTES;
        TableShape { segments, directory_bytes, bytes: self.table.bytes(), value_bytes: self.table.value_bytes() }
    }
}
