//! Values of directives: how each kind is parsed, checked, answered by CONFIG GET and written to a file.
//!
//! Error texts are Redis's: clients and its test suite read them.

use super::events;
use super::number::{format_memory, parse_integer, parse_memory, parse_octal, parse_percent};
use super::settings::{BufferLimit, MasterAddress, SavePoint};
use crate::words::{quote, quote_if_needed};
use std::path::PathBuf;

/// What a directive accepts.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Bool,
    Int {
        min: i128,
        max: i128,
    },
    Memory {
        min: i128,
        max: i128,
    },
    /// A size, or `n%` of maxmemory.
    MemoryOrPercent,
    /// File mode bits.
    Octal {
        max: i128,
    },
    Text,
    Choice(&'static [&'static str]),
    /// Any of these together; the first stands for none and is never combined.
    Choices(&'static [&'static str]),
    Addresses,
    SavePoints,
    BufferLimits,
    Master,
    KeyspaceEvents,
    Percentiles,
    /// oom-score-adj-values: master, replica, background child.
    OomScores,
}

/// A parsed value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Bool(bool),
    /// A percentage is held as its negative.
    Number(i128),
    Text(Vec<u8>),
    Choice(&'static str),
    Choices(Vec<&'static str>),
    Words(Vec<Vec<u8>>),
    SavePoints(Vec<SavePoint>),
    BufferLimits([BufferLimit; 3]),
    Master(Option<MasterAddress>),
    Percentiles(Vec<f64>),
    Scores([i32; 3]),
}

const BIND_ADDRESSES_MAX: usize = 16;
const WRONG_COUNT: &str = "wrong number of arguments";

impl Kind {
    /// Whether a line may have several words for it.
    pub fn takes_many(self) -> bool {
        use Kind::*;
        matches!(self, Choices(_) | Addresses | SavePoints | BufferLimits | Master | Percentiles | OomScores)
    }

    pub(super) fn parse(self, words: &[Vec<u8>], old: Option<&Value>) -> Result<Value, String> {
        match self {
            Kind::Choices(names) => parse_choices(names, words),
            Kind::Addresses if words.len() > BIND_ADDRESSES_MAX => Err("Too many bind addresses specified.".into()),
            Kind::Addresses => Ok(Value::Words(without_lone_empty(words).to_vec())),
            Kind::SavePoints => parse_save_points(words).map(Value::SavePoints),
            Kind::BufferLimits => {
                let old = if let Some(Value::BufferLimits(limits)) = old { *limits } else { Default::default() };
                parse_buffer_limits(words, old).map(Value::BufferLimits)
            }
            Kind::Master => parse_master(words).map(Value::Master),
            Kind::Percentiles => parse_percentiles(words).map(Value::Percentiles),
            Kind::OomScores => parse_oom_scores(words).map(Value::Scores),
            _ => match words {
                [word] => self.parse_one(word),
                _ => Err(WRONG_COUNT.into()),
            },
        }
    }

    fn parse_one(self, word: &[u8]) -> Result<Value, String> {
        match self {
            Kind::Bool => parse_yes_no(word).map(Value::Bool).ok_or("argument must be 'yes' or 'no'".into()),
            Kind::Choice(names) => find_choice(names, word).map(Value::Choice).ok_or_else(|| must_be_one_of(names)),
            Kind::KeyspaceEvents => parse_events(word).map(Value::Text),
            Kind::Text => Ok(Value::Text(word.to_vec())),
            _ => self.parse_number(word).map(Value::Number),
        }
    }

    fn parse_number(self, word: &[u8]) -> Result<i128, String> {
        let (parsed, expected) = match self {
            Kind::Memory { .. } => (parse_memory(word), "argument must be a memory value"),
            Kind::MemoryOrPercent => (
                parse_memory(word).or_else(|| parse_percent(word).map(|percent| -percent)),
                "argument must be a memory or percent value",
            ),
            Kind::Octal { .. } => (parse_octal(word), "argument couldn't be parsed as an octal number"),
            _ => (parse_integer(word), "argument couldn't be parsed into an integer"),
        };
        let number = parsed.ok_or(expected)?;
        match self {
            Kind::Int { min, max } | Kind::Memory { min, max } if !(min..=max).contains(&number) => {
                Err(format!("argument must be between {min} and {max} inclusive"))
            }
            Kind::Octal { max } if !(0..=max).contains(&number) => {
                Err(format!("argument must be between 0 and {max:o} inclusive"))
            }
            Kind::MemoryOrPercent if number < -100 => {
                Err("percentage argument must be less or equal to 100".to_owned())
            }
            Kind::MemoryOrPercent if number > i128::from(i64::MAX) => {
                Err(format!("argument must be between -100 and {} inclusive", i64::MAX))
            }
            _ => Ok(number),
        }
    }

    /// The value as CONFIG GET answers it.
    pub fn print(self, value: &Value) -> Vec<u8> {
        match value {
            Value::Bool(value) => if *value { "yes" } else { "no" }.into(),
            Value::Number(number) => match self {
                Kind::Octal { .. } => format!("{number:o}").into_bytes(),
                _ if *number < 0 && matches!(self, Kind::MemoryOrPercent) => format!("{}%", -number).into_bytes(),
                _ => number.to_string().into_bytes(),
            },
            Value::Text(text) => text.clone(),
            Value::Choice(name) => name.as_bytes().to_vec(),
            Value::Choices(names) => names.join(" ").into_bytes(),
            Value::Words(words) => words.join(&b' '),
            Value::SavePoints(points) => join(points.iter().map(|p| format!("{} {}", p.seconds, p.changes))),
            Value::BufferLimits(limits) => {
                join(["normal", "slave", "pubsub"].iter().zip(limits).map(|(class, limit)| {
                    format!("{class} {} {} {}", limit.hard_bytes, limit.soft_bytes, limit.soft_seconds)
                }))
            }
            Value::Master(None) => Vec::new(),
            Value::Master(Some(master)) => format!("{} {}", master.host, master.port).into_bytes(),
            Value::Percentiles(percentiles) => join(percentiles.iter().map(|p| format_percentile(*p))),
            Value::Scores(scores) => join(scores.iter().map(i32::to_string)),
        }
    }

    /// What stands after the name in a file: one entry for each line that the value takes, none if the way to say it
    /// is to have no line at all.
    pub fn lines(self, value: &Value) -> Vec<Vec<u8>> {
        match value {
            Value::Number(number) if *number >= 0 && matches!(self, Kind::Memory { .. } | Kind::MemoryOrPercent) => {
                vec![format_memory(*number).into_bytes()]
            }
            Value::Text(text) => vec![quote(text)],
            Value::Words(words) if !words.is_empty() => {
                vec![words.iter().map(|word| quote_if_needed(word)).collect::<Vec<_>>().join(&b' ')]
            }
            Value::SavePoints(points) if !points.is_empty() => {
                points.iter().map(|p| format!("{} {}", p.seconds, p.changes).into_bytes()).collect()
            }
            Value::BufferLimits(limits) => ["normal", "replica", "pubsub"]
                .iter()
                .zip(limits)
                .map(|(class, limit)| {
                    let [hard, soft] = [limit.hard_bytes, limit.soft_bytes].map(|bytes| format_memory(bytes.into()));
                    format!("{class} {hard} {soft} {}", limit.soft_seconds).into_bytes()
                })
                .collect(),
            Value::Master(None) => Vec::new(),
            Value::Master(Some(master)) => {
                vec![[quote_if_needed(master.host.as_bytes()), master.port.to_string().into_bytes()].join(&b' ')]
            }
            _ => match self.print(value) {
                text if text.is_empty() => vec![b"\"\"".to_vec()],
                text => vec![text],
            },
        }
    }
}

/// Typed views for the rows' `store`. A row's kind decides the variant; the table's test stores every row.
impl Value {
    pub(super) fn bool(&self) -> bool {
        matches!(self, Value::Bool(true))
    }

    /// The number, bounded by its row well within `T`.
    pub(super) fn int<T: TryFrom<i128> + Default>(&self) -> T {
        match self {
            Value::Number(number) => T::try_from(*number).unwrap_or_default(),
            _ => T::default(),
        }
    }

    pub(super) fn choice(&self) -> &'static str {
        if let Value::Choice(name) = self { name } else { "" }
    }

    pub(super) fn chosen(&self, name: &str) -> bool {
        matches!(self, Value::Choices(names) if names.contains(&name))
    }

    pub(super) fn string(&self) -> String {
        if let Value::Text(text) = self { String::from_utf8_lossy(text).into_owned() } else { String::new() }
    }

    /// The text, or none if it is empty.
    pub(super) fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Value::Text(text) if !text.is_empty() => Some(text.clone()),
            _ => None,
        }
    }

    pub(super) fn string_if_any(&self) -> Option<String> {
        Some(self.string()).filter(|text| !text.is_empty())
    }

    pub(super) fn path_if_any(&self) -> Option<PathBuf> {
        use std::os::unix::ffi::OsStringExt;
        self.bytes().map(|bytes| PathBuf::from(std::ffi::OsString::from_vec(bytes)))
    }
}

fn parse_yes_no(word: &[u8]) -> Option<bool> {
    match word.to_ascii_lowercase().as_slice() {
        b"yes" => Some(true),
        b"no" => Some(false),
        _ => None,
    }
}

fn find_choice(names: &[&'static str], word: &[u8]) -> Option<&'static str> {
    names.iter().copied().find(|name| name.as_bytes().eq_ignore_ascii_case(word))
}

fn must_be_one_of(names: &[&str]) -> String {
    format!("argument(s) must be one of the following: {}", names.join(", "))
}

fn parse_choices(names: &'static [&'static str], words: &[Vec<u8>]) -> Result<Value, String> {
    let chosen: Option<Vec<_>> = words.iter().map(|word| find_choice(names, word)).collect();
    let chosen = chosen.filter(|chosen| !chosen.is_empty()).ok_or_else(|| must_be_one_of(names))?;
    // In the order of the table, each once; the first name adds nothing to others.
    let combined: Vec<_> = names[1..].iter().copied().filter(|name| chosen.contains(name)).collect();
    Ok(Value::Choices(if combined.is_empty() { vec![names[0]] } else { combined }))
}

/// A single empty word is the way to say "none".
fn without_lone_empty(words: &[Vec<u8>]) -> &[Vec<u8>] {
    if words.len() == 1 && words[0].is_empty() { &[] } else { words }
}

fn parse_save_points(words: &[Vec<u8>]) -> Result<Vec<SavePoint>, String> {
    let words = without_lone_empty(words);
    let parse = |pair: &[Vec<u8>]| {
        let [seconds, changes] = pair else { return None };
        let (seconds, changes) = (parse_integer(seconds)?, parse_integer(changes)?);
        (seconds >= 1 && changes >= 0).then_some(SavePoint { seconds: seconds as u64, changes: changes as u64 })
    };
    words.chunks(2).map(parse).collect::<Option<_>>().ok_or("Invalid save parameters".into())
}

fn parse_buffer_limits(words: &[Vec<u8>], old: [BufferLimit; 3]) -> Result<[BufferLimit; 3], String> {
    let mut limits = old;
    if words.len() % 4 != 0 {
        return Err("Wrong number of arguments in buffer limit configuration.".into());
    }
    for chunk in words.chunks_exact(4) {
        let class = match chunk[0].to_ascii_lowercase().as_slice() {
            b"normal" => 0,
            b"slave" | b"replica" => 1,
            b"pubsub" => 2,
            _ => return Err("Invalid client class specified in buffer limit configuration.".into()),
        };
        let bytes = |text: &[u8]| parse_memory(text).and_then(|bytes| u64::try_from(bytes).ok());
        let seconds = parse_integer(&chunk[3]).and_then(|seconds| u32::try_from(seconds).ok());
        let (Some(hard_bytes), Some(soft_bytes), Some(seconds)) = (bytes(&chunk[1]), bytes(&chunk[2]), seconds) else {
            return Err("Error in hard, soft or soft_seconds setting in buffer limit configuration.".into());
        };
        limits[class] = BufferLimit { hard_bytes, soft_bytes, soft_seconds: u64::from(seconds) };
    }
    Ok(limits)
}

fn parse_master(words: &[Vec<u8>]) -> Result<Option<MasterAddress>, String> {
    match words {
        [no, one] if no.eq_ignore_ascii_case(b"no") && one.eq_ignore_ascii_case(b"one") => Ok(None),
        [host, port] => {
            let port = parse_integer(port).and_then(|port| u16::try_from(port).ok()).ok_or("Invalid master port")?;
            Ok(Some(MasterAddress { host: String::from_utf8_lossy(host).into_owned(), port }))
        }
        _ => Err(WRONG_COUNT.into()),
    }
}

/// Keyspace event classes in the order in which Redis prints them; `A` stands for all but the last three.

fn parse_events(word: &[u8]) -> Result<Vec<u8>, String> {
    let known = |byte: &u8| *byte == b'A' || events::ALL.contains(byte) || events::EXTRAS.contains(byte);
    if !word.iter().all(known) {
        return Err("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.".into());
    }
    let has = |byte: &&u8| word.contains(byte);
    let all = word.contains(&b'A') || events::ALL.iter().all(|byte| word.contains(byte));
    let classes: Vec<u8> = if all { vec![b'A'] } else { events::ALL.iter().filter(has).copied().collect() };
    Ok(classes.into_iter().chain(events::EXTRAS.iter().filter(has).copied()).collect())
}

fn parse_percentiles(words: &[Vec<u8>]) -> Result<Vec<f64>, String> {
    let parse = |word: &Vec<u8>| {
        let number = std::str::from_utf8(word).ok().and_then(|text| text.parse::<f64>().ok());
        match number {
            Some(number) if (0.0..=100.0).contains(&number) => Ok(number),
            Some(number) if !number.is_nan() => {
                Err("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]".to_owned())
            }
            _ => Err("Invalid latency-tracking-info-percentiles parameters".to_owned()),
        }
    };
    without_lone_empty(words).iter().map(parse).collect()
}

fn format_percentile(percentile: f64) -> String {
    let text = format!("{percentile:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn parse_oom_scores(words: &[Vec<u8>]) -> Result<[i32; 3], String> {
    let words: &[_; 3] = words.try_into().map_err(|_| WRONG_COUNT)?;
    let mut scores = [0; 3];
    for (score, word) in scores.iter_mut().zip(words) {
        let number = parse_integer(word).filter(|number| (-2000..=2000).contains(number));
        *score = number.ok_or("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")? as i32;
    }
    Ok(scores)
}

fn join(words: impl Iterator<Item = String>) -> Vec<u8> {
    words.collect::<Vec<_>>().join(" ").into_bytes()
}
