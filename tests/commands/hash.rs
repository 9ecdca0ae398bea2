//! Hashes: what is answered, what is propagated, how they are kept.

use crate::harness::Harness;

#[test]
fn fields_come_and_go() {
    let mut h = Harness::new();
    h.check("HSET h a 1 b 2", ":2");
    h.check("HSET h a 3 c 4", ":1");
    h.check("HSET h a", "-ERR wrong number of arguments for 'hset' command");
    h.check("HSET h a 1 b", "-ERR wrong number of arguments for 'hset' command");
    h.check("HMSET h d 5", "+OK");
    h.check("HGET h a", "\"3\"");
    h.check("HGET h x", "nil");
    h.check("HMGET h a x d", "[\"3\", nil, \"5\"]");
    h.check("HMGET missing a b", "[nil, nil]");
    h.check("HLEN h", ":4");
    h.check("HEXISTS h b", ":1");
    h.check("HSTRLEN h b", ":1");
    h.check("HSETNX h b x", ":0");
    h.check("HSETNX h e 6", ":1");
    h.check("HKEYS h", "[\"a\", \"b\", \"c\", \"d\", \"e\"]");
    h.check("HVALS h", "[\"3\", \"2\", \"4\", \"5\", \"6\"]");
    h.check("HDEL h a x b", ":2");
    h.check("HGETALL h", "[\"c\", \"4\", \"d\", \"5\", \"e\", \"6\"]");
    h.check("HSCAN h 0 MATCH c", "[\"0\", [\"c\", \"4\"]]");
    h.check("HSCAN h 0 TYPE hash", "-ERR syntax error");
    h.check("HSCAN missing 0 TYPE hash", "[\"0\", []]");
    h.check("HSCAN h x", "-ERR invalid cursor");
    h.check("HDEL h c d e", ":3");
    h.check("EXISTS h", ":0");
    h.check("HGETALL h", "[]");
    h.check("HDEL h c", ":0");
}

#[test]
fn fields_are_counted_with() {
    let mut h = Harness::new();
    h.check("HINCRBY h n 5", ":5");
    h.check("HINCRBY h n -7", ":-2");
    h.check("HINCRBY h n x", "-ERR value is not an integer or out of range");
    h.send("HSET h t text max 9223372036854775807");
    h.check("HINCRBY h t 1", "-ERR hash value is not an integer");
    h.check("HINCRBY h max 1", "-ERR increment or decrement would overflow");
    h.check_stream("HINCRBYFLOAT h f 1.5", "\"1.5\"", "HSET h f 1.5");
    h.check_stream("HINCRBYFLOAT h f 0.1", "\"1.6\"", "HSET h f 1.6");
    h.check("HINCRBYFLOAT h t 1", "-ERR hash value is not a float");
    h.check("HINCRBYFLOAT h f x", "-ERR value is not a valid float");
    h.check("HINCRBYFLOAT h f inf", "-ERR value is NaN or Infinity");
}

#[test]
fn hashes_are_kept_as_the_limits_say() {
    let mut h = Harness::new();
    h.send("HSET h a 1");
    h.check("OBJECT ENCODING h", "\"listpack\"");
    h.request(&[b"HSET", b"h", b"long", &[b'x'; 65]]);
    h.check("OBJECT ENCODING h", "\"hashtable\"");
    h.check("HDEL h long", ":1");
    h.check("OBJECT ENCODING h", "\"hashtable\"");
    h.send("CONFIG SET hash-max-listpack-entries 2");
    h.send("HSET i a 1 b 2");
    h.check("OBJECT ENCODING i", "\"listpack\"");
    h.send("HSET i c 3");
    h.check("OBJECT ENCODING i", "\"hashtable\"");
    for number in 0..300 {
        h.send(&format!("HSET i field:{number} {number}"));
    }
    h.check("HLEN i", ":303");
    h.check("HGET i field:200", "\"200\"");
    h.request(&[b"HSET", b"i", b"huge", &[b'y'; 70_000]]);
    h.check("HSTRLEN i huge", ":70000");
    h.check("COPY i j", ":1");
    h.check("HDEL i huge", ":1");
    h.check("HSTRLEN j huge", ":70000");
    let pairs = h.send("HSCAN j 0 COUNT 1000");
    assert_eq!(pairs.items()[1].items().len(), 608);
}

#[test]
fn chance_chooses_fields() {
    let mut h = Harness::new();
    h.send("HSET h a 1");
    h.check("HRANDFIELD h", "\"a\"");
    h.check("HRANDFIELD missing", "nil");
    h.check("HRANDFIELD missing 3", "[]");
    h.check("HRANDFIELD h 5", "[\"a\"]");
    h.check("HRANDFIELD h -2 WITHVALUES", "[\"a\", \"1\", \"a\", \"1\"]");
    h.check("HRANDFIELD h 0", "[]");
    h.check("HRANDFIELD h 1 VALUES", "-ERR syntax error");
    h.check("HRANDFIELD h x", "-ERR value is not an integer or out of range");
    for number in 0..2000 {
        h.send(&format!("HSET big field:{number} {number}"));
    }
    for count in [10, 1500, 3000] {
        let fields = h.send(&format!("HRANDFIELD big {count}"));
        let distinct: std::collections::BTreeSet<_> = fields.items().iter().map(|field| field.bytes()).collect();
        assert_eq!(distinct.len(), count.min(2000));
    }
    h.send("HELLO 3");
    h.check("HRANDFIELD h 1 WITHVALUES", "[[\"a\", \"1\"]]");
    h.check("HGETALL h", "{\"a\": \"1\"}");
}

#[test]
fn hashes_refuse_other_types() {
    const WRONG: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    let mut h = Harness::new();
    h.send("SET s x");
    h.send("HSET h a 1");
    for line in ["HSET s a 1", "HSETNX s a 1", "HGET s a", "HMGET s a", "HDEL s a", "HLEN s", "HGETALL s", "HKEYS s"] {
        h.check(line, WRONG);
    }
    for line in ["HVALS s", "HINCRBY s a 1", "HINCRBYFLOAT s a 1", "HSCAN s 0", "HRANDFIELD s", "HSTRLEN s a"] {
        h.check(line, WRONG);
    }
    for line in ["GET h", "LPUSH h a", "SADD h a", "HEXISTS s a"] {
        h.check(line, WRONG);
    }
    h.check("TYPE h", "+hash");
    h.check("SCAN 0 TYPE hash", "[\"0\", [\"h\"]]");
}
