//! Our table of directives beside what Redis 7.0.15, Redis 8.0.6 and Valkey 9.1.2 answered to CONFIG GET
//! (config_facts.tsv): every name is known, immutable where theirs is, and has the first of their defaults.

use tandem::config::{Caller, Config, IMMUTABLE, table};

/// Where the servers that were asked had been started with a value of their own, or we differ on purpose.
const DIFFERENT_DEFAULTS: &[(&str, &str)] = &[
    ("port", "each was started on a port of its own"),
    ("dir", "each was started in a folder of its own"),
    ("enable-protected-configs", "was set for asking; the default is no"),
];

struct Fact {
    name: &'static str,
    is_immutable: bool,
    /// Of Redis 7.0, Redis 8.0, Valkey; where it has the directive.
    defaults: [Option<&'static str>; 3],
}

fn facts() -> Vec<Fact> {
    let lines = include_str!("config_facts.tsv").lines().skip(1);
    let facts: Vec<_> = lines.map(parse).collect();
    assert!(facts.len() > 200);
    facts
}

fn parse(line: &'static str) -> Fact {
    let cells: Vec<_> = line.split('\t').collect();
    let [name, immutable, defaults @ ..] = cells.as_slice() else { panic!("{line}") };
    let default = |at: usize| match defaults[at] {
        "(absent)" => None,
        "''" => Some(""),
        text => Some(text),
    };
    Fact { name, is_immutable: *immutable == "yes", defaults: [default(0), default(1), default(2)] }
}

#[test]
fn every_directive_is_known_with_its_default() {
    let config = Config::default();
    for fact in facts() {
        let value = config.value(fact.name).unwrap_or_else(|| panic!("{} is unknown", fact.name));
        let expected = fact.defaults.into_iter().flatten().next().unwrap();
        if !DIFFERENT_DEFAULTS.iter().any(|(name, _)| *name == fact.name) {
            assert_eq!(String::from_utf8_lossy(&value), expected, "{}", fact.name);
        }
    }
}

#[test]
fn directives_are_immutable_where_theirs_are() {
    for fact in facts() {
        let (_, row) = table::find(fact.name.as_bytes()).unwrap();
        assert_eq!(row.has(IMMUTABLE), fact.is_immutable, "{}", fact.name);
    }
}

#[test]
fn what_is_ours_alone_is_listed() {
    let facts = facts();
    let is_known = |name: &str| facts.iter().any(|fact| fact.name == name);
    let ours: Vec<_> = table::rows()
        .filter(|row| !row.has(tandem::config::HIDDEN))
        .flat_map(|row| row.names())
        .filter(|name| !is_known(name))
        .collect();
    assert_eq!(ours, ["repl-max-full-syncs"]);
}

/// Redis's suite sets all directives to what they are, but for the immutable ones of 7.0.
#[test]
fn immutable_directives_take_their_own_value_where_redis_7_0_does_not_know_them() {
    let mut config = Config::default();
    for fact in facts().iter().filter(|fact| fact.is_immutable) {
        let own = config.value(fact.name).unwrap();
        let is_newer = fact.defaults[0].is_none();
        let set = config.set_many(&[(fact.name.as_bytes(), own.as_slice())], Caller::default());
        assert_eq!(set.is_ok(), is_newer, "{}: {set:?}", fact.name);
        assert!(config.set_many(&[(fact.name.as_bytes(), b"other")], Caller::default()).is_err(), "{}", fact.name);
    }
}
