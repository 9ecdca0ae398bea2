//! `client-output-buffer-limit replica`: how far behind a peer may fall before it is cut off.
//!
//! A limit below the backlog's size would cut off peers that a partial resync brings back at once, with the same
//! bytes; so the backlog's size is the least limit there is. A peer's buffer is its distance to the log's end.

use crate::time::Millis;

/// The directive: 0 bytes means no limit of that kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimit {
    pub hard_bytes: u64,
    pub soft_bytes: u64,
    /// How long the soft limit may be passed without a break.
    pub soft_ms: u64,
}

/// Since when one peer has been over the soft limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OverLimit {
    since: Option<Millis>,
}

impl OverLimit {
    /// Whether a peer that is `behind_bytes` behind must be cut off now.
    pub fn is_reached(&mut self, now: Millis, behind_bytes: u64, limit: OutputLimit, backlog_bytes: u64) -> bool {
        let passes = |bytes: u64| bytes > 0 && behind_bytes >= bytes.max(backlog_bytes);
        if passes(limit.hard_bytes) {
            return true;
        }
        if !passes(limit.soft_bytes) {
            self.since = None;
            return false;
        }
        now.since(*self.since.get_or_insert(now)) > limit.soft_ms
    }

    /// When a peer that is over the soft limit, and stays so, is to be cut off.
    pub fn ends_at(&self, limit: OutputLimit) -> Option<Millis> {
        self.since.map(|since| since.plus(limit.soft_ms + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: OutputLimit = OutputLimit { hard_bytes: 1_000, soft_bytes: 500, soft_ms: 60_000 };

    #[test]
    fn the_hard_limit_acts_at_once_the_soft_one_after_its_time_without_a_break() {
        let mut over = OverLimit::default();
        assert!(over.is_reached(Millis(0), 1_000, LIMIT, 0));
        assert!(!over.is_reached(Millis(0), 999, LIMIT, 0));
        assert!(!over.is_reached(Millis(60_000), 500, LIMIT, 0));
        assert!(!over.is_reached(Millis(60_001), 499, LIMIT, 0));
        assert!(!over.is_reached(Millis(61_000), 500, LIMIT, 0));
        assert!(over.is_reached(Millis(121_001), 500, LIMIT, 0));
    }

    #[test]
    fn no_limit_lies_below_the_backlog_and_zero_is_none() {
        let mut over = OverLimit::default();
        assert!(!over.is_reached(Millis(0), 4_999, LIMIT, 5_000));
        assert!(over.is_reached(Millis(0), 5_000, LIMIT, 5_000));
        let unlimited = OutputLimit { hard_bytes: 0, soft_bytes: 0, soft_ms: 0 };
        assert!(!over.is_reached(Millis(0), u64::MAX, unlimited, 5_000));
    }
}
