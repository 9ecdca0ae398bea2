//! Entries on their way into the table, a few at a time: while they wait, their buckets come into the cache.
//!
//! Only short strings wait, since waiting means being copied. Everything else is inserted at once.

use std::ops::Range;

use crate::keyspace::{Key, Keyspace, NewValue, UnixMs};

use super::load::LoadError;

const MAX_WAITING: usize = 32;
/// Longer values do not wait; copying them would cost more than a cache miss.
const MAX_VALUE_BYTES: usize = 1 << 10;

pub(super) struct Batch<'k> {
    keyspace: &'k mut Keyspace,
    waiting: Vec<Waiting>,
    /// Keys and values of what waits.
    bytes: Vec<u8>,
}

struct Waiting {
    db: usize,
    hash: u64,
    key: Range<usize>,
    value: Range<usize>,
    expire_at: Option<UnixMs>,
    access: u32,
}

impl<'k> Batch<'k> {
    pub fn new(keyspace: &'k mut Keyspace) -> Batch<'k> {
        Batch { keyspace, waiting: Vec::with_capacity(MAX_WAITING), bytes: Vec::new() }
    }

    /// Takes a key that must not be there yet; if it is, this call or a later one says so.
    pub fn put(
        &mut self,
        db: usize,
        key: &[u8],
        value: NewValue<'_>,
        expire_at: Option<UnixMs>,
        access: u32,
    ) -> Result<(), LoadError> {
        let hash = self.keyspace.hasher().hash(key);
        match value {
            NewValue::String(bytes) if bytes.len() <= MAX_VALUE_BYTES => {
                self.keyspace.db(db).prefetch_bucket(hash);
                let (key, value) = (self.keep(key), self.keep(bytes));
                self.waiting.push(Waiting { db, hash, key, value, expire_at, access });
                if self.waiting.len() == MAX_WAITING { self.insert_all() } else { Ok(()) }
            }
            _ => insert(self.keyspace, db, Key { bytes: key, hash }, value, expire_at, access),
        }
    }

    fn keep(&mut self, bytes: &[u8]) -> Range<usize> {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        from..self.bytes.len()
    }

    /// Inserts what waits.
    pub fn insert_all(&mut self) -> Result<(), LoadError> {
        let inserted = self.waiting.drain(..).try_for_each(|Waiting { db, hash, key, value, expire_at, access }| {
            let key = Key { bytes: &self.bytes[key], hash };
            insert(self.keyspace, db, key, NewValue::String(&self.bytes[value]), expire_at, access)
        });
        self.bytes.clear();
        inserted
    }
}

pub(super) fn insert(
    keyspace: &mut Keyspace,
    db: usize,
    key: Key<'_>,
    value: NewValue<'_>,
    expire_at: Option<UnixMs>,
    access: u32,
) -> Result<(), LoadError> {
    if keyspace.db_mut(db).insert(key, value, expire_at, access) {
        Ok(())
    } else {
        Err(LoadError::Duplicate { db, key: key.bytes.to_vec() })
    }
}
