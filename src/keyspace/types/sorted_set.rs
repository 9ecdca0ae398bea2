//! Sorted sets: packed pairs in their order while small, an index and a tree when large.
//!
//! A packed pair is a member and its score: an integer where the score is one, else the 8 bytes of the double.

use std::ops::Range;
use std::ptr::NonNull;

use rand::{Rng, RngExt};

use super::big_sorted_set::{BigScored, BigScoredBack, BigSortedSet, score_of};
use super::edit::{Patch, Small, stays_packed, with_count};
use super::packed::{Kept, Packed, Text, pack, put, put_bytes, put_integer};
use crate::config::CollectionLimits;
use crate::keyspace::birth::{Born, Cradle};
use crate::keyspace::blob::{BlobRef, Kind};
use crate::keyspace::link::Link;
use crate::keyspace::strings::in_order;
use crate::keyspace::table::RecordRef;
use crate::keyspace::value::Outer;
use crate::keyspace::{Db, Encoding, Key, SortedSet};

/// Scores that are integers up to here are kept as such.
const INTEGER_MAX: f64 = (1u64 << 62) as f64;

/// A sorted set read in place.
#[derive(Clone, Copy)]
pub struct SortedSetRef<'a> {
    form: Form<'a>,
}

#[derive(Clone, Copy)]
enum Form<'a> {
    Small(Small<'a>),
    Big(&'a BigSortedSet),
}

/// Members with their scores, in order.
#[derive(Clone)]
pub enum Scored<'a> {
    Small(Pairs<'a>),
    Big(BigScored<'a>),
}

/// Members with their scores, the last one first.
#[derive(Clone)]
pub enum ScoredBack<'a> {
    Small(std::iter::Rev<std::vec::IntoIter<(Text<'a>, f64)>>),
    Big(BigScoredBack<'a>),
}

impl<'a> Iterator for Scored<'a> {
    type Item = (Text<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<(Text<'a>, f64)> {
        match self {
            Scored::Small(pairs) => pairs.next(),
            Scored::Big(items) => items.next().map(|(member, score)| (Text::Lent(member), score)),
        }
    }
}

impl<'a> Iterator for ScoredBack<'a> {
    type Item = (Text<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<(Text<'a>, f64)> {
        match self {
            ScoredBack::Small(pairs) => pairs.next(),
            ScoredBack::Big(items) => items.next().map(|(member, score)| (Text::Lent(member), score)),
        }
    }
}

/// Packed pairs.
#[derive(Clone, Copy)]
pub struct Pairs<'a>(Packed<'a>);

impl<'a> Iterator for Pairs<'a> {
    type Item = (Text<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<(Text<'a>, f64)> {
        self.take_first().map(|(member, score)| (Text::from(member), score))
    }
}

impl<'a> Pairs<'a> {
    /// The next pair, its member as it is kept.
    #[inline]
    fn take_first(&mut self) -> Option<(Kept<'a>, f64)> {
        let member = self.0.take_first()?;
        let score = match self.0.take_first()? {
            Kept::Integer(number) => number as f64,
            Kept::String(bytes) => f64::from_le_bytes(bytes.try_into().expect("a score has 8 bytes")),
        };
        Some((member, score))
    }

    /// Passes over the pairs for which `is_before` is true; answers how many.
    fn pass_while(&mut self, is_before: impl Fn(f64, Kept<'a>) -> bool) -> usize {
        let (mut rest, mut count) = (*self, 0);
        while let Some((member, score)) = rest.take_first()
            && is_before(score, member)
        {
            *self = rest;
            count += 1;
        }
        count
    }
}

/// Packs a pair. Redis's compact form has no negative zero; what counts as large keeps it.
fn put_pair(packed: &mut Vec<u8>, member: &[u8], score: f64, raw: bool) {
    put(packed, member);
    let is_integer = score.abs() <= INTEGER_MAX && score.trunc() == score;
    if is_integer && !(raw && score == 0.0 && score.is_sign_negative()) {
        put_integer(packed, score as i64);
    } else {
        put_bytes(packed, &score.to_le_bytes());
    }
}

impl<'a> SortedSetRef<'a> {
    pub(in crate::keyspace) fn of(blob: BlobRef<'a>) -> SortedSetRef<'a> {
        let form = match Outer::of(blob) {
            Some(Outer::SortedSet(set)) => Form::Big(set.get()),
            _ => Form::Small(Small::of(blob)),
        };
        SortedSetRef { form }
    }

    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        match self.form {
            Form::Small(small) => small.len,
            Form::Big(set) => set.len(),
        }
    }

    pub fn encoding(&self) -> Encoding {
        match self.form {
            Form::Small(Small { raw: false, .. }) => Encoding::Listpack,
            _ => Encoding::Skiplist,
        }
    }

    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match self.form {
            Form::Small(small) => {
                let at = small.packed.find(&pack([member]), 2)?;
                Pairs(Packed::new(&small.packed.bytes()[at..])).next().map(|(_, score)| score)
            }
            Form::Big(set) => set.score(member),
        }
    }

    /// How many come before a member, and its score.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        match self.form {
            Form::Small(small) => {
                let mut pairs = Pairs(small.packed).enumerate();
                pairs.find(|(_, (other, _))| **other == *member).map(|(rank, (_, score))| (rank, score))
            }
            Form::Big(set) => set.score(member).map(|score| (set.rank(score, member), score)),
        }
    }

    /// How many come before the first whose score `is_before` is false for.
    pub fn count_scores(&self, is_before: impl Fn(f64) -> bool) -> usize {
        match self.form {
            Form::Small(small) => Pairs(small.packed).pass_while(|score, _| is_before(score)),
            Form::Big(set) => set.count_before(|item| is_before(item.score)),
        }
    }

    /// The ranks of those whose scores are not before a range, but before its end.
    pub fn ranks_of_scores(
        &self,
        is_before: impl Fn(f64) -> bool,
        is_before_end: impl Fn(f64) -> bool,
    ) -> Range<usize> {
        let (from, to) = match self.form {
            Form::Small(small) => {
                let mut pairs = Pairs(small.packed);
                let from = pairs.pass_while(|score, _| is_before(score));
                (from, from + pairs.pass_while(|score, _| is_before_end(score)))
            }
            Form::Big(_) => (self.count_scores(is_before), self.count_scores(is_before_end)),
        };
        from..to.max(from)
    }

    /// How many come before the first that `is_before` is false for, where all scores are equal.
    pub fn count_members(&self, is_before: impl Fn(&[u8]) -> bool) -> usize {
        match self.form {
            Form::Small(small) => Pairs(small.packed).pass_while(|_, member| is_before(&Text::from(member))),
            Form::Big(set) => set.count_before(|item| is_before(item.member())),
        }
    }

    /// All pairs in order.
    pub fn iter(&self) -> Scored<'a> {
        self.iter_from(0)
    }

    /// Pairs from this rank on.
    pub fn iter_from(&self, rank: usize) -> Scored<'a> {
        match self.form {
            Form::Small(Small { mut packed, len, .. }) => {
                packed.pass(2 * rank.min(len));
                Scored::Small(Pairs(packed))
            }
            Form::Big(set) => Scored::Big(set.iter_from(rank)),
        }
    }

    /// Pairs before this rank, the last one first.
    pub fn iter_before(&self, rank: usize) -> ScoredBack<'a> {
        match self.form {
            Form::Small(small) => {
                let before: Vec<_> = Pairs(small.packed).take(rank).collect();
                ScoredBack::Small(before.into_iter().rev())
            }
            Form::Big(set) => ScoredBack::Big(set.iter_before(rank)),
        }
    }

    /// One step of ZSCAN; a small set is one step.
    pub fn scan(&self, cursor: u64, each: &mut dyn FnMut(Text<'a>, f64)) -> u64 {
        match self.form {
            Form::Small(small) => {
                Pairs(small.packed).for_each(|(member, score)| each(member, score));
                0
            }
            Form::Big(set) => set.index.table.scan(cursor, &mut |blob| each(Text::Lent(blob.key()), score_of(blob))),
        }
    }

    /// A pair at random, each with the same chance.
    pub fn random(&self, rng: &mut dyn Rng) -> Option<(Text<'a>, f64)> {
        let len = self.len();
        if len == 0 { None } else { self.iter_from(rng.random_range(0..len)).next() }
    }

    /// The root of a copy in large form.
    pub(in crate::keyspace) fn boxed_copy(&self, cradle: Cradle<'_>) -> NonNull<u8> {
        Link::new(self.copy(cradle)).address()
    }

    fn copy(&self, cradle: Cradle<'_>) -> BigSortedSet {
        let mut copy = BigSortedSet::new(cradle.epochs, cradle.hasher);
        for (member, score) in self.iter() {
            copy.push(cradle.epochs, &member, score);
        }
        copy
    }
}

/// A sorted set as it is born.
pub fn packed_sorted_set(cradle: Cradle<'_>, set: &SortedSet, limits: &CollectionLimits) -> Born {
    let pairs = set.in_order();
    let is_long = |member: &[u8]| member.len() > limits.sorted_set_value_bytes;
    let raw = pairs.len() > limits.sorted_set_entries || set.members.iter().any(is_long);
    let bytes = set.members.size_bytes() + pairs.len() * size_of::<f64>();
    if stays_packed(raw, pairs.len(), bytes) {
        let mut packed = Vec::new();
        pairs.iter().for_each(|(member, score)| put_pair(&mut packed, member, *score, raw));
        return Born::Inline { kind: Kind::SortedSet, packed: with_count(pairs.len(), &packed), raw };
    }
    let mut big = BigSortedSet::new(cradle.epochs, cradle.hasher);
    pairs.iter().for_each(|(member, score)| big.push(cradle.epochs, member, *score));
    Born::Boxed { kind: Kind::SortedSet, value: Link::new(big).address() }
}

/// Where a member lies among packed pairs, and its score.
fn find(small: Small<'_>, member: &[u8]) -> Option<(Range<usize>, f64)> {
    let at = small.packed.find(&pack([member]), 2)?;
    let mut pairs = Pairs(Packed::new(&small.packed.bytes()[at..]));
    let (_, score) = pairs.next()?;
    Some((at..small.bytes() - pairs.0.bytes().len(), score))
}

impl Db {
    /// Gives a member the score that `new` makes of the present one, if it makes one. The key must hold a sorted set.
    /// Answers the score before and now.
    pub fn sorted_set_update(
        &mut self,
        key: Key<'_>,
        member: &[u8],
        limits: &CollectionLimits,
        new: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> (Option<f64>, Option<f64>) {
        let (blob, spot) = self.table.locate(key).expect("a sorted set to change");
        if let Some(Outer::SortedSet(set)) = Outer::of(blob) {
            let old = set.score(member);
            let Some(score) = new(old) else { return (old, old) };
            if old != Some(score) {
                self.change_root(key, spot, set, |set, epochs| set.put(epochs, member, score));
            }
            return (old, Some(score));
        }
        let small = Small::of(blob);
        let found = find(small, member);
        let old = found.as_ref().map(|(_, score)| *score);
        let Some(score) = new(old) else { return (old, old) };
        if old == Some(score) {
            return (old, old);
        }
        let is_long = member.len() > limits.sorted_set_value_bytes;
        let len = small.len + usize::from(old.is_none());
        let raw = small.raw || old.is_none() && (is_long || len > limits.sorted_set_entries);
        let patch = patch(small, found, (member, score), raw);
        if stays_packed(raw, len, small.bytes() + patch.1.len() - patch.0.len()) {
            let (range, bytes) = patch;
            self.patch(key, spot, Patch { kind: Kind::SortedSet, raw, len, range, bytes: &bytes });
        } else {
            let mut big = SortedSetRef::of(blob).copy(self.cradle());
            big.put(&self.epochs, member, score);
            self.outgrow(key, spot, Kind::SortedSet, big);
        }
        (old, Some(score))
    }

    /// Takes a member out of a sorted set, which stays even if nothing is left of it. False if it was not there.
    pub fn sorted_set_remove(&mut self, key: Key<'_>, member: &[u8]) -> bool {
        let (blob, spot) = self.table.locate(key).expect("a sorted set to change");
        if let Some(Outer::SortedSet(set)) = Outer::of(blob) {
            let is_member = set.score(member).is_some();
            return is_member && self.change_root(key, spot, set, |set, epochs| set.remove(epochs, member));
        }
        let small = Small::of(blob);
        let Some((range, _)) = find(small, member) else { return false };
        let (raw, len) = (small.raw, small.len - 1);
        self.patch(key, spot, Patch { kind: Kind::SortedSet, raw, len, range, bytes: &[] });
        true
    }

    /// Takes the members of these ranks out of a sorted set, which stays even if nothing is left of it.
    pub fn sorted_set_remove_ranks(&mut self, key: Key<'_>, ranks: Range<usize>) {
        let (blob, spot) = self.table.locate(key).expect("a sorted set to change");
        if let Some(Outer::SortedSet(set)) = Outer::of(blob) {
            return self.change_root(key, spot, set, |set, epochs| set.remove_ranks(epochs, ranks));
        }
        let small = Small::of(blob);
        let mut rest = small.packed;
        let from = rest.pass(2 * ranks.start);
        let range = from..from + rest.pass(2 * ranks.len());
        let (raw, len) = (small.raw, small.len - ranks.len());
        self.patch(key, spot, Patch { kind: Kind::SortedSet, raw, len, range, bytes: &[] });
    }
}

/// The bytes to put in the place of which so that a pair, which lies at `old` if it is there, comes to its place.
fn patch(small: Small<'_>, old: Option<(Range<usize>, f64)>, pair: (&[u8], f64), raw: bool) -> (Range<usize>, Vec<u8>) {
    let all = small.packed.bytes();
    let mut bytes = Vec::new();
    // Whoever gets a higher score comes to stand behind those that were before it.
    let passed = old.as_ref().filter(|(_, score)| *score < pair.1).map_or(0, |(range, _)| range.end);
    let mut rest = Pairs(Packed::new(&all[passed..]));
    rest.pass_while(|score, member| {
        score < pair.1 || score == pair.1 && in_order((&Text::from(member), score), pair).is_lt()
    });
    let at = all.len() - rest.0.bytes().len();
    match old {
        // What lies between both places moves by one.
        Some((old, _)) if at >= old.end => {
            bytes.extend_from_slice(&all[old.end..at]);
            put_pair(&mut bytes, pair.0, pair.1, raw);
            (old.start..at, bytes)
        }
        Some((old, _)) => {
            put_pair(&mut bytes, pair.0, pair.1, raw);
            bytes.extend_from_slice(&all[at..old.start]);
            (at..old.end, bytes)
        }
        None => {
            put_pair(&mut bytes, pair.0, pair.1, raw);
            (at..at, bytes)
        }
    }
}
