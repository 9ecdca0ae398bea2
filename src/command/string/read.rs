//! GET, MGET, STRLEN: what only looks.

use crate::command::{Args, CommandError, Context, Outcome};

pub(super) fn get(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    reply_string(cx, args)?;
    Ok(Outcome::Done)
}

pub(super) fn mget(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.reply.array(args.len() - 1);
    cx.db.prefetch((1..args.len()).map(|index| args.key(index)));
    for index in 1..args.len() {
        // A value of another type counts as missing.
        match cx.db.read_string(args.key(index)) {
            Ok(Some(string)) => cx.reply.bulk_chunks(string.len(), string.chunks()),
            _ => cx.reply.null(),
        }
    }
    Ok(Outcome::Done)
}

pub(super) fn strlen(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let len = cx.db.read_string(args.key(1))?.map_or(0, |string| string.len());
    cx.reply.int(len as i64);
    Ok(Outcome::Done)
}

/// Answers the string at the first key, or null; true if there is one.
#[inline]
pub(super) fn reply_string(cx: &mut Context<'_>, args: &Args<'_>) -> Result<bool, CommandError> {
    match cx.db.read_string(args.key(1))? {
        Some(string) => {
            cx.reply.bulk_chunks(string.len(), string.chunks());
            Ok(true)
        }
        None => {
            cx.reply.null();
            Ok(false)
        }
    }
}
