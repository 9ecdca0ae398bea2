//! REPLICAOF, ROLE, REPLCONF, PSYNC, WAIT as commands; what they start has its own tests.

use tandem::engine::{Action, Migrated};
use tandem::replication::Level;

use crate::harness::Harness;

#[test]
fn a_server_follows_and_stops_following() {
    let mut h = Harness::new();
    h.check("REPLICAOF NO ONE", "+OK");
    h.check("REPLICAOF host x", "-ERR Invalid master port");
    h.check("REPLICAOF host 65536", "-ERR Invalid master port");
    h.check("SLAVEOF host 6380", "+OK");
    h.check("REPLICAOF HOST 6380", "+OK Already connected to specified master");
    h.check("ROLE", "[\"slave\", \"host\", :6380, \"connect\", :-1]");
    h.check("CONFIG GET replicaof", "[\"replicaof\", \"host 6380\"]");
    h.check("SET k v", "-READONLY You can't write against a read only replica.");
    let info = String::from_utf8(h.send("INFO replication").bytes().to_vec()).unwrap();
    for line in [
        "role:slave",
        "master_host:host",
        "master_port:6380",
        "master_link_status:down",
        "master_last_io_seconds_ago:-1",
        "master_sync_in_progress:0",
        "master_link_down_since_seconds:-1",
        "slave_priority:100",
        "slave_read_only:1",
        "replica_announced:1",
    ] {
        assert!(info.contains(&format!("{line}\r\n")), "{line} in {info}");
    }
    h.check("REPLICAOF no one", "+OK");
    h.check("CONFIG GET replicaof", "[\"replicaof\", \"\"]");
    h.check("SET k v", "+OK");
}

#[test]
fn wait_answers_at_once_where_it_cannot_wait() {
    let mut h = Harness::new();
    h.check("WAIT 0 100", ":0");
    h.check("WAIT -1 100", ":0");
    h.check("WAIT x 100", "-ERR value is not an integer or out of range");
    h.check("WAIT 1 x", "-ERR timeout is not an integer or out of range");
    h.check("WAIT 1 -1", "-ERR timeout is negative");
    h.check("MULTI", "+OK");
    h.check("WAIT 5 0", "+QUEUED");
    h.check("EXEC", "[:0]");
    h.check("REPLICAOF host 1", "+OK");
    assert!(h.send("WAIT 1 1").to_string().starts_with("-ERR WAIT cannot be used with replica instances."));
}

#[test]
fn replconf_is_understood_or_refused() {
    let mut h = Harness::new();
    h.check("REPLCONF", "+OK");
    h.check("REPLCONF capa", "-ERR syntax error");
    h.check("REPLCONF listening-port 6380 capa eof capa new", "+OK");
    h.check("REPLCONF listening-port x", "-ERR value is not an integer or out of range");
    h.check("REPLCONF rdb-only 2", "-ERR value is out of range, value must between 0 and 1");
    h.check("REPLCONF what now", "-ERR Unrecognized REPLCONF option: what");
    for silent in [["ack", "5"], ["ack", "x"], ["getack", "*"]] {
        assert!(h.execute(&[b"REPLCONF", silent[0].as_bytes(), silent[1].as_bytes()]).is_empty(), "{silent:?}");
    }
}

#[test]
fn a_client_becomes_a_peer_once_and_shows_as_one() {
    let mut h = Harness::new();
    h.check("PSYNC ? x", "-ERR value is not an integer or out of range");
    let mut replica = h.connect();
    h.check_by(&mut replica, "REPLCONF listening-port 6380 ip-address 10.0.0.1 rdb-filter-only functions", "+OK");
    h.check_by(&mut replica, "PSYNC ? -1", "-ERR Filtered replica requires EOF capability");
    let mut replica = h.connect();
    h.check_by(&mut replica, "REPLCONF listening-port 6380 ip-address 10.0.0.1 capa eof capa psync2", "+OK");
    std::mem::swap(&mut h.main, &mut replica);
    assert!(h.execute(&[b"PSYNC", b"?", b"-1"]).is_empty());
    assert!(h.execute(&[b"PSYNC", b"?", b"-1"]).is_empty(), "a peer's second PSYNC is not answered");
    std::mem::swap(&mut h.main, &mut replica);
    let info = String::from_utf8(h.send("INFO replication").bytes().to_vec()).unwrap();
    assert!(info.contains("connected_slaves:1\r\nslave0:ip=10.0.0.1,port=6380,state=wait_bgsave,offset="), "{info}");
    assert!(h.send("CLIENT LIST TYPE replica").to_string().contains("flags=S "));
    h.check("CLIENT KILL TYPE slave", ":1");
}

/// It would find the reply in its stream.
#[test]
fn a_peer_that_asks_is_not_answered_but_closed() {
    const TOLD: &str = "Replica generated a reply to command";
    let requests: [&[&[u8]]; 6] =
        [&[b"REPLICAOF", b"host", b"1"], &[b"RESET"], &[b"PING"], &[b"GET"], &[b"WAIT", b"1", b"0"], &[b"?"]];
    for request in requests {
        let mut h = Harness::new();
        let mut replica = h.connect();
        std::mem::swap(&mut h.main, &mut replica);
        // Its payload ends by a mark: the answer waits for others to come.
        assert_eq!(h.execute(&[b"REPLCONF", b"capa", b"eof"]), b"+OK\r\n");
        assert!(h.execute(&[b"PSYNC", b"?", b"-1"]).is_empty());
        assert!(h.execute(request).is_empty());
        std::mem::swap(&mut h.main, &mut replica);
        let is_told = |action: Action| matches!(action, Action::Log(Level::Warning, line) if line.starts_with(TOLD));
        assert!(h.engine.take_actions().into_iter().any(is_told), "{request:?}");
    }
}

#[test]
fn psync_with_pending_output_is_refused() {
    let mut h = Harness::new();
    let replies = h.execute_raw(b"PING\r\nPSYNC ? -1\r\n");
    assert_eq!(replies, b"+PONG\r\n-ERR SYNC and PSYNC are invalid with pending output\r\n");
    assert!(!h.engine.take_actions().iter().any(|action| matches!(action, Action::FullSync { .. })));
}

#[test]
fn failover_says_what_keeps_it_from_beginning() {
    let mut h = Harness::new();
    h.check("FAILOVER ABORT", "-ERR No failover in progress.");
    h.check("FAILOVER", "-ERR FAILOVER requires connected replicas.");
    h.check("FAILOVER TIMEOUT 0", "-ERR FAILOVER timeout must be greater than 0");
    h.check("FAILOVER TIMEOUT x", "-ERR value is not an integer or out of range");
    for malformed in ["FAILOVER TO host", "FAILOVER FORCE FORCE", "FAILOVER ABORT TIMEOUT 1", "FAILOVER TIMEOUT"] {
        h.check(malformed, "-ERR syntax error");
    }
    h.check("REPLICAOF host 1", "+OK");
    h.check("FAILOVER", "-ERR FAILOVER is not valid when server is a replica.");
}

#[test]
fn migrate_says_what_is_wrong_with_it() {
    let mut h = Harness::new();
    h.check("MIGRATE host 1 key 0 x", "-ERR value is not an integer or out of range");
    h.check("MIGRATE host 1 key x 10", "-ERR value is not an integer or out of range");
    h.check("MIGRATE host 1 key 0 10", "+NOKEY");
    let both = "-ERR When using MIGRATE KEYS option, the key argument must be set to the empty string";
    h.check("MIGRATE host 1 key 0 10 KEYS key", both);
    for malformed in ["MIGRATE host 1 key 0 10 AUTH", "MIGRATE host 1 key 0 10 AUTH2 user", "MIGRATE host 1 key 0 10 X"]
    {
        h.check(malformed, "-ERR syntax error");
    }
}

/// What a writer did meanwhile would be lost.
#[test]
fn what_has_arrived_elsewhere_is_deleted_and_writers_wait_until_then() {
    let mut h = Harness::new();
    h.check("MSET a 1 b 2", "+OK");
    let request: [&[u8]; 9] = [b"MIGRATE", b"host", b"1", b"", b"0", b"10", b"KEYS", b"a", b"b"];
    assert!(h.execute(&request).is_empty());
    let mut other = h.connect();
    std::mem::swap(&mut h.main, &mut other);
    assert!(h.execute(&[b"SET", b"a", b"3"]).is_empty(), "it waits");
    let before = h.engine.node.offset();
    let error = "ERR Target instance replied with error: BUSYKEY Target key name already exists.".to_owned();
    let now = h.now();
    h.engine.migrated(now, Migrated { arrived: vec![1], error: Some(error) });
    assert_eq!(h.stream_since(before), "DEL b");
    let mut reader = h.connect();
    h.check_by(&mut reader, "MGET a b", "[\"1\", nil]");
}
