//! ZUNION, ZINTER, ZDIFF, answered, stored or counted. Plain sets take part, with scores of 1.

use std::collections::HashMap;
use std::ops::Range;

use crate::command::collections::at_least;
use crate::command::{Args, CommandError, Context, Database, Outcome};
use crate::keyspace::{SetRef, SortedSet, SortedSetRef, Text, Value};
use crate::resp::parse_f64;

use super::range::{begin_pairs, put_pair, store};

const BAD_WEIGHT: CommandError = CommandError::fixed("ERR weight value is not a float");
const BAD_LIMIT: CommandError = CommandError::fixed("ERR LIMIT can't be negative");

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

pub(super) fn zunion(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    answer(cx, args, Operation::Union)
}

pub(super) fn zinter(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    answer(cx, args, Operation::Intersection)
}

pub(super) fn zdiff(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    answer(cx, args, Operation::Difference)
}

pub(super) fn zunionstore(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let (result, _) = combine(cx, args, 2, Operation::Union, Purpose::Store)?;
    store(cx, args.key(1), &result, "zunionstore");
    Ok(Outcome::Done)
}

pub(super) fn zinterstore(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let (result, _) = combine(cx, args, 2, Operation::Intersection, Purpose::Store)?;
    store(cx, args.key(1), &result, "zinterstore");
    Ok(Outcome::Done)
}

pub(super) fn zdiffstore(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let (result, _) = combine(cx, args, 2, Operation::Difference, Purpose::Store)?;
    store(cx, args.key(1), &result, "zdiffstore");
    Ok(Outcome::Done)
}

pub(super) fn zintercard(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let (result, _) = combine(cx, args, 1, Operation::Intersection, Purpose::Count)?;
    cx.reply.int(result.len() as i64);
    Ok(Outcome::Done)
}

fn answer(cx: &mut Context<'_>, args: &Args<'_>, operation: Operation) -> Result<Outcome, CommandError> {
    let (result, with_scores) = combine(cx, args, 1, operation, Purpose::Answer)?;
    begin_pairs(&mut cx.reply, result.len(), with_scores);
    for (member, score) in result.in_order() {
        put_pair(&mut cx.reply, member, score, with_scores);
    }
    Ok(Outcome::Done)
}

/// What becomes of the result.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Answer,
    Store,
    Count,
}

/// `numkeys key ... options` from word `first` on: the result, and whether scores are wanted with it.
fn combine(
    cx: &mut Context<'_>,
    args: &Args<'_>,
    first: usize,
    operation: Operation,
    purpose: Purpose,
) -> Result<(SortedSet, bool), CommandError> {
    let keys = args.int(first)?;
    if keys < 1 {
        let name = cx.command_name();
        return Err(CommandError::new(format!("ERR at least 1 input key is needed for '{name}' command")));
    }
    if keys > (args.len() - first - 1) as i64 {
        return Err(CommandError::SYNTAX);
    }
    let words = first + 1..first + 1 + keys as usize;
    let options_at = words.end;
    let sources = sources(&mut cx.db, args, words)?;
    let options = Options::parse(args, options_at, sources.len(), operation, purpose)?;
    let mut weighted: Vec<Weighted<'_>> = sources.into_iter().zip(options.weights).collect();
    let result = match operation {
        Operation::Union => union(&mut weighted, options.aggregate),
        Operation::Intersection => intersection(&mut weighted, options.aggregate, options.limit),
        Operation::Difference => difference(&weighted),
    };
    Ok((result, options.with_scores))
}

struct Options {
    weights: Vec<f64>,
    aggregate: Aggregate,
    with_scores: bool,
    limit: usize,
}

impl Options {
    fn parse(
        args: &Args<'_>,
        first: usize,
        keys: usize,
        operation: Operation,
        purpose: Purpose,
    ) -> Result<Options, CommandError> {
        let (mut with_scores, mut limit) = (false, usize::MAX);
        let (mut weights, mut aggregate) = (vec![1.0; keys], Aggregate::Sum);
        let mixes = operation != Operation::Difference && purpose != Purpose::Count;
        let mut index = first;
        while index < args.len() {
            let left = args.len() - index - 1;
            if mixes && left >= keys && args.is(index, "WEIGHTS") {
                for (at, weight) in weights.iter_mut().enumerate() {
                    *weight = parse_f64(args.at(index + 1 + at)).ok_or(BAD_WEIGHT)?;
                }
                index += keys;
            } else if mixes && left >= 1 && args.is(index, "AGGREGATE") {
                aggregate = Aggregate::parse(args, index + 1)?;
                index += 1;
            } else if purpose == Purpose::Answer && args.is(index, "WITHSCORES") {
                with_scores = true;
            } else if purpose == Purpose::Count && left >= 1 && args.is(index, "LIMIT") {
                let given = at_least(args, index + 1, 0, BAD_LIMIT)? as usize;
                limit = if given == 0 { usize::MAX } else { given };
                index += 1;
            } else {
                return Err(CommandError::SYNTAX);
            }
            index += 1;
        }
        Ok(Options { weights, aggregate, with_scores, limit })
    }
}

/// What becomes of the scores that a member has in several sets.
#[derive(Clone, Copy)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn parse(args: &Args<'_>, index: usize) -> Result<Aggregate, CommandError> {
        match () {
            _ if args.is(index, "SUM") => Ok(Aggregate::Sum),
            _ if args.is(index, "MIN") => Ok(Aggregate::Min),
            _ if args.is(index, "MAX") => Ok(Aggregate::Max),
            _ => Err(CommandError::SYNTAX),
        }
    }

    fn of(self, a: f64, b: f64) -> f64 {
        match self {
            Aggregate::Sum => zero_for_nan(a + b),
            Aggregate::Min if b < a => b,
            Aggregate::Max if b > a => b,
            Aggregate::Min | Aggregate::Max => a,
        }
    }
}

/// Opposite infinities give zero.
fn zero_for_nan(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

#[derive(Clone, Copy)]
enum Source<'a> {
    Missing,
    Sorted(SortedSetRef<'a>),
    Plain(SetRef<'a>),
}

type Weighted<'a> = (Source<'a>, f64);

impl<'a> Source<'a> {
    fn len(&self) -> usize {
        match self {
            Source::Missing => 0,
            Source::Sorted(set) => set.len(),
            Source::Plain(set) => set.len(),
        }
    }

    fn score(&self, member: &[u8]) -> Option<f64> {
        match self {
            Source::Missing => None,
            Source::Sorted(set) => set.score(member),
            Source::Plain(set) => set.contains(member).then_some(1.0),
        }
    }

    fn iter(&self) -> impl Iterator<Item = (Text<'a>, f64)> + use<'a> {
        let (sorted, plain) = match self {
            Source::Missing => (None, None),
            Source::Sorted(set) => (Some(set.iter()), None),
            Source::Plain(set) => (None, Some(set.iter())),
        };
        let plain = plain.into_iter().flatten().map(|member| (member, 1.0));
        sorted.into_iter().flatten().chain(plain)
    }
}

/// The sets of these keys; all of them are looked up before any is used.
fn sources<'d>(
    db: &'d mut Database<'_>,
    args: &Args<'_>,
    words: Range<usize>,
) -> Result<Vec<Source<'d>>, CommandError> {
    let mut present = Vec::with_capacity(words.len());
    for index in words {
        let key = args.key(index);
        let found = db.read(key).map(|entry| matches!(entry.value(), Value::Set(_) | Value::SortedSet(_)));
        match found {
            Some(false) => return Err(CommandError::WRONG_TYPE),
            Some(true) => present.push(Some(key)),
            None => present.push(None),
        }
    }
    let keys = db.keyspace.db(db.index);
    let found = present.into_iter().map(|key| match key.and_then(|key| keys.get(key)).map(|entry| entry.value()) {
        Some(Value::Set(set)) => Source::Plain(set),
        Some(Value::SortedSet(set)) => Source::Sorted(set),
        _ => Source::Missing,
    });
    Ok(found.collect())
}

/// From the smallest set on: sums of floats depend on their order.
fn union(sources: &mut [Weighted<'_>], aggregate: Aggregate) -> SortedSet {
    sources.sort_by_key(|(source, _)| source.len());
    let mut result = SortedSet::default();
    let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
    for (source, weight) in sources.iter() {
        for (member, score) in source.iter() {
            let score = zero_for_nan(weight * score);
            match places.get(&member[..]) {
                Some(place) => result.scores[*place] = aggregate.of(result.scores[*place], score),
                None => {
                    places.insert(member.to_vec(), result.len());
                    result.push(&member, score);
                }
            }
        }
    }
    result
}

/// As Redis has it, only the first product counts as zero where it is none; of the others, the sum.
fn intersection(sources: &mut [Weighted<'_>], aggregate: Aggregate, limit: usize) -> SortedSet {
    sources.sort_by_key(|(source, _)| source.len());
    let mut result = SortedSet::default();
    let Some(((smallest, weight), others)) = sources.split_first() else { return result };
    for (member, score) in smallest.iter() {
        let sum = others.iter().try_fold(zero_for_nan(weight * score), |sum, (other, weight)| {
            other.score(&member).map(|score| aggregate.of(sum, weight * score))
        });
        if let Some(sum) = sum {
            result.push(&member, sum);
            if result.len() >= limit {
                break;
            }
        }
    }
    result
}

fn difference(sources: &[Weighted<'_>]) -> SortedSet {
    let mut result = SortedSet::default();
    let Some(((first, _), others)) = sources.split_first() else { return result };
    for (member, score) in first.iter() {
        if others.iter().all(|(other, _)| other.score(&member).is_none()) {
            result.push(&member, score);
        }
    }
    result
}
