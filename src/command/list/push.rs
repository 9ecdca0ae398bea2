//! LPUSH, RPUSH and those that want a list to be there.

use crate::command::{Args, CommandError, Context, Outcome};
use crate::config::EventClasses;

use super::End;

pub(super) fn lpush(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    push(cx, args, End::Left, false)
}

pub(super) fn rpush(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    push(cx, args, End::Right, false)
}

pub(super) fn lpushx(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    push(cx, args, End::Left, true)
}

pub(super) fn rpushx(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    push(cx, args, End::Right, true)
}

fn push(cx: &mut Context<'_>, args: &Args<'_>, end: End, must_exist: bool) -> Result<Outcome, CommandError> {
    let key = args.key(1);
    let present = cx.db.write_list(key)?.map(|list| list.len());
    if present.is_none() && must_exist {
        cx.reply.int(0);
        return Ok(Outcome::Done);
    }
    let at = if end == End::Left { 0 } else { present.unwrap_or(0) };
    let limits = &cx.config.collections;
    let len = if args.len() == 3 {
        cx.db.splice_list(key, at, 0, &[args.at(2)], limits)
    } else {
        let mut elements: Vec<&[u8]> = args.rest(2).collect();
        if end == End::Left {
            elements.reverse();
        }
        cx.db.splice_list(key, at, 0, &elements, limits)
    };
    cx.db.notify(EventClasses::LIST, end.push_event(), key);
    cx.reply.int(len as i64);
    Ok(Outcome::Done)
}
