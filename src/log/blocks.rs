//! The bytes of the log: sealed blocks of one size behind a growing tail.
//!
//! Equal sizes make finding an offset a division. A sealed block is shared: a reader's slice of it costs a
//! reference count and stays valid after the log has let the block go. The tail is copied out, each byte once
//! per reader. This module knows nothing of who reads.

use std::collections::VecDeque;

use bytes::Bytes;

use super::Offset;

/// Bytes of one block: small enough that a backlog of Redis's smallest size is kept to a block, large enough that
/// the bookkeeping of a sealed block (one `Bytes`) is a five-hundredth of it.
pub(super) const BLOCK_BYTES: usize = 16 * 1024;

#[derive(Debug, Default)]
pub(super) struct Blocks {
    /// Offset before the first byte held.
    first: Offset,
    sealed: VecDeque<Bytes>,
    /// Shorter than a block, always: a full tail is sealed at once.
    tail: Vec<u8>,
}

impl Blocks {
    pub fn starting_at(first: Offset) -> Blocks {
        Blocks { first, ..Blocks::default() }
    }

    /// Offset before the first byte held.
    pub fn first(&self) -> Offset {
        self.first
    }

    /// Offset after the last byte held.
    pub fn end(&self) -> Offset {
        self.tail_start().plus(self.tail.len() as u64)
    }

    /// Takes in `bytes`; true if at least one block was sealed by it.
    pub fn append(&mut self, mut bytes: &[u8]) -> bool {
        let sealed_before = self.sealed.len();
        while !bytes.is_empty() {
            if self.tail.capacity() == 0 {
                self.tail.reserve_exact(BLOCK_BYTES);
            }
            let fits = bytes.len().min(BLOCK_BYTES - self.tail.len());
            self.tail.extend_from_slice(&bytes[..fits]);
            bytes = &bytes[fits..];
            if self.tail.len() == BLOCK_BYTES {
                self.sealed.push_back(Bytes::from(std::mem::take(&mut self.tail)));
            }
        }
        self.sealed.len() > sealed_before
    }

    /// At most `max_bytes` of what follows `from`, and at most what is left of its block; `from` lies between
    /// `first` and `end`.
    pub fn read(&self, from: Offset, max_bytes: usize) -> Bytes {
        debug_assert!(self.first <= from && from <= self.end());
        let distance = from.since(self.first) as usize;
        let (index, start) = (distance / BLOCK_BYTES, distance % BLOCK_BYTES);
        match self.sealed.get(index) {
            Some(block) => block.slice(start..BLOCK_BYTES.min(start.saturating_add(max_bytes))),
            None => Bytes::copy_from_slice(&self.tail[start..self.tail.len().min(start.saturating_add(max_bytes))]),
        }
    }

    /// Lets go of the blocks that end at or before `keep_from`, at most `max_blocks` of them.
    pub fn release(&mut self, keep_from: Offset, max_blocks: usize) {
        let whole_blocks = keep_from.since(self.first) as usize / BLOCK_BYTES;
        let released = whole_blocks.min(max_blocks).min(self.sealed.len());
        self.sealed.drain(..released);
        self.first = self.first.plus((released * BLOCK_BYTES) as u64);
    }

    /// Bytes of memory held by blocks, their list and tail, by their capacity.
    pub fn memory_bytes(&self) -> usize {
        self.sealed.len() * BLOCK_BYTES + self.sealed.capacity() * size_of::<Bytes>() + self.tail.capacity()
    }

    fn tail_start(&self) -> Offset {
        self.first.plus((self.sealed.len() * BLOCK_BYTES) as u64)
    }
}
