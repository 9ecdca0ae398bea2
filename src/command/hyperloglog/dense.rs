//! The dense encoding: 16,384 registers of 6 bits, one after the other from each byte's lowest bit on.

use super::estimate::Histogram;
use super::hash::{Observation, REGISTERS};

const BITS: usize = 6;
const MAX: u8 = (1 << BITS) - 1;

/// Bytes of all registers.
pub const BYTES: usize = REGISTERS * BITS / 8;

/// The registers in order.
pub fn registers(bytes: &[u8]) -> impl Iterator<Item = u8> {
    let (triples, _) = bytes.as_chunks::<3>();
    // Three bytes hold four registers.
    triples.iter().flat_map(|&[a, b, c]| [a, a >> 6 | b << 2, b >> 4 | c << 4, c >> 2]).map(|register| register & MAX)
}

pub fn count(bytes: &[u8], histogram: &mut Histogram) {
    registers(bytes).for_each(|register| histogram[usize::from(register)] += 1);
}

/// Raises a register to what was observed; false if it holds as much.
pub fn observe(bytes: &mut [u8], seen: Observation) -> bool {
    let (at, shift) = (seen.register * BITS / 8, seen.register * BITS % 8);
    let both = pair(bytes, at);
    let raises = both >> shift & u16::from(MAX) < u16::from(seen.run);
    if raises {
        let both = both & !(u16::from(MAX) << shift) | u16::from(seen.run) << shift;
        bytes[at] = both as u8;
        // The last register ends with the last byte.
        if let Some(next) = bytes.get_mut(at + 1) {
            *next = (both >> 8) as u8;
        }
    }
    raises
}

/// Whether `observe` would raise the register.
pub fn is_raised_by(bytes: &[u8], seen: Observation) -> bool {
    let (at, shift) = (seen.register * BITS / 8, seen.register * BITS % 8);
    pair(bytes, at) >> shift & u16::from(MAX) < u16::from(seen.run)
}

fn pair(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes.get(at + 1).copied().unwrap_or(0)])
}
