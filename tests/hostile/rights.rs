//! Patterns and users: rules that mean nothing, patterns that take long to match, rights that go while they are used.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::support::client::Client;
use super::support::server::{Launch, Server};
use super::witness::Witness;

fn attacked() -> (Server, Witness, Client) {
    let server = Launch::tandem().start();
    let witness = Witness::of(&server);
    let client = server.client();
    (server, witness, client)
}

fn asked(client: &mut Client, words: &[&str]) -> String {
    client.request(words).expect("an answer").to_string()
}

/// CVE-2024-51741: a selector that was taken in, and could not be told of.
#[test]
fn malformed_rules_are_refused_or_can_be_told_back() {
    const PIECES: &[&str] = &[
        "(", ")", "~", "%", "%R", "%W~", "%RW~", "&", "+", "-", "@", "+@", "|", "+get", "+config|", "*", "\"", "'",
        "\\", " ", "\t", "\0", ">", "<", "#", "!", "all", "reset", "on", "\u{ff}", "[", "]", "^",
    ];
    let (server, mut witness, mut client) = attacked();
    let mut dice = SmallRng::seed_from_u64(51741);
    for round in 0..2_000 {
        let mut words = vec!["ACL".to_owned(), "SETUSER".to_owned(), "eve".to_owned()];
        for _ in 0..dice.random_range(1..4) {
            let pieces = dice.random_range(0..6);
            words.push((0..pieces).map(|_| PIECES[dice.random_range(0..PIECES.len())]).collect());
        }
        let reply = client.request(&words).expect("an answer").to_string();
        assert!(reply == "OK" || reply.starts_with("ERR "), "{words:?}: {reply}");
        for request in [&["ACL", "LIST"][..], &["ACL", "GETUSER", "eve"], &["ACL", "DRYRUN", "eve", "GET", "k"]] {
            client.request(request).expect("an answer");
        }
        if round % 50 == 0 {
            client.request(&["ACL", "DELUSER", "eve"]).expect("an answer");
            witness.check("malformed rules");
        }
    }
    client.request(&["ACL", "DELUSER", "eve"]).expect("an answer");
    drop(client);
    witness.check_end(&server, "malformed rules");
}

/// CVE-2022-36021, CVE-2024-31228: patterns of many stars against keys and channels that nearly match.
#[test]
fn patterns_of_many_stars_cost_a_bounded_time() {
    let (server, mut witness, mut client) = attacked();
    let mut owner = server.client();
    let (stars, key) = ("a*".repeat(300) + "b", "a".repeat(20_000));
    for prefix in ["~", "%R~", "&"] {
        for tail in ["", "?", "[^b]", "*"] {
            let user = asked(
                &mut owner,
                &["ACL", "SETUSER", "eve", "on", "nopass", "+@all", &format!("{prefix}{stars}{tail}c")],
            );
            assert_eq!(user, "OK");
        }
    }
    assert_eq!(asked(&mut client, &["AUTH", "eve", "x"]), "OK");
    for request in [&["GET", &key][..], &["MGET", &key, &key, &key], &["PUBLISH", &key, "x"], &["SUBSCRIBE", &key]] {
        assert!(asked(&mut client, request).starts_with("NOPERM "), "{:?}", request[0]);
        witness.check("a pattern of many stars");
    }
    owner.call("ACL DELUSER eve");
    owner.call("ACL LOG RESET");
    drop((client, owner));
    witness.check_end(&server, "patterns of many stars");
}

/// Counts of keys that no request can have are no way past the patterns.
#[test]
fn keys_are_looked_at_wherever_they_stand() {
    let (server, mut witness, mut client) = attacked();
    witness.client.call("ACL SETUSER eve on nopass +@all ~mine* %W~write*");
    assert_eq!(asked(&mut client, &["AUTH", "eve", "x"]), "OK");
    for count in ["-1", "0", "2", "3", "4", "9223372036854775807", "18446744073709551616", "x", ""] {
        for request in [
            &["SINTERCARD", count, "mine", "key:1"][..],
            &["LMPOP", count, "key:1", "mine", "LEFT"],
            &["BLMPOP", "0.01", count, "mine", "key:1", "LEFT"],
        ] {
            let reply = asked(&mut client, request);
            assert!(reply.starts_with("NOPERM ") || reply.starts_with("ERR "), "{request:?}: {reply}");
        }
    }
    for request in [
        &["SET", "write", "v", "GET", "GET"][..],
        &["SET", "write", "v", "EX", "GET"],
        &["COPY", "key:1", "mine"],
        &["COPY", "mine", "key:1", "REPLACE", "REPLACE"],
        &["RENAME", "mine", "key:1"],
        &["BITOP", "AND", "mine", "mine", "key:1"],
        &["MSET", "mine", "v", "key:1", "v"],
        &["PFCOUNT", "mine", "key:1"],
        &["WATCH", "key:1"],
        &["OBJECT", "ENCODING", "key:1"],
        &["MEMORY", "USAGE", "key:1"],
    ] {
        assert!(asked(&mut client, request).starts_with("NOPERM "), "{request:?}");
    }
    witness.client.call("ACL DELUSER eve");
    witness.client.call("ACL LOG RESET");
    drop(client);
    witness.check_end(&server, "keys of others");
}

/// Rights and users that go while transactions, waits and subscriptions of theirs are under way.
#[test]
fn users_that_come_and_go_leave_nothing_behind() {
    let (server, mut witness, _) = attacked();
    for round in 0..30 {
        let mut owner = server.client();
        owner.call("ACL SETUSER eve on nopass ~wait* &* +@all");
        let mut clients: Vec<Client> = (0..4).map(|_| server.client()).collect();
        clients.iter_mut().for_each(|client| assert_eq!(asked(client, &["AUTH", "eve", "x"]), "OK"));
        for request in [&["MULTI"][..], &["ACL", "SETUSER", "eve", "resetkeys"], &["RPUSH", "wait", "v"]] {
            asked(&mut clients[0], request);
        }
        asked(&mut clients[1], &["SUBSCRIBE", "news"]);
        clients[2].send(b"BLPOP wait 0\r\n").expect("sent");
        super::support::eventually(std::time::Duration::from_secs(5), "it waits", || {
            witness.client.count("blocked_clients") == 1
        });
        assert!(asked(&mut clients[0], &["EXEC"]).contains("NOPERM "));
        let change = [&["ACL", "SETUSER", "eve", "resetchannels", "off"][..], &["ACL", "DELUSER", "eve"]][round % 2];
        asked(&mut owner, change);
        owner.call("RPUSH wait v");
        owner.call("DEL wait");
        owner.request(&["ACL", "DELUSER", "eve"]).expect("an answer");
        assert!(clients[3].request(&["PING"]).is_err(), "a deleted user's connection is closed");
        witness.check("users that come and go");
    }
    witness.client.call("ACL LOG RESET");
    witness.check_end(&server, "users that come and go");
}
