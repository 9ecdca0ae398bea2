//! A string above 64 KB: 16 KB chunks in a tree, so that a write touches chunks and a path, never the whole value.
//!
//! All chunks but the last are full; the last one has its whole 16 KB too, so an append writes in place. It may do so
//! even where a snapshot sees the chunk: the snapshot's version of the item says how much of it is its own.

use std::alloc::Layout;
use std::ptr::NonNull;

use crate::keyspace::epoch::{Epochs, Reclaim};
use crate::keyspace::link::Link;
use crate::keyspace::tree::{Item, Items, Tree, free_node};
use crate::keyspace::value::Root;

/// Longer strings are kept in chunks.
pub const INLINE_MAX: usize = 65_535;

const CHUNK: usize = 16 * 1024;

/// A chunk as its leaf knows it.
#[derive(Clone, Copy)]
pub struct Chunk {
    bytes: NonNull<u8>,
    len: u32,
    /// Birth epoch.
    epoch: u64,
}

static CHUNK_NODE: Reclaim = Reclaim { free: free_node::<Chunk> };
static CHUNK_BYTES: Reclaim = Reclaim { free: free_chunk };
static BIG_STRING: Reclaim = Reclaim { free: free_whole };
static BIG_STRING_ROOT: Reclaim = Reclaim { free: free_root };

impl Item for Chunk {
    const NODE: &'static Reclaim = &CHUNK_NODE;

    fn weight(&self) -> u64 {
        u64::from(self.len)
    }
}

/// The root of a chunked string, what its blob points to.
pub struct BigString {
    /// Birth epoch.
    epoch: u64,
    tree: Tree<Chunk>,
    chunks: usize,
}

impl Root for BigString {
    const RECLAIM: &'static Reclaim = &BIG_STRING;
    const ROOT_RECLAIM: &'static Reclaim = &BIG_STRING_ROOT;

    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn fork(&self, epochs: &Epochs) -> BigString {
        BigString { epoch: epochs.current(), ..*self }
    }

    /// Bytes allocated: chunks, tree and root.
    fn size_bytes(&self) -> usize {
        self.chunks * CHUNK + self.tree.bytes() + size_of::<BigString>()
    }
}

impl BigString {
    /// A new string of these parts, one after the other.
    pub fn new(epochs: &Epochs, parts: &[&[u8]]) -> BigString {
        let mut string = BigString { epoch: epochs.current(), tree: Tree::new(), chunks: 0 };
        parts.iter().for_each(|part| string.append(epochs, part));
        string
    }

    pub fn len(&self) -> usize {
        self.tree.weight() as usize
    }

    /// The pieces from byte `at` on, in order.
    pub fn pieces_from(&self, at: usize) -> Pieces<'_> {
        let skip = self.tree.at(at as u64).map_or(0, |(_, begin)| at - begin as usize);
        Pieces { chunks: self.tree.items_from(at as u64), skip }
    }

    pub fn append(&mut self, epochs: &Epochs, mut tail: &[u8]) {
        while !tail.is_empty() {
            let (piece, rest) = tail.split_at(tail.len().min(self.room()));
            self.grow_last(epochs, piece.len(), |to| to.copy_from_slice(piece));
            tail = rest;
        }
    }

    fn append_zeros(&mut self, epochs: &Epochs, mut count: usize) {
        while count > 0 {
            let piece = count.min(self.room());
            self.grow_last(epochs, piece, |to| to.fill(0));
            count -= piece;
        }
    }

    /// Bytes that the last chunk, or a new one, still takes.
    fn room(&self) -> usize {
        CHUNK - self.len() % CHUNK
    }

    /// Writes `count` bytes behind the end, not more than there is `room` for.
    fn grow_last(&mut self, epochs: &Epochs, count: usize, write: impl FnOnce(&mut [u8])) {
        let end = self.tree.weight();
        let used = self.len() % CHUNK;
        let mut chunk = if used == 0 {
            self.chunks += 1;
            Chunk { bytes: allocate_chunk(), len: 0, epoch: epochs.current() }
        } else {
            self.tree.at(end - 1).expect("a string with a begun chunk has a last one").0
        };
        // SAFETY: behind `len` no version of the string has bytes; only the current one ever writes there, once.
        write(unsafe { std::slice::from_raw_parts_mut(chunk.bytes.as_ptr().add(used), count) });
        chunk.len += count as u32;
        if used == 0 {
            self.tree.push(epochs, chunk);
        } else {
            self.tree.replace(epochs, end - 1, chunk);
        }
    }

    /// Overwrites from `offset`, zero-padded up to there.
    pub fn set_range(&mut self, epochs: &Epochs, offset: usize, patch: &[u8]) {
        self.append_zeros(epochs, offset.saturating_sub(self.len()));
        let (over, behind) = patch.split_at(patch.len().min(self.len() - offset));
        self.overwrite(epochs, offset, over);
        self.append(epochs, behind);
    }

    fn overwrite(&mut self, epochs: &Epochs, mut offset: usize, mut patch: &[u8]) {
        while !patch.is_empty() {
            let (chunk, begin) = self.tree.at(offset as u64).expect("what is overwritten exists");
            let from = offset - begin as usize;
            let (piece, rest) = patch.split_at(patch.len().min(chunk.len as usize - from));
            let chunk = self.writable_chunk(epochs, chunk, begin);
            // SAFETY: no snapshot sees the chunk, and the string is borrowed exclusively.
            let bytes = unsafe { std::slice::from_raw_parts_mut(chunk.bytes.as_ptr(), chunk.len as usize) };
            bytes[from..from + piece.len()].copy_from_slice(piece);
            offset += piece.len();
            patch = rest;
        }
    }

    fn writable_chunk(&mut self, epochs: &Epochs, chunk: Chunk, begin: u64) -> Chunk {
        if !epochs.is_shared(chunk.epoch) {
            return chunk;
        }
        let copy = Chunk { bytes: allocate_chunk(), epoch: epochs.current(), ..chunk };
        // SAFETY: both are whole chunks, and the copy is new.
        unsafe { copy.bytes.copy_from_nonoverlapping(chunk.bytes, chunk.len as usize) };
        self.tree.replace(epochs, begin, copy);
        epochs.retire(&CHUNK_BYTES, chunk.bytes, CHUNK);
        copy
    }
}

/// Pieces of a chunked string.
pub struct Pieces<'a> {
    chunks: Items<'a, Chunk>,
    /// Bytes of the first piece to leave out.
    skip: usize,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let chunk = self.chunks.next()?;
        // SAFETY: the chunk lives while the string is borrowed, and this many of its bytes have been written.
        let bytes = unsafe { std::slice::from_raw_parts(chunk.bytes.as_ptr(), chunk.len as usize) };
        Some(&bytes[std::mem::take(&mut self.skip)..])
    }
}

const CHUNK_LAYOUT: Layout = match Layout::from_size_align(CHUNK, 8) {
    Ok(layout) => layout,
    Err(_) => panic!("a chunk is a valid allocation"),
};

fn allocate_chunk() -> NonNull<u8> {
    // SAFETY: the layout is not empty.
    NonNull::new(unsafe { std::alloc::alloc(CHUNK_LAYOUT) })
        .unwrap_or_else(|| std::alloc::handle_alloc_error(CHUNK_LAYOUT))
}

/// # Safety
/// The address is a chunk's, and nothing reaches it any more.
unsafe fn free_chunk(address: NonNull<u8>) {
    // SAFETY: chunks have one layout.
    unsafe { std::alloc::dealloc(address.as_ptr(), CHUNK_LAYOUT) };
}

/// # Safety
/// The address is a linked string's, and nothing reaches the string any more.
unsafe fn free_root(address: NonNull<u8>) {
    // SAFETY: the caller's promise.
    unsafe { Link::<BigString>::from_address(address).free() };
}

/// # Safety
/// The address is a linked string's, and nothing reaches it or its chunks any more.
pub unsafe fn free_whole(address: NonNull<u8>) {
    // SAFETY: the caller's promise.
    unsafe {
        let string = Link::<BigString>::from_address(address);
        string.tree.free(&mut |chunk| free_chunk(chunk.bytes));
        string.free();
    }
}
