//! A long list: chunks of elements in a tree, by position.
//!
//! A chunk is a `Run` of some 4 KB, or one longer element. It is changed in place where no snapshot sees it and its size class
//! allows, else replaced. Lists grow at their ends: a full chunk there is left full and a new one begun.

use std::alloc::Layout;
use std::borrow::Cow;
use std::ops::Range;
use std::ptr::NonNull;

use super::packed::{Packed, Text};
use super::run::{Run, chunk_of, packed_with, take_chunk};
use crate::alloc::class_size;
use crate::keyspace::epoch::{Epochs, Reclaim};
use crate::keyspace::link::Link;
use crate::keyspace::tree::{Item, Items, Tree, free_node};
use crate::keyspace::value::Root;

/// A chunk takes no more bytes of elements, unless it has a single one.
const CHUNK_MAX: usize = 4096 - CAPACITY_BYTES;
/// A chunk begins with the size of its allocation.
const CAPACITY_BYTES: usize = 4;

/// A chunk as its leaf knows it.
#[derive(Clone, Copy)]
pub struct Chunk {
    memory: NonNull<u8>,
    len: u32,
    elements: u32,
    /// Birth epoch.
    epoch: u64,
}

static CHUNK_NODE: Reclaim = Reclaim { free: free_node::<Chunk> };
static CHUNK: Reclaim = Reclaim { free: free_chunk };
static BIG_LIST: Reclaim = Reclaim { free: free_whole };
static BIG_LIST_ROOT: Reclaim = Reclaim { free: free_root };

impl Item for Chunk {
    const NODE: &'static Reclaim = &CHUNK_NODE;

    fn weight(&self) -> u64 {
        self.elements.into()
    }
}

impl Chunk {
    fn new(epochs: &Epochs, parts: &[&[u8]], elements: usize) -> Chunk {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        let layout = chunk_layout(class_size(CAPACITY_BYTES + len));
        // SAFETY: the layout is not empty.
        let memory = NonNull::new(unsafe { std::alloc::alloc(layout) });
        let memory = memory.unwrap_or_else(|| std::alloc::handle_alloc_error(layout));
        // SAFETY: there is room for the capacity and all parts, and nobody else knows the memory.
        unsafe {
            memory.cast::<u32>().write(u32::try_from(layout.size()).expect("elements are limited to 4 GB"));
            let mut to = memory.as_ptr().add(CAPACITY_BYTES);
            for part in parts {
                to.copy_from_nonoverlapping(part.as_ptr(), part.len());
                to = to.add(part.len());
            }
        }
        Chunk { memory, len: len as u32, elements: elements as u32, epoch: epochs.current() }
    }

    fn capacity(self) -> usize {
        // SAFETY: a chunk that a version holds is alive, and begins with this.
        unsafe { self.memory.cast::<u32>().read() as usize }
    }

    fn run<'a>(self) -> Run<'a> {
        Run::of(self.bytes())
    }

    fn bytes<'a>(self) -> &'a [u8] {
        // SAFETY: a chunk that a version holds is alive, and so many bytes of it are written.
        unsafe { std::slice::from_raw_parts(self.memory.as_ptr().add(CAPACITY_BYTES), self.len as usize) }
    }

    /// The chunk with other bytes in the place of a range, with so many elements; this one is no longer used.
    fn spliced(self, epochs: &Epochs, range: Range<usize>, bytes: &[u8], elements: usize) -> Chunk {
        let old_len = self.len as usize;
        let len = old_len - range.len() + bytes.len();
        if epochs.is_shared(self.epoch) || class_size(CAPACITY_BYTES + len) != self.capacity() {
            let old = self.bytes();
            let copy = Chunk::new(epochs, &[&old[..range.start], bytes, &old[range.end..]], elements);
            self.discard(epochs);
            return copy;
        }
        // SAFETY: no snapshot sees the chunk, the list is borrowed exclusively, and its allocation is long enough.
        unsafe {
            let start = self.memory.as_ptr().add(CAPACITY_BYTES);
            start.add(range.start + bytes.len()).copy_from(start.add(range.end), old_len - range.end);
            start.add(range.start).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        }
        Chunk { len: len as u32, elements: elements as u32, ..self }
    }

    fn discard(self, epochs: &Epochs) {
        if epochs.is_shared(self.epoch) {
            epochs.retire(&CHUNK, self.memory, self.capacity());
        } else {
            // SAFETY: neither the list nor a snapshot holds it any more.
            unsafe { free_chunk(self.memory) };
        }
    }
}

/// The root of a long list, what its blob points to.
pub struct BigList {
    /// Birth epoch.
    epoch: u64,
    tree: Tree<Chunk>,
    /// What the chunks were allocated with.
    allocated_bytes: usize,
    /// Bytes in the chunks.
    packed_bytes: usize,
}

impl Root for BigList {
    const RECLAIM: &'static Reclaim = &BIG_LIST;
    const ROOT_RECLAIM: &'static Reclaim = &BIG_LIST_ROOT;

    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn fork(&self, epochs: &Epochs) -> BigList {
        BigList { epoch: epochs.current(), ..*self }
    }

    fn size_bytes(&self) -> usize {
        self.allocated_bytes + self.tree.bytes() + size_of::<BigList>()
    }
}

impl BigList {
    pub fn new(epochs: &Epochs) -> BigList {
        BigList { epoch: epochs.current(), tree: Tree::new(), allocated_bytes: 0, packed_bytes: 0 }
    }

    pub fn len(&self) -> usize {
        self.tree.weight() as usize
    }

    /// About so many bytes its elements take when packed.
    pub fn packed_bytes(&self) -> usize {
        self.packed_bytes
    }

    /// Elements from one on.
    pub fn iter_from(&self, index: usize) -> BigListIter<'_> {
        let skip = self.tree.at(index as u64).map_or(0, |(_, begin)| index - begin as usize);
        let mut chunks = self.tree.items_from(index as u64);
        let mut run = Run::of(chunks.next().map_or(&[], Chunk::bytes));
        run.pass(skip);
        BigListIter { chunks, run }
    }

    /// All elements, packed, chunk by chunk.
    pub fn pieces(&self) -> impl Iterator<Item = Cow<'_, [u8]>> {
        self.tree.items_from(0).map(|chunk| chunk.run().packed())
    }

    /// Adds packed elements behind all others.
    pub fn extend(&mut self, epochs: &Epochs, packed: &[u8]) {
        let mut rest = Packed::new(packed);
        while !rest.bytes().is_empty() {
            let (chunk, elements) = take_chunk(&mut rest, CHUNK_MAX);
            self.put(epochs, self.tree.weight(), Chunk::new(epochs, &[&chunk], elements));
        }
    }

    /// A chunk of its own at a position that is a chunk's begin or the end.
    fn put(&mut self, epochs: &Epochs, at: u64, chunk: Chunk) {
        self.allocated_bytes += chunk.capacity();
        self.packed_bytes += chunk.len as usize;
        self.tree.insert(epochs, at, chunk);
    }

    /// Changes the chunk that begins at `begin`.
    fn splice(&mut self, epochs: &Epochs, begin: u64, range: Range<usize>, bytes: &[u8], elements: usize) {
        let (chunk, _) = self.tree.at(begin).expect("a chunk begins here");
        self.packed_bytes = self.packed_bytes + bytes.len() - range.len();
        self.allocated_bytes -= chunk.capacity();
        let chunk = chunk.spliced(epochs, range, bytes, elements);
        self.allocated_bytes += chunk.capacity();
        self.tree.replace(epochs, begin, chunk);
    }

    /// Puts an element in before the one at `index`, or behind all.
    pub fn insert(&mut self, epochs: &Epochs, index: usize, element: &[u8]) {
        let at = index as u64;
        let alone = || Chunk::new(epochs, &[&chunk_of(element)], 1);
        let Some((chunk, begin)) = self.tree.at(at.saturating_sub(1)) else { return self.put(epochs, 0, alone()) };
        let within = (at - begin) as usize;
        if self.insert_into(epochs, chunk, begin, within, element) {
            return;
        }
        if within == chunk.elements as usize {
            // Behind a full chunk: at the head of the next one, if there is one with room.
            let next = self.tree.at(at).map(|(next, _)| next);
            if !next.is_some_and(|next| self.insert_into(epochs, next, at, 0, element)) {
                self.put(epochs, at, alone());
            }
        } else if within == 0 {
            self.put(epochs, begin, alone());
        } else {
            self.split(epochs, chunk, begin, within);
            self.insert(epochs, index, element);
        }
    }

    /// False if the chunk has no room.
    fn insert_into(&mut self, epochs: &Epochs, chunk: Chunk, begin: u64, within: usize, element: &[u8]) -> bool {
        let (run, len) = (chunk.run(), chunk.len as usize);
        let elements = chunk.elements as usize + 1;
        if len + element.len() > CHUNK_MAX {
            return false;
        }
        let Some(bytes) = run.form_of(element) else {
            let packed = packed_with(run, within, element);
            let fits = packed.len() <= CHUNK_MAX;
            if fits {
                self.splice(epochs, begin, 0..len, &packed, elements);
            }
            return fits;
        };
        let fits = len + bytes.len() <= CHUNK_MAX;
        if fits {
            let at = run.offset(within);
            self.splice(epochs, begin, at..at, &bytes, elements);
        }
        fits
    }

    /// Makes two chunks of one, before the element `within`.
    fn split(&mut self, epochs: &Epochs, chunk: Chunk, begin: u64, within: usize) {
        let mut rest = chunk.run();
        let at = rest.offset(within);
        rest.pass(within);
        let upper = Chunk::new(epochs, &[&rest.chunk()], chunk.elements as usize - within);
        self.splice(epochs, begin, at..chunk.len as usize, &[], within);
        self.put(epochs, begin + within as u64, upper);
    }

    /// Takes elements out.
    pub fn remove(&mut self, epochs: &Epochs, index: usize, count: usize) {
        let mut left = count;
        while left > 0 {
            let (chunk, begin) = self.tree.at(index as u64).expect("what is removed exists");
            let within = index - begin as usize;
            let removed = left.min(chunk.elements as usize - within);
            left -= removed;
            if removed == chunk.elements as usize {
                self.take_chunk(epochs, begin);
            } else {
                let range = chunk.run().offset(within)..chunk.run().offset(within + removed);
                self.splice(epochs, begin, range, &[], chunk.elements as usize - removed);
            }
        }
        self.merge(epochs, index);
    }

    fn take_chunk(&mut self, epochs: &Epochs, begin: u64) {
        let chunk = self.tree.remove(epochs, begin);
        self.allocated_bytes -= chunk.capacity();
        self.packed_bytes -= chunk.len as usize;
        chunk.discard(epochs);
    }

    /// Makes one chunk of the one around `index` and the next one, if both together leave much room.
    fn merge(&mut self, epochs: &Epochs, index: usize) {
        let Some((chunk, begin)) = self.tree.at((index as u64).saturating_sub(1)) else { return };
        let next_begin = begin + u64::from(chunk.elements);
        let Some((next, _)) = self.tree.at(next_begin) else { return };
        if (chunk.len + next.len) as usize > CHUNK_MAX / 2 {
            return;
        }
        let (end, elements) = (chunk.len as usize, (chunk.elements + next.elements) as usize);
        match chunk.run().elements_of(next.run()) {
            Some(more) => self.splice(epochs, begin, end..end, more, elements),
            None => {
                let both = [chunk.run().packed(), next.run().packed()].concat();
                self.splice(epochs, begin, 0..end, &both, elements);
            }
        }
        let merged = self.tree.at(begin).expect("just put there").0.elements;
        self.take_chunk(epochs, begin + u64::from(merged));
    }

    /// Puts an element in the place of another.
    pub fn set(&mut self, epochs: &Epochs, index: usize, element: &[u8]) {
        let (chunk, begin) = self.tree.at(index as u64).expect("what is set exists");
        let (run, within, elements) = (chunk.run(), index - begin as usize, chunk.elements as usize);
        let range = run.offset(within)..run.offset(within + 1);
        let form = run.form_of(element);
        let len = chunk.len as usize - range.len() + form.as_ref().map_or(CHUNK_MAX, |bytes| bytes.len());
        match form {
            Some(bytes) if elements == 1 || len <= CHUNK_MAX => self.splice(epochs, begin, range, &bytes, elements),
            None if elements == 1 => self.splice(epochs, begin, 0..chunk.len as usize, &chunk_of(element), 1),
            _ => {
                self.remove(epochs, index, 1);
                self.insert(epochs, index, element);
            }
        }
    }
}

/// Elements of a long list.
#[derive(Clone)]
pub struct BigListIter<'a> {
    chunks: Items<'a, Chunk>,
    run: Run<'a>,
}

impl<'a> Iterator for BigListIter<'a> {
    type Item = Text<'a>;

    fn next(&mut self) -> Option<Text<'a>> {
        loop {
            if let Some(text) = self.run.next() {
                return Some(text);
            }
            self.run = self.chunks.next()?.run();
        }
    }
}

fn chunk_layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).expect("elements are limited to 4 GB")
}

/// # Safety
/// The address is a chunk's, and nothing reaches it any more.
unsafe fn free_chunk(address: NonNull<u8>) {
    // SAFETY: the caller's promise; a chunk begins with the size it was allocated with.
    unsafe { std::alloc::dealloc(address.as_ptr(), chunk_layout(address.cast::<u32>().read() as usize)) };
}

/// # Safety
/// The address is a linked list's, and nothing reaches the list any more.
unsafe fn free_root(address: NonNull<u8>) {
    // SAFETY: the caller's promise.
    unsafe { Link::<BigList>::from_address(address).free() };
}

/// # Safety
/// The address is a linked list's, and nothing reaches it or its chunks any more.
pub unsafe fn free_whole(address: NonNull<u8>) {
    // SAFETY: the caller's promise.
    unsafe {
        let list = Link::<BigList>::from_address(address);
        list.tree.free(&mut |chunk| free_chunk(chunk.memory));
        list.free();
    }
}
