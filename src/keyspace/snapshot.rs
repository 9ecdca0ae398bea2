//! An immutable view of the whole keyspace, and the walk through it.
//!
//! A snapshot is an epoch and, for each table that is not empty, its root and a view. It is taken in microseconds and
//! holds no lock; its walker reads nodes that the lock holder no longer changes, and publishes in the view how far it
//! is. Dropping either lets what only it still sees be freed.

use std::ptr::NonNull;
use std::sync::Arc;

use super::blob::{Blob, BlobRef};
use super::epoch::Epochs;
use super::link::Link;
use super::table::{Record, RecordRef, Root, View, last_of, segment_of};
use super::value::value_of;
use super::{Db, UnixMs, Value};

/// The keyspace at one moment.
pub struct Snapshot {
    epoch: u64,
    epochs: Arc<Epochs>,
    databases: usize,
    tables: Vec<TableView>,
}

/// A table of the snapshot.
struct TableView {
    db: usize,
    root: Link<Root>,
    view: Arc<View>,
    len: usize,
    volatile: usize,
    has_expiring_fields: bool,
}

// SAFETY: what the links lead to is not changed and not freed while the snapshot lives; blobs' access clocks are
// atomics.
unsafe impl Send for Snapshot {}

/// A key of a snapshot.
pub struct SnapshotEntry<'a> {
    pub db: usize,
    pub key: &'a [u8],
    pub value: Value<'a>,
    pub expire_at: Option<UnixMs>,
    /// The 24 bits of the LRU or LFU clock.
    pub access: u32,
    blob: BlobRef<'a>,
}

/// Goes through a snapshot once, database by database in the order of hash prefixes, taking no lock.
/// What it has passed may be changed in place again.
pub struct Walker {
    snapshot: Snapshot,
    /// Index of the table that is being walked.
    table: usize,
    /// The first hash of the segment to be read next in it; `None` at its end.
    next_hash: Option<u64>,
    /// The rest of the segment that is being read.
    records: Vec<NonNull<u8>>,
    /// The last hash of that segment.
    last_hash: u64,
}

// SAFETY: as for `Snapshot`; the records are of its tables.
unsafe impl Send for Walker {}

impl Snapshot {
    pub(super) fn take(epochs: &Arc<Epochs>, dbs: &mut [Db]) -> Snapshot {
        let epoch = epochs.begin_snapshot();
        let databases = dbs.len();
        let filled = dbs.iter_mut().enumerate().filter(|(_, db)| !db.is_empty());
        let tables = filled.map(|(index, db)| TableView {
            db: index,
            root: db.table.root(),
            view: db.table.view(epoch),
            len: db.len(),
            volatile: db.expires_len(),
            has_expiring_fields: db.expiring_hashes() > 0,
        });
        Snapshot { epoch, epochs: Arc::clone(epochs), databases, tables: tables.collect() }
    }

    /// (keys, keys with an expiry) of database `index`.
    pub fn db_size(&self, index: usize) -> (usize, usize) {
        let table = self.tables.iter().find(|table| table.db == index);
        table.map_or((0, 0), |table| (table.len, table.volatile))
    }

    pub fn databases(&self) -> usize {
        self.databases
    }

    /// Whether there is a hash of which fields expire.
    pub fn has_expiring_fields(&self) -> bool {
        self.tables.iter().any(|table| table.has_expiring_fields)
    }

    /// The one walk of this snapshot.
    pub fn walk(self) -> Walker {
        Walker { snapshot: self, table: 0, next_hash: Some(0), records: Vec::new(), last_hash: 0 }
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        self.tables.iter().for_each(|table| table.view.finish());
        self.epochs.end_snapshot(self.epoch);
    }
}

impl<'a> SnapshotEntry<'a> {
    fn new(db: usize, blob: BlobRef<'a>) -> SnapshotEntry<'a> {
        let (expire_at, access) = (blob.expire_at(), blob.access());
        SnapshotEntry { db, key: blob.key(), value: value_of(blob), expire_at, access, blob }
    }

    /// Bytes allocated for this key and value, in the allocator's size classes.
    pub fn size_bytes(&self) -> usize {
        self.blob.size_bytes() + self.blob.value_bytes()
    }
}

impl Walker {
    /// The next key; what it lends is valid until the next call.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<SnapshotEntry<'_>> {
        while self.records.is_empty() {
            self.read_segment()?;
        }
        let record = self.records.pop()?;
        // SAFETY: a record of the snapshot, not passed yet, is neither changed nor freed. It is passed by the next
        // call at the earliest, which the borrow keeps from happening while the entry is in use.
        let blob = unsafe { Blob::at(record) };
        Some(SnapshotEntry::new(self.snapshot.tables[self.table].db, blob))
    }

    /// Passes the segment that has been read and reads the next one, or goes to the next table.
    fn read_segment(&mut self) -> Option<()> {
        let table = self.snapshot.tables.get(self.table)?;
        let Some(hash) = self.next_hash else {
            table.view.finish();
            self.table += 1;
            self.next_hash = Some(0);
            return Some(());
        };
        if hash > 0 {
            table.view.pass(self.last_hash);
        }
        let segment = segment_of(table.root, hash).get();
        self.records.extend(segment.prefetched());
        self.last_hash = last_of(hash, segment.depth);
        self.next_hash = self.last_hash.checked_add(1);
        Some(())
    }
}
