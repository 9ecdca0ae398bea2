//! SORT: in which order, by what, what is answered, what is stored.

use crate::harness::Harness;

#[test]
fn elements_come_in_the_order_of_numbers_or_texts() {
    let mut h = Harness::new();
    h.send("RPUSH l 10 9 -1 1.5 9");
    h.check("SORT l", "[\"-1\", \"1.5\", \"9\", \"9\", \"10\"]");
    h.check("SORT l DESC", "[\"10\", \"9\", \"9\", \"1.5\", \"-1\"]");
    h.check("SORT l DESC ASC LIMIT 1 2", "[\"1.5\", \"9\"]");
    h.check("SORT l ALPHA", "[\"-1\", \"1.5\", \"10\", \"9\", \"9\"]");
    h.check("SORT_RO l ALPHA LIMIT -3 2", "[\"-1\", \"1.5\"]");
    h.check("SORT l LIMIT 5 2", "[]");
    h.check("SORT l BY nosort", "[\"10\", \"9\", \"-1\", \"1.5\", \"9\"]");
    h.check("SORT l BY nosort DESC LIMIT 1 3", "[\"1.5\", \"-1\", \"9\"]");
    h.check("SORT missing", "[]");
    h.send("SADD s b a c");
    h.check("SORT s ALPHA DESC", "[\"c\", \"b\", \"a\"]");
    h.check("SORT s", "-ERR One or more scores can't be converted into double");
    h.send("RPUSH odd 7 \"\" \" 5\" 0x6");
    h.check("SORT odd", "[\"\", \" 5\", \"0x6\", \"7\"]");
    h.send("SET str x");
    h.check("SORT str", "-WRONGTYPE Operation against a key holding the wrong kind of value");
    for malformed in ["BY", "GET", "LIMIT 1", "STORE", "UP"] {
        h.check(&format!("SORT l {malformed}"), "-ERR syntax error");
    }
    h.check("SORT l LIMIT a 1", "-ERR value is not an integer or out of range");
    h.check("SORT_RO l STORE d", "-ERR syntax error");
}

#[test]
fn elements_are_weighed_by_keys_and_fields_and_answered_by_others() {
    let mut h = Harness::new();
    h.send("RPUSH l 1 2 3 4");
    h.send("MSET w1 30 w2 10 w4 20 name1 one name2 two");
    h.check("SORT l BY w*", "[\"3\", \"2\", \"4\", \"1\"]");
    h.check("SORT l BY w* DESC GET # GET name*", "[\"1\", \"one\", \"4\", nil, \"2\", \"two\", \"3\", nil]");
    h.check("SORT l BY w* ALPHA", "[\"3\", \"2\", \"4\", \"1\"]");
    h.send("HSET h1 w 1 s z");
    h.send("HSET h2 w 4 s y");
    h.send("HSET h3 w 2 s x");
    h.check("SORT l BY h*->w", "[\"4\", \"1\", \"3\", \"2\"]");
    h.check("SORT l BY h*->s ALPHA DESC GET h*->s", "[\"z\", \"y\", \"x\", nil]");
    h.check("SORT l BY h*-> GET constant LIMIT 0 1", "[nil]");
    h.check("SORT l BY name*", "-ERR One or more scores can't be converted into double");
    // What weighs the same keeps its order as texts, and goes by the elements as numbers.
    h.send("RPUSH ties b a c");
    h.check("SORT ties BY x*", "[\"a\", \"b\", \"c\"]");
    h.check("SORT ties BY x* ALPHA", "[\"b\", \"a\", \"c\"]");
}

#[test]
fn results_are_stored_as_a_list() {
    let mut h = Harness::new();
    h.send("CONFIG SET notify-keyspace-events KEA");
    h.send("RPUSH l 3 1 2");
    h.send("MSET v1 one v3 three d old");
    h.check_stream("SORT l GET v* STORE d", ":3", "SORT l GET v* STORE d");
    h.check("LRANGE d 0 -1", "[\"one\", \"\", \"three\"]");
    h.check("SORT l LIMIT 9 9 STORE d", ":0");
    h.check("EXISTS d", ":0");
    h.check_stream("SORT missing STORE d", ":0", "");
    // A set's own order differs from server to server: nothing stored follows it.
    for number in 0..200 {
        h.send(&format!("SADD s member:{number}"));
    }
    h.check("SORT s BY nosort STORE d", ":200");
    h.check("LRANGE d 0 1", "[\"member:0\", \"member:1\"]");
    h.check("SORT s BY nothing* ALPHA LIMIT 0 2 STORE d", ":2");
    h.check("LRANGE d 0 -1", "[\"member:0\", \"member:1\"]");
}

#[test]
fn what_expired_weighs_nothing_and_is_gone_before_the_result_is_stored() {
    let mut h = Harness::new();
    h.send("RPUSH l 1 2");
    h.send("SET w1 9 PX 10");
    h.send("SET w2 5");
    h.advance_ms(20);
    h.check("SORT l BY w*", "[\"1\", \"2\"]");
    h.send("SET w1 9 PX 10");
    h.advance_ms(20);
    h.check_stream("SORT l BY w* STORE d", ":2", "MULTI; DEL w1; SORT l BY w* STORE d; EXEC");
    h.check("LRANGE d 0 -1", "[\"1\", \"2\"]");
}

#[test]
fn keys_are_found_in_requests() {
    let mut h = Harness::new();
    h.check("COMMAND GETKEYS SORT abc STORE stored BY a* STORE b", "[\"abc\", \"b\"]");
    h.check("COMMAND GETKEYS SORT abc LIMIT 0 store", "[\"abc\"]");
    h.check("COMMAND GETKEYS SORT_RO abc BY store", "[\"abc\"]");
    h.check("COMMAND GETKEYSANDFLAGS SORT abc STORE d", "[[\"abc\", [+RO, +access]], [\"d\", [+OW, +update]]]");
}
