//! What changes of all collections have in common: patches of packed elements, new versions of large values' roots.

use std::ops::Range;
use std::ptr::NonNull;

use super::packed::{COUNT_BYTES, COUNT_MAX, Packed};
use crate::keyspace::blob::{Blob, BlobRef, Content, Kind};
use crate::keyspace::epoch::Epochs;
use crate::keyspace::link::Link;
use crate::keyspace::table::{RecordRef, Spot};
use crate::keyspace::value::Root;
use crate::keyspace::{Db, Key};

/// What OBJECT ENCODING calls large stays packed up to so many entries and bytes: a table would be far larger.
const TINY_ENTRIES: usize = 64;
const TINY_BYTES: usize = 4096;

/// A collection that lies in its blob.
#[derive(Clone, Copy)]
pub struct Small<'a> {
    pub kind: Kind,
    pub raw: bool,
    pub len: usize,
    pub packed: Packed<'a>,
}

/// A change of a small collection: bytes in the place of a range, and what it is then.
pub struct Patch<'p> {
    pub kind: Kind,
    pub raw: bool,
    pub len: usize,
    pub range: Range<usize>,
    pub bytes: &'p [u8],
}

impl<'a> Small<'a> {
    pub fn of(blob: BlobRef<'a>) -> Small<'a> {
        let value = blob.inline().unwrap_or_default();
        let (count, elements) = value.split_first_chunk::<COUNT_BYTES>().unwrap_or((&[0; COUNT_BYTES], &[]));
        let len = u16::from_le_bytes(*count).into();
        Small { kind: blob.kind(), raw: blob.is_raw(), len, packed: Packed::new(elements) }
    }

    pub fn bytes(&self) -> usize {
        self.packed.bytes().len()
    }
}

/// A small collection's value as its blob holds it.
pub fn with_count(len: usize, packed: &[u8]) -> Vec<u8> {
    assert!(len <= COUNT_MAX, "a packed value's count has 16 bits");
    [&(len as u16).to_le_bytes()[..], packed].concat()
}

/// Whether so much stays packed; `raw` where the configuration's limits say no.
pub fn stays_packed(raw: bool, len: usize, bytes: usize) -> bool {
    if raw { len <= TINY_ENTRIES && bytes <= TINY_BYTES } else { len <= COUNT_MAX }
}

impl Db {
    /// Changes a small collection: in place where no snapshot sees it and the size class allows.
    pub(super) fn patch(&mut self, key: Key<'_>, spot: Spot, patch: Patch<'_>) {
        let old = self.table.at(key.hash, spot);
        let Patch { kind, raw, len, range, bytes } = patch;
        let count = u16::try_from(len).expect("a packed value's count has 16 bits").to_le_bytes();
        let value = old.inline().unwrap_or_default();
        let range = range.start + COUNT_BYTES..range.end + COUNT_BYTES;
        let new_len = value.len() - range.len() + bytes.len();
        if old.fits(new_len, old.expire_at().is_some()) && self.table.can_change(key.hash, spot) {
            self.table.change(key.hash, spot, |mut blob| {
                blob.splice(range, bytes);
                blob.splice(0..COUNT_BYTES, &count);
                blob.set_form(kind, raw);
            });
            return;
        }
        let parts: &[&[u8]] = &[&count, &value[COUNT_BYTES..range.start], bytes, &value[range.end..]];
        let blob = Blob::new(key.bytes, Content::Inline { kind, parts, raw }, old.expire_at(), old.access());
        self.table.replace(key.hash, spot, blob);
    }

    /// Gives a key a large value in the place of its small one.
    pub(super) fn outgrow<R: Root>(&mut self, key: Key<'_>, spot: Spot, kind: Kind, root: R) {
        self.point_to(key, spot, kind, Link::new(root).address());
    }

    fn point_to(&mut self, key: Key<'_>, spot: Spot, kind: Kind, value: NonNull<u8>) {
        let old = self.table.at(key.hash, spot);
        let blob = Blob::new(key.bytes, Content::Boxed { kind, value }, old.expire_at(), old.access());
        self.table.replace(key.hash, spot, blob);
    }

    /// Gives a key a small value in the place of its large one.
    pub(super) fn shrink<R: Root>(&mut self, key: Key<'_>, spot: Spot, kind: Kind, root: Link<R>, value: &[u8]) {
        let old = self.table.at(key.hash, spot);
        let content = Content::Inline { kind, parts: &[value], raw: false };
        let blob = Blob::new(key.bytes, content, old.expire_at(), old.access());
        self.table.replace(key.hash, spot, blob);
        self.epochs.retire_objects(R::RECLAIM, root.address(), root.size_bytes(), 1);
    }

    /// Changes a large value, in a version that no snapshot sees: itself, or a new root of the same nodes.
    pub(super) fn change_root<R: Root, T>(
        &mut self,
        key: Key<'_>,
        spot: Spot,
        old: Link<R>,
        change: impl FnOnce(&mut R, &Epochs) -> T,
    ) -> T {
        if !self.epochs.is_shared(old.epoch()) {
            let before = old.size_bytes();
            // SAFETY: no snapshot sees this version, and the database is borrowed exclusively.
            let result = change(unsafe { old.get_mut() }, &self.epochs);
            self.table.value_resized(before, old.size_bytes());
            return result;
        }
        let mut root = old.fork(&self.epochs);
        let result = change(&mut root, &self.epochs);
        let root = Link::new(root);
        if self.table.can_change(key.hash, spot) {
            self.table.change(key.hash, spot, |mut blob| blob.set_boxed(root.address()));
        } else {
            let kind = self.table.at(key.hash, spot).kind();
            self.point_to(key, spot, kind, root.address());
        }
        // Only now: as soon as its snapshot ends, it may be freed.
        self.epochs.retire(R::ROOT_RECLAIM, old.address(), size_of::<R>());
        result
    }
}
