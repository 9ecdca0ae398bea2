//! What a key holds. Strings now; each further type is one more variant of `Value` and `NewValue`.

use std::borrow::Cow;

use super::UnixMs;
use super::blob::{Blob, BlobRef, Content};
use super::epoch::Epochs;
use super::link::Link;
use super::table::RecordRef;
use super::types::big_string::{BigString, INLINE_MAX, Pieces};

/// Redis keeps strings up to here in one allocation with their header, and calls that embstr.
const EMBSTR_MAX: usize = 44;

/// OBJECT ENCODING of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Int,
    Embstr,
    Raw,
}

/// A value read in place.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Value<'a> {
    String(StringRef<'a>),
}

/// A value to store. The keyspace copies the bytes.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum NewValue<'a> {
    /// Encoding by content and length, as SET does: int if canonical 64-bit, embstr up to 44 bytes, else raw.
    String(&'a [u8]),
    /// The same bytes, but OBJECT ENCODING says raw, as after APPEND or SETRANGE.
    RawString(&'a [u8]),
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

/// The value of a blob.
pub(super) fn value_of(blob: BlobRef<'_>) -> Value<'_> {
    let form = match big_string(blob) {
        Some(string) => Form::Chunked(string.get()),
        None => Form::Whole { bytes: blob.inline().unwrap_or_default(), raw: blob.is_raw() },
    };
    Value::String(StringRef { form })
}

/// The chunked string that a blob points to.
pub(super) fn big_string(blob: BlobRef<'_>) -> Option<Link<BigString>> {
    // SAFETY: all that blobs point to so far is a linked BigString.
    blob.boxed().map(|address| unsafe { Link::from_address(address) })
}

pub(super) fn string_len(blob: BlobRef<'_>) -> usize {
    let Value::String(string) = value_of(blob);
    string.len()
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
        Content::Boxed(BigString::new(epochs, parts).address())
    } else {
        Content::Inline { parts, raw }
    };
    Blob::new(key, content, expire_at, access)
}

/// A blob of another key, or with another expiry, that takes the value over.
pub(super) fn blob_taking_over(old: BlobRef<'_>, key: &[u8], expire_at: Option<UnixMs>) -> Blob {
    let content = match old.boxed() {
        Some(value) => Content::Boxed(value),
        None => Content::Inline { parts: &[old.inline().unwrap_or_default()], raw: old.is_raw() },
    };
    Blob::new(key, content, expire_at, old.access())
}

/// A blob of another key with a copy of the value.
pub(super) fn blob_copying(epochs: &Epochs, old: BlobRef<'_>, key: &[u8]) -> Blob {
    let Value::String(string) = value_of(old);
    let pieces: Vec<&[u8]> = string.chunks().collect();
    blob_of_string(epochs, key, &pieces, old.is_raw(), old.expire_at(), old.access())
}

/// Does away with a value whose blob has just died.
pub(super) fn retire_value(epochs: &Epochs, value: Option<Link<BigString>>) {
    value.into_iter().for_each(|string| BigString::retire(string, epochs));
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
