//! What a key holds; each type is a variant of `Value` and of `NewValue`.

use std::borrow::Cow;

use super::blob::{BlobRef, Kind};
use super::epoch::{Epochs, Reclaim};
use super::link::Link;
use super::types::big_list::{self, BigList};
use super::types::big_sorted_set::{self, BigSortedSet};
use super::types::big_string::{self, BigString, Pieces};
use super::types::big_table::{self, BigTable};
use super::types::stream::{self, StreamRoot};
use super::types::{HashRef, ListRef, SetRef, SortedSetRef, StreamRef};
use super::{SortedSet, Stream, Strings, UnixMs};
use crate::config::CollectionLimits;

/// Redis keeps strings up to here in one allocation with their header, and calls that embstr.
const EMBSTR_MAX: usize = 44;

/// OBJECT ENCODING.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Int,
    Embstr,
    Raw,
    Listpack,
    /// A compact hash of which fields expire.
    ListpackEx,
    Quicklist,
    Intset,
    Hashtable,
    Skiplist,
    Stream,
}

impl Encoding {
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Int => "int",
            Encoding::Embstr => "embstr",
            Encoding::Raw => "raw",
            Encoding::Listpack => "listpack",
            Encoding::ListpackEx => "listpackex",
            Encoding::Quicklist => "quicklist",
            Encoding::Intset => "intset",
            Encoding::Hashtable => "hashtable",
            Encoding::Skiplist => "skiplist",
            Encoding::Stream => "stream",
        }
    }
}

/// A value read in place.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Value<'a> {
    String(StringRef<'a>),
    List(ListRef<'a>),
    Hash(HashRef<'a>),
    Set(SetRef<'a>),
    SortedSet(SortedSetRef<'a>),
    Stream(StreamRef<'a>),
}

impl Value<'_> {
    pub fn encoding(&self) -> Encoding {
        match self {
            Value::String(string) => string.encoding(),
            Value::List(list) => list.encoding(),
            Value::Hash(hash) => hash.encoding(),
            Value::Set(set) => set.encoding(),
            Value::SortedSet(set) => set.encoding(),
            Value::Stream(stream) => stream.encoding(),
        }
    }

    /// What TYPE answers.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::String(_) => "string",
            Value::List(_) => "list",
            Value::Hash(_) => "hash",
            Value::Set(_) => "set",
            Value::SortedSet(_) => "zset",
            Value::Stream(_) => "stream",
        }
    }
}

/// A value to store. The keyspace copies the bytes.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum NewValue<'a> {
    /// Encoding by content and length, as SET does: int if canonical 64-bit, embstr up to 44 bytes, else raw.
    String(&'a [u8]),
    /// The same bytes, but OBJECT ENCODING says raw, as after APPEND or SETRANGE.
    RawString(&'a [u8]),
    List(&'a Strings, &'a CollectionLimits),
    /// Field, value, field, value; fields are distinct. Then for each field when it expires, 0 for never, or nothing at
    /// all if none does.
    Hash(&'a Strings, &'a [UnixMs], &'a CollectionLimits),
    /// Members are distinct.
    Set(&'a Strings, &'a CollectionLimits),
    /// Members are distinct and in any order; no score is NaN.
    SortedSet(&'a SortedSet, &'a CollectionLimits),
    Stream(&'a Stream, &'a CollectionLimits),
}

/// A string in place: one slice, or above 64 KB chunks.
#[derive(Clone, Copy)]
pub struct StringRef<'a> {
    form: Form<'a>,
}

#[derive(Clone, Copy)]
enum Form<'a> {
    Whole { bytes: &'a [u8], raw: bool },
    Chunked(&'a BigString),
}

impl<'a> StringRef<'a> {
    pub fn len(&self) -> usize {
        match self.form {
            Form::Whole { bytes, .. } => bytes.len(),
            Form::Chunked(string) => string.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether these are the string's bytes.
    pub fn is(&self, bytes: &[u8]) -> bool {
        let mut left = bytes;
        let mut starts = |piece: &[u8]| {
            let rest = left.strip_prefix(piece);
            left = rest.unwrap_or_default();
            rest.is_some()
        };
        self.len() == bytes.len() && self.chunks().all(&mut starts)
    }

    pub fn encoding(&self) -> Encoding {
        match self.form {
            Form::Chunked(_) | Form::Whole { raw: true, .. } => Encoding::Raw,
            Form::Whole { bytes, .. } if is_canonical_i64(bytes) => Encoding::Int,
            Form::Whole { bytes, .. } if bytes.len() <= EMBSTR_MAX => Encoding::Embstr,
            Form::Whole { .. } => Encoding::Raw,
        }
    }

    /// Borrowed where the value is contiguous.
    pub fn to_cow(&self) -> Cow<'a, [u8]> {
        self.range(0, self.len())
    }

    /// Bytes `start..end`, both within the length; borrowed where one chunk holds them.
    pub fn range(&self, start: usize, end: usize) -> Cow<'a, [u8]> {
        match self.form {
            Form::Whole { bytes, .. } => Cow::Borrowed(&bytes[start..end]),
            Form::Chunked(string) => joined(string.pieces_from(start), end - start),
        }
    }

    /// Bytes `start..end`, both within the length, in place, piece by piece.
    pub fn pieces(&self, start: usize, end: usize) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (whole, chunked) = match self.form {
            Form::Whole { bytes, .. } => (Some(&bytes[start..end]), None),
            Form::Chunked(string) => (None, Some(string.pieces_from(start))),
        };
        let mut left = end - start;
        whole.into_iter().chain(chunked.into_iter().flatten()).map_while(move |piece| {
            let piece = &piece[..piece.len().min(left)];
            left -= piece.len();
            (!piece.is_empty()).then_some(piece)
        })
    }

    /// The `N` bytes from `at` on, zeros where the string has ended.
    pub fn window<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut window = [0; N];
        let (start, end) = (at.min(self.len()), at.saturating_add(N).min(self.len()));
        let mut filled = 0;
        for piece in self.pieces(start, end) {
            window[filled..filled + piece.len()].copy_from_slice(piece);
            filled += piece.len();
        }
        window
    }

    /// The pieces in order; one for a contiguous value.
    pub fn chunks(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (whole, chunked) = match self.form {
            Form::Whole { bytes, .. } => (Some(bytes), None),
            Form::Chunked(string) => (None, Some(string.pieces_from(0))),
        };
        whole.into_iter().chain(chunked.into_iter().flatten())
    }
}

/// The first `len` bytes of pieces.
fn joined<'a>(mut pieces: Pieces<'a>, len: usize) -> Cow<'a, [u8]> {
    let first = pieces.next().unwrap_or_default();
    if first.len() >= len {
        return Cow::Borrowed(&first[..len]);
    }
    let mut bytes = Vec::with_capacity(len);
    bytes.extend_from_slice(first);
    for piece in pieces {
        let wanted = piece.len().min(len - bytes.len());
        if wanted == 0 {
            break;
        }
        bytes.extend_from_slice(&piece[..wanted]);
    }
    Cow::Owned(bytes)
}

/// The root of a value outside its blob.
pub(super) trait Root: Sized {
    /// How the value is freed as one whole.
    const RECLAIM: &'static Reclaim;
    /// How this version's root alone is freed.
    const ROOT_RECLAIM: &'static Reclaim;

    /// Birth epoch.
    fn epoch(&self) -> u64;

    /// A new root of the same nodes, which may be changed.
    fn fork(&self, epochs: &Epochs) -> Self;

    /// Bytes allocated for the value.
    fn size_bytes(&self) -> usize;
}

/// A value outside its blob.
#[derive(Clone, Copy)]
pub(super) enum Outer {
    String(Link<BigString>),
    List(Link<BigList>),
    Table(Link<BigTable>),
    SortedSet(Link<BigSortedSet>),
    Stream(Link<StreamRoot>),
}

impl Outer {
    #[inline]
    pub fn of(blob: BlobRef<'_>) -> Option<Outer> {
        let address = blob.boxed()?;
        // SAFETY: what a blob points to is the root of its kind.
        Some(unsafe {
            match blob.kind() {
                Kind::String => Outer::String(Link::from_address(address)),
                Kind::List => Outer::List(Link::from_address(address)),
                Kind::Hash | Kind::Set | Kind::IntSet | Kind::ExpiringHash => Outer::Table(Link::from_address(address)),
                Kind::SortedSet => Outer::SortedSet(Link::from_address(address)),
                Kind::Stream => Outer::Stream(Link::from_address(address)),
            }
        })
    }

    pub fn size_bytes(self) -> usize {
        match self {
            Outer::String(string) => string.size_bytes(),
            Outer::List(list) => list.size_bytes(),
            Outer::Table(table) => table.size_bytes(),
            Outer::SortedSet(set) => set.size_bytes(),
            Outer::Stream(stream) => stream.size_bytes(),
        }
    }

    /// Hands a value that nothing holds any more to the freeing thread, as one whole.
    pub fn retire(self, epochs: &Epochs) {
        fn retire<R: Root>(root: Link<R>, epochs: &Epochs) {
            epochs.retire_objects(R::RECLAIM, root.address(), root.size_bytes(), 1);
        }
        match self {
            Outer::String(string) => retire(string, epochs),
            Outer::List(list) => retire(list, epochs),
            Outer::Table(table) => retire(table, epochs),
            Outer::SortedSet(set) => retire(set, epochs),
            Outer::Stream(stream) => retire(stream, epochs),
        }
    }

    /// # Safety
    /// Nothing reaches the value any more.
    pub unsafe fn free_whole(self) {
        // SAFETY: the caller's promise.
        unsafe {
            match self {
                Outer::String(string) => big_string::free_whole(string.address()),
                Outer::List(list) => big_list::free_whole(list.address()),
                Outer::Table(table) => big_table::free_whole(table.address()),
                Outer::SortedSet(set) => big_sorted_set::free_whole(set.address()),
                Outer::Stream(stream) => stream::free_whole(stream.address()),
            }
        }
    }
}

/// The value of a blob.
#[inline]
pub(super) fn value_of(blob: BlobRef<'_>) -> Value<'_> {
    match blob.kind() {
        Kind::String => Value::String(string_of(blob)),
        Kind::List => Value::List(ListRef::of(blob)),
        Kind::Hash | Kind::ExpiringHash => Value::Hash(HashRef::of(blob)),
        Kind::Set | Kind::IntSet => Value::Set(SetRef::of(blob)),
        Kind::SortedSet => Value::SortedSet(SortedSetRef::of(blob)),
        Kind::Stream => Value::Stream(StreamRef::of(blob)),
    }
}

#[inline]
pub(super) fn string_of(blob: BlobRef<'_>) -> StringRef<'_> {
    let form = match big_string(blob) {
        Some(string) => Form::Chunked(string.get()),
        None => Form::Whole { bytes: blob.inline().unwrap_or_default(), raw: blob.is_raw() },
    };
    StringRef { form }
}

/// The chunked string that a blob points to.
pub(super) fn big_string(blob: BlobRef<'_>) -> Option<Link<BigString>> {
    match Outer::of(blob) {
        Some(Outer::String(string)) => Some(string),
        _ => None,
    }
}

pub(super) fn string_len(blob: BlobRef<'_>) -> usize {
    string_of(blob).len()
}

/// Whether `bytes` is what printing an i64 gives: the form that Redis stores as an integer.
pub fn is_canonical_i64(bytes: &[u8]) -> bool {
    if bytes.is_empty() || bytes.len() > 20 {
        return false;
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Ok(number) = text.parse::<i64>() else { return false };
    itoa::Buffer::new().format(number).as_bytes() == bytes
}
