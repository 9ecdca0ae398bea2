//! Points on the server's monotonic clock, in milliseconds since its start.
//!
//! The core never asks what time it is: a point in time is an argument of every call that needs one. The shell
//! makes them of its own clock, the simulator makes them up. Unix time, which keys expire by, is another thing.

use std::time::Duration;

/// A point on the monotonic clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub u64);

impl Millis {
    /// The point `ms` later.
    pub fn plus(self, ms: u64) -> Millis {
        Millis(self.0.saturating_add(ms))
    }

    /// Milliseconds passed since `earlier`, 0 if it lies ahead.
    pub fn since(self, earlier: Millis) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Whole seconds passed since `earlier`, as INFO shows them.
    pub fn seconds_since(self, earlier: Millis) -> u64 {
        self.since(earlier) / 1000
    }
}

/// The moment of one turn of the engine: what every request of the turn sees as "now".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Monotonic, for timeouts and ages.
    pub mono: Millis,
    /// Unix time in microseconds, for expiries and TIME.
    pub unix_us: i64,
}

impl Now {
    pub fn unix_ms(&self) -> i64 {
        self.unix_us / 1000
    }

    pub fn unix_s(&self) -> i64 {
        self.unix_us / 1_000_000
    }

    /// The moment so much later.
    pub fn after(self, passed: Duration) -> Now {
        Now { mono: self.mono.plus(passed.as_millis() as u64), unix_us: self.unix_us + passed.as_micros() as i64 }
    }
}
