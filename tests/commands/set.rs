//! Sets: what is answered, what is propagated, how they are kept.

use crate::harness::Harness;
use crate::value::Value;

fn sorted(value: &Value) -> String {
    let mut items: Vec<String> = value.items().iter().map(|item| item.bytes().escape_ascii().to_string()).collect();
    items.sort();
    items.join(" ")
}

#[test]
fn members_come_and_go() {
    let mut h = Harness::new();
    h.check("SADD s a b a", ":2");
    h.check("SADD s b", ":0");
    h.check("SCARD s", ":2");
    h.check("SISMEMBER s a", ":1");
    h.check("SMISMEMBER s a x", "[:1, :0]");
    h.check("SMISMEMBER missing a", "[:0]");
    h.check("SREM s a x", ":1");
    h.check("SMEMBERS s", "[\"b\"]");
    h.check("SSCAN s 0", "[\"0\", [\"b\"]]");
    h.check("SMOVE s t b", ":1");
    h.check("EXISTS s", ":0");
    h.check("SMOVE s t b", ":0");
    h.check("SMOVE t t b", ":1");
    h.check("SMEMBERS t", "[\"b\"]");
    h.check("SREM t b", ":1");
    h.check("EXISTS t", ":0");
}

#[test]
fn sets_are_kept_as_the_limits_say() {
    let mut h = Harness::new();
    h.send("SADD s 3 1 -2");
    h.check("OBJECT ENCODING s", "\"intset\"");
    h.check("SMEMBERS s", "[\"-2\", \"1\", \"3\"]");
    h.send("SADD s a");
    h.check("OBJECT ENCODING s", "\"listpack\"");
    h.request(&[b"SADD", b"s", &[b'x'; 65]]);
    h.check("OBJECT ENCODING s", "\"hashtable\"");
    h.check("SCARD s", ":5");
    for number in 0..513 {
        h.send(&format!("SADD numbers {number}"));
    }
    h.check("OBJECT ENCODING numbers", "\"hashtable\"");
    h.send("SREM numbers 17");
    h.check("SISMEMBER numbers 17", ":0");
    h.check("SCARD numbers", ":512");
    h.send("CONFIG SET set-max-listpack-entries 3");
    h.send("SADD few a b c");
    h.check("OBJECT ENCODING few", "\"listpack\"");
    h.send("SADD few d");
    h.check("OBJECT ENCODING few", "\"hashtable\"");
}

#[test]
fn what_was_popped_is_propagated_by_name() {
    let mut h = Harness::new();
    h.send("SADD s a");
    h.check_stream("SPOP s", "\"a\"", "SREM s a");
    h.check("SPOP s", "nil");
    h.check("SPOP s 2", "[]");
    h.send("SADD s a b c");
    h.check_stream("SPOP s 0", "[]", "");
    h.check("SPOP s -1", "-ERR value is out of range, must be positive");
    h.check("SPOP s 1 2", "-ERR syntax error");
    let before = h.engine.node.offset();
    let popped = h.send("SPOP s 2");
    let members: Vec<_> = popped.items().iter().map(|member| String::from_utf8_lossy(member.bytes())).collect();
    assert_eq!(h.stream_since(before), format!("SREM s {}", members.join(" ")));
    let before = h.engine.node.offset();
    h.send("SPOP s 2");
    assert_eq!(h.stream_since(before), "DEL s");
    for number in 0..3000 {
        h.send(&format!("SADD big member:{number}"));
    }
    h.send("SPOP big 2500");
    h.check("SCARD big", ":500");
    h.send("SPOP big 10");
    h.check("SCARD big", ":490");
}

#[test]
fn chance_chooses_members() {
    let mut h = Harness::new();
    h.check("SRANDMEMBER s", "nil");
    h.check("SRANDMEMBER s 1", "[]");
    h.send("SADD s a");
    h.check("SRANDMEMBER s", "\"a\"");
    h.check("SRANDMEMBER s -3", "[\"a\", \"a\", \"a\"]");
    h.check("SRANDMEMBER s 3", "[\"a\"]");
    h.check("SRANDMEMBER s 1 1", "-ERR syntax error");
}

/// Each member is as likely as the others, also where it lies in a segment with few.
#[test]
fn every_member_of_a_large_set_has_the_same_chance() {
    let mut h = Harness::new();
    for number in 0..600 {
        h.send(&format!("SADD s member:{number}"));
    }
    let mut counts = std::collections::BTreeMap::new();
    for _ in 0..60 {
        for member in h.send("SRANDMEMBER s -1000").items() {
            *counts.entry(member.bytes().to_vec()).or_insert(0.0) += 1.0;
        }
    }
    assert_eq!(counts.len(), 600);
    let chi_square: f64 = counts.values().map(|count: &f64| (count - 100.0).powi(2) / 100.0).sum();
    // 599 degrees of freedom: mean 599, deviation 35.
    assert!(chi_square < 780.0, "{chi_square}");
}

#[test]
fn sets_are_combined() {
    let mut h = Harness::new();
    h.send("SADD a 1 2 3 4");
    h.send("SADD b 3 4 x");
    h.send("SADD c 4 y");
    assert_eq!(sorted(&h.send("SINTER a b")), "3 4");
    assert_eq!(sorted(&h.send("SINTER a missing")), "");
    assert_eq!(sorted(&h.send("SUNION a b c missing")), "1 2 3 4 x y");
    assert_eq!(sorted(&h.send("SDIFF a b missing")), "1 2");
    assert_eq!(sorted(&h.send("SDIFF missing a")), "");
    h.check("SINTERSTORE d a b", ":2");
    h.check("SMEMBERS d", "[\"3\", \"4\"]");
    h.check("OBJECT ENCODING d", "\"intset\"");
    h.check("SUNIONSTORE d a b", ":5");
    h.check("SDIFFSTORE d a a", ":0");
    h.check("EXISTS d", ":0");
    h.check_stream("SDIFFSTORE d a a", ":0", "");
    h.send("SET d string");
    h.check("SINTERSTORE d a c", ":1");
    h.check("TYPE d", "+set");
    h.check("SINTERCARD 2 a b", ":2");
    h.check("SINTERCARD 2 a b LIMIT 1", ":1");
    h.check("SINTERCARD 2 a b LIMIT -1", "-ERR LIMIT can't be negative");
    h.check("SINTERCARD 3 a b", "-ERR Number of keys can't be greater than number of args");
    h.check("SINTERCARD 0 a b", "-ERR numkeys should be greater than 0");
    h.check("SINTERCARD 1 a b", "-ERR syntax error");
}

#[test]
fn sets_refuse_other_types() {
    const WRONG: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    let mut h = Harness::new();
    h.send("SET s x");
    h.send("SADD t a");
    for line in ["SADD s a", "SREM s a", "SMOVE s t a", "SMOVE t s a", "SCARD s", "SISMEMBER s a", "SMISMEMBER s a"] {
        h.check(line, WRONG);
    }
    for line in ["SMEMBERS s", "SSCAN s 0", "SPOP s", "SPOP s 1", "SRANDMEMBER s", "SINTER missing s", "SUNION t s"] {
        h.check(line, WRONG);
    }
    for line in ["SDIFFSTORE d t s", "SINTERCARD 2 t s", "GET t", "HGET t a", "RPUSH t a"] {
        h.check(line, WRONG);
    }
}
