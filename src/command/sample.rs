//! Distinct elements at random, for SPOP, SRANDMEMBER and HRANDFIELD.

use std::collections::HashSet;

use rand::RngExt;
use rand::rngs::SmallRng;

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
