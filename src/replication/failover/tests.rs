//! The machine as a table: what each state makes of each event.

use super::FailoverAction::{Follow, LeadAgain, Resume};
use super::*;

fn address(port: u16) -> Address {
    Address { host: "10.0.0.2".to_owned(), port }
}

fn requested(target: Option<u16>, timeout_ms: Option<u64>, forces: bool) -> FailoverEvent {
    let request = FailoverRequest { target: target.map(address), timeout_ms, forces };
    FailoverEvent::Requested { request, offset: Offset(100) }
}

fn acked(port: u16, offset: u64) -> FailoverEvent {
    FailoverEvent::Acked { by: address(port), offset: Offset(offset) }
}

/// Plays events, each at its time; answers what was to be done and the words of the states in between.
fn play(events: Vec<(u64, FailoverEvent)>) -> (Vec<FailoverAction>, Vec<&'static str>) {
    let (mut failover, mut out, mut words) = (Failover::default(), Vec::new(), Vec::new());
    for (at, event) in events {
        failover.handle(Millis(at), event, &mut out);
        words.push(failover.state_word());
    }
    out.retain(|action| !matches!(action, FailoverAction::Log(..)));
    (out, words)
}

const WAITING: &str = "waiting-for-sync";
const HANDING_OVER: &str = "failover-in-progress";
const NONE: &str = "no-failover";

#[test]
fn the_target_takes_over_once_it_has_everything() {
    let events = vec![
        (0, requested(Some(7), None, false)),
        (1, acked(7, 99)),
        (2, acked(8, 100)),
        (3, acked(7, 100)),
        (9, FailoverEvent::Accepted),
    ];
    let (actions, words) = play(events);
    assert_eq!(actions, [Follow(address(7)), Resume]);
    assert_eq!(words, [WAITING, WAITING, WAITING, HANDING_OVER, NONE]);
}

#[test]
fn whichever_replica_has_everything_first_takes_over_if_none_is_named() {
    let (actions, _) = play(vec![(0, requested(None, None, false)), (1, acked(8, 40)), (2, acked(9, 100))]);
    assert_eq!(actions, [Follow(address(9))]);
}

#[test]
fn a_target_that_is_late_is_forced_or_let_be() {
    let (actions, words) =
        play(vec![(0, requested(Some(7), Some(500), false)), (499, FailoverEvent::Tick), (500, FailoverEvent::Tick)]);
    assert_eq!((actions, words), (vec![Resume], vec![WAITING, WAITING, NONE]));
    let (actions, words) = play(vec![(0, requested(Some(7), Some(500), true)), (500, FailoverEvent::Tick)]);
    assert_eq!((actions, words), (vec![Follow(address(7))], vec![WAITING, HANDING_OVER]));
}

#[test]
fn a_refusal_and_an_abort_make_us_a_master_again() {
    let (actions, words) = play(vec![(0, requested(Some(7), None, false)), (1, FailoverEvent::Abort)]);
    assert_eq!((actions, words), (vec![Resume], vec![WAITING, NONE]));
    for end in [FailoverEvent::Refused, FailoverEvent::Abort] {
        let (actions, words) = play(vec![(0, requested(Some(7), None, false)), (1, acked(7, 100)), (2, end)]);
        assert_eq!(actions, [Follow(address(7)), LeadAgain, Resume]);
        assert_eq!(words, [WAITING, HANDING_OVER, NONE]);
    }
}

#[test]
fn what_comes_out_of_place_changes_nothing() {
    let idle =
        vec![(0, acked(7, 100)), (1, FailoverEvent::Accepted), (2, FailoverEvent::Refused), (3, FailoverEvent::Abort)];
    assert_eq!(play(idle), (vec![], vec![NONE; 4]));
    let events =
        vec![(0, requested(Some(7), None, false)), (1, requested(Some(8), None, true)), (2, FailoverEvent::Accepted)];
    assert_eq!(play(events), (vec![], vec![WAITING; 3]));
}

#[test]
fn the_lines_are_those_of_redis() {
    let (mut failover, mut out) = (Failover::default(), Vec::new());
    let events = [
        requested(None, None, false),
        FailoverEvent::Abort,
        requested(Some(7), Some(1), true),
        FailoverEvent::Tick,
        FailoverEvent::Refused,
    ];
    for (at, event) in events.into_iter().enumerate() {
        failover.handle(Millis(at as u64), event, &mut out);
    }
    let lines: Vec<String> = out
        .into_iter()
        .filter_map(|action| match action {
            FailoverAction::Log(Level::Notice, line) => Some(line),
            _ => None,
        })
        .collect();
    assert_eq!(
        lines,
        [
            "FAILOVER requested to any replica.",
            "FAILOVER to any replica aborted: Failover manually aborted",
            "FAILOVER requested to 10.0.0.2:7.",
            "FAILOVER to 10.0.0.2:7 time out exceeded, failing over.",
            "FAILOVER to 10.0.0.2:7 aborted: Failover target rejected psync request",
        ]
    );
}

/// Every event in every state: the states change as the diagram says.
#[test]
fn the_diagram_is_true() {
    let events: [fn() -> FailoverEvent; 6] = [
        || requested(Some(7), Some(5), false),
        || acked(7, 100),
        || FailoverEvent::Accepted,
        || FailoverEvent::Refused,
        || FailoverEvent::Abort,
        || FailoverEvent::Tick,
    ];
    let name = |failover: &Failover| match failover.state {
        State::Idle => "Idle",
        State::AwaitingSync { .. } => "AwaitingSync",
        State::HandingOver { .. } => "HandingOver",
    };
    let mut seen = std::collections::BTreeSet::new();
    for (steps, event) in (0..3).flat_map(|steps| events.iter().map(move |event| (steps, event))) {
        let mut failover = Failover::default();
        for before in &events[..steps] {
            failover.handle(Millis(0), before(), &mut Vec::new());
        }
        let from = name(&failover).to_owned();
        failover.handle(Millis(9), event(), &mut Vec::new());
        let to = name(&failover).to_owned();
        seen.extend((from != to).then_some((from, to)));
    }
    assert_eq!(seen, crate::replication::diagrams::edges("Failover"));
}
