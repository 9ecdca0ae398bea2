//! Going through a table: SCAN, whole walks, random records, expired records.
//!
//! SCAN visits hash prefixes in order, and within a segment home bucket by home bucket. Its cursor names the prefix, the
//! depth of the segment it was in, and the next bucket. A split leaves the prefix where it was; a merge is seen by the
//! smaller depth, and the merged segment is visited from its start: a key may come twice, none is left out.

use std::ptr::NonNull;

use rand::{Rng, RngExt};

use super::segment::{SPLIT_AT, Segment};
use super::{Held, Record, RecordRef, Table, last_of};
use crate::keyspace::UnixMs;
use crate::keyspace::table::directory::first_of;

const HOMES: usize = 15;

/// Goes through a table in the order of hash prefixes.
pub(in crate::keyspace) struct Records<'a, R: Record> {
    table: &'a Table<R>,
    /// The first hash of the segment to be read next.
    next_hash: Option<u64>,
    /// The rest of the segment that is being read.
    records: Vec<NonNull<u8>>,
}

impl<'a, R: Record> Iterator for Records<'a, R> {
    type Item = R::Ref<'a>;

    fn next(&mut self) -> Option<R::Ref<'a>> {
        while self.records.is_empty() {
            let hash = self.next_hash?;
            let segment = self.table.directory.segment(hash).get();
            self.records.extend(segment.prefetched());
            self.next_hash = last_of(hash, segment.depth).checked_add(1);
        }
        // SAFETY: what the table holds lives while it is borrowed.
        self.records.pop().map(|record| unsafe { R::at(record) })
    }
}

/// Prefix bits in a SCAN cursor. With the depth and the bucket it stays below 2^53: safe in any client's number type.
const PREFIX_BITS: u32 = 40;

impl<R: Record> Table<R> {
    /// One step of SCAN from `cursor`: the records of one bucket at least, of one segment at most. Answers the next
    /// cursor, 0 at the end.
    pub fn scan<'a>(&'a self, cursor: u64, each: &mut dyn FnMut(R::Ref<'a>)) -> u64 {
        let hash = cursor >> 10 << (64 - PREFIX_BITS);
        let (depth, home) = ((cursor >> 4 & 63) as u8, (cursor & 15) as usize);
        let segment = self.directory.segment(hash).get();
        let mut home = if segment.depth < depth { 0 } else { home };
        let mut found = false;
        while home < HOMES && !found {
            for held in segment.records_at_home(home) {
                found = true;
                each(self.record(held));
            }
            home += 1;
        }
        if home < HOMES {
            let prefix = first_of(hash, segment.depth) >> (64 - PREFIX_BITS);
            return prefix << 10 | u64::from(segment.depth) << 4 | home as u64;
        }
        match last_of(hash, segment.depth).checked_add(1) {
            Some(next) => next >> (64 - PREFIX_BITS) << 10,
            None => 0,
        }
    }

    /// All records, in the order of hash prefixes.
    pub(in crate::keyspace) fn records(&self) -> Records<'_, R> {
        Records { table: self, next_hash: Some(0), records: Vec::new() }
    }

    pub fn for_each<'a>(&'a self, each: &mut dyn FnMut(R::Ref<'a>)) {
        self.records().for_each(each);
    }

    /// A record at a random place: near enough to uniform, as segments cover ranges in proportion to their keys.
    pub fn random(&self, rng: &mut dyn Rng) -> Option<R::Ref<'_>> {
        if self.len == 0 {
            return None;
        }
        let start: u64 = rng.random();
        let segment = self.nearest(start, |segment| segment.chain_len() > 0)?;
        let nth = rng.random_range(0..segment.chain_len());
        segment.records().nth(nth).map(|held| self.record(held))
    }

    /// A record at random, each with the same chance: a place is drawn as if all segments were as deep as the deepest
    /// and all had as many places, until there is a record.
    pub fn random_fair(&self, rng: &mut dyn Rng) -> Option<R::Ref<'_>> {
        let depth = self.directory.depth_bound();
        while self.len > 0 {
            let segment = self.directory.segment(rng.random()).get();
            let places = segment.chain_len().max(SPLIT_AT) << (depth - segment.depth);
            if let Some(held) = segment.records().nth(rng.random_range(0..places)) {
                return Some(self.record(held));
            }
        }
        None
    }

    /// As `random`, among the records with an expiry.
    pub fn random_volatile(&self, rng: &mut dyn Rng) -> Option<R::Ref<'_>> {
        let segment = self.volatile_segment(rng.random())?;
        let nth = rng.random_range(0..usize::from(segment.volatile));
        let mut volatile = segment.records().filter(|held| held.slot.is_volatile());
        volatile.nth(nth).map(|held| self.record(held))
    }

    /// About `count` records from random places on, with an expiry only if `volatile`.
    pub fn sample<'a>(&'a self, rng: &mut dyn Rng, volatile: bool, count: usize, each: &mut dyn FnMut(R::Ref<'a>)) {
        let mut wanted = count;
        for _ in 0..count {
            let start = rng.random();
            let segment = match volatile {
                true => self.volatile_segment(start),
                false => self.nearest(start, |segment| segment.chain_len() > 0).filter(|_| self.len > 0),
            };
            let Some(segment) = segment else { return };
            let from = rng.random_range(0..segment.places());
            let sampled = segment.records_from(from).filter(|held| !volatile || held.slot.is_volatile());
            for held in sampled.take(wanted) {
                wanted -= 1;
                each(self.record(held));
            }
            if wanted == 0 {
                return;
            }
        }
    }

    /// The first segment from the one of `hash` on, around the end, with a record that expires. Goes by the counts of
    /// chunks and segments, so it looks at no record.
    fn volatile_segment(&self, hash: u64) -> Option<&Segment> {
        if self.volatile == 0 {
            return None;
        }
        let mut hash = hash;
        for _ in 0..=self.segments() {
            let (around, last_of_chunk) = self.directory.volatile_around(hash);
            let last = if around == 0 {
                last_of_chunk
            } else {
                let segment = self.directory.segment(hash).get();
                if segment.volatile > 0 {
                    return Some(segment);
                }
                last_of(hash, segment.depth)
            };
            hash = last.wrapping_add(1);
        }
        None
    }

    /// The segment of `hash` or the first one after it, around the end, that is wanted.
    fn nearest(&self, hash: u64, wanted: impl Fn(&Segment) -> bool) -> Option<&Segment> {
        let mut hash = hash;
        for _ in 0..=self.segments() {
            let segment = self.directory.segment(hash).get();
            if wanted(segment) {
                return Some(segment);
            }
            hash = last_of(hash, segment.depth).wrapping_add(1);
        }
        None
    }

    /// Visits up to `segments` segments from the one of `hash` on and reports records whose expiry lies before `now`.
    /// Only segments whose earliest expiry is due have their records looked at; chunks without any are skipped whole.
    /// Answers the hash to go on with, `None` at the end.
    pub fn expired<'a>(
        &'a self,
        hash: u64,
        now: UnixMs,
        segments: usize,
        each: &mut dyn FnMut(R::Ref<'a>),
    ) -> Option<u64> {
        let mut hash = hash;
        for _ in 0..segments {
            let (around, last_of_chunk) = self.directory.volatile_around(hash);
            let last = if around == 0 {
                last_of_chunk
            } else {
                let segment = self.directory.segment(hash).get();
                if segment.volatile > 0 && segment.earliest() < now {
                    self.expired_in(segment, now, each);
                }
                last_of(hash, segment.depth)
            };
            hash = last.checked_add(1)?;
        }
        Some(hash)
    }

    /// A time before which no record expires; close to the true one where that is before `now`.
    pub fn earliest(&self, now: UnixMs) -> UnixMs {
        let (mut earliest, mut hash) = (UnixMs::MAX, 0);
        loop {
            let (around, last_of_chunk) = self.directory.volatile_around(hash);
            let last = if around == 0 {
                last_of_chunk
            } else {
                let segment = self.directory.segment(hash).get();
                if segment.volatile > 0 {
                    if segment.earliest() < now {
                        self.expired_in(segment, now, &mut |_| ());
                    }
                    earliest = earliest.min(segment.earliest());
                }
                last_of(hash, segment.depth)
            };
            match last.checked_add(1) {
                Some(next) => hash = next,
                None => return earliest,
            }
        }
    }

    fn expired_in<'a>(&'a self, segment: &'a Segment, now: UnixMs, each: &mut dyn FnMut(R::Ref<'a>)) {
        let mut earliest = i64::MAX;
        for held in segment.records().filter(|held| held.slot.is_volatile()) {
            let record = self.record(held);
            let expire_at = record.expire_at().unwrap_or(i64::MAX);
            earliest = earliest.min(expire_at);
            if expire_at < now {
                each(record);
            }
        }
        segment.set_earliest(earliest);
    }

    fn record(&self, held: Held) -> R::Ref<'_> {
        // SAFETY: what the current table holds lives while it is borrowed.
        unsafe { R::at(held.slot.record()) }
    }
}
