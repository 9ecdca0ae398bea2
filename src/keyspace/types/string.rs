//! Changing strings: in place where no snapshot sees them and the size class allows, else in a new blob; above 64 KB
//! chunk by chunk.

use crate::keyspace::birth::blob_of_string;
use crate::keyspace::blob::Kind;
use crate::keyspace::table::{RecordRef, Spot};
use crate::keyspace::value::{big_string, string_len};
use crate::keyspace::{Db, Key};

/// What SETRANGE pads with, a piece at a time.
static ZEROS: [u8; 4096] = [0; 4096];

impl Db {
    /// Appends to an existing string, which becomes raw; answers its new length. The key must exist.
    pub fn append(&mut self, key: Key<'_>, tail: &[u8]) -> usize {
        let (old, _) = self.table.locate(key).expect("append to a key that exists");
        self.set_range(key, string_len(old), tail)
    }

    /// Overwrites an existing string from `offset`, zero-padded up to there; it becomes raw. Answers its new length.
    pub fn set_range(&mut self, key: Key<'_>, offset: usize, patch: &[u8]) -> usize {
        let (old, spot) = self.table.locate(key).expect("set_range of a key that exists");
        let len = string_len(old).max(offset + patch.len());
        if let Some(string) = big_string(old) {
            self.change_root(key, spot, string, |string, epochs| string.set_range(epochs, offset, patch));
        } else if old.fits(len, old.expire_at().is_some()) && self.table.can_change(key.hash, spot) {
            self.table.change(key.hash, spot, |mut blob| {
                blob.value_mut(len)[offset..offset + patch.len()].copy_from_slice(patch);
                blob.set_form(Kind::String, true);
            });
        } else {
            self.rebuild_patched(key, spot, offset, patch);
        }
        len
    }

    /// A new value in a new blob, with the patch in it.
    fn rebuild_patched(&mut self, key: Key<'_>, spot: Spot, offset: usize, patch: &[u8]) {
        let Some((old, _)) = self.table.locate(key) else { return };
        let value = old.inline().unwrap_or_default();
        let mut parts = vec![&value[..offset.min(value.len())]];
        let padding = offset.saturating_sub(value.len());
        parts.extend(std::iter::repeat_n(&ZEROS[..], padding / ZEROS.len()));
        parts.push(&ZEROS[..padding % ZEROS.len()]);
        parts.push(patch);
        parts.push(value.get(offset + patch.len()..).unwrap_or_default());
        let blob = blob_of_string(&self.epochs, key.bytes, &parts, true, old.expire_at(), old.access());
        self.table.replace(key.hash, spot, blob);
    }
}
