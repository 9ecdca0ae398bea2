//! HyperLogLog commands.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::harness::Harness;

const NOT_A_SKETCH: &str = "-WRONGTYPE Key is not a valid HyperLogLog string value.";
const CORRUPTED: &str = "-INVALIDOBJ Corrupted HLL object detected";

#[test]
fn elements_are_added_and_counted() {
    let mut server = Harness::new();
    server.check_stream("PFADD k", ":1", "PFADD k");
    server.check_stream("PFADD k", ":0", "");
    server.check_stream("PFCOUNT k", ":0", "PFCOUNT k");
    server.check_stream("PFADD k a b c", ":1", "PFADD k a b c");
    server.check_stream("PFADD k a b c", ":0", "");
    server.check_stream("PFCOUNT k", ":3", "PFCOUNT k");
    server.check_stream("PFCOUNT k", ":3", "");
    server.check("STRLEN k", ":27");
    server.check("PFCOUNT missing", ":0");
    server.check("PFADD l c d", ":1");
    server.check_stream("PFCOUNT k l missing", ":4", "");
    server.check_stream("PFMERGE m k l", "+OK", "PFMERGE m k l");
    server.check("PFCOUNT m", ":4");
    server.check("PFMERGE empty", "+OK");
    server.check("PFCOUNT empty", ":0");
    server.check("EXPIRE k 100", ":1");
    server.check("PFADD k e", ":1");
    server.check("PFMERGE k l", "+OK");
    server.check("TTL k", ":100");
    server.check("OBJECT ENCODING k", "\"raw\"");
}

#[test]
fn changes_are_counted_as_elements_that_raised_a_register() {
    let mut server = Harness::new();
    server.check("PFADD k a b c", ":1");
    assert_eq!(server.dirty(), 4);
    server.check("PFADD k c d e", ":1");
    assert_eq!(server.dirty(), 6);
    server.check("PFCOUNT k", ":5");
    assert_eq!(server.dirty(), 7);
}

#[test]
fn what_was_counted_is_kept_until_a_register_is_raised() {
    let mut server = Harness::new();
    server.check("PFADD k a b c", ":1");
    server.check("GETBIT k 120", ":1");
    server.check("PFCOUNT k", ":3");
    server.check("GETBIT k 120", ":0");
    // The kept number is believed.
    server.check("SETRANGE k 8 *", ":27");
    server.check("PFCOUNT k", ":42");
    server.check("PFADD k d", ":1");
    server.check("PFCOUNT k", ":4");
}

#[test]
fn a_sparse_one_becomes_dense() {
    let mut server = Harness::new();
    server.check("PFADD k a", ":1");
    server.check("PFDEBUG ENCODING k", "+sparse");
    server.check("PFDEBUG DECODE k", "\"Z:12711 v:2,1 Z:3672\"");
    server.check_stream("PFDEBUG TODENSE k", ":1", "PFDEBUG TODENSE k");
    server.check_stream("PFDEBUG TODENSE k", ":0", "");
    server.check("PFDEBUG ENCODING k", "+dense");
    server.check("PFDEBUG DECODE k", "-ERR HLL encoding is not sparse");
    server.check("STRLEN k", ":12304");
    server.check("PFCOUNT k", ":1");
    server.check("PFADD k a", ":0");
    server.check("PFADD k b", ":1");
    server.check("PFCOUNT k", ":2");
    server.check("PFADD s x", ":1");
    assert_eq!(server.send("PFDEBUG GETREG s").items().len(), 16_384);
    server.check("PFDEBUG ENCODING s", "+dense");
    server.check("PFDEBUG NOSUCH k", "-ERR Unknown PFDEBUG subcommand 'NOSUCH'");
    server.check("PFDEBUG ENCODING missing", "-ERR The specified key does not exist");
}

#[test]
fn a_merge_with_a_dense_one_is_dense() {
    let mut server = Harness::new();
    server.check("PFADD sparse a b", ":1");
    server.check("PFADD dense c", ":1");
    server.check("PFDEBUG TODENSE dense", ":1");
    server.check("PFMERGE sparse dense", "+OK");
    server.check("PFDEBUG ENCODING sparse", "+dense");
    server.check("PFCOUNT sparse", ":3");
}

#[test]
fn what_is_no_hyperloglog_is_refused() {
    let mut server = Harness::new();
    server.check("PFADD good a", ":1");
    let header = r"HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80";
    for (value, error) in [
        ("", NOT_A_SKETCH),
        ("12345", NOT_A_SKETCH),
        ("HYLL", NOT_A_SKETCH),
        (r"HYLX\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff", NOT_A_SKETCH),
        (r"HYLL\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff", NOT_A_SKETCH),
        (r"HYLL\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff", NOT_A_SKETCH),
        (header, CORRUPTED),
        (&format!(r"{header}\x7f"), CORRUPTED),
        (&format!(r"{header}\x7f\xfe"), CORRUPTED),
        (&format!(r"{header}\x7f\xff\x00"), CORRUPTED),
        (&format!(r"{header}\x7f\xfe\x83"), CORRUPTED),
    ] {
        server.check(&format!("SET bad \"{value}\""), "+OK");
        for line in ["PFCOUNT bad", "PFCOUNT good bad", "PFMERGE good bad", "PFMERGE bad good", "PFDEBUG GETREG bad"] {
            server.check(line, error);
        }
        if error == NOT_A_SKETCH {
            server.check("PFADD bad a", error);
        }
    }
    server.check(&format!("SET bad \"{header}\""), "+OK");
    server.check("PFADD bad a", CORRUPTED);
}

/// Dense registers may hold what no hash gives.
#[test]
fn registers_out_of_range_give_a_number() {
    let mut server = Harness::new();
    let mut value = b"HYLL\0\0\0\0\0\0\0\0\0\0\0\x80".to_vec();
    value.resize(12_304, 0xff);
    server.request(&[b"SET", b"k", &value]);
    server.check("PFCOUNT k", ":-9223372036854775808");
    server.check("PFADD k a b c", ":0");
    server.check("PFADD l a", ":1");
    server.check("PFMERGE l k", "+OK");
    server.check("PFCOUNT k l", ":-9223372036854775808");
}

#[test]
fn the_self_test_passes() {
    Harness::new().check("PFSELFTEST", "+OK");
}

/// Whatever bytes stand in a HyperLogLog, a number or an error is answered, and the follower agrees.
#[test]
fn random_corruption_is_survived() {
    let mut rng = SmallRng::seed_from_u64(3);
    let mut server = Harness::new();
    for round in 0..600 {
        for element in 0..rng.random_range(0..60) {
            server.send(&format!("PFADD k {round}:{element}"));
        }
        if rng.random_bool(0.1) {
            server.send("PFDEBUG TODENSE k");
        }
        let mut value = server.send("GET k").bytes().to_vec();
        for _ in 0..rng.random_range(1..5) {
            // The magic stays, mostly.
            let first = if rng.random_bool(0.1) { 0 } else { 4 };
            let at = rng.random_range(first..value.len().max(first + 1));
            match rng.random_range(0..4) {
                0 if value.len() > 16 => value.truncate(at.max(16)),
                1 => {
                    value.splice(at.min(value.len())..at.min(value.len()), [rng.random(), rng.random()]).for_each(drop)
                }
                _ if at < value.len() => value[at] = rng.random(),
                _ => {}
            }
        }
        server.request(&[b"SET", b"k", &value]);
        for line in [
            "PFADD k a b c d e f g h",
            "PFCOUNT k",
            "PFCOUNT k good",
            "PFMERGE good k",
            "PFMERGE k good",
            "PFADD k z y x",
            "PFDEBUG DECODE k",
        ] {
            let reply = server.send(line).to_string();
            let is_known = [":", "+OK", NOT_A_SKETCH, CORRUPTED, "-ERR HLL encoding is not sparse", "\""];
            assert!(is_known.iter().any(|known| reply.starts_with(known)), "round {round}, {line}: {reply}");
        }
        server.send("DEL k");
        if rng.random_bool(0.05) {
            server.send("DEL good");
        }
    }
}

/// As with Redis: it passes nothing on, and its master's next count writes the same.
#[test]
fn a_replica_keeps_its_count_to_itself() {
    let mut server = Harness::new();
    server.check("PFADD k a b c", ":1");
    server.check("REPLICAOF 127.0.0.1 1", "+OK");
    server.check_stream("PFCOUNT k", ":3", "");
    server.check("GETBIT k 120", ":0");
}
