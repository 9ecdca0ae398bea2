//! ZADD, ZINCRBY: members come and get scores.

use crate::command::{Args, CommandError, Context, Outcome};
use crate::config::EventClasses;
use crate::keyspace::Key;
use crate::resp::parse_f64;

const NX_AND_XX: CommandError = CommandError::fixed("ERR XX and NX options at the same time are not compatible");
const GT_LT_NX: CommandError = CommandError::fixed("ERR GT, LT, and/or NX options at the same time are not compatible");
const ONE_INCREMENT: CommandError = CommandError::fixed("ERR INCR option supports a single increment-element pair");
const NOT_A_NUMBER: CommandError = CommandError::fixed("ERR resulting score is not a number (NaN)");

/// Under which conditions a member gets a score, and what is answered.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::command) struct Options {
    pub only_new: bool,
    pub only_present: bool,
    only_greater: bool,
    only_less: bool,
    pub counts_changed: bool,
    is_increment: bool,
}

impl Options {
    /// The options, and the first word behind them.
    fn parse(args: &Args<'_>) -> Result<(Options, usize), CommandError> {
        let mut options = Options::default();
        let mut first = 2;
        loop {
            match () {
                _ if args.is(first, "NX") => options.only_new = true,
                _ if args.is(first, "XX") => options.only_present = true,
                _ if args.is(first, "GT") => options.only_greater = true,
                _ if args.is(first, "LT") => options.only_less = true,
                _ if args.is(first, "CH") => options.counts_changed = true,
                _ if args.is(first, "INCR") => options.is_increment = true,
                _ => break,
            }
            first += 1;
        }
        let words = args.len().saturating_sub(first);
        if words == 0 || !words.is_multiple_of(2) {
            return Err(CommandError::SYNTAX);
        }
        options.check()?;
        if options.is_increment && words > 2 {
            return Err(ONE_INCREMENT);
        }
        Ok((options, first))
    }

    pub fn check(&self) -> Result<(), CommandError> {
        if self.only_new && self.only_present {
            return Err(NX_AND_XX);
        }
        let conditions = [self.only_new, self.only_greater, self.only_less];
        if conditions.iter().filter(|is_set| **is_set).count() > 1 { Err(GT_LT_NX) } else { Ok(()) }
    }

    /// What a member's score becomes, if the conditions are met.
    fn next(&self, old: Option<f64>, given: f64) -> Option<f64> {
        let Some(old) = old else { return (!self.only_present).then_some(given) };
        if self.only_new {
            return None;
        }
        let score = if self.is_increment { old + given } else { given };
        let is_excluded = self.only_greater && score <= old || self.only_less && score >= old;
        (!is_excluded).then_some(score)
    }
}

/// What came of it.
#[derive(Default)]
pub(in crate::command) struct Done {
    added: usize,
    changed: usize,
    /// Of the last member, if the conditions were met.
    score: Option<f64>,
}

impl Done {
    /// What ZADD counts.
    pub fn count(&self, options: &Options) -> i64 {
        (self.added + if options.counts_changed { self.changed } else { 0 }) as i64
    }
}

pub(super) fn zadd(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let (options, first) = Options::parse(args)?;
    let score = |index| parse_f64(args.at(index)).ok_or(CommandError::NOT_A_FLOAT);
    let first_score = score(first)?;
    for index in (first + 2..args.len()).step_by(2) {
        score(index)?;
    }
    let pairs = (first..args.len()).step_by(2).map(|index| {
        let score = if index == first { Some(first_score) } else { parse_f64(args.at(index)) };
        (args.at(index + 1), score.unwrap_or_default())
    });
    let done = add(cx, args.key(1), &options, pairs)?;
    match done.score {
        Some(score) if options.is_increment => cx.reply.float(score),
        None if options.is_increment => cx.reply.null(),
        _ => cx.reply.int(done.count(&options)),
    }
    Ok(Outcome::Done)
}

pub(super) fn zincrby(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let increment = parse_f64(args.at(2)).ok_or(CommandError::NOT_A_FLOAT)?;
    let options = Options { is_increment: true, ..Options::default() };
    let done = add(cx, args.key(1), &options, [(args.at(3), increment)])?;
    cx.reply.float(done.score.unwrap_or_default());
    Ok(Outcome::Done)
}

/// Gives members their scores, where the conditions are met.
pub(in crate::command) fn add<'m>(
    cx: &mut Context<'_>,
    key: Key<'_>,
    options: &Options,
    pairs: impl IntoIterator<Item = (&'m [u8], f64)>,
) -> Result<Done, CommandError> {
    let mut done = Done::default();
    if cx.db.write_sorted_set(key)?.is_none() && options.only_present {
        return Ok(done);
    }
    for (member, given) in pairs {
        done.score = None;
        let (old, _) = cx.db.update_score(key, member, &cx.config.collections, |old| {
            done.score = options.next(old, given);
            done.score.filter(|score| !score.is_nan())
        });
        match (old, done.score) {
            (_, Some(score)) if score.is_nan() => return Err(NOT_A_NUMBER),
            (None, Some(_)) => done.added += 1,
            (Some(old), Some(score)) if old != score => done.changed += 1,
            _ => {}
        }
    }
    if done.added + done.changed > 0 {
        cx.db.notify(EventClasses::ZSET, if options.is_increment { "zincr" } else { "zadd" }, key);
    }
    Ok(done)
}
