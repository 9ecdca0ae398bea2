//! String commands.

use crate::harness::{Harness, START_MS};

#[test]
fn set_and_its_options() {
    let mut server = Harness::new();
    server.check_stream("SET k v", "+OK", "SET k v");
    server.check("GET k", "\"v\"");
    server.check_stream("SET k w NX", "nil", "");
    server.check_stream("SET k w XX", "+OK", "SET k w XX");
    server.check_stream("SET missing v XX", "nil", "");
    server.check_stream("SET k x GET", "\"w\"", "SET k x");
    server.check_stream("SET k y NX GET", "\"x\"", "");
    server.check_stream("SET other z get nx", "nil", "SET other z nx");
    server.check_stream("SET k v EX 10", "+OK", &format!("SET k v PXAT {}", START_MS + 10_000));
    server.check_stream("SET k v px 10 GET", "\"v\"", &format!("SET k v PXAT {}", START_MS + 10));
    server.check_stream("SET k w KEEPTTL", "+OK", "SET k w KEEPTTL");
    server.check("PTTL k", ":10");
    server.check_stream("SET k v EXAT 1800000000", "+OK", "SET k v PXAT 1800000000000");
    server.check_stream("SET k v PXAT 1800000000001", "+OK", "SET k v PXAT 1800000000001");
    server.check("SET k v", "+OK");
    server.check("TTL k", ":-1");
}

#[test]
fn contradicting_options_are_a_syntax_error() {
    let mut server = Harness::new();
    for line in [
        "SET k v NX XX",
        "SET k v XX NX",
        "SET k v EX",
        "SET k v EX 1 PX 1",
        "SET k v KEEPTTL EX 1",
        "SET k v EX 1 KEEPTTL",
        "SET k v FOO",
        "SET k v PERSIST",
        "GETEX k EX 1 PERSIST",
        "GETEX k PERSIST PX 1",
        "GETEX k KEEPTTL",
        "GETEX k NX",
        "GETEX k EX",
        "SET k v EXAT 1 PXAT 1",
    ] {
        server.check(line, "-ERR syntax error");
    }
    server.check("SET k v NX NX EX 1 EX 2", "+OK");
    server.check("TTL k", ":2");
}

#[test]
fn expire_times_must_be_positive_and_fit() {
    let mut server = Harness::new();
    for (command, line) in [
        ("set", "SET k v EX 0"),
        ("set", "SET k v PX -1"),
        ("set", "SET k v EX 9223372036854775807"),
        ("set", "SET k v PX 9223372036854775807"),
        ("setex", "SETEX k 0 v"),
        ("psetex", "PSETEX k -5 v"),
    ] {
        server.check(line, &format!("-ERR invalid expire time in '{command}' command"));
    }
    server.check("SET k v EX abc", "-ERR value is not an integer or out of range");
    server.check("GETEX missing EX 0", "nil");
    server.check("SET k v", "+OK");
    server.check("GETEX k EX 0", "-ERR invalid expire time in 'getex' command");
}

#[test]
fn set_relatives() {
    let mut server = Harness::new();
    server.check_stream("SETNX k v", ":1", "SETNX k v");
    server.check_stream("SETNX k w", ":0", "");
    server.check_stream("SETEX k 10 v", "+OK", &format!("SET k v PXAT {}", START_MS + 10_000));
    server.check_stream("PSETEX k 10 v", "+OK", &format!("SET k v PXAT {}", START_MS + 10));
    server.check_stream("GETSET k w", "\"v\"", "SET k w");
    server.check("TTL k", ":-1");
    server.check_stream("GETSET new w", "nil", "SET new w");
    server.check_stream("GETDEL k", "\"w\"", "DEL k");
    server.check_stream("GETDEL k", "nil", "");
}

#[test]
fn getex_changes_the_expiry() {
    let mut server = Harness::new();
    server.check("SET k v", "+OK");
    server.check_stream("GETEX k", "\"v\"", "");
    server.check_stream("GETEX k EX 10", "\"v\"", &format!("PEXPIREAT k {}", START_MS + 10_000));
    server.check_stream("GETEX k PERSIST", "\"v\"", "PERSIST k");
    server.check_stream("GETEX k PERSIST", "\"v\"", "");
    server.check_stream("GETEX k PXAT 1", "\"v\"", "DEL k");
    server.check("GET k", "nil");
}

#[test]
fn many_keys_at_once() {
    let mut server = Harness::new();
    server.check_stream("MSET a 1 b 2", "+OK", "MSET a 1 b 2");
    assert_eq!(server.dirty(), 2);
    server.check("MGET a b c", "[\"1\", \"2\", nil]");
    server.check_stream("MSETNX c 3 a 4", ":0", "");
    server.check_stream("MSETNX c 3 d 4", ":1", "MSETNX c 3 d 4");
    server.check("MSET a 1 b", "-ERR wrong number of arguments for 'mset' command");
    server.check("MSETNX a 1 b", "-ERR wrong number of arguments for 'msetnx' command");
    server.check("MSET x 1 x 2", "+OK");
    server.check("GET x", "\"2\"");
}

#[test]
fn parts_of_strings() {
    let mut server = Harness::new();
    server.check_stream("APPEND k Hello", ":5", "APPEND k Hello");
    server.check("APPEND k \" World\"", ":11");
    server.check("STRLEN k", ":11");
    server.check("STRLEN missing", ":0");
    server.check("GETRANGE k 0 4", "\"Hello\"");
    server.check("SUBSTR k -5 -1", "\"World\"");
    server.check("GETRANGE missing 0 -1", "\"\"");
    server.check("GETRANGE k a 1", "-ERR value is not an integer or out of range");
    server.check_stream("SETRANGE k 6 Redis", ":11", "SETRANGE k 6 Redis");
    server.check("GET k", "\"Hello Redis\"");
    server.check("SETRANGE new 2 x", ":3");
    server.check("GET new", "\"\\x00\\x00x\"");
    server.check_stream("SETRANGE missing 9 \"\"", ":0", "");
    server.check("EXISTS missing", ":0");
    server.check_stream("SETRANGE k 0 \"\"", ":11", "");
    server.check("SETRANGE k -1 x", "-ERR offset is out of range");
    let too_long = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    server.check("SETRANGE k 536870912 x", too_long);
    server.check("SETRANGE k 9223372036854775807 x", too_long);
}

#[test]
fn counters() {
    let mut server = Harness::new();
    server.check_stream("INCR n", ":1", "INCR n");
    server.check("DECR n", ":0");
    server.check("INCRBY n 41", ":41");
    server.check("DECRBY n -1", ":42");
    server.check("SET n 9223372036854775807", "+OK");
    server.check_stream("INCR n", "-ERR increment or decrement would overflow", "");
    server.check("DECRBY n -9223372036854775808", "-ERR decrement would overflow");
    server.check("SET s \" 1\"", "+OK");
    server.check("INCR s", "-ERR value is not an integer or out of range");
    server.check("INCRBY n x", "-ERR value is not an integer or out of range");
    server.check("SET n 5 EX 100", "+OK");
    server.check("INCR n", ":6");
    server.check("TTL n", ":100");
}

#[test]
fn incrbyfloat_is_propagated_as_its_result() {
    let mut server = Harness::new();
    server.check("SET n 1.5 EX 100", "+OK");
    server.check_stream("INCRBYFLOAT n 1.6", "\"3.1\"", "SET n 3.1 KEEPTTL");
    server.check("TTL n", ":100");
    server.check_stream("INCRBYFLOAT new 1e1", "\"10\"", "SET new 10 KEEPTTL");
    server.check("INCRBYFLOAT n abc", "-ERR value is not a valid float");
    server.check("INCRBYFLOAT n inf", "-ERR increment would produce NaN or Infinity");
    server.check("SET n abc", "+OK");
    server.check("INCRBYFLOAT n 1", "-ERR value is not a valid float");
}

#[test]
fn longest_common_subsequence() {
    let mut server = Harness::new();
    server.check("MSET a ohmytext b mynewtext", "+OK");
    server.check("LCS a b", "\"mytext\"");
    server.check("LCS a b LEN", ":6");
    let matches = "[\"matches\", [[[:4, :7], [:5, :8]], [[:2, :3], [:0, :1]]], \"len\", :6]";
    server.check("LCS a b IDX", matches);
    server.check("LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN", "[\"matches\", [[[:4, :7], [:5, :8], :4]], \"len\", :6]");
    server.check("LCS a missing", "\"\"");
    server.check("LCS a b LEN IDX", "-ERR If you want both the length and indexes, please just use IDX.");
    server.check("LCS a b MINMATCHLEN", "-ERR syntax error");
}

#[test]
fn an_expired_key_is_deleted_in_the_stream_before_what_follows() {
    let mut server = Harness::new();
    server.check("SET k 5 PX 10", "+OK");
    server.advance_ms(11);
    server.check_stream("INCR k", ":1", "MULTI; DEL k; INCR k; EXEC");
    server.check("SET k 5 PX 10", "+OK");
    server.advance_ms(11);
    server.check_stream("GET k", "nil", "DEL k");
    assert_eq!(server.stats().expired_keys, 2);
    assert_eq!(server.stats().keyspace_misses, 1);
}

#[test]
fn a_string_is_replaced_or_deleted_if_it_is_equal() {
    let mut server = Harness::new();
    server.check_stream("SET k v IFEQ v", "nil", "");
    server.check("SET k v", "+OK");
    server.check_stream("SET k w IFEQ x", "nil", "");
    server.check_stream("SET k w ifeq v", "+OK", "SET k w");
    server.check_stream("SET k x IFEQ w EX 10", "+OK", &format!("SET k x PXAT {}", START_MS + 10_000));
    server.check_stream("SET k y IFEQ x KEEPTTL", "+OK", "SET k y KEEPTTL");
    server.check("TTL k", ":10");
    server.check_stream("SET k z GET IFEQ y", "\"y\"", "SET k z");
    server.check_stream("SET k a IFEQ y GET", "\"z\"", "");
    server.check_stream("SET k GET IFEQ z", "+OK", "SET k GET");
    server.check_stream("SET k IFEQ IFEQ GET", "+OK", "SET k IFEQ");
    for line in ["SET k v IFEQ", "SET k v NX IFEQ v", "SET k v IFEQ v XX", "SET k v IFEQ v IFEQ v"] {
        server.check(line, "-ERR syntax error");
    }
    server.check_stream("DELIFEQ k x", ":0", "");
    server.check_stream("DELIFEQ k IFEQ", ":1", "DEL k");
    server.check_stream("DELIFEQ k IFEQ", ":0", "");
    server.check("SETRANGE long 99999 x", ":100000");
    server.check("DELIFEQ long x", ":0");
    let long = [vec![0; 99_999], b"x".to_vec()].concat();
    assert_eq!(server.request(&[b"DELIFEQ", b"long", &long]).to_string(), ":1");
}

#[test]
fn several_keys_get_one_time_to_live() {
    let mut server = Harness::new();
    let at = START_MS + 10_000;
    let stream = format!("MULTI; SET a 1 PXAT {at}; SET b 2 PXAT {at}; EXEC");
    server.check_stream("MSETEX 2 a 1 b 2 EX 10", ":1", &stream);
    server.check_stream("MSETEX 1 a 2 KEEPTTL", ":1", "SET a 2 KEEPTTL");
    server.check("TTL a", ":10");
    server.check_stream("MSETEX 2 a 3 c 3 NX", ":0", "");
    server.check_stream("MSETEX 2 a 3 c 3 XX PX 5", ":0", "");
    server.check_stream("MSETEX 1 c 3 nx", ":1", "SET c 3");
    server.check_stream("MSETEX 2 a 4 c 4 XX", ":1", "MULTI; SET a 4; SET c 4; EXEC");
    server.check("TTL a", ":-1");
    server.check_stream("MSETEX 1 a 1 PXAT 4102444800000", ":1", "SET a 1 PXAT 4102444800000");
    for (line, error) in [
        ("MSETEX a 1 b", "ERR invalid numkeys value"),
        ("MSETEX 0 a 1", "ERR invalid numkeys value"),
        ("MSETEX -1 a 1", "ERR invalid numkeys value"),
        ("MSETEX 2147483648 a 1", "ERR invalid numkeys value"),
        ("MSETEX 2147483647 a 1", "ERR wrong number of key-value pairs"),
        ("MSETEX 2 a 1 b", "ERR wrong number of key-value pairs"),
        ("MSETEX 1 a 1 FOO", "ERR syntax error"),
        ("MSETEX 1 a 1 NX XX", "ERR syntax error"),
        ("MSETEX 1 a 1 EX 1 PX 1", "ERR syntax error"),
        ("MSETEX 1 a 1 KEEPTTL EX 1", "ERR syntax error"),
        ("MSETEX 1 a 1 GET", "ERR syntax error"),
        ("MSETEX 1 a 1 EX 0", "ERR invalid expire time in 'msetex' command"),
    ] {
        server.check(line, &format!("-{error}"));
    }
    server.check("COMMAND GETKEYS MSETEX 2 a 1 b 2 EX 10", "[\"a\", \"b\"]");
}
