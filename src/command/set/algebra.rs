//! SINTER, SUNION, SDIFF, answered, stored or counted.

use std::collections::HashSet;
use std::ops::Range;

use crate::command::collections::at_least;
use crate::command::{Args, CommandError, Context, Database, Outcome};
use crate::config::EventClasses;
use crate::keyspace::{NewValue, SetRef, Strings, Value};

const BAD_KEYS: CommandError = CommandError::fixed("ERR numkeys should be greater than 0");
const TOO_MANY_KEYS: CommandError = CommandError::fixed("ERR Number of keys can't be greater than number of args");
const BAD_LIMIT: CommandError = CommandError::fixed("ERR LIMIT can't be negative");

/// Combines sets, of which those that are missing are empty.
type Combine = fn(&[Option<SetRef<'_>>]) -> Strings;

pub(super) fn sinter(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    answer(cx, args, |sets| intersection(sets, usize::MAX))
}

pub(super) fn sunion(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    answer(cx, args, union)
}

pub(super) fn sdiff(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    answer(cx, args, difference)
}

pub(super) fn sinterstore(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    store(cx, args, |sets| intersection(sets, usize::MAX), "sinterstore")
}

pub(super) fn sunionstore(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    store(cx, args, union, "sunionstore")
}

pub(super) fn sdiffstore(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    store(cx, args, difference, "sdiffstore")
}

pub(super) fn sintercard(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let keys = at_least(args, 1, 1, BAD_KEYS)?;
    if keys > args.len() as i64 - 2 {
        return Err(TOO_MANY_KEYS);
    }
    let end = 2 + keys as usize;
    let mut limit = 0;
    for index in (end..args.len()).step_by(2) {
        if !args.is(index, "LIMIT") || index + 1 == args.len() {
            return Err(CommandError::SYNTAX);
        }
        limit = at_least(args, index + 1, 0, BAD_LIMIT)? as usize;
    }
    let limit = if limit == 0 { usize::MAX } else { limit };
    let count = intersection(&sets(&mut cx.db, args, 2..end)?, limit).len();
    cx.reply.int(count as i64);
    Ok(Outcome::Done)
}

fn answer(cx: &mut Context<'_>, args: &Args<'_>, combine: Combine) -> Result<Outcome, CommandError> {
    let members = combine(&sets(&mut cx.db, args, 1..args.len())?);
    cx.reply.set(members.len());
    members.iter().for_each(|member| cx.reply.bulk(member));
    Ok(Outcome::Done)
}

/// What the destination held is replaced, whatever it was; an empty result deletes it.
fn store(
    cx: &mut Context<'_>,
    args: &Args<'_>,
    combine: Combine,
    event: &'static str,
) -> Result<Outcome, CommandError> {
    let destination = args.key(1);
    let members = combine(&sets(&mut cx.db, args, 2..args.len())?);
    if members.is_empty() {
        cx.db.remove(destination);
    } else {
        cx.db.write(destination);
        cx.db.set(destination, NewValue::Set(&members, &cx.config.collections), None);
        cx.db.notify(EventClasses::SET, event, destination);
    }
    cx.reply.int(members.len() as i64);
    Ok(Outcome::Done)
}

/// The sets of these keys; all of them are looked up before any is used.
fn sets<'d>(
    db: &'d mut Database<'_>,
    args: &Args<'_>,
    words: Range<usize>,
) -> Result<Vec<Option<SetRef<'d>>>, CommandError> {
    let mut present = Vec::with_capacity(words.len());
    for index in words {
        let key = args.key(index);
        present.push(db.read_set(key)?.is_some().then_some(key));
    }
    let keys = db.keyspace.db(db.index);
    let found = present.into_iter().map(|key| match keys.get(key?)?.value() {
        Value::Set(set) => Some(set),
        _ => None,
    });
    Ok(found.collect())
}

/// Up to `limit` members of it.
fn intersection(sets: &[Option<SetRef<'_>>], limit: usize) -> Strings {
    let Some(mut sets) = sets.iter().copied().collect::<Option<Vec<SetRef<'_>>>>() else { return Strings::default() };
    sets.sort_by_key(|set| set.len());
    let Some((smallest, others)) = sets.split_first() else { return Strings::default() };
    smallest.iter().filter(|member| others.iter().all(|set| set.contains(member))).take(limit).collect()
}

fn union(sets: &[Option<SetRef<'_>>]) -> Strings {
    let mut seen = HashSet::new();
    sets.iter().flatten().flat_map(|set| set.iter()).filter(|member| seen.insert(member.to_vec())).collect()
}

fn difference(sets: &[Option<SetRef<'_>>]) -> Strings {
    let Some((Some(first), others)) = sets.split_first() else { return Strings::default() };
    let others: Vec<&SetRef<'_>> = others.iter().flatten().collect();
    first.iter().filter(|member| !others.iter().any(|set| set.contains(member))).collect()
}
