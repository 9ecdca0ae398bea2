//! IDs of entries as requests write them and replies show them.

use std::io::Write;

use crate::command::{Args, CommandError};
use crate::keyspace::StreamId;
use crate::resp::Reply;

const INVALID: CommandError = CommandError::fixed("ERR Invalid stream ID specified as stream command argument");
const INVALID_START: CommandError = CommandError::fixed("ERR invalid start ID for the interval");
const INVALID_END: CommandError = CommandError::fixed("ERR invalid end ID for the interval");

/// Longer texts are no IDs.
const TEXT_MAX: usize = 127;

/// What XADD is given as ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// `*`
    Any,
    /// `ms-*`
    Within(u64),
    Exactly(StreamId),
}

/// As `strtoull` has it: also with zeros before, or a plus.
fn number(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let trimmed = text.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let digits = trimmed.strip_prefix('+').unwrap_or(trimmed);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

fn parts(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|byte| *byte == b'-') {
        Some(dash) => (&text[..dash], Some(&text[dash + 1..])),
        None => (text, None),
    }
}

/// `ms-seq`, or `ms` with this sequence. `-` and `+` are none.
pub(super) fn strict(text: &[u8], missing_seq: u64) -> Result<StreamId, CommandError> {
    let (ms, seq) = parts(text);
    let seq = seq.map_or(Some(missing_seq), number);
    match (number(ms), seq) {
        (Some(ms), Some(seq)) if text.len() <= TEXT_MAX => Ok(StreamId { ms, seq }),
        _ => Err(INVALID),
    }
}

/// As `strict`; `-` and `+` are the least and the greatest.
pub(super) fn any(text: &[u8], missing_seq: u64) -> Result<StreamId, CommandError> {
    match text {
        b"-" => Ok(StreamId::MIN),
        b"+" => Ok(StreamId::MAX),
        text => strict(text, missing_seq),
    }
}

pub(super) fn wanted(text: &[u8]) -> Result<Wanted, CommandError> {
    match parts(text) {
        (b"*", None) => Ok(Wanted::Any),
        (ms, Some(b"*")) => number(ms).map(Wanted::Within).ok_or(INVALID),
        _ => strict(text, 0).map(Wanted::Exactly),
    }
}

/// Where an interval begins; after an ID with a `(`.
pub(super) fn start(text: &[u8]) -> Result<StreamId, CommandError> {
    match text {
        [b'(', rest @ ..] if !rest.is_empty() => strict(rest, 0)?.next().ok_or(INVALID_START),
        text => any(text, 0),
    }
}

/// Where an interval ends; before an ID with a `(`.
pub(super) fn end(text: &[u8]) -> Result<StreamId, CommandError> {
    match text {
        [b'(', rest @ ..] if !rest.is_empty() => strict(rest, u64::MAX)?.previous().ok_or(INVALID_END),
        text => any(text, u64::MAX),
    }
}

/// Words from `first` on, all IDs.
pub(super) fn all(args: &Args<'_>, first: usize) -> Result<Vec<StreamId>, CommandError> {
    args.rest(first).map(|word| strict(word, 0)).collect()
}

pub(super) fn text(id: StreamId) -> Vec<u8> {
    let mut text = Vec::with_capacity(24);
    text.extend_from_slice(itoa::Buffer::new().format(id.ms).as_bytes());
    text.push(b'-');
    text.extend_from_slice(itoa::Buffer::new().format(id.seq).as_bytes());
    text
}

pub(super) fn reply(to: &mut Reply, id: StreamId) {
    to.bulk(&text(id));
}

/// A number in its decimal form.
pub(super) fn digits(number: i64) -> Vec<u8> {
    let mut text = Vec::with_capacity(20);
    write!(text, "{number}").expect("a vector takes all that is written");
    text
}
