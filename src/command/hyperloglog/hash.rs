//! Which register an element belongs to, and what it says about it.

/// Bits of the hash that choose the register.
pub const REGISTER_BITS: u32 = 14;
/// Registers of a HyperLogLog.
pub const REGISTERS: usize = 1 << REGISTER_BITS;
/// Bits of the hash that are left.
pub const RUN_BITS: u32 = 64 - REGISTER_BITS;

const SEED: u64 = 0xadc8_3b19;

/// An element as a HyperLogLog sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Below [`REGISTERS`].
    pub register: usize,
    /// Zeros before the first one of the remaining hash bits, and that one: 1 to 51.
    pub run: u8,
}

impl Observation {
    pub fn of(element: &[u8]) -> Observation {
        let hash = murmur_64a(element, SEED);
        let rest = hash >> REGISTER_BITS | 1 << RUN_BITS;
        Observation { register: hash as usize % REGISTERS, run: rest.trailing_zeros() as u8 + 1 }
    }
}

/// MurmurHash64A (Austin Appleby, public domain).
fn murmur_64a(bytes: &[u8], seed: u64) -> u64 {
    const FACTOR: u64 = 0xc6a4_a793_5bd1_e995;
    const SHIFT: u32 = 47;
    let mix = |hash: u64| hash ^ hash >> SHIFT;
    let (words, rest) = bytes.as_chunks::<8>();
    let mut hash = seed ^ (bytes.len() as u64).wrapping_mul(FACTOR);
    for word in words {
        let word = mix(u64::from_le_bytes(*word).wrapping_mul(FACTOR)).wrapping_mul(FACTOR);
        hash = (hash ^ word).wrapping_mul(FACTOR);
    }
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR);
    }
    mix(mix(hash).wrapping_mul(FACTOR))
}
