//! The request parser, over a socket: counts, lengths, garbage, half requests, requests without end.

use std::time::Duration;

use super::attacker::{Attacker, Dice};
use super::support::client::encode;
use super::support::eventually;
use super::support::server::Launch;
use super::witness::Witness;

/// Every number that a count or a length could be mistaken for.
const NUMBERS: &[&str] = &[
    "-1",
    "-2",
    "-2147483648",
    "-2147483649",
    "-9223372036854775808",
    "-9223372036854775809",
    "1048577",
    "536870913",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775806",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999",
    "",
    "-",
    "--1",
    "+1",
    " 1",
    "1 ",
    "01",
    "0x10",
    "1e3",
    "NaN",
    "\u{0}",
    "1\n",
];

#[test]
fn counts_and_lengths_of_every_size() {
    let server = Launch::tandem().start();
    let mut witness = Witness::of(&server);
    for number in NUMBERS {
        let frames = [
            format!("*{number}\r\n"),
            format!("*{number}\r\n$4\r\nPING\r\n"),
            format!("*1\r\n${number}\r\n"),
            format!("*3\r\n$3\r\nSET\r\n$5\r\nkey:1\r\n${number}\r\nx\r\n"),
            format!("*2\r\n$4\r\nECHO\r\n${number}\r\n"),
        ];
        for frame in frames {
            let mut attacker = Attacker::of(&server);
            attacker.throw(frame.as_bytes());
            let answer = attacker.rest();
            let first = answer.chars().next().unwrap_or('-');
            assert!(matches!(first, '-' | '+'), "{frame:?} is answered {answer:?}");
            assert!(!answer.contains("+OK"), "{frame:?} is taken for a SET");
        }
        witness.check(number);
    }
    witness.check_end(&server, "all numbers");
}

#[test]
fn a_protocol_error_is_told_and_ends_the_connection() {
    let server = Launch::tandem().with("proto-max-bulk-len", "1mb").start();
    let mut witness = Witness::of(&server);
    let table = [
        ("*x\r\n", "-ERR Protocol error: invalid multibulk length\r\n"),
        ("*1\r\n:3\r\n", "-ERR Protocol error: expected '$', got ':'\r\n"),
        ("*1\r\n$-1\r\n", "-ERR Protocol error: invalid bulk length\r\n"),
        ("*1\r\n$1048577\r\n", "-ERR Protocol error: invalid bulk length\r\n"),
        ("SET \"half\r\n", "-ERR Protocol error: unbalanced quotes in request\r\n"),
        ("*1\r\n\r\n$4\r\nPING\r\n", "-ERR Protocol error: expected '$', got '\r'\r\n"),
    ];
    for (frame, error) in table {
        let mut attacker = Attacker::of(&server);
        // What stands before the error is answered, what stands behind it is not read.
        attacker.throw(format!("PING\r\n{frame}PING\r\n").as_bytes());
        let error = error.replace("'\r'", "' '");
        assert_eq!(attacker.until_closed(), format!("+PONG\r\n{error}"), "{frame:?}");
    }
    witness.check_end(&server, "protocol errors");
}

#[test]
fn lines_without_end_are_cut_off() {
    let server = Launch::tandem().start();
    let mut witness = Witness::of(&server);
    let megabyte = vec![b'7'; 1024 * 1024];
    for (head, error) in [
        ("", "-ERR Protocol error: too big inline request\r\n"),
        ("*", "-ERR Protocol error: too big mbulk count string\r\n"),
        ("*1\r\n$", "-ERR Protocol error: too big bulk count string\r\n"),
    ] {
        let mut attacker = Attacker::of(&server);
        attacker.throw(head.as_bytes());
        attacker.throw(&megabyte);
        let answer = attacker.until_closed();
        // A socket that is closed with unread input may be reset before its last words are read.
        assert!(answer == error || answer.is_empty(), "{head:?}: {answer:?}");
    }
    witness.check_end(&server, "lines without end");
}

#[test]
fn garbage_of_any_kind() {
    let server = Launch::tandem().start();
    let mut witness = Witness::of(&server);
    let mut dice = Dice(0x7a11);
    for round in 0..150 {
        let garbage = garbage(&mut dice);
        let mut attacker = Attacker::of(&server);
        attacker.throw(&garbage);
        attacker.rest();
        if round % 10 == 0 {
            witness.check(&garbage[..garbage.len().min(200)].escape_ascii().to_string());
        }
    }
    witness.check_end(&server, "garbage");
}

/// Noise, noise in frames, or good frames that are spoilt; no command in it changes data.
fn garbage(dice: &mut Dice) -> Vec<u8> {
    const WORDS: &[&[u8]] =
        &[b"GET", b"PING", b"ECHO", b"EXISTS", b"key:1", b"*", b"\r\n", b"$", b"MULTI", b"EXEC", b"\x00\xff"];
    let mut bytes = Vec::new();
    for _ in 0..1 + dice.below(60) {
        match dice.below(4) {
            0 => {
                let length = dice.below(300);
                bytes.extend(dice.bytes(length));
            }
            1 => bytes.extend_from_slice(dice.pick::<&[u8]>(WORDS)),
            2 => {
                let words: Vec<_> = (0..1 + dice.below(4)).map(|_| *dice.pick(WORDS)).collect();
                bytes.extend(encode(&words));
            }
            _ => bytes.extend_from_slice(format!("{}{}\r\n", dice.pick(&["*", "$"]), dice.pick(NUMBERS)).as_bytes()),
        }
    }
    if dice.below(2) == 0 && !bytes.is_empty() {
        let at = dice.below(bytes.len());
        bytes[at] = bytes[at].wrapping_add(1);
    }
    bytes
}

#[test]
fn half_requests_held_open_cost_nobody_else() {
    let server = Launch::tandem().start();
    let mut witness = Witness::of(&server);
    let request = encode(&[&b"SET"[..], b"key:1", &[b'x'; 100_000]]);
    let mut attackers: Vec<Attacker> = (0..50).map(|_| Attacker::of(&server)).collect();
    // Each is a little further in its request.
    for (number, attacker) in attackers.iter_mut().enumerate() {
        let length = if number < 40 { number + 1 } else { request.len() - (50 - number) };
        assert_eq!(attacker.throw(&request[..length]), length);
        witness.check("a half request");
    }
    drop(attackers);
    witness.check_end(&server, "half requests");
}

#[test]
fn a_query_buffer_beyond_its_limit_closes_its_owner_alone() {
    let server = Launch::tandem().with("client-query-buffer-limit", "1mb").start();
    let mut witness = Witness::of(&server);
    let mut attacker = Attacker::of(&server);
    attacker.throw(b"*2\r\n$4\r\nECHO\r\n$100000000\r\n");
    let megabyte = vec![b'x'; 1024 * 1024];
    let taken: usize = (0..64).map(|_| attacker.throw(&megabyte)).sum();
    assert!(taken < 64 * megabyte.len(), "the server took {taken} bytes");
    assert_eq!(attacker.until_closed(), "");
    assert_eq!(witness.client.count("client_query_buffer_limit_disconnections"), 1);
    witness.check_end(&server, "a full query buffer");
}

#[test]
fn a_transaction_beyond_the_same_limit_closes_its_owner_alone() {
    let server = Launch::tandem().with("client-query-buffer-limit", "1mb").start();
    let mut witness = Witness::of(&server);
    let mut attacker = Attacker::of(&server);
    attacker.throw(b"MULTI\r\n");
    let request = [&b"*2\r\n$4\r\nECHO\r\n$100000\r\n"[..], &vec![b'x'; 100_000], b"\r\n"].concat();
    let taken: usize = (0..640).map(|_| attacker.throw(&request)).sum();
    assert!(taken < 640 * request.len(), "the server took {taken} bytes");
    attacker.until_closed();
    assert_eq!(witness.client.count("client_query_buffer_limit_disconnections"), 1);
    let log = server.log();
    let line = log.lines().find(|line| line.contains("Closing client that reached max query buffer length: id="));
    assert!(line.is_some_and(|line| line.contains(" flags=x ") && line.contains("(qbuf initial bytes: \"")), "{log}");
    witness.check_end(&server, "an endless transaction");
}

#[test]
fn a_large_request_leaves_nothing_behind_on_an_open_connection() {
    let server = Launch::tandem().start();
    let mut large = server.client();
    large.call("PING");
    let mut witness = Witness::of(&server);
    let many: Vec<&[u8]> =
        std::iter::once(&b"EXISTS"[..]).chain(std::iter::repeat_n(&b"nothing"[..], 500_000)).collect();
    assert_eq!(large.request(&many).expect("a count").to_string(), "0");
    let value = vec![b'x'; 20_000_000];
    assert_eq!(large.request(&[b"ECHO", &value[..]]).expect("the value").to_string().len(), value.len());
    large.send(&b"PING\r\n".repeat(200_000)).expect("the server reads");
    (0..200_000).for_each(|_| assert_eq!(large.receive().expect("PONG").to_string(), "PONG"));
    witness.check_memory("large requests");
    large.call("PING");
}

#[test]
fn what_a_client_sends_does_not_end_an_error_line() {
    let server = Launch::tandem().start();
    let mut witness = Witness::of(&server);
    let poison = "x\r\n+OK\r\n$3\r\nbad\r\n";
    let requests: &[&[&str]] = &[
        &[poison],
        &[poison, poison, poison],
        &["CLIENT", poison],
        &["CONFIG", poison, poison],
        &["CONFIG", "SET", poison, poison],
        &["CONFIG", "SET", "maxmemory", poison],
        &["COMMAND", poison],
        &["HELLO", "2", poison],
        &["HELLO", poison],
        &["AUTH", poison],
        &["DEBUG", poison],
        &["OBJECT", poison, "k"],
        &["REPLCONF", poison, poison],
        &["REPLCONF", "rdb-filter-only", poison],
        &["PSYNC", poison, poison],
        &["CLIENT", "SETNAME", poison],
        &["CLIENT", "KILL", "USER", poison],
        &["CLIENT", "KILL", "TYPE", poison],
        &["CLIENT", "LIST", "TYPE", poison],
        &["SET", "key:1", "v", poison],
        &["INCRBY", "key:1", poison],
        &["RESTORE", "new", "0", poison],
        &["SCAN", poison],
        &["SELECT", poison],
        &["SWAPDB", poison, poison],
    ];
    for request in requests {
        let mut attacker = Attacker::of(&server);
        attacker.throw(&encode(request));
        let error = attacker.line();
        assert!(error.starts_with('-'), "{request:?}: {error}");
        attacker.throw(b"PING\r\n");
        assert_eq!(attacker.line(), "+PONG", "{request:?}: {error}");
    }
    witness.check_end(&server, "poisoned errors");
}

/// As in Redis the output of a client that has logged in is bounded by its limit, which is none by default.
#[test]
fn a_client_that_does_not_read_is_closed_at_its_limit() {
    let server = Launch::tandem().with("client-output-buffer-limit", "normal 16mb 0 0").start();
    let mut witness = Witness::of(&server);
    let mut attacker = Attacker::of(&server);
    let requests = encode(&["ECHO", &"x".repeat(60_000)]).repeat(20);
    let mut thrown = 0;
    for _ in 0..200 {
        let sent = attacker.throw_until_stuck(&requests, Duration::from_millis(100));
        thrown += sent;
        witness.check("replies that nobody reads");
        if sent < requests.len() {
            break;
        }
    }
    assert!(thrown < 200 * requests.len(), "the server goes on for a client that does not read");
    let client = &mut witness.client;
    eventually(Duration::from_secs(5), "it is gone", || client.count("connected_clients") == 1);
    assert_eq!(client.count("client_output_buffer_limit_disconnections"), 1);
    eventually(Duration::from_secs(5), "its memory is, too", || client.count("used_memory") < 8 * 1024 * 1024);
    drop(attacker);
    witness.check_end(&server, "a client that does not read");
}

/// Client libraries write a whole pipeline before they read: whatever its length, nobody may wait for the other.
#[test]
fn a_pipeline_longer_than_all_buffers_is_written_before_it_is_read() {
    const REQUESTS: usize = 400;
    let server = Launch::tandem().start();
    let mut attacker = Attacker::of(&server);
    let payload = "x".repeat(100_000);
    let request = encode(&["ECHO", &payload]);
    for _ in 0..REQUESTS {
        assert_eq!(attacker.throw(&request), request.len(), "the server takes the whole pipeline");
    }
    let reply = format!("${}\r\n{payload}\r\n", payload.len());
    for _ in 0..REQUESTS {
        assert!(attacker.hear(reply.len()) == reply, "each reply in its place");
    }
}
