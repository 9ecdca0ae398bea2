//! An immutable view of the whole keyspace. Interim form: a clone.

use super::{Db, UnixMs, Value};

/// The keyspace at one moment. Dropping it lets what only it still sees be freed.
pub struct Snapshot {
    dbs: Vec<Db>,
}

/// A key of a snapshot.
pub struct SnapshotEntry<'a> {
    pub db: usize,
    pub key: &'a [u8],
    pub value: Value<'a>,
    pub expire_at: Option<UnixMs>,
    /// The 24 bits of the LRU or LFU clock.
    pub access: u32,
}

/// Goes through a snapshot once, database by database in hash order, taking no lock.
/// What it has passed may be changed in place again.
pub struct Walker {
    entries: std::vec::IntoIter<(usize, Vec<u8>, Vec<u8>, bool, Option<UnixMs>, u32)>,
    current: Option<(usize, Vec<u8>, Vec<u8>, bool, Option<UnixMs>, u32)>,
}

impl Snapshot {
    pub(super) fn of(dbs: &[Db]) -> Snapshot {
        Snapshot { dbs: dbs.to_vec() }
    }

    /// (keys, keys with an expiry) of database `index`.
    pub fn db_size(&self, index: usize) -> (usize, usize) {
        (self.dbs[index].len(), self.dbs[index].expires_len())
    }

    pub fn databases(&self) -> usize {
        self.dbs.len()
    }

    /// The one walk of this snapshot.
    pub fn walk(self) -> Walker {
        let mut entries = Vec::new();
        for (index, db) in self.dbs.iter().enumerate() {
            db.for_each(&mut |entry| {
                let Value::String(string) = entry.value();
                entries.push((
                    index,
                    entry.key().to_vec(),
                    string.bytes.to_vec(),
                    string.raw,
                    entry.expire_at(),
                    entry.access(),
                ));
            });
        }
        Walker { entries: entries.into_iter(), current: None }
    }
}

impl Walker {
    /// The next key; what it lends is valid until the next call.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<SnapshotEntry<'_>> {
        self.current = self.entries.next();
        self.current.as_ref().map(|(db, key, bytes, raw, expire_at, access)| SnapshotEntry {
            db: *db,
            key,
            value: Value::String(super::StringRef { bytes, raw: *raw }),
            expire_at: *expire_at,
            access: *access,
        })
    }
}
