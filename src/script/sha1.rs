//! The name of a script: the SHA-1 of its text in hex digits.

use sha1::{Digest, Sha1};

/// 40 lower-case hex digits.
pub type Sha1Hex = [u8; 40];

pub fn sha1_hex(text: &[u8]) -> Sha1Hex {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = [0; 40];
    for (at, byte) in Sha1::digest(text).iter().enumerate() {
        hex[2 * at] = DIGITS[usize::from(byte >> 4)];
        hex[2 * at + 1] = DIGITS[usize::from(byte & 15)];
    }
    hex
}
