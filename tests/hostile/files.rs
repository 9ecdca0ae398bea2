//! Corrupt RDB files and DUMP payloads: refused with a reason, and what was there stays.

use std::fs;

use super::support::client::{Client, Reply};
use super::support::server::{Launch, Server};
use super::witness::Witness;

/// A payload ends with a version of two bytes and a checksum of eight.
const CHECKSUM_BYTES: usize = 8;
/// Start-ups cost a process each: so many places of a file are tried.
const PLACES: usize = 12;

/// A small file of all that a file can hold so far.
fn saved() -> (Server, Vec<u8>) {
    let server = Launch::tandem().start();
    let mut client = server.client();
    client.call("SET plain value");
    client.call("SET number 70000");
    client.call(&format!("SET compressible {}", "tandem".repeat(50)));
    client.call("SET volatile soon EX 5000");
    client.call("SELECT 7");
    client.call("SET other 1");
    client.call("SAVE");
    let bytes = fs::read(server.path("dump.rdb")).expect("SAVE has written it");
    (server, bytes)
}

/// Cut short, or with one byte changed: every file here is corrupt.
fn spoilt(bytes: &[u8], places: usize) -> Vec<Vec<u8>> {
    let at = |place: usize| place * (bytes.len() - 1) / (places - 1);
    let cut = (0..places).map(|place| bytes[..at(place)].to_vec());
    let flipped = (0..places).map(|place| {
        let mut bytes = bytes.to_vec();
        bytes[at(place)] ^= 0x55;
        bytes
    });
    cut.chain(flipped).collect()
}

#[test]
fn a_server_does_not_start_from_a_corrupt_file_and_leaves_it_as_it_was() {
    let (mut server, good) = saved();
    server.stop();
    let path = server.path("dump.rdb");
    for bad in spoilt(&good, PLACES) {
        fs::write(&path, &bad).expect("a file");
        let logged = server.log().len();
        let code = server.refused_start();
        let log = server.log()[logged..].to_owned();
        assert_eq!(code, Some(1), "{} bytes: {log}", bad.len());
        assert!(log.contains("Fatal error loading the DB"), "{log}");
        assert!(!log.contains("panicked") && !log.contains("Ready to accept"), "{log}");
        assert!(fs::read(&path).expect("it is there") == bad, "the file was touched");
    }
    fs::write(&path, &good).expect("a file");
    server.start_again();
    assert_eq!(server.client().call("DBSIZE").to_string(), "4");
}

#[test]
fn debug_reload_of_a_corrupt_file_keeps_the_data() {
    let (server, good) = saved();
    let mut witness = Witness::of(&server);
    let mut client = server.client();
    for bad in spoilt(&good, 60) {
        fs::write(server.path("dump.rdb"), &bad).expect("a file");
        let reply = client.request(&["DEBUG", "RELOAD", "NOSAVE"]).expect("an answer");
        assert!(reply.is_error(), "{} bytes: {reply}", bad.len());
        witness.check("a corrupt file");
    }
    drop(client);
    witness.check_end(&server, "corrupt files");
}

fn dumped(client: &mut Client, key: &str) -> Vec<u8> {
    match client.request(&["DUMP", key]).expect("an answer") {
        Reply::Bulk(bytes) => bytes,
        other => panic!("DUMP answers {other}"),
    }
}

#[test]
fn restore_of_a_payload_with_a_wrong_byte_or_too_few_changes_nothing() {
    let (server, _) = saved();
    let mut witness = Witness::of(&server);
    let mut client = server.client();
    for key in ["plain", "number", "compressible"] {
        let good = dumped(&mut client, key);
        let cut = (0..good.len()).map(|length| good[..length].to_vec());
        let flips = (0..good.len()).flat_map(|at| (0..8).map(move |bit| (at, bit)));
        let flipped = flips.map(|(at, bit)| {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << bit;
            bytes
        });
        for bad in cut.chain(flipped).chain([[&good[..], b"x"].concat()]) {
            for request in [&[&b"RESTORE"[..], b"new", b"0", &bad][..], &[b"RESTORE", b"key:1", b"0", &bad, b"REPLACE"]]
            {
                let reply = client.request(request).expect("an answer").to_string();
                assert_eq!(reply, "ERR DUMP payload version or checksum are wrong", "{}", bad.escape_ascii());
            }
        }
        witness.check(key);
    }
    drop(client);
    witness.check_end(&server, "bad payloads");
}

/// With a right checksum any byte is taken for what it says: an error, or a value that can be read and removed.
#[test]
fn restore_of_forged_payloads_is_an_error_or_a_value() {
    let (server, _) = saved();
    let mut witness = Witness::of(&server);
    let mut client = server.client();
    let (mut values, mut errors) = (0, 0);
    for key in ["plain", "number", "compressible"] {
        let good = dumped(&mut client, key);
        let body = &good[..good.len() - CHECKSUM_BYTES];
        let changes =
            (0..body.len()).flat_map(|at| [0, 1, 0x3f, 0x7f, 0x80, 0x81, 0xc0, 0xc3, 0xff].map(|byte| (at, byte)));
        for (at, byte) in changes {
            let mut bad = body.to_vec();
            bad[at] = byte;
            let checksum = crc64::crc64(0, &bad).to_le_bytes();
            bad.extend_from_slice(&checksum);
            let reply = client.request(&[b"RESTORE", &b"new"[..], b"0", &bad]).expect("an answer");
            if reply.is_error() {
                errors += 1;
                continue;
            }
            values += 1;
            client.request(&["DUMP", "new"]).expect("a value");
            assert_eq!(client.call("DEL new").to_string(), "1");
        }
        witness.check(key);
    }
    assert!(values > 0 && errors > 0, "{values} values, {errors} errors");
    drop(client);
    witness.check_end(&server, "forged payloads");
}
