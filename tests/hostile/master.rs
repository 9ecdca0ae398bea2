//! A false master: it speaks the handshake, then dies in mid payload, lies about it, or streams nonsense. The replica
//! keeps its data and serves them, tries again, and takes an honest payload in the end.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::attacker::Dice;
use super::support::client::encode;
use super::support::eventually;
use super::support::server::{Launch, Server};
use super::witness::Witness;

const DEADLINE: Duration = Duration::from_secs(10);
const REPLID: &str = "0123456789abcdef0123456789abcdef01234567";
const OFFSET: u64 = 1_000;

struct FalseMaster {
    listener: TcpListener,
}

impl FalseMaster {
    fn new() -> FalseMaster {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        FalseMaster { listener }
    }

    /// Has the replica dial at once, and answers it up to PSYNC. (A failed link waits for a second; another master is
    /// dialled at once, and then this one is another again.)
    fn take(&self, witness: &mut Witness) -> TcpStream {
        self.take_asked(witness).0
    }

    /// As `take`; with the PSYNC that was asked.
    fn take_asked(&self, witness: &mut Witness) -> (TcpStream, Vec<String>) {
        let port = self.listener.local_addr().expect("it is bound").port();
        witness.client.call(&format!("REPLICAOF 127.0.0.2 {port}"));
        witness.client.call(&format!("REPLICAOF 127.0.0.1 {port}"));
        self.accept()
    }

    /// The next dial, answered up to PSYNC.
    fn accept(&self) -> (TcpStream, Vec<String>) {
        let deadline = Instant::now() + DEADLINE;
        let mut stream = loop {
            match self.listener.accept() {
                Ok((stream, _)) => break stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => panic!("accept: {error}"),
            }
            assert!(Instant::now() < deadline, "the replica does not dial");
            std::thread::sleep(Duration::from_millis(2));
        };
        stream.set_nonblocking(false).expect("a socket");
        stream.set_read_timeout(Some(DEADLINE)).expect("a socket");
        stream.set_write_timeout(Some(DEADLINE)).expect("a socket");
        stream.set_nodelay(true).expect("a socket");
        let psync = handshake(&mut stream);
        (stream, psync)
    }
}

fn handshake(stream: &mut TcpStream) -> Vec<String> {
    let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
    for _ in 0..20 {
        let request = read_request(&mut reader);
        match request[0].as_str() {
            "PING" => stream.write_all(b"+PONG\r\n").expect("the replica reads"),
            "PSYNC" => return request,
            _ => stream.write_all(b"+OK\r\n").expect("the replica reads"),
        }
    }
    panic!("no PSYNC");
}

fn read_request(reader: &mut impl BufRead) -> Vec<String> {
    let mut line = String::new();
    reader.read_line(&mut line).expect("a count");
    let count: usize = line.trim_start_matches('*').trim_end().parse().unwrap_or_else(|_| panic!("no count: {line:?}"));
    let mut word = || {
        let mut text = String::new();
        reader.read_line(&mut text).expect("a length");
        text.clear();
        reader.read_line(&mut text).expect("a word");
        text.trim_end().to_owned()
    };
    (0..count).map(|_| word()).collect()
}

fn full_resync() -> Vec<u8> {
    format!("+FULLRESYNC {REPLID} {OFFSET}\r\n").into_bytes()
}

/// As a master would frame it whose payload has a length.
fn framed(payload: &[u8]) -> Vec<u8> {
    [&full_resync(), format!("${}\r\n", payload.len()).as_bytes(), payload].concat()
}

/// What the honest master holds.
fn honest_payload() -> Vec<u8> {
    let server = Launch::tandem().start();
    let mut client = server.client();
    client.call("SET honest data");
    client.call("SET volatile soon EX 5000");
    client.call(&format!("SET compressible {}", "tandem".repeat(50)));
    client.call("SAVE");
    fs::read(server.path("dump.rdb")).expect("SAVE has written it")
}

/// Sends what it likes and closes.
fn say(mut stream: TcpStream, bytes: &[u8]) {
    // A replica that has heard enough may have closed.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read_to_end(&mut Vec::new());
}

fn check_link_down(server: &Server, witness: &mut Witness) {
    eventually(DEADLINE, "the link is down", || {
        witness.client.info("master_link_status").as_deref() == Some("down")
            && witness.client.info("master_sync_in_progress").as_deref() == Some("0")
    });
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

fn check_honest(master: &FalseMaster, server: &Server, witness: &mut Witness) {
    let mut stream = master.take(witness);
    stream.write_all(&framed(&honest_payload())).expect("the replica reads");
    eventually(DEADLINE, "the link is up", || witness.client.info("master_link_status").as_deref() == Some("up"));
    let stream_bytes = encode(&["SET", "streamed", "too"]);
    stream.write_all(&stream_bytes).expect("the replica reads");
    eventually(DEADLINE, "the stream is applied", || {
        witness.client.count("slave_repl_offset") == OFFSET + stream_bytes.len() as u64
    });
    assert_eq!(witness.client.call("GET honest").to_string(), "data");
    assert_eq!(witness.client.call("GET streamed").to_string(), "too");
    assert_eq!(witness.client.call("DBSIZE").to_string(), "4");
    witness.check_memory("all of it");
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[test]
fn a_master_that_dies_in_mid_payload() {
    let server = Launch::tandem().start();
    let mut witness = Witness::of(&server);
    let master = FalseMaster::new();
    let payload = honest_payload();
    let wire = framed(&payload);
    let marked = [&full_resync()[..], b"$EOF:", &[b'e'; 40], b"\r\n", &payload, &[b'e'; 40]].concat();
    for wire in [wire, marked] {
        for place in 0..15 {
            let length = place * (wire.len() - 1) / 14;
            let stream = master.take(&mut witness);
            say(stream, &wire[..length]);
            witness.check(&format!("a master that died at byte {length}"));
        }
        check_link_down(&server, &mut witness);
    }
    // Without being told, the replica dials again.
    let (stream, _) = master.accept();
    say(stream, b"");
    check_honest(&master, &server, &mut witness);
}

#[test]
fn a_master_that_sends_a_corrupt_payload() {
    let server = Launch::tandem().start();
    let mut witness = Witness::of(&server);
    let master = FalseMaster::new();
    let payload = honest_payload();
    for place in 0..25 {
        let at = place * (payload.len() - 1) / 24;
        let mut bad = payload.clone();
        bad[at] ^= 0x10;
        say(master.take(&mut witness), &framed(&bad));
        witness.check(&format!("byte {at} changed"));
    }
    for (what, bad) in [
        ("a sorted set cut short", [b"REDIS0011".as_slice(), b"\x03\x01k\x02\x01v\x011\xff", &[0; 8]].concat()),
        ("a list cut short", [b"REDIS0011".as_slice(), b"\x01\x01k\x02\x01v\xff", &[0; 8]].concat()),
        ("a huge string", [b"REDIS0011".as_slice(), b"\x00\x01k\x81\x7f\xff\xff\xff\xff\xff\xff\xff"].concat()),
        ("a huge table", [b"REDIS0011".as_slice(), b"\xfe\x00\xfb\x81\x7f\xff\xff\xff\xff\xff\xff\xff\x00"].concat()),
        (
            "a huge database",
            [b"REDIS0011".as_slice(), b"\xfe\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff", &[0; 8]].concat(),
        ),
        ("a future version", [b"REDIS9999".as_slice(), b"\xff", &[0; 8]].concat()),
        ("nothing", Vec::new()),
    ] {
        say(master.take(&mut witness), &framed(&bad));
        witness.check(what);
        witness.check_memory(what);
    }
    check_link_down(&server, &mut witness);
    check_honest(&master, &server, &mut witness);
}

#[test]
fn a_master_that_lies_about_lengths_and_positions() {
    let server = Launch::tandem().start();
    let mut witness = Witness::of(&server);
    let master = FalseMaster::new();
    let payload = honest_payload();
    let behind = |head: &str| [&full_resync()[..], head.as_bytes(), &payload].concat();
    let instead = |line: &str| [line.as_bytes(), format!("${}\r\n", payload.len()).as_bytes(), &payload[..9]].concat();
    let lies = [
        behind(&format!("${}\r\n", payload.len() - 1)),
        behind(&format!("${}\r\n", payload.len() + 1)),
        behind("$18446744073709551615\r\n"),
        behind("$-1\r\n"),
        behind("$\r\n"),
        behind("$EOF:short\r\n"),
        behind("-ERR no\r\n"),
        behind("*3\r\n$3\r\nSET\r\n$5\r\nkey:1\r\n$1\r\nx\r\n"),
        behind(&"$".repeat(100_000)),
        behind(&"\n".repeat(100_000)),
        instead("+FULLRESYNC\r\n"),
        instead("+FULLRESYNC short 5\r\n"),
        instead(&format!("+FULLRESYNC {REPLID} -5\r\n")),
        instead(&format!("+FULLRESYNC {REPLID} 99999999999999999999\r\n")),
        instead("+CONTINUE\r\n"),
        instead(&"x".repeat(1_000_000)),
        instead("-NOMASTERLINK later\r\n"),
        instead("*1\r\n"),
    ];
    for lie in lies {
        say(master.take(&mut witness), &lie);
        witness.check(&lie[..lie.len().min(120)].escape_ascii().to_string());
    }
    check_link_down(&server, &mut witness);
    check_honest(&master, &server, &mut witness);
}

/// An offset at the end of what a number holds: whether it is refused or taken, nothing overflows.
#[test]
fn a_master_at_the_end_of_all_offsets() {
    let server = Launch::tandem().start();
    let mut witness = Witness::of(&server);
    let master = FalseMaster::new();
    let payload = honest_payload();
    let wire = |offset: u64| {
        let head = format!("+FULLRESYNC {REPLID} {offset}\r\n${}\r\n", payload.len());
        [head.as_bytes(), &payload, &encode(&["SET", "streamed", "x"])].concat()
    };
    for offset in [i64::MAX as u64 + 1, u64::MAX - 1, u64::MAX] {
        say(master.take(&mut witness), &wire(offset));
        witness.check(&format!("offset {offset}"));
    }
    let mut stream = master.take(&mut witness);
    stream.write_all(&wire(i64::MAX as u64)).expect("the replica reads");
    eventually(DEADLINE, "the stream is applied", || witness.client.call("GET streamed").to_string() == "x");
    for line in ["INFO", "ROLE", "SAVE", "CLIENT LIST", "DEBUG RELOAD", "REPLICAOF NO ONE", "SET key:1 x", "INFO"] {
        witness.client.call(line);
    }
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

/// Frames that make no sense, or that ask for what is not a stream's to ask: the link goes on or ends, and goes on from
/// where it was.
const STRANGE: &[&[u8]] = &[
    b"*-5\r\n*0\r\n\r\n\n",
    b"*3\r\n$3\r\nSET\r\n$5\r\nkey:1\r\n$9223372036854775807\r\nx",
    b"*2147483647\r\n$3\r\nDEL\r\n",
    b"*1\r\n$3\r\nSET\r\n",
    b"*1\r\n$8\r\nnonsense\r\n",
    b"*1\r\n$4\r\nEXEC\r\n",
    b"*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$5\r\nkey:1\r\n$1\r\nx\r\n",
    b"*1\r\n$5\r\nMULTI\r\n*1\r\n$5\r\nMULTI\r\n*1\r\n$4\r\nEXEC\r\n*1\r\n$4\r\nEXEC\r\n",
    b"*2\r\n$6\r\nSELECT\r\n$5\r\n99999\r\n",
    b"*1\r\n$4\r\nSYNC\r\n*1\r\n$4\r\nQUIT\r\n*1\r\n$5\r\nRESET\r\n",
    b"*3\r\n$4\r\nWAIT\r\n$1\r\n9\r\n$1\r\n0\r\n*1\r\n$4\r\nPING\r\n",
    b"*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n",
    b"*4\r\n$6\r\nCLIENT\r\n$4\r\nKILL\r\n$4\r\nTYPE\r\n$6\r\nmaster\r\n*1\r\n$4\r\nPING\r\n",
];
/// Bytes between the frames: the replica has lost its place, so nothing may be built on what it holds.
const ASTRAY: &[&[u8]] = &[
    b"SET key:1 inline\r\n",
    b"*2147483648\r\n",
    b"*1\r\n$-1\r\n",
    b"*1\r\n:1\r\n",
    b"*3\r\n$3\r\nSET\r\n$5\r\nkey:1\r\n$2\r\nlonger\r\n*1\r\n$4\r\nPING\r\n",
    b"\"half\r\n",
    &[b'x'; 200_000],
];

#[test]
fn a_master_that_streams_nonsense() {
    let server = Launch::tandem().start();
    let mut witness = Witness::of(&server);
    let master = FalseMaster::new();
    let wire = framed(&honest_payload());
    let attach = |witness: &mut Witness, asked_for_all: bool, after: &str| {
        let (mut stream, psync) = master.take_asked(witness);
        assert_eq!(psync[1] == "?", asked_for_all, "{psync:?} after {after}");
        stream.write_all(&wire).expect("the replica reads");
        eventually(DEADLINE, "the link is up", || witness.client.info("master_link_status").as_deref() == Some("up"));
        stream
    };
    let mut stream = attach(&mut witness, true, "the start");
    let mut witness = Witness::by(server.client());
    for (bytes, is_astray) in STRANGE.iter().map(|bytes| (bytes, false)).chain(ASTRAY.iter().map(|bytes| (bytes, true)))
    {
        say(stream, bytes);
        let shown = bytes[..bytes.len().min(120)].escape_ascii().to_string();
        if !shown.contains("longer") {
            witness.check(&shown);
        }
        stream = attach(&mut witness, is_astray, &shown);
        witness.check(&format!("a payload after {shown}"));
    }
    drop(stream);
    witness.check_memory("nonsense");
    check_honest(&master, &server, &mut witness);
}

#[test]
fn a_master_that_streams_noise() {
    let server = Launch::tandem().start();
    let mut witness = Witness::of(&server);
    let master = FalseMaster::new();
    let wire = framed(&honest_payload());
    let mut dice = Dice(0x5eed);
    let mut stream = master.take(&mut witness);
    stream.write_all(&wire).expect("the replica reads");
    eventually(DEADLINE, "the link is up", || witness.client.info("master_link_status").as_deref() == Some("up"));
    let mut witness = Witness::by(server.client());
    for _ in 0..20 {
        let length = dice.below(3_000);
        say(stream, &[&b"\0"[..], &dice.bytes(length)].concat());
        witness.check("noise");
        stream = master.take(&mut witness);
        stream.write_all(&wire).expect("the replica reads");
    }
    check_honest(&master, &server, &mut witness);
}

/// Nothing comes, or what comes never ends: others are served all the while.
#[test]
fn a_master_that_stalls_or_never_ends() {
    let server = Launch::tandem().start();
    let mut witness = Witness::of(&server);
    let master = FalseMaster::new();
    let payload = honest_payload();
    for length in [0, 20, 60, 100, 200] {
        let mut stream = master.take(&mut witness);
        stream.write_all(&framed(&payload)[..length]).expect("the replica reads");
        witness.check("a master that stalls");
    }
    let mut stream = master.take(&mut witness);
    let head = b"REDIS0011\x00\x01k\x81\x00\x00\x00\x00\x7f\xff\xff\xff";
    stream.write_all(&[&full_resync()[..], b"$2147483669\r\n", head].concat()).expect("the replica reads");
    let piece = vec![b'x'; 1024 * 1024];
    for _ in 0..40 {
        stream.write_all(&piece).expect("the replica reads");
    }
    witness.check("a value that does not end");
    say(stream, b"");
    witness.check_memory("a value that did not end");
    check_honest(&master, &server, &mut witness);
}
