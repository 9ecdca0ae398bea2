//! The one place that asks what time it is.

use std::sync::LazyLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::time::{Millis, Now};

/// Monotonic time since the start, and Unix time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    pub fn start() -> Clock {
        Clock { start: Instant::now() }
    }

    /// Nanoseconds of a clock that only goes forward, for measuring what happens within a turn.
    pub fn ticks_ns() -> u64 {
        static COUNTER: LazyLock<(quanta::Clock, u64)> = LazyLock::new(|| {
            let clock = quanta::Clock::new();
            let start = clock.raw();
            (clock, start)
        });
        let (clock, start) = &*COUNTER;
        clock.delta_as_nanos(*start, clock.raw())
    }

    pub fn now(&self) -> Now {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { mono: Millis(self.start.elapsed().as_millis() as u64), unix_us: unix.as_micros() as i64 }
    }

    /// The point of tokio's clock that `at` names.
    pub fn instant(&self, at: Millis) -> tokio::time::Instant {
        (self.start + std::time::Duration::from_millis(at.0.min(u32::MAX.into()))).into()
    }
}
