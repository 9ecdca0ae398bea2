//! Users in files and in the configuration, and users that replicas log in as.

use std::fs;
use std::time::Duration;

use super::await_equal;
use super::support::eventually;
use super::support::server::{Launch, Server};

const USERS: &str = "user ann on >secret ~a* +@all\nuser default on nopass ~* &* +@all\n";

/// A server whose users stand in a file.
fn with_file(text: &str) -> Server {
    let mut server = Launch::tandem().start();
    server.stop();
    fs::write(server.path("users.acl"), text).expect("the file");
    let config = fs::read_to_string(server.path("redis.conf")).expect("its configuration");
    fs::write(server.path("redis.conf"), format!("{config}aclfile users.acl\n")).expect("its configuration");
    server.start_again();
    server
}

#[test]
fn users_are_read_from_their_file_and_written_back() {
    let server = with_file(USERS);
    let (mut client, mut ann) = (server.client(), server.client());
    assert_eq!(client.call("ACL USERS").to_string(), "ann\ndefault\n");
    ann.call("AUTH ann secret");
    ann.call("SET a1 v");
    assert!(ann.request(&["SET", "b", "v"]).expect("an answer").to_string().starts_with("NOPERM "));

    client.call("ACL SETUSER bob on >word ~b* +get");
    client.call("ACL SAVE");
    let saved = fs::read_to_string(server.path("users.acl")).expect("the file");
    assert!(saved.contains("user bob on #"), "{saved}");
    assert_eq!(saved.lines().count(), 3);

    // A broken file changes nothing, and nobody is sent away.
    fs::write(server.path("users.acl"), saved.clone() + "user eve +nothing\n").expect("the file");
    let error = client.request(&["ACL", "LOAD"]).expect("an answer").to_string();
    assert!(error.starts_with("ERR users.acl:4: Error in applying operation '+nothing'"), "{error}");
    assert_eq!(ann.call("ACL WHOAMI").to_string(), "ann");

    fs::write(server.path("users.acl"), saved.replace("user bob", "user eve")).expect("the file");
    client.call("ACL LOAD");
    assert_eq!(client.call("ACL USERS").to_string(), "ann\ndefault\neve\n");
    assert!(ann.request(&["PING"]).is_err(), "whoever is not the default user is sent away");
}

#[test]
fn a_server_does_not_start_with_users_that_it_cannot_read() {
    for (name, lines, reason) in [
        ("aclfile", "missing.acl", "Aborting Redis startup because of ACL errors: Error loading ACLs, opening file"),
        ("user", "ann +nothing", "Error loading ACL rule '+nothing' for the user named 'ann'"),
        ("user", "ann on\nuser ann off", "Error in user declaration 'ann': Duplicate user found."),
        ("user", "ann nonsense", "Error in user declaration 'nonsense': Syntax error"),
        ("user", "ann on\naclfile users.acl", "Configuring Redis with users defined in redis.conf and at the same"),
    ] {
        let mut server = Launch::tandem().start();
        server.stop();
        let config = fs::read_to_string(server.path("redis.conf")).expect("its configuration");
        fs::write(server.path("redis.conf"), format!("{config}{name} {lines}\n")).expect("its configuration");
        assert_eq!(server.refused_start(), Some(1), "{name} {lines}");
        assert!(server.log().contains(reason), "{name} {lines}:\n{}", server.log());
    }
}

#[test]
fn users_of_the_configuration_are_rewritten_and_read_again() {
    let mut server = Launch::tandem().with("user", "ann on >secret ~a* +get (+set %W~b*)").start();
    let mut client = server.client();
    client.call("ACL SETUSER bob on nopass +@all -debug");
    client.call("CONFIG SET requirepass open");
    client.call("CONFIG REWRITE");
    let before = client.call("ACL LIST").to_string();
    server.restart();
    let mut client = server.client();
    client.call("AUTH open");
    // A line of the default user begins with a reset, which says this.
    let after = client.call("ACL LIST").to_string().replace("default on sanitize-payload ", "default on ");
    assert_eq!(after, before);
    client.call("ACL DELUSER ann bob");
    client.call("CONFIG REWRITE");
    let text = fs::read_to_string(server.path("redis.conf")).expect("its configuration");
    let users: Vec<&str> = text.lines().filter(|line| line.starts_with("user ")).collect();
    assert_eq!(users.len(), 1, "{text}");
    assert!(users[0].starts_with("user default on sanitize-payload #"), "{text}");
}

/// What a replica needs, and what a user of ours may do is no matter of the stream: it is applied whatever they may.
#[test]
fn replicas_log_in_as_a_user_that_may_do_just_that() {
    const REPLICATOR: &str = "repl on >secret +psync +replconf +ping";
    for (master, replica) in [(Launch::redis(), Launch::tandem()), (Launch::tandem(), Launch::redis())] {
        let master = master.with("user", REPLICATOR).start();
        let replica = replica
            .with("masteruser", "repl")
            .with("masterauth", "secret")
            .with("user", "default on nopass -@all +@admin +ping +info +debug +select")
            .with("replicaof", &format!("127.0.0.1 {}", master.port))
            .start();
        replica.await_link();
        let mut client = master.client();
        client.call("SET key value");
        client.call("RPUSH list a b c");
        await_equal(&[&master, &replica]);
        assert!(replica.client().request(&["GET", "key"]).expect("an answer").to_string().starts_with("NOPERM "));
        client.call("ACL SETUSER repl -psync");
        assert_eq!(client.call("CLIENT KILL TYPE replica").to_string(), "1");
        let mut seen = replica.client();
        eventually(Duration::from_secs(30), "the replica is not let in again", || {
            seen.info("master_link_status").as_deref() == Some("down")
        });
        client.call("ACL SETUSER repl +psync");
        replica.await_link();
    }
}
