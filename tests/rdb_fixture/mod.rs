//! What the RDB tests share: an encoder of payloads from the facts of the format, values in a form that compares, and
//! (in `redis`) a real redis-server to hold against.
//!
//! The encoder is independent of the writer and of the reader; only listpacks and intsets come from the library.
#![allow(dead_code)]

pub mod all_types;
pub mod redis;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use tandem::persistence::rdb::crc::of_payload;
use tandem::persistence::rdb::{Item, RdbError, RdbValue, Reader, Stream};

/// Builds a payload and remembers where its lengths stand.
pub struct Payload {
    pub bytes: Vec<u8>,
    /// Offset and size of each length.
    pub lengths: Vec<(usize, usize)>,
}

impl Payload {
    pub fn new(signature: &[u8; 9]) -> Payload {
        Payload { bytes: signature.to_vec(), lengths: Vec::new() }
    }

    pub fn raw(&mut self, bytes: &[u8]) -> &mut Payload {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// For closures that answer nothing.
    pub fn end(&mut self) {}

    pub fn byte(&mut self, byte: u8) -> &mut Payload {
        self.raw(&[byte])
    }

    pub fn length(&mut self, length: u64) -> &mut Payload {
        let at = self.bytes.len();
        match length {
            0..64 => self.byte(length as u8),
            64..16384 => self.raw(&(0x4000 | length as u16).to_be_bytes()),
            16384..0x1_0000_0000 => self.byte(0x80).raw(&(length as u32).to_be_bytes()),
            _ => self.byte(0x81).raw(&length.to_be_bytes()),
        };
        self.lengths.push((at, self.bytes.len() - at));
        self
    }

    pub fn string(&mut self, bytes: impl AsRef<[u8]>) -> &mut Payload {
        self.length(bytes.as_ref().len() as u64).raw(bytes.as_ref())
    }

    pub fn strings(&mut self, strings: &[&str]) -> &mut Payload {
        strings.iter().for_each(|string| self.string(string).end());
        self
    }

    pub fn key(&mut self, kind: u8, key: &str) -> &mut Payload {
        self.byte(kind).string(key)
    }

    pub fn ms(&mut self, ms: i64) -> &mut Payload {
        self.raw(&ms.to_le_bytes())
    }

    pub fn id(&mut self, ms: u64, seq: u64) -> &mut Payload {
        self.length(ms).length(seq)
    }

    pub fn raw_id(&mut self, ms: u64, seq: u64) -> &mut Payload {
        self.raw(&ms.to_be_bytes()).raw(&seq.to_be_bytes())
    }

    /// The payload with its end and checksum.
    pub fn finished(&self) -> Vec<u8> {
        sealed([&self.bytes[..], &[0xff]].concat())
    }
}

/// `bytes` and their checksum.
pub fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let crc = of_payload(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

/// A value in a form that does not depend on its encoding.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    String(Vec<u8>),
    List(Vec<Vec<u8>>),
    Set(BTreeSet<Vec<u8>>),
    SortedSet(BTreeMap<Vec<u8>, f64>),
    /// Field to value and expiry.
    Hash(BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>),
    Stream(Box<Stream>),
    Module(String),
}

impl Content {
    pub fn of(value: &RdbValue<'_>) -> Content {
        match value {
            RdbValue::String(bytes) => Content::String(bytes.to_vec()),
            RdbValue::List(list) => Content::List(list.iter().map(<[u8]>::to_vec).collect()),
            RdbValue::Set(set) => Content::Set(set.iter().map(<[u8]>::to_vec).collect()),
            RdbValue::SortedSet(set) => {
                Content::SortedSet(set.members.iter().map(<[u8]>::to_vec).zip(set.scores.iter().copied()).collect())
            }
            RdbValue::Hash(hash) => {
                Content::Hash(hash.iter().map(|(f, v, at)| (f.to_vec(), (v.to_vec(), at))).collect())
            }
            RdbValue::Stream(stream) => Content::Stream(stream.clone()),
            RdbValue::Module(id) => Content::Module(id.to_string()),
            other => panic!("a type that these tests do not know: {other:?}"),
        }
    }

    pub fn string(text: impl AsRef<[u8]>) -> Content {
        Content::String(text.as_ref().to_vec())
    }

    pub fn list<T: AsRef<[u8]>>(elements: impl IntoIterator<Item = T>) -> Content {
        Content::List(elements.into_iter().map(|element| element.as_ref().to_vec()).collect())
    }

    pub fn set<T: AsRef<[u8]>>(members: impl IntoIterator<Item = T>) -> Content {
        Content::Set(members.into_iter().map(|member| member.as_ref().to_vec()).collect())
    }

    pub fn sorted_set<T: AsRef<[u8]>>(members: impl IntoIterator<Item = (T, f64)>) -> Content {
        Content::SortedSet(members.into_iter().map(|(member, score)| (member.as_ref().to_vec(), score)).collect())
    }

    pub fn hash<T: AsRef<[u8]>>(pairs: impl IntoIterator<Item = (T, T)>) -> Content {
        Content::expiring_hash(pairs.into_iter().map(|(field, value)| (field, value, None)))
    }

    pub fn expiring_hash<T: AsRef<[u8]>>(fields: impl IntoIterator<Item = (T, T, Option<i64>)>) -> Content {
        let one = |(field, value, at): (T, T, _)| (field.as_ref().to_vec(), (value.as_ref().to_vec(), at));
        Content::Hash(fields.into_iter().map(one).collect())
    }
}

/// A key with what belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    pub content: Content,
    pub expire_at_ms: Option<i64>,
    pub idle_s: Option<u64>,
    pub frequency: Option<u8>,
}

/// All that a payload holds.
#[derive(Debug, Default)]
pub struct Contents {
    pub keys: BTreeMap<(u64, Vec<u8>), Kept>,
    pub aux: BTreeMap<Vec<u8>, Vec<u8>>,
    pub functions: Vec<Vec<u8>>,
    pub module_aux: Vec<String>,
    pub empty_keys: u64,
}

impl Contents {
    pub fn content(&self, key: &str) -> &Content {
        let mut found = self.keys.iter().filter(|((_, name), _)| name == key.as_bytes());
        &found.next().unwrap_or_else(|| panic!("no key {key}")).1.content
    }
}

pub fn read(source: impl Read) -> Result<Contents, RdbError> {
    read_with(source, true)
}

pub fn read_with(source: impl Read, verifies_checksum: bool) -> Result<Contents, RdbError> {
    let mut reader = Reader::new(source, verifies_checksum)?;
    let mut contents = Contents::default();
    while let Some(item) = reader.next()? {
        match item {
            Item::Entry(entry) => {
                let kept = Kept {
                    content: Content::of(&entry.value),
                    expire_at_ms: entry.expire_at_ms,
                    idle_s: entry.idle_s,
                    frequency: entry.frequency,
                };
                contents.keys.insert((entry.db, entry.key.to_vec()), kept);
            }
            Item::Aux { key, value } => drop(contents.aux.insert(key.to_vec(), value.to_vec())),
            Item::Function(source) => contents.functions.push(source.to_vec()),
            Item::ModuleAux(id) => contents.module_aux.push(id.to_string()),
            _ => {}
        }
    }
    contents.empty_keys = reader.empty_keys();
    Ok(contents)
}
