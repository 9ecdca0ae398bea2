//! Client-side caching: who tracks keys is told once that its copy counts no more.

use crate::harness::{Connection, Harness};

/// A client of RESP3 that tracks what it reads.
fn tracker(h: &mut Harness, options: &str) -> Connection {
    let mut client = h.connect();
    h.send_by(&mut client, "HELLO 3");
    h.check_by(&mut client, &format!("CLIENT TRACKING ON {options}"), "+OK");
    client
}

#[test]
fn a_reader_is_told_once_of_a_change() {
    let mut h = Harness::new();
    let mut ann = tracker(&mut h, "");
    h.check("MSET a 1 b 2", "+OK");
    h.check_by(&mut ann, "GET a", "\"1\"");
    h.check("SET b 3", "+OK");
    assert_eq!(h.received(&ann), "", "never read");
    h.check("SET a 2", "+OK");
    assert_eq!(h.received(&ann), r#"["invalidate", ["a"]]"#);
    h.check("SET a 3", "+OK");
    assert_eq!(h.received(&ann), "", "not read again");
    h.check_by(&mut ann, "MGET a b", r#"["3", "3"]"#);
    h.check("DEL a b", ":2");
    assert_eq!(h.received(&ann), r#"["invalidate", ["a"]]; ["invalidate", ["b"]]"#);
}

#[test]
fn expiry_eviction_and_flushing_invalidate_too() {
    let mut h = Harness::new();
    let mut ann = tracker(&mut h, "");
    h.check("SET k 1 PX 5", "+OK");
    h.check_by(&mut ann, "GET k", "\"1\"");
    h.advance_ms(10);
    h.tick();
    assert_eq!(h.received(&ann), r#"["invalidate", ["k"]]"#);
    h.check("SET k 1", "+OK");
    h.check_by(&mut ann, "GET k", "\"1\"");
    h.check("FLUSHDB", "+OK");
    assert_eq!(h.received(&ann), r#"["invalidate", nil]"#);
    h.check("SET k 1", "+OK");
    h.check_by(&mut ann, "GET k", "\"1\"");
    h.check("CONFIG SET maxmemory 1 maxmemory-policy allkeys-random", "+OK");
    h.tick();
    assert_eq!(h.received(&ann), r#"["invalidate", ["k"]]"#);
}

#[test]
fn own_changes_are_told_behind_the_reply_unless_noloop() {
    let mut h = Harness::new();
    let mut ann = tracker(&mut h, "");
    h.check_by(&mut ann, "GET k", "nil");
    h.check_all_by(&mut ann, "SET k 1", r#"+OK; ["invalidate", ["k"]]"#);
    let mut bob = tracker(&mut h, "NOLOOP");
    h.check_by(&mut bob, "GET k", "\"1\"");
    h.check_by(&mut bob, "SET k 2", "+OK");
    assert_eq!(h.received(&bob), "");
    h.check("SET k 3", "+OK");
    assert_eq!(h.received(&bob), "", "its copy was known to be void");
}

#[test]
fn within_a_unit_only_what_changes_behind_a_read_is_news() {
    let mut h = Harness::new();
    let mut ann = tracker(&mut h, "");
    h.check_by(&mut ann, "MULTI", "+OK");
    for line in ["SET k 1", "GET k", "SET l 1"] {
        h.check_by(&mut ann, line, "+QUEUED");
    }
    h.check_all_by(&mut ann, "EXEC", r#"[+OK, "1", +OK]"#);
    h.check("SET k 2", "+OK");
    assert_eq!(h.received(&ann), r#"["invalidate", ["k"]]"#);
}

#[test]
fn optin_and_optout_turn_on_client_caching() {
    let mut h = Harness::new();
    let (mut ann, mut bob) = (tracker(&mut h, "OPTIN"), tracker(&mut h, "OPTOUT"));
    h.check_by(&mut ann, "GET a", "nil");
    h.check_by(&mut ann, "CLIENT CACHING YES", "+OK");
    h.check_by(&mut ann, "GET b", "nil");
    h.check_by(&mut ann, "GET c", "nil");
    h.check_by(&mut bob, "GET a", "nil");
    h.check_by(&mut bob, "CLIENT CACHING NO", "+OK");
    h.check_by(&mut bob, "GET b", "nil");
    h.check("MSET a 1 b 1 c 1", "+OK");
    assert_eq!(h.received(&ann), r#"["invalidate", ["b"]]"#);
    assert_eq!(h.received(&bob), r#"["invalidate", ["a"]]"#);
}

#[test]
fn prefixes_are_told_all_changes_of_a_turn_at_once() {
    let mut h = Harness::new();
    let ann = tracker(&mut h, "BCAST PREFIX a: PREFIX b:");
    let all = tracker(&mut h, "BCAST");
    h.check("MSET a:1 1 a:2 1 b:1 1 c 1", "+OK");
    assert_eq!(h.received(&ann), r#"["invalidate", ["a:1", "a:2"]]; ["invalidate", ["b:1"]]"#);
    assert_eq!(h.received(&all), r#"["invalidate", ["a:1", "a:2", "b:1", "c"]]"#);
    h.disconnect(ann);
    h.disconnect(all);
    h.check("SET a:1 2", "+OK");
}

#[test]
fn messages_are_redirected_until_the_receiver_is_gone() {
    let mut h = Harness::new();
    let mut receiver = h.connect();
    let id = h.send_by(&mut receiver, "CLIENT ID").to_string().replace(':', "");
    h.check_all_by(&mut receiver, "SUBSCRIBE __redis__:invalidate", r#"["subscribe", "__redis__:invalidate", :1]"#);
    let mut ann = tracker(&mut h, &format!("REDIRECT {id}"));
    h.check_by(&mut ann, "CLIENT GETREDIR", &format!(":{id}"));
    h.check_by(&mut ann, "GET k", "nil");
    h.check("SET k 1", "+OK");
    assert_eq!(h.received(&receiver), r#"["message", "__redis__:invalidate", ["k"]]"#);
    h.disconnect(receiver);
    h.check_by(&mut ann, "GET k", "\"1\"");
    h.check("SET k 2", "+OK");
    assert_eq!(h.received(&ann), format!(r#"["tracking-redir-broken", :{id}]"#));
    assert!(h.send_by(&mut ann, "CLIENT TRACKINGINFO").to_string().contains("broken_redirect"));
}

#[test]
fn the_table_keeps_its_limit_and_tells_whom_it_forgets() {
    let mut h = Harness::new();
    let mut ann = tracker(&mut h, "");
    h.check_by(&mut ann, "MGET a b c", "[nil, nil, nil]");
    h.check("CONFIG SET tracking-table-max-keys 1", "+OK");
    assert_eq!(h.received(&ann), r#"["invalidate", ["a"]]; ["invalidate", ["b"]]"#);
    let info = h.send("INFO stats").to_string();
    assert!(info.contains("tracking_total_keys:1") && info.contains("tracking_total_items:1"), "{info}");
    h.check_by(&mut ann, "CLIENT TRACKING OFF", "+OK");
    h.check("SET c 1", "+OK");
    assert_eq!(h.received(&ann), "");
    assert!(h.send("INFO stats").to_string().contains("tracking_total_keys:0"));
}
