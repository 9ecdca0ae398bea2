//! HEXPIRE and HTTL in their forms, HPERSIST: when fields expire.
//!
//! What sets an expiry enters the stream as HPEXPIREAT, a time that has passed as HDEL.

use crate::command::{Args, CommandError, Context, Outcome, UnixTime};
use crate::config::EventClasses;
use crate::keyspace::{Field, Key, UnixMs};

/// Redis keeps expiries of fields in 46 bits.
const LATEST: UnixMs = (1 << 46) - 1;

const NO_SUCH_FIELD: i64 = -2;
const NO_EXPIRY: i64 = -1;
const NOT_MET: i64 = 0;
const SET: i64 = 1;
const DELETED: i64 = 2;

const NEGATIVE: CommandError = CommandError::fixed("ERR invalid expire time, must be >= 0");
const NO_FIELDS: CommandError =
    CommandError::fixed("ERR Mandatory argument FIELDS is missing or not at the right position");
const WRONG_COUNT: CommandError =
    CommandError::fixed("ERR The `numfields` parameter must match the number of arguments");
const BAD_COUNT: CommandError = CommandError::fixed("ERR Number of fields must be a positive integer");
const BAD_COUNT_TO_EXPIRE: CommandError = CommandError::fixed("ERR Parameter `numFields` should be greater than 0");

pub(super) fn hexpire(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    expire_at(cx, args, UnixTime::SECONDS_FROM_NOW)
}

pub(super) fn hpexpire(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    expire_at(cx, args, UnixTime::MILLIS_FROM_NOW)
}

pub(super) fn hexpireat(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    expire_at(cx, args, UnixTime::SECONDS)
}

pub(super) fn hpexpireat(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    expire_at(cx, args, UnixTime::MILLIS)
}

/// Word `index` as the time when fields are to expire.
pub(super) fn field_expiry(
    cx: &Context<'_>,
    args: &Args<'_>,
    index: usize,
    time: UnixTime,
) -> Result<UnixMs, CommandError> {
    let number = args.int(index)?;
    if number < 0 {
        return Err(NEGATIVE);
    }
    let at = time.resolve(number, cx.db.now_ms).filter(|at| *at <= LATEST);
    at.ok_or_else(|| CommandError::invalid_expire(cx.command_name()))
}

/// The fields that word `index` announces: a count follows it, then they, up to the end.
pub(super) fn fields_at<'a>(
    args: &Args<'a>,
    index: usize,
    bad_count: CommandError,
) -> Result<Vec<&'a [u8]>, CommandError> {
    if !args.is(index, "FIELDS") || index + 1 == args.len() {
        return Err(NO_FIELDS);
    }
    let count = args.int(index + 1).ok().filter(|count| *count > 0).ok_or(bad_count)?;
    let fields: Vec<&[u8]> = args.rest(index + 2).collect();
    if fields.len() as i64 == count { Ok(fields) } else { Err(WRONG_COUNT) }
}

/// As `fields_at`, of commands that set no expiry.
pub(super) fn named_fields<'a>(args: &Args<'a>, index: usize) -> Result<Vec<&'a [u8]>, CommandError> {
    fields_at(args, index, BAD_COUNT)
}

/// NX, XX, GET, LT of HEXPIRE; a field without expiry counts as living forever.
#[derive(Clone, Copy)]
enum Condition {
    Always,
    IfMissing,
    IfPresent,
    IfLater,
    IfEarlier,
}

impl Condition {
    fn of(word: &[u8]) -> Condition {
        match word.to_ascii_lowercase().as_slice() {
            b"nx" => Condition::IfMissing,
            b"xx" => Condition::IfPresent,
            b"gt" => Condition::IfLater,
            b"lt" => Condition::IfEarlier,
            _ => Condition::Always,
        }
    }

    fn allows(self, present: Option<UnixMs>, at: UnixMs) -> bool {
        match self {
            Condition::Always => true,
            Condition::IfMissing => present.is_none(),
            Condition::IfPresent => present.is_some(),
            Condition::IfLater => present.is_some_and(|present| at > present),
            Condition::IfEarlier => present.is_none_or(|present| at < present),
        }
    }
}

fn expire_at(cx: &mut Context<'_>, args: &Args<'_>, time: UnixTime) -> Result<Outcome, CommandError> {
    let key = args.key(1);
    cx.db.write_hash(key)?;
    let at = field_expiry(cx, args, 2, time)?;
    let condition = Condition::of(args.at(3));
    let is_conditional = !matches!(condition, Condition::Always);
    let fields = fields_at(args, if is_conditional { 4 } else { 3 }, BAD_COUNT_TO_EXPIRE)?;
    cx.reply.array(fields.len());
    let mut changed = Changed::default();
    for field in fields {
        let present = cx.db.write_hash(key)?.and_then(|hash| hash.field(field)).map(|field| field.expire_at);
        let answer = match present {
            None => NO_SUCH_FIELD,
            Some(present) if !condition.allows(present, at) => NOT_MET,
            Some(_) => changed.expire(cx, key, field, at),
        };
        cx.reply.int(answer);
    }
    changed.finish(cx, key, at, is_conditional.then(|| args.at(3)));
    Ok(Outcome::Done)
}

/// Fields that were given an expiry, and those that are gone as it has passed.
#[derive(Default)]
pub(super) struct Changed<'a> {
    expiring: Vec<&'a [u8]>,
    deleted: Vec<&'a [u8]>,
}

impl<'a> Changed<'a> {
    /// Gives a field that exists an expiry; one in the past deletes it.
    pub fn expire(&mut self, cx: &mut Context<'_>, key: Key<'_>, field: &'a [u8], at: UnixMs) -> i64 {
        if cx.db.is_over(at) {
            cx.db.remove_field(key, field);
            cx.db.stats.expired_subkeys += 1;
            self.deleted.push(field);
            return DELETED;
        }
        cx.db.expire_field(key, field, Some(at));
        self.expiring.push(field);
        SET
    }

    /// Tells the stream and whoever listens; `condition` is the word that the request had.
    pub fn finish(self, cx: &mut Context<'_>, key: Key<'_>, at: UnixMs, condition: Option<&[u8]>) {
        if !self.deleted.is_empty() {
            cx.db.propagate_as(&[&[b"HDEL", key.bytes], &self.deleted[..]].concat());
            cx.db.notify(EventClasses::HASH, "hdel", key);
            cx.db.drop_if_empty(key);
        }
        if !self.expiring.is_empty() {
            let (mut time, mut count) = (itoa::Buffer::new(), itoa::Buffer::new());
            let mut words = vec![b"HPEXPIREAT", key.bytes, time.format(at).as_bytes()];
            words.extend(condition);
            words.extend([b"FIELDS", count.format(self.expiring.len()).as_bytes()]);
            words.extend(self.expiring);
            cx.db.propagate_as(&words);
            cx.db.notify(EventClasses::HASH, "hexpire", key);
        }
    }
}

pub(super) fn httl(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    reply_expiries(cx, args, |at, now| rounded_up(at - now))
}

pub(super) fn hpttl(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    reply_expiries(cx, args, |at, now| at - now)
}

pub(super) fn hexpiretime(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    reply_expiries(cx, args, |at, _| rounded_up(at))
}

pub(super) fn hpexpiretime(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    reply_expiries(cx, args, |at, _| at)
}

/// Milliseconds as seconds.
fn rounded_up(ms: i64) -> i64 {
    ms.saturating_add(999) / 1000
}

fn reply_expiries(
    cx: &mut Context<'_>,
    args: &Args<'_>,
    shown: impl Fn(UnixMs, UnixMs) -> i64,
) -> Result<Outcome, CommandError> {
    let now = cx.db.now_ms;
    let hash = cx.db.read_hash(args.key(1))?;
    let fields = named_fields(args, 2)?;
    cx.reply.array(fields.len());
    for field in fields {
        cx.reply.int(match hash.and_then(|hash| hash.field(field)) {
            None => NO_SUCH_FIELD,
            Some(Field { expire_at: None, .. }) => NO_EXPIRY,
            Some(Field { expire_at: Some(at), .. }) => shown(at, now),
        });
    }
    Ok(Outcome::Done)
}

pub(super) fn hpersist(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let key = args.key(1);
    cx.db.write_hash(key)?;
    let fields = named_fields(args, 2)?;
    cx.reply.array(fields.len());
    let before = cx.db.effects.changes;
    for field in fields {
        let present = cx.db.write_hash(key)?.and_then(|hash| hash.field(field)).map(|field| field.expire_at);
        cx.reply.int(match present {
            None => NO_SUCH_FIELD,
            Some(None) => NO_EXPIRY,
            Some(Some(_)) => {
                cx.db.expire_field(key, field, None);
                SET
            }
        });
    }
    if cx.db.effects.changes > before {
        cx.db.count_changes(before, 1);
        cx.db.notify(EventClasses::HASH, "hpersist", key);
    }
    Ok(Outcome::Done)
}
