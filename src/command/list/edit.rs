//! LSET, LINSERT, LREM, LTRIM: changes anywhere in a list.

use crate::command::{Args, CommandError, Context, Outcome};
use crate::config::EventClasses;

use super::{absolute, clamp};

const NO_SUCH_INDEX: CommandError = CommandError::fixed("ERR index out of range");

pub(super) fn lset(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let key = args.key(1);
    let len = cx.db.write_list(key)?.ok_or(CommandError::NO_SUCH_KEY)?.len();
    let index = usize::try_from(absolute(args.int(2)?, len)).ok().filter(|index| *index < len).ok_or(NO_SUCH_INDEX)?;
    cx.db.splice_list(key, index, 1, &[args.at(3)], &cx.config.collections);
    cx.db.notify(EventClasses::LIST, "lset", key);
    cx.reply.ok();
    Ok(Outcome::Done)
}

pub(super) fn linsert(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let behind = match () {
        _ if args.is(2, "BEFORE") => 0,
        _ if args.is(2, "AFTER") => 1,
        _ => return Err(CommandError::SYNTAX),
    };
    let (key, pivot) = (args.key(1), args.at(3));
    let Some(list) = cx.db.write_list(key)? else {
        cx.reply.int(0);
        return Ok(Outcome::Done);
    };
    let Some(index) = list.iter().position(|element| *element == *pivot) else {
        cx.reply.int(-1);
        return Ok(Outcome::Done);
    };
    let len = cx.db.splice_list(key, index + behind, 0, &[args.at(4)], &cx.config.collections);
    cx.db.notify(EventClasses::LIST, "linsert", key);
    cx.reply.int(len as i64);
    Ok(Outcome::Done)
}

pub(super) fn lrem(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let (key, count, element) = (args.key(1), args.int(2)?, args.at(3));
    let Some(list) = cx.db.write_list(key)? else {
        cx.reply.int(0);
        return Ok(Outcome::Done);
    };
    let matches = list.iter().enumerate().filter(|(_, text)| **text == *element).map(|(index, _)| index);
    let most = if count == 0 { usize::MAX } else { count.unsigned_abs() as usize };
    let mut removed: Vec<usize> = if count >= 0 { matches.take(most).collect() } else { matches.collect() };
    removed.drain(..removed.len().saturating_sub(most));
    // From the end on, so that those before keep their places; neighbours go together.
    for run in removed.chunk_by(|a, b| a + 1 == *b).rev() {
        cx.db.splice_list(key, run[0], run.len(), &[], &cx.config.collections);
    }
    if !removed.is_empty() {
        cx.db.notify(EventClasses::LIST, "lrem", key);
        cx.db.drop_if_empty(key);
    }
    cx.reply.int(removed.len() as i64);
    Ok(Outcome::Done)
}

pub(super) fn ltrim(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let (key, start, stop) = (args.key(1), args.int(2)?, args.int(3)?);
    if let Some(list) = cx.db.write_list(key)? {
        let len = list.len();
        let (from, to) = clamp(start, stop, len);
        for (at, removed) in [(to, len - to), (0, from)] {
            if removed > 0 {
                cx.db.splice_list(key, at, removed, &[], &cx.config.collections);
            }
        }
        cx.db.notify(EventClasses::LIST, "ltrim", key);
        cx.db.drop_if_empty(key);
    }
    cx.reply.ok();
    Ok(Outcome::Done)
}
