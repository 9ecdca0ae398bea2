//! `repl-ping-replica-period`: when a master appends a PING to its stream so that replicas see it alive.
//!
//! The PING is part of the stream and moves the offset; a replica never adds one to its master's.

use crate::time::Millis;

#[derive(Debug)]
pub struct Heartbeat {
    last_at: Millis,
}

impl Heartbeat {
    pub fn new(now: Millis) -> Heartbeat {
        Heartbeat { last_at: now }
    }

    pub fn next_at(&self, period_ms: u64) -> Millis {
        self.last_at.plus(period_ms)
    }

    /// True once per period.
    pub fn is_due(&mut self, now: Millis, period_ms: u64) -> bool {
        let due = self.next_at(period_ms) <= now;
        if due {
            self.last_at = now;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beats_once_per_period_and_never_in_bursts() {
        let mut heartbeat = Heartbeat::new(Millis(500));
        assert!(!heartbeat.is_due(Millis(1_499), 1_000));
        assert!(heartbeat.is_due(Millis(1_500), 1_000));
        assert!(!heartbeat.is_due(Millis(1_501), 1_000));
        assert!(heartbeat.is_due(Millis(60_000), 1_000));
        assert!(!heartbeat.is_due(Millis(60_001), 1_000));
    }
}
