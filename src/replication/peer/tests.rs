//! Scripts of events and the actions that must follow, illegal events too.

use rand::{SeedableRng, rngs::StdRng};

use super::*;
use crate::replication::{Announced, OutputLimit};

fn id(letter: char) -> ReplId {
    ReplId::parse(letter.to_string().repeat(40).as_bytes()).unwrap()
}

fn mark() -> EndMark {
    EndMark::random(&mut StdRng::seed_from_u64(7))
}

fn announced() -> Announced {
    Announced { listening_port: 6380, can_eof: true, can_psync2: true, ..Announced::default() }
}

fn config() -> PeerConfig {
    let output_limit = OutputLimit { hard_bytes: 1 << 20, soft_bytes: 0, soft_ms: 0 };
    PeerConfig { timeout_ms: 60_000, output_limit }
}

/// A way to a state of the machine.
type Stage = fn() -> Script;

/// A peer, its clock, and the log that it is served from: 100 bytes of history `a`, then what a test appends.
struct Script {
    peer: ReplicaPeer,
    stream: Log,
    now: Millis,
    log: Vec<String>,
}

impl Script {
    fn new(announced: Announced, is_pre_psync: bool) -> Script {
        let introduction = Introduction { name: "10.0.0.1:6380".to_owned(), announced, is_pre_psync };
        let mut stream = Log::new(1 << 16);
        stream.reset(Offset(100));
        Script { peer: ReplicaPeer::new(introduction, config(), Millis(0)), stream, now: Millis(0), log: Vec::new() }
    }

    fn give(&mut self, event: PeerEvent) -> Vec<PeerAction> {
        let mut out = Vec::new();
        self.peer.handle(self.now, &mut self.stream, event, &mut out);
        out.retain(|action| match action {
            PeerAction::Log(_, line) => {
                self.log.push(line.clone());
                false
            }
            _ => true,
        });
        out
    }

    fn tick_at(&mut self, ms: u64) -> Vec<PeerAction> {
        self.now = Millis(ms);
        self.give(PeerEvent::Tick)
    }

    fn snapshot(&mut self) -> Vec<PeerAction> {
        let position = Position { replid: id('a'), offset: self.stream.appended(), db: None };
        let mark = self.peer.introduction().announced.can_eof.then(mark);
        self.give(PeerEvent::SnapshotTaken { position, mark })
    }

    fn chunk(&mut self, text: &'static str) -> Vec<PeerAction> {
        self.give(PeerEvent::PayloadChunk(Bytes::from_static(text.as_bytes())))
    }

    fn writable(&mut self) -> Vec<PeerAction> {
        self.give(PeerEvent::Writable { max_bytes: 1 << 20 })
    }

    fn last_log(&self) -> &str {
        self.log.last().map_or("", String::as_str)
    }

    fn shown(&self) -> &'static str {
        self.peer.status(&self.stream).state.as_str()
    }

    fn sending() -> Script {
        let mut script = Script::new(announced(), false);
        script.snapshot();
        script
    }

    fn awaiting_first_ack() -> Script {
        let mut script = Script::sending();
        script.give(PeerEvent::PayloadEnded);
        script
    }

    fn online() -> Script {
        let mut script = Script::new(announced(), false);
        script.give(PeerEvent::Continue { replid: id('a'), from: Offset(100) });
        script
    }
}

fn send(text: impl AsRef<[u8]>) -> PeerAction {
    PeerAction::Send(Bytes::copy_from_slice(text.as_ref()))
}

const CLOSE: PeerAction = PeerAction::Close { flush: false };

#[test]
fn a_partial_resync_is_online_at_once() {
    let mut script = Script::new(announced(), false);
    script.stream.append(b"0123456789");
    let actions = script.give(PeerEvent::Continue { replid: id('a'), from: Offset(104) });
    assert_eq!(actions, [send(format!("+CONTINUE {}\r\n", id('a')))]);
    assert_eq!(
        script.last_log(),
        "Partial resynchronization request from 10.0.0.1:6380 accepted. Sending 6 bytes of backlog starting from \
         offset 105."
    );
    let status = script.peer.status(&script.stream);
    assert_eq!((status.acked, status.sent, script.shown()), (Offset(104), Some(Offset(104)), "online"));
    assert_eq!(script.give(PeerEvent::Writable { max_bytes: 4 }), [send("4567")]);
    assert_eq!(script.writable(), [send("89")]);
    assert_eq!(script.writable(), []);
}

#[test]
fn a_replica_without_psync2_is_told_no_name() {
    let mut script = Script::new(Announced { can_psync2: false, ..announced() }, false);
    assert_eq!(script.give(PeerEvent::Continue { replid: id('a'), from: Offset(100) }), [send("+CONTINUE\r\n")]);
}

#[test]
fn a_replica_cannot_go_on_from_where_the_log_is_not() {
    let mut script = Script::new(announced(), false);
    assert_eq!(script.give(PeerEvent::Continue { replid: id('a'), from: Offset(99) }), [CLOSE]);
    assert!(script.peer.is_closed());
}

#[test]
fn a_marked_full_resync_holds_the_stream_back_until_the_first_acknowledgement() {
    let mut script = Script::new(announced(), false);
    assert_eq!((script.shown(), script.peer.waiting_since()), ("wait_bgsave", Some(Millis(0))));
    assert_eq!(
        script.snapshot(),
        [
            send(format!("+FULLRESYNC {} 100\r\n", id('a'))),
            PeerAction::Send(mark().header()),
            PeerAction::PreparePayload
        ]
    );
    assert_eq!((script.peer.waiting_since(), script.peer.is_sending_snapshot()), (None, true));
    assert_eq!(script.chunk("REDIS"), [send("REDIS")]);
    script.stream.append(b"written meanwhile");
    assert_eq!(script.writable(), []);
    assert_eq!(script.give(PeerEvent::PayloadEnded), [PeerAction::Send(mark().bytes())]);
    assert_eq!(script.shown(), "online");
    assert_eq!(script.writable(), []);
    assert_eq!(script.give(PeerEvent::SignOfLife), []);
    assert_eq!(script.give(PeerEvent::Acked(Offset(100))), []);
    assert_eq!(script.last_log(), "Synchronization with replica 10.0.0.1:6380 succeeded");
    assert_eq!(script.writable(), [send("written meanwhile")]);
}

#[test]
fn a_sized_full_resync_waits_for_its_length_and_flows_on_at_once() {
    let mut script = Script::new(Announced { can_eof: false, ..announced() }, false);
    let actions = script.snapshot();
    assert_eq!(actions[1..], [PeerAction::PreparePayload]);
    assert_eq!(script.tick_at(1_000), [send("\n")]);
    assert_eq!(script.tick_at(90_000), [send("\n")], "our own slowness is no timeout");
    assert_eq!(script.give(PeerEvent::PayloadSized { payload_bytes: 5 }), [send("$5\r\n")]);
    assert_eq!(script.shown(), "send_bulk");
    assert_eq!(script.chunk("REDIS"), [send("REDIS")]);
    script.stream.append(b"next");
    assert_eq!(script.give(PeerEvent::PayloadEnded), []);
    assert_eq!(script.writable(), [send("next")]);
}

#[test]
fn a_replica_of_before_psync_gets_no_line_and_owes_no_acknowledgement() {
    let mut script = Script::new(Announced::default(), true);
    assert_eq!(script.snapshot(), [PeerAction::PreparePayload]);
    script.give(PeerEvent::PayloadSized { payload_bytes: 0 });
    script.give(PeerEvent::PayloadEnded);
    assert_eq!(script.shown(), "online");
    assert_eq!(script.peer.next_timeout(), None);
    assert_eq!(script.tick_at(1_000_000), []);
}

#[test]
fn who_wants_the_payload_only_pins_nothing_and_is_closed_behind_it() {
    let mut script = Script::new(Announced { rdb_only: true, ..announced() }, false);
    script.snapshot();
    assert_eq!(script.stream.cursors(), 0);
    let actions = script.give(PeerEvent::PayloadEnded);
    assert_eq!(actions, [PeerAction::Send(mark().bytes()), PeerAction::Close { flush: true }]);
    assert!(script.last_log().starts_with("RDB transfer completed, rdb only replica"));
}

#[test]
fn a_waiting_replica_hears_a_newline_each_second_and_never_times_out() {
    let mut script = Script::new(announced(), false);
    assert_eq!(script.peer.next_timeout(), Some(Millis(1_000)));
    assert_eq!(script.tick_at(999), []);
    assert_eq!(script.tick_at(1_000), [send("\n")]);
    assert_eq!(script.tick_at(1_500), []);
    assert_eq!(script.tick_at(600_000), [send("\n")]);
}

#[test]
fn the_log_is_pinned_from_the_snapshot_on_and_let_go_at_the_end() {
    let mut script = Script::sending();
    script.stream.append(&[0; 300_000]);
    assert_eq!(script.stream.first(), Offset(100));
    assert_eq!(script.give(PeerEvent::Closed), [PeerAction::AbandonPayload]);
    assert!(script.stream.held_bytes() < 100_000);
    assert_eq!(script.give(PeerEvent::Closed), []);
}

#[test]
fn a_replica_that_takes_nothing_or_acknowledges_nothing_times_out() {
    let table: [(Stage, &str, &[PeerAction]); 3] = [
        (Script::sending, "full sync", &[PeerAction::AbandonPayload, CLOSE]),
        (Script::awaiting_first_ack, "streaming sync", &[CLOSE]),
        (Script::online, "streaming sync", &[CLOSE]),
    ];
    for (script, kind, actions) in table {
        let mut script = script();
        assert_eq!(script.peer.next_timeout(), Some(Millis(60_000)));
        assert_eq!(script.tick_at(59_999), []);
        assert_eq!(script.tick_at(60_000), actions);
        assert_eq!(script.last_log(), format!("Disconnecting timedout replica ({kind}): 10.0.0.1:6380"));
        assert_eq!(script.stream.cursors(), 0);
    }
}

#[test]
fn progress_and_signs_of_life_put_the_timeout_off() {
    let mut script = Script::sending();
    script.now = Millis(50_000);
    script.chunk("x");
    assert_eq!(script.tick_at(109_999), []);
    let mut script = Script::awaiting_first_ack();
    script.now = Millis(50_000);
    script.give(PeerEvent::SignOfLife);
    assert_eq!(script.tick_at(109_999), []);
    let mut script = Script::online();
    script.now = Millis(50_000);
    script.give(PeerEvent::Acked(Offset(100)));
    assert_eq!(script.tick_at(109_999), []);
    assert_eq!(script.peer.status(&script.stream).lag_s(Millis(53_999)), 3);
}

#[test]
fn acknowledgements_never_fall_and_never_pass_what_was_sent() {
    let mut script = Script::online();
    script.stream.append(&[0; 50]);
    script.give(PeerEvent::Acked(Offset(u64::MAX)));
    assert_eq!(script.peer.status(&script.stream).acked, Offset(100));
    script.writable();
    script.give(PeerEvent::Acked(Offset(120)));
    script.give(PeerEvent::Acked(Offset(110)));
    assert_eq!(script.peer.status(&script.stream).acked, Offset(120));
}

#[test]
fn a_replica_too_far_behind_is_cut_off_in_every_state() {
    for script in [Script::sending, Script::awaiting_first_ack, Script::online] {
        let mut script = script();
        script.stream.append(&[0; (1 << 20) - 1]);
        assert_eq!(script.give(PeerEvent::LogGrown), []);
        script.stream.append(b"x");
        assert!(script.give(PeerEvent::LogGrown).contains(&CLOSE));
        assert_eq!(
            script.last_log(),
            "Client 10.0.0.1:6380 scheduled to be closed ASAP for overcoming of output buffer limits."
        );
    }
}

#[test]
fn the_soft_limit_makes_a_timeout_of_its_own() {
    let mut script = Script::online();
    let output_limit = OutputLimit { hard_bytes: 0, soft_bytes: 100_000, soft_ms: 5_000 };
    script.peer.configure(PeerConfig { output_limit, ..config() });
    script.stream.append(&[0; 100_000]);
    script.now = Millis(1_000);
    assert_eq!(script.give(PeerEvent::LogGrown), []);
    assert_eq!(script.peer.next_timeout(), Some(Millis(6_001)));
    assert_eq!(script.tick_at(6_000), []);
    assert_eq!(script.tick_at(6_001), [CLOSE]);
}

#[test]
fn a_failed_snapshot_and_a_changed_history_send_the_replica_away() {
    let mut script = Script::new(announced(), false);
    assert_eq!(script.give(PeerEvent::SnapshotFailed("no memory".to_owned())), [CLOSE]);
    let mut script = Script::sending();
    let actions = script.give(PeerEvent::SnapshotFailed("no memory".to_owned()));
    assert_eq!(actions, [PeerAction::AbandonPayload, CLOSE]);
    assert_eq!(script.last_log(), "SYNC failed. BGSAVE child returned an error: no memory");
    let mut script = Script::online();
    assert_eq!(script.give(PeerEvent::Dismiss), [CLOSE]);
    let mut script = Script::online();
    script.stream.reset(Offset(7));
    assert_eq!(script.writable(), [CLOSE]);
}

#[test]
fn a_payload_that_does_not_fit_its_framing_is_not_sent() {
    let mut script = Script::new(Announced { can_eof: false, ..announced() }, false);
    script.snapshot();
    assert!(script.chunk("early").contains(&CLOSE));
    for (chunk, ends) in [("toolong", false), ("short", true)] {
        let mut script = Script::new(Announced { can_eof: false, ..announced() }, false);
        script.snapshot();
        script.give(PeerEvent::PayloadSized { payload_bytes: 6 });
        let mut actions = script.chunk(chunk);
        if ends {
            actions = script.give(PeerEvent::PayloadEnded);
        }
        assert!(actions.contains(&CLOSE), "{chunk}");
    }
    assert!(Script::sending().give(PeerEvent::PayloadSized { payload_bytes: 1 }).contains(&CLOSE));
}

#[test]
fn what_cannot_be_in_a_state_is_an_error_that_names_both() {
    let events = || {
        [
            PeerEvent::Continue { replid: id('a'), from: Offset(100) },
            PeerEvent::SnapshotTaken {
                position: Position { replid: id('a'), offset: Offset(100), db: None },
                mark: Some(mark()),
            },
            PeerEvent::PayloadSized { payload_bytes: 1 },
            PeerEvent::PayloadChunk(Bytes::from_static(b"x")),
            PeerEvent::PayloadEnded,
            PeerEvent::SnapshotFailed("x".to_owned()),
        ]
    };
    let payload: &[&str] = &["PayloadSized", "PayloadChunk", "PayloadEnded"];
    let all: &[&str] = &["Continue", "SnapshotTaken", "PayloadSized", "PayloadChunk", "PayloadEnded", "SnapshotFailed"];
    let illegal: [(Stage, &[&str]); 4] = [
        (|| Script::new(announced(), false), payload),
        (Script::sending, &["Continue", "SnapshotTaken"]),
        (Script::awaiting_first_ack, all),
        (Script::online, all),
    ];
    for (script, names) in illegal {
        for event in events().into_iter().filter(|event| names.contains(&event.name())) {
            let mut script = script();
            let expected = format!("A replica cannot take {} while {}", event.name(), script.peer.state.name());
            assert!(script.give(event).contains(&CLOSE));
            assert_eq!(script.last_log(), expected);
        }
    }
    let mut closed = Script::online();
    closed.give(PeerEvent::Closed);
    for event in events() {
        assert_eq!(closed.give(event), []);
    }
}

/// Every event in every state: the states change as the diagram says.
#[test]
fn the_diagram_is_true() {
    let sized = || {
        let mut script = Script::new(Announced { can_eof: false, ..announced() }, false);
        script.snapshot();
        script.give(PeerEvent::PayloadSized { payload_bytes: 0 });
        script
    };
    let stages: [Stage; 5] =
        [|| Script::new(announced(), false), Script::sending, sized, Script::awaiting_first_ack, Script::online];
    let position = Position { replid: id('a'), offset: Offset(100), db: None };
    let events: [fn(Position) -> PeerEvent; 12] = [
        |at| PeerEvent::Continue { replid: at.replid, from: at.offset },
        |position| PeerEvent::SnapshotTaken { position, mark: Some(mark()) },
        |_| PeerEvent::PayloadSized { payload_bytes: 1 },
        |_| PeerEvent::PayloadChunk(Bytes::from_static(b"x")),
        |_| PeerEvent::PayloadEnded,
        |_| PeerEvent::SnapshotFailed("x".to_owned()),
        |_| PeerEvent::Writable { max_bytes: 1 },
        |at| PeerEvent::Acked(at.offset),
        |_| PeerEvent::SignOfLife,
        |_| PeerEvent::Dismiss,
        |_| PeerEvent::Closed,
        |_| PeerEvent::Tick,
    ];
    let mut seen = std::collections::BTreeSet::new();
    for (stage, event) in stages.iter().flat_map(|stage| events.iter().map(move |event| (stage, event))) {
        let mut script = stage();
        let from = script.peer.state.name().to_owned();
        script.give(event(position));
        let to = script.peer.state.name().to_owned();
        seen.extend((from != to).then_some((from, to)));
    }
    assert_eq!(seen, crate::replication::diagrams::edges("ReplicaPeer"));
}
