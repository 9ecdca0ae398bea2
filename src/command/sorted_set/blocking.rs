//! BZPOPMIN, BZPOPMAX, BZMPOP: those that wait until there is a member. They enter the stream as what they did in the
//! end.

use crate::command::blocking::{BlockOn, block, deadline, owned};
use crate::command::{Args, CommandError, Context, Outcome};

use super::TYPE_NAME;
use super::pop::{End, parse, pop_first, take};

pub(super) fn bzpopmin(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    pop_waiting(cx, args, End::Min)
}

pub(super) fn bzpopmax(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    pop_waiting(cx, args, End::Max)
}

fn pop_waiting(cx: &mut Context<'_>, args: &Args<'_>, end: End) -> Result<Outcome, CommandError> {
    let last = args.len() - 1;
    let deadline = deadline(cx, args, last)?;
    for index in 1..last {
        let key = args.key(index);
        if cx.db.write_sorted_set(key)?.is_none() {
            continue;
        }
        let taken = take(cx, key, end, 1);
        cx.reply.array(3);
        cx.reply.bulk(key.bytes);
        for (member, score) in taken.iter() {
            cx.reply.bulk(member);
            cx.reply.float(score);
        }
        cx.db.propagate_as(&[end.verb(), key.bytes]);
        return Ok(Outcome::Done);
    }
    let keys = owned(args.rest(1).take(last - 1));
    let (before, after) = (owned([args.at(0)]), owned([&b"0"[..]]));
    Ok(block(cx, BlockOn::on_type(TYPE_NAME, keys, before, after, deadline, true)))
}

pub(super) fn bzmpop(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
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
