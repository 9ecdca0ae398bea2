//! Clients that end while something is about to happen to them: blocked in WAIT, held by a pause, in the midst of a
//! transaction, by their own hand.

use std::time::Duration;

use super::attacker::Attacker;
use super::support::client::Client;
use super::support::eventually;
use super::support::server::{Launch, Server};
use super::witness::Witness;

const DEADLINE: Duration = Duration::from_secs(10);

fn id_of(client: &mut Client) -> String {
    client.call("CLIENT ID").to_string()
}

/// A client that has sent something which is not answered yet.
fn waiting(server: &Server, line: &str) -> (Attacker, String) {
    let mut client = server.client();
    let id = id_of(&mut client);
    let mut attacker = Attacker::of(server);
    attacker.throw(b"CLIENT ID\r\n");
    let own = attacker.line().trim_start_matches(':').to_owned();
    assert_ne!(id, own);
    attacker.throw(line.as_bytes());
    (attacker, own)
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
        let (attacker, id) = waiting(&server, "");
        let mut attacker = attacker;
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

/// A hundred clients that all kill all others, while some leave by themselves.
#[test]
fn clients_that_kill_one_another() {
    let server = Launch::tandem().start();
    let witness = Witness::of(&server);
    drop(witness);
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

/// The link to the master is a client too: killed, it is dialled again.
#[test]
fn a_killed_link_comes_back_without_a_full_resync() {
    let master = Launch::tandem().start();
    let replica = Launch::tandem().start();
    replica.replicate_from(master.port);
    let mut client = replica.client();
    for who in ["master", "replica"] {
        match who {
            "master" => client.call("CLIENT KILL TYPE master"),
            _ => master.client().call("CLIENT KILL TYPE replica"),
        };
        let before = master.client().count("sync_partial_ok");
        eventually(DEADLINE, "the link is back", || {
            client.info("master_link_status").as_deref() == Some("up")
                && master.client().count("sync_partial_ok") > before
                || master.client().count("sync_partial_ok") == if who == "master" { 1 } else { 2 }
        });
    }
    assert_eq!(master.client().count("sync_full"), 1);
}
