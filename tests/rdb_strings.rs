//! RDB of strings, without a Redis: what the writer writes comes back, saves are atomic, hostile payloads are errors.

use std::path::Path;

use proptest::prelude::*;
use tandem::keyspace::{KeyHasher, Keyspace, NewValue, Strings};
use tandem::persistence::disk::{Disk, MemoryDisk};
use tandem::persistence::rdb::{
    AccessInfo, FreshAccess, Item, LoadOptions, Loaded, Preamble, RdbValue, Reader, ReplicationInfo, RestoreError,
    WriterOptions, dump_payload, load_into, restore_payload, save, verify, write_snapshot,
};

const OPTIONS: WriterOptions = WriterOptions { compression: true, checksum: true, access: AccessInfo::Omit };
const LOAD: LoadOptions = LoadOptions {
    drops_expired: false,
    skips_module_aux: false,
    access: FreshAccess::Lru { clock_s: 1000 },
    limits: tandem::config::CollectionLimits::DEFAULT,
};
const REPLID: &str = "0123456789abcdef0123456789abcdef01234567";

fn preamble() -> Preamble<'static> {
    Preamble {
        redis_version: "7.4.0",
        created_s: 1_700_000_000,
        used_memory_bytes: 1 << 20,
        replication: Some(ReplicationInfo { stream_db: 3, replid: REPLID, offset: 12345 }),
        is_aof_base: false,
    }
}

fn keyspace() -> Keyspace {
    Keyspace::new(16, KeyHasher::new((1, 2)))
}

fn set(keyspace: &mut Keyspace, db: usize, key: &[u8], value: &[u8], expire_at: Option<i64>) {
    let key = keyspace.hasher().key(key);
    keyspace.db_mut(db).insert(key, NewValue::String(value), expire_at, 990);
}

fn written(keyspace: &mut Keyspace, options: WriterOptions) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_snapshot(keyspace.snapshot(), &preamble(), &[b"#!lua name=lib\nreturn 1"], options, &mut bytes).unwrap();
    bytes
}

/// (db, key, value, expiry) of all keys, sorted.
fn contents(keyspace: &mut Keyspace) -> Vec<(usize, Vec<u8>, Vec<u8>, Option<i64>)> {
    let mut walker = keyspace.snapshot().walk();
    let mut all = Vec::new();
    while let Some(entry) = walker.next() {
        let tandem::keyspace::Value::String(string) = entry.value else { panic!("strings only") };
        all.push((entry.db, entry.key.to_vec(), string.to_cow().into_owned(), entry.expire_at));
    }
    all.sort();
    all
}

fn loaded(bytes: &[u8], now: i64, options: LoadOptions) -> Result<(Keyspace, Loaded), String> {
    let mut keyspace = keyspace();
    let mut reader = Reader::new(bytes, true).map_err(|error| error.to_string())?;
    let loaded = load_into(&mut reader, &mut keyspace, now, options).map_err(|error| error.to_string())?;
    Ok((keyspace, loaded))
}

fn sample() -> Keyspace {
    let mut keyspace = keyspace();
    let long: Vec<u8> = (0..100_000u32).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect();
    set(&mut keyspace, 0, b"", b"", None);
    set(&mut keyspace, 0, b"int8", b"-5", None);
    set(&mut keyspace, 0, b"int16", b"3000", None);
    set(&mut keyspace, 0, b"int32", b"-2147483648", None);
    set(&mut keyspace, 0, b"int64", b"2147483648", None);
    set(&mut keyspace, 0, b"12345", b"007", None);
    set(&mut keyspace, 3, b"lzf", &b"hello world ".repeat(100), Some(2_000_000));
    set(&mut keyspace, 3, b"past", b"gone", Some(500));
    set(&mut keyspace, 15, b"long", &long, Some(i64::MAX));
    set(&mut keyspace, 15, &b"long key ".repeat(50), &[0, 255, 10, 13], None);
    keyspace
}

#[test]
fn what_is_written_is_read() {
    let mut before = sample();
    for compression in [true, false] {
        let bytes = written(&mut before, WriterOptions { compression, ..OPTIONS });
        let (mut after, loaded) = loaded(&bytes, 1_000_000, LOAD).unwrap();
        assert_eq!(contents(&mut after), contents(&mut before));
        assert_eq!((loaded.keys_loaded, loaded.keys_expired), (10, 0));
        assert_eq!(loaded.functions, [b"#!lua name=lib\nreturn 1"]);
    }
}

#[test]
fn the_lowest_version_that_carries_the_data_is_written() {
    let mut before = keyspace();
    let limits = tandem::config::CollectionLimits::DEFAULT;
    let pairs = |count: usize| (0..count).map(|n| format!("text:{n}")).collect::<Strings>();
    let put = |keyspace: &mut Keyspace, key: &[u8], fields: usize, expiries: &[i64]| {
        let key = keyspace.hasher().key(key);
        keyspace.db_mut(0).insert(key, NewValue::Hash(&pairs(2 * fields), expiries, &limits), None, 0);
    };
    put(&mut before, b"lives", 3, &[]);
    assert!(written(&mut before, OPTIONS).starts_with(b"REDIS0010"));
    put(&mut before, b"small", 3, &[7000, 0, 5000]);
    put(&mut before, b"large", 1000, &[0, 9000, 4000]);
    let bytes = written(&mut before, OPTIONS);
    assert!(bytes.starts_with(b"REDIS0012"));
    let (after, _) = loaded(&bytes, 0, LOAD).unwrap();
    assert_eq!(after.db(0).expiring_hashes(), 2);
    for (name, expiries) in [(b"small", [Some(7000), None, Some(5000)]), (b"large", [None, Some(9000), Some(4000)])] {
        let entry = after.db(0).get(after.hasher().key(name)).expect("the key");
        let tandem::keyspace::Value::Hash(hash) = entry.value() else { panic!("a hash") };
        for (index, expire_at) in expiries.into_iter().enumerate() {
            let field = hash.field(format!("text:{}", 2 * index).as_bytes()).expect("the field");
            assert_eq!((&field.value[..], field.expire_at), (format!("text:{}", 2 * index + 1).as_bytes(), expire_at));
        }
    }
}

#[test]
fn aux_fields_carry_the_position() {
    let (_, loaded) = loaded(&written(&mut sample(), OPTIONS), 0, LOAD).unwrap();
    assert_eq!(loaded.aux.redis_version.as_deref(), Some("7.4.0"));
    assert_eq!(loaded.aux.created_s, Some(1_700_000_000));
    assert_eq!(loaded.aux.used_memory_bytes, Some(1 << 20));
    assert_eq!(loaded.aux.repl_stream_db, Some(3));
    assert_eq!(loaded.aux.repl_id.as_deref(), Some(REPLID));
    assert_eq!(loaded.aux.repl_offset, Some(12345));
}

#[test]
fn a_master_drops_what_has_expired_and_lists_it() {
    let bytes = written(&mut sample(), OPTIONS);
    let (after, loaded) = loaded(&bytes, 1_000_000, LoadOptions { drops_expired: true, ..LOAD }).unwrap();
    assert_eq!((loaded.keys_loaded, loaded.keys_expired, after.len()), (9, 1, 9));
    assert_eq!(loaded.expired, [(3, b"past".to_vec())]);
}

#[test]
fn access_clocks_survive_as_the_policy_says() {
    let mut before = keyspace();
    set(&mut before, 0, b"k", b"v", None);
    let access = |bytes: &[u8], access| {
        let (after, _) = loaded(bytes, 0, LoadOptions { access, ..LOAD }).unwrap();
        after.db(0).get(after.hasher().key(b"k")).unwrap().access()
    };
    // Touched at 990, so idle for 10 seconds at 1000.
    let lru = written(&mut before, WriterOptions { access: AccessInfo::Lru { clock_s: 1000 }, ..OPTIONS });
    assert_eq!(access(&lru, FreshAccess::Lru { clock_s: 5000 }), 4990);
    assert_eq!(access(&lru, FreshAccess::Lru { clock_s: 4 }), (1 << 24) - 6);
    // 990 as LFU bits: minute 3, counter 222.
    let lfu = written(&mut before, WriterOptions { access: AccessInfo::Lfu { clock_min: 7, decay_min: 2 }, ..OPTIONS });
    assert_eq!(access(&lfu, FreshAccess::Lfu { clock_min: 9 }), 9 << 8 | 220);
    let never =
        written(&mut before, WriterOptions { access: AccessInfo::Lfu { clock_min: 7, decay_min: 0 }, ..OPTIONS });
    assert_eq!(access(&never, FreshAccess::Lfu { clock_min: 9 }), 9 << 8 | 222);
    let plain = written(&mut before, OPTIONS);
    assert_eq!(access(&plain, FreshAccess::Lfu { clock_min: 9 }), 9 << 8 | 5);
    assert_eq!(access(&plain, FreshAccess::Lru { clock_s: 77 }), 77);
}

#[test]
fn reading_stops_at_the_end_of_the_payload() {
    let bytes = [&written(&mut sample(), OPTIONS)[..], b"*1\r\n$4\r\nPING\r\n"].concat();
    let mut reader = Reader::new(&bytes[..], true).unwrap();
    verify(&mut reader, 16, 0, LOAD).unwrap();
    let end = reader.offset() as usize;
    let (buffered, source) = reader.into_rest();
    assert_eq!([&buffered[..], source].concat(), b"*1\r\n$4\r\nPING\r\n");
    assert_eq!(end, bytes.len() - 14);
}

#[test]
fn a_payload_cut_anywhere_is_an_error() {
    let bytes = written(&mut sample(), OPTIONS);
    for len in (0..bytes.len()).filter(|len| *len < 3000 || *len > bytes.len() - 300 || len % 97 == 0) {
        let error = loaded(&bytes[..len], 0, LOAD).map(drop).unwrap_err();
        assert!(error.starts_with("unexpected end of the payload at byte"), "cut at {len}: {error}");
    }
}

#[test]
fn every_changed_byte_is_noticed() {
    let mut small = keyspace();
    set(&mut small, 0, b"key", b"value", Some(1 << 40));
    set(&mut small, 2, b"n", b"77", None);
    set(&mut small, 2, b"lzf", &b"abcd".repeat(20), None);
    let bytes = written(&mut small, OPTIONS);
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut bad = bytes.clone();
            bad[at] ^= 1 << bit;
            if let Ok((mut after, _)) = loaded(&bad, 0, LOAD) {
                // Version 10 may become another that is known; the CRC covers all but itself.
                panic!("byte {at}, bit {bit}: loaded as {:?}", contents(&mut after));
            }
        }
    }
}

#[test]
fn the_checksum_can_be_left_out_and_ignored() {
    let plain = written(&mut sample(), WriterOptions { checksum: false, ..OPTIONS });
    assert_eq!(plain[plain.len() - 8..], [0; 8]);
    assert!(loaded(&plain, 0, LOAD).is_ok());

    let mut wrong = written(&mut sample(), OPTIONS);
    *wrong.last_mut().unwrap() ^= 1;
    let error = loaded(&wrong, 0, LOAD).map(drop).unwrap_err();
    assert!(error.starts_with("RDB CRC error"), "{error}");
    let mut reader = Reader::new(&wrong[..], false).unwrap();
    assert!(verify(&mut reader, 16, 0, LOAD).is_ok());
}

#[test]
fn signatures_and_versions() {
    let error = |bytes: &[u8]| loaded(bytes, 0, LOAD).map(drop).unwrap_err();
    assert_eq!(error(b"RIDES0010"), "wrong signature at byte 9");
    assert_eq!(error(b"REDIS0013"), "can't handle RDB format version 13 at byte 9");
    assert_eq!(error(b"REDIS0000"), "can't handle RDB format version 0 at byte 9");
    assert_eq!(error(b"VALKEY081"), "can't handle RDB format version 81 at byte 9");
    assert!(loaded(b"REDIS0004\xff", 0, LOAD).is_ok(), "no checksum before version 5");
}

#[test]
fn what_this_server_cannot_take_is_refused_with_its_name() {
    let payload = |body: &[u8]| [b"REDIS0009", body, &[0xff, 0, 0, 0, 0, 0, 0, 0, 0]].concat();
    let error = |body: &[u8]| {
        let error = loaded(&payload(body), 0, LOAD).map(drop).unwrap_err();
        let bytes = payload(body);
        let mut reader = Reader::new(&bytes[..], true).unwrap();
        assert!(verify(&mut reader, 16, 0, LOAD).is_err() || error.starts_with("RDB has duplicated"), "{error}");
        error
    };
    assert_eq!(
        error(b"\xfe\x10\x00\x01k\x01v"),
        "the payload has database 16, this server is configured for 16 databases"
    );
    assert_eq!(error(b"\x00\x01k\x01v\x00\x01k\x01w"), "RDB has duplicated key 'k' in DB 0");
    assert_eq!(error(b"\x64"), "unknown type or opcode 100 at byte 10");
    assert_eq!(
        error(b"\x06\x01m\x81\0\0\0\0\0\0\0\x01"),
        "the value of module type 'AAAAAAAAA' can be read by its module only at byte 21, in key 'm' of type 6"
    );
    assert_eq!(
        error(b"\x07\x01m\x81\0\0\0\0\0\0\0\x01\x02\x05\x05\x01x\0"),
        "key 'm' in DB 0 is of module type 'AAAAAAAAA', and there is no such module"
    );
    assert_eq!(
        error(b"\xf7\x01\x02\x02\0"),
        "the payload contains AUX data of module 'AAAAAAAAA', and there is no such module"
    );
    assert_eq!(error(b"\xf9\x01\xfe\x00"), "expiry, idle time or frequency without a key at byte 12");
}

#[test]
fn dump_payloads_round_trip() {
    let mut keyspace = sample();
    for (db, key, value, _) in contents(&mut keyspace) {
        let stored = keyspace.db(db).get(keyspace.hasher().key(&key)).unwrap();
        let payload = dump_payload(&stored.value(), true);
        let restored = restore_payload(&payload, |value| match value {
            RdbValue::String(bytes) => bytes.to_vec(),
            other => panic!("{other:?}"),
        });
        assert_eq!(restored.unwrap(), value);
    }
}

#[test]
fn dump_payload_as_redis_makes_it() {
    let mut keyspace = keyspace();
    set(&mut keyspace, 0, b"k", b"10", None);
    let payload = dump_payload(&keyspace.db(0).get(keyspace.hasher().key(b"k")).unwrap().value(), true);
    // DUMP of the string 10 by redis-server 7.0.15.
    assert_eq!(payload, b"\x00\xc0\n\n\x00n\x9fWE\x0e\xaec\xbb");
}

#[test]
fn bad_dump_payloads_are_refused() {
    let sealed = |body: &[u8], version: u16| {
        let body = [body, &version.to_le_bytes()].concat();
        let crc = tandem::persistence::rdb::crc::of_payload(&body);
        [&body[..], &crc.to_le_bytes()].concat()
    };
    let restore = |payload: &[u8]| restore_payload(payload, |value| value.type_name());
    assert_eq!(restore(&sealed(b"\x00\x01a", 12)).unwrap(), "string");
    assert_eq!(restore(&sealed(b"\x00\x01a", 6)).unwrap(), "string");
    for footer in [sealed(b"\x00\x01a", 13), b"".to_vec(), vec![0; 9], vec![1; 30]] {
        assert!(matches!(restore(&footer), Err(RestoreError::Footer)), "{footer:?}");
    }
    for body in [&b""[..], b"\x00", b"\x00\x02a", b"\xfe\x00", b"\x08", b"\x02\x00", b"\x06\x01"] {
        let error = restore(&sealed(body, 10)).unwrap_err();
        assert_eq!(error.to_string(), "Bad data format", "{body:?}");
    }
}

#[test]
fn a_save_leaves_the_old_file_or_the_new_one() {
    let new = written(&mut sample(), OPTIONS);
    let name = Path::new("dump.rdb");
    let store = |disk: &MemoryDisk, bytes: &[u8]| save(disk, name, 42, true, |sink| sink.write_all(bytes));
    let read = |disk: &MemoryDisk| {
        let mut bytes = Vec::new();
        disk.read(name).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    };
    for calls in 0.. {
        let disk = MemoryDisk::default();
        store(&disk, b"old").unwrap();
        disk.fail_after(calls);
        let saved = store(&disk, &new);
        let survived = read(&disk.after_power_loss());
        match saved {
            Ok(()) => {
                assert_eq!((read(&disk), survived), (new.clone(), new));
                assert_eq!(disk.list(Path::new("")).unwrap(), [name]);
                assert!(calls >= 5, "create, append, sync, rename, sync of the folder");
                return;
            }
            Err(_) => assert!(survived == b"old" || survived == new, "after {calls} calls: {} bytes", survived.len()),
        }
    }
}

#[test]
fn a_failed_save_removes_its_temporary_file() {
    let disk = MemoryDisk::default();
    let failed: std::io::Result<()> =
        save(&disk, Path::new("dump.rdb"), 42, true, |_| Err(std::io::Error::other("no snapshot")));
    assert_eq!(failed.unwrap_err().to_string(), "no snapshot");
    assert!(disk.list(Path::new("")).unwrap().is_empty());
}

proptest! {
    #[test]
    fn any_keyspace_round_trips(
        keys in prop::collection::vec(
            (0usize..16, prop::collection::vec(any::<u8>(), 0..40), prop::collection::vec(0u8..6, 0..300), any::<Option<i64>>()),
            0..40,
        ),
        compression: bool,
    ) {
        let mut before = keyspace();
        for (db, key, value, expire_at) in &keys {
            set(&mut before, *db, key, value, expire_at.filter(|at| *at != -1));
        }
        let bytes = written(&mut before, WriterOptions { compression, ..OPTIONS });
        let (mut after, _) = loaded(&bytes, 0, LOAD).unwrap();
        prop_assert_eq!(contents(&mut after), contents(&mut before));
    }

    #[test]
    fn garbage_behind_a_signature_never_panics(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let bytes = [b"REDIS0012", &body[..]].concat();
        let mut reader = Reader::new(&bytes[..], true).unwrap();
        while let Ok(Some(item)) = reader.next() {
            if let Item::Entry(entry) = item {
                prop_assert!(entry.key.len() <= 300 * 88);
            }
        }
    }
}
