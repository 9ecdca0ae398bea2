//! A payload of all types, cut at every byte, changed in every bit, and with absurd lengths: always an error, never a
//! panic, never more memory than the input warrants.

mod rdb_fixture;

use proptest::prelude::*;
use rdb_fixture::all_types::all_types;
use rdb_fixture::{read, read_with, sealed};

#[test]
fn cut_at_every_byte() {
    let bytes = all_types().0.finished();
    for len in 0..bytes.len() {
        let error = read(&bytes[..len]).unwrap_err();
        assert!(error.is_truncated(), "cut at {len}: {error}");
        assert!(error.offset <= len as u64);
    }
}

#[test]
fn every_bit_changed() {
    let bytes = all_types().0.finished();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut bad = bytes.clone();
            bad[at] ^= 1 << bit;
            assert!(read(&bad[..]).is_err(), "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn every_byte_changed_under_a_right_checksum() {
    let bytes = all_types().0.bytes;
    let mut accepted = 0;
    for at in 9..bytes.len() {
        for byte in [0, 1, 0x7f, 0x80, 0x81, 0xc0, 0xc3, 0xf0, 0xfe, 0xff, bytes[at].wrapping_add(1)] {
            let mut bad = bytes.clone();
            bad[at] = byte;
            bad.push(0xff);
            accepted += usize::from(read(&sealed(bad)[..]).is_ok());
        }
    }
    assert!(accepted > 0, "some changes only change a text");
}

#[test]
fn every_length_made_absurd() {
    let (payload, _) = all_types();
    let mut refused = 0;
    for &(at, size) in &payload.lengths {
        for length in [1u64 << 31, 1 << 46, 1 << 62, 1 << 63, u64::MAX - 1, u64::MAX] {
            let long = [&[0x81][..], &length.to_be_bytes()].concat();
            let bad = [&payload.bytes[..at], &long, &payload.bytes[at + size..], &[0xff]].concat();
            let mut zeros = bad.clone();
            zeros.extend_from_slice(&[0; 8]);
            // Free numbers (database, slot, idle time, counters) may take any value; lengths and counts may not.
            refused += usize::from(read(&zeros[..]).is_err());
        }
    }
    let free = 6 * 45;
    assert!(refused >= 6 * payload.lengths.len() - free, "{refused} of {} refused", 6 * payload.lengths.len());
}

#[test]
fn counts_beyond_the_input_end_with_the_input() {
    for (kind, head) in [
        (1u8, &b""[..]),
        (2, b""),
        (3, b""),
        (4, b""),
        (5, b""),
        (14, b""),
        (15, b""),
        (18, b""),
        (22, b""),
        (24, &[0; 8]),
    ] {
        for count in [1u64 << 40, 1 << 62, u64::MAX / 2] {
            let body = [b"REDIS0012", &[kind, 1, b'k'][..], head, &[0x81], &count.to_be_bytes()].concat();
            assert!(read(&body[..]).unwrap_err().is_truncated(), "type {kind}");
        }
    }
}

#[test]
fn unknown_types_and_opcodes() {
    for code in (0..=255u8).filter(|code| matches!(code, 8 | 26..=242)) {
        let bytes = [b"REDIS0012", &[code, 1, b'k'][..]].concat();
        assert_eq!(read(&bytes[..]).unwrap_err().to_string(), format!("unknown type or opcode {code} at byte 10"));
    }
    let error = read(&b"REDIS0012\xf3\x01k"[..]).unwrap_err();
    assert!(error.to_string().starts_with("unknown type or opcode 243"), "of Valkey only: {error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn several_bytes_changed_without_a_checksum(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = all_types().0.bytes;
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.extend_from_slice(&[0xff, 0, 0, 0, 0, 0, 0, 0, 0]);
        let _ = read_with(&bytes[..], false);
    }

    #[test]
    fn a_piece_taken_out(from: prop::sample::Index, len in 1usize..40) {
        let mut bytes = all_types().0.bytes;
        let from = from.index(bytes.len());
        let to = (from + len).min(bytes.len());
        bytes.drain(from..to);
        bytes.extend_from_slice(&[0xff, 0, 0, 0, 0, 0, 0, 0, 0]);
        let _ = read_with(&bytes[..], false);
    }
}
