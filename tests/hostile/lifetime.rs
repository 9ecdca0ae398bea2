//! Clients that end while something is about to happen to them: blocked in WAIT, held by a pause, in the midst of a
//! transaction, by their own hand.

use std::time::Duration;

use super::attacker::Attacker;
use super::support::eventually;
use super::support::server::{Launch, Server};
use super::witness::Witness;

const DEADLINE: Duration = Duration::from_secs(10);

/// A client that has sent something which is not answered yet, and its ID.
fn waiting(server: &Server, line: &str) -> (Attacker, String) {
    let mut attacker = Attacker::of(server);
    attacker.throw(b"CLIENT ID\r\n");
    let id = attacker.line().trim_start_matches(':').to_owned();
    attacker.throw(line.as_bytes());
    (attacker, id)
}

#[test]
fn clients_blocked_in_wait_are_killed_or_leave() {
    let server = Launch::tandem().start();
    let mut witness = Witness::of(&server);
    for round in 0..10 {
        let (attacker, id) = waiting(&server, "WAIT 1 0\r\nSET key:1 after\r\n");
        eventually(DEADLINE, "it is blocked", || witness.client.count("blocked_clients") == 1);
        if round % 2 == 0 {
            witness.client.call(&format!("CLIENT KILL ID {id}"));
            assert_eq!(attacker.until_closed(), "");
        } else {
            drop(attacker);
        }
        eventually(DEADLINE, "nobody is blocked", || witness.client.count("blocked_clients") == 0);
        witness.check("a client that was blocked in WAIT");
    }
    witness.check_end(&server, "clients blocked in WAIT");
}

/// What waits behind a pause does not run once its client is killed; a client that only left has sent it.
#[test]
fn clients_held_by_a_pause_are_killed() {
    let server = Launch::tandem().start();
    let mut witness = Witness::of(&server);
    for _ in 0..5 {
        witness.client.call("CLIENT PAUSE 60000 WRITE");
        let held: Vec<_> = (0..5).map(|_| waiting(&server, "SET key:1 after\r\nSET key:2 after\r\n")).collect();
        for (attacker, id) in held {
            witness.client.call(&format!("CLIENT KILL ID {id}"));
            assert_eq!(attacker.until_closed(), "");
        }
        witness.client.call("CLIENT UNPAUSE");
        witness.check("clients that were paused");
    }
    witness.check_end(&server, "paused clients");
}

#[test]
fn clients_leave_amid_a_transaction() {
    let server = Launch::tandem().start();
    let mut witness = Witness::of(&server);
    let half = "WATCH key:1 key:2\r\nMULTI\r\nSET key:1 after\r\nSET key:2 after\r\n";
    for _ in 0..20 {
        let (attacker, id) = waiting(&server, half);
        witness.client.call("SET watched 1");
        witness.client.call("DEL watched");
        witness.client.call(&format!("CLIENT KILL ID {id}"));
        attacker.until_closed();
    }
    witness.check_end(&server, "half transactions");
}

#[test]
fn a_client_that_kills_itself_gets_its_answer_and_nothing_more() {
    let server = Launch::tandem().start();
    let mut witness = Witness::of(&server);
    for skip in ["SKIPME NO", "skipme no TYPE normal"] {
        let (mut attacker, id) = waiting(&server, "");
        attacker.throw(format!("CLIENT KILL ID {id} {skip}\r\nSET key:1 after\r\n").as_bytes());
        assert_eq!(attacker.until_closed(), ":1\r\n");
        witness.check("a client that killed itself");
    }
    // In a transaction: what stands behind it in the queue runs, what stands behind EXEC does not.
    let (mut attacker, id) = waiting(&server, "");
    attacker.throw(format!("MULTI\r\nCLIENT KILL ID {id} SKIPME NO\r\nEXEC\r\nSET key:1 after\r\n").as_bytes());
    assert_eq!(attacker.until_closed(), "+OK\r\n+QUEUED\r\n*1\r\n:1\r\n");
    witness.check_end(&server, "clients that killed themselves");
}

/// Some kill all others, some are blocked, and all leave meanwhile.
#[test]
fn clients_that_kill_one_another() {
    let server = Launch::tandem().start();
    for _ in 0..5 {
        let mut attackers: Vec<Attacker> = (0..50).map(|_| Attacker::of(&server)).collect();
        for (number, attacker) in attackers.iter_mut().enumerate() {
            attacker.throw(match number % 3 {
                0 => b"CLIENT KILL TYPE normal\r\nPING\r\n",
                1 => b"WAIT 1 0\r\nPING\r\n",
                _ => b"CLIENT LIST\r\n",
            });
        }
        drop(attackers);
        let mut client = server.client();
        eventually(DEADLINE, "all are gone", || {
            // It may be killed by the last of them.
            match client.request(&["CLIENT", "LIST"]) {
                Ok(list) => list.to_string().lines().count() == 1,
                Err(_) => {
                    client = server.client();
                    false
                }
            }
        });
        assert_eq!(client.count("blocked_clients"), 0);
    }
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

/// What a client sends while it must wait is kept, up to the limit of any request.
#[test]
fn a_client_that_must_wait_does_not_fill_the_memory() {
    let server = Launch::tandem().with("client-query-buffer-limit", "1mb").start();
    let mut witness = Witness::of(&server);
    let pings = b"PING\r\n".repeat(100_000);
    // More than the sockets between us hold.
    let is_stopped = |attacker: &mut Attacker| (0..100).any(|_| attacker.throw(&pings) < pings.len());
    let (mut attacker, _) = waiting(&server, "WAIT 1 0\r\n");
    assert!(is_stopped(&mut attacker));
    assert_eq!(attacker.until_closed(), "");
    witness.check("a client that was blocked");
    witness.client.call("CLIENT PAUSE 60000 WRITE");
    let (mut attacker, _) = waiting(&server, "SET key:1 after\r\n");
    assert!(is_stopped(&mut attacker));
    assert_eq!(attacker.until_closed(), "");
    witness.client.call("CLIENT UNPAUSE");
    witness.check_end(&server, "clients that had to wait");
}

#[test]
fn a_crowd_is_turned_away_and_those_inside_are_served() {
    let server = Launch::tandem().with("maxclients", "20").start();
    let mut witness = Witness::of(&server);
    let inside: Vec<Attacker> = (0..19).map(|_| Attacker::of(&server)).collect();
    eventually(DEADLINE, "all are in", || witness.client.count("connected_clients") == 20);
    for _ in 0..200 {
        let refusal = Attacker::of(&server).until_closed();
        assert_eq!(refusal, "-ERR max number of clients reached\r\n");
    }
    drop(inside);
    witness.check_end(&server, "a crowd");
}

/// The link to the master is a client too: killed, it is dialled again.
#[test]
fn a_killed_link_comes_back_without_a_full_resync() {
    let master = Launch::tandem().start();
    let replica = Launch::tandem().start();
    replica.replicate_from(master.port);
    let (mut here, mut there) = (replica.client(), master.client());
    for (kills, line) in [(1, "CLIENT KILL TYPE master"), (2, "CLIENT KILL TYPE replica")] {
        let client = if kills == 1 { &mut here } else { &mut there };
        assert_eq!(client.call(line).to_string(), "1");
        eventually(DEADLINE, "the link is back", || there.count("sync_partial_ok") == kills);
    }
    assert_eq!(there.count("sync_full"), 1);
    replica.await_link();
}
