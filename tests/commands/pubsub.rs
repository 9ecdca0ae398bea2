//! Pub/sub and key events.

use crate::harness::Harness;

#[test]
fn a_message_reaches_channels_and_patterns() {
    let mut h = Harness::new();
    let mut ann = h.connect();
    h.check_all_by(&mut ann, "SUBSCRIBE a b", r#"["subscribe", "a", :1]; ["subscribe", "b", :2]"#);
    h.check_all_by(&mut ann, "PSUBSCRIBE a*", r#"["psubscribe", "a*", :3]"#);
    h.check("PUBLISH a hello", ":2");
    assert_eq!(h.received(&ann), r#"["message", "a", "hello"]; ["pmessage", "a*", "a", "hello"]"#);
    h.check("PUBLISH none hello", ":0");
    assert_eq!(h.received(&ann), "");
    h.check("PUBSUB CHANNELS", r#"["a", "b"]"#);
    h.check("PUBSUB CHANNELS b*", r#"["b"]"#);
    h.check("PUBSUB NUMSUB a c", r#"["a", :1, "c", :0]"#);
    h.check("PUBSUB NUMPAT", ":1");
    h.check_all_by(&mut ann, "UNSUBSCRIBE a", r#"["unsubscribe", "a", :2]"#);
    h.check_all_by(&mut ann, "UNSUBSCRIBE", r#"["unsubscribe", "b", :1]"#);
    h.check_all_by(&mut ann, "UNSUBSCRIBE", r#"["unsubscribe", nil, :1]"#);
    h.check_all_by(&mut ann, "PUNSUBSCRIBE a*", r#"["punsubscribe", "a*", :0]"#);
    h.check("PUBSUB NUMPAT", ":0");
}

#[test]
fn publish_enters_the_stream_although_it_changes_nothing() {
    let mut h = Harness::new();
    h.check_stream("PUBLISH a hello", ":0", "PUBLISH a hello");
    h.check_stream("SPUBLISH a hello", ":0", "SPUBLISH a hello");
}

#[test]
fn shard_channels_are_channels_of_their_own() {
    let mut h = Harness::new();
    let mut ann = h.connect();
    h.check_all_by(&mut ann, "SUBSCRIBE a", r#"["subscribe", "a", :1]"#);
    h.check_all_by(&mut ann, "SSUBSCRIBE a", r#"["ssubscribe", "a", :1]"#);
    h.check("SPUBLISH a hello", ":1");
    assert_eq!(h.received(&ann), r#"["smessage", "a", "hello"]"#);
    h.check("PUBSUB SHARDCHANNELS", r#"["a"]"#);
    h.check("PUBSUB SHARDNUMSUB a", r#"["a", :1]"#);
    h.check_all_by(&mut ann, "SUNSUBSCRIBE", r#"["sunsubscribe", "a", :0]"#);
    h.check("PUBSUB SHARDCHANNELS", "[]");
}

#[test]
fn a_subscriber_of_resp2_may_only_subscribe() {
    let mut h = Harness::new();
    h.check_all("SUBSCRIBE a", r#"["subscribe", "a", :1]"#);
    h.check(
        "GET k",
        "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this \
         context",
    );
    h.check("PING", r#"["pong", ""]"#);
    h.check("PING hi", r#"["pong", "hi"]"#);
    h.check("UNSUBSCRIBE", r#"["unsubscribe", "a", :0]"#);
    h.check("GET k", "nil");
    h.check("PING", "+PONG");
}

#[test]
fn a_subscriber_of_resp3_goes_on_and_is_sent_pushes() {
    let mut h = Harness::new();
    h.send("HELLO 3");
    let subscribed = h.execute_raw(b"SUBSCRIBE a\r\n");
    assert_eq!(subscribed, b">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
    h.check("GET k", "nil");
    // The message to oneself stands before the reply.
    let published = h.execute_raw(b"PUBLISH a x\r\n");
    assert_eq!(published, b">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n:1\r\n");
}

#[test]
fn reset_and_the_end_of_a_connection_end_subscriptions() {
    let mut h = Harness::new();
    let (mut ann, mut bob) = (h.connect(), h.connect());
    h.check_all_by(&mut ann, "SUBSCRIBE a", r#"["subscribe", "a", :1]"#);
    h.check_all_by(&mut bob, "PSUBSCRIBE *", r#"["psubscribe", "*", :1]"#);
    h.check("PUBLISH a 1", ":2");
    h.received(&ann);
    h.check_by(&mut ann, "RESET", "+RESET");
    h.check("PUBLISH a 2", ":1");
    assert_eq!(h.received(&ann), "");
    h.disconnect(bob);
    h.check("PUBLISH a 3", ":0");
    h.check("PUBSUB NUMPAT", ":0");
}

#[test]
fn who_does_not_read_is_closed_at_the_hard_limit() {
    let mut h = Harness::new();
    h.check("CONFIG SET client-output-buffer-limit \"pubsub 20000 0 0\"", "+OK");
    let (mut deaf, mut other) = (h.connect(), h.connect());
    h.check_all_by(&mut deaf, "SUBSCRIBE a", r#"["subscribe", "a", :1]"#);
    let text = "x".repeat(12_000);
    h.check(&format!("PUBLISH a {text}"), ":1");
    h.received(&deaf);
    h.check(&format!("PUBLISH a {text}"), ":1");
    h.check(&format!("PUBLISH a {text}"), ":1");
    assert_eq!(h.stats().output_limit_disconnections, 1);
    h.check_by(&mut other, "PING", "+PONG");
}

/// Each request's events, as a subscriber of all key events sees them: event and key.
#[test]
fn every_change_of_a_key_has_its_event() {
    let mut h = Harness::new();
    h.check("CONFIG SET notify-keyspace-events EAn", "+OK");
    let mut ann = h.connect();
    h.check_all_by(&mut ann, "PSUBSCRIBE __keyevent@*__:*", r#"["psubscribe", "__keyevent@*__:*", :1]"#);
    let table = [
        ("SET k 1", "new k, set k"),
        ("SET k 1 EX 100", "set k, expire k"),
        ("SETEX k 100 1", "set k, expire k"),
        ("GETSET k 2", "set k"),
        ("INCR k", "incrby k"),
        ("DECRBY k 3", "incrby k"),
        ("INCRBYFLOAT k 1.5", "incrbyfloat k"),
        ("APPEND k x", "append k"),
        ("SETRANGE k 0 y", "setrange k"),
        ("SETRANGE other 2 y", "new other, setrange other"),
        ("EXPIRE k 100", "expire k"),
        ("PERSIST k", "persist k"),
        ("GETEX k EX 100", "expire k"),
        ("GETEX k PERSIST", "persist k"),
        ("SETBIT k 1 0", "setbit k"),
        ("SETBIT k 1 0", ""),
        ("BITFIELD k SET u8 0 5 INCRBY u8 0 1", "setbit k"),
        ("BITFIELD grown OVERFLOW FAIL INCRBY u2 10 9", "new grown"),
        ("BITOP NOT bits k", "new bits, set bits"),
        ("BITOP AND bits missing", "del bits"),
        ("PFADD sketch a", "new sketch, pfadd sketch"),
        ("PFADD sketch a", ""),
        ("PFCOUNT sketch", ""),
        ("PFMERGE sketch sketch", "pfadd sketch"),
        ("DEL grown sketch", "del grown, del sketch"),
        ("SET k eq IFEQ no", ""),
        ("MSETEX 2 k 5 also 6 EX 100", "set k, expire k, new also, set also, expire also"),
        ("DELIFEQ also 6", "del also"),
        ("RENAME k l", "rename_from k, rename_to l"),
        ("COPY l m", "copy_to m"),
        ("MSET a 1 b 2", "new a, set a, new b, set b"),
        ("SETNX a 1", ""),
        ("GETDEL a", "del a"),
        ("DEL b other", "del b, del other"),
        ("UNLINK l", "del l"),
        ("EXPIRE m -1", "del m"),
        ("GET m", ""),
        ("SET gone 1 PX 1", "new gone, set gone, expire gone"),
    ];
    for (line, events) in table {
        h.send(line);
        assert_eq!(key_events(&h.received(&ann)), events, "{line}");
    }
    h.advance_ms(10);
    h.send("GET gone");
    assert_eq!(key_events(&h.received(&ann)), "expired gone");
}

/// `["pmessage", pattern, "__keyevent@0__:set", "k"]; ...` as `set k, ...`.
fn key_events(received: &str) -> String {
    let event = |message: &str| {
        let words: Vec<&str> = message.split('"').collect();
        format!("{} {}", words[5].rsplit(':').next().unwrap_or_default(), words[7])
    };
    received.split("; ").filter(|message| !message.is_empty()).map(event).collect::<Vec<_>>().join(", ")
}

#[test]
fn only_wanted_classes_are_published_and_nothing_of_it_is_propagated() {
    let mut h = Harness::new();
    h.check("CONFIG SET notify-keyspace-events Kgm", "+OK");
    let mut ann = h.connect();
    h.check_all_by(&mut ann, "PSUBSCRIBE __key*", r#"["psubscribe", "__key*", :1]"#);
    h.check_stream("SET k 1", "+OK", "SET k 1");
    assert_eq!(h.received(&ann), "");
    h.check_stream("DEL k", ":1", "DEL k");
    assert_eq!(h.received(&ann), r#"["pmessage", "__key*", "__keyspace@0__:k", "del"]"#);
    h.check("SELECT 3", "+OK");
    h.check("GET k", "nil");
    assert_eq!(h.received(&ann), r#"["pmessage", "__key*", "__keyspace@3__:k", "keymiss"]"#);
    h.check("CONFIG SET notify-keyspace-events A", "+OK");
    h.check("SET k 1", "+OK");
    assert_eq!(h.received(&ann), "", "classes without a channel are nothing");
}

#[test]
fn messages_come_although_replies_are_off() {
    for off in ["OFF", "SKIP"] {
        let mut h = Harness::new();
        assert!(h.execute(&[b"CLIENT", b"REPLY", off.as_bytes()]).is_empty());
        h.check_all("SUBSCRIBE a b", r#"["subscribe", "a", :1]; ["subscribe", "b", :2]"#);
        assert!(h.execute(&[b"CLIENT", b"REPLY", off.as_bytes()]).is_empty() || off == "SKIP");
        h.check_all("UNSUBSCRIBE a", r#"["unsubscribe", "a", :1]"#);
    }
}
