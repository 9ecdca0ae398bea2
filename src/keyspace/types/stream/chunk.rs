//! A chunk of a stream: the fields of its first entry, which others share, and entries one after the other.
//!
//! ```text
//! header    allocated bytes 32 | bytes of the fields 32 | number of the fields 32
//! fields    packed
//! entries   length | own fields + 1, or 0 | milliseconds since the base | sequence since the base | packed texts
//! ```
//! Numbers of an entry are of 7 bits per byte; a sequence's sign is folded into its lowest bit. The texts are values, of
//! an entry with fields of its own fields and values. A chunk may be appended to even while a snapshot sees it: what
//! the snapshot knows of it ends before. For any other change it is then replaced.

use std::alloc::Layout;
use std::ops::Range;
use std::ptr::NonNull;

use crate::alloc::class_size;
use crate::keyspace::StreamId;
use crate::keyspace::epoch::{Epochs, Reclaim};
use crate::keyspace::tree::{Item, free_node};
use crate::keyspace::types::packed::{Kept, Packed, Text, put};

const HEADER: usize = 12;

/// A chunk as its leaf knows it.
#[derive(Clone, Copy)]
pub struct Chunk {
    memory: NonNull<u8>,
    /// Bytes behind the header.
    len: u32,
    pub entries: u32,
    /// Birth epoch.
    epoch: u64,
    /// What its entries' IDs count from; not above the first.
    pub base: StreamId,
}

static CHUNK_NODE: Reclaim = Reclaim { free: free_node::<Chunk> };
static CHUNK: Reclaim = Reclaim { free: free_chunk };

impl Item for Chunk {
    const NODE: &'static Reclaim = &CHUNK_NODE;

    fn weight(&self) -> u64 {
        self.entries.into()
    }
}

impl Chunk {
    /// A chunk without entries, for those with these fields.
    pub fn new<'f>(epochs: &Epochs, base: StreamId, fields: impl Iterator<Item = &'f [u8]>) -> Chunk {
        let (mut packed, mut count) = (Vec::new(), 0);
        fields.for_each(|field| {
            put(&mut packed, field);
            count += 1;
        });
        Chunk::of(epochs, base, [packed.len() as u32, count], &[&packed], 0, 0)
    }

    /// `shape` is the bytes and the number of the fields, with which the parts begin.
    fn of(epochs: &Epochs, base: StreamId, shape: [u32; 2], parts: &[&[u8]], entries: u32, spare: usize) -> Chunk {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        let layout = layout(class_size(HEADER + len + spare));
        // SAFETY: the layout is not empty.
        let memory = NonNull::new(unsafe { std::alloc::alloc(layout) });
        let memory = memory.unwrap_or_else(|| std::alloc::handle_alloc_error(layout));
        let size = u32::try_from(layout.size()).expect("elements are limited to 4 GB");
        // SAFETY: there is room for the header and all parts, and nobody else knows the memory.
        unsafe {
            memory.cast::<[u32; 3]>().write([size, shape[0], shape[1]]);
            let mut to = memory.as_ptr().add(HEADER);
            for part in parts {
                to.copy_from_nonoverlapping(part.as_ptr(), part.len());
                to = to.add(part.len());
            }
        }
        Chunk { memory, len: len as u32, entries, epoch: epochs.current(), base }
    }

    fn header(self) -> [u32; 3] {
        // SAFETY: a chunk that a version holds is alive, and begins with this.
        unsafe { self.memory.cast::<[u32; 3]>().read() }
    }

    pub fn allocated_bytes(self) -> usize {
        self.header()[0] as usize
    }

    /// Bytes of fields and entries.
    fn bytes(self) -> usize {
        self.len as usize
    }

    /// Bytes of entries.
    pub fn entry_bytes(self) -> usize {
        self.bytes() - self.header()[1] as usize
    }

    fn content<'a>(self) -> &'a [u8] {
        // SAFETY: a chunk that a version holds is alive, and so many bytes of it are written.
        unsafe { std::slice::from_raw_parts(self.memory.as_ptr().add(HEADER), self.len as usize) }
    }

    /// Packed names of the fields that entries share.
    pub fn fields<'a>(self) -> Packed<'a> {
        Packed::new(&self.content()[..self.header()[1] as usize])
    }

    pub fn walk<'a>(self) -> Walk<'a> {
        let [_, fields_len, fields] = self.header();
        let (shared, rest) = self.content().split_at(fields_len as usize);
        Walk { base: self.base, fields, shared, rest, len: self.content().len() }
    }

    /// Whether these are the shared fields.
    fn shares<'f>(self, fields: impl ExactSizeIterator<Item = &'f [u8]>) -> bool {
        let mut shared = self.fields();
        fields.len() == self.header()[2] as usize
            && fields.into_iter().all(|field| match shared.take_first() {
                Some(Kept::String(name)) => name == field,
                Some(Kept::Integer(number)) => *Text::from(number) == *field,
                None => false,
            })
    }

    /// The entry as it would be written here. `texts` are fields and values in turn.
    pub fn encode<'t>(self, id: StreamId, texts: &(impl ExactSizeIterator<Item = &'t [u8]> + Clone)) -> Vec<u8> {
        // The length comes first and is known last.
        let mut entry = vec![0; LENGTH_MAX];
        let pairs = texts.len() / 2;
        let own = if self.shares(texts.clone().step_by(2)) { 0 } else { pairs as u64 + 1 };
        put_number(&mut entry, own);
        put_number(&mut entry, id.ms.wrapping_sub(self.base.ms));
        put_number(&mut entry, folded(id.seq.wrapping_sub(self.base.seq) as i64));
        match own {
            0 => texts.clone().skip(1).step_by(2).for_each(|value| put(&mut entry, value)),
            _ => texts.clone().for_each(|text| put(&mut entry, text)),
        }
        let mut length = Vec::with_capacity(LENGTH_MAX);
        put_number(&mut length, (entry.len() - LENGTH_MAX) as u64);
        let from = LENGTH_MAX - length.len();
        entry[from..LENGTH_MAX].copy_from_slice(&length);
        entry.drain(..from);
        entry
    }

    /// The chunk with another entry at its end, in a larger allocation if it has no room; this one is no longer used.
    pub fn with(self, epochs: &Epochs, entry: &[u8]) -> Chunk {
        let (len, capacity) = (self.bytes(), self.allocated_bytes());
        if HEADER + len + entry.len() > capacity {
            let [_, fields_len, fields] = self.header();
            let parts = [self.content(), entry];
            let grown = Chunk::of(epochs, self.base, [fields_len, fields], &parts, self.entries + 1, capacity / 2);
            self.discard(epochs);
            return grown;
        }
        // SAFETY: there is room; what older versions know of the chunk ends before, and only the newest is changed.
        unsafe {
            let end = self.memory.as_ptr().add(HEADER + len);
            end.copy_from_nonoverlapping(entry.as_ptr(), entry.len());
        }
        Chunk { len: (len + entry.len()) as u32, entries: self.entries + 1, ..self }
    }

    /// The chunk in the smallest allocation; this one is no longer used.
    pub fn sealed(self, epochs: &Epochs) -> Chunk {
        if class_size(HEADER + self.bytes()) == self.allocated_bytes() {
            return self;
        }
        self.copied(epochs, 0..0, self.entries)
    }

    /// The chunk without a range of bytes, after which it has so many entries; this one is no longer used.
    pub fn without(self, epochs: &Epochs, range: Range<usize>, entries: u32) -> Chunk {
        if epochs.is_shared(self.epoch) {
            return self.copied(epochs, range, entries);
        }
        // SAFETY: no snapshot sees the chunk, and the stream is borrowed exclusively.
        unsafe {
            let start = self.memory.as_ptr().add(HEADER);
            start.add(range.start).copy_from(start.add(range.end), self.bytes() - range.end);
        }
        Chunk { len: self.len - range.len() as u32, entries, ..self }
    }

    fn copied(self, epochs: &Epochs, range: Range<usize>, entries: u32) -> Chunk {
        let [_, fields_len, fields] = self.header();
        let content = self.content();
        let parts = [&content[..range.start], &content[range.end..]];
        let copy = Chunk::of(epochs, self.base, [fields_len, fields], &parts, entries, 0);
        self.discard(epochs);
        copy
    }

    /// A copy that shares nothing with this one.
    pub fn duplicate(self, epochs: &Epochs) -> Chunk {
        let [_, fields_len, fields] = self.header();
        Chunk::of(epochs, self.base, [fields_len, fields], &[self.content()], self.entries, 0)
    }

    pub fn discard(self, epochs: &Epochs) {
        if epochs.is_shared(self.epoch) {
            epochs.retire(&CHUNK, self.memory, self.allocated_bytes());
        } else {
            // SAFETY: neither the stream nor a snapshot holds it any more.
            unsafe { free_chunk(self.memory) };
        }
    }

    /// # Safety
    /// Nothing reaches the chunk any more.
    pub unsafe fn free(self) {
        // SAFETY: the caller's promise.
        unsafe { free_chunk(self.memory) };
    }
}

/// An entry read in place.
#[derive(Clone, Copy)]
pub struct EntryRef<'a> {
    pub id: StreamId,
    pairs: u32,
    /// The chunk's fields; `None` if it has its own, among its texts.
    shared: Option<Packed<'a>>,
    texts: Packed<'a>,
}

impl<'a> EntryRef<'a> {
    /// Number of fields.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.pairs as usize
    }

    /// Whether both have the same fields in the same order.
    pub fn has_fields_of(&self, other: &EntryRef<'_>) -> bool {
        match (self.shared, other.shared) {
            (Some(own), Some(others)) => own.bytes() == others.bytes(),
            _ => {
                let mut others = other.pairs();
                self.len() == other.len()
                    && self.pairs().all(|(own, _)| others.next().is_some_and(|(field, _)| *field == *own))
            }
        }
    }

    /// Fields with their values.
    pub fn pairs(&self) -> impl Iterator<Item = (Text<'a>, Text<'a>)> + use<'a> {
        let (mut shared, mut texts) = (self.shared, self.texts);
        std::iter::from_fn(move || {
            let field = match &mut shared {
                Some(fields) => fields.next()?,
                None => texts.next()?,
            };
            Some((field, texts.next()?))
        })
    }
}

/// The way through a chunk's entries.
#[derive(Clone, Copy)]
pub struct Walk<'a> {
    base: StreamId,
    fields: u32,
    shared: &'a [u8],
    rest: &'a [u8],
    len: usize,
}

impl Walk<'_> {
    /// A way through nothing.
    pub const NOWHERE: Walk<'static> = Walk { base: StreamId::MIN, fields: 0, shared: &[], rest: &[], len: 0 };

    /// Where in its chunk the next entry begins.
    pub fn offset(&self) -> usize {
        self.len - self.rest.len()
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = EntryRef<'a>;

    fn next(&mut self) -> Option<EntryRef<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let len = take_number(&mut self.rest) as usize;
        let (mut entry, rest) = self.rest.split_at(len);
        self.rest = rest;
        let own = take_number(&mut entry);
        let ms = self.base.ms.wrapping_add(take_number(&mut entry));
        let seq = self.base.seq.wrapping_add(unfolded(take_number(&mut entry)) as u64);
        let (pairs, shared) = match own {
            0 => (self.fields, Some(Packed::new(self.shared))),
            own => (own as u32 - 1, None),
        };
        Some(EntryRef { id: StreamId { ms, seq }, pairs, shared, texts: Packed::new(entry) })
    }
}

/// Bytes that a length of 32 bits takes at most.
const LENGTH_MAX: usize = 5;

fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take_number(bytes: &mut &[u8]) -> u64 {
    let (mut number, mut shift) = (0, 0);
    while let Some((first, rest)) = bytes.split_first() {
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            break;
        }
        shift += 7;
    }
    number
}

fn folded(number: i64) -> u64 {
    (number << 1 ^ number >> 63) as u64
}

fn unfolded(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).expect("elements are limited to 4 GB")
}

/// # Safety
/// The address is a chunk's, and nothing reaches it any more.
unsafe fn free_chunk(address: NonNull<u8>) {
    // SAFETY: the caller's promise; a chunk begins with the size it was allocated with.
    unsafe { std::alloc::dealloc(address.as_ptr(), layout(address.cast::<u32>().read() as usize)) };
}
