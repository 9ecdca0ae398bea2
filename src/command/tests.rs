//! The table held against itself: what one field of a row says, the others must not deny.

use std::collections::HashSet;

use crate::acl::COMMANDS_MAX;

use super::syntax::{Argument, Kind, parse};
use super::{CommandTable, Entry, Flags, Group, KeySpec, category};

/// Rows whose arity lets words in that mean nothing: name, reason.
const ODD_ARITY: &[(&str, &str)] = &[
    ("geohash", "no member is asked for by none, as in Redis"),
    ("geopos", "no member is asked for by none, as in Redis"),
    ("debug", "its subcommands are not documented, as in Redis"),
    ("psync", "a third word, FAILOVER, is not documented, as in Redis"),
    ("quit", "ignores what follows it, as in Redis"),
];

fn rows(table: &CommandTable) -> impl Iterator<Item = &Entry> {
    table.entries().map(|(_, entry)| entry)
}

#[test]
fn names_are_unique_and_lower_case() {
    let table = CommandTable::new();
    let mut seen = HashSet::new();
    for entry in rows(&table) {
        assert!(seen.insert(entry.full_name), "{} stands twice", entry.full_name);
        assert_eq!(entry.full_name, entry.full_name.to_lowercase());
    }
}

#[test]
fn rights_have_a_bit_for_each_row() {
    assert!(CommandTable::new().len() <= COMMANDS_MAX);
    assert!(category::NAMES.len() <= 32);
}

#[test]
fn notations_parse_and_agree_with_arity() {
    let table = CommandTable::new();
    let mut wrong = Vec::new();
    for entry in rows(&table).filter(|entry| !entry.is_container()) {
        let name = entry.full_name;
        let arguments = parse(entry.command.syntax, entry.command.keys.len());
        let arguments = arguments.unwrap_or_else(|error| panic!("{name}: {error}"));
        if ODD_ARITY.iter().any(|(odd, _)| *odd == name) {
            continue;
        }
        let names = if entry.parent.is_some() { 2 } else { 1 };
        let words = names + arguments.iter().map(Argument::min_words).sum::<usize>();
        let is_variable = arguments.iter().any(Argument::is_variable);
        let arity = if is_variable { -(words as i32) } else { words as i32 };
        if entry.command.arity != arity {
            wrong.push(format!("{name}: {} against {arity} by {:?}", entry.command.arity, entry.command.syntax));
        }
    }
    assert!(wrong.is_empty(), "arity:\n{}", wrong.join("\n"));
}

#[test]
fn keys_are_named_where_they_are_found() {
    fn keys(arguments: &[Argument]) -> usize {
        let own =
            |argument: &Argument| usize::from(matches!(argument.kind, Kind::Key(_))) + keys(argument.kind.parts());
        arguments.iter().map(own).sum()
    }
    let table = CommandTable::new();
    for entry in rows(&table) {
        let arguments = parse(entry.command.syntax, entry.command.keys.len()).unwrap();
        assert_eq!(
            keys(&arguments) > 0,
            entry.command.keys.iter().any(KeySpec::names_keys),
            "{}: key specs or key arguments",
            entry.full_name
        );
    }
}

/// WATCH looks at no value; what code does with its keys it says itself.
#[test]
fn a_row_with_keys_reads_or_writes() {
    let table = CommandTable::new();
    let has_keys = |entry: &&Entry| entry.command.keys.iter().any(KeySpec::names_keys);
    let decides = |entry: &&Entry| entry.full_name != "watch" && entry.group != Group::Scripting;
    for entry in rows(&table).filter(has_keys).filter(decides) {
        assert!(entry.has(Flags::READONLY | Flags::WRITE), "{} has keys", entry.full_name);
        assert!(!(entry.has(Flags::READONLY) && entry.has(Flags::WRITE)), "{} reads and writes", entry.full_name);
    }
}

#[test]
fn every_row_is_documented() {
    let table = CommandTable::new();
    for entry in rows(&table) {
        let name = entry.full_name;
        assert!(entry.command.summary.ends_with('.'), "{name}: a summary is a sentence");
        let is_version = |version: &str| version.split('.').filter(|part| part.parse::<u32>().is_ok()).count() == 3;
        assert!(is_version(entry.command.since), "{name}: since");
        assert!(entry.command.history.iter().all(|(version, _)| is_version(version)), "{name}: history");
        assert!(entry.command.categories.iter().all(|name| category::NAMES.contains(name)), "{name}: categories");
        for spec in entry.command.keys {
            assert!(spec.notes.iter().all(|note| *note == note.to_lowercase()), "{name}: key flags");
        }
    }
}

#[test]
fn lookup_ignores_case_and_finds_subcommands() {
    let table = CommandTable::new();
    let named = |name: &[u8], second: Option<&[u8]>| table.resolve(name, second).map(|id| table.entry(id).full_name);
    assert_eq!(named(b"GeT", None), Some("get"));
    assert_eq!(named(b"object", Some(b"ENCODING")), Some("object|encoding"));
    assert_eq!(named(b"object", Some(b"nothing")), Some("object"));
    assert_eq!(named(b"nothing", None), None);
}

#[test]
fn a_renamed_command_is_found_by_its_new_name_only() {
    let names: [(&[u8], &[u8]); 5] =
        [(b"FLUSHDB", b"badger"), (b"config", b""), (b"get", b"foo bar"), (b"set", b"x"), (b"X", b"Y")];
    let table = CommandTable::renamed(names).unwrap_or_else(|error| panic!("{error}"));
    let found = |name: &[u8]| table.find(name).map(|id| table.entry(id).full_name);
    for (name, expected) in [
        (&b"BADGER"[..], Some("flushdb")),
        (b"flushdb", None),
        (b"config", None),
        (b"", None),
        (b"foo bar", Some("get")),
        (b"x", None),
        (b"y", Some("set")),
        (b"flushall", Some("flushall")),
    ] {
        assert_eq!(found(name), expected, "{}", name.escape_ascii());
    }
}

#[test]
fn renaming_says_what_is_wrong_in_redis_words() {
    let mut table = CommandTable::new();
    assert_eq!(table.rename(b"nosuch", b"x").unwrap_err().to_string(), "No such command in rename-command");
    assert_eq!(table.rename(b"get", b"SET").unwrap_err().to_string(), "Target command name already exists");
}
