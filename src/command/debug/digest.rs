//! The digest of DEBUG DIGEST, to the bit that of Redis 7.0: so servers of both kinds can be compared.
//!
//! Keys have no order, so digests of keys are combined by exclusive or; what has an order (the parts of one key) is
//! mixed, each step hashing what came before. Values are digested by content, never by encoding.

use std::fmt;

use sha1::{Digest as _, Sha1};

use crate::keyspace::{Entry, Keyspace, StreamId, Value};
use crate::resp::DoubleText;

/// 20 bytes, shown as 40 hex digits. All zero stands for no data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest([u8; 20]);

/// What Redis calls the type inside.
fn type_number(value: &Value<'_>) -> u32 {
    match value {
        Value::String(_) => 0,
        Value::List(_) => 1,
        Value::Set(_) => 2,
        Value::SortedSet(_) => 3,
        Value::Hash(_) => 4,
        Value::Stream(_) => 6,
    }
}

/// The digest of all data, logically expired keys included.
pub fn keyspace_digest(keyspace: &Keyspace) -> Digest {
    let mut digest = Digest::default();
    for index in 0..keyspace.databases() {
        let db = keyspace.db(index);
        if !db.is_empty() {
            digest.mix(&(index as u32).to_be_bytes());
            db.for_each(&mut |entry| digest.add(&Digest::of_key(&entry).0));
        }
    }
    digest
}

impl Digest {
    fn of_key(entry: &Entry<'_>) -> Digest {
        let mut digest = Digest::default();
        digest.mix(entry.key());
        digest.mix_value(entry);
        digest
    }

    /// The digest of a value and of whether it expires, without the key's name.
    pub fn of_value(entry: &Entry<'_>) -> Digest {
        let mut digest = Digest::default();
        digest.mix_value(entry);
        digest
    }

    fn mix_value(&mut self, entry: &Entry<'_>) {
        let value = entry.value();
        self.mix(&type_number(&value).to_be_bytes());
        match value {
            Value::String(string) => self.mix_chunks(string.chunks()),
            Value::List(list) => list.iter().for_each(|element| self.mix(&element)),
            Value::Set(set) => set.iter().for_each(|member| self.add(&member)),
            Value::Hash(hash) => {
                hash.fields().for_each(|field| {
                    let mut pair = Digest::default();
                    pair.mix(&field.name);
                    pair.mix(&field.value);
                    if field.expire_at.is_some() {
                        pair.add(b"!!hexpire!!");
                    }
                    self.add(&pair.0);
                });
            }
            Value::SortedSet(set) => {
                set.iter().for_each(|(member, score)| {
                    let mut pair = Digest::default();
                    pair.mix(&member);
                    pair.mix(&DoubleText::new(score));
                    self.add(&pair.0);
                });
            }
            Value::Stream(stream) => {
                for entry in stream.range(StreamId::MIN, StreamId::MAX) {
                    self.mix(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
                    entry.pairs().for_each(|(field, value)| {
                        self.mix(&field);
                        self.mix(&value);
                    });
                }
            }
        }
        if entry.expire_at().is_some() {
            self.add(b"!!expire!!");
        }
    }

    /// Takes bytes in without regard to order.
    fn add(&mut self, bytes: &[u8]) {
        self.add_chunks(std::iter::once(bytes));
    }

    /// Takes bytes in behind all that came before.
    fn mix(&mut self, bytes: &[u8]) {
        self.mix_chunks(std::iter::once(bytes));
    }

    fn add_chunks<'c>(&mut self, chunks: impl Iterator<Item = &'c [u8]>) {
        let mut hash = Sha1::new();
        chunks.for_each(|chunk| hash.update(chunk));
        for (byte, hashed) in self.0.iter_mut().zip(hash.finalize()) {
            *byte ^= hashed;
        }
    }

    fn mix_chunks<'c>(&mut self, chunks: impl Iterator<Item = &'c [u8]>) {
        self.add_chunks(chunks);
        self.0 = Sha1::digest(self.0).into();
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
