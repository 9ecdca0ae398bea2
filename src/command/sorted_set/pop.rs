//! ZPOPMIN, ZPOPMAX, ZMPOP: taking pairs off an end.

use std::ops::Range;

use crate::command::collections::{NOT_POSITIVE, at_least};
use crate::command::{Args, CommandError, Context, Outcome};
use crate::config::EventClasses;
use crate::keyspace::{Key, SortedSet};
use crate::resp::Protocol;

const BAD_KEYS: CommandError = CommandError::fixed("ERR numkeys should be greater than 0");
const BAD_COUNT: CommandError = CommandError::fixed("ERR count should be greater than 0");

/// An end of a sorted set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Min,
    Max,
}

impl End {
    fn event(self) -> &'static str {
        if self == End::Min { "zpopmin" } else { "zpopmax" }
    }

    /// How popping there enters the stream.
    pub fn verb(self) -> &'static [u8] {
        if self == End::Min { b"ZPOPMIN" } else { b"ZPOPMAX" }
    }
}

pub(super) fn zpopmin(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    pop(cx, args, End::Min)
}

pub(super) fn zpopmax(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    pop(cx, args, End::Max)
}

/// A count makes pairs of the answer in RESP3.
fn pop(cx: &mut Context<'_>, args: &Args<'_>, end: End) -> Result<Outcome, CommandError> {
    if args.len() > 3 {
        return Err(CommandError::SYNTAX);
    }
    let count = if args.len() == 3 { Some(at_least(args, 2, 0, NOT_POSITIVE)?) } else { None };
    let key = args.key(1);
    let is_there = cx.db.write_sorted_set(key)?.is_some();
    if !is_there || count == Some(0) {
        cx.reply.array(0);
        return Ok(Outcome::Done);
    }
    let taken = take(cx, key, end, count.unwrap_or(1));
    let nests = count.is_some() && cx.reply.protocol == Protocol::Resp3;
    cx.reply.array(if nests { taken.len() } else { 2 * taken.len() });
    put_pairs(cx, &taken, nests);
    Ok(Outcome::Done)
}

fn put_pairs(cx: &mut Context<'_>, pairs: &SortedSet, nests: bool) {
    for (member, score) in pairs.iter() {
        if nests {
            cx.reply.array(2);
        }
        cx.reply.bulk(member);
        cx.reply.float(score);
    }
}

/// Takes up to `count` pairs off an end of a set that exists; answers them, the outermost first.
pub(super) fn take(cx: &mut Context<'_>, key: Key<'_>, end: End, count: i64) -> SortedSet {
    let mut taken = SortedSet::default();
    let Some(set) = cx.db.write_sorted_set(key).ok().flatten() else { return taken };
    let len = set.len();
    let count = len.min(usize::try_from(count).unwrap_or(usize::MAX));
    let ranks = match end {
        End::Min => {
            set.iter().take(count).for_each(|(member, score)| taken.push(&member, score));
            0..count
        }
        End::Max => {
            set.iter_before(len).take(count).for_each(|(member, score)| taken.push(&member, score));
            len - count..len
        }
    };
    cx.db.remove_ranks(key, ranks);
    cx.db.notify(EventClasses::ZSET, end.event(), key);
    cx.db.drop_if_empty(key);
    taken
}

/// `numkeys key ... MIN | MAX [COUNT count]`, from word `first` on: the words of the keys, end, count.
pub(super) fn parse(args: &Args<'_>, first: usize) -> Result<(Range<usize>, End, i64), CommandError> {
    let keys = at_least(args, first, 1, BAD_KEYS)?;
    let end_at = usize::try_from(keys).ok().and_then(|keys| keys.checked_add(first + 1));
    let end_at = end_at.filter(|at| *at < args.len()).ok_or(CommandError::SYNTAX)?;
    let end = match () {
        _ if args.is(end_at, "MIN") => End::Min,
        _ if args.is(end_at, "MAX") => End::Max,
        _ => return Err(CommandError::SYNTAX),
    };
    let mut count = None;
    let mut index = end_at + 1;
    while index < args.len() {
        if count.is_some() || !args.is(index, "COUNT") || index + 1 == args.len() {
            return Err(CommandError::SYNTAX);
        }
        count = Some(at_least(args, index + 1, 1, BAD_COUNT)?);
        index += 2;
    }
    Ok((first + 1..end_at, end, count.unwrap_or(1)))
}

pub(super) fn zmpop(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let (keys, end, count) = parse(args, 1)?;
    if !pop_first(cx, args, keys, end, count)? {
        cx.reply.null_array();
    }
    Ok(Outcome::Done)
}

/// Answers pairs of the first set that has any; false if none has.
pub(super) fn pop_first(
    cx: &mut Context<'_>,
    args: &Args<'_>,
    keys: Range<usize>,
    end: End,
    count: i64,
) -> Result<bool, CommandError> {
    for index in keys {
        let key = args.key(index);
        if cx.db.write_sorted_set(key)?.is_none() {
            continue;
        }
        let taken = take(cx, key, end, count);
        cx.reply.array(2);
        cx.reply.bulk(key.bytes);
        cx.reply.array(taken.len());
        put_pairs(cx, &taken, true);
        cx.db.propagate_as(&[end.verb(), key.bytes, itoa::Buffer::new().format(taken.len()).as_bytes()]);
        return Ok(true);
    }
    Ok(false)
}
