//! KEYS, SCAN, RANDOMKEY: keys that the client does not know by name.

use crate::command::{Args, CommandError, Context, Expiry, Outcome};
use crate::config::glob;
use crate::keyspace::Entry;

const INVALID_CURSOR: CommandError = CommandError::fixed("ERR invalid cursor");
const DEFAULT_COUNT: i64 = 10;
/// Buckets visited per key asked for: a sparse table must not stall a call.
const STEPS_PER_COUNT: i64 = 10;
/// On a replica all keys may have expired without being deleted: then an expired one is answered.
const RANDOM_TRIES: usize = 100;

pub(super) fn keys(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let pattern = args.at(1);
    let is_over = expired_test(cx);
    let found = collect(
        |each| cx.db.keyspace.db(cx.db.index).for_each(each),
        |entry| !is_over(entry) && (pattern == b"*" || glob::matches(pattern, entry.key(), false)),
    );
    reply_keys(cx, &found);
    Ok(Outcome::Done)
}

pub(super) fn scan(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let cursor = parse_cursor(args.at(1)).ok_or(INVALID_CURSOR)?;
    // Expired keys that it meets are deleted one by one.
    cx.db.effects.is_loose = !cx.in_unit;
    let options = ScanOptions::parse(args)?;
    let (mut next, mut seen) = (cursor, 0);
    let (mut live, mut expired): (Vec<Box<[u8]>>, Vec<Box<[u8]>>) = Default::default();
    let is_over = expired_test(cx);
    let db = cx.db.keyspace.db(cx.db.index);
    for _ in 0..=options.count.saturating_mul(STEPS_PER_COUNT) {
        next = db.scan(next, &mut |entry| {
            seen += 1;
            let list = if is_over(&entry) { &mut expired } else { &mut live };
            if options.wants(&entry) {
                list.push(entry.key().into());
            }
        });
        if next == 0 || seen >= options.count {
            break;
        }
    }
    if cx.db.expiry == Expiry::Delete {
        expired.iter().for_each(|key| cx.db.effects.note_expired(cx.db.index, key));
    }
    cx.reply.array(2);
    cx.reply.bulk(itoa::Buffer::new().format(next).as_bytes());
    reply_keys(cx, &live);
    Ok(Outcome::Done)
}

pub(super) fn randomkey(cx: &mut Context<'_>, _: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.db.effects.is_loose = !cx.in_unit;
    for _ in 0..RANDOM_TRIES {
        let is_over = expired_test(cx);
        let Some(entry) = cx.db.keyspace.db(cx.db.index).random(cx.rng) else {
            cx.reply.null();
            return Ok(Outcome::Done);
        };
        if !is_over(&entry) {
            cx.reply.bulk(entry.key());
            return Ok(Outcome::Done);
        }
        let key: Box<[u8]> = entry.key().into();
        if cx.db.expiry == Expiry::Delete {
            let key = cx.db.keyspace.hasher().key(&key);
            cx.db.delete_expired(key);
        }
    }
    match cx.db.keyspace.db(cx.db.index).random(cx.rng) {
        Some(entry) => cx.reply.bulk(entry.key()),
        None => cx.reply.null(),
    }
    Ok(Outcome::Done)
}

/// Whether an entry has logically expired, for this request.
fn expired_test(cx: &Context<'_>) -> impl Fn(&Entry<'_>) -> bool + use<> {
    let (expiry, now) = (cx.db.expiry, cx.db.now_ms);
    move |entry| expiry != Expiry::Ignore && entry.expire_at().is_some_and(|at| at < now)
}

fn collect(walk: impl FnOnce(&mut dyn FnMut(Entry<'_>)), is_wanted: impl Fn(&Entry<'_>) -> bool) -> Vec<Box<[u8]>> {
    let mut found: Vec<Box<[u8]>> = Vec::new();
    walk(&mut |entry| {
        if is_wanted(&entry) {
            found.push(entry.key().into());
        }
    });
    found
}

fn reply_keys(cx: &mut Context<'_>, keys: &[Box<[u8]>]) {
    cx.reply.array(keys.len());
    keys.iter().for_each(|key| cx.reply.bulk(key));
}

struct ScanOptions<'a> {
    count: i64,
    pattern: Option<&'a [u8]>,
    type_name: Option<&'a [u8]>,
}

impl<'a> ScanOptions<'a> {
    fn parse(args: &Args<'a>) -> Result<ScanOptions<'a>, CommandError> {
        let mut options = ScanOptions { count: DEFAULT_COUNT, pattern: None, type_name: None };
        for index in (2..args.len()).step_by(2) {
            if index + 1 == args.len() {
                return Err(CommandError::SYNTAX);
            } else if args.is(index, "COUNT") {
                options.count = args.int(index + 1)?;
                if options.count < 1 {
                    return Err(CommandError::SYNTAX);
                }
            } else if args.is(index, "MATCH") {
                options.pattern = Some(args.at(index + 1)).filter(|pattern| *pattern != b"*");
            } else if args.is(index, "TYPE") {
                options.type_name = Some(args.at(index + 1));
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(options)
    }

    fn wants(&self, entry: &Entry<'_>) -> bool {
        let fits = |wanted: &[u8]| entry.value().type_name().as_bytes().eq_ignore_ascii_case(wanted);
        self.pattern.is_none_or(|pattern| glob::matches(pattern, entry.key(), false)) && self.type_name.is_none_or(fits)
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
