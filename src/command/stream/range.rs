//! XLEN, XRANGE, XREVRANGE: what only looks.

use crate::command::{Args, CommandError, Context, Outcome};
use crate::keyspace::{EntryRef, StreamId};
use crate::resp::Reply;

use super::id;

pub(super) fn xlen(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let len = cx.db.read_stream(args.key(1))?.map_or(0, |stream| stream.len());
    cx.reply.int(len as i64);
    Ok(Outcome::Done)
}

pub(super) fn xrange(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    range(cx, args, (2, 3), false)
}

pub(super) fn xrevrange(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    range(cx, args, (3, 2), true)
}

/// `at`: the words where the interval begins and where it ends.
fn range(cx: &mut Context<'_>, args: &Args<'_>, at: (usize, usize), is_back: bool) -> Result<Outcome, CommandError> {
    let (from, to) = (id::start(args.at(at.0))?, id::end(args.at(at.1))?);
    let count = count(args)?;
    let Some(stream) = cx.db.read_stream(args.key(1))? else {
        cx.reply.array(0);
        return Ok(Outcome::Done);
    };
    let Some(most) = count else {
        cx.reply.null_array();
        return Ok(Outcome::Done);
    };
    if is_back {
        let len = stream.range_back(from, to).take(most).count();
        cx.reply.array(len);
        stream.range_back(from, to).take(len).for_each(|entry| answer(&mut cx.reply, &entry));
    } else {
        answer_all(&mut cx.reply, stream.range(from, to).take(most));
    }
    Ok(Outcome::Done)
}

/// COUNT, all without it; `None` for none.
fn count(args: &Args<'_>) -> Result<Option<usize>, CommandError> {
    let mut count = Some(usize::MAX);
    let mut at = 4;
    while at < args.len() {
        if !args.is(at, "COUNT") || at + 1 == args.len() {
            return Err(CommandError::SYNTAX);
        }
        count = usize::try_from(args.int(at + 1)?).ok().filter(|count| *count > 0);
        at += 2;
    }
    Ok(count)
}

/// An array of entries.
pub(super) fn answer_all<'a>(reply: &mut Reply, entries: impl Iterator<Item = EntryRef<'a>> + Clone) {
    reply.array(entries.clone().count());
    entries.for_each(|entry| answer(reply, &entry));
}

/// ID, then fields and values in turn.
pub(super) fn answer(reply: &mut Reply, entry: &EntryRef<'_>) {
    reply.array(2);
    id::reply(reply, entry.id);
    reply.array(2 * entry.len());
    entry.pairs().for_each(|(field, value)| {
        reply.bulk(&field);
        reply.bulk(&value);
    });
}

/// An entry that is gone: its ID alone.
pub(super) fn answer_gone(reply: &mut Reply, id: StreamId) {
    reply.array(2);
    id::reply(reply, id);
    reply.null_array();
}
