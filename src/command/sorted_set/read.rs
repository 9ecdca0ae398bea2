//! ZCARD, ZSCORE, ZRANK, ZCOUNT, ZSCAN and whatever else only looks at one set and answers no range.

use crate::command::scan::{self, ScanOptions};
use crate::command::{Args, CommandError, Context, Outcome};
use crate::keyspace::{Encoding, Strings};
use crate::resp::DoubleText;

use super::bounds::{LexRange, ScoreRange};

/// Beyond, printing with 17 digits needs an exponent, but what Redis keeps in a listpack is an integer.
const LISTPACK_INTEGER_MAX: f64 = (1u64 << 62) as f64;

pub(super) fn zcard(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let len = cx.db.read_sorted_set(args.key(1))?.map_or(0, |set| set.len());
    cx.reply.int(len as i64);
    Ok(Outcome::Done)
}

pub(super) fn zscore(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    match cx.db.read_sorted_set(args.key(1))?.and_then(|set| set.score(args.at(2))) {
        Some(score) => cx.reply.float(score),
        None => cx.reply.null(),
    }
    Ok(Outcome::Done)
}

pub(super) fn zmscore(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let set = cx.db.read_sorted_set(args.key(1))?;
    cx.reply.array(args.len() - 2);
    for member in args.rest(2) {
        match set.and_then(|set| set.score(member)) {
            Some(score) => cx.reply.float(score),
            None => cx.reply.null(),
        }
    }
    Ok(Outcome::Done)
}

pub(super) fn zrank(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    rank(cx, args, |rank, _| rank)
}

pub(super) fn zrevrank(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    rank(cx, args, |rank, len| len - 1 - rank)
}

fn rank(
    cx: &mut Context<'_>,
    args: &Args<'_>,
    counted: impl Fn(usize, usize) -> usize,
) -> Result<Outcome, CommandError> {
    if args.len() > 4 {
        return Err(CommandError::wrong_arity(cx.command_name()));
    }
    let with_score = args.len() == 4;
    if with_score && !args.is(3, "WITHSCORE") {
        return Err(CommandError::SYNTAX);
    }
    let set = cx.db.read_sorted_set(args.key(1))?;
    match set.and_then(|set| set.rank(args.at(2)).map(|(rank, score)| (counted(rank, set.len()), score))) {
        Some((rank, score)) if with_score => {
            cx.reply.array(2);
            cx.reply.int(rank as i64);
            cx.reply.float(score);
        }
        Some((rank, _)) => cx.reply.int(rank as i64),
        None if with_score => cx.reply.null_array(),
        None => cx.reply.null(),
    }
    Ok(Outcome::Done)
}

pub(super) fn zcount(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let range = ScoreRange::parse(args, 2, 3)?;
    let count = cx.db.read_sorted_set(args.key(1))?.map_or(0, |set| range.ranks(&set).len());
    cx.reply.int(count as i64);
    Ok(Outcome::Done)
}

pub(super) fn zlexcount(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let range = LexRange::parse(args, 2, 3)?;
    let count = cx.db.read_sorted_set(args.key(1))?.map_or(0, |set| range.ranks(&set).len());
    cx.reply.int(count as i64);
    Ok(Outcome::Done)
}

/// A compact set's scores are shown as its listpack holds them.
pub(super) fn zscan(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let cursor = scan::cursor(args, 2)?;
    let mut found = Strings::default();
    let mut next = 0;
    if let Some(set) = cx.db.read_sorted_set(args.key(1))? {
        let options = ScanOptions::parse(args, scan::AFTER_KEY_AND_CURSOR)?;
        let is_compact = set.encoding() == Encoding::Listpack;
        let mut seen = 0;
        next = scan::steps(options.count, cursor, |cursor| {
            let next = set.scan(cursor, &mut |member, score| {
                seen += 1;
                if options.matches(&member) {
                    found.push(&member);
                    if is_compact && score.abs() <= LISTPACK_INTEGER_MAX && score.trunc() == score {
                        found.push(itoa::Buffer::new().format(score as i64).as_bytes());
                    } else {
                        found.push(&DoubleText::new(score));
                    }
                }
            });
            (seen, next)
        });
    }
    scan::reply(cx, next, &found);
    Ok(Outcome::Done)
}
