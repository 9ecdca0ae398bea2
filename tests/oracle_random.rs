//! Random requests of all types beside the real redis-server: they are answered alike, unordered where Redis promises no
//! order, and leave the same data. More by `TANDEM_REQUESTS=1000000`.

#[allow(dead_code)]
#[path = "commands/harness.rs"]
mod harness;
#[allow(dead_code)]
#[path = "support/oracle.rs"]
mod oracle;
#[allow(dead_code)]
#[path = "support/requests.rs"]
mod requests;
#[allow(dead_code)]
#[path = "support/mod.rs"]
mod support;
#[allow(dead_code)]
#[path = "commands/value.rs"]
mod value;

use harness::Harness;
use oracle::Oracle;
use requests::{Requests, UNORDERED};
use support::server::Launch;
use tandem::command::keyspace_digest;
use value::Value;

const SEEDS: u64 = 8;
const REQUESTS: u64 = 208_000;
const BETWEEN_DIGESTS: u64 = 500;

/// Limits at which small things become large: each seed another one, so that the same data are met in every form.
const SETTINGS: &[&[(&str, &str)]] = &[
    &[],
    &[
        ("hash-max-listpack-entries", "5"),
        ("set-max-intset-entries", "5"),
        ("list-max-listpack-size", "5"),
        ("zset-max-listpack-entries", "5"),
        ("stream-node-max-entries", "5"),
    ],
    &[("hash-max-listpack-value", "8"), ("zset-max-listpack-value", "8"), ("list-max-listpack-size", "-1")],
];

/// The lists of a reply sorted, all of them.
fn unordered(value: &Value) -> String {
    match value {
        Value::Array(items) | Value::Set(items) => {
            let mut shown: Vec<String> = items.iter().map(unordered).collect();
            shown.sort();
            shown.join(" ")
        }
        other => other.to_string(),
    }
}

/// Both servers, and what they were asked last.
struct Pair {
    ours: Harness,
    theirs: Oracle,
    seed: u64,
    past: Vec<String>,
    /// The requests of the transaction under way.
    queued: Vec<Vec<String>>,
}

impl Pair {
    fn new(seed: u64) -> Pair {
        let mut theirs = Oracle::of(Launch::redis().with("enable-debug-command", "yes"));
        let mut config = tandem::config::Config::default();
        config.overwrite("enable-debug-command", b"yes").unwrap();
        let mut ours = Harness::with_config(config);
        for (name, value) in SETTINGS[seed as usize % SETTINGS.len()] {
            assert_eq!(theirs.send(&["CONFIG", "SET", name, value]).to_string(), "+OK");
            ours.check(&format!("CONFIG SET {name} {value}"), "+OK");
        }
        Pair { ours, theirs, seed, past: Vec::new(), queued: Vec::new() }
    }

    fn request(&mut self, request: &[String]) {
        self.past.push(request.join(" "));
        let words: Vec<&[u8]> = request.iter().map(|word| word.as_bytes()).collect();
        let (ours, theirs) = (self.ours.request(&words), self.theirs.request(&words));
        match request[0].as_str() {
            "EXEC" => {
                let queued = std::mem::take(&mut self.queued);
                assert_eq!(ours.items().len(), theirs.items().len(), "{}", self.recent());
                for ((ours, theirs), request) in ours.items().iter().zip(theirs.items()).zip(&queued) {
                    self.same(request, ours, theirs);
                }
            }
            "DISCARD" => self.queued.clear(),
            _ if ours.to_string() == "+QUEUED" => self.queued.push(request.to_vec()),
            _ => self.same(request, &ours, &theirs),
        }
    }

    fn same(&self, request: &[String], ours: &Value, theirs: &Value) {
        let in_any_order = UNORDERED.contains(&request[0].as_str()) || request.iter().any(|word| word == "nosort");
        let show = if in_any_order { unordered } else { Value::to_string };
        assert_eq!(show(ours), show(theirs), "{request:?}: {}", self.recent());
    }

    fn compare(&mut self) {
        self.request(&["EXEC".to_owned()]);
        let theirs = self.theirs.send(&["DEBUG", "DIGEST"]);
        let ours = keyspace_digest(&self.ours.engine.keyspace).to_string();
        assert!(ours.as_bytes() == theirs.bytes(), "{:?} differ: {}", self.different_keys(), self.recent());
    }

    fn different_keys(&mut self) -> Vec<String> {
        let mut different = self.different_keys_of("0");
        different.extend(self.different_keys_of("1"));
        different
    }

    fn different_keys_of(&mut self, db: &str) -> Vec<String> {
        (self.ours.send(&format!("SELECT {db}")), self.theirs.send(&["SELECT", db]));
        let names = self.theirs.send(&["KEYS", "*"]);
        let mut different = Vec::new();
        for name in names.items() {
            let question: [&[u8]; 3] = [b"DEBUG", b"DIGEST-VALUE", name.bytes()];
            if self.ours.request(&question).to_string() != self.theirs.request(&question).to_string() {
                different.push(String::from_utf8_lossy(name.bytes()).into_owned());
                for line in ["TYPE", "OBJECT ENCODING", "ZRANGE 0 -1 WITHSCORES"] {
                    let mut words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
                    words.insert(if line.starts_with('O') { 2 } else { 1 }, name.bytes());
                    different.push(format!("{} {}", self.ours.request(&words), self.theirs.request(&words)));
                }
            }
        }
        different
    }

    fn recent(&self) -> String {
        let from = self.past.len().saturating_sub(12);
        format!("seed {}, request {}:\n{}", self.seed, self.past.len(), self.past[from..].join("\n"))
    }
}

fn run(seed: u64, count: u64) {
    let mut pair = Pair::new(seed);
    let mut requests = Requests::new(seed, 4);
    for number in 1..=count {
        pair.request(&requests.draw());
        if number % BETWEEN_DIGESTS == 0 {
            pair.compare();
        }
    }
}

#[test]
fn random_requests_are_answered_as_by_redis_and_leave_the_same_data() {
    let count = std::env::var("TANDEM_REQUESTS").map_or(REQUESTS, |count| count.parse().expect("a number"));
    std::thread::scope(|scope| {
        let halves = [0, 1].map(|half| {
            scope.spawn(move || (0..SEEDS).filter(|seed| seed % 2 == half).for_each(|seed| run(seed, count / SEEDS)))
        });
        halves.into_iter().for_each(|half| half.join().expect("both servers agree"));
    });
}
