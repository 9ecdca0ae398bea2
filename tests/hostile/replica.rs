//! A false replica: garbage for PSYNC and REPLCONF, data commands on the link, a link that it does not read or closes in
//! mid payload. The master serves everybody else, and counts nobody's lies for WAIT.

use std::time::Duration;

use super::attacker::Attacker;
use super::support::client::encode;
use super::support::eventually;
use super::support::server::{Launch, Server};
use super::witness::Witness;

const DEADLINE: Duration = Duration::from_secs(10);

/// A replica that has taken its payload: the stream flows to it.
fn follower(server: &Server) -> Attacker {
    let mut attacker = Attacker::of(server);
    attacker.throw(&encode(&["PSYNC", "?", "-1"]));
    assert!(attacker.line().starts_with("+FULLRESYNC "));
    let mut length = attacker.line();
    for _ in 0..100 {
        if !length.is_empty() {
            break;
        }
        length = attacker.line();
    }
    let length: usize = length.trim_start_matches(['\n', '$']).parse().expect("the payload's length");
    attacker.hear(length);
    let mut client = server.client();
    eventually(DEADLINE, "it is online", || client.info("slave0").is_some_and(|slave| slave.contains("state=online")));
    attacker
}

#[test]
fn garbage_for_psync_and_replconf_is_an_error_or_a_full_resync() {
    let server = Launch::tandem().start();
    let mut witness = Witness::of(&server);
    let numbers =
        ["-1", "0", "1", "-9223372036854775808", "9223372036854775807", "9223372036854775808", "x", "", "1e9"];
    let long = "f".repeat(100_000);
    for replid in ["?", "", "x", "0123456789abcdef0123456789abcdef01234567", &long, "\r\n+OK\r\n", "\0"] {
        for number in numbers {
            let mut attacker = Attacker::of(&server);
            attacker.throw(&encode(&["PSYNC", replid, number]));
            let line = attacker.line();
            let is_number = number.parse::<i64>().is_ok();
            let expected = if is_number { "+FULLRESYNC " } else { "-ERR value is not an integer" };
            assert!(line.starts_with(expected), "PSYNC {replid:.50?} {number}: {line}");
        }
    }
    let long = "x".repeat(300);
    for (option, value) in [
        ("listening-port", "x"),
        ("listening-port", "-1"),
        ("listening-port", "65536"),
        ("ip-address", &long),
        ("rdb-only", "2"),
        ("rdb-filter-only", "everything"),
        ("nonsense", "1"),
    ] {
        let mut attacker = Attacker::of(&server);
        attacker.throw(&encode(&["REPLCONF", option, value]));
        assert!(attacker.line().starts_with("-ERR "), "{option} {value}");
    }
    witness.check_end(&server, "false replicas");
}

/// What a replica says of itself is shown in INFO and in the log, where it must not make lines of its own.
#[test]
fn what_a_replica_calls_itself_is_no_line_of_ours() {
    let server = Launch::tandem().start();
    let mut witness = Witness::of(&server);
    let mut attacker = Attacker::of(&server);
    attacker.throw(&encode(&["REPLCONF", "ip-address", "x\r\nmaster_replid:forged\r\n"]));
    assert!(attacker.line().starts_with("-ERR "));
    attacker.throw(&encode(&["PSYNC", "?", "-1"]));
    attacker.line();
    let info = witness.client.call("INFO replication").to_string();
    assert!(!info.lines().any(|line| line.starts_with("master_replid:forged")), "{info}");
    assert!(!server.log().lines().any(|line| line.starts_with("master_replid:forged")), "{}", server.log());
    drop(attacker);
    witness.check_end(&server, "a forged name");
}

#[test]
fn acknowledgements_of_what_was_never_sent_do_not_satisfy_wait() {
    let server = Launch::tandem().start();
    let mut witness = Witness::of(&server);
    let mut attacker = follower(&server);
    for offset in ["9223372036854775807", "18446744073709551615", "18446744073709551616", "-1", "x", ""] {
        attacker.throw(&encode(&["REPLCONF", "ACK", offset]));
    }
    let acked = |witness: &mut Witness| {
        let slave = witness.client.info("slave0").expect("it is shown");
        let offset = slave.split("offset=").nth(1).and_then(|rest| rest.split(',').next()).expect("an offset");
        offset.parse::<u64>().expect("a number")
    };
    // The claims have arrived once the data of a later request have.
    attacker.throw(&encode(&["REPLCONF", "ACK", "0"]));
    witness.check("false acknowledgements");
    assert!(acked(&mut witness) <= witness.client.count("master_repl_offset"));
    witness.client.call("SET new 1");
    assert_eq!(witness.client.call("WAIT 1 100").to_string(), "0");
    witness.client.call("DEL new");
    drop(attacker);
    witness.check_end(&server, "false acknowledgements");
}

/// Even while all clients are held: WAIT must not outlast a pause because of the pause.
#[test]
fn acknowledgements_are_not_held_by_a_pause() {
    let server = Launch::tandem().start();
    let mut attacker = follower(&server);
    let mut waiting = server.client();
    waiting.call("SET key 1");
    waiting.send(&encode(&["WAIT", "1", "0"])).expect("the server reads");
    let mut client = server.client();
    eventually(DEADLINE, "it is blocked", || client.count("blocked_clients") == 1);
    let written = client.count("master_repl_offset");
    client.call("CLIENT PAUSE 3600000 ALL");
    // As a replica does: up to where the stream has come.
    attacker.hear(written as usize);
    attacker.throw(&encode(&["REPLCONF", "ACK", &written.to_string()]));
    assert_eq!(waiting.receive().expect("WAIT ends").to_string(), "1");
}

/// A replica gets the stream and nothing else: a reply among it would be taken for a command. Redis closes the link.
#[test]
fn a_replica_that_sends_requests_is_closed() {
    let server = Launch::tandem().start();
    let mut witness = Witness::of(&server);
    for request in
        ["PING", "ECHO key:1", "GET key:1", "SET key:1 x", "FLUSHALL", "nonsense", "GET", "MULTI", "WAIT 1 0", "INFO"]
    {
        let mut attacker = follower(&server);
        let words: Vec<&str> = request.split(' ').collect();
        attacker.throw(&encode(&words));
        let heard = attacker.until_closed();
        let is_stream = heard.is_empty()
            || heard.starts_with("*1\r\n$4\r\nPING\r\n")
            || heard.starts_with("*3\r\n$8\r\nREPLCONF\r\n");
        assert!(is_stream, "{request}: {heard:?} in the stream");
        witness.check(request);
    }
    witness.check_end(&server, "replicas that send requests");
}

#[test]
fn a_replica_that_sends_garbage_is_closed() {
    let server = Launch::tandem().start();
    let mut witness = Witness::of(&server);
    for garbage in [&b"*x\r\n"[..], b"*1\r\n$-1\r\n", b"*1\r\n:1\r\n", b"\"\r\n", &[b'x'; 100_000]] {
        let mut attacker = follower(&server);
        attacker.throw(garbage);
        let heard = attacker.until_closed();
        assert!(!heard.contains("-ERR"), "{heard:?} in the stream");
        witness.check("garbage from a replica");
    }
    witness.check_end(&server, "garbage from replicas");
}

#[test]
fn a_replica_that_does_not_read_its_payload_or_closes_in_it() {
    let server = Launch::tandem().start();
    let mut filler = server.client();
    filler.call("DEBUG POPULATE 20 large 1000000");
    drop(filler);
    let mut witness = Witness::of(&server);
    for capabilities in [&[][..], &["REPLCONF", "capa", "eof", "capa", "psync2"]] {
        let mut attackers: Vec<Attacker> = (0..4).map(|_| Attacker::of(&server)).collect();
        for attacker in &mut attackers {
            if !capabilities.is_empty() {
                attacker.throw(&encode(capabilities));
                attacker.line();
            }
            attacker.throw(&encode(&["PSYNC", "?", "-1"]));
        }
        // They wait in the midst of it; a write must not.
        for _ in 0..20 {
            witness.check("replicas that do not read");
            witness.client.call("SET unread 1");
            witness.client.call("DEL unread");
        }
        // Half of them read a little, then all are gone.
        for attacker in &mut attackers[..2] {
            attacker.line();
            attacker.hear(100_000);
        }
    }
    eventually(DEADLINE, "they are gone", || witness.client.count("connected_slaves") == 0);
    witness.check_end(&server, "replicas that do not read");
}
