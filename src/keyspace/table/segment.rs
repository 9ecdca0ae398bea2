//! A segment: a header and fifteen buckets, 1 KB, the unit that is split, merged and copied for a snapshot.
//!
//! A key lies in its home bucket or, where that was full, in the next ones; the overflow bit of each bucket it passed
//! says so. Where hashes collide so much that splitting does not help, further segments hang on the first by `next`;
//! then every bucket before the last segment has its overflow bit set. The header's figures about expiries are kept in
//! the first segment of such a chain.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use super::bucket::{Bucket, HashBits, SLOTS, Slot};
use crate::keyspace::link::Link;
use crate::keyspace::prefetch::prefetch;

const BUCKETS: usize = 15;

pub const SEGMENT_BYTES: usize = size_of::<Segment>();

/// A segment with as many keys splits before it takes another: 90 % of its 105 slots.
pub const SPLIT_AT: usize = 94;

/// After as many removals the overflow bits are made anew, lest they only ever grow.
const TIDY_AFTER: u8 = 64;

#[repr(C, align(64))]
pub struct Segment {
    /// Birth epoch: no snapshot below sees this version, and the young bits count while it is the current epoch.
    pub epoch: u64,
    /// No expiry in this segment lies before. Only the lock holder uses it, but a copy may be read meanwhile: atomic.
    earliest: AtomicI64,
    pub next: Option<Link<Segment>>,
    len: u16,
    /// Keys with an expiry.
    pub volatile: u16,
    /// Length of the hash prefix that all keys here share.
    pub depth: u8,
    /// Which byte of the hash, from the top, the slots' windows hold.
    pub window: u8,
    removals: u8,
    buckets: [Bucket; BUCKETS],
}

/// Where a record lies, counted from the head of its chain: valid until the next change but a copy for a snapshot.
#[derive(Clone, Copy)]
pub struct Spot {
    pub record: NonNull<u8>,
    nth: u32,
    bucket: u8,
    index: u8,
}

/// A record with what its slot says about it.
#[derive(Clone, Copy)]
pub struct Held {
    pub slot: Slot,
    pub tag: u8,
    pub young: bool,
}

#[inline]
pub fn home_bucket(home: u8) -> usize {
    (usize::from(home) * BUCKETS) >> 8
}

impl Segment {
    pub fn new(epoch: u64, depth: u8, window: u8) -> Segment {
        Segment {
            epoch,
            earliest: AtomicI64::new(i64::MAX),
            next: None,
            len: 0,
            volatile: 0,
            depth,
            window,
            removals: 0,
            buckets: [Bucket::EMPTY; BUCKETS],
        }
    }

    /// The same content as a version of `epoch`, the whole chain: nothing in it is young.
    pub fn copy(&self, epoch: u64) -> Link<Segment> {
        let copies: Vec<Link<Segment>> = self.chain().map(|segment| Link::new(segment.copy_alone(epoch))).collect();
        for pair in copies.windows(2) {
            // SAFETY: just made, known to nobody else.
            unsafe { pair[0].get_mut() }.next = Some(pair[1]);
        }
        copies[0]
    }

    fn copy_alone(&self, epoch: u64) -> Segment {
        let earliest = AtomicI64::new(self.earliest());
        let mut copy = Segment { earliest, next: None, buckets: self.buckets, ..*self };
        copy.epoch = epoch;
        copy.buckets.iter_mut().for_each(Bucket::forget_young);
        copy
    }

    /// The chain belongs to `epoch` from now on; what is young is no longer known.
    ///
    /// # Safety
    /// The chain is the caller's alone: no snapshot needs it.
    pub unsafe fn become_current(&mut self, epoch: u64) {
        let mut segment = self;
        loop {
            segment.epoch = epoch;
            segment.buckets.iter_mut().for_each(Bucket::forget_young);
            let Some(next) = segment.next else { return };
            // SAFETY: the caller's promise.
            segment = unsafe { next.get_mut() };
        }
    }

    /// Keys of this segment alone, without the chain behind it.
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    pub fn chain(&self) -> impl Iterator<Item = &Segment> {
        std::iter::successors(Some(self), |segment| segment.next.map(Link::get))
    }

    pub fn chain_len(&self) -> usize {
        self.chain().map(Segment::len).sum()
    }

    pub fn earliest(&self) -> i64 {
        self.earliest.load(Relaxed)
    }

    pub fn set_earliest(&self, at: i64) {
        self.earliest.store(at, Relaxed);
    }

    /// Looks a record up by hash; `equals` decides among those whose sixteen low hash bits agree.
    #[inline]
    pub fn find(&self, hash: u64, mut equals: impl FnMut(NonNull<u8>) -> bool) -> Option<Spot> {
        let bits = HashBits::of(hash);
        let mut segment = self;
        for nth in 0.. {
            let mut bucket = home_bucket(bits.home);
            for _ in 0..BUCKETS {
                let line = &segment.buckets[bucket];
                for index in line.matches(bits.tag) {
                    let slot = line.slot(index);
                    let record = slot.record();
                    if slot.home() == bits.home && equals(record) {
                        return Some(Spot { record, nth, bucket: bucket as u8, index: index as u8 });
                    }
                }
                if !line.is_overflowed() {
                    return None;
                }
                bucket = following(bucket);
            }
            segment = segment.next?.get();
        }
        None
    }

    /// The bucket where a lookup begins, for prefetching.
    pub fn home_line(&self, hash: u64) -> &Bucket {
        &self.buckets[home_bucket(HashBits::of(hash).home)]
    }

    pub fn at(&self, spot: Spot) -> Held {
        self.nth(spot.nth).held(usize::from(spot.bucket), usize::from(spot.index))
    }

    fn nth(&self, nth: u32) -> &Segment {
        self.chain().nth(nth as usize).expect("the spot is of this chain")
    }

    fn held(&self, bucket: usize, index: usize) -> Held {
        let line = &self.buckets[bucket];
        Held { slot: line.slot(index), tag: line.tag(index), young: line.is_young(index) }
    }

    /// Records of the whole chain.
    pub fn records(&self) -> impl Iterator<Item = Held> {
        self.chain().flat_map(Segment::own_records)
    }

    /// Records of the whole chain, each asked for ahead of its use: for walks.
    pub fn prefetched(&self) -> impl Iterator<Item = NonNull<u8>> {
        self.records().map(|held| {
            let record = held.slot.record();
            prefetch(record.as_ptr());
            record
        })
    }

    fn own_records(&self) -> impl Iterator<Item = Held> {
        (0..BUCKETS).flat_map(move |bucket| self.buckets[bucket].occupied().map(move |index| self.held(bucket, index)))
    }

    /// Places for records in the whole chain, occupied or not.
    pub fn places(&self) -> usize {
        self.chain().count() * BUCKETS * SLOTS
    }

    /// Records of the whole chain, from a place on and around the end.
    pub fn records_from(&self, place: usize) -> impl Iterator<Item = Held> {
        let places = self.places();
        (place..place + places).filter_map(move |place| {
            let segment = self.nth((place % places / (BUCKETS * SLOTS)) as u32);
            let (bucket, index) = (place / SLOTS % BUCKETS, place % SLOTS);
            (segment.buckets[bucket].tag(index) != 0).then(|| segment.held(bucket, index))
        })
    }

    /// Records of the whole chain whose home is the given bucket, wherever they lie.
    pub fn records_at_home(&self, home: usize) -> impl Iterator<Item = Held> {
        self.chain().flat_map(move |segment| {
            let buckets = (0..segment.reach(home)).map(move |step| (home + step) % BUCKETS);
            buckets
                .flat_map(move |bucket| {
                    segment.buckets[bucket].occupied().map(move |index| segment.held(bucket, index))
                })
                .filter(move |held| home_bucket(held.slot.home()) == home)
        })
    }

    /// How many buckets a lookup that begins at `home` may visit here.
    fn reach(&self, home: usize) -> usize {
        let last = (0..BUCKETS).find(|step| !self.buckets[(home + step) % BUCKETS].is_overflowed());
        last.map_or(BUCKETS, |step| step + 1)
    }

    /// Adds a record to this segment, which has room. Its count and expiry figures are the caller's.
    pub fn put(&mut self, held: Held) {
        let mut bucket = home_bucket(held.slot.home());
        for _ in 0..BUCKETS {
            let line = &mut self.buckets[bucket];
            if let Some(index) = line.vacant() {
                line.put(index, held.tag, held.slot, held.young);
                self.len += 1;
                return;
            }
            line.set_overflowed();
            bucket = following(bucket);
        }
        unreachable!("a segment takes {} of {} records", SPLIT_AT, BUCKETS * SLOTS);
    }

    /// Exchanges the record at a spot for another of the same key.
    ///
    /// # Safety
    /// The chain is the caller's alone.
    pub unsafe fn replace(&mut self, spot: Spot, slot: Slot) {
        // SAFETY: the caller's promise.
        let line = unsafe { &mut self.nth_mut(spot.nth).buckets[usize::from(spot.bucket)] };
        let index = usize::from(spot.index);
        line.put(index, line.tag(index), slot, true);
    }

    /// Takes the record at a spot out.
    ///
    /// # Safety
    /// The chain is the caller's alone.
    pub unsafe fn remove(&mut self, spot: Spot) {
        // SAFETY: the caller's promise.
        let segment = unsafe { self.nth_mut(spot.nth) };
        segment.buckets[usize::from(spot.bucket)].clear(usize::from(spot.index));
        segment.len -= 1;
        segment.removals += 1;
        if segment.removals >= TIDY_AFTER {
            segment.tidy();
        }
    }

    /// Puts all records in again, so that overflow bits say no more than is true.
    fn tidy(&mut self) {
        self.removals = 0;
        if self.next.is_some() || !self.buckets.iter().any(Bucket::is_overflowed) {
            return;
        }
        let mut tidied = Segment::new(self.epoch, self.depth, self.window);
        self.own_records().for_each(|held| tidied.put(held));
        self.buckets = tidied.buckets;
    }

    /// Adds a record to the chain and counts its expiry.
    ///
    /// # Safety
    /// The chain is the caller's alone.
    pub unsafe fn add(&mut self, held: Held) {
        self.volatile += u16::from(held.slot.is_volatile());
        let mut segment = self;
        while segment.len() >= SPLIT_AT {
            // SAFETY: the caller's promise.
            segment = unsafe { segment.following_segment().get_mut() };
        }
        segment.put(held);
    }

    /// The next segment of the chain; if there is none, a new one that every probe goes on to.
    fn following_segment(&mut self) -> Link<Segment> {
        *self.next.get_or_insert_with(|| {
            self.buckets.iter_mut().for_each(Bucket::set_overflowed);
            Link::new(Segment::new(self.epoch, self.depth, self.window))
        })
    }

    /// # Safety
    /// The chain is the caller's alone.
    unsafe fn nth_mut(&mut self, nth: u32) -> &mut Segment {
        let mut segment = self;
        for _ in 0..nth {
            // SAFETY: the caller's promise.
            segment = unsafe { segment.next.expect("the spot is of this chain").get_mut() };
        }
        segment
    }

    /// Unlinks and frees segments of the chain that have become empty, all but the head.
    ///
    /// # Safety
    /// The chain is the caller's alone.
    pub unsafe fn shorten(&mut self) {
        let mut segment = self;
        while let Some(next) = segment.next {
            if next.len() == 0 {
                segment.next = next.next;
                // SAFETY: the chain is the caller's, and nothing links to `next` any more.
                unsafe { next.free() };
            } else {
                // SAFETY: the caller's promise.
                segment = unsafe { next.get_mut() };
            }
        }
    }

    /// Two segments, one bit deeper, with the records of this chain. Young is what was young in `epoch`. `rehash`
    /// gives a record's hash again, which is needed once in eight splits.
    pub fn split(&self, epoch: u64, rehash: &dyn Fn(NonNull<u8>) -> u64) -> [Link<Segment>; 2] {
        let window = self.depth / 8;
        let halves = [0, 1].map(|_| Link::new(Segment::new(epoch, self.depth + 1, window)));
        for held in self.records_for(epoch, window, rehash) {
            let side = held.slot.window() >> (7 - self.depth % 8) & 1;
            // SAFETY: just made, known to nobody else.
            unsafe { halves[usize::from(side)].get_mut().add(held) };
        }
        halves.iter().filter(|half| half.volatile > 0).for_each(|half| half.set_earliest(self.earliest()));
        halves
    }

    /// One segment, one bit less deep, with the records of both.
    pub fn merge(&self, other: &Segment, epoch: u64, rehash: &dyn Fn(NonNull<u8>) -> u64) -> Link<Segment> {
        let depth = self.depth - 1;
        let merged = Link::new(Segment::new(epoch, depth, depth / 8));
        let of_other = other.records_for(epoch, depth / 8, rehash);
        for held in self.records_for(epoch, depth / 8, rehash).chain(of_other) {
            // SAFETY: just made, known to nobody else.
            unsafe { merged.get_mut().add(held) };
        }
        merged.set_earliest(self.earliest().min(other.earliest()));
        merged
    }

    /// The chain's records as a segment of `epoch` with the given window takes them.
    fn records_for(&self, epoch: u64, window: u8, rehash: &dyn Fn(NonNull<u8>) -> u64) -> impl Iterator<Item = Held> {
        let keeps_young = self.epoch == epoch;
        let keeps_window = self.window == window;
        if !keeps_window {
            // All records are about to be read.
            self.prefetched().for_each(drop);
        }
        self.records().map(move |held| {
            let slot = if keeps_window {
                held.slot
            } else {
                held.slot.with_window(window_byte(rehash(held.slot.record()), window))
            };
            Held { slot, young: held.young && keeps_young, ..held }
        })
    }
}

/// Byte `window` of a hash, from the top.
pub fn window_byte(hash: u64, window: u8) -> u8 {
    (hash >> (56 - 8 * window)) as u8
}

#[inline]
fn following(bucket: usize) -> usize {
    if bucket + 1 == BUCKETS { 0 } else { bucket + 1 }
}

/// Frees a segment and the chain behind it, not the records.
///
/// # Safety
/// Nothing reaches the chain any more.
pub unsafe fn free_chain(head: Link<Segment>) {
    let mut next = Some(head);
    while let Some(segment) = next {
        next = segment.next;
        // SAFETY: the caller's promise; its successor has been read.
        unsafe { segment.free() };
    }
}
