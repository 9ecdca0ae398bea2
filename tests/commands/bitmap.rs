//! Bitmap commands.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::harness::Harness;

#[test]
fn bits_are_set_and_read() {
    let mut server = Harness::new();
    server.check("GETBIT k 7", ":0");
    server.check_stream("SETBIT k 1 1", ":0", "SETBIT k 1 1");
    server.check("GET k", "\"@\"");
    server.check_stream("SETBIT k 1 1", ":1", "");
    server.check_stream("SETBIT k 17 0", ":0", "SETBIT k 17 0");
    server.check("STRLEN k", ":3");
    server.check_stream("SETBIT k 1 0", ":1", "SETBIT k 1 0");
    server.check("SET n 1", "+OK");
    server.check("SETBIT n 6 1", ":0");
    server.check("GET n", "\"3\"");
    server.check("OBJECT ENCODING n", "\"raw\"");
    server.check("GETBIT n 6", ":1");
    server.check("GETBIT n 1000", ":0");
    server.check("SETEX t 100 a", "+OK");
    server.check("SETBIT t 0 1", ":0");
    server.check("TTL t", ":100");
}

#[test]
fn offsets_and_bits_out_of_range_are_refused() {
    let mut server = Harness::new();
    for offset in ["-1", "x", "", "4294967296", "9223372036854775807", "9223372036854775808", "#1"] {
        let error = "-ERR bit offset is not an integer or out of range";
        server.check(&format!("SETBIT k \"{offset}\" 1"), error);
        server.check(&format!("GETBIT k \"{offset}\""), error);
        if offset != "#1" {
            server.check(&format!("BITFIELD k GET u8 \"{offset}\""), error);
            server.check(&format!("BITFIELD k SET u8 \"#{offset}\" 1"), error);
        }
    }
    for bit in ["2", "-1", "x"] {
        server.check(&format!("SETBIT k 0 {bit}"), "-ERR bit is not an integer or out of range");
    }
    server.check("CONFIG SET proto-max-bulk-len 1mb", "+OK");
    server.check("SETBIT k 8388608 1", "-ERR bit offset is not an integer or out of range");
    server.check("SETBIT k 8388607 1", ":0");
    server.check("BITPOS k 1", ":8388607");
    server.check("DBSIZE", ":1");
}

#[test]
fn ones_are_counted_in_ranges() {
    let mut server = Harness::new();
    server.check("SET k foobar", "+OK");
    for (range, count) in [
        ("", 26),
        ("0 0", 4),
        ("1 1", 6),
        ("0 -5", 10),
        ("1 1 BYTE", 6),
        ("5 30 BIT", 17),
        ("6 6 bit", 1),
        ("-8 -1 BIT", 4),
        ("-1 -2", 0),
        ("-100 -99", 4),
        ("7 3", 0),
        ("0 9223372036854775807", 26),
        ("-9223372036854775808 9223372036854775807 BIT", 26),
    ] {
        server.check(&format!("BITCOUNT k {range}").trim_end().to_owned(), &format!(":{count}"));
    }
    server.check("BITCOUNT k 0", "-ERR syntax error");
    server.check("BITCOUNT k 0 1 hello", "-ERR syntax error");
    server.check("BITCOUNT k 0 1 BIT x", "-ERR syntax error");
    server.check("BITCOUNT k a 1", "-ERR value is not an integer or out of range");
    server.check("BITCOUNT missing a b c d", ":0");
}

#[test]
fn the_first_one_or_zero_is_found() {
    let mut server = Harness::new();
    server.check(r#"SET k "\xff\xf0\x00""#, "+OK");
    server.check(r#"SET full "\xff\xff""#, "+OK");
    for (line, position) in [
        ("BITPOS k 0", 12),
        ("BITPOS k 1", 0),
        ("BITPOS k 1 2", -1),
        ("BITPOS k 0 2", 16),
        ("BITPOS k 1 -2", 8),
        ("BITPOS k 0 0 0", -1),
        ("BITPOS k 1 11 12 BIT", 11),
        ("BITPOS k 1 12 -1 BIT", -1),
        ("BITPOS k 0 11 11 BIT", -1),
        ("BITPOS k 0 9 12 BIT", 12),
        ("BITPOS full 0", 16),
        ("BITPOS full 0 0", 16),
        ("BITPOS full 0 0 -1", -1),
        ("BITPOS full 0 5", -1),
        ("BITPOS full 1 -1 -2", -1),
        ("BITPOS full 1 -100 -99", 0),
        ("BITPOS missing 0", 0),
        ("BITPOS missing 1", -1),
        ("BITPOS missing 1 x", -1),
    ] {
        server.check(line, &format!(":{position}"));
    }
    server.check("BITPOS k 2", "-ERR The bit argument must be 1 or 0.");
    server.check("BITPOS k x", "-ERR value is not an integer or out of range");
    server.check("BITPOS k 1 0 1 x", "-ERR syntax error");
    server.check("BITPOS k 1 0 1 BIT x", "-ERR syntax error");
}

#[test]
fn strings_are_combined() {
    let mut server = Harness::new();
    server.check("MSET a abcdef b abc", "+OK");
    server.check_stream("BITOP AND d a b", ":6", "BITOP AND d a b");
    server.check("GET d", r#""abc\x00\x00\x00""#);
    server.check("BITOP or d b a", ":6");
    server.check("GET d", "\"abcdef\"");
    server.check("BITOP XOR d a b", ":6");
    server.check("GET d", r#""\x00\x00\x00def""#);
    server.check("BITOP NOT d b", ":3");
    server.check("GET d", r#""\x9e\x9d\x9c""#);
    server.check("BITOP AND d missing a", ":6");
    server.check("BITCOUNT d", ":0");
    server.check("SETEX d 100 x", "+OK");
    server.check("BITOP OR d d missing", ":1");
    server.check("TTL d", ":-1");
    server.check_stream("BITOP OR d missing", ":0", "BITOP OR d missing");
    server.check("EXISTS d", ":0");
    server.check_stream("BITOP OR d missing", ":0", "");
    server.check("BITOP NOT d a b", "-ERR BITOP NOT must be called with a single source key.");
    server.check("BITOP DIFF d a b", "-ERR syntax error");
}

#[test]
fn integers_within_a_string_wrap_saturate_and_fail() {
    let mut server = Harness::new();
    server.check_stream("BITFIELD k SET i5 100 -3 GET u4 0", "[:0, :0]", "BITFIELD k SET i5 100 -3 GET u4 0");
    server.check("BITFIELD k GET i5 100 GET u5 100", "[:-3, :29]");
    server.check("STRLEN k", ":14");
    server.check_stream("BITFIELD k GET i5 100", "[:-3]", "");
    server.check_stream("BITFIELD k INCRBY i5 100 0", "[:-3]", "");
    server.check("BITFIELD n SET u8 #0 250 INCRBY u8 #0 10", "[:0, :4]");
    server.check("BITFIELD n OVERFLOW SAT INCRBY u8 0 1000 INCRBY u8 0 -1000", "[:255, :0]");
    server.check("BITFIELD n OVERFLOW FAIL INCRBY u8 0 -1 OVERFLOW WRAP INCRBY u8 0 -1", "[nil, :255]");
    server.check("BITFIELD n OVERFLOW SAT SET u8 0 -1", "[:255]");
    server.check(
        "BITFIELD n SET i64 3 -9223372036854775808 INCRBY i64 3 -1",
        "[:-576460752303423488, :9223372036854775807]",
    );
    server.check("BITFIELD n GET u63 4", "[:9223372036854775807]");
    server.check("BITFIELD n GET u63 4294967295", "[:0]");
    server.check("BITFIELD n", "[]");
    server.check("BITFIELD_RO missing GET u8 #1", "[:0]");
    server.check("EXISTS missing", ":0");
    server.check("SET s 12345", "+OK");
    server.check("BITFIELD_RO s GET u8 #1 GET i64 0", "[:50, :3544952156014510080]");
}

#[test]
fn what_only_grows_reaches_the_follower_too() {
    let mut server = Harness::new();
    let line = "BITFIELD k OVERFLOW FAIL INCRBY u2 10 4";
    server.check_stream(line, "[nil]", line);
    server.check("STRLEN k", ":2");
    server.check_stream(line, "[nil]", "");
}

#[test]
fn malformed_fields_are_refused() {
    let mut server = Harness::new();
    let kind = "-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.";
    for (line, error) in [
        ("BITFIELD k GET u64 0", kind),
        ("BITFIELD k GET i65 0", kind),
        ("BITFIELD k GET x8 0", kind),
        ("BITFIELD k GET \"\" 0", kind),
        ("BITFIELD k GET u8", "-ERR syntax error"),
        ("BITFIELD k SET u8 0", "-ERR syntax error"),
        ("BITFIELD k FOO u8 0", "-ERR syntax error"),
        ("BITFIELD k OVERFLOW", "-ERR syntax error"),
        ("BITFIELD k OVERFLOW x", "-ERR Invalid OVERFLOW type specified"),
        ("BITFIELD k SET u8 0 x", "-ERR value is not an integer or out of range"),
        ("BITFIELD_RO k SET u8 0 1", "-ERR BITFIELD_RO only supports the GET subcommand"),
        ("BITFIELD_RO k INCRBY u8 0 1", "-ERR BITFIELD_RO only supports the GET subcommand"),
    ] {
        server.check(line, error);
    }
    server.check("DBSIZE", ":0");
}

/// Chunks end every 16 KB: what crosses their ends is as in one piece.
#[test]
fn long_strings_are_as_short_ones() {
    let mut server = Harness::new();
    let mut rng = SmallRng::seed_from_u64(1);
    let mut bits = vec![false; 100_000 * 8];
    server.check("SETRANGE k 99999 \"\\x00\"", ":100000");
    for _ in 0..300 {
        let chunk_end = rng.random_range(1..=6) * 16 * 1024 * 8;
        let offset: usize = chunk_end - 20 + rng.random_range(0..40);
        let bit = rng.random_bool(0.5);
        server.check(&format!("SETBIT k {offset} {}", u8::from(bit)), &format!(":{}", u8::from(bits[offset])));
        bits[offset] = bit;
        let (from, to) = (chunk_end - 20 + rng.random_range(0..20), chunk_end + rng.random_range(0..20));
        let ones = bits[from..=to].iter().filter(|bit| **bit).count();
        server.check(&format!("BITCOUNT k {from} {to} BIT"), &format!(":{ones}"));
        let first = bits[from..=to].iter().position(|bit| *bit).map_or(-1, |at| (from + at) as i64);
        server.check(&format!("BITPOS k 1 {from} {to} BIT"), &format!(":{first}"));
        let field = bits[from..from + 60].iter().fold(0u64, |number, bit| number << 1 | u64::from(*bit));
        server.check(&format!("BITFIELD_RO k GET u60 {from}"), &format!("[:{field}]"));
    }
    server.check("BITOP NOT inverse k", ":100000");
    server.check("BITOP XOR all inverse k", ":100000");
    server.check("BITPOS all 0 0 -1", ":-1");
    server.check("BITOP AND none inverse k", ":100000");
    server.check("BITPOS none 1", ":-1");
}

/// Extremes of every argument: whatever is answered, nothing panics, and the follower agrees.
#[test]
fn fields_of_extreme_arguments() {
    const NUMBERS: &[&str] = &[
        "0",
        "1",
        "-1",
        "63",
        "64",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775806",
        "4611686018427387904",
        "-4611686018427387905",
        "4294967295",
        "2147483648",
        "x",
        "",
    ];
    const OFFSETS: &[&str] = &[
        "0",
        "1",
        "7",
        "8",
        "63",
        "#0",
        "#1",
        "#7",
        "-1",
        "#-1",
        "4294967296",
        "9223372036854775807",
        "#9223372036854775807",
        "#4611686018427387904",
        "#144115188075855873",
        "#",
        "x",
    ];
    const TYPES: &[&str] = &["u1", "u8", "u63", "u64", "i1", "i5", "i63", "i64", "i65", "u0", "i-1"];
    let mut rng = SmallRng::seed_from_u64(2);
    let mut server = Harness::new();
    for _ in 0..5_000 {
        let mut request = vec!["BITFIELD", if rng.random_bool(0.1) { "fresh" } else { "k" }];
        for _ in 0..rng.random_range(1..4) {
            let mut pick = |list: &[&'static str]| list[rng.random_range(0..list.len())];
            let operation = pick(&["GET", "SET", "INCRBY", "INCRBY", "OVERFLOW"]);
            request.push(operation);
            if operation == "OVERFLOW" {
                request.push(pick(&["WRAP", "SAT", "FAIL", "FAIL"]));
                continue;
            }
            request.extend([pick(TYPES), pick(OFFSETS)]);
            if operation != "GET" {
                request.push(pick(NUMBERS));
            }
        }
        let words: Vec<&[u8]> = request.iter().map(|word| word.as_bytes()).collect();
        let reply = server.request(&words).to_string();
        assert!(reply.starts_with('[') || reply.starts_with("-ERR"), "{request:?}: {reply}");
    }
}
