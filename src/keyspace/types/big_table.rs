//! A large hash or set: a small database of its own, whose keys are the fields or members.
//!
//! A set's members have empty values. A field's value is a string, in chunks if it is long. As the whole moves from key
//! to key, no walker's position says anything about it: its nodes go by their birth epochs alone.

use std::ptr::NonNull;
use std::sync::Arc;

use crate::keyspace::epoch::{Epochs, Reclaim};
use crate::keyspace::link::Link;
use crate::keyspace::value::Root;
use crate::keyspace::{Db, KeyHasher, NewValue, StringRef, Value};

static BIG_TABLE: Reclaim = Reclaim { free: free_whole };
static BIG_TABLE_ROOT: Reclaim = Reclaim { free: free_root };

/// What the blob of a large hash or set points to.
pub struct BigTable {
    /// Birth epoch.
    epoch: u64,
    pub entries: Db,
}

impl Root for BigTable {
    const RECLAIM: &'static Reclaim = &BIG_TABLE;
    const ROOT_RECLAIM: &'static Reclaim = &BIG_TABLE_ROOT;

    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn fork(&self, epochs: &Epochs) -> BigTable {
        BigTable { epoch: epochs.current(), entries: self.entries.fork() }
    }

    fn size_bytes(&self) -> usize {
        self.entries.table.bytes() + self.entries.table.value_bytes() + size_of::<BigTable>()
    }
}

impl BigTable {
    pub fn new(epochs: &Arc<Epochs>, hasher: KeyHasher) -> BigTable {
        BigTable { epoch: epochs.current(), entries: Db::nested(Arc::clone(epochs), hasher) }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn value(&self, field: &[u8]) -> Option<StringRef<'_>> {
        self.entries.get(self.entries.key(field)).map(|entry| string(entry.value()))
    }

    pub fn contains(&self, member: &[u8]) -> bool {
        self.entries.get(self.entries.key(member)).is_some()
    }

    /// True if the field is new.
    pub fn set(&mut self, field: &[u8], value: &[u8]) -> bool {
        self.entries.insert(self.entries.key(field), NewValue::String(value), None, 0)
    }

    /// False if it was not there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        self.entries.remove(self.entries.key(field))
    }
}

/// The value of a field.
pub fn string(value: Value<'_>) -> StringRef<'_> {
    match value {
        Value::String(string) => string,
        _ => unreachable!("fields hold strings"),
    }
}

/// # Safety
/// The address is a linked table's, and nothing reaches this version's root any more.
unsafe fn free_root(address: NonNull<u8>) {
    // SAFETY: the caller's promise; the nodes belong to another version and are not freed with it.
    unsafe { Link::<BigTable>::from_address(address).free() };
}

/// # Safety
/// The address is a linked table's, and nothing reaches it or its nodes any more.
pub unsafe fn free_whole(address: NonNull<u8>) {
    // SAFETY: the caller's promise.
    unsafe {
        let table = Box::from_raw(Link::<BigTable>::from_address(address).as_ptr());
        table.entries.table.free_whole();
    }
}
