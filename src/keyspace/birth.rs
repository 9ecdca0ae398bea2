//! Making blobs: of a new value, of one taken over, of a copy.

use std::sync::Arc;

use super::blob::{Blob, BlobRef, Content, Kind};
use super::epoch::Epochs;
use super::link::Link;
use super::table::RecordRef;
use super::types::big_string::{BigString, INLINE_MAX};
use super::types::{born_stream, packed_hash, packed_list, packed_set, packed_sorted_set};
use super::value::value_of;
use super::{KeyHasher, NewValue, UnixMs, Value};

/// What a value becomes: bytes for its blob, or the root of something large.
pub(super) enum Born {
    Inline { kind: Kind, packed: Vec<u8>, raw: bool },
    Boxed { kind: Kind, value: std::ptr::NonNull<u8> },
}

/// Where values are born.
#[derive(Clone, Copy)]
pub(super) struct Cradle<'e> {
    pub epochs: &'e Arc<Epochs>,
    pub hasher: KeyHasher,
}

/// A blob of a key and the string that the parts make, in the form that its length asks for.
pub(super) fn blob_of_string(
    epochs: &Epochs,
    key: &[u8],
    parts: &[&[u8]],
    raw: bool,
    expire_at: Option<UnixMs>,
    access: u32,
) -> Blob {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let content = if len > INLINE_MAX {
        Content::Boxed { kind: Kind::String, value: Link::new(BigString::new(epochs, parts)).address() }
    } else {
        Content::Inline { kind: Kind::String, parts, raw }
    };
    Blob::new(key, content, expire_at, access)
}

impl Cradle<'_> {
    /// A blob of any new value.
    pub fn blob(self, key: &[u8], value: NewValue<'_>, expire_at: Option<UnixMs>, access: u32) -> Blob {
        let born = match value {
            NewValue::String(bytes) => return blob_of_string(self.epochs, key, &[bytes], false, expire_at, access),
            NewValue::RawString(bytes) => return blob_of_string(self.epochs, key, &[bytes], true, expire_at, access),
            NewValue::List(elements, limits) => packed_list(self, elements, limits),
            NewValue::Hash(pairs, expiries, limits) => packed_hash(self, pairs, expiries, limits),
            NewValue::Set(members, limits) => packed_set(self, members, limits),
            NewValue::SortedSet(set, limits) => packed_sorted_set(self, set, limits),
            NewValue::Stream(stream, limits) => born_stream(self, stream, limits),
        };
        match born {
            Born::Inline { kind, packed, raw } => {
                Blob::new(key, Content::Inline { kind, parts: &[&packed], raw }, expire_at, access)
            }
            Born::Boxed { kind, value } => Blob::new(key, Content::Boxed { kind, value }, expire_at, access),
        }
    }

    /// A blob of another key with a copy of the value.
    pub fn copy(self, old: BlobRef<'_>, key: &[u8]) -> Blob {
        let Some(_) = old.boxed() else { return blob_taking_over(old, key, old.expire_at()) };
        let value = match value_of(old) {
            Value::String(string) => {
                let pieces: Vec<&[u8]> = string.chunks().collect();
                return blob_of_string(self.epochs, key, &pieces, old.is_raw(), old.expire_at(), old.access());
            }
            Value::List(list) => list.boxed_copy(self),
            Value::Hash(hash) => hash.boxed_copy(self),
            Value::Set(set) => set.boxed_copy(self),
            Value::SortedSet(set) => set.boxed_copy(self),
            Value::Stream(stream) => stream.boxed_copy(self),
        };
        Blob::new(key, Content::Boxed { kind: old.kind(), value }, old.expire_at(), old.access())
    }
}

/// A blob of another key, or with another expiry, that takes the value over.
pub(super) fn blob_taking_over(old: BlobRef<'_>, key: &[u8], expire_at: Option<UnixMs>) -> Blob {
    let kind = old.kind();
    let content = match old.boxed() {
        Some(value) => Content::Boxed { kind, value },
        None => Content::Inline { kind, parts: &[old.inline().unwrap_or_default()], raw: old.is_raw() },
    };
    Blob::new(key, content, expire_at, old.access())
}
