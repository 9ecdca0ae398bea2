//! The writer: puts a snapshot onto a sink in the lowest version that carries it, for the sake of those who read it.
//!
//! It fills one buffer and hands it on when it is full; long pieces pass by the buffer. Nothing is concatenated that does
//! not have to be: a string of chunks goes out chunk by chunk, unless LZF makes it shorter.

use std::io::{self, Write};

use crate::keyspace::{
    Encoding, HashRef, ListRef, SetRef, Snapshot, SnapshotEntry, SortedSetRef, StringRef, Text, UnixMs, Value, access,
};
use crate::resp::{DoubleText, parse_i64};

use super::compact::{intset, listpack};
use super::crc::StreamCrc;
use super::format::{
    ENCODED, EXPIRING_FIELDS_VERSION, WRITTEN_VERSION, encoding, kind, opcode, put_integer_string, put_length,
};
use super::lzf::Compressor;

/// The buffer is handed on when it holds this much.
const BUFFER_BYTES: usize = 128 << 10;
/// Pieces from here on are not copied into the buffer.
const DIRECT_BYTES: usize = 16 << 10;
/// Integers of 32 bits have at most this many characters.
const MAX_INTEGER_LEN: usize = 11;
/// Bytes of elements that a list's node holds.
const LIST_NODE_BYTES: usize = 8 << 10;
/// What a listpack adds to an element, about.
const LISTPACK_ENTRY_BYTES: usize = 4;
/// Integral scores up to here stand in a listpack as integers.
const INTEGER_SCORE_MAX: f64 = (1u64 << 62) as f64;
/// Shorter strings are not worth compressing.
const MIN_COMPRESSED_LEN: usize = 21;

/// How a payload is written.
#[derive(Clone, Copy, Debug)]
pub struct WriterOptions {
    /// `rdbcompression`
    pub compression: bool,
    /// `rdbchecksum`; without it the footer is 0.
    pub checksum: bool,
    pub access: AccessInfo,
}

/// What is written of a key's access clock; the eviction policy decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessInfo {
    Omit,
    /// Seconds idle, by the clock that the keys were touched with.
    Lru {
        clock_s: u32,
    },
    /// The counter, decayed until now (`lfu-decay-time` in minutes, 0 for never).
    Lfu {
        clock_min: u16,
        decay_min: u32,
    },
}

/// Where a payload stands in a replication history.
#[derive(Clone, Copy, Debug)]
pub struct ReplicationInfo<'a> {
    /// Database that the stream has selected, -1 for none.
    pub stream_db: i64,
    pub replid: &'a str,
    pub offset: i64,
}

/// The aux fields at the head of a payload.
#[derive(Clone, Copy, Debug)]
pub struct Preamble<'a> {
    pub redis_version: &'a str,
    /// Unix time in seconds.
    pub created_s: i64,
    pub used_memory_bytes: u64,
    pub replication: Option<ReplicationInfo<'a>>,
    /// Whether this is the base of an AOF.
    pub is_aof_base: bool,
}

/// The version that carries a snapshot.
pub fn version_for(snapshot: &Snapshot) -> u16 {
    if snapshot.has_expiring_fields() { EXPIRING_FIELDS_VERSION } else { WRITTEN_VERSION }
}

/// Writes one payload.
pub struct Writer<W> {
    sink: W,
    pub(super) buffer: Vec<u8>,
    crc: Option<StreamCrc>,
    access: AccessInfo,
    compressor: Option<Compressor>,
    compressed: Vec<u8>,
    written_bytes: u64,
}

/// Writes `snapshot` as one whole payload and answers its number of keys.
pub fn write_snapshot<W: Write>(
    snapshot: Snapshot,
    preamble: &Preamble<'_>,
    functions: &[&[u8]],
    options: WriterOptions,
    sink: W,
) -> io::Result<u64> {
    write_paced(snapshot, preamble, functions, options, sink, &mut || ())
}

/// As `write_snapshot`; calls `pace` before each key, for those who want it slower.
pub fn write_paced<W: Write>(
    snapshot: Snapshot,
    preamble: &Preamble<'_>,
    functions: &[&[u8]],
    options: WriterOptions,
    sink: W,
    pace: &mut dyn FnMut(),
) -> io::Result<u64> {
    let mut writer = Writer::new(sink, options);
    writer.preamble(version_for(&snapshot), preamble)?;
    for source in functions {
        writer.function(source)?;
    }
    let sizes: Vec<_> = (0..snapshot.databases()).map(|db| snapshot.db_size(db)).collect();
    let mut walker = snapshot.walk();
    let mut selected = None;
    let mut keys = 0;
    while let Some(entry) = walker.next() {
        if selected != Some(entry.db) {
            let (keys, expires) = sizes[entry.db];
            writer.select_db(entry.db, keys as u64, expires as u64)?;
            selected = Some(entry.db);
        }
        pace();
        writer.entry(&entry)?;
        keys += 1;
    }
    writer.finish()?;
    Ok(keys)
}

impl<W: Write> Writer<W> {
    pub fn new(sink: W, options: WriterOptions) -> Writer<W> {
        Writer {
            sink,
            buffer: Vec::new(),
            crc: options.checksum.then(StreamCrc::new),
            access: options.access,
            compressor: options.compression.then(Compressor::new),
            compressed: Vec::new(),
            written_bytes: 0,
        }
    }

    /// Signature and aux fields.
    pub fn preamble(&mut self, version: u16, preamble: &Preamble<'_>) -> io::Result<()> {
        write!(self.buffer, "REDIS{version:04}")?;
        self.aux("redis-ver", preamble.redis_version)?;
        self.aux("redis-bits", "64")?;
        self.aux_number("ctime", preamble.created_s)?;
        self.aux_number("used-mem", preamble.used_memory_bytes as i64)?;
        if let Some(replication) = &preamble.replication {
            self.aux_number("repl-stream-db", replication.stream_db)?;
            self.aux("repl-id", replication.replid)?;
            self.aux_number("repl-offset", replication.offset)?;
        }
        self.aux_number("aof-base", preamble.is_aof_base.into())
    }

    fn aux_number(&mut self, key: &str, number: i64) -> io::Result<()> {
        self.aux(key, itoa::Buffer::new().format(number))
    }

    pub fn aux(&mut self, key: &str, value: &str) -> io::Result<()> {
        self.buffer.push(opcode::AUX);
        self.bytes(key.as_bytes())?;
        self.bytes(value.as_bytes())
    }

    /// A function library's source.
    pub fn function(&mut self, source: &[u8]) -> io::Result<()> {
        self.buffer.push(opcode::FUNCTION);
        self.bytes(source)
    }

    /// What follows is of database `db`, which has so many keys and keys with an expiry.
    pub fn select_db(&mut self, db: usize, keys: u64, expires: u64) -> io::Result<()> {
        self.buffer.push(opcode::SELECT_DB);
        put_length(&mut self.buffer, db as u64);
        self.buffer.push(opcode::RESIZE_DB);
        put_length(&mut self.buffer, keys);
        put_length(&mut self.buffer, expires);
        self.flush_if_full()
    }

    pub fn entry(&mut self, entry: &SnapshotEntry<'_>) -> io::Result<()> {
        if let Some(at) = entry.expire_at {
            self.buffer.push(opcode::EXPIRE_MS);
            self.buffer.extend_from_slice(&at.to_le_bytes());
        }
        self.access(entry.access);
        self.buffer.push(type_of(&entry.value));
        self.bytes(entry.key)?;
        self.value(&entry.value)?;
        self.flush_if_full()
    }

    fn access(&mut self, bits: u32) {
        match self.access {
            AccessInfo::Omit => {}
            AccessInfo::Lru { clock_s } => {
                self.buffer.push(opcode::IDLE);
                put_length(&mut self.buffer, access::idle_s(bits, clock_s).into());
            }
            AccessInfo::Lfu { clock_min, decay_min } => {
                self.buffer.extend_from_slice(&[opcode::FREQ, access::decayed(bits, clock_min, decay_min)]);
            }
        }
    }

    /// A value without its type byte.
    pub(super) fn value(&mut self, value: &Value<'_>) -> io::Result<()> {
        match value {
            Value::String(string) => self.string(string),
            Value::List(list) => self.list(list),
            Value::Hash(hash) => self.hash(hash),
            Value::Set(set) => self.set(set),
            Value::SortedSet(set) => self.sorted_set(set),
            Value::Stream(stream) => self.stream(stream),
        }
    }

    fn string(&mut self, string: &StringRef<'_>) -> io::Result<()> {
        let len = string.len();
        if len <= MAX_INTEGER_LEN && put_integer_string(&mut self.buffer, &string.to_cow()) {
            return Ok(());
        }
        self.pieces(|| string.chunks(), len)
    }

    /// A string that is contiguous.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        if put_integer_string(&mut self.buffer, bytes) {
            return Ok(());
        }
        self.pieces(|| std::iter::once(bytes), bytes.len())
    }

    /// A string in pieces of `len` bytes together, compressed if that is shorter.
    pub(super) fn pieces<'p, P: Iterator<Item = &'p [u8]>>(
        &mut self,
        pieces: impl Fn() -> P,
        len: usize,
    ) -> io::Result<()> {
        if len >= MIN_COMPRESSED_LEN
            && let Some(compressor) = &mut self.compressor
            && compressor.compress_string(pieces(), len, &mut self.compressed)
        {
            return self.compressed(len);
        }
        put_length(&mut self.buffer, len as u64);
        pieces().try_for_each(|piece| self.raw(piece))
    }

    fn compressed(&mut self, len: usize) -> io::Result<()> {
        self.buffer.push(ENCODED | encoding::LZF);
        put_length(&mut self.buffer, self.compressed.len() as u64);
        put_length(&mut self.buffer, len as u64);
        let compressed = std::mem::take(&mut self.compressed);
        let result = self.raw(&compressed);
        self.compressed = compressed;
        self.compressed.clear();
        self.compressed.shrink_to(BUFFER_BYTES);
        result
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() < DIRECT_BYTES {
            self.buffer.extend_from_slice(bytes);
            return self.flush_if_full();
        }
        self.flush()?;
        put(&mut self.sink, &mut self.crc, &mut self.written_bytes, bytes)
    }

    fn flush_if_full(&mut self) -> io::Result<()> {
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    /// Hands on what is buffered.
    pub fn flush(&mut self) -> io::Result<()> {
        let result = put(&mut self.sink, &mut self.crc, &mut self.written_bytes, &self.buffer);
        self.buffer.clear();
        result
    }

    /// Bytes handed to the sink so far.
    pub fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    /// EOF and checksum. Answers the sink.
    pub fn finish(mut self) -> io::Result<W> {
        self.buffer.push(opcode::EOF);
        self.flush()?;
        let checksum = self.crc.take().map_or(0, |crc| crc.value());
        self.sink.write_all(&checksum.to_le_bytes())?;
        self.sink.flush()?;
        Ok(self.sink)
    }

    /// Answers the sink after handing on what is buffered, with no end to the payload.
    pub(super) fn into_sink(mut self) -> io::Result<W> {
        self.flush()?;
        Ok(self.sink)
    }
}

impl<W: Write> Writer<W> {
    /// Nodes of at most some 8 KB, each a listpack; an element as long is a node of its own, in plain form.
    fn list(&mut self, list: &ListRef<'_>) -> io::Result<()> {
        const PLAIN: u64 = 1;
        const PACKED: u64 = 2;
        let mut nodes: Vec<(u64, Vec<u8>)> = Vec::new();
        let (mut node, mut node_bytes) = (listpack::Builder::new(), 0);
        for element in list.iter() {
            let is_plain = element.len() >= LIST_NODE_BYTES;
            if node_bytes > 0 && (is_plain || node_bytes + element.len() > LIST_NODE_BYTES) {
                nodes.push((PACKED, std::mem::take(&mut node).finish()));
                node_bytes = 0;
            }
            if is_plain {
                nodes.push((PLAIN, element.to_vec()));
            } else {
                node.push(&element);
                node_bytes += element.len() + LISTPACK_ENTRY_BYTES;
            }
        }
        if node_bytes > 0 {
            nodes.push((PACKED, node.finish()));
        }
        put_length(&mut self.buffer, nodes.len() as u64);
        nodes.iter().try_for_each(|(container, node)| {
            put_length(&mut self.buffer, *container);
            self.pieces(|| std::iter::once(&node[..]), node.len())
        })
    }

    fn hash(&mut self, hash: &HashRef<'_>) -> io::Result<()> {
        if let Some(earliest) = hash.earliest_expiry() {
            return self.expiring_hash(hash, earliest);
        }
        if hash.encoding() == Encoding::Listpack {
            return self.listpack(hash.iter().flat_map(|(field, value)| [field, value]));
        }
        put_length(&mut self.buffer, hash.len() as u64);
        hash.iter().try_for_each(|(field, value)| {
            self.bytes(&field)?;
            self.bytes(&value)
        })
    }

    /// The earliest expiry; then a listpack of triples in the order of expiries, as Redis needs them, or for each field
    /// by how much later it expires, plus one.
    fn expiring_hash(&mut self, hash: &HashRef<'_>, earliest: UnixMs) -> io::Result<()> {
        let earliest = earliest.max(0);
        self.buffer.extend_from_slice(&earliest.to_le_bytes());
        if hash.encoding() == Encoding::ListpackEx {
            let mut fields: Vec<_> = hash.fields().collect();
            fields.sort_by_key(|field| field.expire_at.unwrap_or(UnixMs::MAX));
            let expiry = |at: Option<UnixMs>| Text::from(at.unwrap_or(0));
            return self
                .listpack(fields.into_iter().flat_map(|field| [field.name, field.value, expiry(field.expire_at)]));
        }
        put_length(&mut self.buffer, hash.len() as u64);
        hash.fields().try_for_each(|field| {
            put_length(&mut self.buffer, field.expire_at.map_or(0, |at| (at - earliest + 1) as u64));
            self.bytes(&field.name)?;
            self.bytes(&field.value)
        })
    }

    /// Redis 7.0 knows no sets in listpacks.
    fn set(&mut self, set: &SetRef<'_>) -> io::Result<()> {
        if set.encoding() == Encoding::Intset {
            let numbers: Vec<i64> = set.iter().filter_map(|member| parse_i64(&member)).collect();
            let encoded = intset::encode(&numbers);
            return self.pieces(|| std::iter::once(&encoded[..]), encoded.len());
        }
        put_length(&mut self.buffer, set.len() as u64);
        set.iter().try_for_each(|member| self.bytes(&member))
    }

    /// A large one from its end: who inserts at the front, as Redis does, need not search.
    fn sorted_set(&mut self, set: &SortedSetRef<'_>) -> io::Result<()> {
        if set.encoding() == Encoding::Listpack {
            let mut builder = listpack::Builder::new();
            for (member, score) in set.iter() {
                builder.push(&member);
                match score.trunc() == score && score.abs() <= INTEGER_SCORE_MAX {
                    true => builder.push_integer(score as i64),
                    false => builder.push(&DoubleText::new(score)),
                }
            }
            let listpack = builder.finish();
            return self.pieces(|| std::iter::once(&listpack[..]), listpack.len());
        }
        put_length(&mut self.buffer, set.len() as u64);
        set.iter_before(set.len()).try_for_each(|(member, score)| {
            self.bytes(&member)?;
            self.raw(&score.to_le_bytes())
        })
    }

    fn listpack<'t>(&mut self, elements: impl Iterator<Item = Text<'t>>) -> io::Result<()> {
        let mut builder = listpack::Builder::new();
        elements.for_each(|element| builder.push(&element));
        let listpack = builder.finish();
        self.pieces(|| std::iter::once(&listpack[..]), listpack.len())
    }
}

fn put(sink: &mut impl Write, crc: &mut Option<StreamCrc>, written: &mut u64, bytes: &[u8]) -> io::Result<()> {
    if let Some(crc) = crc {
        crc.update(bytes);
    }
    *written += bytes.len() as u64;
    sink.write_all(bytes)
}

/// The type byte under which a value is written.
pub(super) fn type_of(value: &Value<'_>) -> u8 {
    match value {
        Value::String(_) => kind::STRING,
        Value::List(_) => kind::LIST_QUICKLIST_2,
        Value::Hash(hash) if hash.encoding() == Encoding::ListpackEx => kind::HASH_LISTPACK_EX,
        Value::Hash(hash) if hash.earliest_expiry().is_some() => kind::HASH_METADATA,
        Value::Hash(hash) if hash.encoding() == Encoding::Listpack => kind::HASH_LISTPACK,
        Value::Hash(_) => kind::HASH,
        Value::Set(set) if set.encoding() == Encoding::Intset => kind::SET_INTSET,
        Value::Set(_) => kind::SET,
        Value::SortedSet(set) if set.encoding() == Encoding::Listpack => kind::ZSET_LISTPACK,
        Value::SortedSet(_) => kind::ZSET_2,
        Value::Stream(_) => kind::STREAM_LISTPACKS_2,
    }
}
