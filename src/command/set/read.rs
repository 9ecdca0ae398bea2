//! SCARD, SISMEMBER, SMISMEMBER, SMEMBERS, SSCAN: what only looks.

use crate::command::scan::{self, ScanOptions};
use crate::command::{Args, CommandError, Context, Outcome};
use crate::keyspace::Strings;

pub(super) fn scard(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let len = cx.db.read_set(args.key(1))?.map_or(0, |set| set.len());
    cx.reply.int(len as i64);
    Ok(Outcome::Done)
}

pub(super) fn sismember(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let is_member = cx.db.read_set(args.key(1))?.is_some_and(|set| set.contains(args.at(2)));
    cx.reply.int(is_member.into());
    Ok(Outcome::Done)
}

pub(super) fn smismember(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let set = cx.db.read_set(args.key(1))?;
    cx.reply.array(args.len() - 2);
    args.rest(2).for_each(|member| cx.reply.int(set.is_some_and(|set| set.contains(member)).into()));
    Ok(Outcome::Done)
}

pub(super) fn smembers(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let set = cx.db.read_set(args.key(1))?;
    cx.reply.set(set.map_or(0, |set| set.len()));
    set.iter().flat_map(|set| set.iter()).for_each(|member| cx.reply.bulk(&member));
    Ok(Outcome::Done)
}

pub(super) fn sscan(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let cursor = scan::cursor(args, 2)?;
    let mut found = Strings::default();
    let mut next = 0;
    if let Some(set) = cx.db.read_set(args.key(1))? {
        let options = ScanOptions::parse(args, scan::AFTER_KEY_AND_CURSOR)?;
        let mut seen = 0;
        next = scan::steps(options.count, cursor, |cursor| {
            let next = set.scan(cursor, &mut |member| {
                seen += 1;
                if options.matches(&member) {
                    found.push(&member);
                }
            });
            (seen, next)
        });
    }
    scan::reply(cx, next, &found);
    Ok(Outcome::Done)
}
