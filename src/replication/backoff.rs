//! When to dial a master again: at once after a link that worked, then about each second, slower when it goes on.
//!
//! The jitter is seeded: replicas that lost one master together do not come back together, and a simulation
//! repeats itself.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Redis tries once a second; so do we while the trouble may be short.
const FIRST_DELAY_MS: u64 = 1_000;
const LONGEST_DELAY_MS: u64 = 8_000;
const PATIENT_FAILURES: u32 = 8;

#[derive(Debug)]
pub(super) struct Backoff {
    failures: u32,
    rng: StdRng,
}

impl Backoff {
    pub fn new(seed: u64) -> Backoff {
        Backoff { failures: 0, rng: StdRng::seed_from_u64(seed) }
    }

    /// The link works: its next loss is a first one.
    pub fn succeed(&mut self) {
        self.failures = 0;
    }

    /// Counts a failure and answers how long to wait, in milliseconds.
    pub fn fail(&mut self) -> u64 {
        let doublings = self.failures.saturating_sub(PATIENT_FAILURES).min(8);
        self.failures = self.failures.saturating_add(1);
        let delay_ms = (FIRST_DELAY_MS << doublings).min(LONGEST_DELAY_MS);
        // Up to a tenth off: never later than Redis would.
        delay_ms - self.rng.random_range(0..=delay_ms / 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_each_second_then_slower_up_to_a_bound_and_anew_after_success() {
        let mut backoff = Backoff::new(3);
        let delays: Vec<u64> = (0..20).map(|_| backoff.fail()).collect();
        assert!(delays[..9].iter().all(|delay| (900..=1_000).contains(delay)), "{delays:?}");
        assert!(delays[12..].iter().all(|delay| (7_200..=8_000).contains(delay)), "{delays:?}");
        backoff.succeed();
        assert!(backoff.fail() <= 1_000);
    }

    #[test]
    fn seeds_differ_and_repeat() {
        let delays = |seed| {
            let mut backoff = Backoff::new(seed);
            (0..8).map(|_| backoff.fail()).collect::<Vec<_>>()
        };
        assert_eq!(delays(1), delays(1));
        assert_ne!(delays(1), delays(2));
    }
}
