//! Commands on keys of any type, and on whole databases.

use crate::harness::{Harness, START_MS};

#[test]
fn keys_are_deleted_and_counted() {
    let mut server = Harness::new();
    server.check("MSET a 1 b 2 c 3", "+OK");
    server.check("EXISTS a a missing", ":2");
    server.check("TOUCH a b missing", ":2");
    server.check("TYPE a", "+string");
    server.check("TYPE missing", "+none");
    server.check_stream("DEL a missing", ":1", "DEL a missing");
    server.check_stream("DEL a", ":0", "");
    server.check_stream("UNLINK b c", ":2", "UNLINK b c");
    server.check("DBSIZE", ":0");
}

#[test]
fn expire_is_propagated_as_a_point_in_time() {
    let mut server = Harness::new();
    server.check("SET k v", "+OK");
    server.check_stream("EXPIRE k 100", ":1", &format!("PEXPIREAT k {}", START_MS + 100_000));
    server.check_stream("PEXPIRE k 200 xx", ":1", &format!("PEXPIREAT k {} xx", START_MS + 200));
    server.check_stream("EXPIREAT k 1800000000", ":1", "PEXPIREAT k 1800000000000");
    server.check_stream("pexpireat k 1800000000001", ":1", "PEXPIREAT k 1800000000001");
    server.check("PEXPIRETIME k", ":1800000000001");
    server.check("EXPIRETIME k", ":1800000000");
    server.check_stream("PERSIST k", ":1", "PERSIST k");
    server.check_stream("PERSIST k", ":0", "");
    server.check_stream("EXPIRE missing 10", ":0", "");
    server.check_stream("EXPIRE k -1", ":1", "DEL k");
    server.check("EXISTS k", ":0");
}

#[test]
fn expire_conditions() {
    let mut server = Harness::new();
    server.check("SET k v", "+OK");
    for (line, expected) in [
        ("EXPIRE k 100 XX", ":0"),
        ("EXPIRE k 100 GT", ":0"),
        ("EXPIRE k 100 NX", ":1"),
        ("EXPIRE k 200 NX", ":0"),
        ("EXPIRE k 50 GT", ":0"),
        ("EXPIRE k 200 GT", ":1"),
        ("EXPIRE k 300 LT", ":0"),
        ("EXPIRE k 100 LT XX", ":1"),
        ("TTL k", ":100"),
        ("PERSIST k", ":1"),
        ("EXPIRE k 100 LT", ":1"),
        ("EXPIRE k 100 FOO", "-ERR Unsupported option FOO"),
        ("EXPIRE k 100 NX XX", "-ERR NX and XX, GT or LT options at the same time are not compatible"),
        ("EXPIRE k 100 GT LT", "-ERR GT and LT options at the same time are not compatible"),
        ("EXPIRE k 9223372036854775807", "-ERR invalid expire time in 'expire' command"),
        ("PEXPIRE k 9223372036854775807", "-ERR invalid expire time in 'pexpire' command"),
        ("EXPIRE k x", "-ERR value is not an integer or out of range"),
    ] {
        server.check(line, expected);
    }
}

#[test]
fn time_to_live_is_rounded() {
    let mut server = Harness::new();
    server.check("SET k v PX 1500", "+OK");
    server.check("TTL k", ":2");
    server.check("PTTL k", ":1500");
    server.advance_ms(1);
    server.check("TTL k", ":1");
    server.check("TTL missing", ":-2");
    server.check("SET forever v", "+OK");
    server.check("PTTL forever", ":-1");
}

#[test]
fn keys_and_scan_see_what_is_alive() {
    let mut server = Harness::new();
    server.check("MSET key:1 a key:2 b other c", "+OK");
    server.check("SET key:3 d PX 10", "+OK");
    server.advance_ms(11);
    let mut found: Vec<String> = server.send("KEYS key:*").items().iter().map(ToString::to_string).collect();
    found.sort();
    assert_eq!(found, ["\"key:1\"", "\"key:2\""]);
    assert_eq!(server.send("KEYS *").items().len(), 3);
    server.check("KEYS nothing*", "[]");
    let reply = server.send("SCAN 0 COUNT 100 MATCH key:*");
    assert_eq!(reply.items()[0].to_string(), "\"0\"");
    assert_eq!(reply.items()[1].items().len(), 2);
    server.check("DBSIZE", ":3");
    server.check("SCAN 0 TYPE list COUNT 100", "[\"0\", []]");
    server.check("SCAN 0 COUNT 0", "-ERR syntax error");
    server.check("SCAN 0 COUNT", "-ERR syntax error");
    server.check("SCAN x", "-ERR invalid cursor");
    server.check("SCAN 0 COUNT x", "-ERR value is not an integer or out of range");
}

#[test]
fn a_scan_in_small_steps_finds_every_key() {
    let mut server = Harness::new();
    for index in 0..300 {
        server.check(&format!("SET key:{index} v"), "+OK");
    }
    let (mut cursor, mut found) = ("0".to_owned(), std::collections::BTreeSet::new());
    for _ in 0..400 {
        let reply = server.send(&format!("SCAN {cursor} COUNT 7"));
        found.extend(reply.items()[1].items().iter().map(|key| key.bytes().to_vec()));
        cursor = String::from_utf8(reply.items()[0].bytes().to_vec()).unwrap();
        if cursor == "0" {
            break;
        }
    }
    assert_eq!((cursor.as_str(), found.len()), ("0", 300));
}

#[test]
fn randomkey_skips_and_deletes_what_has_expired() {
    let mut server = Harness::new();
    server.check("RANDOMKEY", "nil");
    server.check("SET gone v PX 10", "+OK");
    server.check("SET here v", "+OK");
    server.advance_ms(11);
    for _ in 0..20 {
        server.check("RANDOMKEY", "\"here\"");
    }
    server.check("DBSIZE", ":1");
}

#[test]
fn rename_takes_the_expiry_along() {
    let mut server = Harness::new();
    server.check("SET a 1 EX 100", "+OK");
    server.check("SET b 2", "+OK");
    server.check_stream("RENAME a b", "+OK", "RENAME a b");
    assert_eq!(server.dirty(), 3);
    server.check("TTL b", ":100");
    server.check_stream("RENAME b b", "+OK", "");
    server.check("RENAME missing c", "-ERR no such key");
    server.check("RENAMENX missing c", "-ERR no such key");
    server.check("SET c 3", "+OK");
    server.check_stream("RENAMENX b c", ":0", "");
    server.check_stream("RENAMENX b d", ":1", "RENAMENX b d");
    server.check("RENAMENX d d", ":0");
}

#[test]
fn copies_share_nothing() {
    let mut server = Harness::new();
    server.check("SET a hello EX 100", "+OK");
    server.check_stream("COPY a b", ":1", "COPY a b");
    server.check("TTL b", ":100");
    server.check("APPEND b x", ":6");
    server.check("GET a", "\"hello\"");
    server.check_stream("COPY a b", ":0", "");
    server.check("COPY a b REPLACE", ":1");
    server.check("GET b", "\"hello\"");
    server.check("COPY a a", "-ERR source and destination objects are the same");
    server.check("COPY missing b", ":0");
    server.check("COPY a b DB 16", "-ERR DB index is out of range");
    server.check("COPY a b DB", "-ERR syntax error");
    server.check("COPY a a DB 1", ":1");
    server.check("MOVE a 1", ":0");
    server.check("MOVE a 0", "-ERR source and destination objects are the same");
    server.check("MOVE a 99", "-ERR DB index is out of range");
    server.check("MOVE missing 1", ":0");
    server.check_stream("MOVE b 1", ":1", "MOVE b 1");
    server.check("EXISTS b", ":0");
}

#[test]
fn databases_are_flushed_and_swapped() {
    let mut server = Harness::new();
    server.check("MSET a 1 b 2", "+OK");
    server.check("COPY a x DB 1", ":1");
    server.check_stream("SWAPDB 0 1", "+OK", "SWAPDB 0 1");
    server.check("KEYS *", "[\"x\"]");
    server.check_stream("FLUSHDB", "+OK", "FLUSHDB");
    server.check_stream("FLUSHDB ASYNC", "+OK", "FLUSHDB ASYNC");
    server.check("SWAPDB 0 1", "+OK");
    server.check("DBSIZE", ":2");
    server.check("CONFIG SET save \"\"", "+OK");
    server.check_stream("FLUSHALL SYNC", "+OK", "FLUSHALL SYNC");
    server.check("DBSIZE", ":0");
    server.check("FLUSHALL FOO", "-ERR syntax error");
    server.check("SWAPDB x 1", "-ERR invalid first DB index");
    server.check("SWAPDB 0 x", "-ERR invalid second DB index");
    server.check("SWAPDB 0 99", "-ERR DB index is out of range");
}

#[test]
fn object_looks_at_values() {
    let mut server = Harness::new();
    server.check("SET n 12345", "+OK");
    server.check("SET s short", "+OK");
    server.check(&format!("SET l {}", "x".repeat(45)), "+OK");
    server.check("OBJECT ENCODING n", "\"int\"");
    server.check("OBJECT ENCODING s", "\"embstr\"");
    server.check("OBJECT ENCODING l", "\"raw\"");
    server.check("APPEND s x", ":6");
    server.check("OBJECT ENCODING s", "\"raw\"");
    server.check("OBJECT ENCODING missing", "nil");
    server.check("OBJECT REFCOUNT n", ":1");
    server.check("SET shared 9999", "+OK");
    server.check("OBJECT REFCOUNT shared", ":2147483647");
    server.check("SET negative -999", "+OK");
    server.check("OBJECT REFCOUNT negative", ":1");
    server.check("OBJECT IDLETIME n", ":0");
    server.check("OBJECT FOO n", "-ERR unknown subcommand 'FOO'. Try OBJECT HELP.");
    server.check("OBJECT", "-ERR wrong number of arguments for 'object' command");
    server.check("OBJECT ENCODING", "-ERR wrong number of arguments for 'object|encoding' command");
}

#[test]
fn dumped_values_are_restored() {
    let mut server = Harness::new();
    server.check("SET k hello", "+OK");
    let payload = server.send("DUMP k").bytes().to_vec();
    server.check("DUMP missing", "nil");
    let restored = server.request(&[b"RESTORE", b"copy", b"0", &payload]);
    assert_eq!(restored.to_string(), "+OK");
    server.check("GET copy", "\"hello\"");
    let taken = server.request(&[b"RESTORE", b"copy", b"0", &payload]);
    assert_eq!(taken.to_string(), "-BUSYKEY Target key name already exists.");
    assert_eq!(server.request(&[b"RESTORE", b"copy", b"5000", &payload, b"REPLACE"]).to_string(), "+OK");
    server.check("PTTL copy", ":5000");
    assert_eq!(server.request(&[b"RESTORE", b"copy", b"1", &payload, b"REPLACE", b"ABSTTL"]).to_string(), "+OK");
    server.check("EXISTS copy", ":0");
    let mut broken = payload.clone();
    broken[1] ^= 1;
    let refused = server.request(&[b"RESTORE", b"other", b"0", &broken]);
    assert_eq!(refused.to_string(), "-ERR DUMP payload version or checksum are wrong");
    let negative = server.request(&[b"RESTORE", b"other", b"-1", &payload]);
    assert_eq!(negative.to_string(), "-ERR Invalid TTL value, must be >= 0");
}

#[test]
fn keys_that_nobody_asks_for_expire_with_time() {
    let mut server = Harness::new();
    server.check("SET k v PX 10", "+OK");
    server.check("SET later v PX 1000", "+OK");
    let before = server.engine.node.offset();
    server.advance_ms(11);
    server.tick();
    assert_eq!(server.stream_since(before), "DEL k");
    server.check("DBSIZE", ":1");
}

/// A follower takes the stream as it is: to it the key is there until it is deleted.
#[test]
fn what_a_write_met_as_expired_is_deleted_before_it_in_the_stream() {
    let mut h = Harness::new();
    h.check("SADD s a", ":1");
    h.check("PEXPIRE s 10", ":1");
    h.check("SADD r b", ":1");
    h.advance_ms(20);
    h.check_stream("SUNIONSTORE d r s", ":1", "MULTI; DEL s; SUNIONSTORE d r s; EXEC");
    h.check("SET t abc PX 10", "+OK");
    h.advance_ms(20);
    h.check("MULTI", "+OK");
    h.check("GET t", "+QUEUED");
    h.check("SWAPDB 0 1", "+QUEUED");
    h.check_stream("EXEC", "[nil, +OK]", "MULTI; DEL t; SWAPDB 0 1; EXEC");
}
