//! Every write of the table is propagated so that whoever applies the stream has the same data: each has a case here,
//! and a row without one fails. The harness compares a follower's data after every request.

#[allow(dead_code)]
#[path = "commands/harness.rs"]
mod harness;
#[allow(dead_code)]
#[path = "commands/value.rs"]
mod value;

use std::collections::BTreeSet;

use harness::Harness;
use tandem::command::{CommandTable, Flags};
use tandem::words::split_words;

/// Requests separated by `; `. The last one is the case's own: it must be propagated.
const CASES: &str = include_str!("replay_cases.txt");

/// Writes that change no data of their own, or that another kind of test covers.
const ELSEWHERE: &[(&str, &str)] = &[
    ("function|restore", "its payload is that of FUNCTION DUMP: tests/commands/script.rs"),
    ("spublish", "goes to the stream as it is: tests/commands/pubsub.rs"),
    ("publish", "goes to the stream as it is: tests/commands/pubsub.rs"),
    ("migrate", "deletes what has arrived elsewhere: tests/commands/replication.rs"),
];

fn full_name(table: &CommandTable, line: &str) -> &'static str {
    let words = split_words(line.as_bytes()).unwrap_or_else(|_| panic!("quotes of {line}"));
    let id = table.resolve(&words[0], words.get(1).map(Vec::as_slice)).unwrap_or_else(|| panic!("no command: {line}"));
    table.entry(id).full_name
}

fn cases() -> impl Iterator<Item = &'static str> {
    CASES.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[test]
fn every_write_is_replayed_to_the_same_data() {
    for case in cases() {
        let mut harness = Harness::new();
        let mut is_propagated = false;
        for line in case.split("; ") {
            let before = harness.engine.node.offset();
            let words = split_words(line.as_bytes()).expect("balanced quotes");
            let reply = harness.execute(&words.iter().map(Vec::as_slice).collect::<Vec<_>>());
            assert!(!reply.starts_with(b"-"), "{case}: {line}: {}", reply.escape_ascii());
            is_propagated = harness.engine.node.offset() > before;
            // The follower applies it, and holds the same.
            harness.tick();
        }
        assert!(is_propagated, "{case}: the last request is not propagated");
    }
}

#[test]
fn every_write_of_the_table_has_a_case() {
    let table = CommandTable::new();
    let covered: BTreeSet<&str> =
        cases().map(|case| full_name(&table, case.rsplit("; ").next().expect("a request"))).collect();
    let writes = table.entries().filter(|(_, entry)| entry.has(Flags::WRITE | Flags::MAY_REPLICATE));
    let names: BTreeSet<&str> = writes.filter(|(_, entry)| !entry.is_container()).map(|(_, e)| e.full_name).collect();
    let elsewhere: BTreeSet<&str> = ELSEWHERE.iter().map(|(name, _)| *name).collect();
    let missing: Vec<_> = names.iter().filter(|name| !covered.contains(*name) && !elsewhere.contains(*name)).collect();
    assert!(missing.is_empty(), "writes without a case: {missing:?}");
    let idle: Vec<_> = elsewhere.iter().filter(|name| !names.contains(*name) || covered.contains(*name)).collect();
    assert!(idle.is_empty(), "exceptions without need: {idle:?}");
}
