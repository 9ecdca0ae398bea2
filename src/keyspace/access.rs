//! What a key remembers of its use: 24 bits, which mean what the eviction policy in force makes of them.
//!
//! LRU: the clock of the last access, Unix time in seconds, which wraps around after 194 days. LFU: the minute of the
//! last access (16 bits) and a logarithmic counter (8 bits) that decays with time, as Redis's documents on eviction
//! define them. A policy that is switched at run time finds the other one's bits, until keys are used again.

/// The bits of either clock.
pub const ACCESS_BITS: u32 = 0xff_ffff;

/// Counter of a key that was never used since it was made: high enough to live until it had a chance.
pub const LFU_START: u8 = 5;

/// How LFU counts: its directives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frequency {
    /// Minutes without use after which the counter is one less (`lfu-decay-time`); 0 for never.
    pub decay_min: u32,
    /// How many accesses a step of the counter takes (`lfu-log-factor`).
    pub log_factor: u32,
}

/// How the accesses of one request are noted.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    /// The bits of a new key.
    fresh: u32,
    rule: Rule,
}

#[derive(Clone, Copy, Debug)]
enum Rule {
    /// The clock of the last access.
    Clock,
    /// The counter; request and key together decide by chance whether it is raised.
    Count { frequency: Frequency, seed: u64 },
    /// Lookups leave no trace (CLIENT NO-TOUCH).
    None { keeps: bool },
}

impl Access {
    /// Notes when keys are used.
    pub fn lru(unix_s: i64) -> Access {
        Access { fresh: lru_clock(unix_s), rule: Rule::Clock }
    }

    /// Counts how often keys are used; `seed`, another one for each request, decides which accesses count.
    pub fn lfu(unix_s: i64, frequency: Frequency, seed: u64) -> Access {
        let fresh = u32::from(lfu_clock(unix_s)) << 8 | u32::from(LFU_START);
        Access { fresh, rule: Rule::Count { frequency, seed } }
    }

    /// The same for somebody whose lookups leave no trace; new keys get the bits of new keys.
    pub fn without_trace(self) -> Access {
        let keeps = !matches!(self.rule, Rule::Clock);
        Access { rule: Rule::None { keeps }, ..self }
    }

    /// The bits of a key of this hash that is looked up now; `None` if they stay.
    #[inline]
    pub fn used(&self, hash: u64, bits: impl FnOnce() -> u32) -> Option<u32> {
        match &self.rule {
            Rule::Clock => Some(self.fresh),
            Rule::None { .. } => None,
            Rule::Count { frequency, seed } => Some(self.counted(frequency, seed ^ hash, bits())),
        }
    }

    /// The bits of a key that is given a value, whose old ones are `old`: a count outlives the value.
    #[inline]
    pub fn stored(&self, old: Option<u32>) -> u32 {
        match (self.rule, old) {
            (Rule::Count { .. } | Rule::None { keeps: true }, Some(old)) => old,
            _ => self.fresh,
        }
    }

    /// As `stored`, where the key was not looked up before: so this is its access.
    #[inline]
    pub fn stored_unseen(&self, hash: u64, old: Option<u32>) -> u32 {
        match (&self.rule, old) {
            (Rule::Count { frequency, seed }, Some(old)) => self.counted(frequency, seed ^ hash, old),
            _ => self.stored(old),
        }
    }

    #[cold]
    fn counted(&self, frequency: &Frequency, seed: u64, bits: u32) -> u32 {
        let clock_min = (self.fresh >> 8) as u16;
        let counter = raised(decayed(bits, clock_min, frequency.decay_min), frequency.log_factor, chance(seed));
        u32::from(clock_min) << 8 | u32::from(counter)
    }
}

/// The LRU clock at a Unix time.
pub fn lru_clock(unix_s: i64) -> u32 {
    unix_s as u32 & ACCESS_BITS
}

/// The clock of LFU decay at a Unix time, in minutes; wraps around after 45 days.
pub fn lfu_clock(unix_s: i64) -> u16 {
    (unix_s / 60) as u16
}

/// Seconds since the last access, by LRU bits.
pub fn idle_s(bits: u32, clock_s: u32) -> u32 {
    clock_s.wrapping_sub(bits) & ACCESS_BITS
}

/// Minutes since the last access, by LFU bits.
pub fn idle_min(bits: u32, clock_min: u16) -> u16 {
    clock_min.wrapping_sub((bits >> 8) as u16)
}

/// The counter in LFU bits, less what it lost since the last access.
pub fn decayed(bits: u32, clock_min: u16, decay_min: u32) -> u8 {
    let periods = u32::from(idle_min(bits, clock_min)).checked_div(decay_min).unwrap_or(0);
    (bits & 0xff).saturating_sub(periods) as u8
}

/// The counter after an access: one more if `chance`, from 0 to below 1, lies below
/// 1 / ((counter - start) * factor + 1).
pub fn raised(counter: u8, log_factor: u32, chance: f64) -> u8 {
    let above_start = f64::from(counter.saturating_sub(LFU_START));
    let counts = chance < 1.0 / (above_start * f64::from(log_factor) + 1.0);
    counter.saturating_add(u8::from(counts))
}

/// A number from 0 to below 1 that looks random, by the mixing step of SplitMix64 (Steele, Lea, Flood: Fast splittable
/// pseudorandom number generators).
fn chance(seed: u64) -> f64 {
    let mut bits = seed;
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: Frequency = Frequency { decay_min: 1, log_factor: 10 };

    fn bits(minute: u16, counter: u8) -> u32 {
        u32::from(minute) << 8 | u32::from(counter)
    }

    #[test]
    fn counters_decay_by_one_each_period_and_never_below_zero() {
        let table = [
            (bits(100, 7), 100, 1, 7),
            (bits(100, 7), 101, 1, 6),
            (bits(100, 7), 106, 3, 5),
            (bits(100, 7), 200, 1, 0),
            (bits(100, 7), 200, 0, 7),
            // The clock has wrapped around.
            (bits(65_535, 7), 1, 1, 5),
        ];
        for (bits, clock_min, decay_min, expected) in table {
            assert_eq!(decayed(bits, clock_min, decay_min), expected, "{bits:#x} at {clock_min}, {decay_min}");
        }
    }

    #[test]
    fn a_step_takes_as_many_accesses_as_the_documents_say() {
        // P = 1 / ((counter - 5) * factor + 1)
        assert_eq!(raised(5, 10, 0.999), 6);
        assert_eq!((raised(6, 10, 0.09), raised(6, 10, 0.0911)), (7, 6));
        assert_eq!((raised(105, 10, 0.000_998), raised(105, 10, 0.001)), (106, 105));
        assert_eq!(raised(200, 0, 0.999), 201);
        assert_eq!(raised(255, 0, 0.0), 255);
        assert_eq!(raised(0, 10, 0.999), 1);
    }

    /// Redis's documents have a table of counters after so many hits: factor 10 gives about 10 after 100 hits, 18 after
    /// 1,000, 142 after 100,000 and 255 after a million; factor 1 gives 18, 49 and 255.
    #[test]
    fn hits_raise_the_counter_as_in_the_documents_table() {
        let table = [(10, 100, 10), (10, 1_000, 18), (10, 100_000, 142), (10, 1_000_000, 255), (1, 1_000, 49)];
        for (log_factor, hits, expected) in table {
            let access = |seed| Access::lfu(0, Frequency { decay_min: 1, log_factor }, seed);
            let mut bits = access(0).stored(None);
            for request in 0..hits {
                bits = access(request << 32).used(42, || bits).unwrap();
            }
            let off_by = (f64::from(bits & 0xff) - f64::from(expected)).abs();
            assert!(off_by <= f64::from(expected) * 0.15 + 1.0, "factor {log_factor}, {hits} hits: {}", bits & 0xff);
        }
    }

    #[test]
    fn a_count_outlives_its_value_and_a_clock_does_not() {
        let lfu = Access::lfu(600, DEFAULT, 1);
        assert_eq!(lfu.stored(None), bits(10, LFU_START));
        assert_eq!(lfu.stored(Some(bits(10, 9))), bits(10, 9));
        assert_eq!(lfu.stored_unseen(1, Some(bits(10, LFU_START))), bits(10, LFU_START + 1));
        let lru = Access::lru(600);
        assert_eq!((lru.stored(Some(7)), lru.stored_unseen(1, Some(7)), lru.used(1, || 7)), (600, 600, Some(600)));
    }

    #[test]
    fn who_leaves_no_trace_moves_no_clock_and_no_count() {
        let lru = Access::lru(600).without_trace();
        assert_eq!((lru.used(1, || 7), lru.stored(Some(7)), lru.stored(None)), (None, 600, 600));
        let lfu = Access::lfu(600, DEFAULT, 1).without_trace();
        assert_eq!((lfu.used(1, || 7), lfu.stored_unseen(1, Some(7))), (None, 7));
    }
}
