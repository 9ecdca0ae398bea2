//! Before AUTH: a stranger may send little, cost little, and see nothing.

use std::time::Duration;

use super::attacker::Attacker;
use super::support::client::{Client, encode};
use super::support::server::{Launch, Server};
use super::witness::Witness;

fn locked() -> (Server, Witness) {
    let server = Launch::tandem().with("requirepass", "open").start();
    let mut client = server.client();
    client.call("AUTH open");
    client.call("SET key:1 secret");
    (server, Witness::by(client))
}

#[test]
fn a_stranger_may_send_only_little() {
    let (server, mut witness) = locked();
    for (frame, error) in [
        ("*11\r\n", "-ERR Protocol error: unauthenticated multibulk length\r\n"),
        ("*1000000\r\n", "-ERR Protocol error: unauthenticated multibulk length\r\n"),
        ("*1\r\n$16385\r\n", "-ERR Protocol error: unauthenticated bulk length\r\n"),
        ("*2\r\n$4\r\nAUTH\r\n$500000000\r\n", "-ERR Protocol error: unauthenticated bulk length\r\n"),
    ] {
        let mut attacker = Attacker::of(&server);
        attacker.throw(frame.as_bytes());
        assert_eq!(attacker.until_closed(), error, "{frame:?}");
    }
    witness.check_end(&server, "a stranger's large requests");
}

/// Limits hold request by request: what is sent in one piece with AUTH is already a friend's.
#[test]
fn a_pipeline_is_answered_to_its_end_before_and_after_auth() {
    let (server, mut witness) = locked();
    let mut attacker = Attacker::of(&server);
    let large = encode(&["ECHO", &"x".repeat(20_000)]);
    let requests =
        [&b"PING\r\nGET key:1\r\nAUTH wrong\r\nAUTH open\r\nGET key:1\r\n"[..], &large, b"QUIT\r\n"].concat();
    attacker.throw(&requests);
    assert_eq!(attacker.line(), "-NOAUTH Authentication required.");
    assert_eq!(attacker.line(), "-NOAUTH Authentication required.");
    assert!(attacker.line().starts_with("-WRONGPASS "));
    assert_eq!(attacker.line(), "+OK");
    assert_eq!([attacker.line(), attacker.line()], ["$6", "secret"]);
    assert!(attacker.rest().ends_with("x\r\n+OK\r\n"));
    witness.check_end(&server, "a pipeline with AUTH");
}

#[test]
fn every_command_but_a_few_wants_the_password() {
    let (server, mut witness) = locked();
    let mut stranger = server.client();
    let mut served = Vec::new();
    for (name, arity) in super::arguments::commands(&mut witness.client) {
        let mut request = name;
        request.resize(arity.unsigned_abs() as usize, "1".to_owned());
        // AUTH, HELLO, QUIT and RESET are for strangers.
        if ["auth", "hello", "quit", "reset"].contains(&request[0].as_str()) {
            served.push(request);
            continue;
        }
        let reply = stranger.request(&request).expect("an answer").to_string();
        // Whether anybody at all may use MODULE is asked before who it is that asks.
        let is_refused = ["NOAUTH ", "ERR unknown subcommand ", "ERR MODULE command not allowed."]
            .iter()
            .any(|refusal| reply.contains(refusal));
        assert!(is_refused, "{request:?}: {reply}");
    }
    assert_eq!(served.len(), 4);
    drop(stranger);
    witness.check_end(&server, "a stranger's commands");
}

/// CVE-2025-21605: output for somebody who does not log in and does not read must not grow.
#[test]
fn a_stranger_who_does_not_read_costs_no_memory() {
    let (server, mut witness) = locked();
    let mut attackers: Vec<Attacker> = (0..4).map(|_| Attacker::of(&server)).collect();
    let requests = b"GET key:1\r\n".repeat(100_000);
    for attacker in &mut attackers {
        for _ in 0..20 {
            if attacker.throw_until_stuck(&requests, Duration::from_millis(50)) < requests.len() {
                break;
            }
        }
        witness.check("a stranger who does not read");
    }
    witness.check_memory("strangers who do not read");
    drop(attackers);
    witness.check_end(&server, "strangers who do not read");
}

#[test]
fn wrong_passwords_of_every_length_open_nothing() {
    let (server, mut witness) = locked();
    let mut stranger: Client = server.client();
    for guess in ["", "o", "ope", "openn", "open\0", "Open", &"open".repeat(2_000)] {
        for request in [&["AUTH", guess][..], &["AUTH", "default", guess], &["AUTH", "other", "open"]] {
            assert!(stranger.request(request).expect("an answer").is_error(), "{guess:?}");
        }
        assert!(stranger.request(&["HELLO", "3", "AUTH", "default", guess]).expect("an answer").is_error());
        assert!(stranger.request(&["GET", "key:1"]).expect("an answer").is_error());
    }
    drop(stranger);
    witness.check_end(&server, "wrong passwords");
}
