//! The keyspace: numbered databases of keys, snapshotted by root and epoch, never by fork; bounded work per write.
//!
//! A `Db` is a `Table` of blobs; a blob is a key with its value, or with a pointer to a large one. A `Snapshot` is the
//! roots of all tables and an epoch; its `Walker` runs in any thread without a lock. The rules that make this right:
//!
//! 1. All that is reachable from a root is immutable to all but the lock holder (whoever has `&mut Keyspace`). The lock
//!    holder may change a node or a blob in place only if no live snapshot still needs it; else it replaces it and
//!    every node up to the root, at most once per snapshot. The access clock in a blob's header, a relaxed atomic, is
//!    the one exception; a node's hints about expiries are never read by a walker.
//! 2. A live snapshot needs a node if it is not older than the node's birth epoch and its walker has not passed the
//!    end of the node's range. A blob has no birth epoch: its "young" bit says that it was born in its segment's epoch,
//!    and counts only while that is the current one.
//! 3. How far a walker is belongs to (snapshot, table), never to a database's number: SWAPDB swaps tables, FLUSH
//!    retires a table, both in O(1). Several snapshots live at once.
//! 4. A value outside its blob moves from key to key and table to table (RENAME, MOVE) without being copied, so no
//!    walker's position says anything about it, nor does the young bit of its blob: it goes by birth epochs alone. So
//!    does a table that is such a value; while any snapshot lives, its records are replaced unless they are young.
//! 5. Ownership is a tree: no two keys share a node; COPY copies.
//! 6. What is taken out of the structure while a snapshot needs it is retired with the epoch, a value as one whole, and
//!    freed by a background thread when no live snapshot is older. Large values always take that way.
//!
//! `unsafe` is confined to this folder. What is reachable is alive: that is rule 1 and rule 6, and what every block's
//! argument comes down to.

pub mod access;
mod birth;
mod blob;
mod db;
mod due;
mod epoch;
mod key;
mod link;
mod prefetch;
mod snapshot;
mod stream;
mod strings;
mod table;
mod tree;
mod types;
mod value;
mod victims;

use std::ptr::NonNull;
use std::sync::Arc;

pub use access::{Access, Frequency};
pub use db::{Db, Entry, ExpireCursor, Place, TableShape};
pub use key::{Key, KeyHasher};
pub use snapshot::{Snapshot, SnapshotEntry, Walker};
pub use stream::{Consumer, Group, Pending, Stream, StreamEntry, StreamId, StreamMeta};
pub use strings::{SortedSet, Strings};
#[doc(hidden)]
pub use tree::numbers::{Numbers, Version};
pub use types::{
    ConsumerRef, Delivery, EntryRef, Field, GroupMut, GroupRef, HashRef, Keep, Lifetime, ListRef, Scored, ScoredBack,
    SetRef, SortedSetRef, StreamCounters, StreamMut, StreamRef, Text,
};
pub use value::{Encoding, NewValue, StringRef, Value, is_canonical_i64};
pub use victims::{Ranking, Victims};

use blob::Blob;
use due::DUE_HASHES;
use epoch::{Epochs, Freeing, Reclaim};
use link::Link;
use table::Table;

/// Unix time in milliseconds.
pub type UnixMs = i64;

/// All databases of one server, and the snapshots that are alive.
pub struct Keyspace {
    hasher: KeyHasher,
    dbs: Vec<Db>,
    epochs: Arc<Epochs>,
    /// Dropped last: it ends when all that was retired is freed.
    _freeing: Freeing,
}

impl Keyspace {
    /// `databases` empty databases whose keys are hashed by `hasher`. Starts the thread that frees.
    pub fn new(databases: usize, hasher: KeyHasher) -> Keyspace {
        let epochs = Epochs::new();
        let dbs = (0..databases).map(|_| Db::new(Arc::clone(&epochs), hasher)).collect();
        let freeing = Freeing::start(&epochs);
        Keyspace { hasher, dbs, epochs, _freeing: freeing }
    }

    /// The keyed hash of this server; `Copy`, so connections hash keys outside the lock.
    pub fn hasher(&self) -> KeyHasher {
        self.hasher
    }

    pub fn databases(&self) -> usize {
        self.dbs.len()
    }

    pub fn db(&self, index: usize) -> &Db {
        &self.dbs[index]
    }

    pub fn db_mut(&mut self, index: usize) -> &mut Db {
        &mut self.dbs[index]
    }

    /// Keys of all databases.
    pub fn len(&self) -> usize {
        self.dbs.iter().map(Db::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Exchanges the contents of two databases, O(1).
    pub fn swap(&mut self, a: usize, b: usize) {
        self.dbs.swap(a, b);
    }

    /// Empties a database, O(1): its table is retired as one whole. Answers the number of keys removed.
    pub fn flush(&mut self, index: usize) -> usize {
        let keys = self.dbs[index].len();
        let empty = Db::new(Arc::clone(&self.epochs), self.hasher);
        let full = std::mem::replace(&mut self.dbs[index], empty);
        self.retire(full);
        keys
    }

    fn retire(&self, db: Db) {
        let bytes = db.table.bytes() + db.table.value_bytes();
        let keys = db.len();
        if let Some(due) = db.due {
            let bytes = due.size_bytes();
            self.epochs.retire(&DUE_HASHES, Link::new(*due).address(), bytes);
        }
        self.epochs.retire_objects(&TABLE, Link::new(db.table).address(), bytes, keys);
    }

    /// Moves a key between databases, value, expiry and access clock; false if it is missing or the target has it.
    pub fn move_key(&mut self, key: Key<'_>, from: usize, to: usize) -> bool {
        if self.dbs[to].get(key).is_some() {
            return false;
        }
        let Some(blob) = self.dbs[from].take(key, key) else { return false };
        self.dbs[to].put(key, blob);
        true
    }

    /// Copies value and expiry of `from` to `to`, which may lie in another database; replaces what is there.
    /// False if the source is missing. No node is shared afterwards.
    pub fn copy_key(&mut self, from_db: usize, from: Key<'_>, to_db: usize, to: Key<'_>) -> bool {
        let Some(copy) = self.dbs[from_db].copy(from, to) else { return false };
        self.dbs[to_db].put(to, copy);
        true
    }

    /// An immutable view of all databases as they are now. Taken in microseconds; `Send`; walked without the lock.
    pub fn snapshot(&mut self) -> Snapshot {
        Snapshot::take(&self.epochs, &mut self.dbs)
    }

    /// Snapshots not yet dropped.
    pub fn live_snapshots(&self) -> usize {
        self.epochs.live()
    }

    /// Large values and keys of emptied databases that wait for the freeing thread.
    pub fn pending_objects(&self) -> u64 {
        self.epochs.pending_objects()
    }

    /// As many as it has freed so far.
    pub fn freed_objects(&self) -> u64 {
        self.epochs.freed_objects()
    }

    /// Bytes replaced or deleted that a snapshot still sees or the freeing thread has not reached.
    pub fn retired_bytes(&self) -> usize {
        self.epochs.retired_bytes()
    }
}

impl Drop for Keyspace {
    fn drop(&mut self) {
        for db in std::mem::take(&mut self.dbs) {
            self.retire(db);
        }
    }
}

/// A whole table: what FLUSH leaves behind.
static TABLE: Reclaim = Reclaim { free: free_table };

/// # Safety
/// The address is of a linked table that nothing reaches any more.
unsafe fn free_table(address: NonNull<u8>) {
    // SAFETY: the caller's promise.
    unsafe { Box::from_raw(Link::<Table<Blob>>::from_address(address).as_ptr()).free_whole() };
}
