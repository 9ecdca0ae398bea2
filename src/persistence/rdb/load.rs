//! From a reader into a keyspace, or nowhere: [`load_into`] and [`verify`] are one pass that differs in its last step.
//!
//! What this server can hold is decided in [`storable`], and only there. Keys go into the keyspace that is given, which
//! should be empty; after an error it holds what came before.

use std::io::Read;

use crate::config::CollectionLimits;
use crate::keyspace::{Keyspace, NewValue, UnixMs};

use super::batch::Batch;
use super::error::{RdbError, printable};
use super::reader::{Entry, Item, Reader};
use super::value::{ModuleId, RdbValue};

/// LFU counter of a key that was never counted.
const LFU_START: u32 = 5;
const CLOCK_MASK: u32 = 0xff_ffff;

/// How a payload becomes keys.
#[derive(Clone, Copy, Debug)]
pub struct LoadOptions {
    /// Whether keys that have expired are left out and listed, as a master does: they become DELs after the restored
    /// offset. A replica, and the base of an AOF, keep them.
    pub drops_expired: bool,
    /// Whether modules' data beside the keys is passed over. Redis refuses what it has no module for.
    pub skips_module_aux: bool,
    pub access: FreshAccess,
    /// Up to where collections are compact.
    pub limits: CollectionLimits,
}

/// The access clocks that loaded keys start with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FreshAccess {
    /// The LRU clock, in seconds.
    Lru { clock_s: u32 },
    /// The clock of LFU decay, in minutes.
    Lfu { clock_min: u16 },
}

impl FreshAccess {
    /// The 24 bits for a key that was idle so long, or counted so often, as far as the payload says.
    pub fn bits(self, idle_s: Option<u64>, frequency: Option<u8>) -> u32 {
        match self {
            FreshAccess::Lru { clock_s } => {
                let idle_s = idle_s.unwrap_or(0).min(CLOCK_MASK.into()) as u32;
                clock_s.wrapping_sub(idle_s) & CLOCK_MASK
            }
            FreshAccess::Lfu { clock_min } => u32::from(clock_min) << 8 | frequency.map_or(LFU_START, u32::from),
        }
    }
}

/// Outcome of a pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    pub keys_loaded: u64,
    pub keys_expired: u64,
    /// The keys that were left out because they had expired, with their databases.
    pub expired: Vec<(usize, Vec<u8>)>,
    /// Keys without elements, passed over as Redis does.
    pub empty_keys: u64,
    pub aux: Aux,
    /// Sources of the function libraries.
    pub functions: Vec<Vec<u8>>,
}

/// The aux fields that a server uses. Others are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aux {
    pub redis_version: Option<String>,
    /// Unix time in seconds.
    pub created_s: Option<i64>,
    pub used_memory_bytes: Option<i64>,
    pub repl_stream_db: Option<i64>,
    pub repl_id: Option<String>,
    pub repl_offset: Option<i64>,
    pub is_aof_base: bool,
    /// Fields named with a % are for the log.
    pub notes: Vec<(String, String)>,
}

impl Aux {
    const MAX_NOTES: usize = 64;

    fn note(&mut self, key: &[u8], value: &[u8]) {
        let text = || printable(value);
        let number = || std::str::from_utf8(value).ok().and_then(|text| text.parse::<i64>().ok());
        match key {
            b"redis-ver" => self.redis_version = Some(text()),
            b"ctime" => self.created_s = number(),
            b"used-mem" => self.used_memory_bytes = number(),
            b"repl-stream-db" => self.repl_stream_db = number(),
            b"repl-id" if value.len() == 40 => self.repl_id = Some(text()),
            b"repl-offset" => self.repl_offset = number(),
            b"aof-base" => self.is_aof_base = number().is_some_and(|flag| flag != 0),
            [b'%', ..] if self.notes.len() < Aux::MAX_NOTES => self.notes.push((printable(key), text())),
            _ => {}
        }
    }
}

/// A payload that this server cannot take.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Rdb(#[from] RdbError),
    #[error("key '{}' in DB {db} is of module type '{module}', and there is no such module", printable(.key))]
    Module { db: usize, key: Vec<u8>, module: ModuleId },
    #[error("the payload contains AUX data of module '{0}', and there is no such module")]
    ModuleAux(ModuleId),
    #[error("RDB has duplicated key '{}' in DB {db}", printable(.key))]
    Duplicate { db: usize, key: Vec<u8> },
    #[error("the payload has database {index}, this server is configured for {databases} databases")]
    Database { index: u64, databases: usize },
    /// Nobody takes what is decoded any more; whoever took it knows why.
    #[error("loading was given up")]
    Abandoned,
}

pub(super) const STORABLE: &str = "a pass lets no other values through";

/// The value as the keyspace takes it; `None` if it has no such type.
pub fn storable<'a>(value: &'a RdbValue<'_>, limits: &'a CollectionLimits) -> Option<NewValue<'a>> {
    match value {
        RdbValue::String(bytes) => Some(NewValue::String(bytes)),
        RdbValue::List(elements) => Some(NewValue::List(elements, limits)),
        RdbValue::Hash(hash) => Some(NewValue::Hash(&hash.pairs, &hash.expire_at_ms, limits)),
        RdbValue::Set(members) => Some(NewValue::Set(members, limits)),
        RdbValue::SortedSet(set) => Some(NewValue::SortedSet(set, limits)),
        RdbValue::Stream(stream) => Some(NewValue::Stream(stream, limits)),
        _ => None,
    }
}

/// Loads all that `reader` has. `now` decides which keys have expired.
pub fn load_into<R: Read>(
    reader: &mut Reader<R>,
    keyspace: &mut Keyspace,
    now: UnixMs,
    options: LoadOptions,
) -> Result<Loaded, LoadError> {
    let databases = keyspace.databases();
    let mut batch = Batch::new(keyspace);
    let loaded = pass(reader, databases, now, options, |db, entry, _| {
        let value = storable(&entry.value, &options.limits).expect(STORABLE);
        let access = options.access.bits(entry.idle_s, entry.frequency);
        batch.put(db, entry.key, value, entry.expire_at_ms, access)
    });
    batch.insert_all()?;
    loaded
}

/// Checks all that `load_into` would check of the payload, for a server of so many databases, but for keys that stand
/// twice in one database. Keeps nothing of it.
pub fn verify<R: Read>(
    reader: &mut Reader<R>,
    databases: usize,
    now: UnixMs,
    options: LoadOptions,
) -> Result<Loaded, LoadError> {
    pass(reader, databases, now, options, |_, _, _| Ok(()))
}

/// Hands what can be held to `put`, with what the payload says of itself.
pub(super) fn pass<R: Read>(
    reader: &mut Reader<R>,
    databases: usize,
    now: UnixMs,
    options: LoadOptions,
    mut put: impl FnMut(usize, Entry<'_>, &Aux) -> Result<(), LoadError>,
) -> Result<Loaded, LoadError> {
    let mut loaded = Loaded::default();
    while let Some(item) = reader.next()? {
        match item {
            Item::Entry(entry) => {
                let db = database(entry.db, databases)?;
                if let RdbValue::Module(module) = entry.value {
                    return Err(LoadError::Module { db, key: entry.key.to_vec(), module });
                }
                if options.drops_expired && entry.expire_at_ms.is_some_and(|at| at < now) {
                    loaded.keys_expired += 1;
                    loaded.expired.push((db, entry.key.to_vec()));
                } else {
                    put(db, entry, &loaded.aux)?;
                    loaded.keys_loaded += 1;
                }
            }
            Item::SelectDb(index) => drop(database(index, databases)?),
            Item::Aux { key, value } => loaded.aux.note(key, value),
            Item::Function(source) => loaded.functions.push(source.to_vec()),
            Item::ModuleAux(module) if !options.skips_module_aux => return Err(LoadError::ModuleAux(module)),
            Item::ModuleAux(_) | Item::ResizeDb { .. } | Item::SlotInfo { .. } => {}
        }
    }
    loaded.empty_keys = reader.empty_keys();
    Ok(loaded)
}

fn database(index: u64, databases: usize) -> Result<usize, LoadError> {
    let known = usize::try_from(index).ok().filter(|index| *index < databases);
    known.ok_or(LoadError::Database { index, databases })
}
