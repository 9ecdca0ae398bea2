//! HGET and whatever else only looks.

use crate::command::scan::{self, ScanOptions};
use crate::command::{Args, CommandError, Context, Outcome};
use crate::keyspace::Strings;

pub(super) fn hget(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    match cx.db.read_hash(args.key(1))?.and_then(|hash| hash.value(args.at(2))) {
        Some(value) => cx.reply.bulk(&value),
        None => cx.reply.null(),
    }
    Ok(Outcome::Done)
}

pub(super) fn hmget(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let hash = cx.db.read_hash(args.key(1))?;
    cx.reply.array(args.len() - 2);
    for field in args.rest(2) {
        match hash.and_then(|hash| hash.value(field)) {
            Some(value) => cx.reply.bulk(&value),
            None => cx.reply.null(),
        }
    }
    Ok(Outcome::Done)
}

pub(super) fn hlen(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let len = cx.db.read_hash(args.key(1))?.map_or(0, |hash| hash.len());
    cx.reply.int(len as i64);
    Ok(Outcome::Done)
}

pub(super) fn hexists(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let is_there = cx.db.read_hash(args.key(1))?.is_some_and(|hash| hash.value(args.at(2)).is_some());
    cx.reply.int(is_there.into());
    Ok(Outcome::Done)
}

pub(super) fn hstrlen(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let value = cx.db.read_hash(args.key(1))?.and_then(|hash| hash.value(args.at(2)));
    cx.reply.int(value.map_or(0, |value| value.len() as i64));
    Ok(Outcome::Done)
}

pub(super) fn hgetall(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let hash = cx.db.read_hash(args.key(1))?;
    cx.reply.map(hash.map_or(0, |hash| hash.len()));
    for (field, value) in hash.iter().flat_map(|hash| hash.iter()) {
        cx.reply.bulk(&field);
        cx.reply.bulk(&value);
    }
    Ok(Outcome::Done)
}

pub(super) fn hkeys(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let hash = cx.db.read_hash(args.key(1))?;
    cx.reply.array(hash.map_or(0, |hash| hash.len()));
    hash.iter().flat_map(|hash| hash.iter()).for_each(|(field, _)| cx.reply.bulk(&field));
    Ok(Outcome::Done)
}

pub(super) fn hvals(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let hash = cx.db.read_hash(args.key(1))?;
    cx.reply.array(hash.map_or(0, |hash| hash.len()));
    hash.iter().flat_map(|hash| hash.iter()).for_each(|(_, value)| cx.reply.bulk(&value));
    Ok(Outcome::Done)
}

pub(super) fn hscan(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let cursor = scan::cursor(args, 2)?;
    let mut found = Strings::default();
    let mut next = 0;
    if let Some(hash) = cx.db.read_hash(args.key(1))? {
        let options = ScanOptions::of_hash(args, scan::AFTER_KEY_AND_CURSOR)?;
        let mut seen = 0;
        next = scan::steps(options.count, cursor, |cursor| {
            let next = hash.scan(cursor, &mut |field, value| {
                seen += 1;
                if options.matches(&field) {
                    found.push(&field);
                    if !options.names_only {
                        found.push(&value);
                    }
                }
            });
            (seen, next)
        });
    }
    scan::reply(cx, next, &found);
    Ok(Outcome::Done)
}
