//! HINCRBY, HINCRBYFLOAT: fields that read as numbers.

use crate::command::string::long_double::LongDouble;
use crate::command::{Args, CommandError, Context, Outcome};
use crate::config::EventClasses;
use crate::keyspace::Lifetime;
use crate::resp::parse_i64;

const NO_INTEGER: CommandError = CommandError::fixed("ERR hash value is not an integer");
const NO_FLOAT: CommandError = CommandError::fixed("ERR hash value is not a float");
const OVERFLOW: CommandError = CommandError::fixed("ERR increment or decrement would overflow");
const INFINITE: CommandError = CommandError::fixed("ERR value is NaN or Infinity");
const NOT_FINITE: CommandError = CommandError::fixed("ERR increment would produce NaN or Infinity");

/// The number of the field that the request names, if there is one.
fn present<T>(
    cx: &mut Context<'_>,
    args: &Args<'_>,
    parse: impl Fn(&[u8]) -> Option<T>,
    error: CommandError,
) -> Result<Option<T>, CommandError> {
    let text = cx.db.write_hash(args.key(1))?.and_then(|hash| hash.value(args.at(2)));
    text.map(|text| parse(&text).ok_or(error)).transpose()
}

pub(super) fn hincrby(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let increment = args.int(3)?;
    let number = present(cx, args, parse_i64, NO_INTEGER)?.unwrap_or(0);
    let sum = number.checked_add(increment).ok_or(OVERFLOW)?;
    let text = itoa::Buffer::new().format(sum).to_owned();
    cx.db.set_field(args.key(1), args.at(2), text.as_bytes(), Lifetime::AsBefore, &cx.config.collections);
    cx.db.notify(EventClasses::HASH, "hincrby", args.key(1));
    cx.reply.int(sum);
    Ok(Outcome::Done)
}

pub(super) fn hincrbyfloat(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let increment = LongDouble::parse(args.at(3)).ok_or(CommandError::NOT_A_FLOAT)?;
    if !increment.is_finite() {
        return Err(INFINITE);
    }
    let number = present(cx, args, LongDouble::parse, NO_FLOAT)?.unwrap_or(LongDouble::ZERO);
    let sum = number.plus(increment).ok_or(NOT_FINITE)?.to_string();
    let old = cx.db.write_hash(args.key(1))?.and_then(|hash| hash.field(args.at(2)));
    let is_expiring = old.is_some_and(|field| field.expire_at.is_some());
    cx.db.set_field(args.key(1), args.at(2), sum.as_bytes(), Lifetime::AsBefore, &cx.config.collections);
    cx.db.notify(EventClasses::HASH, "hincrbyfloat", args.key(1));
    let (key, field) = (args.at(1), args.at(2));
    if is_expiring {
        cx.db.propagate_as(&[b"HSETEX", key, b"KEEPTTL", b"FIELDS", b"1", field, sum.as_bytes()]);
    } else {
        cx.db.propagate_as(&[b"HSET", key, field, sum.as_bytes()]);
    }
    cx.reply.bulk(sum.as_bytes());
    Ok(Outcome::Done)
}
