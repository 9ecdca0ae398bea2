//! What SCAN, HSCAN and SSCAN share: cursors, options, and steps until there is enough.

use crate::config::glob;
use crate::keyspace::Strings;

use super::{Args, CommandError, Context};

const INVALID_CURSOR: CommandError = CommandError::fixed("ERR invalid cursor");
const NO_HASH: CommandError = CommandError::fixed("ERR NOVALUES option can only be used in HSCAN");
const DEFAULT_COUNT: i64 = 10;
/// Buckets visited per element asked for: a sparse table must not stall a call.
const STEPS_PER_COUNT: i64 = 10;
/// Where SCAN's options begin.
pub(super) const AFTER_CURSOR: usize = 2;
/// Where those of scans of a key begin.
pub(super) const AFTER_KEY_AND_CURSOR: usize = 3;

/// The cursor at word `index`.
pub(super) fn cursor(args: &Args<'_>, index: usize) -> Result<u64, CommandError> {
    parse_cursor(args.at(index)).ok_or(INVALID_CURSOR)
}

/// Takes steps, each of which answers how much it has seen so far and the next cursor, until that is `count` or the end
/// has come. Answers the next cursor.
pub(super) fn steps(count: i64, cursor: u64, mut step: impl FnMut(u64) -> (i64, u64)) -> u64 {
    let mut next = cursor;
    for _ in 0..=count.saturating_mul(STEPS_PER_COUNT) {
        let (seen, after) = step(next);
        next = after;
        if next == 0 || seen >= count {
            break;
        }
    }
    next
}

/// Answers the next cursor and what was found.
pub(super) fn reply(cx: &mut Context<'_>, next: u64, found: &Strings) {
    cx.reply.array(2);
    cx.reply.bulk(itoa::Buffer::new().format(next).as_bytes());
    cx.reply.array(found.len());
    found.iter().for_each(|text| cx.reply.bulk(text));
}

/// Options behind the cursor.
pub(super) struct ScanOptions<'a> {
    pub count: i64,
    pub pattern: Option<&'a [u8]>,
    /// Of SCAN alone.
    pub type_name: Option<&'a [u8]>,
    /// Of HSCAN alone: fields without their values.
    pub names_only: bool,
}

impl<'a> ScanOptions<'a> {
    /// From word `first` on.
    pub fn parse(args: &Args<'a>, first: usize) -> Result<ScanOptions<'a>, CommandError> {
        let options = ScanOptions::of_hash(args, first)?;
        if options.names_only { Err(NO_HASH) } else { Ok(options) }
    }

    /// As `parse`, of HSCAN.
    pub fn of_hash(args: &Args<'a>, first: usize) -> Result<ScanOptions<'a>, CommandError> {
        let mut options = ScanOptions { count: DEFAULT_COUNT, pattern: None, type_name: None, names_only: false };
        let mut index = first;
        while index < args.len() {
            if args.is(index, "NOVALUES") {
                options.names_only = true;
                index += 1;
                continue;
            } else if index + 1 == args.len() {
                return Err(CommandError::SYNTAX);
            } else if args.is(index, "COUNT") {
                options.count = args.int(index + 1)?;
                if options.count < 1 {
                    return Err(CommandError::SYNTAX);
                }
            } else if args.is(index, "MATCH") {
                options.pattern = Some(args.at(index + 1)).filter(|pattern| *pattern != b"*");
            } else if args.is(index, "TYPE") && first == AFTER_CURSOR {
                options.type_name = Some(args.at(index + 1));
            } else {
                return Err(CommandError::SYNTAX);
            }
            index += 2;
        }
        Ok(options)
    }

    /// Whether a name fits the pattern.
    pub fn matches(&self, name: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, name, false))
    }
}

/// A cursor as strtoul reads it: digits after an optional sign, within 64 bits; a minus sign wraps around.
fn parse_cursor(text: &[u8]) -> Option<u64> {
    let (is_negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if text.is_empty() {
        return Some(0);
    }
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(if is_negative { number.wrapping_neg() } else { number })
}
