//! Commands held against a running redis-server 7.0.15: what COMMAND says of each row, and what requests are answered.
//!
//! Ours is the bare engine, so nothing but Redis runs in a process. What differs on purpose stands in lists here; a
//! line that no longer differs fails.

#[path = "commands/harness.rs"]
#[allow(dead_code)]
mod harness;
#[path = "support/oracle.rs"]
mod oracle;
#[path = "support/mod.rs"]
mod support;
#[path = "commands/value.rs"]
mod value;

use std::collections::{BTreeMap, BTreeSet};

use harness::Harness;
use oracle::Oracle;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tandem::words::split_words;
use value::Value;

/// Rows that Redis 7.0.15 lacks.
const NEWER: &[&str] = &[
    "client|capa",
    "client|import-source",
    "client|no-touch",
    "client|setinfo",
    "commandlog",
    "commandlog|get",
    "commandlog|help",
    "commandlog|len",
    "commandlog|reset",
    "delifeq",
    "hexpire",
    "hexpireat",
    "hexpiretime",
    "hgetdel",
    "hgetex",
    "hpersist",
    "hpexpire",
    "hpexpireat",
    "hpexpiretime",
    "hpttl",
    "hsetex",
    "httl",
    "msetex",
    "script|show",
];

/// Subcommands of Redis 7.0.15 that a container here lacks, and what they wait for.
const MISSING: &[(&str, &str)] = &[];

/// COMMAND INFO: row, field, reason.
const DIFFERENT_INFO: &[(&str, &str, &str)] = &[
    ("client|reply", "flags", "not in a transaction: its replies are one reply"),
    ("zrank", "arity", "WITHSCORE is newer"),
    ("zrevrank", "arity", "WITHSCORE is newer"),
];

/// COMMAND DOCS: row, field, reason.
const DIFFERENT_DOCS: &[(&str, &str, &str)] = &[
    ("acl|log", "history", "two fields more, as since Redis 7.2"),
    ("bgsave", "arguments", "CANCEL is newer"),
    ("bgsave", "history", "CANCEL is newer"),
    ("client|list", "arguments", "filters are newer"),
    ("client|kill", "arguments", "named and structured as since Redis 7.4"),
    ("command|getkeys", "arguments", "Redis 7.0 documents none"),
    ("command|getkeysandflags", "arguments", "Redis 7.0 documents none"),
    ("debug", "doc_flags", "syscmd is for commands that users do not send"),
    ("getset", "replaced_by", "a sentence, and so our own"),
    ("migrate", "arguments", "the empty word is shown as it is typed"),
    ("pfdebug", "doc_flags", "syscmd is for commands that users do not send"),
    ("pfselftest", "doc_flags", "syscmd is for commands that users do not send"),
    ("pfmerge", "arguments", "a source may be missing, as Redis says since 7.2"),
    ("replconf", "arguments", "Redis documents none"),
    ("hscan", "arguments", "NOVALUES is newer"),
    ("set", "arguments", "IFEQ is newer"),
    ("set", "history", "IFEQ is newer"),
    ("xinfo|consumers", "history", "a field more, as since Redis 7.2"),
    ("zrank", "arguments", "WITHSCORE is newer"),
    ("zrank", "history", "WITHSCORE is newer"),
    ("zrevrank", "arguments", "WITHSCORE is newer"),
    ("zrevrank", "history", "WITHSCORE is newer"),
    ("sort", "arguments", "named as since Redis 7.2; patterns have no key spec"),
    ("sort_ro", "arguments", "named as since Redis 7.2; patterns have no key spec"),
    ("restore-asking", "doc_flags", "syscmd is for commands that users do not send"),
    ("replconf", "doc_flags", "syscmd is for commands that users do not send"),
];

const INFO_FIELDS: &[&str] =
    &["name", "arity", "flags", "first key", "last key", "step", "categories", "tips", "key specs"];

/// Sorted, for what is a set.
fn sorted(value: &Value) -> Vec<String> {
    let mut items: Vec<_> = value.items().iter().map(Value::to_string).collect();
    items.sort();
    items
}

/// A flat list of names and values as pairs.
fn pairs(value: &Value) -> BTreeMap<String, Value> {
    let pair = |pair: &[Value]| (String::from_utf8_lossy(pair[0].bytes()).into_owned(), pair[1].clone());
    value.items().chunks(2).map(pair).collect()
}

fn info_field(info: &Value, index: usize) -> String {
    let field = &info.items()[index];
    match INFO_FIELDS[index] {
        "flags" | "categories" | "tips" => sorted(field).join(" "),
        "key specs" => field.items().iter().map(key_spec).collect::<Vec<_>>().join("; "),
        _ => field.to_string(),
    }
}

/// A key spec without its prose.
fn key_spec(spec: &Value) -> String {
    let fields = pairs(spec);
    let shown = |name: &str| fields[name].to_string();
    format!("{} {} {}", sorted(&fields["flags"]).join(" "), shown("begin_search"), shown("find_keys"))
}

/// Compares every field of every row; `differences` is what they may differ in.
fn compare(
    ours: BTreeMap<(String, String), String>,
    theirs: BTreeMap<(String, String), String>,
    listed: &[(&str, &str, &str)],
) {
    let mut wrong = Vec::new();
    for ((row, field), value) in &ours {
        if NEWER.contains(&row.as_str()) {
            assert!(!theirs.keys().any(|(other, _)| other == row), "{row} is no longer missing in Redis");
            continue;
        }
        let is_listed = listed.iter().any(|(r, f, _)| r == row && f == field);
        let other = theirs.get(&(row.clone(), field.clone())).map_or("(missing)", String::as_str);
        if (value == other) == is_listed {
            wrong.push(format!("{row}, {field}:\n  ours   {value}\n  theirs {other}"));
        }
    }
    assert!(wrong.is_empty(), "{} fields:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn command_info_equals_redis() {
    fn collect(infos: &Value, found: &mut BTreeMap<(String, String), String>) {
        for info in infos.items().iter().filter(|info| **info != Value::Null) {
            let name = String::from_utf8_lossy(info.items()[0].bytes()).into_owned();
            for (index, field) in INFO_FIELDS.iter().enumerate() {
                found.insert((name.clone(), (*field).to_owned()), info_field(info, index));
            }
            collect(&info.items()[9], found);
        }
    }
    let (mut ours, mut theirs) = (BTreeMap::new(), BTreeMap::new());
    collect(&Harness::new().send("COMMAND INFO"), &mut ours);
    collect(&Oracle::start().send(&["COMMAND", "INFO"]), &mut theirs);
    assert!(ours.len() > 300, "the rows are there");
    check_missing_subcommands(&ours, &theirs);
    compare(ours, theirs, DIFFERENT_INFO);
}

/// A container that is here has all its subcommands, but for those in the list; and none of those is here.
fn check_missing_subcommands(ours: &BTreeMap<(String, String), String>, theirs: &BTreeMap<(String, String), String>) {
    let names = |rows: &BTreeMap<(String, String), String>| -> BTreeSet<String> {
        rows.keys().map(|(row, _)| row.clone()).collect()
    };
    let (ours, theirs) = (names(ours), names(theirs));
    let is_wanted = |row: &&String| row.split_once('|').is_some_and(|(container, _)| ours.contains(container));
    let missing: Vec<&str> = theirs.difference(&ours).filter(is_wanted).map(String::as_str).collect();
    let listed: Vec<&str> = MISSING.iter().map(|(row, _)| *row).collect();
    assert_eq!(missing, listed);
}

#[test]
fn command_docs_equals_redis() {
    const FIELDS: &[&str] = &["since", "group", "arguments", "deprecated_since", "replaced_by", "doc_flags"];
    fn collect(docs: &Value, found: &mut BTreeMap<(String, String), String>) {
        for (name, doc) in pairs(docs) {
            let fields = pairs(&doc);
            for field in FIELDS {
                let shown = fields.get(*field).map_or("(none)".to_owned(), Value::to_string);
                found.insert((name.clone(), (*field).to_owned()), shown);
            }
            found.insert((name.clone(), "has complexity".to_owned()), fields.contains_key("complexity").to_string());
            let versions = |change: &Value| change.items()[0].to_string();
            let history =
                fields.get("history").map_or(Vec::new(), |history| history.items().iter().map(versions).collect());
            found.insert((name.clone(), "history".to_owned()), history.join(" "));
            if let Some(subcommands) = fields.get("subcommands") {
                collect(subcommands, found);
            }
        }
    }
    let (mut ours, mut theirs) = (BTreeMap::new(), BTreeMap::new());
    collect(&Harness::new().send("COMMAND DOCS"), &mut ours);
    collect(&Oracle::start().send(&["COMMAND", "DOCS"]), &mut theirs);
    compare(ours, theirs, DIFFERENT_DOCS);
}

#[test]
fn what_operators_ask_is_answered_as_by_redis() {
    let (mut ours, mut oracle) = (Harness::new(), Oracle::start());
    for line in include_str!("oracle_requests.txt").lines().filter(|line| !line.starts_with('#')) {
        let words = split_words(line.as_bytes()).expect("balanced quotes");
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        assert_eq!(ours.request(&words).to_string(), oracle.request(&words).to_string(), "{line}");
    }
}

#[test]
fn command_getkeys_equals_redis() {
    let (mut ours, mut oracle) = (Harness::new(), Oracle::start());
    for request in [
        "GET k",
        "SET k v",
        "SET k v GET",
        "set k v EX 10 get",
        "MSET a 1 b 2",
        "MGET a b c",
        "RENAME a b",
        "COPY a b DB 1",
        "OBJECT ENCODING k",
        "LCS a b LEN",
        "WATCH a b",
        "PING",
        "CLUSTER KEYSLOT a",
        "CLIENT KILL a",
        "MEMORY USAGE a",
        "CLIENT NOSUCH a",
        "CLIENT",
        "NOSUCH a",
        "GET",
        "SET k",
        "DEL a b",
        "SETBIT a 1 1",
        "BITOP AND a b c",
        "BITFIELD a GET u8 0",
        "BITFIELD a OVERFLOW SAT get u8 0",
        "BITFIELD a GET u8 0 SET u8 0 1",
        "BITFIELD a incrby u8 0 1",
        "BITFIELD_RO a GET u8 0",
        "ZADD a 1 x",
        "GEOADD a 1 1 x",
        "GEOSEARCHSTORE a b FROMMEMBER x BYRADIUS 1 m",
        "GEORADIUS a 1 1 1 m",
        "GEORADIUS a 1 1 1 m STORE b",
        "GEORADIUSBYMEMBER a x 1 m STOREDIST b",
        "GEORADIUS_RO a 1 1 1 m",
        "ZUNION 2 a b",
        "ZUNION 3 a b",
        "ZUNIONSTORE d 2 a b WEIGHTS 1 2",
        "ZRANGESTORE a b 0 -1",
        "ZMPOP 2 a b MIN",
        "BZMPOP 0 2 a b MIN",
        "BZPOPMIN a b 0",
        "PFADD a x y",
        "PFCOUNT a b",
        "PFMERGE a b c",
        "PFDEBUG GETREG a",
    ] {
        for form in ["GETKEYS", "GETKEYSANDFLAGS"] {
            let line = format!("COMMAND {form} {request}");
            let words: Vec<_> = line.split(' ').collect();
            assert_eq!(ours.send(&line).to_string(), oracle.send(&words).to_string(), "{line}");
        }
    }
}

/// A random request over few keys, so that they meet.
fn random_request(rng: &mut SmallRng, with_floats: bool) -> Vec<String> {
    const KEYS: &[&str] = &["a", "b", "c", "d", "e"];
    const VALUES: &[&str] = &[
        "",
        "0",
        "1",
        "-5",
        "007",
        "12345",
        "9223372036854775807",
        "-9223372036854775808",
        "3.25",
        "1e3",
        "text",
        "the quick brown fox jumps over the lazy dog and on",
        "a\r\nb",
    ];
    const TIMES: &[&str] = &["4102444800", "4102444801", "0", "-1", "1", "x", "9223372036854775807"];
    const TIMES_MS: &[&str] = &["4102444800000", "4102444800001", "0", "-1", "1", "", "9223372036854775807"];
    let templates: &[&str] = &[
        "SET K V",
        "SET K V NX",
        "SET K V XX",
        "SET K V GET",
        "SET K V KEEPTTL",
        "SET K V EXAT T",
        "SET K V PXAT M",
        "SET K V NX GET",
        "SET K V XX KEEPTTL GET",
        "SET K V EX 0",
        "SET K V PX",
        "SET K V NX XX",
        "GET K",
        "GETDEL K",
        "GETSET K V",
        "GETEX K",
        "GETEX K EXAT T",
        "GETEX K PXAT M",
        "GETEX K PERSIST",
        "GETEX K KEEPTTL",
        "SETNX K V",
        "SETEX K 0 V",
        "MGET K K K",
        "MSET K V K V",
        "MSET K V K",
        "MSETNX K V K V",
        "APPEND K V",
        "STRLEN K",
        "INCR K",
        "DECR K",
        "INCRBY K V",
        "DECRBY K V",
        "GETRANGE K I I",
        "SUBSTR K I I",
        "SETRANGE K I V",
        "LCS K K",
        "LCS K K LEN",
        "LCS K K IDX",
        "LCS K K IDX MINMATCHLEN I",
        "LCS K K IDX WITHMATCHLEN",
        "DEL K",
        "DEL K K",
        "UNLINK K",
        "EXISTS K K",
        "TYPE K",
        "TOUCH K K",
        "EXPIREAT K T",
        "PEXPIREAT K M",
        "EXPIREAT K T NX",
        "EXPIREAT K T XX",
        "PEXPIREAT K M GT",
        "PEXPIREAT K M LT",
        "EXPIREAT K T NX XX",
        "EXPIRE K 0",
        "EXPIRE K x",
        "PEXPIRE K 9223372036854775807",
        "EXPIRETIME K",
        "PEXPIRETIME K",
        "PERSIST K",
        "KEYS *",
        "KEYS [ab]",
        "SCAN 0 COUNT 1000",
        "SCAN 0 COUNT 1000 MATCH ?",
        "SCAN 0 COUNT 1000 TYPE string",
        "SCAN x",
        "RENAME K K",
        "RENAMENX K K",
        "COPY K K",
        "COPY K K REPLACE",
        "COPY K K DB D",
        "MOVE K D",
        "DBSIZE",
        "SELECT D",
        "SWAPDB D D",
        "FLUSHDB",
        "MULTI",
        "EXEC",
        "DISCARD",
        "WATCH K",
        "UNWATCH",
        "EXEC x",
        "NOSUCH K",
        "OBJECT FREQ K",
        "OBJECT NOSUCH K",
        "GET",
        "DUMP none",
        "RESTORE K 0 bad",
        "RESTORE K -1 bad REPLACE",
        "RESTORE K 0 bad FREQ 256",
        "RESTORE K 0 bad IDLETIME -1",
    ];
    let own = if with_floats { "INCRBYFLOAT K V" } else { "OBJECT ENCODING K" };
    let at = rng.random_range(0..templates.len() + 6);
    let template = templates.get(at).copied().unwrap_or(own);
    let mut pick = |list: &[&str]| list[rng.random_range(0..list.len())].to_owned();
    let fill = |word: &str| match word {
        "K" => pick(KEYS),
        "V" => pick(VALUES),
        "T" => pick(TIMES),
        "M" => pick(TIMES_MS),
        "D" => pick(&["0", "1", "2", "16", "-1", "x"]),
        "I" => pick(&["0", "1", "3", "-1", "-3", "100", "x"]),
        other => other.to_owned(),
    };
    template.split(' ').map(fill).collect()
}

/// What may come in any order is put in one.
fn shown(request: &[String], reply: &Value) -> String {
    match (request[0].as_str(), reply) {
        ("KEYS", Value::Array(_)) => sorted(reply).join(" "),
        ("SCAN", Value::Array(parts)) => format!("{} {}", parts[0], sorted(&parts[1]).join(" ")),
        ("EXEC", Value::Array(replies)) => {
            // Replies to KEYS and SCAN are in it: all its lists are sorted.
            let one = |reply: &Value| match reply {
                Value::Array(parts) if matches!(parts.last(), Some(Value::Array(_))) => {
                    format!("{} {}", parts[0], sorted(&parts[parts.len() - 1]).join(" "))
                }
                Value::Array(_) => sorted(reply).join(" "),
                other => other.to_string(),
            };
            replies.iter().map(one).collect::<Vec<_>>().join(", ")
        }
        _ => reply.to_string(),
    }
}

#[test]
fn random_requests_are_answered_as_by_redis() {
    let mut oracle = Oracle::start();
    for seed in 0..6 {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut ours = Harness::new();
        for setup in [&["DISCARD"][..], &["UNWATCH"], &["SELECT", "0"], &["FLUSHALL"]] {
            oracle.send(setup);
        }
        let mut past: Vec<String> = Vec::new();
        for _ in 0..2_000 {
            let request = random_request(&mut rng, seed % 2 == 0);
            let words: Vec<&[u8]> = request.iter().map(|word| word.as_bytes()).collect();
            past.push(request.join(" "));
            let (our_reply, their_reply) = (ours.request(&words), oracle.request(&words));
            let recent = || past[past.len().saturating_sub(12)..].join("\n");
            let (our_reply, their_reply) = (shown(&request, &our_reply), shown(&request, &their_reply));
            assert_eq!(our_reply, their_reply, "seed {seed}, request {}:\n{}", past.len(), recent());
        }
    }
}

#[test]
fn payloads_pass_between_both() {
    let (mut ours, mut oracle) = (Harness::new(), Oracle::start());
    let long = "abc".repeat(1_000);
    for value in ["", "1", "-129", "70000", "9223372036854775807", "text", &long] {
        for words in [&["SET", "k", value][..], &["DEL", "copy"]] {
            let words: Vec<_> = words.iter().map(|word| word.as_bytes()).collect();
            ours.request(&words);
            oracle.request(&words);
        }
        let (our_payload, their_payload) = (ours.send("DUMP k"), oracle.send(&["DUMP", "k"]));
        let accepted = oracle.request(&[b"RESTORE", b"copy", b"0", our_payload.bytes()]);
        assert_eq!(accepted.to_string(), "+OK", "Redis takes our payload of {value:?}");
        let accepted = ours.request(&[b"RESTORE", b"copy", b"0", their_payload.bytes()]);
        assert_eq!(accepted.to_string(), "+OK", "we take the payload of Redis of {value:?}");
        for reply in [ours.send("GET copy"), oracle.send(&["GET", "copy"])] {
            assert_eq!(reply.bytes(), value.as_bytes());
        }
    }
}

#[test]
fn sums_of_random_numbers_equal_those_of_redis() {
    let (mut ours, mut oracle) = (Harness::new(), Oracle::start());
    let mut rng = SmallRng::seed_from_u64(7);
    for _ in 0..3_000 {
        let number = random_number(&mut rng);
        if rng.random_range(0..4) == 0 {
            let words: &[&[u8]] = &[b"SET", b"f", number.as_bytes()];
            (ours.request(words), oracle.request(words));
            continue;
        }
        let words: &[&[u8]] = &[b"INCRBYFLOAT", b"f", number.as_bytes()];
        assert_eq!(ours.request(words), oracle.request(words), "INCRBYFLOAT f {number}");
    }
}

fn random_number(rng: &mut SmallRng) -> String {
    let mut digits = |max: usize| -> String {
        let len = rng.random_range(1..=max);
        (0..len).map(|_| char::from(b'0' + rng.random_range(0..10u8))).collect()
    };
    let (whole, fraction) = (digits(18), digits(20));
    let sign = if rng.random_bool(0.4) { "-" } else { "" };
    match rng.random_range(0..8) {
        0 => format!("{sign}{whole}"),
        1 => format!("{sign}{whole}e{}", rng.random_range(-30..60)),
        2 => format!("{sign}0x{whole}.{fraction}p{}", rng.random_range(-80..80)),
        3 => format!("{sign}.{fraction}"),
        4 => format!("{sign}{whole}.{fraction}e{}", rng.random_range(-40..20)),
        5 => ["inf", "nan", "-infinity", "1e5000", "1e-5000", "0x", "1e4931", " 1", "1 ", "+3.5", "-0"]
            [rng.random_range(0..11usize)]
        .to_owned(),
        _ => format!("{sign}{whole}.{fraction}"),
    }
}
