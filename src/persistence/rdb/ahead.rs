//! Loading with two threads: one decodes ahead, the other fills the keyspace.
//!
//! What is decoded travels in pieces: strings share one buffer, collections are owned, keys are hashed already. A few
//! pieces are under way at a time, so memory is bounded by them and by the largest value.

use std::io::Read;
use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use crate::keyspace::{Key, KeyHasher, Keyspace, NewValue, UnixMs};

use super::batch::insert;
use super::load::{Aux, LoadError, LoadOptions, Loaded, STORABLE, pass, storable};
use super::reader::{Entry, Reader};
use super::value::RdbValue;

/// Pieces that may wait to be inserted.
const PIECES: usize = 4;
/// A piece is handed over when it holds so much.
const PIECE_ENTRIES: usize = 1024;
const PIECE_BYTES: usize = 256 << 10;
/// How many keys before its own a bucket is brought into the cache.
const PREFETCHED: usize = 16;

/// As `load_into`, decoding on a thread of its own. Calls `pace` before each key, for those who want it slower or tell
/// what is loaded.
pub fn load_ahead<R: Read + Send>(
    reader: &mut Reader<R>,
    keyspace: &mut Keyspace,
    now: UnixMs,
    options: LoadOptions,
    pace: &mut dyn FnMut(&Aux),
) -> Result<Loaded, LoadError> {
    let (databases, hasher) = (keyspace.databases(), keyspace.hasher());
    let (full, pieces) = sync_channel(PIECES);
    let (emptied, empty) = channel();
    std::thread::scope(|scope| {
        let decoder = scope.spawn(move || {
            let mut pieces = Decoded { piece: Piece::default(), full, empty, hasher };
            let loaded = pass(reader, databases, now, options, |db, entry, aux| pieces.take(db, entry, aux));
            // Also before a fault: then the keyspace holds what came before it.
            pieces.hand_over()?;
            loaded
        });
        let inserted = insert_all(pieces, &emptied, keyspace, &options, pace);
        let loaded = decoder.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        inserted.and(loaded)
    })
}

#[derive(Default)]
struct Piece {
    entries: Vec<Waiting>,
    /// Keys, and values that are strings.
    bytes: Vec<u8>,
    /// What the payload says of itself, as far as it was read.
    aux: Aux,
}

struct Waiting {
    db: usize,
    hash: u64,
    key: Range<usize>,
    value: Kept,
    expire_at_ms: Option<i64>,
    idle_s: Option<u64>,
    frequency: Option<u8>,
}

enum Kept {
    String(Range<usize>),
    Collection(RdbValue<'static>),
}

/// The decoding side.
struct Decoded {
    piece: Piece,
    full: SyncSender<Piece>,
    empty: Receiver<Piece>,
    hasher: KeyHasher,
}

impl Decoded {
    fn take(&mut self, db: usize, entry: Entry<'_>, aux: &Aux) -> Result<(), LoadError> {
        if self.piece.entries.is_empty() {
            self.piece.aux.clone_from(aux);
        }
        let Entry { key, value, expire_at_ms, idle_s, frequency, .. } = entry;
        let hash = self.hasher.hash(key);
        let key = self.keep(key);
        let value = match value.into_owned() {
            Ok(collection) => Kept::Collection(collection),
            Err(string) => Kept::String(self.keep(string)),
        };
        self.piece.entries.push(Waiting { db, hash, key, value, expire_at_ms, idle_s, frequency });
        let is_full = self.piece.entries.len() >= PIECE_ENTRIES || self.piece.bytes.len() >= PIECE_BYTES;
        if is_full { self.hand_over() } else { Ok(()) }
    }

    fn keep(&mut self, bytes: &[u8]) -> Range<usize> {
        let from = self.piece.bytes.len();
        self.piece.bytes.extend_from_slice(bytes);
        from..self.piece.bytes.len()
    }

    /// Goes on with an emptied piece, if there is one.
    fn hand_over(&mut self) -> Result<(), LoadError> {
        let next = self.empty.try_recv().unwrap_or_default();
        self.full.send(std::mem::replace(&mut self.piece, next)).map_err(|_| LoadError::Abandoned)
    }
}

fn insert_all(
    pieces: Receiver<Piece>,
    emptied: &Sender<Piece>,
    keyspace: &mut Keyspace,
    options: &LoadOptions,
    pace: &mut dyn FnMut(&Aux),
) -> Result<(), LoadError> {
    for mut piece in pieces {
        let Piece { entries, bytes, aux } = &piece;
        for (index, waiting) in entries.iter().enumerate() {
            if let Some(ahead) = entries.get(index + PREFETCHED) {
                keyspace.db(ahead.db).prefetch_bucket(ahead.hash);
            }
            pace(aux);
            insert_one(keyspace, waiting, bytes, options)?;
        }
        piece.entries.clear();
        piece.bytes.clear();
        piece.bytes.shrink_to(2 * PIECE_BYTES);
        // The decoder may have come to its end.
        let _ = emptied.send(piece);
    }
    Ok(())
}

fn insert_one(
    keyspace: &mut Keyspace,
    waiting: &Waiting,
    bytes: &[u8],
    options: &LoadOptions,
) -> Result<(), LoadError> {
    let value = match &waiting.value {
        Kept::String(range) => NewValue::String(&bytes[range.clone()]),
        Kept::Collection(value) => storable(value, &options.limits).expect(STORABLE),
    };
    let key = Key { bytes: &bytes[waiting.key.clone()], hash: waiting.hash };
    let access = options.access.bits(waiting.idle_s, waiting.frequency);
    insert(keyspace, waiting.db, key, value, waiting.expire_at_ms, access)
}
