//! Distinct elements at random, for SPOP, SRANDMEMBER, HRANDFIELD and ZRANDMEMBER.

use std::collections::HashSet;

use rand::RngExt;
use rand::rngs::SmallRng;

use super::{Args, CommandError};

/// Collections up to here are listed whole: there is no faster way to their middle.
const LISTED: usize = 512;

/// `count` elements out of `len` without a repetition. `random` draws one, `all` lists them; what `name` says of an
/// element tells it from others.
pub(super) fn distinct<E>(
    rng: &mut SmallRng,
    (count, len): (usize, usize),
    all: impl FnOnce() -> Vec<E>,
    random: impl Fn(&mut SmallRng) -> Option<E>,
    name: impl Fn(&E) -> Vec<u8>,
) -> Vec<E> {
    // Drawing is slow where most is drawn already.
    if len <= LISTED || count.saturating_mul(3) >= len {
        let mut all = all();
        if count < len {
            (0..count).for_each(|index| all.swap(index, rng.random_range(index..len)));
            all.truncate(count);
        }
        return all;
    }
    let mut names = HashSet::new();
    let mut drawn = Vec::with_capacity(count);
    while drawn.len() < count {
        let Some(element) = random(rng) else { break };
        if names.insert(name(&element)) {
            drawn.push(element);
        }
    }
    drawn
}

/// `[count [WITHVALUES]]`, or whatever the second word is, from word 2 on.
#[derive(Clone, Copy)]
pub(super) struct Options {
    /// Negative: repetitions are allowed.
    pub count: i64,
    pub with_values: bool,
}

impl Options {
    pub fn parse(args: &Args<'_>, word: &str) -> Result<Option<Options>, CommandError> {
        if args.len() < 3 {
            return Ok(None);
        }
        let count = args.int(2)?;
        if count == i64::MIN {
            return Err(CommandError::out_of_range(-i64::MAX, i64::MAX));
        }
        let with_values = args.is(3, word);
        if args.len() > 4 || args.len() == 4 && !with_values {
            return Err(CommandError::SYNTAX);
        }
        if with_values && count.unsigned_abs() > i64::MAX as u64 / 2 {
            return Err(CommandError::OUT_OF_RANGE);
        }
        Ok(Some(Options { count, with_values }))
    }
}
