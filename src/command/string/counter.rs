//! INCR and its relatives: a string that reads as a number.

use crate::command::database::as_string;
use crate::command::{Args, CommandError, Context, Outcome};
use crate::config::EventClasses;
use crate::keyspace::{NewValue, UnixMs};
use crate::resp::parse_i64;

use super::long_double::LongDouble;

const OVERFLOW: CommandError = CommandError::fixed("ERR increment or decrement would overflow");
const DECREMENT_OVERFLOW: CommandError = CommandError::fixed("ERR decrement would overflow");
const NOT_FINITE: CommandError = CommandError::fixed("ERR increment would produce NaN or Infinity");

pub(super) fn incr(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    add(cx, args, 1)
}

pub(super) fn decr(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    add(cx, args, -1)
}

pub(super) fn incrby(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    add(cx, args, args.int(2)?)
}

pub(super) fn decrby(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let decrement = args.int(2)?;
    add(cx, args, decrement.checked_neg().ok_or(DECREMENT_OVERFLOW)?)
}

fn add(cx: &mut Context<'_>, args: &Args<'_>, increment: i64) -> Result<Outcome, CommandError> {
    let (value, expire_at) = present(cx, args, parse_i64, CommandError::NOT_AN_INTEGER)?;
    let sum = value.unwrap_or(0).checked_add(increment).ok_or(OVERFLOW)?;
    cx.db.set(args.key(1), NewValue::String(itoa::Buffer::new().format(sum).as_bytes()), expire_at);
    cx.db.notify(EventClasses::STRING, "incrby", args.key(1));
    cx.reply.int(sum);
    Ok(Outcome::Done)
}

pub(super) fn incrbyfloat(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let (value, expire_at) = present(cx, args, LongDouble::parse, CommandError::NOT_A_FLOAT)?;
    let increment = LongDouble::parse(args.at(2)).ok_or(CommandError::NOT_A_FLOAT)?;
    let sum = value.unwrap_or(LongDouble::ZERO).plus(increment).ok_or(NOT_FINITE)?.to_string();
    cx.db.set(args.key(1), NewValue::String(sum.as_bytes()), expire_at);
    cx.db.notify(EventClasses::STRING, "incrbyfloat", args.key(1));
    cx.reply.bulk(sum.as_bytes());
    cx.db.propagate_as(&[b"SET", args.at(1), sum.as_bytes(), b"KEEPTTL"]);
    Ok(Outcome::Done)
}

/// The number at the first key, if there is one, and the key's expiry.
fn present<T>(
    cx: &mut Context<'_>,
    args: &Args<'_>,
    parse: impl Fn(&[u8]) -> Option<T>,
    error: CommandError,
) -> Result<(Option<T>, Option<UnixMs>), CommandError> {
    let Some(entry) = cx.db.write(args.key(1)) else { return Ok((None, None)) };
    let expire_at = entry.expire_at();
    let string = as_string(&entry)?;
    Ok((Some(parse(&string.to_cow()).ok_or(error)?), expire_at))
}
