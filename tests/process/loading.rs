//! Saves and loads that take their time, and what may happen meanwhile.

use super::daemon::LIMIT;
use super::support::client::Client;
use super::support::eventually;
use super::support::server::{Launch, Server};
use std::fs;

const LOADING: &str = "LOADING Redis is loading the dataset in memory";

/// Stops a server with some data and starts it again so that loading them takes ten seconds.
fn loading_server() -> Server {
    let mut server = Launch::tandem().with("save", "900 1").with("key-load-delay", "100000").start();
    server.client().call("DEBUG POPULATE 100");
    server.client().call("SAVE");
    server.stop();
    server.start_loading();
    eventually(LIMIT, "the server is asked and loads", || {
        Client::connect(server.port).is_ok_and(|mut client| client.count("loading") == 1)
    });
    server
}

#[test]
fn clients_are_told_to_wait_while_data_are_loaded() {
    let server = loading_server();
    let mut client = server.client();
    assert_eq!(client.request(&["GET", "key:1"]).expect("an answer").to_string(), LOADING);
    assert!(client.count("loading_total_bytes") > 0);
    client.call("CONFIG SET key-load-delay 0");
    eventually(LIMIT, "the data are there", || client.request(&["DBSIZE"]).expect("an answer").to_string() == "100");
    assert_eq!(client.count("loading"), 0);
}

/// What is not loaded yet must not be missing from the file afterwards.
#[test]
fn a_shutdown_while_data_are_loaded_leaves_the_file_alone() {
    let mut server = loading_server();
    let before = fs::read(server.path("dump.rdb")).expect("the file");
    server.signal(libc::SIGTERM);
    assert_eq!(server.await_end(), (Some(0), None));
    assert!(server.log().contains("Received shutdown signal during loading, exiting now."), "{}", server.log());
    assert_eq!(fs::read(server.path("dump.rdb")).expect("the file"), before);
}

#[test]
fn a_shutdown_takes_half_a_save_away() {
    let mut server = Launch::tandem().with("rdb-key-save-delay", "100000").start();
    let mut client = server.client();
    client.call("DEBUG POPULATE 100");
    client.call("BGSAVE");
    let temporary = server.path(&format!("temp-{}.rdb", server.pid()));
    eventually(LIMIT, "the save begins", || temporary.exists());
    client.request(&["SHUTDOWN", "NOSAVE"]).expect_err("the connection ends");
    assert_eq!(server.await_end(), (Some(0), None));
    assert!(!temporary.exists());
}

/// Both saves write the same temporary file: the second one must find it to itself.
#[test]
fn a_shutdown_during_a_save_leaves_the_whole_data() {
    let mut server = Launch::tandem().with("save", "900 1").with("rdb-key-save-delay", "20000").start();
    let mut client = server.client();
    client.call("DEBUG POPULATE 50");
    client.call("BGSAVE");
    let temporary = server.path(&format!("temp-{}.rdb", server.pid()));
    eventually(LIMIT, "the save begins", || temporary.exists());
    client.call("DEBUG POPULATE 60");
    client.request(&["SHUTDOWN"]).expect_err("the connection ends");
    assert_eq!(server.await_end(), (Some(0), None));
    let log = server.log();
    assert!(log.contains("There is a child saving an .rdb. Killing it!"), "{log}");
    server.start_again();
    assert_eq!(server.client().call("DBSIZE").to_string(), "60");
}

#[test]
fn the_last_save_can_be_called_off() {
    let server = Launch::tandem().with("save", "900 1").with("rdb-key-save-delay", "100000").start();
    let (mut client, mut operator) = (server.client(), server.client());
    client.call("DEBUG POPULATE 600");
    operator.send(b"SHUTDOWN\r\n").expect("it is sent");
    eventually(LIMIT, "the last save runs", || client.count("rdb_bgsave_in_progress") == 1);
    client.call("SHUTDOWN ABORT");
    assert_eq!(operator.receive().expect("an answer").to_string(), "ERR Errors trying to SHUTDOWN. Check logs.");
    assert_eq!(client.count("rdb_bgsave_in_progress"), 0);
    client.call("CONFIG SET rdb-key-save-delay 0");
    client.call("SET key value");
    client.call("SAVE");
    assert_eq!(client.info("rdb_last_bgsave_status").as_deref(), Some("ok"));
    let log = server.log();
    assert!(log.contains("Shutdown manually aborted.") && !log.contains("Error"), "{log}");
}

#[test]
fn a_load_says_what_it_loads() {
    let mut server = Launch::redis().start();
    server.client().call("SET key value");
    server.client().call("SAVE");
    let file = fs::read(server.path("dump.rdb")).expect("the file");
    server.stop();
    let mut server = Launch::tandem().start();
    server.stop();
    fs::write(server.path("dump.rdb"), file).expect("a file of Redis");
    server.start_again();
    let log = server.log();
    let lines = [
        " * Loading RDB produced by version 7.0.15\n",
        " * RDB age ",
        " * RDB memory usage when created ",
        " * Done loading RDB, keys loaded: 1, keys expired: 0.\n",
        " * DB loaded from disk: ",
    ];
    let mut rest = &log[..];
    for line in lines {
        rest = rest.split_once(line).unwrap_or_else(|| panic!("no {line:?} in its place:\n{log}")).1;
    }
}
