//! DEL, UNLINK, EXISTS, TOUCH, TYPE: whether keys are there, and of what kind.

use rand::Rng;

use crate::command::{Args, CommandError, Context, Outcome, noted_access};
use crate::keyspace::Key;

/// Memory is given back in the background in any case, so DEL and UNLINK are one.
pub(super) fn del(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    count(cx, args, |cx, key| cx.db.remove(key))
}

pub(super) fn exists(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    count(cx, args, |cx, key| cx.db.examine(key).is_some())
}

/// Also for a client whose lookups leave no trace else (CLIENT NO-TOUCH).
pub(super) fn touch(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.db.access = noted_access(cx.config, cx.now, || cx.rng.next_u64());
    count(cx, args, |cx, key| cx.db.read(key).is_some())
}

pub(super) fn type_(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let name = cx.db.examine(args.key(1)).map_or("none", |entry| entry.value().type_name());
    cx.reply.simple(name);
    Ok(Outcome::Done)
}

/// Answers for how many of the keys `is_counted` holds.
fn count(
    cx: &mut Context<'_>,
    args: &Args<'_>,
    mut is_counted: impl FnMut(&mut Context<'_>, Key<'_>) -> bool,
) -> Result<Outcome, CommandError> {
    let count = (1..args.len()).filter(|&index| is_counted(cx, args.key(index))).count();
    cx.reply.int(count as i64);
    Ok(Outcome::Done)
}
