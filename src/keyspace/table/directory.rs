//! From a hash to its segment: a root of chunks, chunks of up to 512 segments; and the copy-on-write of all three.
//!
//! The top bits of a hash choose the chunk, the next ones the segment. A segment may be reached by several slots of its
//! chunk, a chunk by several of the root; each splits alone, so no step of growth touches more than one of them. Every
//! change of a node goes through `writable_*`, which replaces a node that a snapshot still needs, at most once per
//! snapshot. This file does not know what a record is.

use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::segment::{SEGMENT_BYTES, SPLIT_AT, Segment, free_chain};
use super::view::View;
use crate::keyspace::epoch::{Epochs, Reclaim};
use crate::keyspace::link::{Array, Link};

/// Slots of a full chunk, as a power of two.
const CHUNK_BITS: u8 = 9;

/// Two chunks that could do with as few slots each become one.
const MERGE_CHUNK_BITS: u8 = 6;

/// Two neighbours with as few keys together become one segment: half of what a split leaves.
const MERGE_AT: usize = SPLIT_AT / 2;

/// No hash prefix is longer; the window's bytes and SCAN's cursor rest on it.
const MAX_DEPTH: u8 = 40;

pub struct RootHead {
    epoch: u64,
    bits: u8,
}

pub struct ChunkHead {
    epoch: u64,
    depth: u8,
    bits: u8,
    /// Keys with an expiry below; only the lock holder's hint of what to skip.
    volatile: AtomicU32,
}

pub type Root = Array<RootHead, ChunkSlot>;
pub type Chunk = Array<ChunkHead, Link<Segment>>;

/// A link to a chunk with its depth and bits, so that a lookup need not touch the chunk's head.
#[derive(Clone, Copy, PartialEq)]
pub struct ChunkSlot(u64);

impl ChunkSlot {
    fn new(chunk: Link<Chunk>) -> ChunkSlot {
        let address = chunk.as_ptr() as u64;
        assert!(address >> 48 == 0, "nodes lie in the lower 48 bits");
        ChunkSlot(address | u64::from(chunk.head.depth) << 48 | u64::from(chunk.head.bits) << 56)
    }

    #[inline]
    fn chunk(self) -> Link<Chunk> {
        let address = (self.0 & 0x0000_ffff_ffff_ffff) as *mut u8;
        // SAFETY: `new` put the address of such a link in.
        unsafe { Link::from_address(NonNull::new_unchecked(address)) }
    }

    #[inline]
    fn depth(self) -> u8 {
        (self.0 >> 48) as u8
    }

    #[inline]
    fn bits(self) -> u8 {
        (self.0 >> 56) as u8
    }
}

/// The top `bits` bits of a hash, 0 for none.
#[inline]
fn top(hash: u64, bits: u8) -> usize {
    (hash >> 1 >> (63 - bits)) as usize
}

/// The last hash of the range of `depth` prefix bits around `hash`.
pub fn last_of(hash: u64, depth: u8) -> u64 {
    hash | u64::MAX.checked_shr(u32::from(depth)).unwrap_or(0)
}

/// The first hash of that range.
pub fn first_of(hash: u64, depth: u8) -> u64 {
    hash & !u64::MAX.checked_shr(u32::from(depth)).unwrap_or(0)
}

/// The segment that covers a hash, in this version of the table.
#[inline]
pub fn segment_of(root: Link<Root>, hash: u64) -> Link<Segment> {
    let slot = root.items()[top(hash, root.head.bits)];
    // SAFETY: a chunk has 2^bits items, and its slots in the root say how many bits it has.
    unsafe { slot.chunk().item_unchecked(top(hash << slot.depth(), slot.bits())) }
}

/// The slots of a node of `own` prefix bits and `bits` index bits that a child of `depth` prefix bits fills.
fn run(hash: u64, own: u8, bits: u8, depth: u8) -> std::ops::Range<usize> {
    let spare = own + bits - depth;
    let first = top(first_of(hash, depth) << own, bits);
    first..first + (1 << spare)
}

pub struct Directory {
    root: Link<Root>,
    segments: usize,
    bytes: usize,
    epochs: Arc<Epochs>,
    views: Vec<Arc<View>>,
    /// The table is a value of another one: no walker's position says anything of it, all goes by birth epochs.
    is_nested: bool,
}

// SAFETY: a directory owns its nodes; snapshots in other threads only read versions that it no longer changes.
unsafe impl Send for Directory {}
// SAFETY: through a shared reference it is only read, atomics aside.
unsafe impl Sync for Directory {}

static SEGMENT: Reclaim = Reclaim {
    // SAFETY: only chains are retired as this kind.
    free: |address| unsafe { free_chain(Link::from_address(address)) },
};
static CHUNK: Reclaim = Reclaim {
    // SAFETY: only chunks are retired as this kind.
    free: |address| unsafe { Link::<Chunk>::from_address(address).free_array() },
};
static ROOT: Reclaim = Reclaim {
    // SAFETY: only roots are retired as this kind.
    free: |address| unsafe { Link::<Root>::from_address(address).free_array() },
};

impl Directory {
    pub fn new(epochs: Arc<Epochs>, is_nested: bool) -> Directory {
        let epoch = epochs.current();
        let segment = Link::new(Segment::new(epoch, 0, 0));
        let head = ChunkHead { epoch, depth: 0, bits: 0, volatile: AtomicU32::new(0) };
        let chunk = Link::array(head, 1, |_| segment);
        let root = Link::array(RootHead { epoch, bits: 0 }, 1, |_| ChunkSlot::new(chunk));
        let bytes = SEGMENT_BYTES + chunk.array_bytes() + root.array_bytes();
        Directory { root, segments: 1, bytes, epochs, views: Vec::new(), is_nested }
    }

    /// The same version under another owner. Only one of both may be changed from then on.
    pub fn fork(&self) -> Directory {
        Directory { epochs: Arc::clone(&self.epochs), views: Vec::new(), ..*self }
    }

    pub fn root(&self) -> Link<Root> {
        self.root
    }

    /// The longest prefix that a segment may have: none is deeper.
    pub fn depth_bound(&self) -> u8 {
        self.root.items().iter().map(|slot| slot.depth() + slot.bits()).max().unwrap_or(0)
    }

    pub fn segments(&self) -> usize {
        self.segments
    }

    /// Bytes of all nodes of the current version; chained segments are not counted.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn epochs(&self) -> &Arc<Epochs> {
        &self.epochs
    }

    /// A view of the table as it is, for a snapshot of `epoch`, which has just begun.
    pub fn view(&mut self, epoch: u64) -> Arc<View> {
        self.views.retain(|view| !view.is_finished());
        let view = Arc::new(View::new(epoch));
        self.views.push(Arc::clone(&view));
        view
    }

    #[inline]
    pub fn segment(&self, hash: u64) -> Link<Segment> {
        segment_of(self.root, hash)
    }

    fn chunk(&self, hash: u64) -> Link<Chunk> {
        self.root.items()[top(hash, self.root.head.bits)].chunk()
    }

    /// Keys with an expiry in the chunk of `hash`, and the last hash of its range.
    pub fn volatile_around(&self, hash: u64) -> (usize, u64) {
        let chunk = self.chunk(hash);
        (chunk.head.volatile.load(Relaxed) as usize, last_of(hash, chunk.head.depth))
    }

    pub fn count_volatile(&self, hash: u64, more: bool) {
        let count = &self.chunk(hash).head.volatile;
        let before = count.load(Relaxed);
        count.store(if more { before + 1 } else { before - 1 }, Relaxed);
    }

    /// Whether a snapshot sees a record at `hash`, unless the record is young.
    #[inline]
    pub fn needs_record(&self, hash: u64) -> bool {
        self.views.iter().any(|view| view.needs(hash)) || self.is_nested && self.epochs.has_live()
    }

    /// Whether a snapshot sees a node of this birth whose range ends with `last`.
    fn needs_node(&self, birth: u64, last: u64) -> bool {
        self.views.iter().any(|view| view.epoch >= birth && view.needs(last))
            || self.is_nested && self.epochs.is_shared(birth)
    }

    /// The segment of a hash in a version that only the current table reaches.
    #[inline]
    pub fn writable(&mut self, hash: u64) -> Link<Segment> {
        let segment = self.segment(hash);
        if segment.epoch == self.epochs.current() { segment } else { self.renew(hash, segment) }
    }

    #[cold]
    fn renew(&mut self, hash: u64, old: Link<Segment>) -> Link<Segment> {
        self.views.retain(|view| !view.is_finished());
        let epoch = self.epochs.current();
        if !self.needs_node(old.epoch, last_of(hash, old.depth)) {
            // SAFETY: no snapshot needs the chain, and the table is borrowed exclusively.
            unsafe { old.get_mut().become_current(epoch) };
            return old;
        }
        let copy = old.copy(epoch);
        self.set_segment(hash, copy);
        self.discard_segment(hash, old);
        copy
    }

    fn writable_root(&mut self) -> Link<Root> {
        let old = self.root;
        let epoch = self.epochs.current();
        if old.head.epoch != epoch {
            if self.needs_node(old.head.epoch, u64::MAX) {
                let items = old.items();
                self.root = Link::array(RootHead { epoch, ..old.head }, items.len(), |index| items[index]);
                self.epochs.retire(&ROOT, old.address(), old.array_bytes());
            } else {
                // SAFETY: no snapshot needs it.
                unsafe { old.get_mut() }.head.epoch = epoch;
            }
        }
        self.root
    }

    fn writable_chunk(&mut self, hash: u64) -> Link<Chunk> {
        let old = self.chunk(hash);
        let epoch = self.epochs.current();
        if old.head.epoch == epoch {
            return old;
        }
        if !self.needs_node(old.head.epoch, last_of(hash, old.head.depth)) {
            // SAFETY: no snapshot needs it.
            unsafe { old.get_mut() }.head.epoch = epoch;
            return old;
        }
        let items = old.items();
        let copy = self.new_chunk(old.head.depth, old.head.bits, old.volatile(), |index| items[index]);
        self.set_chunk(hash, copy);
        self.discard_chunk(hash, old);
        copy
    }

    fn new_chunk(
        &mut self,
        depth: u8,
        bits: u8,
        volatile: u32,
        item: impl FnMut(usize) -> Link<Segment>,
    ) -> Link<Chunk> {
        let head = ChunkHead { epoch: self.epochs.current(), depth, bits, volatile: AtomicU32::new(volatile) };
        let chunk = Link::array(head, 1 << bits, item);
        self.bytes += chunk.array_bytes();
        chunk
    }

    fn set_segment(&mut self, hash: u64, segment: Link<Segment>) {
        let chunk = self.writable_chunk(hash);
        self.bytes += SEGMENT_BYTES;
        // SAFETY: writable_chunk: nobody else reaches the chunk.
        let items = unsafe { chunk.items_mut() };
        items[run(hash, chunk.head.depth, chunk.head.bits, segment.depth)].fill(segment);
    }

    fn set_chunk(&mut self, hash: u64, chunk: Link<Chunk>) {
        let root = self.writable_root();
        // SAFETY: writable_root: nobody else reaches the root.
        let items = unsafe { root.items_mut() };
        items[run(hash, 0, root.head.bits, chunk.head.depth)].fill(ChunkSlot::new(chunk));
    }

    /// Does away with a segment that the table no longer holds: now, or when no snapshot sees it any more.
    fn discard_segment(&mut self, hash: u64, old: Link<Segment>) {
        self.bytes -= SEGMENT_BYTES;
        if self.needs_node(old.epoch, last_of(hash, old.depth)) {
            let bytes = SEGMENT_BYTES * old.chain().count();
            self.epochs.retire(&SEGMENT, old.address(), bytes);
        } else {
            // SAFETY: neither the table nor a snapshot reaches it.
            unsafe { free_chain(old) };
        }
    }

    fn discard_chunk(&mut self, hash: u64, old: Link<Chunk>) {
        self.bytes -= old.array_bytes();
        if self.needs_node(old.head.epoch, last_of(hash, old.head.depth)) {
            self.epochs.retire(&CHUNK, old.address(), old.array_bytes());
        } else {
            // SAFETY: neither the table nor a snapshot reaches it.
            unsafe { old.free_array() };
        }
    }

    fn replace_root(&mut self, bits: u8, item: impl FnMut(usize) -> ChunkSlot) {
        let old = self.root;
        self.root = Link::array(RootHead { epoch: self.epochs.current(), bits }, 1 << bits, item);
        self.bytes = self.bytes + self.root.array_bytes() - old.array_bytes();
        if self.needs_node(old.head.epoch, u64::MAX) {
            self.epochs.retire(&ROOT, old.address(), old.array_bytes());
        } else {
            // SAFETY: neither the table nor a snapshot reaches it.
            unsafe { old.free_array() };
        }
    }

    /// Whether a full segment of this depth splits. Where hashes are good, depths stay near the mean; far beyond it,
    /// where a split would help only colliding hashes, a chain grows instead and the directory stays small.
    pub fn may_split(&self, depth: u8, len: usize) -> bool {
        let mean = (len / MERGE_AT + 1).ilog2() as u8;
        depth < (mean + 5).min(MAX_DEPTH)
    }

    /// Splits the segment of `hash` in two.
    pub fn split(&mut self, hash: u64, rehash: &dyn Fn(NonNull<u8>) -> u64) {
        let old = self.segment(hash);
        self.deepen(hash, old.depth + 1);
        let halves = old.split(self.epochs.current(), rehash);
        let first = first_of(hash, old.depth);
        self.set_segment(first, halves[0]);
        self.set_segment(first | 1 << (63 - old.depth), halves[1]);
        self.discard_segment(hash, old);
        self.segments += 1;
    }

    /// Makes the chunk of `hash` tell prefixes of `depth` bits apart.
    fn deepen(&mut self, hash: u64, depth: u8) {
        let chunk = self.chunk(hash);
        if chunk.head.depth + chunk.head.bits >= depth {
            return;
        }
        if chunk.head.bits < CHUNK_BITS {
            let items = chunk.items();
            let grown =
                self.new_chunk(chunk.head.depth, chunk.head.bits + 1, chunk.volatile(), |index| items[index / 2]);
            self.set_chunk(hash, grown);
            self.discard_chunk(hash, chunk);
        } else {
            self.split_chunk(hash, chunk);
        }
    }

    fn split_chunk(&mut self, hash: u64, old: Link<Chunk>) {
        if old.head.depth == self.root.head.bits {
            let items = self.root.items();
            self.replace_root(old.head.depth + 1, |index| items[index / 2]);
        }
        let depth = old.head.depth + 1;
        let (low, high) = old.items().split_at(1 << (CHUNK_BITS - 1));
        let volatile_low = if old.volatile() == 0 { 0 } else { volatile_in(low) };
        let first = first_of(hash, old.head.depth);
        let chunk = self.new_chunk(depth, CHUNK_BITS, volatile_low, |index| low[index / 2]);
        self.set_chunk(first, chunk);
        let chunk = self.new_chunk(depth, CHUNK_BITS, old.volatile() - volatile_low, |index| high[index / 2]);
        self.set_chunk(first | 1 << (63 - old.head.depth), chunk);
        self.discard_chunk(hash, old);
    }

    /// Merges the segment of `hash` with its neighbour if both have few keys, and lets the directory shrink after it;
    /// goes on as long as that helps, which is more than one step only where neighbours have long been empty.
    pub fn merge(&mut self, hash: u64, rehash: &dyn Fn(NonNull<u8>) -> u64) {
        while self.merge_once(hash, rehash) {}
    }

    fn merge_once(&mut self, hash: u64, rehash: &dyn Fn(NonNull<u8>) -> u64) -> bool {
        let old = self.segment(hash);
        if old.depth == 0 || old.next.is_some() || old.len() > MERGE_AT / 2 {
            return false;
        }
        let neighbour_hash = hash ^ 1 << (64 - old.depth);
        let neighbour = self.segment(neighbour_hash);
        let few = old.len() + neighbour.len() <= MERGE_AT;
        if neighbour.depth != old.depth || neighbour.next.is_some() || !few || self.chunk(hash).head.depth >= old.depth
        {
            return false;
        }
        let merged = old.merge(&neighbour, self.epochs.current(), rehash);
        self.set_segment(hash, merged);
        self.discard_segment(hash, old);
        self.discard_segment(neighbour_hash, neighbour);
        self.segments -= 1;
        self.shrink_chunk(hash);
        true
    }

    /// Halves the chunk while no segment needs its last bit, then merges it with its neighbour if both are small.
    fn shrink_chunk(&mut self, hash: u64) {
        if self.halve_chunk(hash) {
            self.merge_chunks(hash);
        }
    }

    fn halve_chunk(&mut self, hash: u64) -> bool {
        let old = self.chunk(hash);
        let items = old.items();
        // Slots that one segment fills are neighbours, so a stride sees whether all pairs, fours, eights are alike.
        let spare =
            (1..=old.head.bits).take_while(|bits| items.chunks(1 << bits).all(|run| run[0] == run[run.len() - 1]));
        let Some(spare) = spare.last() else { return false };
        let halved =
            self.new_chunk(old.head.depth, old.head.bits - spare, old.volatile(), |index| items[index << spare]);
        self.set_chunk(hash, halved);
        self.discard_chunk(hash, old);
        true
    }

    fn merge_chunks(&mut self, hash: u64) {
        let old = self.chunk(hash);
        if old.head.depth == 0 {
            return;
        }
        let neighbour_hash = hash ^ 1 << (64 - old.head.depth);
        self.halve_chunk(neighbour_hash);
        let neighbour = self.chunk(neighbour_hash);
        let bits = old.head.bits.max(neighbour.head.bits);
        if neighbour.head.depth != old.head.depth || bits > MERGE_CHUNK_BITS {
            return;
        }
        let (low, high) = if hash < neighbour_hash { (old, neighbour) } else { (neighbour, old) };
        let volatile = old.volatile() + neighbour.volatile();
        let merged = self.new_chunk(old.head.depth - 1, bits + 1, volatile, |index| {
            let half = if index >> bits == 0 { low } else { high };
            half.items()[(index & ((1 << bits) - 1)) >> (bits - half.head.bits)]
        });
        self.set_chunk(hash, merged);
        self.discard_chunk(hash, old);
        self.discard_chunk(neighbour_hash, neighbour);
        self.shrink_root();
    }

    fn shrink_root(&mut self) {
        let items = self.root.items();
        if self.root.head.bits > 0 && items.chunks_exact(2).all(|pair| pair[0] == pair[1]) {
            self.replace_root(self.root.head.bits - 1, |index| items[index * 2]);
        }
    }

    /// Frees all nodes, after `each` has seen every segment.
    ///
    /// # Safety
    /// Nothing reaches the nodes any more, and the directory is not used again.
    pub unsafe fn free(&mut self, mut each: impl FnMut(Link<Segment>)) {
        let chunks = distinct(self.root.items());
        for chunk in chunks.map(ChunkSlot::chunk) {
            for segment in distinct(chunk.items()) {
                each(segment);
                // SAFETY: the caller's promise.
                unsafe { free_chain(segment) };
            }
            // SAFETY: the caller's promise.
            unsafe { chunk.free_array() };
        }
        // SAFETY: the caller's promise.
        unsafe { self.root.free_array() };
    }
}

impl Link<Chunk> {
    fn volatile(self) -> u32 {
        self.head.volatile.load(Relaxed)
    }
}

fn volatile_in(slots: &[Link<Segment>]) -> u32 {
    distinct(slots).map(|segment| u32::from(segment.volatile)).sum()
}

/// Children of a node, each once: the slots of one child are neighbours.
fn distinct<T: Copy + PartialEq>(slots: &[T]) -> impl Iterator<Item = T> {
    slots.chunk_by(|a, b| a == b).map(|run| run[0])
}
