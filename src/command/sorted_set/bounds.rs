//! Ranges of scores and of members, as requests state them.

use std::ops::Range;

use crate::command::{Args, CommandError};
use crate::keyspace::SortedSetRef;
use crate::resp::parse_f64_leniently;

const NOT_SCORES: CommandError = CommandError::fixed("ERR min or max is not a float");
const NOT_MEMBERS: CommandError = CommandError::fixed("ERR min or max not valid string range item");

/// One end of a range of scores.
#[derive(Clone, Copy, Debug)]
struct ScoreBound {
    score: f64,
    is_excluded: bool,
}

impl ScoreBound {
    fn parse(text: &[u8]) -> Option<ScoreBound> {
        let (text, is_excluded) = match text.strip_prefix(b"(") {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        Some(ScoreBound { score: parse_f64_leniently(text)?, is_excluded })
    }
}

/// Scores between two bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScoreRange {
    min: ScoreBound,
    max: ScoreBound,
}

impl ScoreRange {
    pub fn parse(args: &Args<'_>, min: usize, max: usize) -> Result<ScoreRange, CommandError> {
        let bounds = (ScoreBound::parse(args.at(min)), ScoreBound::parse(args.at(max)));
        let (Some(min), Some(max)) = bounds else { return Err(NOT_SCORES) };
        Ok(ScoreRange { min, max })
    }

    pub fn ranks(&self, set: &SortedSetRef<'_>) -> Range<usize> {
        let ScoreRange { min, max } = *self;
        let is_below = |score| if min.is_excluded { score <= min.score } else { score < min.score };
        let is_within = |score| if max.is_excluded { score < max.score } else { score <= max.score };
        // An open end needs no search.
        let from_first = min.score == f64::NEG_INFINITY && !min.is_excluded;
        let to_last = max.score == f64::INFINITY && !max.is_excluded;
        match (from_first, to_last) {
            (true, true) => 0..set.len(),
            (false, true) => set.count_scores(is_below)..set.len(),
            (true, false) => 0..set.count_scores(is_within),
            (false, false) => set.ranks_of_scores(is_below, is_within),
        }
    }
}

/// One end of a range of members.
#[derive(Clone, Copy, Debug)]
enum LexBound<'a> {
    Lowest,
    Highest,
    Included(&'a [u8]),
    Excluded(&'a [u8]),
}

impl<'a> LexBound<'a> {
    fn parse(text: &'a [u8]) -> Option<LexBound<'a>> {
        match text {
            b"-" => Some(LexBound::Lowest),
            b"+" => Some(LexBound::Highest),
            [b'[', rest @ ..] => Some(LexBound::Included(rest)),
            [b'(', rest @ ..] => Some(LexBound::Excluded(rest)),
            _ => None,
        }
    }

    /// Whether a member is too small for a range that begins here.
    fn is_above(self, member: &[u8]) -> bool {
        match self {
            LexBound::Lowest => false,
            LexBound::Highest => true,
            LexBound::Included(bound) => member < bound,
            LexBound::Excluded(bound) => member <= bound,
        }
    }

    /// Whether a member is not too large for a range that ends here.
    fn is_beyond(self, member: &[u8]) -> bool {
        match self {
            LexBound::Lowest => false,
            LexBound::Highest => true,
            LexBound::Included(bound) => member <= bound,
            LexBound::Excluded(bound) => member < bound,
        }
    }
}

/// Members between two bounds, where all scores are equal.
#[derive(Clone, Copy, Debug)]
pub(super) struct LexRange<'a> {
    min: LexBound<'a>,
    max: LexBound<'a>,
}

impl<'a> LexRange<'a> {
    pub fn parse(args: &Args<'a>, min: usize, max: usize) -> Result<LexRange<'a>, CommandError> {
        let bounds = (LexBound::parse(args.at(min)), LexBound::parse(args.at(max)));
        let (Some(min), Some(max)) = bounds else { return Err(NOT_MEMBERS) };
        Ok(LexRange { min, max })
    }

    pub fn ranks(&self, set: &SortedSetRef<'_>) -> Range<usize> {
        let from = set.count_members(|member| self.min.is_above(member));
        let to = set.count_members(|member| self.max.is_beyond(member));
        from..to.max(from)
    }
}

/// `start..=stop`, of which negative ones count from the end, as ranks of a set of this length.
pub(super) fn ranks(start: i64, stop: i64, len: usize) -> Range<usize> {
    let absolute = |rank: i64| if rank < 0 { rank.saturating_add(len as i64) } else { rank };
    let from = absolute(start).max(0);
    let to = absolute(stop).saturating_add(1).min(len as i64);
    if from < to { from as usize..to as usize } else { 0..0 }
}
