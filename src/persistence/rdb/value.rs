//! Values as they come out of the reader: checked, independent of the encoding they stood in.
//!
//! Strings are lent from the reader's buffer. Collections are owned, each in two or three allocations whatever their
//! size, so that a pass which only checks costs little more than reading.

use std::fmt;

pub use crate::keyspace::{Consumer, Group, Pending, SortedSet, Stream, StreamEntry, StreamId, StreamMeta, Strings};

/// One value of any type.
#[derive(Debug)]
#[non_exhaustive]
pub enum RdbValue<'a> {
    String(&'a [u8]),
    List(Strings),
    /// Members are distinct.
    Set(Strings),
    SortedSet(SortedSet),
    Hash(Hash),
    Stream(Box<Stream>),
    /// A module's value, passed over.
    Module(ModuleId),
}

impl RdbValue<'_> {
    /// The name TYPE would give it.
    pub fn type_name(&self) -> &'static str {
        match self {
            RdbValue::String(_) => "string",
            RdbValue::List(_) => "list",
            RdbValue::Set(_) => "set",
            RdbValue::SortedSet(_) => "zset",
            RdbValue::Hash(_) => "hash",
            RdbValue::Stream(_) => "stream",
            RdbValue::Module(_) => "module",
        }
    }

    /// A collection without elements: a key that holds nothing does not exist. Streams may be empty.
    pub fn is_empty_collection(&self) -> bool {
        match self {
            RdbValue::List(strings) | RdbValue::Set(strings) => strings.is_empty(),
            RdbValue::SortedSet(set) => set.members.is_empty(),
            RdbValue::Hash(hash) => hash.pairs.is_empty(),
            RdbValue::String(_) | RdbValue::Stream(_) | RdbValue::Module(_) => false,
        }
    }
}

/// Distinct fields with their values, in the order of the payload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hash {
    /// Field, value, field, value.
    pub pairs: Strings,
    /// Empty, or for each field when it expires: Unix time in milliseconds, 0 for never.
    pub expire_at_ms: Vec<i64>,
}

impl Hash {
    pub fn len(&self) -> usize {
        self.pairs.len() / 2
    }

    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Field, value, expiry.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8], Option<i64>)> {
        (0..self.len()).map(|index| {
            let expire_at_ms = self.expire_at_ms.get(index).copied().filter(|at| *at != 0);
            (self.pairs.at(2 * index), self.pairs.at(2 * index + 1), expire_at_ms)
        })
    }
}

/// Nine characters and a version of the module's encoding, packed into 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModuleId(pub u64);

impl ModuleId {
    pub fn encoding_version(self) -> u16 {
        (self.0 & 1023) as u16
    }
}

impl fmt::Display for ModuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        (0..9).rev().try_for_each(|place| {
            let index = (self.0 >> (10 + 6 * place)) & 63;
            write!(f, "{}", ALPHABET[index as usize] as char)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn module_names_unpack() {
        let packed = b"ReJSON-RL".iter().fold(0u64, |sum, c| {
            let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            sum << 6 | alphabet.iter().position(|a| a == c).unwrap() as u64
        });
        let id = ModuleId(packed << 10 | 3);
        assert_eq!((id.to_string().as_str(), id.encoding_version()), ("ReJSON-RL", 3));
    }

    #[test]
    fn stream_ids_are_big_endian() {
        let mut bytes = [0; 16];
        (bytes[7], bytes[15]) = (5, 1);
        assert_eq!(StreamId::from_bytes(bytes), StreamId { ms: 5, seq: 1 });
    }
}
