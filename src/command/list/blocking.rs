//! BLPOP, BRPOP, BLMPOP, BLMOVE, BRPOPLPUSH: those that wait until there is an element. They enter the stream as what
//! they did in the end.

use crate::command::blocking::{BlockOn, block, deadline, owned};
use crate::command::{Args, CommandError, Context, Outcome};

use super::pop::{parse, pop_first, take};
use super::rotate::move_element;
use super::{End, TYPE_NAME, pop};

pub(super) fn blpop(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    pop_waiting(cx, args, End::Left)
}

pub(super) fn brpop(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    pop_waiting(cx, args, End::Right)
}

fn pop_waiting(cx: &mut Context<'_>, args: &Args<'_>, end: End) -> Result<Outcome, CommandError> {
    let last = args.len() - 1;
    let deadline = deadline(cx, args, last)?;
    for index in 1..last {
        let key = args.key(index);
        if cx.db.write_list(key)?.is_none() {
            continue;
        }
        let taken = take(cx, key, end, 1);
        cx.reply.array(2);
        cx.reply.bulk(key.bytes);
        cx.reply.bulk(taken.at(0));
        cx.db.propagate_as(&[pop::verb(end), key.bytes]);
        return Ok(Outcome::Done);
    }
    let keys = owned(args.rest(1).take(last - 1));
    let (before, after) = (owned([args.at(0)]), owned([&b"0"[..]]));
    Ok(block(cx, BlockOn::on_type(TYPE_NAME, keys, before, after, deadline, true)))
}

pub(super) fn blmpop(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let deadline = deadline(cx, args, 1)?;
    let (keys, end, count) = parse(args, 2)?;
    if pop_first(cx, args, keys.clone(), end, count)? {
        return Ok(Outcome::Done);
    }
    let after = owned(args.rest(keys.end));
    let keys = owned(args.rest(keys.start).take(keys.len()));
    let before = owned([args.at(0), b"0", b"1"]);
    Ok(block(cx, BlockOn::on_type(TYPE_NAME, keys, before, after, deadline, true)))
}

pub(super) fn blmove(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let (from, to) = (End::parse(args, 3)?, End::parse(args, 4)?);
    move_waiting(cx, args, from, to)
}

pub(super) fn brpoplpush(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    move_waiting(cx, args, End::Right, End::Left)
}

/// The timeout is the last word; without it, and without the B, the request is what it does.
fn move_waiting(cx: &mut Context<'_>, args: &Args<'_>, from: End, to: End) -> Result<Outcome, CommandError> {
    let last = args.len() - 1;
    let deadline = deadline(cx, args, last)?;
    if move_element(cx, args, from, to)? {
        let verb: &[u8] = if args.len() == 4 { b"RPOPLPUSH" } else { b"LMOVE" };
        let words: Vec<&[u8]> = [verb].into_iter().chain(args.rest(1).take(last - 1)).collect();
        cx.db.propagate_as(&words);
        return Ok(Outcome::Done);
    }
    let mut after = owned(args.rest(2).take(last - 2));
    after.push(Box::from(&b"0"[..]));
    let (keys, before) = (owned([args.at(1)]), owned([args.at(0)]));
    Ok(block(cx, BlockOn::on_type(TYPE_NAME, keys, before, after, deadline, false)))
}
