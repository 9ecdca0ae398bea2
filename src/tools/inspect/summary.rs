//! What is kept of a file while it is read: counts, and the few largest keys.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::persistence::rdb::{Entry, RdbValue};

const SECOND_MS: i64 = 1000;
const DAY_MS: i64 = 24 * 60 * 60 * SECOND_MS;

/// Times to live, by their upper ends.
const TTLS: &[(&str, i64)] = &[
    ("over", 0),
    ("up to a minute", 60 * SECOND_MS),
    ("up to an hour", 60 * 60 * SECOND_MS),
    ("up to a day", DAY_MS),
    ("up to a week", 7 * DAY_MS),
    ("up to a month", 30 * DAY_MS),
    ("more than a month", i64::MAX),
];

#[derive(Clone, Copy, Default)]
pub struct Tally {
    pub keys: u64,
    /// Keys with a time to live.
    pub volatile: u64,
    /// Elements of collections; a string has none.
    pub elements: u64,
    pub bytes: u64,
}

impl Tally {
    fn add(&mut self, key: &Key) {
        self.keys += 1;
        self.volatile += u64::from(key.expire_at_ms.is_some());
        self.elements += key.elements;
        self.bytes += key.bytes;
    }
}

/// One key; ordered by its size in the file.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub bytes: u64,
    pub elements: u64,
    pub db: u64,
    pub name: Vec<u8>,
    pub kind: &'static str,
    pub expire_at_ms: Option<i64>,
}

impl Key {
    pub fn of(entry: &Entry<'_>) -> Key {
        let elements = match &entry.value {
            RdbValue::List(elements) | RdbValue::Set(elements) => elements.len(),
            RdbValue::SortedSet(set) => set.members.len(),
            RdbValue::Hash(hash) => hash.len(),
            RdbValue::Stream(stream) => stream.entries.len(),
            RdbValue::String(_) | RdbValue::Module(_) => 0,
        };
        Key {
            bytes: 0,
            elements: elements as u64,
            db: entry.db,
            name: entry.key.to_vec(),
            kind: entry.value.type_name(),
            expire_at_ms: entry.expire_at_ms,
        }
    }
}

pub struct Summary {
    /// Version of the format.
    pub format: String,
    /// Version of the server that wrote it.
    pub writer: Option<String>,
    /// Unix time in seconds.
    pub created_s: Option<i64>,
    pub bytes: u64,
    pub libraries: u64,
    pub total: Tally,
    groups: BTreeMap<(u64, &'static str), Tally>,
    ttls: Vec<u64>,
    largest: BinaryHeap<Reverse<Key>>,
    largest_max: usize,
    now_ms: i64,
}

impl Summary {
    pub fn new(largest_max: usize, now_ms: i64) -> Summary {
        Summary {
            format: String::new(),
            writer: None,
            created_s: None,
            bytes: 0,
            libraries: 0,
            total: Tally::default(),
            groups: BTreeMap::new(),
            ttls: vec![0; TTLS.len()],
            largest: BinaryHeap::new(),
            largest_max,
            now_ms,
        }
    }

    pub fn note(&mut self, key: &[u8], value: &[u8]) {
        let text = value.escape_ascii().to_string();
        match key {
            b"redis-ver" | b"valkey-ver" => self.writer = Some(text),
            b"ctime" => self.created_s = text.parse().ok(),
            _ => {}
        }
    }

    pub fn add(&mut self, mut key: Key, bytes: u64) {
        key.bytes = bytes;
        self.total.add(&key);
        self.groups.entry((key.db, key.kind)).or_default().add(&key);
        if let Some(at) = key.expire_at_ms {
            let left_ms = at.saturating_sub(self.now_ms);
            let place = TTLS.iter().position(|(_, max)| left_ms <= *max).unwrap_or(TTLS.len() - 1);
            self.ttls[place] += 1;
        }
        self.largest.push(Reverse(key));
        if self.largest.len() > self.largest_max {
            self.largest.pop();
        }
    }

    /// Database, type, counts.
    pub fn groups(&self) -> impl Iterator<Item = (u64, &'static str, &Tally)> {
        self.groups.iter().map(|((db, kind), tally)| (*db, *kind, tally))
    }

    /// How many keys have a time to live of which length.
    pub fn ttls(&self) -> impl Iterator<Item = (&'static str, u64)> {
        TTLS.iter().zip(&self.ttls).map(|((name, _), keys)| (*name, *keys))
    }

    /// The largest first.
    pub fn largest(&self) -> impl Iterator<Item = &Key> {
        let mut keys: Vec<_> = self.largest.iter().map(|Reverse(key)| key).collect();
        keys.sort_by(|a, b| b.cmp(a));
        keys.into_iter()
    }
}
