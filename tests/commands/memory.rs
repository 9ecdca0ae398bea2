//! Memory: the bits that keys are evicted by, evictions in the stream, lazy-free directives, MEMORY, maxmemory-clients.

use crate::harness::Harness;

const NO_IDLE_TIME: &str = "-ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when \
                            switching between policies at runtime LRU and LFU data will take some time to adjust.";

#[test]
fn idle_time_grows_until_a_key_is_used() {
    let mut h = Harness::new();
    h.check("SET k v", "+OK");
    h.advance_ms(10_000);
    h.check("OBJECT IDLETIME k", ":10");
    h.check("TTL k", ":-1");
    h.check("OBJECT IDLETIME k", ":10");
    h.check("GET k", "\"v\"");
    h.check("OBJECT IDLETIME k", ":0");
}

#[test]
fn who_leaves_no_trace_moves_no_clock_but_by_touch() {
    let mut h = Harness::new();
    h.check("SET k v", "+OK");
    h.check("CLIENT NO-TOUCH on", "+OK");
    h.advance_ms(10_000);
    h.check("GET k", "\"v\"");
    h.check("OBJECT IDLETIME k", ":10");
    h.check("TOUCH k missing", ":1");
    h.check("OBJECT IDLETIME k", ":0");
}

#[test]
fn uses_are_counted_and_forgotten_by_the_minute() {
    let mut h = Harness::new();
    h.check("CONFIG SET maxmemory-policy allkeys-lfu lfu-log-factor 0", "+OK");
    h.check("SET k v", "+OK");
    h.check("OBJECT FREQ k", ":5");
    for _ in 0..10 {
        h.check("GET k", "\"v\"");
    }
    h.check("OBJECT FREQ k", ":15");
    h.check("SET k w", "+OK");
    h.check("OBJECT FREQ k", ":16");
    h.check("SET n 1", "+OK");
    h.check("INCR n", ":2");
    h.check("OBJECT FREQ n", ":6");
    h.advance_ms(180_000);
    h.check("OBJECT FREQ k", ":13");
    h.check("CONFIG SET lfu-decay-time 2", "+OK");
    h.check("OBJECT FREQ k", ":15");
    h.check("CONFIG SET lfu-decay-time 0", "+OK");
    h.check("OBJECT FREQ k", ":16");
    h.check("OBJECT IDLETIME k", NO_IDLE_TIME);
    h.check("OBJECT FREQ missing", "nil");
}

#[test]
fn restore_sets_what_the_policy_reads() {
    let mut h = Harness::new();
    h.check("SET k v", "+OK");
    let dump = h.send("DUMP k").bytes().to_vec();
    h.request(&[b"RESTORE", b"idle", b"0", &dump, b"IDLETIME", b"1000"]);
    h.check("OBJECT IDLETIME idle", ":1000");
    h.check("CONFIG SET maxmemory-policy volatile-lfu", "+OK");
    h.request(&[b"RESTORE", b"used", b"0", &dump, b"FREQ", b"100"]);
    h.check("OBJECT FREQ used", ":100");
    h.request(&[b"RESTORE", b"idle", b"0", &dump, b"IDLETIME", b"1000", b"REPLACE"]);
    h.check("OBJECT FREQ idle", ":5");
}

#[test]
fn evictions_enter_the_stream_as_the_directive_says() {
    for (lazy, verb) in [("no", "DEL"), ("yes", "UNLINK")] {
        let mut h = Harness::new();
        h.check("SET k v", "+OK");
        h.check(&format!("CONFIG SET lazyfree-lazy-eviction {lazy}"), "+OK");
        h.check("CONFIG SET maxmemory 1 maxmemory-policy allkeys-lru", "+OK");
        h.check_stream("GET other", "nil", &format!("{verb} k"));
        assert_eq!((h.stats().evicted_keys, h.stats().expired_keys), (1, 0));
        h.check("SET k v", "-OOM command not allowed when used memory > 'maxmemory'.");
        h.check("MULTI", "+OK");
        h.check("GET k", "-OOM command not allowed when used memory > 'maxmemory'.");
        h.check("EXEC", "-EXECABORT Transaction discarded because of previous errors.");
    }
}

#[test]
fn each_policy_takes_the_keys_that_it_names() {
    let policies = ["allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu", "volatile-random"];
    for policy in policies.into_iter().chain(["volatile-ttl", "noeviction"]) {
        let mut h = Harness::new();
        h.check("MSET a v b v c v", "+OK");
        h.check("SET soon v EX 10", "+OK");
        h.check("SET late v EX 100", "+OK");
        h.check(&format!("CONFIG SET maxmemory 1 maxmemory-policy {policy}"), "+OK");
        h.tick();
        let left = match policy {
            "noeviction" => 5,
            _ if policy.starts_with("volatile") => 3,
            _ => 0,
        };
        h.check("DBSIZE", &format!(":{left}"));
        h.check("CONFIG SET maxmemory 0", "+OK");
        h.check("SET a v", "+OK");
    }
}

#[test]
fn expired_keys_enter_the_stream_as_the_directive_says() {
    let mut h = Harness::new();
    h.check("CONFIG SET lazyfree-lazy-expire yes", "+OK");
    h.check("SET k v PX 10", "+OK");
    h.advance_ms(11);
    h.check_stream("GET k", "nil", "UNLINK k");
    h.check("SET k v", "+OK");
    h.check_stream("PEXPIREAT k 1", ":1", "UNLINK k");
    h.check("CONFIG SET lazyfree-lazy-user-del yes", "+OK");
    h.check("SET k v", "+OK");
    h.check_stream("GETDEL k", "\"v\"", "UNLINK k");
    h.check("SET k v", "+OK");
    h.check_stream("DEL k", ":1", "DEL k");
}

#[test]
fn expired_keys_that_a_walk_meets_are_deleted_one_by_one() {
    for walk in ["SCAN 0", "RANDOMKEY"] {
        let mut h = Harness::new();
        h.check("SET a v PX 1", "+OK");
        h.check("SET b v PX 1", "+OK");
        h.advance_ms(2);
        let before = h.engine.node.offset();
        h.send(walk);
        let stream = h.stream_since(before);
        assert!(["DEL a; DEL b", "DEL b; DEL a"].contains(&stream.as_str()), "{walk}: {stream}");
        // What follows is whole again.
        h.check("MULTI", "+OK");
        h.check("SET a v", "+QUEUED");
        h.check("SET b v", "+QUEUED");
        h.check_stream("EXEC", "[+OK, +OK]", "MULTI; SET a v; SET b v; EXEC");
    }
}

#[test]
fn memory_answers_figures_and_words() {
    let mut h = Harness::new();
    h.check("SET k v", "+OK");
    let stats = h.send("MEMORY STATS").to_string();
    for name in ["peak.allocated", "db.0", "overhead.hashtable.main", "keys.count", "allocator-rss.ratio"] {
        assert!(stats.contains(&format!("\"{name}\"")), "{name}: {stats}");
    }
    h.check("MEMORY PURGE", "+OK");
    assert!(!h.send("MEMORY DOCTOR").bytes().is_empty());
    assert!(String::from_utf8_lossy(h.send("MEMORY MALLOC-STATS").bytes()).contains("jemalloc"));
    h.check("MEMORY USAGE missing", "nil");
    h.check("MEMORY USAGE k SAMPLES -1", "-ERR syntax error");
}

#[test]
fn the_largest_client_is_closed_when_all_take_too_much() {
    let mut h = Harness::new();
    let (mut large, mut exempt) = (h.connect(), h.connect());
    h.check_by(&mut exempt, "CLIENT NO-EVICT on", "+OK");
    let queue = "x".repeat(1_000_000);
    for client in [&mut large, &mut exempt] {
        h.check_by(client, "MULTI", "+OK");
        h.check_by(client, &format!("GET {queue}"), "+QUEUED");
    }
    h.check("CONFIG SET maxmemory-clients 10mb", "+OK");
    assert_eq!(h.stats().evicted_clients, 0);
    h.check("CONFIG SET maxmemory-clients 2200000", "+OK");
    assert_eq!(h.stats().evicted_clients, 1);
    h.check_by(&mut exempt, "DISCARD", "+OK");
}

#[test]
fn a_client_counts_with_what_it_watches_and_is_subscribed_to() {
    let mut h = Harness::new();
    let tot_mem = |h: &mut Harness| {
        let mut asks = h.connect();
        let reply = h.send_by(&mut asks, "CLIENT LIST ID 1");
        let line = String::from_utf8_lossy(reply.bytes()).into_owned();
        let figure = line.split("tot-mem=").nth(1).and_then(|rest| rest.split(' ').next()).map(str::parse::<u64>);
        figure.expect("the line has tot-mem").expect("a number")
    };
    // Buffers count, too: so many small names, not a large one.
    let before = tot_mem(&mut h);
    let verbs = [
        ("WATCH", "UNWATCH"),
        ("SUBSCRIBE", "UNSUBSCRIBE"),
        ("PSUBSCRIBE", "PUNSUBSCRIBE"),
        ("SSUBSCRIBE", "SUNSUBSCRIBE"),
    ];
    for (take, leave) in verbs {
        for number in 0..2_000 {
            let name = format!("{:x>100}", number % 1_000);
            assert!(!h.execute(&[take.as_bytes(), name.as_bytes()]).is_empty());
        }
        let taken = tot_mem(&mut h) - before;
        assert!((200_000..500_000).contains(&taken), "{take}: {taken}");
        assert!(!h.execute(&[leave.as_bytes()]).is_empty());
        // What it takes now is the room of the last reply.
        let left = tot_mem(&mut h) - before;
        assert!(left < 200_000, "{leave}: {left}");
    }
}

#[test]
fn a_client_counts_with_the_prefixes_that_it_tracks() {
    let mut h = Harness::new();
    let mut tracker = h.connect();
    for number in 0..1_000 {
        h.check_by(&mut tracker, &format!("CLIENT TRACKING on BCAST PREFIX {number:x>100}"), "+OK");
    }
    h.check("CONFIG SET maxmemory-clients 200000", "+OK");
    assert_eq!(h.stats().evicted_clients, 1);
}

#[test]
fn a_random_reply_that_ends_the_connection_is_not_made_to_its_end() {
    let mut h = Harness::new();
    h.check("HSET h a b", ":1");
    h.check("SADD s a", ":1");
    h.check("CONFIG SET client-output-buffer-limit 'normal 1000 0 0'", "+OK");
    for request in ["HRANDFIELD h -100000", "HRANDFIELD h -100000 WITHVALUES", "SRANDMEMBER s -100000"] {
        let mut client = h.connect();
        std::mem::swap(&mut h.main, &mut client);
        let words: Vec<&[u8]> = request.split(' ').map(str::as_bytes).collect();
        assert!(h.execute(&words).len() < 2_000, "{request}");
        std::mem::swap(&mut h.main, &mut client);
    }
}

#[test]
fn a_writable_replica_deletes_what_its_own_clients_let_expire() {
    let mut h = Harness::new();
    h.check("CONFIG SET replica-read-only no", "+OK");
    h.check("REPLICAOF 127.0.0.1 1", "+OK");
    h.check("SET set v PX 10", "+OK");
    h.check("SET expire v", "+OK");
    h.check("PEXPIRE expire 10", ":1");
    h.check("SET kept v PX 10", "+OK");
    h.check("PERSIST kept", ":1");
    h.advance_ms(11);
    h.check("DBSIZE", ":3");
    h.tick();
    h.check("DBSIZE", ":1");
    assert_eq!(h.stats().expired_keys, 2);
}
