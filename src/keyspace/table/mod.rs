//! A hash table of records that is snapshotted by its root and an epoch; growth and shrinking are bounded per step.
//!
//! The keyspace is one; big hashes and sets, a sorted set's member index and a stream's consumers are others. What a
//! record is stays with `Record`: one allocation with a key, perhaps an expiry. The table knows nothing of values; who
//! removes a record first takes care of what it points to.

mod bucket;
mod directory;
mod scan;
mod segment;
mod view;

use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;

use super::epoch::{Epochs, Reclaim};
use super::link::Link;
use super::prefetch::prefetch;
use super::{Key, KeyHasher, UnixMs};
use bucket::{HashBits, Slot};
use directory::Directory;
pub(super) use directory::{Root, last_of, segment_of};
use segment::{Held, SPLIT_AT, window_byte};
pub(super) use segment::{SEGMENT_BYTES, Spot};
pub(super) use view::View;

/// What a table stores: one allocation aligned to 8, known by its address.
///
/// # Safety
/// `at` and `at_mut` of an address from `into_address` give the record until `free`; the address keeps to 48 bits.
pub(super) unsafe trait Record {
    type Ref<'a>: RecordRef<'a>;
    type Mut<'a>;

    /// How a retired record is freed: as `free` does.
    const RECLAIM: &'static Reclaim;

    fn into_address(self) -> NonNull<u8>;

    /// # Safety
    /// The record lives for `'a`.
    unsafe fn at<'a>(address: NonNull<u8>) -> Self::Ref<'a>;

    /// # Safety
    /// The record lives for `'a`, and nobody else reads it.
    unsafe fn at_mut<'a>(address: NonNull<u8>) -> Self::Mut<'a>;

    /// Frees the record alone.
    ///
    /// # Safety
    /// Nothing reaches the record any more.
    unsafe fn free(address: NonNull<u8>);

    /// Frees the record and what it points to.
    ///
    /// # Safety
    /// Nothing reaches either any more.
    unsafe fn free_whole(address: NonNull<u8>);
}

/// A record to read.
pub(super) trait RecordRef<'a>: Copy {
    fn key(self) -> &'a [u8];
    fn expire_at(self) -> Option<UnixMs>;

    /// Bytes allocated for the record alone, not for what it points to.
    fn size_bytes(self) -> usize;

    /// Bytes allocated for what it points to.
    fn value_bytes(self) -> usize;
}

pub(super) struct Table<R: Record> {
    directory: Directory,
    hasher: KeyHasher,
    len: usize,
    volatile: usize,
    /// Sum of all expiries, for their mean.
    expiries_ms: i128,
    record_bytes: usize,
    value_bytes: usize,
    records: PhantomData<fn(R) -> R>,
}

impl<R: Record> Table<R> {
    pub fn new(epochs: Arc<Epochs>, hasher: KeyHasher) -> Table<R> {
        Table::of(Directory::new(epochs, false), hasher)
    }

    /// A table that is a value of another one.
    pub fn nested(epochs: Arc<Epochs>, hasher: KeyHasher) -> Table<R> {
        Table::of(Directory::new(epochs, true), hasher)
    }

    fn of(directory: Directory, hasher: KeyHasher) -> Table<R> {
        Table {
            directory,
            hasher,
            len: 0,
            volatile: 0,
            expiries_ms: 0,
            record_bytes: 0,
            value_bytes: 0,
            records: PhantomData,
        }
    }

    /// The same version of a nested table under another owner. Only one of both may be changed from then on.
    pub fn fork(&self) -> Table<R> {
        Table { directory: self.directory.fork(), ..*self }
    }

    pub fn hasher(&self) -> KeyHasher {
        self.hasher
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// Records with an expiry.
    pub fn volatile_len(&self) -> usize {
        self.volatile
    }

    /// Mean expiry of the records that have one.
    pub fn mean_expiry(&self) -> Option<UnixMs> {
        (self.volatile > 0).then(|| (self.expiries_ms / self.volatile as i128) as UnixMs)
    }

    /// Bytes of the table's nodes and records, without what the records point to.
    pub fn bytes(&self) -> usize {
        self.directory.bytes() + self.record_bytes
    }

    /// Bytes of what the records point to.
    pub fn value_bytes(&self) -> usize {
        self.value_bytes
    }

    /// A value that a record points to has changed its size in place.
    pub fn value_resized(&mut self, before: usize, after: usize) {
        self.value_bytes = self.value_bytes + after - before;
    }

    pub fn segments(&self) -> usize {
        self.directory.segments()
    }

    /// Bytes of the directory and the segments.
    pub fn node_bytes(&self) -> usize {
        self.directory.bytes()
    }

    pub fn root(&self) -> Link<Root> {
        self.directory.root()
    }

    /// A view of the table as it is, for a snapshot of `epoch`, which has just begun.
    pub fn view(&mut self, epoch: u64) -> Arc<View> {
        self.directory.view(epoch)
    }

    #[inline]
    pub fn prefetch_bucket(&self, hash: u64) {
        prefetch(self.directory.segment(hash).get().home_line(hash));
    }

    #[inline]
    pub fn prefetch_record(&self, hash: u64) {
        let line = self.directory.segment(hash).get().home_line(hash);
        if let Some(index) = line.matches(HashBits::of(hash).tag).next() {
            let record = line.slot(index).record().as_ptr();
            prefetch(record);
            // A small record often lies across two lines.
            prefetch(record.wrapping_add(63));
        }
    }

    #[inline]
    pub fn find(&self, key: Key<'_>) -> Option<R::Ref<'_>> {
        self.locate(key).map(|(record, _)| record)
    }

    /// The record of a key and where it lies.
    #[inline]
    pub fn locate(&self, key: Key<'_>) -> Option<(R::Ref<'_>, Spot)> {
        let segment = self.directory.segment(key.hash).get();
        // SAFETY: what the current table reaches lives while it is borrowed.
        let spot = segment.find(key.hash, |address| unsafe { R::at(address) }.key() == key.bytes)?;
        // SAFETY: as above.
        Some((unsafe { R::at(spot.record) }, spot))
    }

    /// The record at a spot that is still valid.
    #[inline]
    pub fn at(&self, hash: u64, spot: Spot) -> R::Ref<'_> {
        let held = self.directory.segment(hash).get().at(spot);
        assert!(held.slot.record() == spot.record, "the spot is valid");
        // SAFETY: what the current table reaches lives while it is borrowed.
        unsafe { R::at(spot.record) }
    }

    /// A record by its hash.
    pub fn by_hash(&self, hash: u64) -> Option<R::Ref<'_>> {
        let rehash = rehash::<R>(self.hasher);
        let spot = self.directory.segment(hash).get().find(hash, |address| rehash(address) == hash)?;
        // SAFETY: what the current table reaches lives while it is borrowed.
        Some(unsafe { R::at(spot.record) })
    }

    /// Whether the record at a spot may be changed in place: no snapshot sees it.
    #[inline]
    pub fn can_change(&self, hash: u64, spot: Spot) -> bool {
        if !self.directory.needs_record(hash) {
            return true;
        }
        let segment = self.directory.segment(hash);
        segment.epoch == self.directory.epochs().current() && segment.at(spot).young
    }

    /// Changes a record in place. Its key, its size and whether it has an expiry stay.
    pub fn change(&mut self, hash: u64, spot: Spot, change: impl FnOnce(R::Mut<'_>)) {
        assert!(self.can_change(hash, spot), "a snapshot sees the record");
        // SAFETY: the table is borrowed exclusively and no snapshot sees the record.
        let record = || unsafe { R::at(spot.record) };
        let (expiry_before, value_before) = (record().expire_at(), record().value_bytes());
        // SAFETY: the same, and `record` is called before and after only.
        change(unsafe { R::at_mut(spot.record) });
        self.value_resized(value_before, record().value_bytes());
        if let (Some(before), Some(after)) = (expiry_before, record().expire_at()) {
            self.expiries_ms += i128::from(after) - i128::from(before);
            let segment = self.directory.segment(hash);
            segment.set_earliest(segment.earliest().min(after));
        }
    }

    /// Adds a record whose key is not in the table.
    pub fn insert(&mut self, hash: u64, record: R) {
        let address = record.into_address();
        let segment = loop {
            let segment = self.directory.writable(hash);
            if segment.len() < SPLIT_AT || !self.directory.may_split(segment.depth, self.len) {
                break segment;
            }
            self.directory.split(hash, &rehash::<R>(self.hasher));
        };
        // SAFETY: just made by the caller.
        let expire_at = self.count_in(hash, unsafe { R::at(address) });
        let bits = HashBits::of(hash);
        let slot = Slot::new(address, bits.home, window_byte(hash, segment.window), expire_at.is_some());
        // SAFETY: writable: the chain is the table's alone, and the table is borrowed exclusively.
        unsafe { segment.get_mut().add(Held { slot, tag: bits.tag, young: true }) };
        segment.set_earliest(segment.earliest().min(expire_at.unwrap_or(i64::MAX)));
        self.len += 1;
    }

    /// Puts a record in the place of another of the same key, which dies.
    pub fn replace(&mut self, hash: u64, spot: Spot, record: R) {
        let address = record.into_address();
        let segment = self.directory.writable(hash);
        let old = segment.at(spot);
        self.count_out(hash, old);
        // SAFETY: just made by the caller.
        let expire_at = self.count_in(hash, unsafe { R::at(address) });
        let slot = Slot::new(address, old.slot.home(), old.slot.window(), expire_at.is_some());
        // SAFETY: writable, as in `insert`.
        let segment = unsafe { segment.get_mut() };
        segment.volatile = segment.volatile - u16::from(old.slot.is_volatile()) + u16::from(expire_at.is_some());
        segment.set_earliest(segment.earliest().min(expire_at.unwrap_or(i64::MAX)));
        // SAFETY: the same.
        unsafe { segment.replace(spot, slot) };
        self.dispose(hash, old);
    }

    /// Takes a record out, which dies; what it points to is the caller's.
    pub fn remove(&mut self, hash: u64, spot: Spot) {
        let segment = self.directory.writable(hash);
        let old = segment.at(spot);
        self.count_out(hash, old);
        // SAFETY: writable, as in `insert`.
        let segment = unsafe { segment.get_mut() };
        segment.volatile -= u16::from(old.slot.is_volatile());
        if segment.volatile == 0 {
            segment.set_earliest(i64::MAX);
        }
        // SAFETY: the same.
        unsafe {
            segment.remove(spot);
            segment.shorten();
        }
        self.len -= 1;
        self.dispose(hash, old);
        self.directory.merge(hash, &rehash::<R>(self.hasher));
    }

    fn count_in(&mut self, hash: u64, record: R::Ref<'_>) -> Option<UnixMs> {
        self.record_bytes += record.size_bytes();
        self.value_bytes += record.value_bytes();
        let expire_at = record.expire_at()?;
        self.expiries_ms += i128::from(expire_at);
        self.volatile += 1;
        self.directory.count_volatile(hash, true);
        Some(expire_at)
    }

    fn count_out(&mut self, hash: u64, held: Held) {
        // SAFETY: the record is still in the table.
        let record = unsafe { R::at(held.slot.record()) };
        self.record_bytes -= record.size_bytes();
        self.value_bytes -= record.value_bytes();
        if let Some(expire_at) = record.expire_at() {
            self.expiries_ms -= i128::from(expire_at);
            self.volatile -= 1;
            self.directory.count_volatile(hash, false);
        }
    }

    /// Does away with a record that was taken out of its segment, which is of the current epoch.
    fn dispose(&mut self, hash: u64, old: Held) {
        let address = old.slot.record();
        if !old.young && self.directory.needs_record(hash) {
            // SAFETY: the record has not been freed.
            let bytes = unsafe { R::at(address) }.size_bytes();
            self.directory.epochs().retire(R::RECLAIM, address, bytes);
        } else {
            // SAFETY: neither the table nor a snapshot reaches it.
            unsafe { R::free(address) };
        }
    }

    /// Frees the table, its records and what they point to.
    ///
    /// # Safety
    /// No snapshot reaches any of it.
    pub unsafe fn free_whole(mut self) {
        // SAFETY: the caller's promise; each record is in one segment.
        unsafe {
            self.directory.free(|segment| segment.records().for_each(|held| R::free_whole(held.slot.record())));
        }
    }
}

/// A record's hash, from its key.
fn rehash<R: Record>(hasher: KeyHasher) -> impl Fn(NonNull<u8>) -> u64 {
    // SAFETY: called for records that a segment holds.
    move |address| hasher.hash(unsafe { R::at(address) }.key())
}

#[cfg(test)]
mod tests;
