//! LMOVE, RPOPLPUSH: from one list to another, or around one.

use crate::command::{Args, CommandError, Context, Outcome};
use crate::config::EventClasses;
use crate::keyspace::Text;

use super::End;

pub(super) fn lmove(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    answer(cx, args, End::parse(args, 3)?, End::parse(args, 4)?)
}

pub(super) fn rpoplpush(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    answer(cx, args, End::Right, End::Left)
}

fn answer(cx: &mut Context<'_>, args: &Args<'_>, from: End, to: End) -> Result<Outcome, CommandError> {
    if !move_element(cx, args, from, to)? {
        cx.reply.null();
    }
    Ok(Outcome::Done)
}

/// Moves an element from the list at word 1 to that at word 2 and answers it; false if there is none.
pub(super) fn move_element(cx: &mut Context<'_>, args: &Args<'_>, from: End, to: End) -> Result<bool, CommandError> {
    let (source, destination) = (args.key(1), args.key(2));
    let Some(list) = cx.db.write_list(source)? else { return Ok(false) };
    let at = if from == End::Left { 0 } else { list.len() - 1 };
    let element = list.at(at).map(|text: Text<'_>| text.to_vec()).unwrap_or_default();
    cx.db.write_list(destination)?;
    let limits = cx.config.collections;
    let len = cx.db.splice_list(source, at, 1, &[], &limits);
    let target_len = match cx.db.write_list(destination)? {
        Some(_) if source.bytes == destination.bytes => len,
        target => target.map_or(0, |list| list.len()),
    };
    let target = if to == End::Left { 0 } else { target_len };
    cx.db.splice_list(destination, target, 0, &[&element], &limits);
    cx.db.notify(EventClasses::LIST, to.push_event(), destination);
    cx.db.notify(EventClasses::LIST, from.pop_event(), source);
    cx.db.drop_if_empty(source);
    cx.reply.bulk(&element);
    Ok(true)
}
