//! Lists: what is answered, what is propagated, how they are kept.

use crate::harness::Harness;

#[test]
fn lists_grow_and_shrink_at_their_ends() {
    let mut h = Harness::new();
    h.check("RPUSH l a b c", ":3");
    h.check("LPUSH l x y", ":5");
    h.check("LRANGE l 0 -1", "[\"y\", \"x\", \"a\", \"b\", \"c\"]");
    h.check("LPUSHX missing a", ":0");
    h.check("EXISTS missing", ":0");
    h.check("RPUSHX l d 10", ":7");
    h.check("LPOP l", "\"y\"");
    h.check("RPOP l 2", "[\"10\", \"d\"]");
    h.check("LPOP l 0", "[]");
    h.check("LPOP missing", "nil");
    h.check("LPOP missing 1", "nil");
    h.check("LPOP l -1", "-ERR value is out of range, must be positive");
    h.check("LPOP l 1 2", "-ERR wrong number of arguments for 'lpop' command");
    h.check("LPOP l 100", "[\"x\", \"a\", \"b\", \"c\"]");
    h.check("EXISTS l", ":0");
}

#[test]
fn elements_are_found_and_changed_by_index() {
    let mut h = Harness::new();
    h.send("RPUSH l a b c b a");
    h.check("LLEN l", ":5");
    h.check("LINDEX l -1", "\"a\"");
    h.check("LINDEX l 5", "nil");
    h.check("LSET l 1 B", "+OK");
    h.check("LSET l 5 x", "-ERR index out of range");
    h.check("LSET missing 0 x", "-ERR no such key");
    h.check("LINSERT l BEFORE c before", ":6");
    h.check("LINSERT l AFTER nothing x", ":-1");
    h.check("LINSERT missing AFTER a x", ":0");
    h.check("LINSERT l BESIDE a x", "-ERR syntax error");
    h.check("LRANGE l 0 -1", "[\"a\", \"B\", \"before\", \"c\", \"b\", \"a\"]");
    h.check("LREM l -1 a", ":1");
    h.check("LTRIM l 1 2", "+OK");
    h.check("LRANGE l 0 -1", "[\"B\", \"before\"]");
    h.check("LTRIM l 5 9", "+OK");
    h.check("EXISTS l", ":0");
}

#[test]
fn positions_are_searched_from_both_ends() {
    let mut h = Harness::new();
    h.send("RPUSH l a b c 1 2 3 c c");
    h.check("LPOS l c", ":2");
    h.check("LPOS l c RANK -1", ":7");
    h.check("LPOS l c RANK 2 COUNT 0", "[:6, :7]");
    h.check("LPOS l c RANK -2 COUNT 0", "[:6, :2]");
    h.check("LPOS l c COUNT 0 MAXLEN 3", "[:2]");
    h.check("LPOS l c RANK -1 COUNT 0 MAXLEN 1", "[:7]");
    h.check("LPOS l x", "nil");
    h.check("LPOS l x COUNT 1", "[]");
    h.check("LPOS l c COUNT -1", "-ERR COUNT can't be negative");
    h.check("LPOS l c MAXLEN -1", "-ERR MAXLEN can't be negative");
}

#[test]
fn elements_move_between_lists_and_around_one() {
    let mut h = Harness::new();
    h.send("RPUSH a 1 2 3");
    h.check("RPOPLPUSH a b", "\"3\"");
    h.check("LMOVE a b LEFT RIGHT", "\"1\"");
    h.check("LRANGE b 0 -1", "[\"3\", \"1\"]");
    h.check("LMOVE b b LEFT RIGHT", "\"3\"");
    h.check("LMOVE a a LEFT LEFT", "\"2\"");
    h.check("LMOVE a b LEFT UP", "-ERR syntax error");
    h.check("LMOVE a b RIGHT LEFT", "\"2\"");
    h.check("EXISTS a", ":0");
    h.check("RPOPLPUSH a b", "nil");
    h.send("SET s x");
    h.check("RPOPLPUSH b s", "-WRONGTYPE Operation against a key holding the wrong kind of value");
    h.check("LRANGE b 0 -1", "[\"2\", \"1\", \"3\"]");
}

#[test]
fn the_first_list_that_has_any_is_popped() {
    let mut h = Harness::new();
    h.send("RPUSH b 1 2 3");
    h.check_stream("LMPOP 2 a b RIGHT COUNT 2", "[\"b\", [\"3\", \"2\"]]", "RPOP b 2");
    h.check("LMPOP 1 a LEFT", "nil");
    h.check("LMPOP 0 a LEFT", "-ERR numkeys should be greater than 0");
    h.check("LMPOP 2 a LEFT", "-ERR syntax error");
    h.check("LMPOP 1 a LEFT COUNT 0", "-ERR count should be greater than 0");
    h.check("LMPOP 1 a LEFT COUNT 1 COUNT 1", "-ERR syntax error");
}

#[test]
fn a_list_becomes_large_and_small_again() {
    let mut h = Harness::new();
    h.send("CONFIG SET list-max-listpack-size 8");
    h.send("RPUSH l 1 2 3 4 5 6 7 8");
    h.check("OBJECT ENCODING l", "\"listpack\"");
    h.check("RPUSH l 9", ":9");
    h.check("OBJECT ENCODING l", "\"quicklist\"");
    h.check("LPOP l 4", "[\"1\", \"2\", \"3\", \"4\"]");
    h.check("OBJECT ENCODING l", "\"quicklist\"");
    h.check("LPOP l", "\"5\"");
    h.check("OBJECT ENCODING l", "\"listpack\"");
    h.check("LRANGE l 0 -1", "[\"6\", \"7\", \"8\", \"9\"]");
    h.check("TYPE l", "+list");
}

#[test]
fn large_lists_are_changed_everywhere() {
    let mut h = Harness::new();
    for number in 0..600 {
        let long = format!("element-{number}-{}", "x".repeat(number % 90));
        h.request(&[b"RPUSH", b"l", long.as_bytes()]);
    }
    h.check("OBJECT ENCODING l", "\"quicklist\"");
    h.check("LLEN l", ":600");
    h.check("LINDEX l 180", "\"element-180-\"");
    h.check("LSET l 180 pivot", "+OK");
    for _ in 0..50 {
        let long = "y".repeat(300);
        h.request(&[b"LINSERT", b"l", b"AFTER", b"pivot", long.as_bytes()]);
    }
    h.check("LLEN l", ":650");
    h.check("LPOS l pivot", ":180");
    h.check("LINDEX l 231", &format!("\"element-181-{}\"", "x"));
    h.check("COPY l copy", ":1");
    h.check(&format!("LREM l -20 {}", "y".repeat(300)), ":20");
    h.check("LTRIM l 100 -100", "+OK");
    h.check("LLEN l", ":431");
    h.check("LLEN copy", ":650");
    h.check("LINDEX l 80", "\"pivot\"");
}

#[test]
fn lists_and_strings_refuse_each_others_commands() {
    const WRONG: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    let mut h = Harness::new();
    h.send("SET s x");
    h.send("RPUSH l x");
    for line in
        ["LPUSH s a", "RPUSHX s a", "LPOP s", "LLEN s", "LINDEX s 0", "LSET s 0 a", "LRANGE s 0 1", "LTRIM s 0 1"]
    {
        h.check(line, WRONG);
    }
    for line in ["LREM s 0 a", "LINSERT s BEFORE a b", "LPOS s a", "LMOVE s l LEFT LEFT", "LMPOP 1 s LEFT"] {
        h.check(line, WRONG);
    }
    for line in ["GET l", "APPEND l x", "INCR l", "SETRANGE l 0 x", "STRLEN l", "GETSET l x", "GETDEL l", "SET l x GET"]
    {
        h.check(line, WRONG);
    }
    h.check("MGET l s", "[nil, \"x\"]");
    h.check("SET l x", "+OK");
}

#[test]
fn changes_are_told_as_redis_tells_them() {
    let mut h = Harness::new();
    h.send("CONFIG SET notify-keyspace-events KEA");
    let listener = {
        let mut listener = h.connect();
        h.send_by(&mut listener, "PSUBSCRIBE __keyevent@0__:*");
        listener
    };
    for (line, events) in [
        ("RPUSH l a b c", &["rpush"][..]),
        ("LSET l 0 x", &["lset"]),
        ("LINSERT l AFTER x y", &["linsert"]),
        ("LREM l 0 nothing", &[]),
        ("LREM l 0 y", &["lrem"]),
        ("LTRIM l 0 -1", &["ltrim"]),
        ("LMOVE l m LEFT LEFT", &["lpush", "lpop"]),
        ("LPOP m", &["lpop", "del"]),
        ("RPOP l 2", &["rpop", "del"]),
    ] {
        h.send(line);
        let received = h.received(&listener);
        let told: Vec<&str> = received.split("__:").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let told: Vec<&str> = told.into_iter().filter(|event| *event != "*").collect();
        assert_eq!(told, events, "{line}: {received}");
    }
}

#[test]
fn who_waits_is_served_in_order_each_as_a_unit_of_its_own() {
    let mut h = Harness::new();
    let (mut first, mut second) = (h.connect(), h.connect());
    h.check_all_by(&mut first, "BLPOP l m 0", "");
    h.check_all_by(&mut second, "BRPOP l 0", "");
    assert!(h.send("INFO clients").to_string().contains("total_blocking_keys:2"));
    h.check_stream("RPUSH l a b c", ":3", "RPUSH l a b c; LPOP l; RPOP l");
    assert_eq!(h.received(&first), "[\"l\", \"a\"]");
    assert_eq!(h.received(&second), "[\"l\", \"c\"]");
    h.check("LRANGE l 0 -1", "[\"b\"]");
    h.check_by(&mut first, "BLPOP l 0", "[\"l\", \"b\"]");
}

#[test]
fn what_one_served_client_brings_serves_the_next() {
    let mut h = Harness::new();
    let (mut mover, mut popper) = (h.connect(), h.connect());
    h.check_all_by(&mut mover, "BLMOVE a b LEFT RIGHT 0", "");
    h.check_all_by(&mut popper, "BLMPOP 0 2 x b RIGHT COUNT 5", "");
    h.check_stream("LPUSH a 1", ":1", "LPUSH a 1; LMOVE a b LEFT RIGHT; RPOP b 1");
    assert_eq!(h.received(&mover), "\"1\"");
    assert_eq!(h.received(&popper), "[\"b\", [\"1\"]]");
    h.check_all_by(&mut mover, "BRPOPLPUSH a b 0", "");
    h.check_stream("RPUSH a 2", ":1", "RPUSH a 2; RPOPLPUSH a b");
}

#[test]
fn a_transaction_is_over_before_anybody_is_served() {
    let mut h = Harness::new();
    let mut waiting = h.connect();
    h.check_all_by(&mut waiting, "BLPOP l 0", "");
    for line in ["MULTI", "RPUSH l a", "DEL l", "BLPOP l 0"] {
        h.send(line);
    }
    h.check("EXEC", "[:1, :1, nil]");
    assert_eq!(h.received(&waiting), "");
    for line in ["MULTI", "RPUSH l a", "RPUSH l b"] {
        h.send(line);
    }
    h.check_stream("EXEC", "[:1, :2]", "MULTI; RPUSH l a; RPUSH l b; EXEC; LPOP l");
    assert_eq!(h.received(&waiting), "[\"l\", \"a\"]");
}

#[test]
fn waits_end_with_time_or_by_others() {
    let mut h = Harness::new();
    let mut waiting = h.connect();
    let id = h.send_by(&mut waiting, "CLIENT ID").to_string();
    h.check("BLPOP l -1", "-ERR timeout is negative");
    h.check("BLPOP l x", "-ERR timeout is not a float or out of range");
    h.check_all_by(&mut waiting, "BLPOP l 0.5", "");
    h.advance_ms(499);
    h.tick();
    assert_eq!(h.received(&waiting), "");
    h.advance_ms(1);
    h.tick();
    assert_eq!(h.received(&waiting), "nil");
    h.check_all_by(&mut waiting, "BLMOVE l m LEFT LEFT 0", "");
    h.check(&format!("CLIENT UNBLOCK {}", &id[1..]), ":1");
    assert_eq!(h.received(&waiting), "nil");
    h.check_all_by(&mut waiting, "BLPOP l 0", "");
    h.check(&format!("CLIENT UNBLOCK {} ERROR", &id[1..]), ":1");
    assert_eq!(h.received(&waiting), "-UNBLOCKED client unblocked via CLIENT UNBLOCK");
    h.check(&format!("CLIENT UNBLOCK {}", &id[1..]), ":0");
    h.check_all_by(&mut waiting, "BLPOP l 0", "");
    h.disconnect(waiting);
    h.check("RPUSH l a", ":1");
    h.check("LLEN l", ":1");
}

#[test]
fn databases_that_change_places_bring_what_was_waited_for() {
    let mut h = Harness::new();
    let mut waiting = h.connect();
    h.check_all_by(&mut waiting, "BLPOP l 0", "");
    h.send("SELECT 1");
    h.send("RPUSH l a");
    assert_eq!(h.received(&waiting), "");
    h.check("SWAPDB 0 1", "+OK");
    assert_eq!(h.received(&waiting), "[\"l\", \"a\"]");
}

#[test]
fn only_a_list_ends_the_wait_for_one() {
    let mut h = Harness::new();
    let mut waiting = h.connect();
    h.check_all_by(&mut waiting, "BLPOP l 0", "");
    h.send("SET l string");
    assert_eq!(h.received(&waiting), "");
    h.send("RPUSH other a");
    h.check("RENAME other l", "+OK");
    assert_eq!(h.received(&waiting), "[\"l\", \"a\"]");
    h.check_all_by(&mut waiting, "BLMOVE l target LEFT LEFT 0", "");
    h.send("SET target string");
    h.send("RPUSH l a");
    assert_eq!(h.received(&waiting), "-WRONGTYPE Operation against a key holding the wrong kind of value");
    h.check("LLEN l", ":1");
}

#[test]
fn who_has_waited_is_in_the_books_once_it_is_over() {
    let mut h = Harness::new();
    let mut waiting = h.connect();
    let id = h.send_by(&mut waiting, "CLIENT ID").to_string();
    h.send("CONFIG SET slowlog-log-slower-than 0");
    h.check_all_by(&mut waiting, "BLPOP l 0", "");
    h.send("SLOWLOG RESET");
    h.send("RPUSH l a");
    assert_eq!(h.received(&waiting), "[\"l\", \"a\"]");
    let logged = h.send("SLOWLOG GET 2");
    let requests: Vec<String> = logged.items().iter().map(|entry| entry.items()[3].to_string()).collect();
    assert_eq!(requests, ["[\"BLPOP\", \"l\", \"0\"]", "[\"RPUSH\", \"l\", \"a\"]"]);
    h.check_all_by(&mut waiting, "BLPOP l 0", "");
    h.check(&format!("CLIENT UNBLOCK {} ERROR", &id[1..]), ":1");
    let stats = h.send("INFO commandstats").to_string();
    let blpop = stats.split("cmdstat_blpop:").nth(1).and_then(|rest| rest.split("\\r\\n").next()).unwrap_or_default();
    assert!(blpop.starts_with("calls=2,") && blpop.ends_with("failed_calls=1"), "{blpop}");
}
