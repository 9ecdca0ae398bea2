//! The checksum of RDB files and DUMP payloads: CRC-64 with the Jones polynomial, reflected, starting at 0.
//!
//! Two crates, one function: the SIMD one where a data set streams through, the small one for payloads of a few bytes.
//! A test holds them equal.

use crc_fast::{CrcAlgorithm, Digest};

/// The running checksum of a stream.
#[derive(Clone, Debug)]
pub struct StreamCrc(Digest);

impl StreamCrc {
    pub fn new() -> StreamCrc {
        StreamCrc(Digest::new(CrcAlgorithm::Crc64Redis))
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum of all bytes so far.
    pub fn value(&self) -> u64 {
        self.0.finalize()
    }
}

impl Default for StreamCrc {
    fn default() -> StreamCrc {
        StreamCrc::new()
    }
}

/// The checksum of a small payload.
pub fn of_payload(bytes: &[u8]) -> u64 {
    crc64::crc64(0, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_value() {
        assert_eq!(of_payload(b"123456789"), 0xe9c6d914c4b8d9ca);
    }

    #[test]
    fn both_implementations_agree_however_the_stream_is_cut() {
        let bytes: Vec<u8> = (0..5000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for len in [0, 1, 7, 8, 15, 16, 63, 64, 65, 127, 128, 255, 256, 1023, 4096, 5000] {
            for cut in [0, 1, len / 3, len / 2, len] {
                let cut = cut.min(len);
                let mut crc = StreamCrc::new();
                crc.update(&bytes[..cut]);
                crc.update(&bytes[cut..len]);
                assert_eq!(crc.value(), of_payload(&bytes[..len]), "length {len}, cut at {cut}");
            }
        }
    }
}
