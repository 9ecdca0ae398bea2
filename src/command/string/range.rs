//! APPEND, GETRANGE, SETRANGE: parts of a string.

use crate::command::{Args, CommandError, Context, Origin, Outcome};
use crate::config::EventClasses;
use crate::keyspace::NewValue;

const TOO_LONG: CommandError = CommandError::fixed("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
const BAD_OFFSET: CommandError = CommandError::fixed("ERR offset is out of range");

pub(super) fn append(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let tail = args.at(2);
    let present = cx.db.write_string(args.key(1))?.map(|string| string.len());
    let len = match present {
        None => {
            cx.db.set(args.key(1), NewValue::String(tail), None);
            tail.len()
        }
        Some(len) => {
            check_len(cx, len, tail.len())?;
            cx.db.append(args.key(1), tail)
        }
    };
    cx.db.notify(EventClasses::STRING, "append", args.key(1));
    cx.reply.int(len as i64);
    Ok(Outcome::Done)
}

pub(super) fn setrange(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let offset = usize::try_from(args.int(2)?).map_err(|_| BAD_OFFSET)?;
    let patch = args.at(3);
    let present = cx.db.write_string(args.key(1))?.map_or(0, |string| string.len());
    let len = if patch.is_empty() {
        present
    } else {
        check_len(cx, offset, patch.len())?;
        cx.db.set_range(args.key(1), offset, patch)
    };
    cx.reply.int(len as i64);
    Ok(Outcome::Done)
}

pub(super) fn getrange(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let (start, end) = (args.int(2)?, args.int(3)?);
    match cx.db.read_string(args.key(1))? {
        Some(string) => {
            let (from, to) = clamp(start, end, string.len());
            cx.reply.bulk(&string.range(from, to));
        }
        None => cx.reply.bulk(b""),
    }
    Ok(Outcome::Done)
}

/// `start..=end`, negative from the end, as a half-open range within `len`.
fn clamp(start: i64, end: i64, len: usize) -> (usize, usize) {
    if start < 0 && end < 0 && start > end {
        return (0, 0);
    }
    let from_end = |index: i64| if index < 0 { index.saturating_add(len as i64).max(0) } else { index };
    let (from, to) = (from_end(start), from_end(end).saturating_add(1).min(len as i64));
    if from < to { (from as usize, to as usize) } else { (0, 0) }
}

/// What a master has stored, its replica stores too, whatever its own limit.
fn check_len(cx: &Context<'_>, present: usize, more: usize) -> Result<(), CommandError> {
    let fits = present.checked_add(more).is_some_and(|total| total <= cx.config.proto_max_bulk_len);
    if fits || cx.origin == Origin::Master { Ok(()) } else { Err(TOO_LONG) }
}

#[cfg(test)]
mod tests {
    use super::clamp;

    #[test]
    fn ranges_are_clamped_as_in_redis() {
        let table = [
            (0, 3, 10, (0, 4)),
            (0, -1, 10, (0, 10)),
            (-3, -1, 10, (7, 10)),
            (5, 3, 10, (0, 0)),
            (-1, -3, 10, (0, 0)),
            (-100, 2, 10, (0, 3)),
            (0, 100, 10, (0, 10)),
            (0, -100, 10, (0, 1)),
            (10, 20, 10, (0, 0)),
            (0, 0, 0, (0, 0)),
            (i64::MIN, i64::MAX, 10, (0, 10)),
        ];
        for (start, end, len, expected) in table {
            assert_eq!(clamp(start, end, len), expected, "{start} {end} of {len}");
        }
    }
}
