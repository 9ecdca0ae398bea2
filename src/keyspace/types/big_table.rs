//! A large hash or set: a small database of its own, whose keys are the fields or members.
//!
//! A set's members have empty values. A field's value is a string, in chunks if it is long. As the whole moves from key
//! to key, no walker's position says anything about it: its nodes go by their birth epochs alone.

use std::ptr::NonNull;
use std::sync::Arc;

use crate::keyspace::epoch::{Epochs, Reclaim};
use crate::keyspace::link::Link;
use crate::keyspace::value::Root;
use crate::keyspace::{Db, Entry, ExpireCursor, KeyHasher, NewValue, StringRef, UnixMs, Value};

static BIG_TABLE: Reclaim = Reclaim { free: free_whole };
static BIG_TABLE_ROOT: Reclaim = Reclaim { free: free_root };

/// What the blob of a large hash or set points to.
pub struct BigTable {
    /// Birth epoch.
    epoch: u64,
    pub entries: Db,
    /// No field expires before.
    earliest: UnixMs,
}

impl Root for BigTable {
    const RECLAIM: &'static Reclaim = &BIG_TABLE;
    const ROOT_RECLAIM: &'static Reclaim = &BIG_TABLE_ROOT;

    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn fork(&self, epochs: &Epochs) -> BigTable {
        BigTable { epoch: epochs.current(), entries: self.entries.fork(), earliest: self.earliest }
    }

    fn size_bytes(&self) -> usize {
        self.entries.table.bytes() + self.entries.table.value_bytes() + size_of::<BigTable>()
    }
}

impl BigTable {
    pub fn new(epochs: &Arc<Epochs>, hasher: KeyHasher) -> BigTable {
        let entries = Db::nested(Arc::clone(epochs), hasher);
        BigTable { epoch: epochs.current(), entries, earliest: UnixMs::MAX }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn contains(&self, member: &[u8]) -> bool {
        self.entries.get(self.entries.key(member)).is_some()
    }

    /// True if the field is new.
    pub fn set(&mut self, field: &[u8], value: &[u8]) -> bool {
        self.entries.insert(self.entries.key(field), NewValue::String(value), None, 0)
    }

    /// As `set`, with when the field expires.
    pub fn set_until(&mut self, field: &[u8], value: &[u8], expire_at: Option<UnixMs>) -> bool {
        self.earliest = self.earliest.min(expire_at.unwrap_or(UnixMs::MAX));
        self.entries.insert(self.entries.key(field), NewValue::String(value), expire_at, 0)
    }

    /// Gives a field that is there another expiry.
    pub fn expire(&mut self, field: &[u8], expire_at: Option<UnixMs>) {
        self.earliest = self.earliest.min(expire_at.unwrap_or(UnixMs::MAX));
        self.entries.set_expire(self.entries.key(field), expire_at);
    }

    pub fn entry(&self, field: &[u8]) -> Option<Entry<'_>> {
        self.entries.get(self.entries.key(field))
    }

    /// A time before which no field expires; nothing if none ever does.
    pub fn earliest(&self) -> Option<UnixMs> {
        (self.entries.expires_len() > 0).then_some(self.earliest)
    }

    /// Calls `each` for the fields that expire before `now`.
    pub fn overdue(&self, now: UnixMs, each: &mut dyn FnMut(&[u8])) {
        if self.earliest < now {
            self.entries.expired(&mut ExpireCursor::default(), now, usize::MAX, each);
        }
    }

    /// Finds the earliest expiry anew.
    pub fn settle_earliest(&mut self, now: UnixMs) {
        self.earliest = self.entries.table.earliest(now);
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
