//! ZREM, ZREMRANGEBYRANK, ZREMRANGEBYSCORE, ZREMRANGEBYLEX: members go.

use std::ops::Range;

use crate::command::{Args, CommandError, Context, Outcome};
use crate::config::EventClasses;
use crate::keyspace::SortedSetRef;

use super::bounds::{LexRange, ScoreRange, ranks};

pub(super) fn zrem(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let key = args.key(1);
    let mut removed = 0;
    if cx.db.write_sorted_set(key)?.is_some() {
        removed = args.rest(2).filter(|member| cx.db.remove_scored(key, member)).count();
    }
    if removed > 0 {
        cx.db.notify(EventClasses::ZSET, "zrem", key);
        cx.db.drop_if_empty(key);
    }
    cx.reply.int(removed as i64);
    Ok(Outcome::Done)
}

pub(super) fn zremrangebyrank(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let (start, stop) = (args.int(2)?, args.int(3)?);
    remove_range(cx, args, "zremrangebyrank", |set| ranks(start, stop, set.len()))
}

pub(super) fn zremrangebyscore(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let range = ScoreRange::parse(args, 2, 3)?;
    remove_range(cx, args, "zremrangebyscore", |set| range.ranks(set))
}

pub(super) fn zremrangebylex(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let range = LexRange::parse(args, 2, 3)?;
    remove_range(cx, args, "zremrangebylex", |set| range.ranks(set))
}

fn remove_range(
    cx: &mut Context<'_>,
    args: &Args<'_>,
    event: &'static str,
    ranks: impl Fn(&SortedSetRef<'_>) -> Range<usize>,
) -> Result<Outcome, CommandError> {
    let key = args.key(1);
    let ranks = cx.db.write_sorted_set(key)?.map_or(0..0, |set| ranks(&set));
    let removed = ranks.len();
    if removed > 0 {
        cx.db.remove_ranks(key, ranks);
        cx.db.notify(EventClasses::ZSET, event, key);
        cx.db.drop_if_empty(key);
    }
    cx.reply.int(removed as i64);
    Ok(Outcome::Done)
}
