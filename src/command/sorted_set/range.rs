//! ZRANGE in all its forms, old and new, and ZRANGESTORE: pairs of a range, by rank, score or member.

use std::ops::Range;

use crate::command::{Args, CommandError, Context, Outcome};
use crate::config::EventClasses;
use crate::keyspace::{Key, NewValue, SortedSet, SortedSetRef, Text};
use crate::resp::{Protocol, Reply};

use super::bounds::{LexRange, ScoreRange, ranks};

const LIMIT_WITH_RANKS: CommandError =
    CommandError::fixed("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
const SCORES_WITH_LEX: CommandError =
    CommandError::fixed("ERR syntax error, WITHSCORES not supported in combination with BYLEX");

#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

/// What a command's name says already.
#[derive(Clone, Copy, Default)]
struct Form {
    by: Option<By>,
    is_reverse: Option<bool>,
    stores: bool,
}

pub(super) fn zrange(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    answer(cx, args, Form::default())
}

pub(super) fn zrevrange(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    answer(cx, args, Form { by: Some(By::Rank), is_reverse: Some(true), stores: false })
}

pub(super) fn zrangebyscore(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    answer(cx, args, Form { by: Some(By::Score), is_reverse: Some(false), stores: false })
}

pub(super) fn zrevrangebyscore(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    answer(cx, args, Form { by: Some(By::Score), is_reverse: Some(true), stores: false })
}

pub(super) fn zrangebylex(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    answer(cx, args, Form { by: Some(By::Lex), is_reverse: Some(false), stores: false })
}

pub(super) fn zrevrangebylex(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    answer(cx, args, Form { by: Some(By::Lex), is_reverse: Some(true), stores: false })
}

fn answer(cx: &mut Context<'_>, args: &Args<'_>, form: Form) -> Result<Outcome, CommandError> {
    let query = Query::parse(args, 1, form)?;
    let with_scores = query.with_scores;
    let Some(set) = cx.db.read_sorted_set(args.key(1))? else {
        cx.reply.array(0);
        return Ok(Outcome::Done);
    };
    let ranks = query.ranks(&set);
    begin_pairs(&mut cx.reply, ranks.len(), with_scores);
    query.for_each(&set, ranks, |member, score| put_pair(&mut cx.reply, &member, score, with_scores));
    Ok(Outcome::Done)
}

/// What the destination held is replaced, whatever it was; an empty result deletes it.
pub(super) fn zrangestore(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let query = Query::parse(args, 2, Form { stores: true, ..Form::default() })?;
    let mut result = SortedSet::default();
    if let Some(set) = cx.db.read_sorted_set(args.key(2))? {
        query.for_each(&set, query.ranks(&set), |member, score| result.push(&member, score));
    }
    store(cx, args.key(1), &result, "zrangestore");
    Ok(Outcome::Done)
}

/// Stores a result and answers its length.
pub(in crate::command) fn store(cx: &mut Context<'_>, destination: Key<'_>, result: &SortedSet, event: &'static str) {
    if result.is_empty() {
        cx.db.remove(destination);
    } else {
        cx.db.write(destination);
        cx.db.set(destination, NewValue::SortedSet(result, &cx.config.collections), None);
        cx.db.notify(EventClasses::ZSET, event, destination);
    }
    cx.reply.int(result.len() as i64);
}

/// Begins an answer of so many members, with their scores or without. Pairs are flat in RESP2.
pub(super) fn begin_pairs(reply: &mut Reply, count: usize, with_scores: bool) {
    let is_flat = with_scores && reply.protocol == Protocol::Resp2;
    reply.array(if is_flat { 2 * count } else { count });
}

#[inline]
pub(super) fn put_pair(reply: &mut Reply, member: &[u8], score: f64, with_scores: bool) {
    if with_scores && reply.protocol == Protocol::Resp3 {
        reply.array(2);
    }
    reply.bulk(member);
    if with_scores {
        reply.float(score);
    }
}

enum Bounds<'a> {
    Ranks(i64, i64),
    Scores(ScoreRange),
    Members(LexRange<'a>),
}

/// Which pairs are wanted.
struct Query<'a> {
    bounds: Bounds<'a>,
    is_reverse: bool,
    /// How many to pass over, and how many to take; if negative: none, and all.
    offset: i64,
    limit: i64,
    with_scores: bool,
}

impl<'a> Query<'a> {
    /// `key from to` from word `key` on, and options.
    fn parse(args: &Args<'a>, key: usize, form: Form) -> Result<Query<'a>, CommandError> {
        let Form { mut by, mut is_reverse, stores } = form;
        let (mut offset, mut limit, mut with_scores) = (0, -1, false);
        let mut index = key + 3;
        while index < args.len() {
            if !stores && args.is(index, "WITHSCORES") {
                with_scores = true;
            } else if args.is(index, "LIMIT") && index + 2 < args.len() {
                (offset, limit) = (args.int(index + 1)?, args.int(index + 2)?);
                index += 2;
            } else if is_reverse.is_none() && args.is(index, "REV") {
                is_reverse = Some(true);
            } else if by.is_none() && args.is(index, "BYLEX") {
                by = Some(By::Lex);
            } else if by.is_none() && args.is(index, "BYSCORE") {
                by = Some(By::Score);
            } else {
                return Err(CommandError::SYNTAX);
            }
            index += 1;
        }
        let (by, is_reverse) = (by.unwrap_or(By::Rank), is_reverse.unwrap_or(false));
        if limit != -1 && by == By::Rank {
            return Err(LIMIT_WITH_RANKS);
        }
        if with_scores && by == By::Lex {
            return Err(SCORES_WITH_LEX);
        }
        let (from, to) = if is_reverse { (key + 2, key + 1) } else { (key + 1, key + 2) };
        let bounds = match by {
            By::Rank => Bounds::Ranks(args.int(key + 1)?, args.int(key + 2)?),
            By::Score => Bounds::Scores(ScoreRange::parse(args, from, to)?),
            By::Lex => Bounds::Members(LexRange::parse(args, from, to)?),
        };
        Ok(Query { bounds, is_reverse, offset, limit, with_scores })
    }

    /// The ranks of the pairs, from the lowest on.
    fn ranks(&self, set: &SortedSetRef<'_>) -> Range<usize> {
        let found = match &self.bounds {
            Bounds::Ranks(start, stop) => {
                let Range { start, end } = ranks(*start, *stop, set.len());
                return if self.is_reverse { set.len() - end..set.len() - start } else { start..end };
            }
            Bounds::Scores(range) => range.ranks(set),
            Bounds::Members(range) => range.ranks(set),
        };
        let passed = usize::try_from(self.offset).unwrap_or(usize::MAX).min(found.len());
        let taken = usize::try_from(self.limit).unwrap_or(usize::MAX).min(found.len() - passed);
        if self.is_reverse {
            let end = found.end - passed;
            end - taken..end
        } else {
            let start = found.start + passed;
            start..start + taken
        }
    }

    fn for_each<'s>(&self, set: &SortedSetRef<'s>, ranks: Range<usize>, mut each: impl FnMut(Text<'s>, f64)) {
        let count = ranks.len();
        if self.is_reverse {
            set.iter_before(ranks.end).take(count).for_each(|(member, score)| each(member, score));
        } else {
            set.iter_from(ranks.start).take(count).for_each(|(member, score)| each(member, score));
        }
    }
}
