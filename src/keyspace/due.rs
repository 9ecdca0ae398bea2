//! Hashes with fields that expire, by when the first of their fields does: so that time finds them without a search.

use std::collections::{BTreeMap, BTreeSet};
use std::ptr::NonNull;
use std::sync::Arc;

use super::UnixMs;
use super::epoch::Reclaim;
use super::link::Link;

/// About what an entry takes in both trees, beside the key.
const ENTRY_BYTES: usize = 96;

/// An index beside a database's table. A time may lie before the hash's true one, never after it.
#[derive(Default)]
pub struct DueHashes {
    by_key: BTreeMap<Arc<[u8]>, UnixMs>,
    by_time: BTreeSet<(UnixMs, Arc<[u8]>)>,
    key_bytes: usize,
}

impl DueHashes {
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// The hash of this key has a field that expires then, and none before; or it has none.
    pub fn note(&mut self, key: &[u8], earliest: Option<UnixMs>) {
        let before = self.by_key.get_key_value(key).map(|(key, at)| (*at, Arc::clone(key)));
        if before.as_ref().map(|(at, _)| *at) == earliest {
            return;
        }
        if let Some(entry) = &before {
            self.by_time.remove(entry);
        }
        match (before, earliest) {
            (before, Some(at)) => {
                let (kept, is_new) = before.map_or_else(|| (key.into(), true), |(_, key)| (key, false));
                self.key_bytes += if is_new { key.len() } else { 0 };
                self.by_key.insert(Arc::clone(&kept), at);
                self.by_time.insert((at, kept));
            }
            (before, None) => {
                self.by_key.remove(key);
                self.key_bytes -= before.map_or(0, |_| key.len());
            }
        }
    }

    /// Whether a field of this key's hash may have expired.
    pub fn is_due(&self, key: &[u8], now: UnixMs) -> bool {
        self.first(now).is_some() && self.by_key.get(key).is_some_and(|at| *at < now)
    }

    /// The key whose hash is due first, if that is before `now`.
    pub fn first(&self, now: UnixMs) -> Option<&Arc<[u8]>> {
        self.by_time.first().filter(|(at, _)| *at < now).map(|(_, key)| key)
    }

    pub fn size_bytes(&self) -> usize {
        self.len() * ENTRY_BYTES + self.key_bytes
    }
}

/// An index whose database was emptied.
pub static DUE_HASHES: Reclaim = Reclaim { free: free_index };

/// # Safety
/// The address is of a linked index that nothing reaches any more.
unsafe fn free_index(address: NonNull<u8>) {
    // SAFETY: the caller's promise.
    drop(unsafe { Box::from_raw(Link::<DueHashes>::from_address(address).as_ptr()) });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_come_in_the_order_of_their_first_fields() {
        let mut due = DueHashes::default();
        due.note(b"a", Some(20));
        due.note(b"b", Some(10));
        due.note(b"a", Some(5));
        assert_eq!((due.len(), due.first(10).map(|key| &key[..])), (2, Some(&b"a"[..])));
        assert_eq!(due.first(5), None);
        assert!(due.is_due(b"b", 11) && !due.is_due(b"b", 10) && !due.is_due(b"c", 11));
        due.note(b"a", None);
        due.note(b"c", None);
        assert_eq!((due.len(), due.size_bytes()), (1, ENTRY_BYTES + 1));
        due.note(b"b", None);
        assert_eq!((due.len(), due.size_bytes(), due.first(99)), (0, 0, None));
    }
}
