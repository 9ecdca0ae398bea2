//! EXPIRE and TTL in their four forms: seconds or milliseconds, from now on or since 1970.
//!
//! All of them enter the stream as PEXPIREAT, a point in time that has passed as the deletion of the key.

use crate::command::{Args, CommandError, Context, Outcome, UnixTime};
use crate::keyspace::UnixMs;

const NX_WITH_OTHERS: CommandError =
    CommandError::fixed("ERR NX and XX, GT or LT options at the same time are not compatible");
const GT_WITH_LT: CommandError = CommandError::fixed("ERR GT and LT options at the same time are not compatible");

pub(super) fn expire(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    expire_at(cx, args, UnixTime::SECONDS_FROM_NOW)
}

pub(super) fn pexpire(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    expire_at(cx, args, UnixTime::MILLIS_FROM_NOW)
}

pub(super) fn expireat(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    expire_at(cx, args, UnixTime::SECONDS)
}

pub(super) fn pexpireat(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    expire_at(cx, args, UnixTime::MILLIS)
}

fn expire_at(cx: &mut Context<'_>, args: &Args<'_>, time: UnixTime) -> Result<Outcome, CommandError> {
    let condition = Condition::parse(args)?;
    let number = args.int(2)?;
    let at = time.resolve(number, cx.db.now_ms).ok_or_else(|| CommandError::invalid_expire(cx.command_name()))?;
    let key = args.key(1);
    let present = cx.db.write(key).map(|entry| entry.expire_at());
    if !present.is_some_and(|present| condition.allows(present, at)) {
        cx.reply.int(0);
        return Ok(Outcome::Done);
    }
    if cx.db.is_over(at) {
        cx.db.expire_now(key);
    } else {
        cx.db.set_expire(key, at);
        propagate(cx, args, at);
    }
    cx.reply.int(1);
    Ok(Outcome::Done)
}

/// The options stay: they hold wherever this one held.
fn propagate(cx: &mut Context<'_>, args: &Args<'_>, at: UnixMs) {
    let mut digits = itoa::Buffer::new();
    let mut words: Vec<&[u8]> = vec![b"PEXPIREAT", args.at(1), digits.format(at).as_bytes()];
    words.extend(args.rest(3));
    cx.db.propagate_as(&words);
}

/// NX, XX, GT, LT; a key without expiry counts as living forever.
#[derive(Clone, Copy, Debug, Default)]
struct Condition {
    is_missing: bool,
    is_present: bool,
    is_later: bool,
    is_earlier: bool,
}

impl Condition {
    fn parse(args: &Args<'_>) -> Result<Condition, CommandError> {
        let mut condition = Condition::default();
        for index in 3..args.len() {
            let flag = match args.at(index).to_ascii_lowercase().as_slice() {
                b"nx" => &mut condition.is_missing,
                b"xx" => &mut condition.is_present,
                b"gt" => &mut condition.is_later,
                b"lt" => &mut condition.is_earlier,
                _ => {
                    let option = String::from_utf8_lossy(args.at(index));
                    return Err(CommandError::new(format!("ERR Unsupported option {option}")));
                }
            };
            *flag = true;
        }
        let Condition { is_missing, is_present, is_later, is_earlier } = condition;
        if is_missing && (is_present || is_later || is_earlier) {
            return Err(NX_WITH_OTHERS);
        }
        if is_later && is_earlier { Err(GT_WITH_LT) } else { Ok(condition) }
    }

    fn allows(self, present: Option<UnixMs>, at: UnixMs) -> bool {
        !(self.is_missing && present.is_some()
            || self.is_present && present.is_none()
            || self.is_later && present.is_none_or(|present| at <= present)
            || self.is_earlier && present.is_some_and(|present| at >= present))
    }
}

pub(super) fn ttl(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    reply_expiry(cx, args, |at, now| rounded_seconds(at - now))
}

pub(super) fn pttl(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    reply_expiry(cx, args, |at, now| at - now)
}

pub(super) fn expiretime(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    reply_expiry(cx, args, |at, _| rounded_seconds(at))
}

pub(super) fn pexpiretime(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    reply_expiry(cx, args, |at, _| at)
}

/// -2 for a missing key, -1 for one without expiry.
fn reply_expiry(
    cx: &mut Context<'_>,
    args: &Args<'_>,
    shown: impl Fn(UnixMs, UnixMs) -> i64,
) -> Result<Outcome, CommandError> {
    let now = cx.db.now_ms;
    let answer = match cx.db.examine(args.key(1)).map(|entry| entry.expire_at()) {
        None => -2,
        Some(None) => -1,
        Some(Some(at)) => shown(at, now).max(0),
    };
    cx.reply.int(answer);
    Ok(Outcome::Done)
}

fn rounded_seconds(ms: i64) -> i64 {
    ms.saturating_add(500) / 1000
}

pub(super) fn persist(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let key = args.key(1);
    let cleared = cx.db.write(key).is_some() && cx.db.persist(key);
    cx.reply.int(cleared.into());
    Ok(Outcome::Done)
}
