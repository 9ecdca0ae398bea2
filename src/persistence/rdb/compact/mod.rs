//! Compact encodings: small collections that stand in RDB as one string with a layout of its own.
//!
//! Each file is one layout. Decoders check a blob wholly against its headers and yield elements in order; what the
//! elements mean (pairs, triples, entries of a stream) is the caller's. Encoders exist for what Redis still writes.

pub mod intset;
pub mod listpack;
mod ziplist;
mod zipmap;

/// Which layout a blob has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compact {
    Ziplist,
    Listpack,
    Intset,
    Zipmap,
}

impl Compact {
    /// Hands each element of `blob` to `each` as a string; says what is wrong with the blob.
    pub fn decode(self, blob: &[u8], each: &mut dyn FnMut(&[u8])) -> Result<(), &'static str> {
        match self {
            Compact::Ziplist => ziplist::decode(blob, &mut |element| element.with_bytes(&mut *each)),
            Compact::Intset => intset::decode(blob, &mut |number| Element::Integer(number).with_bytes(&mut *each)),
            Compact::Zipmap => zipmap::decode(blob, each),
            Compact::Listpack => {
                for element in listpack::elements(blob)? {
                    element?.with_bytes(&mut *each);
                }
                Ok(())
            }
        }
    }
}

/// An element as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element<'a> {
    Bytes(&'a [u8]),
    Integer(i64),
}

impl Element<'_> {
    /// Calls `each` with the element's text.
    pub fn with_bytes<T>(self, each: impl FnOnce(&[u8]) -> T) -> T {
        match self {
            Element::Bytes(bytes) => each(bytes),
            Element::Integer(number) => each(itoa::Buffer::new().format(number).as_bytes()),
        }
    }
}

/// Reads a blob from its start; every read is checked.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N).map(|bytes| bytes.try_into().expect("N bytes were taken"))
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    /// A signed integer of 1 to 8 bytes, little endian.
    fn signed(&mut self, len: usize) -> Option<i64> {
        let mut wide = [0; 8];
        wide[8 - len..].copy_from_slice(self.take(len)?);
        Some(i64::from_le_bytes(wide) >> (64 - 8 * len))
    }
}
