//! The one place that asks what time it is.

use std::sync::{LazyLock, OnceLock};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::time::{Millis, Now};

/// The processor's counter, once it is known how fast it counts.
struct Counter {
    clock: quanta::Clock,
    start: u64,
    /// Where the system's clock stood at `start`.
    start_ns: u64,
}

static COUNTER: OnceLock<Counter> = OnceLock::new();

fn elapsed_ns() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_nanos() as u64
}

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
        match COUNTER.get() {
            Some(counter) => counter.start_ns + counter.clock.delta_as_nanos(counter.start, counter.clock.raw()),
            None => elapsed_ns(),
        }
    }

    /// From soon on ticks are read from the processor's counter, a third of the system clock's cost. To learn how fast
    /// it counts takes a moment, so a thread does.
    pub fn learn_ticks() {
        let learn = || {
            let clock = quanta::Clock::new();
            COUNTER.get_or_init(|| Counter { start_ns: elapsed_ns(), start: clock.raw(), clock });
        };
        // Without that thread the system's clock goes on to be read.
        let _ = std::thread::Builder::new().name("ticks".to_owned()).spawn(learn);
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
