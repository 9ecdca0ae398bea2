//! The entries of a stream in the order of their IDs: full chunks in a tree, and beside it the last one, which grows.

use crate::config::CollectionLimits;
use crate::keyspace::StreamId;
use crate::keyspace::epoch::Epochs;
use crate::keyspace::tree::{Items, Tree};

use super::chunk::{Chunk, EntryRef, Walk};

/// A chunk of several entries takes no more bytes, whatever the configuration says: a change copies it.
const CHUNK_MAX: usize = 64 << 10;

/// What TRIM lets live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The last so many.
    Last(u64),
    /// Those not below an ID.
    From(StreamId),
}

/// A version of the entries.
#[derive(Clone, Copy)]
pub struct Log {
    full: Tree<Chunk>,
    tail: Option<Chunk>,
    /// What the chunks were allocated with.
    allocated_bytes: usize,
    chunks: usize,
}

impl Log {
    pub fn new() -> Log {
        Log { full: Tree::new(), tail: None, allocated_bytes: 0, chunks: 0 }
    }

    pub fn len(&self) -> u64 {
        self.full.weight() + self.tail.map_or(0, |chunk| chunk.entries.into())
    }

    /// Bytes allocated.
    pub fn bytes(&self) -> usize {
        self.allocated_bytes + self.full.bytes()
    }

    pub fn chunks(&self) -> usize {
        self.chunks
    }

    /// Adds an entry beyond all others. `texts` are fields and values in turn.
    pub fn append<'t>(
        &mut self,
        epochs: &Epochs,
        id: StreamId,
        texts: impl ExactSizeIterator<Item = &'t [u8]> + Clone,
        limits: &CollectionLimits,
    ) {
        if let Some(tail) = self.tail {
            let entry = tail.encode(id, &texts);
            let bytes_max =
                if limits.stream_chunk_bytes == 0 { CHUNK_MAX } else { limits.stream_chunk_bytes.min(CHUNK_MAX) };
            let has_room = limits.stream_chunk_entries == 0 || (tail.entries as usize) < limits.stream_chunk_entries;
            // Without the shared fields: else long ones would be repeated for each entry.
            if has_room && tail.entry_bytes() + entry.len() < bytes_max {
                self.allocated_bytes -= tail.allocated_bytes();
                let tail = tail.with(epochs, &entry);
                self.allocated_bytes += tail.allocated_bytes();
                self.tail = Some(tail);
                return;
            }
            self.seal(epochs, tail);
        }
        let chunk = Chunk::new(epochs, id, texts.clone().step_by(2));
        let tail = chunk.with(epochs, &chunk.encode(id, &texts));
        self.allocated_bytes += tail.allocated_bytes();
        self.chunks += 1;
        self.tail = Some(tail);
    }

    /// The last chunk is full.
    fn seal(&mut self, epochs: &Epochs, tail: Chunk) {
        self.allocated_bytes -= tail.allocated_bytes();
        let sealed = tail.sealed(epochs);
        self.allocated_bytes += sealed.allocated_bytes();
        self.full.push(epochs, sealed);
        self.tail = None;
    }

    /// The position of the full chunk that an ID would be in; `None` if that is the last chunk.
    fn place(&self, id: StreamId) -> Option<u64> {
        if self.tail.is_some_and(|tail| tail.base <= id) {
            return None;
        }
        Some(self.full.weight_before(|chunk| chunk.base <= id).saturating_sub(1)).filter(|_| self.full.weight() > 0)
    }

    /// The chunk that an ID would be in, and its position, `None` for the last one.
    fn chunk_of(&self, id: StreamId) -> Option<(Chunk, Option<u64>)> {
        match self.place(id) {
            None => self.tail.map(|tail| (tail, None)),
            Some(at) => self.full.at(at).map(|(chunk, begin)| (chunk, Some(begin))),
        }
    }

    /// The first chunk and its position.
    fn first_chunk(&self) -> Option<(Chunk, Option<u64>)> {
        let full = self.full.at(0).map(|(chunk, begin)| (chunk, Some(begin)));
        full.or(self.tail.map(|tail| (tail, None)))
    }

    pub fn entry(&self, id: StreamId) -> Option<EntryRef<'_>> {
        let (chunk, _) = self.chunk_of(id)?;
        chunk.walk().find(|entry| entry.id >= id).filter(|entry| entry.id == id)
    }

    /// Takes an entry out; false if there is none.
    pub fn remove(&mut self, epochs: &Epochs, id: StreamId) -> bool {
        let Some((chunk, at)) = self.chunk_of(id) else { return false };
        let mut walk = chunk.walk();
        loop {
            let from = walk.offset();
            match walk.next() {
                Some(entry) if entry.id == id => {
                    self.cut(epochs, (chunk, at), from..walk.offset(), 1);
                    return true;
                }
                Some(entry) if entry.id < id => {}
                _ => return false,
            }
        }
    }

    /// Takes so many entries, which lie in these bytes, out of a chunk.
    fn cut(&mut self, epochs: &Epochs, (chunk, at): (Chunk, Option<u64>), range: std::ops::Range<usize>, entries: u32) {
        self.allocated_bytes -= chunk.allocated_bytes();
        if entries == chunk.entries {
            match at {
                Some(at) => drop(self.full.remove(epochs, at)),
                None => self.tail = None,
            }
            self.chunks -= 1;
            return chunk.discard(epochs);
        }
        let rest = chunk.without(epochs, range, chunk.entries - entries);
        self.allocated_bytes += rest.allocated_bytes();
        match at {
            Some(at) => drop(self.full.replace(epochs, at, rest)),
            None => self.tail = Some(rest),
        }
    }

    /// Takes the first entries out until only those are left that `keep` says; whole chunks only if `by_chunks`, and no
    /// more than `limit` if that is not 0. Answers how many.
    pub fn trim(&mut self, epochs: &Epochs, keep: Keep, by_chunks: bool, limit: u64) -> u64 {
        let mut removed = 0;
        while let Some((chunk, at)) = self.first_chunk() {
            let entries = u64::from(chunk.entries);
            let excess = match keep {
                Keep::Last(len) => self.len().saturating_sub(len).min(entries),
                Keep::From(id) => chunk.walk().take_while(|entry| entry.id < id).count() as u64,
            };
            if excess == 0 || limit > 0 && removed + entries > limit || by_chunks && excess < entries {
                break;
            }
            let mut walk = chunk.walk();
            let from = walk.offset();
            walk.nth(excess as usize - 1);
            self.cut(epochs, (chunk, at), from..walk.offset(), excess as u32);
            removed += excess;
        }
        removed
    }

    /// Entries from one ID to another, both included.
    pub fn range(&self, from: StreamId, to: StreamId) -> Entries<'_> {
        let begin = self.place(from).unwrap_or(self.full.weight());
        let tail = self.tail;
        Entries { full: self.full.items_from(begin), tail, walk: Walk::NOWHERE, from, to }
    }

    /// The same from the last one back.
    pub fn range_back(&self, from: StreamId, to: StreamId) -> impl Iterator<Item = EntryRef<'_>> {
        let tail = self.tail.filter(|tail| tail.base <= to);
        let end = self.full.weight_before(|chunk| chunk.base <= to);
        let chunks = tail.into_iter().chain(self.full.items_before(end));
        let entries = chunks.flat_map(|chunk| chunk.walk().collect::<Vec<_>>().into_iter().rev());
        entries.skip_while(move |entry| entry.id > to).take_while(move |entry| entry.id >= from)
    }

    /// All chunks.
    pub fn each_chunk(&self) -> impl Iterator<Item = Chunk> {
        self.full.items_from(0).chain(self.tail)
    }

    /// A copy that shares nothing with this one.
    pub fn duplicate(&self, epochs: &Epochs) -> Log {
        let mut copy = Log { chunks: self.chunks, ..Log::new() };
        for chunk in self.full.items_from(0) {
            let chunk = chunk.duplicate(epochs);
            copy.allocated_bytes += chunk.allocated_bytes();
            copy.full.push(epochs, chunk);
        }
        copy.tail = self.tail.map(|tail| tail.duplicate(epochs));
        copy.allocated_bytes += copy.tail.map_or(0, Chunk::allocated_bytes);
        copy
    }

    /// # Safety
    /// Nothing reaches this version or its chunks any more.
    pub unsafe fn free(self) {
        // SAFETY: the caller's promise.
        unsafe {
            self.full.free(&mut |chunk| chunk.free());
            self.tail.into_iter().for_each(|tail| tail.free());
        }
    }
}

/// Entries of a range.
#[derive(Clone)]
pub struct Entries<'a> {
    full: Items<'a, Chunk>,
    tail: Option<Chunk>,
    walk: Walk<'a>,
    from: StreamId,
    to: StreamId,
}

impl<'a> Iterator for Entries<'a> {
    type Item = EntryRef<'a>;

    fn next(&mut self) -> Option<EntryRef<'a>> {
        loop {
            match self.walk.next() {
                Some(entry) if entry.id < self.from => {}
                entry @ Some(EntryRef { id, .. }) => return entry.filter(|_| id <= self.to),
                None => self.walk = self.full.next().or_else(|| self.tail.take())?.walk(),
            }
        }
    }
}
