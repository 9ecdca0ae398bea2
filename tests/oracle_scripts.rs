//! Scripts held against a running redis-server 7.0.15: what they are answered, to the digit. Each line of
//! `oracle_scripts.txt` is a script with one key and one argument; they run one after the other, so settings of
//! libraries stay.

#[path = "commands/harness.rs"]
#[allow(dead_code)]
mod harness;
#[path = "support/oracle.rs"]
#[allow(dead_code)]
mod oracle;
#[path = "support/mod.rs"]
mod support;
#[path = "commands/value.rs"]
mod value;

use harness::Harness;
use oracle::Oracle;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// Answers that differ from protocol to protocol.
const TYPED: &[&str] = &[
    "return {double=3.5}",
    "return {double=1/0}",
    "return {map={a=1}}",
    "return {set={a=true}}",
    "return {big_number='123'}",
    "return {verbatim_string={format='txt', string='hi'}}",
    "return {true, false}",
    "redis.setresp(3) return {true, false}",
    "return redis.call('get', 'nokey')",
    "redis.setresp(3) return redis.call('get', 'nokey')",
    "redis.call('hset', 'h', 'a', '1') return redis.call('hgetall', 'h')",
    "redis.setresp(3) return redis.call('hgetall', 'h')",
    "redis.call('sadd', 's', 'a') redis.setresp(3) return redis.call('smembers', 's')",
];

/// First lines and syntax errors.
const TEXTS: &[&str] = &[
    "#!lua\nreturn 1",
    "#!lua flags=no-writes\nreturn redis.call('set', 'a', 1)",
    "#!lua flags=bad\nreturn 1",
    "#!lua flags=\nreturn 1",
    "#!lua flags=no-writes,allow-oom,allow-stale,no-cluster,allow-cross-slot-keys\nreturn 2",
    "#!lua name=x\nreturn 1",
    "#!foo\nreturn 1",
    "#!lua",
    "#!\nreturn 1",
    "#!lua \"x\nreturn 1",
    "return 1 +",
    "return \"",
    "x x",
    "\n\nfoo()",
    "--[[",
    "return [==[",
];

/// Bodies of libraries that register nothing, or wrongly.
const LIBRARIES: &[&str] = &[
    "redis.register_function('a-b', function() end)",
    "redis.register_function(1)",
    "redis.register_function()",
    "redis.register_function('a', 1)",
    "redis.register_function{function_name='a'}",
    "redis.register_function{callback=function() end}",
    "redis.register_function{function_name='a', callback=1}",
    "redis.register_function{function_name='a', callback=function() end, flags=1}",
    "redis.register_function{function_name='a', callback=function() end, flags={'x'}}",
    "redis.register_function{function_name='a', callback=function() end, foo=1}",
    "redis.register_function({}, function() end)",
    "redis.call('ping')",
    "x = 1",
    "return x",
    "error('x')",
    "error({err='x'})",
    "local s = string",
    "x x",
];

struct Pair {
    ours: Harness,
    oracle: Oracle,
}

impl Pair {
    fn new() -> Pair {
        Pair { ours: Harness::new(), oracle: Oracle::start() }
    }

    fn differ(&mut self, words: &[&[u8]]) -> Option<String> {
        let (ours, theirs) = (self.ours.request(words), self.oracle.request(words));
        let shown = || words.iter().map(|word| word.escape_ascii().to_string()).collect::<Vec<_>>().join(" ");
        (ours != theirs).then(|| format!("{}\n   ours:  {ours}\n   Redis: {theirs}", shown()))
    }

    #[track_caller]
    fn check_all<'a>(&mut self, requests: impl IntoIterator<Item = Vec<&'a [u8]>>) {
        let differing: Vec<_> = requests.into_iter().filter_map(|request| self.differ(&request)).collect();
        assert!(differing.is_empty(), "{} differ:\n{}", differing.len(), differing.join("\n"));
    }
}

#[test]
fn scripts_are_answered_alike() {
    let scripts = include_str!("oracle_scripts.txt").lines().filter(|line| !line.is_empty());
    let requests = scripts.map(|script| vec![b"EVAL".as_slice(), script.as_bytes(), b"1", b"kk", b"aa"]);
    Pair::new().check_all(requests);
}

#[test]
fn answers_have_the_types_of_their_protocol() {
    let mut pair = Pair::new();
    for version in [b"2".as_slice(), b"3"] {
        pair.ours.request(&[b"HELLO", version]);
        pair.oracle.request(&[b"HELLO", version]);
        pair.check_all(TYPED.iter().map(|script| vec![b"EVAL".as_slice(), script.as_bytes(), b"0"]));
    }
}

#[test]
fn what_is_no_script_or_library_is_refused_alike() {
    let mut pair = Pair::new();
    pair.check_all(TEXTS.iter().map(|text| vec![b"EVAL".as_slice(), text.as_bytes(), b"0"]));
    pair.check_all(TEXTS.iter().map(|text| vec![b"SCRIPT".as_slice(), b"LOAD", text.as_bytes()]));
    let libraries: Vec<String> = LIBRARIES.iter().map(|body| format!("#!lua name=lib\n{body}")).collect();
    pair.check_all(libraries.iter().map(|text| vec![b"FUNCTION".as_slice(), b"LOAD", text.as_bytes()]));
}

#[test]
fn payloads_of_functions_are_the_same_bytes() {
    let mut pair = Pair::new();
    let library = b"#!lua name=lib\nredis.register_function('f', function(keys, args) return {keys, args} end)";
    pair.check_all([
        vec![b"FUNCTION".as_slice(), b"LOAD", library],
        vec![b"FUNCTION", b"DUMP"],
        vec![b"FUNCTION", b"LIST", b"WITHCODE"],
        vec![b"FUNCTION", b"STATS"],
        vec![b"FCALL", b"f", b"1", b"a", b"b"],
        vec![b"FCALL_RO", b"f", b"0"],
        vec![b"FUNCTION", b"LIST", b"LIBRARYNAME", b"L?B"],
        vec![b"FUNCTION", b"LIST", b"LIBRARYNAME"],
        vec![b"FUNCTION", b"FLUSH", b"x"],
        vec![b"FUNCTION", b"RESTORE", b"x"],
        vec![b"FUNCTION", b"DELETE", b"x"],
    ]);
    let payload = pair.oracle.request(&[b"FUNCTION", b"DUMP"]).bytes().to_vec();
    for policy in [b"APPEND".as_slice(), b"REPLACE", b"FLUSH", b"what"] {
        pair.check_all([vec![b"FUNCTION".as_slice(), b"RESTORE", &payload, policy]]);
    }
}

/// Texts and bytes that are almost JSON and MessagePack are taken, or refused, alike.
#[test]
fn random_texts_are_decoded_alike() {
    const PIECES: &[&str] = &[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"\\u00e9\"",
        "\"\\ud83d\\ude00\"",
        "\"\\n\"",
        "1",
        "-0",
        "1.5e3",
        "0x1f",
        "nan",
        "inf",
        "true",
        "false",
        "null",
        " ",
        "01",
        "\"",
        "\\",
        "1e999",
        "-",
        "+1",
        ".5",
    ];
    const CODE: &str = "local ok, value = pcall(cjson.decode, ARGV[1]) if not ok then return value end \
                        return {type(value), select(2, pcall(cjson.encode, value))}";
    const PACKED: &str = "local ok, value = pcall(cmsgpack.unpack, ARGV[1]) if not ok then return value end \
                          return {type(value), select(2, pcall(cmsgpack.pack, value))}";
    let mut rng = SmallRng::seed_from_u64(5);
    let mut pair = Pair::new();
    let mut requests = Vec::new();
    for _ in 0..3_000 {
        let len = rng.random_range(1..12);
        let text: String = (0..len).map(|_| PIECES[rng.random_range(0..PIECES.len())]).collect();
        requests.push((CODE, text.into_bytes()));
        let len = rng.random_range(1..10);
        requests.push((PACKED, (0..len).map(|_| rng.random_range(0x70..=0xff)).collect()));
    }
    pair.check_all(requests.iter().map(|(code, text)| vec![b"EVAL".as_slice(), code.as_bytes(), b"0", text]));
}
