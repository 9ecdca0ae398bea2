//! A payload of all types, cut at every byte, changed in every bit, and with absurd lengths: always an error, never a
//! panic, never more memory than the input warrants.

mod rdb_fixture;

use proptest::prelude::*;
use rdb_fixture::all_types::all_types;
use rdb_fixture::{Payload, read, read_with, sealed};
use tandem::config::CollectionLimits;
use tandem::keyspace::{KeyHasher, Keyspace, NewValue};
use tandem::persistence::rdb::{
    FreshAccess, LoadOptions, Reader, SortedSet, Strings, dump_payload, load_ahead, load_into, restore_payload,
};

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

/// The keys that a load leaves, and its error.
fn filled(bytes: &[u8], decodes_ahead: bool) -> (Vec<(usize, Vec<u8>)>, Option<String>) {
    let mut keyspace = Keyspace::new(16, KeyHasher::new((1, 2)));
    let options = LoadOptions {
        drops_expired: false,
        skips_module_aux: true,
        access: FreshAccess::Lru { clock_s: 1000 },
        limits: CollectionLimits::DEFAULT,
    };
    let loaded = Reader::new(bytes, true).map_err(|error| error.to_string()).and_then(|mut reader| {
        let loaded = match decodes_ahead {
            true => load_ahead(&mut reader, &mut keyspace, 0, options, &mut |_| ()),
            false => load_into(&mut reader, &mut keyspace, 0, options),
        };
        loaded.map_err(|error| error.to_string())
    });
    let mut walker = keyspace.snapshot().walk();
    let mut keys = Vec::new();
    while let Some(entry) = walker.next() {
        keys.push((entry.db, entry.key.to_vec()));
    }
    keys.sort();
    (keys, loaded.err())
}

/// Strings and lists, enough for several pieces of the thread that decodes ahead.
fn many_keys() -> Vec<u8> {
    let mut payload = Payload::new(b"REDIS0010");
    for n in 0..3000 {
        let name = format!("key:{n}");
        match n % 3 {
            0 => payload.key(1, &name).length(2).strings(&["a", &name]).end(),
            _ => payload.key(0, &name).string(name.repeat(n % 50)).end(),
        }
    }
    payload.finished()
}

#[test]
fn decoding_ahead_loads_what_one_thread_loads() {
    let bytes = many_keys();
    let (keys, error) = filled(&bytes, true);
    assert_eq!((keys.len(), error), (3000, None));
    for len in (0..bytes.len()).step_by(bytes.len() / 40) {
        assert_eq!(filled(&bytes[..len], true), filled(&bytes[..len], false), "cut at {len}");
    }
    let twice = [&bytes[..bytes.len() - 9], &bytes[9..]].concat();
    let (keys, error) = filled(&twice, true);
    assert_eq!(keys.len(), 3000);
    assert!(error.is_some_and(|error| error.starts_with("RDB has duplicated key 'key:0' in DB 0")));
}

/// A value of each type and encoding that a server writes, as DUMP answers it.
fn dumped() -> Vec<Vec<u8>> {
    let mut keyspace = Keyspace::new(1, KeyHasher::new((1, 2)));
    let mut payloads = Vec::new();
    let limits = CollectionLimits::DEFAULT;
    let strings = |count: usize, len: usize| -> Strings {
        (0..count).map(|n| format!("{n}{}", "x".repeat(len)).into_bytes()).collect::<Vec<_>>().iter().collect()
    };
    for (count, len) in [(4, 0), (4, 3), (4, 100), (300, 8)] {
        let elements = strings(count, len);
        let sorted = SortedSet { members: elements.clone(), scores: (0..count).map(|n| n as f64 / 2.0).collect() };
        let values = [
            NewValue::String(elements.at(count - 1)),
            NewValue::List(&elements, &limits),
            NewValue::Set(&elements, &limits),
            NewValue::Hash(&elements, &[], &limits),
            NewValue::SortedSet(&sorted, &limits),
        ];
        for value in values {
            let key = keyspace.hasher().key(b"key");
            keyspace.db_mut(0).remove(key);
            keyspace.db_mut(0).insert(key, value, None, 0);
            let mut walker = keyspace.snapshot().walk();
            payloads.push(dump_payload(&walker.next().expect("the key").value, true));
        }
    }
    payloads
}

/// With its footer made right again, so that nothing but the value itself can be at fault.
fn restorable(body: &[u8]) -> Result<(), String> {
    let mut payload = sealed([body, &10u16.to_le_bytes()].concat());
    let restored = restore_payload(&payload, |value| assert!(!value.is_empty_collection()));
    payload.pop();
    assert!(restore_payload(&payload, |_| ()).is_err(), "without its last byte");
    restored.map_err(|error| error.to_string())
}

#[test]
fn dump_payloads_cut_or_changed_at_every_byte() {
    for payload in dumped() {
        let body = &payload[..payload.len() - 10];
        assert_eq!(restorable(body), Ok(()));
        for at in 0..body.len() {
            assert_eq!(restorable(&body[..at]), Err("Bad data format".to_owned()), "cut at {at}");
            for byte in [0, 1, 0x7f, 0x80, 0x81, 0xc3, 0xf0, 0xff, body[at].wrapping_add(1), body[at].wrapping_sub(1)] {
                let mut changed = body.to_vec();
                changed[at] = byte;
                // It may still be a value, or it is refused in these words.
                let refused = restorable(&changed).err();
                assert!(refused.is_none_or(|error| error == "Bad data format"), "byte {at}");
            }
        }
    }
}
