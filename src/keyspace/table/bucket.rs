//! One cache line of the table: seven tagged pointers and a word that says which of them to look at.
//!
//! Byte `i` of the word is the tag of slot `i`, one byte of its key's hash, 0 where the slot is empty. The top byte
//! holds a "young" bit per slot (the record was born in the segment's epoch) and the overflow bit (a key whose home is
//! this bucket, or which passed it, lies further on).

use std::ptr::NonNull;

pub const SLOTS: usize = 7;

const ONES: u64 = 0x0001_0101_0101_0101;
const HIGHS: u64 = 0x0080_8080_8080_8080;
const LOWS: u64 = 0x007f_7f7f_7f7f_7f7f;
const FLAGS_AT: u32 = 56;
const OVERFLOW: u64 = 1 << 63;

/// The bytes of a hash that a slot carries, so that a lookup seldom, and a split hardly ever, touches a record it does
/// not want.
#[derive(Clone, Copy)]
pub struct HashBits {
    /// Never 0.
    pub tag: u8,
    /// Decides the home bucket.
    pub home: u8,
}

impl HashBits {
    #[inline]
    pub fn of(hash: u64) -> HashBits {
        HashBits { tag: (hash as u8).max(1), home: (hash >> 8) as u8 }
    }
}

/// A pointer of 48 bits, aligned to 8. Bits 48-55 are the home byte, bits 56-63 the window: eight bits of the hash's
/// prefix, the ones that the next splits decide by. Bit 0 says that the record has an expiry.
#[derive(Clone, Copy)]
pub struct Slot(u64);

impl Slot {
    pub const EMPTY: Slot = Slot(0);

    pub fn new(record: NonNull<u8>, home: u8, window: u8, volatile: bool) -> Slot {
        let address = record.as_ptr() as u64;
        assert!(address >> 48 == 0 && address & 7 == 0, "records lie in the lower 48 bits and on 8 bytes");
        Slot(address | u64::from(home) << 48 | u64::from(window) << 56 | u64::from(volatile))
    }

    #[inline]
    pub fn record(self) -> NonNull<u8> {
        let address = self.0 & 0x0000_ffff_ffff_fff8;
        NonNull::new(address as *mut u8).expect("the slot is occupied")
    }

    #[inline]
    pub fn home(self) -> u8 {
        (self.0 >> 48) as u8
    }

    pub fn window(self) -> u8 {
        (self.0 >> 56) as u8
    }

    pub fn with_window(self, window: u8) -> Slot {
        Slot(self.0 & !(0xff << 56) | u64::from(window) << 56)
    }

    pub fn is_volatile(self) -> bool {
        self.0 & 1 != 0
    }
}

#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct Bucket {
    word: u64,
    slots: [Slot; SLOTS],
}

/// Indices of slots, as set top bits of the word's bytes.
#[derive(Clone, Copy)]
pub struct Matches(u64);

impl Iterator for Matches {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let index = self.0.trailing_zeros() as usize / 8;
        self.0 &= self.0 - 1;
        Some(index)
    }
}

impl Bucket {
    pub const EMPTY: Bucket = Bucket { word: 0, slots: [Slot::EMPTY; SLOTS] };

    /// Slots that carry this tag; exact.
    #[inline]
    pub fn matches(&self, tag: u8) -> Matches {
        zero_bytes(self.word ^ (u64::from(tag) * ONES))
    }

    pub fn occupied(&self) -> Matches {
        Matches(zero_bytes(self.word).0 ^ HIGHS)
    }

    pub fn vacant(&self) -> Option<usize> {
        zero_bytes(self.word).next()
    }

    #[inline]
    pub fn slot(&self, index: usize) -> Slot {
        self.slots[index]
    }

    pub fn tag(&self, index: usize) -> u8 {
        (self.word >> (index * 8)) as u8
    }

    pub fn is_young(&self, index: usize) -> bool {
        self.word >> (FLAGS_AT + index as u32) & 1 != 0
    }

    #[inline]
    pub fn is_overflowed(&self) -> bool {
        self.word & OVERFLOW != 0
    }

    pub fn put(&mut self, index: usize, tag: u8, slot: Slot, young: bool) {
        self.clear(index);
        self.word |= u64::from(tag) << (index * 8) | u64::from(young) << (FLAGS_AT + index as u32);
        self.slots[index] = slot;
    }

    pub fn clear(&mut self, index: usize) {
        self.word &= !(0xff << (index * 8) | 1 << (FLAGS_AT + index as u32));
        self.slots[index] = Slot::EMPTY;
    }

    pub fn set_overflowed(&mut self) {
        self.word |= OVERFLOW;
    }

    pub fn forget_young(&mut self) {
        self.word &= !(0x7f << FLAGS_AT);
    }
}

/// Top bits of those of the lower seven bytes that are 0.
#[inline]
fn zero_bytes(word: u64) -> Matches {
    let word = word & !(0xff << FLAGS_AT);
    Matches(!(((word & LOWS) + LOWS) | word) & HIGHS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_finds_what_was_put_and_nothing_else() {
        let mut bucket = Bucket::EMPTY;
        let record = NonNull::new(0x7fff_1234_5678_u64 as *mut u8).unwrap();
        for (index, tag) in [1, 2, 1, 255, 128, 127, 129].into_iter().enumerate() {
            assert_eq!(bucket.vacant(), Some(index));
            bucket.put(index, tag, Slot::new(record, 9, 7, index == 3), index % 2 == 0);
        }
        assert_eq!(bucket.vacant(), None);
        assert_eq!(bucket.matches(1).collect::<Vec<_>>(), [0, 2]);
        assert_eq!(bucket.matches(128).collect::<Vec<_>>(), [4]);
        assert_eq!(bucket.matches(3).count(), 0);
        assert!(bucket.is_young(6) && !bucket.is_young(3) && !bucket.is_overflowed());
        let slot = bucket.slot(3);
        assert_eq!((slot.record(), slot.home(), slot.window(), slot.is_volatile()), (record, 9, 7, true));
        bucket.set_overflowed();
        bucket.clear(4);
        assert_eq!((bucket.vacant(), bucket.occupied().count()), (Some(4), 6));
        bucket.forget_young();
        assert!(bucket.is_overflowed() && !bucket.is_young(6) && bucket.tag(6) == 129);
    }
}
