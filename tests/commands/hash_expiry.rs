//! Fields that expire: what is answered, hidden, deleted and propagated, small and large, by master and replica.

use tandem::config::Config;

use crate::harness::{Harness, START_MS};

#[test]
fn fields_are_given_expiries_under_conditions() {
    let mut h = Harness::new();
    h.send("HSET h a 1 b 2 c 3");
    let at = START_MS + 10_000;
    h.check_stream("HEXPIRE h 10 FIELDS 3 a x b", "[:1, :-2, :1]", &format!("HPEXPIREAT h {at} FIELDS 2 a b"));
    h.check("HTTL h FIELDS 4 a b c x", "[:10, :10, :-1, :-2]");
    h.check("HPTTL h FIELDS 1 a", "[:10000]");
    h.check("HEXPIRETIME h FIELDS 1 a", &format!("[:{}]", at / 1000));
    h.check("HPEXPIRETIME h FIELDS 1 a", &format!("[:{at}]"));
    h.check_stream("HPEXPIRE h 5000 NX FIELDS 2 a b", "[:0, :0]", "");
    h.check_stream(
        "HPEXPIRE h 5000 NX FIELDS 2 a c",
        "[:0, :1]",
        &format!("HPEXPIREAT h {} NX FIELDS 1 c", START_MS + 5000),
    );
    h.check("HPEXPIRE h 6000 XX FIELDS 2 x c", "[:-2, :1]");
    h.check("HPEXPIRE h 5999 GT FIELDS 1 c", "[:0]");
    h.check("HPEXPIRE h 6000 LT FIELDS 1 c", "[:0]");
    h.check("HPEXPIRE h 7000 GT FIELDS 1 c", "[:1]");
    h.check("HEXPIREAT h 1700000006 LT FIELDS 1 c", "[:1]");
    h.send("HSET h d 4");
    h.check("HPEXPIRE h 1 GT FIELDS 1 d", "[:0]");
    h.check("HPEXPIRE h 9000 LT FIELDS 1 d", "[:1]");
    h.check_stream("HPERSIST h FIELDS 3 d d x", "[:1, :-1, :-2]", "HPERSIST h FIELDS 3 d d x");
    h.check_stream("HPERSIST h FIELDS 1 d", "[:-1]", "");
    h.check("HEXPIRE missing 10 FIELDS 2 a b", "[:-2, :-2]");
    h.check("HTTL missing FIELDS 1 a", "[:-2]");
    h.check("HPERSIST missing FIELDS 1 a", "[:-2]");
}

#[test]
fn malformed_requests_are_refused() {
    let mut h = Harness::new();
    h.send("HSET h a 1");
    h.send("SET s x");
    h.check("HEXPIRE s 10 FIELDS 1 a", "-WRONGTYPE Operation against a key holding the wrong kind of value");
    h.check("HEXPIRE h 10 FIELD 1 a", "-ERR Mandatory argument FIELDS is missing or not at the right position");
    h.check("HEXPIRE h 10 NX 1 a b", "-ERR Mandatory argument FIELDS is missing or not at the right position");
    h.check("HEXPIRE h 10 FIELDS 0 a", "-ERR Parameter `numFields` should be greater than 0");
    h.check("HEXPIRE h 10 FIELDS 2 a", "-ERR The `numfields` parameter must match the number of arguments");
    h.check("HEXPIRE h -1 FIELDS 1 a", "-ERR invalid expire time, must be >= 0");
    h.check("HEXPIRE h x FIELDS 1 a", "-ERR value is not an integer or out of range");
    h.check("HEXPIRE h 9223372036854775807 FIELDS 1 a", "-ERR invalid expire time in 'hexpire' command");
    h.check("HPEXPIREAT h 70368744177664 FIELDS 1 a", "-ERR invalid expire time in 'hpexpireat' command");
    h.check("HTTL h FIELDS 0 a", "-ERR Number of fields must be a positive integer");
    h.check("HPERSIST h FIELDS 3 a b", "-ERR The `numfields` parameter must match the number of arguments");
    h.check("HSETEX h FIELDS 1 a", "-ERR wrong number of arguments for 'hsetex' command");
    h.check("HSETEX h FIELDS 2 a 1", "-ERR wrong number of arguments for 'hsetex' command");
    h.check("HSETEX h FIELDS x a 1", "-ERR invalid number of fields");
    h.check(
        "HSETEX h EX 1 KEEPTTL FIELDS 1 a 1",
        "-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
    );
    h.check("HSETEX h FNX FXX FIELDS 1 a 1", "-ERR Only one of FXX or FNX arguments can be specified");
    h.check("HSETEX h FIELDS 1 a 1 EX", "-ERR missing expire time");
    h.check("HSETEX h FIELDS 1 a 1 FIELDS 1 b 2", "-ERR FIELDS keyword specified multiple times");
    h.check("HSETEX h BAD FIELDS 1 a 1", "-ERR unknown argument: BAD");
    h.check("HSETEX h EX 1 FNX FXX a", "-ERR Only one of FXX or FNX arguments can be specified");
    h.check("HSETEX h EX 1 FNX EX 1", "-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified");
    h.check("HGETDEL h FIELDS 2 a", "-ERR The `numfields` parameter must match the number of arguments");
    h.check("HGETEX h EX 1 FIELD 1 a", "-ERR Mandatory argument FIELDS is missing or not at the right position");
    h.check("HGETALL h", "[\"a\", \"1\"]");
}

/// Runs a case on a small hash and on a large one.
fn small_and_large(case: impl Fn(&mut Harness)) {
    for limit in [512, 1] {
        let mut config = Config::default();
        config.overwrite("enable-debug-command", b"yes").unwrap();
        let mut h = Harness::with_config(config);
        h.send(&format!("CONFIG SET hash-max-listpack-entries {limit}"));
        if limit == 1 {
            for number in 0..80 {
                h.send(&format!("HSET h filler:{number} x"));
            }
        }
        case(&mut h);
    }
}

#[test]
fn what_has_expired_is_not_there_any_more() {
    small_and_large(|h| {
        let others = if h.send("EXISTS h").to_string() == ":1" { 80 } else { 0 };
        h.send("HSET h a 1 b 2 c 3");
        h.send("HPEXPIRE h 100 FIELDS 2 a b");
        h.check("HLEN h", &format!(":{}", others + 3));
        h.advance_ms(101);
        h.check("HLEN h", &format!(":{}", others + 1));
        h.check("HGET h a", "nil");
        h.check("HMGET h a b c", "[nil, nil, \"3\"]");
        h.check("HEXISTS h a", ":0");
        h.check("HSTRLEN h a", ":0");
        assert_eq!(h.send("HGETALL h").items().len(), 2 * others + 2);
        h.check("HTTL h FIELDS 1 a", "[:-2]");
        assert_eq!(h.stats().expired_subkeys, 2);
    });
}

#[test]
fn readers_have_what_expired_deleted_and_writers_before_they_write() {
    small_and_large(|h| {
        h.send("HSET h a 1 b 2 c 3");
        h.send("HPEXPIRE h 100 FIELDS 1 a");
        h.advance_ms(101);
        h.check_stream("HGET h c", "\"3\"", "HDEL h a");
        h.send("HPEXPIRE h 100 FIELDS 1 b");
        h.advance_ms(101);
        h.check_stream("HINCRBY h b 5", ":5", "MULTI; HDEL h b; HINCRBY h b 5; EXEC");
        h.send("HPEXPIRE h 100 FIELDS 1 c");
        h.advance_ms(101);
        h.check_stream("HSETNX h c 1", ":1", "MULTI; HDEL h c; HSETNX h c 1; EXEC");
        h.check("HPTTL h FIELDS 2 b c", "[:-1, :-1]");
    });
}

#[test]
fn time_deletes_fields_and_keys_that_nobody_looks_at() {
    let mut h = Harness::new();
    h.send("CONFIG SET notify-keyspace-events KEA");
    h.send("HSET h a 1 b 2");
    h.send("HSET i a 1");
    h.send("HPEXPIRE h 100 FIELDS 1 a");
    h.send("HPEXPIRE i 200 FIELDS 1 a");
    let info = |h: &mut Harness| String::from_utf8_lossy(h.send("INFO keyspace").bytes()).into_owned();
    assert!(info(&mut h).contains("keys=2,expires=0,avg_ttl=0,subexpiry=2"), "{}", info(&mut h));
    h.advance_ms(150);
    h.tick();
    assert!(info(&mut h).contains("keys=2,expires=0,avg_ttl=0,subexpiry=1"), "{}", info(&mut h));
    h.check("HGETALL h", "[\"b\", \"2\"]");
    h.check("OBJECT ENCODING h", "\"listpack\"");
    h.advance_ms(150);
    h.tick();
    h.check("EXISTS i", ":0");
    assert_eq!(h.stats().expired_subkeys, 2);
    h.send("HSETEX h PX 100 FIELDS 1 a 1");
    h.send("SET h string");
    assert!(info(&mut h).contains("subexpiry=0"), "{}", info(&mut h));
}

#[test]
fn a_large_hash_is_cleared_of_what_expired_step_by_step() {
    let mut h = Harness::new();
    for part in 0..10 {
        let pairs: String = (0..500).map(|number| format!(" field:{part}:{number} x")).collect();
        h.send(&format!("HSETEX h PX {} FIELDS 500{pairs}", 100 + part));
    }
    h.send("HSET h stays x");
    h.check("OBJECT ENCODING h", "\"hashtable\"");
    h.advance_ms(200);
    h.check("HLEN h", ":1");
    for _ in 0..4 {
        h.tick();
    }
    assert_eq!(h.stats().expired_subkeys, 5000);
    h.check("HGETALL h", "[\"stays\", \"x\"]");
    h.check("HRANDFIELD h", "\"stays\"");
}

#[test]
fn a_time_in_the_past_deletes_at_once() {
    small_and_large(|h| {
        h.send("HSET h a 1 b 2");
        h.check_stream("HEXPIREAT h 1 FIELDS 2 a x", "[:2, :-2]", "HDEL h a");
        h.check("HEXISTS h a", ":0");
        h.check("HPEXPIRE h 0 FIELDS 1 b", "[:2]");
    });
    let mut h = Harness::new();
    h.send("HSET h a 1");
    h.check("HEXPIRE h 0 FIELDS 2 a a", "[:2, :-2]");
    h.check("EXISTS h", ":0");
    h.check_stream("HSETEX new EXAT 1 FIELDS 1 a 1", ":1", "");
    h.check("EXISTS new", ":0");
}

#[test]
fn values_come_and_go_with_or_without_their_expiries() {
    small_and_large(|h| {
        h.send("HSET h a 1 b 2");
        h.send("HPEXPIRE h 1000 FIELDS 2 a b");
        h.send("HSET h a 9");
        h.check("HPTTL h FIELDS 2 a b", "[:-1, :1000]");
        h.check("HINCRBY h b 1", ":3");
        h.check_stream("HINCRBYFLOAT h b 0.5", "\"3.5\"", "HSETEX h KEEPTTL FIELDS 1 b 3.5");
        h.check("HPTTL h FIELDS 1 b", "[:1000]");
        h.check("HSETEX h KEEPTTL FIELDS 1 b 4", ":1");
        h.check("HPTTL h FIELDS 1 b", "[:1000]");
        h.check("HSETEX h FXX FIELDS 2 b 5 x 1", ":0");
        h.check("HSETEX h FNX FIELDS 2 b 5 x 1", ":0");
        let at = START_MS + 2000;
        h.check_stream("HSETEX h FXX EX 2 FIELDS 1 b 5", ":1", &format!("HSETEX h FXX PXAT {at} FIELDS 1 b 5"));
        h.check("HGETEX h FIELDS 2 b x", "[\"5\", nil]");
        h.check("HPTTL h FIELDS 1 b", "[:2000]");
        h.check_stream(
            "HGETEX h PX 50 FIELDS 2 b x",
            "[\"5\", nil]",
            &format!("HPEXPIREAT h {} FIELDS 1 b", START_MS + 50),
        );
        h.check_stream("HGETEX h PERSIST FIELDS 2 a b", "[\"9\", \"5\"]", "HPERSIST h FIELDS 1 b");
        h.check_stream("HGETEX h EXAT 1 FIELDS 1 b", "[\"5\"]", "HDEL h b");
        h.check_stream("HGETDEL h FIELDS 3 a x a", "[\"9\", nil, \"9\"]", "HDEL h a");
        h.check("HGETDEL missing FIELDS 1 a", "[nil]");
        h.check("HGETEX missing FIELDS 1 a", "[nil]");
    });
}

#[test]
fn hscan_may_leave_values_out() {
    let mut h = Harness::new();
    h.send("HSET h a 1 b 2");
    h.send("SADD s a");
    h.check("HSCAN h 0 NOVALUES", "[\"0\", [\"a\", \"b\"]]");
    h.check("HSCAN h 0 NOVALUES MATCH b COUNT 5", "[\"0\", [\"b\"]]");
    h.check("SSCAN s 0 NOVALUES", "-ERR NOVALUES option can only be used in HSCAN");
    h.check("SCAN 0 NOVALUES", "-ERR NOVALUES option can only be used in HSCAN");
}

#[test]
fn hashes_say_how_they_are_kept() {
    let mut h = Harness::new();
    h.send("HSET h a 1 b 2");
    h.send("HEXPIRE h 100 FIELDS 1 a");
    h.check("OBJECT ENCODING h", "\"listpackex\"");
    h.check("HPERSIST h FIELDS 1 a", "[:1]");
    h.check("OBJECT ENCODING h", "\"listpack\"");
    h.send("CONFIG SET hash-max-listpack-entries 2");
    h.send("HSETEX h EX 100 FIELDS 1 c 3");
    h.check("OBJECT ENCODING h", "\"hashtable\"");
}

#[test]
fn expiries_go_where_their_hash_goes() {
    small_and_large(|h| {
        h.send("HSET h a 1 b 2");
        h.send("HPEXPIRE h 1000 FIELDS 1 a");
        h.check("RENAME h r", "+OK");
        h.check("COPY r c", ":1");
        h.check("MOVE c 1", ":1");
        h.send("SELECT 1");
        h.check("HPTTL c FIELDS 2 a b", "[:1000, :-1]");
        h.check("SWAPDB 0 1", "+OK");
        h.check("HPTTL r FIELDS 1 a", "[:1000]");
        let payload = h.send("DUMP r");
        h.request(&[b"RESTORE", b"s", b"0", payload.bytes()]);
        h.check("HPTTL s FIELDS 2 a b", "[:1000, :-1]");
        let digest = |h: &mut Harness, key: &str| h.send(&format!("DEBUG DIGEST-VALUE {key}")).to_string();
        assert_eq!(digest(h, "r"), digest(h, "s"));
        h.send("HPERSIST s FIELDS 1 a");
        assert_ne!(digest(h, "r"), digest(h, "s"));
        h.advance_ms(1001);
        h.tick();
        h.check("HEXISTS r a", ":0");
        h.send("SELECT 0");
        h.check("HEXISTS c a", ":0");
        h.check("SET c x", "+OK");
        h.check("FLUSHDB", "+OK");
    });
}

#[test]
fn a_hash_of_which_all_has_expired_is_answered_as_none() {
    let mut h = Harness::new();
    for reader in ["HGETALL h", "HRANDFIELD h 3", "HRANDFIELD h -3", "HKEYS h", "HVALS h"] {
        h.send("HSETEX h PX 10 FIELDS 2 a 1 b 2");
        h.advance_ms(11);
        h.check_stream(reader, "[]", "HDEL h a b");
        h.check("EXISTS h", ":0");
    }
    h.send("HSETEX h PX 10 FIELDS 1 a 1");
    h.advance_ms(11);
    h.check("HRANDFIELD h", "nil");
    h.send("HSETEX h PX 10 FIELDS 1 a 1");
    h.advance_ms(11);
    h.check_stream("HDEL h a", ":0", "HDEL h a");
}

#[test]
fn a_replica_hides_what_has_expired_and_waits_for_its_master() {
    small_and_large(|h| {
        h.send("HSET h a 1 b 2");
        h.send("HPEXPIRE h 100 FIELDS 1 a");
        let all = h.send("HLEN h").to_string();
        h.send("REPLICAOF 127.0.0.1 1");
        h.advance_ms(101);
        h.tick();
        h.check("HGET h a", "nil");
        h.check("HMGET h a b", "[nil, \"2\"]");
        assert_ne!(h.send("HLEN h").to_string(), all);
        assert_eq!(h.stats().expired_subkeys, 0);
    });
}

#[test]
fn sort_sees_no_expired_field() {
    let mut h = Harness::new();
    h.send("RPUSH l 1 2");
    h.send("HSETEX h1 PX 10 FIELDS 1 w 9");
    h.send("HSET h2 w 5");
    h.check("SORT l BY h*->w", "[\"2\", \"1\"]");
    h.advance_ms(11);
    h.check("SORT l BY h*->w", "[\"1\", \"2\"]");
}
