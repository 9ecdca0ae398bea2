//! Bitmaps and HyperLogLogs held against a running redis-server 7.0.15: random requests are answered alike, and
//! leave the same data, to the byte.

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
use tandem::config::Config;
use value::Value;

/// Both servers, with the last requests for a failure's message.
struct Pair {
    ours: Harness,
    oracle: Oracle,
    past: Vec<String>,
}

impl Pair {
    fn new() -> Pair {
        let mut config = Config::default();
        config.overwrite("enable-debug-command", b"yes").unwrap();
        Pair { ours: Harness::with_config(config), oracle: Oracle::start(), past: Vec::new() }
    }

    #[track_caller]
    fn request(&mut self, words: &[&[u8]]) -> String {
        let shown: Vec<_> = words.iter().map(|word| word.escape_ascii().to_string()).collect();
        self.past.push(shown.join(" "));
        let (ours, theirs) = (self.ours.request(words).to_string(), self.oracle.request(words).to_string());
        let recent = || self.past[self.past.len().saturating_sub(12)..].join("\n");
        assert_eq!(ours, theirs, "request {}:\n{}", self.past.len(), recent());
        ours
    }

    #[track_caller]
    fn line(&mut self, line: &str) -> String {
        self.request(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>())
    }

    /// As `line`, without a follower.
    #[track_caller]
    fn ours_alone_too(&mut self, line: &str) {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let ours = self.ours.execute(&words);
        let (ours, _) = Value::decode(&ours).expect("a whole reply");
        assert_eq!(ours, self.oracle.request(&words), "{line}");
    }

    /// The same data, to the byte.
    #[track_caller]
    fn compare(&mut self) {
        self.line("DEBUG DIGEST");
    }
}

/// A template with its capital letters filled in.
fn filled(template: &str, mut pick: impl FnMut(&str) -> Option<String>) -> Vec<String> {
    template.split(' ').map(|word| pick(word).unwrap_or_else(|| word.to_owned())).collect()
}

fn random_bitmap_request(rng: &mut SmallRng) -> Vec<String> {
    const TEMPLATES: &[&str] = &[
        "SETBIT K O B",
        "SETBIT K O B",
        "SETBIT K O B",
        "GETBIT K O",
        "BITCOUNT K",
        "BITCOUNT K I",
        "BITCOUNT K I I",
        "BITCOUNT K I I U",
        "BITCOUNT K I I U U",
        "BITPOS K B",
        "BITPOS K B I",
        "BITPOS K B I I",
        "BITPOS K B I I U",
        "BITOP P K K",
        "BITOP P K K K",
        "BITOP P K K K K",
        "BITOP NOT K K",
        "BITFIELD K GET F O",
        "BITFIELD K SET F O N",
        "BITFIELD K INCRBY F O N",
        "BITFIELD K OVERFLOW V INCRBY F O N SET F O N GET F O",
        "BITFIELD K OVERFLOW V SET F O N INCRBY F O N",
        "BITFIELD K SET F O N OVERFLOW V INCRBY F O N INCRBY F O N",
        "BITFIELD K",
        "BITFIELD_RO K GET F O GET F O",
        "BITFIELD_RO K SET F O N",
        "SETRANGE K S text",
        "SET K 12345",
        "SET K xyz",
        "APPEND K abc",
        "DEL K",
        "STRLEN K",
        "EXPIRETIME K",
        "EXPIREAT K 4102444800",
        "GET K",
    ];
    const NUMBERS: &[&str] =
        &["0", "1", "-1", "5", "-7", "255", "256", "-129", "70000", "9223372036854775807", "-9223372036854775808", "x"];
    let template = TEMPLATES[rng.random_range(0..TEMPLATES.len())];
    filled(template, |word| {
        let pick = |rng: &mut SmallRng, list: &[&str]| Some(list[rng.random_range(0..list.len())].to_owned());
        match word {
            "K" => pick(rng, &["a", "b", "c", "d"]),
            "B" => pick(rng, &["0", "1", "1", "0", "1", "2", "-1", "x"]),
            "U" => pick(rng, &["BIT", "BYTE", "bit", "x"]),
            "P" => pick(rng, &["AND", "OR", "XOR", "and", "NOT", "DIFF"]),
            "V" => pick(rng, &["WRAP", "SAT", "FAIL", "FAIL", "x"]),
            "F" if rng.random_bool(0.9) => {
                let sign = if rng.random_bool(0.5) { 'i' } else { 'u' };
                Some(format!("{sign}{}", rng.random_range(1..64)))
            }
            "F" => pick(rng, &["i64", "u64", "i65", "u0", "x", "i", "U8"]),
            "N" if rng.random_bool(0.5) => Some(rng.random_range(-300..300).to_string()),
            "N" => pick(rng, NUMBERS),
            "S" => Some(rng.random_range(0..40).to_string()),
            "O" if rng.random_bool(0.9) => Some(rng.random_range(0..300).to_string()),
            "O" => {
                pick(rng, &["-1", "#1", "#0", "#3", "4294967296", "#9223372036854775807", "x", "9223372036854775807"])
            }
            "I" if rng.random_bool(0.9) => Some(rng.random_range(-60..60).to_string()),
            "I" => pick(rng, &["9223372036854775807", "-9223372036854775808", "100000", "x"]),
            _ => None,
        }
    })
}

#[test]
fn random_bitmap_requests() {
    let mut pair = Pair::new();
    let mut rng = SmallRng::seed_from_u64(1);
    for number in 0..60_000 {
        let request = random_bitmap_request(&mut rng);
        pair.request(&request.iter().map(|word| word.as_bytes()).collect::<Vec<_>>());
        if number % 50 == 0 {
            pair.compare();
        }
    }
}

fn random_sketch_request(rng: &mut SmallRng) -> Vec<String> {
    const TEMPLATES: &[&str] = &[
        "PFADD K E",
        "PFADD K E E E",
        "PFADD K E E E E E E E E",
        "PFADD K",
        "PFCOUNT K",
        "PFCOUNT K K",
        "PFCOUNT K K K K",
        "PFMERGE K K",
        "PFMERGE K K K",
        "PFMERGE K",
        "PFDEBUG ENCODING K",
        "PFDEBUG DECODE K",
        "STRLEN K",
    ];
    const RARE: &[&str] = &[
        "PFDEBUG TODENSE K",
        "PFDEBUG GETREG K",
        "DEL K",
        "SET K text",
        "SET K 5",
        "PFDEBUG nosuch K",
        "APPEND K E",
        "SETRANGE K 16 E",
    ];
    let list = if rng.random_bool(0.01) { RARE } else { TEMPLATES };
    filled(list[rng.random_range(0..list.len())], |word| match word {
        "K" => Some(["a", "b", "c", "d"][rng.random_range(0..4)].to_owned()),
        "E" => Some("x".repeat(rng.random_range(0..20)) + &rng.random_range(0..50_000).to_string()),
        _ => None,
    })
}

#[test]
fn random_hyperloglog_requests() {
    let mut pair = Pair::new();
    let mut rng = SmallRng::seed_from_u64(2);
    for number in 0..20_000 {
        let request = random_sketch_request(&mut rng);
        pair.request(&request.iter().map(|word| word.as_bytes()).collect::<Vec<_>>());
        if number % 20 == 0 {
            pair.compare();
        }
    }
}

/// Through both encodings and far beyond them: the same estimate, to the digit.
#[test]
fn estimates_and_bytes_are_equal_at_every_size() {
    let mut pair = Pair::new();
    for batch in 0..400 {
        let elements: Vec<String> = (0..250).map(|number| format!("element:{}", batch * 250 + number)).collect();
        let words = [b"PFADD".as_slice(), b"k"].into_iter().chain(elements.iter().map(|element| element.as_bytes()));
        pair.request(&words.collect::<Vec<_>>());
        pair.line("PFCOUNT k");
        if batch % 10 == 0 {
            pair.line("PFMERGE k other");
            pair.compare();
        }
    }
}

/// The follower has a limit of its own, so it is left out.
#[test]
fn the_sparse_encoding_has_the_same_limit() {
    let mut pair = Pair::new();
    for limit in ["0", "17", "18", "20", "21", "100", "1000", "13000"] {
        for line in [format!("CONFIG SET hll-sparse-max-bytes {limit}"), format!("PFADD {limit}")] {
            pair.ours_alone_too(&line);
        }
        for number in 0..3_000 {
            pair.ours_alone_too(&format!("PFADD {limit} {number}"));
            if number % 100 == 0 {
                pair.ours_alone_too(&format!("STRLEN {limit}"));
                pair.ours_alone_too("DEBUG DIGEST");
            }
        }
    }
}

#[test]
fn payloads_of_hyperloglogs_pass_between_both() {
    let mut pair = Pair::new();
    for (key, elements) in [("none", 0), ("sparse", 100), ("dense", 5_000)] {
        pair.line(&format!("PFADD {key}"));
        for number in 0..elements {
            pair.line(&format!("PFADD {key} {number}"));
        }
        let words: &[&[u8]] = &[b"DUMP", key.as_bytes()];
        let (ours, theirs) = (pair.ours.request(words), pair.oracle.request(words));
        for reply in [
            pair.ours.request(&[b"RESTORE", b"copy", b"0", theirs.bytes(), b"REPLACE"]),
            pair.oracle.request(&[b"RESTORE", b"copy", b"0", ours.bytes(), b"REPLACE"]),
        ] {
            assert_eq!(reply.to_string(), "+OK", "{key}");
        }
        pair.line("PFCOUNT copy");
        pair.compare();
    }
}
