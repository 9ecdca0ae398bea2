//! What a key holds. Strings now; each further type is one more variant of `Value` and `NewValue`.

use std::borrow::Cow;
use std::sync::Arc;

use super::blob::{BlobRef, Content};
use super::epoch::Epochs;

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
    bytes: &'a [u8],
    raw: bool,
}

impl<'a> StringRef<'a> {
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn encoding(&self) -> Encoding {
        if self.raw {
            Encoding::Raw
        } else if is_canonical_i64(self.bytes) {
            Encoding::Int
        } else if self.bytes.len() <= 44 {
            Encoding::Embstr
        } else {
            Encoding::Raw
        }
    }

    /// Borrowed where the value is contiguous.
    pub fn to_cow(&self) -> Cow<'a, [u8]> {
        Cow::Borrowed(self.bytes)
    }

    /// Bytes `start..end`, both within the length; borrowed where one chunk holds them.
    pub fn range(&self, start: usize, end: usize) -> Cow<'a, [u8]> {
        Cow::Borrowed(&self.bytes[start..end])
    }

    /// The pieces in order; one for a contiguous value.
    pub fn chunks(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        std::iter::once(self.bytes)
    }
}

/// The value of a blob.
pub(super) fn value_of(blob: BlobRef<'_>) -> Value<'_> {
    Value::String(StringRef { bytes: blob.inline().unwrap_or_default(), raw: blob.is_raw() })
}

/// The blob's value as the content of another blob, which then owns it.
pub(super) fn content_of<T>(blob: BlobRef<'_>, build: impl FnOnce(Content<'_>) -> T) -> T {
    match blob.boxed() {
        Some(value) => build(Content::Boxed(value)),
        None => build(Content::Inline { parts: &[blob.inline().unwrap_or_default()], raw: blob.is_raw() }),
    }
}

/// Bytes allocated for a value that does not lie in its blob.
pub(super) fn size_of_value(_blob: BlobRef<'_>) -> usize {
    0
}

/// Does away with the value of a blob that is about to die.
pub(super) fn retire_value(_epochs: &Arc<Epochs>, _blob: BlobRef<'_>) {}

/// Whether `bytes` is what printing an i64 gives: the form that Redis stores as an integer.
pub fn is_canonical_i64(bytes: &[u8]) -> bool {
    if bytes.is_empty() || bytes.len() > 20 {
        return false;
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Ok(number) = text.parse::<i64>() else { return false };
    itoa::Buffer::new().format(number).as_bytes() == bytes
}
