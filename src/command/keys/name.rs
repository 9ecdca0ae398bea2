//! RENAME, COPY, MOVE: values under other names and in other databases.

use crate::command::{Args, CommandError, Context, Outcome};

const SAME_OBJECT: CommandError = CommandError::fixed("ERR source and destination objects are the same");
const DB_OUT_OF_RANGE: CommandError = CommandError::fixed("ERR DB index is out of range");

pub(super) fn rename(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    if cx.db.write(args.key(1)).is_none() {
        return Err(CommandError::NO_SUCH_KEY);
    }
    if args.at(1) != args.at(2) {
        cx.db.write(args.key(2));
        cx.db.rename(args.key(1), args.key(2));
    }
    cx.reply.ok();
    Ok(Outcome::Done)
}

pub(super) fn renamenx(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    if cx.db.write(args.key(1)).is_none() {
        return Err(CommandError::NO_SUCH_KEY);
    }
    let is_free = cx.db.write(args.key(2)).is_none();
    if is_free {
        cx.db.rename(args.key(1), args.key(2));
    }
    cx.reply.int(is_free.into());
    Ok(Outcome::Done)
}

pub(super) fn copy(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let (target_db, replaces) = copy_options(cx, args)?;
    let (source, target) = (args.key(1), args.key(2));
    if target_db == cx.db.index && source.bytes == target.bytes {
        return Err(SAME_OBJECT);
    }
    let may_copy = cx.db.read(source).is_some() && (cx.db.other(target_db).write(target).is_none() || replaces);
    if may_copy {
        cx.db.copy(source, target_db, target);
    }
    cx.reply.int(may_copy.into());
    Ok(Outcome::Done)
}

/// The database that COPY goes to, and whether it replaces what is there.
fn copy_options(cx: &Context<'_>, args: &Args<'_>) -> Result<(usize, bool), CommandError> {
    let (mut target_db, mut replaces) = (cx.db.index, false);
    let mut index = 3;
    while index < args.len() {
        if args.is(index, "REPLACE") {
            replaces = true;
        } else if args.is(index, "DB") && index + 1 < args.len() {
            index += 1;
            target_db = database(cx, args, index)?;
        } else {
            return Err(CommandError::SYNTAX);
        }
        index += 1;
    }
    Ok((target_db, replaces))
}

pub(super) fn move_(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let target_db = database(cx, args, 2)?;
    if target_db == cx.db.index {
        return Err(SAME_OBJECT);
    }
    let key = args.key(1);
    let may_move = cx.db.write(key).is_some() && cx.db.other(target_db).write(key).is_none();
    if may_move {
        cx.db.move_to(key, target_db);
    }
    cx.reply.int(may_move.into());
    Ok(Outcome::Done)
}

fn database(cx: &Context<'_>, args: &Args<'_>, index: usize) -> Result<usize, CommandError> {
    let number = i32::try_from(args.int(index)?).map_err(|_| CommandError::NOT_AN_INTEGER)?;
    usize::try_from(number).ok().filter(|&db| db < cx.db.keyspace.databases()).ok_or(DB_OUT_OF_RANGE)
}
