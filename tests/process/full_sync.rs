//! Full resyncs as the directives want them: from a file that all wait for, and what clients see while one is loaded.

use super::await_equal;
use super::support::eventually;
use super::support::server::{Launch, Server};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn one_save_serves_all_who_wait_for_it() {
    let master = Launch::tandem().with("repl-diskless-sync", "no").with("rdb-key-save-delay", "10000").start();
    let (first, second) = (Launch::redis().start(), Launch::tandem().start());
    let mut client = master.client();
    client.call("DEBUG POPULATE 100 key 1000");
    first.client().call(&format!("REPLICAOF 127.0.0.1 {}", master.port));
    eventually(LIMIT, "the save begins", || client.count("rdb_bgsave_in_progress") == 1);
    // Written beside the snapshot: it comes by the stream.
    client.call("SET between value");
    second.client().call(&format!("REPLICAOF 127.0.0.1 {}", master.port));
    first.await_link();
    second.await_link();
    await_equal(&[&master, &first, &second]);
    assert_eq!((client.count("sync_full"), client.count("rdb_saves")), (2, 1));
    assert!(master.path("dump.rdb").exists());
}

#[test]
fn a_save_that_nobody_waits_for_any_more_is_called_off() {
    let master = Launch::tandem().with("repl-diskless-sync", "no").with("rdb-key-save-delay", "1000000").start();
    let replica = Launch::tandem().start();
    let mut client = master.client();
    client.call("DEBUG POPULATE 100 key 10");
    replica.client().call(&format!("REPLICAOF 127.0.0.1 {}", master.port));
    eventually(LIMIT, "the save begins", || client.count("rdb_bgsave_in_progress") == 1);
    replica.client().call("REPLICAOF NO ONE");
    eventually(LIMIT, "the save ends", || client.count("rdb_bgsave_in_progress") == 0);
    assert_eq!(client.count("rdb_saves"), 0);
}

#[test]
fn the_file_goes_if_nothing_else_needs_it() {
    let master = Launch::tandem().with("repl-diskless-sync", "no").with("rdb-del-sync-files", "yes").start();
    let replica = Launch::tandem().start();
    master.client().call("SET key value");
    replica.replicate_from(master.port);
    await_equal(&[&master, &replica]);
    assert!(!master.path("dump.rdb").exists());
}

/// A master of another history: clients are told to wait, and find the old data again if it comes to nothing.
#[test]
fn clients_wait_while_another_history_is_loaded() {
    let (master, replica) = slow_pair("swapdb");
    let mut client = replica.client();
    client.call("SET old value");
    client.call(&format!("REPLICAOF 127.0.0.1 {}", master.port));
    eventually(LIMIT, "it loads", || client.count("loading") == 1);
    assert_eq!(client.refusal("GET old"), "LOADING Redis is loading the dataset in memory");
    master.client().call("CONFIG SET repl-diskless-sync-delay 1000");
    master.client().call("CLIENT KILL TYPE replica");
    eventually(LIMIT, "it gives up", || client.count("loading") == 0);
    assert_eq!(client.call("GET old").to_string(), "value");
}

#[test]
fn old_data_go_first_if_it_is_wished() {
    let (master, replica) = slow_pair("flush-before-load");
    let mut client = replica.client();
    client.call("SET old value");
    client.call(&format!("REPLICAOF 127.0.0.1 {}", master.port));
    eventually(LIMIT, "it loads", || client.count("loading") == 1);
    master.client().call("CONFIG SET repl-diskless-sync-delay 1000");
    master.client().call("CLIENT KILL TYPE replica");
    eventually(LIMIT, "it gives up", || client.count("loading") == 0);
    assert_eq!(client.call("DBSIZE").to_string(), "0");
}

/// A master that writes its snapshots slowly, and who will load them so.
fn slow_pair(load: &str) -> (Server, Server) {
    let master = Launch::tandem().with("rdb-key-save-delay", "20000").with("rdbcompression", "no").start();
    master.client().call("DEBUG POPULATE 1000 key 10000");
    (master, Launch::tandem().with("repl-diskless-load", load).start())
}

/// A single command of the stream may be longer than anything that we would keep for later.
#[test]
fn a_huge_value_passes_the_stream() {
    let (master, replica) = (Launch::tandem().start(), Launch::tandem().start());
    replica.replicate_from(master.port);
    let value = "x".repeat(5 << 20);
    let reply = master.client().request(&["SET", "huge", &value]).expect("the master answers");
    assert_eq!(reply.to_string(), "OK");
    await_equal(&[&master, &replica]);
    assert_eq!(master.client().count("sync_full"), 1);
}
