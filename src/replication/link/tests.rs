//! Scripts of events and the actions that must follow, illegal events too.

use bytes::Bytes;

use super::*;
use crate::replication::EndMark;

const HOST: &str = "10.0.0.1";
const MARK: &str = "0123456789abcdef0123456789abcdef01234567";

fn id(letter: char) -> ReplId {
    ReplId::parse(letter.to_string().repeat(40).as_bytes()).unwrap()
}

fn position(letter: char, offset: u64) -> Position {
    Position { replid: id(letter), offset: Offset(offset), db: None }
}

fn config() -> LinkConfig {
    LinkConfig {
        host: HOST.to_owned(),
        port: 6379,
        user: None,
        password: None,
        listening_port: 6380,
        announce_ip: None,
        version: "7.4.0".to_owned(),
        timeout_ms: 60_000,
        payload_target: "to disk",
        hands_over: false,
    }
}

/// A way to a state of the machine.
type Stage = fn() -> Script;

/// A link, its clock, and the position that the engine would name.
struct Script {
    link: MasterLink,
    now: Millis,
    own: Option<Position>,
    log: Vec<String>,
}

impl Script {
    fn new(config: LinkConfig) -> Script {
        Script { link: MasterLink::new(config, 1, Millis(0)), now: Millis(0), own: None, log: Vec::new() }
    }

    /// Gives an event in; answers the actions, with log lines put aside.
    fn give(&mut self, event: LinkEvent) -> Vec<LinkAction> {
        let mut out = Vec::new();
        self.link.handle(self.now, self.own.as_ref(), event, &mut out);
        assert!(self.link.next_timeout() > self.now || self.link.status().state == "connect");
        out.retain(|action| match action {
            LinkAction::Log(_, line) => {
                self.log.push(line.clone());
                false
            }
            _ => true,
        });
        out
    }

    fn bytes(&mut self, bytes: impl AsRef<[u8]>) -> Vec<LinkAction> {
        self.give(LinkEvent::Bytes(Bytes::copy_from_slice(bytes.as_ref())))
    }

    fn tick_at(&mut self, ms: u64) -> Vec<LinkAction> {
        self.now = Millis(ms);
        self.give(LinkEvent::Tick)
    }

    fn state(&self) -> &'static str {
        self.link.state.name()
    }

    fn last_log(&self) -> &str {
        self.log.last().map_or("", String::as_str)
    }

    /// Up to the PSYNC that is on its way.
    fn asked(own: Option<Position>) -> Script {
        let mut script = Script { own, ..Script::new(config()) };
        script.give(LinkEvent::Tick);
        script.give(LinkEvent::Connected);
        for reply in ["+PONG\r\n", "+OK\r\n", "+OK\r\n", "+OK\r\n"] {
            script.bytes(reply);
        }
        assert_eq!(script.state(), "WaitingPsync");
        script
    }

    fn receiving(own: Option<Position>) -> Script {
        let mut script = Script::asked(own);
        assert_eq!(script.bytes(format!("+FULLRESYNC {} 100\r\n", id('a'))), []);
        script
    }

    fn loading() -> Script {
        let mut script = Script::receiving(None);
        script.bytes("$3\r\nabc");
        assert_eq!(script.state(), "Loading");
        script
    }

    fn streaming() -> Script {
        let mut script = Script::asked(Some(position('a', 100)));
        script.bytes("+CONTINUE\r\n");
        assert_eq!(script.state(), "Streaming");
        script
    }
}

fn send(text: impl AsRef<[u8]>) -> LinkAction {
    LinkAction::Send(Bytes::copy_from_slice(text.as_ref()))
}

fn request(words: &str) -> LinkAction {
    send(handshake::encode(&words.split(' ').collect::<Vec<_>>()))
}

fn stream(text: &'static str) -> LinkAction {
    LinkAction::Stream(Bytes::from_static(text.as_bytes()))
}

fn payload(text: &'static str) -> LinkAction {
    LinkAction::Payload(Bytes::from_static(text.as_bytes()))
}

fn begin(position: Option<Position>, size_bytes: Option<u64>) -> LinkAction {
    LinkAction::BeginPayload { position, size_bytes }
}

#[test]
fn the_first_event_dials_and_the_handshake_goes_step_by_step() {
    let mut script = Script::new(LinkConfig {
        user: Some(b"repl".to_vec()),
        password: Some(b"secret".to_vec()),
        announce_ip: Some("1.2.3.4".to_owned()),
        ..config()
    });
    assert_eq!(script.give(LinkEvent::Tick), [LinkAction::Dial { host: HOST.to_owned(), port: 6379 }]);
    assert_eq!(script.log, ["Connecting to MASTER 10.0.0.1:6379", "MASTER <-> REPLICA sync started"]);
    assert_eq!(script.give(LinkEvent::Connected), [request("PING")]);
    assert_eq!(script.bytes("-NOAUTH Authentication required.\r\n"), [request("AUTH repl secret")]);
    assert_eq!(script.bytes("+OK\r\n"), [request("REPLCONF listening-port 6380")]);
    assert_eq!(script.bytes("+OK\r\n"), [request("REPLCONF ip-address 1.2.3.4")]);
    assert_eq!(script.bytes("-ERR what\r\n"), [request("REPLCONF capa eof capa psync2")]);
    assert_eq!(script.last_log(), "(Non critical) Master does not understand REPLCONF ip-address: -ERR what");
    assert_eq!(script.bytes("+OK\r\n"), [request("REPLCONF version 7.4.0")]);
    assert_eq!(script.bytes("-ERR Unrecognized REPLCONF option: version\r\n"), [request("PSYNC ? -1")]);
    assert_eq!(script.last_log(), "Partial resynchronization not possible (no cached master)");
    assert_eq!(script.link.status().state, "handshake");
}

#[test]
fn replies_may_come_in_pieces_and_together() {
    let mut script = Script::new(config());
    script.give(LinkEvent::Tick);
    script.give(LinkEvent::Connected);
    assert_eq!(script.bytes("+PO"), []);
    assert_eq!(script.bytes("NG\r"), []);
    assert_eq!(
        script.bytes("\n+OK\r\n+OK\r\n"),
        [
            request("REPLCONF listening-port 6380"),
            request("REPLCONF capa eof capa psync2"),
            request("REPLCONF version 7.4.0")
        ]
    );
}

#[test]
fn a_known_position_is_asked_for_by_its_next_byte() {
    let mut script = Script { own: Some(position('b', 41)), ..Script::new(config()) };
    script.give(LinkEvent::Tick);
    script.give(LinkEvent::Connected);
    let mut last = Vec::new();
    for reply in ["+PONG\r\n", "+OK\r\n", "+OK\r\n", "+OK\r\n"] {
        last = script.bytes(reply);
    }
    assert_eq!(last, [request(&format!("PSYNC {} 42", id('b')))]);
    assert_eq!(script.last_log(), format!("Trying a partial resynchronization (request {}:42).", id('b')));
}

#[test]
fn a_full_resync_by_mark_ends_in_the_stream_behind_it() {
    let mut script = Script::receiving(None);
    assert_eq!(script.last_log(), format!("Full resync from master: {}:100", id('a')));
    assert_eq!(script.bytes("\n"), []);
    assert_eq!(script.bytes(format!("$EOF:{MARK}\r\n")), [begin(Some(position('a', 100)), None)]);
    let early = "x".repeat(39);
    assert_eq!(script.bytes(&early), []);
    assert_eq!(script.link.status().sync.map(|sync| sync.read_bytes), Some(0));
    let actions = script.bytes(format!("tail{MARK}*1\r\n"));
    let payload: Vec<u8> = actions
        .iter()
        .flat_map(|action| if let LinkAction::Payload(bytes) = action { bytes.to_vec() } else { vec![] })
        .collect();
    assert_eq!(payload, format!("{early}tail").into_bytes());
    assert_eq!(actions.last(), Some(&LinkAction::EndPayload));
    assert!(!script.link.wants_bytes());
    assert_eq!(script.bytes("$4\r\n"), []);
    script.own = Some(position('a', 100));
    assert_eq!(
        script.give(LinkEvent::Loaded),
        [LinkAction::Adopt { position: Some(position('a', 100)) }, request("REPLCONF ACK 100"), stream("*1\r\n$4\r\n")]
    );
    assert!(script.link.wants_bytes() && script.link.status().is_up);
    assert_eq!(script.bytes("PING\r\n"), [stream("PING\r\n")]);
}

#[test]
fn a_full_resync_by_length_shows_its_progress() {
    let mut script = Script::receiving(None);
    assert_eq!(script.bytes("$6\r\nabc"), [begin(Some(position('a', 100)), Some(6)), payload("abc")]);
    script.now = Millis(30);
    let sync = script.link.status().sync.unwrap();
    assert_eq!((sync.size_bytes, sync.read_bytes, sync.last_byte_at), (Some(6), 3, Millis(0)));
    assert_eq!(script.bytes("def"), [payload("def"), LinkAction::EndPayload]);
    assert_eq!(script.link.status().state, "sync");
    assert!(script.log.contains(&"MASTER <-> REPLICA sync: receiving 6 bytes from master to disk".to_owned()));
}

#[test]
fn a_full_resync_cut_at_every_byte_never_ends_a_payload_and_abandons_what_it_began() {
    let whole = format!("$EOF:{MARK}\r\nsome payload{MARK}");
    for cut in 0..whole.len() {
        let mut script = Script::receiving(Some(position('b', 5)));
        let before = script.bytes(&whole.as_bytes()[..cut]);
        assert!(!before.contains(&LinkAction::EndPayload), "cut at {cut}");
        let begun = before.iter().any(|action| matches!(action, LinkAction::BeginPayload { .. }));
        let after = script.give(LinkEvent::Closed);
        let expected =
            if begun { vec![LinkAction::AbandonPayload, LinkAction::Close] } else { vec![LinkAction::Close] };
        assert_eq!(after, expected, "cut at {cut}");
        assert_eq!(script.state(), "Waiting");
    }
}

#[test]
fn loading_tells_the_master_each_second_and_never_times_out() {
    let mut script = Script::loading();
    assert_eq!(script.tick_at(999), []);
    assert_eq!(script.tick_at(1_000), [send("\n")]);
    assert_eq!(script.tick_at(500_000), [send("\n")]);
    assert_eq!(script.link.next_timeout(), Millis(501_000));
}

#[test]
fn a_failed_load_is_one_more_retry() {
    let mut script = Script::loading();
    let actions = script.give(LinkEvent::LoadFailed("bad checksum".to_owned()));
    assert_eq!(actions, [LinkAction::AbandonPayload, LinkAction::Close]);
    assert_eq!(script.last_log(), "Failed trying to load the MASTER synchronization DB: bad checksum");
    assert_eq!(script.link.status().state, "connect");
}

#[test]
fn a_master_that_streams_on_while_we_load_is_cut_off_at_a_bound() {
    let mut script = Script::loading();
    let megabyte = vec![b'x'; 1 << 20];
    assert_eq!(script.bytes(&megabyte), []);
    assert_eq!(script.bytes("x"), [LinkAction::AbandonPayload, LinkAction::Close]);
}

#[test]
fn a_partial_resync_goes_on_at_once_and_takes_a_new_name_over() {
    let mut script = Script::asked(Some(position('a', 100)));
    let actions = script.bytes(format!("\n\n+CONTINUE {}\r\n*1\r\n", id('b')));
    assert_eq!(actions, [LinkAction::Continue { replid: Some(id('b')) }, stream("*1\r\n")]);
    assert!(script.log.contains(&format!("Master replication ID changed to {}", id('b'))));
    assert_eq!(script.last_log(), "MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.");
    assert!(script.link.status().is_up);
}

#[test]
fn an_old_master_continues_without_a_name() {
    let mut script = Script::asked(Some(position('a', 100)));
    assert_eq!(script.bytes("+CONTINUE\r\n"), [LinkAction::Continue { replid: None }]);
}

#[test]
fn a_master_that_continues_what_nobody_asked_for_is_left() {
    let mut script = Script::asked(None);
    assert_eq!(script.bytes(format!("+CONTINUE {}\r\n", id('a'))), [LinkAction::Close]);
    assert_eq!(script.last_log(), "Master replied with wrong +CONTINUE syntax.");
}

#[test]
fn a_master_without_psync_is_asked_by_sync_and_gets_no_acknowledgements() {
    let mut script = Script::asked(Some(position('b', 5)));
    assert_eq!(script.bytes("-ERR unknown command 'PSYNC'\r\n"), [send("SYNC\r\n")]);
    assert_eq!(script.last_log(), "Retrying with SYNC...");
    assert_eq!(script.bytes("$0\r\n"), [begin(None, Some(0)), LinkAction::EndPayload]);
    assert_eq!(script.give(LinkEvent::Loaded), [LinkAction::Adopt { position: None }]);
    assert_eq!(script.tick_at(5_000), []);
    assert_eq!(script.give(LinkEvent::AckWanted), []);
}

#[test]
fn refusals_end_the_attempt() {
    for (reply, line) in [
        ("-NOMASTERLINK no\r\n", "Master is currently unable to PSYNC but should be in the future: -NOMASTERLINK no"),
        ("-LOADING wait\r\n", "Master is currently unable to PSYNC but should be in the future: -LOADING wait"),
        ("+FULLRESYNC abc 12\r\n", "Master replied with wrong +FULLRESYNC syntax."),
        ("+FULLRESYNC\r\n", "Master replied with wrong +FULLRESYNC syntax."),
    ] {
        let mut script = Script::asked(None);
        assert_eq!(script.bytes(reply), [LinkAction::Close], "{reply:?}");
        assert_eq!(script.last_log(), line);
        assert_eq!(script.state(), "Waiting");
    }
    for offset in ["-3", "9223372036854775808", "18446744073709551615"] {
        let mut script = Script::asked(None);
        script.bytes(format!("+FULLRESYNC {} {offset}\r\n", id('a')));
        assert_eq!(script.last_log(), "Master replied with wrong +FULLRESYNC syntax.");
    }
}

#[test]
fn a_refused_ping_or_auth_ends_the_attempt() {
    let mut script = Script::new(LinkConfig { password: Some(b"wrong".to_vec()), ..config() });
    script.give(LinkEvent::Tick);
    script.give(LinkEvent::Connected);
    assert_eq!(script.bytes("+PONG\r\n"), [request("AUTH wrong")]);
    assert_eq!(script.bytes("-WRONGPASS invalid\r\n"), [LinkAction::Close]);
    assert_eq!(script.last_log(), "Unable to AUTH to MASTER: -WRONGPASS invalid");
    let retry_at = script.link.next_timeout();
    assert!((900..=1_000).contains(&retry_at.0));
    assert_eq!(script.tick_at(retry_at.0 - 1), []);
    assert_eq!(script.tick_at(retry_at.0).len(), 1);
    script.give(LinkEvent::Connected);
    assert_eq!(script.bytes("-LOADING x\r\n"), [LinkAction::Close]);
    assert_eq!(script.last_log(), "Error reply to PING from master: '-LOADING x'");
}

#[test]
fn garbage_from_the_master_ends_the_attempt_in_bounded_memory() {
    for stage in [Script::asked(None), Script::receiving(None)] {
        let mut script = stage;
        assert_eq!(script.bytes(vec![b'z'; 100_000]), [LinkAction::Close]);
    }
    let mut script = Script::receiving(None);
    assert_eq!(script.bytes("HTTP/1.1 400 Bad Request\r\n"), [LinkAction::Close]);
    assert!(script.last_log().starts_with("Bad protocol from MASTER, the first byte is not '$'"));
}

#[test]
fn the_stream_is_acknowledged_each_second_and_on_demand() {
    let mut script = Script::streaming();
    script.now = Millis(500);
    assert_eq!(script.bytes("*1\r\n$4\r\nPING\r\n"), [stream("*1\r\n$4\r\nPING\r\n")]);
    script.own = Some(position('a', 114));
    assert_eq!(script.tick_at(1_000), [request("REPLCONF ACK 114")]);
    assert_eq!(script.tick_at(1_500), []);
    assert_eq!(script.give(LinkEvent::AckWanted), [request("REPLCONF ACK 114")]);
    assert_eq!(script.tick_at(2_000), []);
    assert_eq!(script.tick_at(2_500), [request("REPLCONF ACK 114")]);
}

#[test]
fn every_connected_state_times_out() {
    let connecting = {
        let mut script = Script::new(config());
        script.give(LinkEvent::Tick);
        script
    };
    let pinged = {
        let mut script = Script::new(config());
        script.give(LinkEvent::Tick);
        script.give(LinkEvent::Connected);
        script
    };
    let table = [
        (connecting, "Timeout connecting to the MASTER..."),
        (pinged, "Timeout connecting to the MASTER..."),
        (Script::asked(None), "Timeout connecting to the MASTER..."),
        (Script::receiving(None), "Timeout receiving bulk data from MASTER..."),
        (Script::streaming(), "MASTER timeout: no data nor PING received..."),
    ];
    for (mut script, line) in table {
        script.tick_at(59_999);
        assert_ne!(script.state(), "Waiting");
        assert!(script.tick_at(60_000).contains(&LinkAction::Close), "{line}");
        assert!(script.last_log().starts_with(line), "{}", script.last_log());
        assert_eq!(script.state(), "Waiting");
    }
}

#[test]
fn newlines_keep_a_waiting_link_alive() {
    let mut script = Script::asked(None);
    for ms in [50_000, 100_000, 150_000] {
        script.now = Millis(ms);
        assert_eq!(script.bytes("\n"), []);
    }
    assert_eq!(script.tick_at(200_000), []);
    assert_eq!(script.state(), "WaitingPsync");
}

#[test]
fn a_proven_link_is_dialled_again_at_once_one_that_never_worked_is_not() {
    let mut script = Script::streaming();
    script.tick_at(5_000);
    assert_eq!(script.give(LinkEvent::Closed), [LinkAction::Close]);
    assert_eq!(script.link.next_timeout(), Millis(5_000));
    assert_eq!(script.link.status().down_since, Some(Millis(5_000)));
    assert_eq!(script.tick_at(5_000).len(), 1);
    let mut script = Script::streaming();
    script.give(LinkEvent::Closed);
    assert!(script.link.next_timeout() >= Millis(900));
}

#[test]
fn what_cannot_be_in_a_state_is_an_error_that_names_both() {
    let events = || {
        [
            LinkEvent::Connected,
            LinkEvent::ConnectFailed("refused".to_owned()),
            LinkEvent::Bytes(Bytes::from_static(b"x")),
            LinkEvent::Closed,
            LinkEvent::Loaded,
            LinkEvent::LoadFailed("x".to_owned()),
            LinkEvent::AckWanted,
        ]
    };
    for event in events() {
        let mut script = Script::new(config());
        let name = event.name();
        assert_eq!(script.give(event), []);
        assert_eq!(script.last_log(), format!("The replication link cannot take {name} while Waiting"));
    }
    let illegal: [(Stage, &[&str]); 4] = [
        (|| Script::asked(None), &["Connected", "ConnectFailed", "Loaded", "LoadFailed", "AckWanted"]),
        (|| Script::receiving(None), &["Connected", "ConnectFailed", "Loaded", "AckWanted"]),
        (Script::loading, &["Connected", "ConnectFailed", "AckWanted"]),
        (Script::streaming, &["Connected", "ConnectFailed", "Loaded", "LoadFailed"]),
    ];
    for (script, names) in illegal {
        for event in events().into_iter().filter(|event| names.contains(&event.name())) {
            let mut script = script();
            let expected = format!("The replication link cannot take {} while {}", event.name(), script.state());
            assert!(script.give(event).contains(&LinkAction::Close));
            assert_eq!(script.last_log(), expected);
            assert_eq!(script.state(), "Waiting");
        }
    }
}

#[test]
fn stopping_closes_and_abandons_what_there_is() {
    let stop = |script: Script| {
        let mut out = Vec::new();
        script.link.stop(&mut out);
        out
    };
    assert_eq!(stop(Script::new(config())), []);
    assert_eq!(stop(Script::streaming()), [LinkAction::Close]);
    assert_eq!(stop(Script::loading()), [LinkAction::AbandonPayload, LinkAction::Close]);
}

#[test]
fn a_mark_is_as_long_as_redis_makes_it() {
    let mark = EndMark::random(&mut <rand::rngs::StdRng as rand::SeedableRng>::seed_from_u64(1));
    assert_eq!((mark.bytes().len(), mark.header().len()), (MARK.len(), MARK.len() + 7));
}

/// Every event in every state: the states change as the diagram says.
#[test]
fn the_diagram_is_true() {
    let dialled = || {
        let mut script = Script::new(config());
        script.give(LinkEvent::Tick);
        script
    };
    let handshaking = || {
        let mut script = Script::new(config());
        script.give(LinkEvent::Tick);
        script.give(LinkEvent::Connected);
        for reply in ["+PONG\r\n", "+OK\r\n", "+OK\r\n"] {
            script.bytes(reply);
        }
        script
    };
    let stages: [Stage; 8] = [
        || Script::new(config()),
        dialled,
        handshaking,
        || Script::asked(Some(position('a', 100))),
        || Script::asked(None),
        || Script::receiving(None),
        Script::loading,
        Script::streaming,
    ];
    let bytes = [
        "+OK\r\n",
        "+FULLRESYNC 0123456789012345678901234567890123456789 7\r\n",
        "+CONTINUE\r\n",
        "-ERR\r\n",
        "$1\r\nx",
    ];
    let mut events: Vec<Box<dyn Fn() -> LinkEvent>> = vec![
        Box::new(|| LinkEvent::Connected),
        Box::new(|| LinkEvent::ConnectFailed("x".to_owned())),
        Box::new(|| LinkEvent::Closed),
        Box::new(|| LinkEvent::Loaded),
        Box::new(|| LinkEvent::LoadFailed("x".to_owned())),
        Box::new(|| LinkEvent::AckWanted),
        Box::new(|| LinkEvent::Tick),
    ];
    for text in bytes {
        events.push(Box::new(move || LinkEvent::Bytes(Bytes::from_static(text.as_bytes()))));
    }
    let mut seen = std::collections::BTreeSet::new();
    for (stage, event) in stages.iter().flat_map(|stage| events.iter().map(move |event| (stage, event))) {
        let mut script = stage();
        let from = script.state().to_owned();
        script.give(event());
        let to = script.state().to_owned();
        seen.extend((from != to).then_some((from, to)));
    }
    assert_eq!(seen, crate::replication::diagrams::edges("MasterLink"));
}
