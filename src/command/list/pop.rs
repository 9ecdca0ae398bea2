//! LPOP, RPOP, LMPOP: taking elements off an end.

use std::ops::Range;

use crate::command::collections::{NOT_POSITIVE, at_least};
use crate::command::{Args, CommandError, Context, Outcome};
use crate::config::EventClasses;
use crate::keyspace::{Key, Strings};

use super::End;

const BAD_KEYS: CommandError = CommandError::fixed("ERR numkeys should be greater than 0");
const BAD_COUNT: CommandError = CommandError::fixed("ERR count should be greater than 0");

pub(super) fn lpop(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    pop(cx, args, End::Left)
}

pub(super) fn rpop(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    pop(cx, args, End::Right)
}

fn pop(cx: &mut Context<'_>, args: &Args<'_>, end: End) -> Result<Outcome, CommandError> {
    if args.len() > 3 {
        return Err(CommandError::wrong_arity(cx.command_name()));
    }
    let count = if args.len() == 3 { Some(at_least(args, 2, 0, NOT_POSITIVE)?) } else { None };
    let key = args.key(1);
    let Some(list) = cx.db.write_list(key)? else {
        match count {
            None => cx.reply.null(),
            Some(_) => cx.reply.null_array(),
        }
        return Ok(Outcome::Done);
    };
    match count {
        Some(0) => cx.reply.array(0),
        None => {
            let at = if end == End::Left { 0 } else { list.len() - 1 };
            cx.reply.bulk(&list.at(at).expect("no list is empty"));
            remove(cx, key, end, at, 1);
        }
        Some(count) => {
            let taken = take(cx, key, end, count);
            reply_all(cx, &taken);
        }
    }
    Ok(Outcome::Done)
}

/// Takes elements off an end, and the key with the last one.
fn remove(cx: &mut Context<'_>, key: Key<'_>, end: End, at: usize, count: usize) {
    let len = cx.db.splice_list(key, at, count, &[], &cx.config.collections);
    cx.db.notify(EventClasses::LIST, end.pop_event(), key);
    if len == 0 {
        cx.db.drop_if_empty(key);
    }
}

fn reply_all(cx: &mut Context<'_>, elements: &Strings) {
    cx.reply.array(elements.len());
    elements.iter().for_each(|element| cx.reply.bulk(element));
}

/// Takes up to `count` elements off an end of a list that exists; answers them, the outermost first.
pub(super) fn take(cx: &mut Context<'_>, key: Key<'_>, end: End, count: i64) -> Strings {
    let Some(list) = cx.db.write_list(key).ok().flatten() else { return Strings::default() };
    let count = list.len().min(usize::try_from(count).unwrap_or(usize::MAX));
    let at = if end == End::Left { 0 } else { list.len() - count };
    let mut taken: Strings = list.iter_from(at).take(count).collect();
    if end == End::Right {
        taken = (0..count).rev().map(|index| taken.at(index)).collect();
    }
    remove(cx, key, end, at, count);
    taken
}

/// `numkeys key ... LEFT | RIGHT [COUNT count]`, from word `first` on: the words of the keys, end, count.
pub(super) fn parse(args: &Args<'_>, first: usize) -> Result<(Range<usize>, End, i64), CommandError> {
    let keys = at_least(args, first, 1, BAD_KEYS)?;
    let end_at = usize::try_from(keys).ok().and_then(|keys| keys.checked_add(first + 1));
    let end_at = end_at.filter(|at| *at < args.len()).ok_or(CommandError::SYNTAX)?;
    let end = End::parse(args, end_at)?;
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

pub(super) fn lmpop(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let (keys, end, count) = parse(args, 1)?;
    if !pop_first(cx, args, keys, end, count)? {
        cx.reply.null_array();
    }
    Ok(Outcome::Done)
}

/// Answers elements of the first list that has any; false if none has.
pub(super) fn pop_first(
    cx: &mut Context<'_>,
    args: &Args<'_>,
    keys: Range<usize>,
    end: End,
    count: i64,
) -> Result<bool, CommandError> {
    for index in keys {
        let key = args.key(index);
        if cx.db.write_list(key)?.is_none() {
            continue;
        }
        let taken = take(cx, key, end, count);
        cx.reply.array(2);
        cx.reply.bulk(key.bytes);
        reply_all(cx, &taken);
        cx.db.propagate_as(&[verb(end), key.bytes, itoa::Buffer::new().format(taken.len()).as_bytes()]);
        return Ok(true);
    }
    Ok(false)
}

/// How popping there enters the stream.
pub(super) fn verb(end: End) -> &'static [u8] {
    if end == End::Left { b"LPOP" } else { b"RPOP" }
}
