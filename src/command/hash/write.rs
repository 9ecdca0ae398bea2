//! HSET, HMSET, HSETNX, HDEL: fields come and go.

use crate::command::{Args, CommandError, Context, Outcome};
use crate::config::EventClasses;
use crate::keyspace::Lifetime;

pub(super) fn hset(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let new = set_all(cx, args)?;
    cx.reply.int(new);
    Ok(Outcome::Done)
}

pub(super) fn hmset(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    set_all(cx, args)?;
    cx.reply.ok();
    Ok(Outcome::Done)
}

/// Answers how many fields are new.
fn set_all(cx: &mut Context<'_>, args: &Args<'_>) -> Result<i64, CommandError> {
    if !args.len().is_multiple_of(2) {
        return Err(CommandError::wrong_arity(cx.command_name()));
    }
    let key = args.key(1);
    cx.db.write_hash(key)?;
    let mut new = 0;
    for index in (2..args.len()).step_by(2) {
        new += i64::from(cx.db.set_field(
            key,
            args.at(index),
            args.at(index + 1),
            Lifetime::Endless,
            &cx.config.collections,
        ));
    }
    cx.db.notify(EventClasses::HASH, "hset", key);
    Ok(new)
}

pub(super) fn hsetnx(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let (key, field) = (args.key(1), args.at(2));
    let is_free = cx.db.write_hash(key)?.is_none_or(|hash| hash.value(field).is_none());
    if is_free {
        cx.db.set_field(key, field, args.at(3), Lifetime::Endless, &cx.config.collections);
        cx.db.notify(EventClasses::HASH, "hset", key);
    }
    cx.reply.int(is_free.into());
    Ok(Outcome::Done)
}

pub(super) fn hdel(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let key = args.key(1);
    let mut removed = 0;
    if cx.db.write_hash(key)?.is_some() {
        removed = args.rest(2).filter(|field| cx.db.remove_field(key, field)).count();
    }
    if removed > 0 {
        cx.db.notify(EventClasses::HASH, "hdel", key);
        cx.db.drop_if_empty(key);
    }
    cx.reply.int(removed as i64);
    Ok(Outcome::Done)
}
