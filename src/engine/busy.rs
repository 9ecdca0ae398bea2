//! Busy: code that runs inside has run past `busy-reply-threshold`, under the lock, and the server answers all the same.
//!
//! The running code calls `tick` now and then. Past the threshold `tick` publishes Busy, so that connections find it
//! without the lock (`try_lock`) and answer from here, and lets others run by the hand-off that the shell gave.
//! Time is frozen for the running code: no expiry, no eviction, no unit of the stream happens meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::time::Millis;

/// What the shell does when the running code should let others run; the simulator does nothing.
pub type BusyHook = Arc<dyn Fn() + Send + Sync>;

/// What connections may look at without the lock.
#[derive(Debug, Default)]
pub struct BusyFlag {
    is_published: AtomicBool,
    is_killed: AtomicBool,
}

impl BusyFlag {
    pub fn is_published(&self) -> bool {
        self.is_published.load(Ordering::Acquire)
    }

    /// Stops the running code at its next tick; false if nothing is busy.
    pub fn kill(&self) -> bool {
        let is_published = self.is_published();
        if is_published {
            self.is_killed.store(true, Ordering::Release);
        }
        is_published
    }
}

/// What `tick` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tick {
    GoOn,
    Stop,
}

/// One run of code inside the server.
pub struct Busy {
    flag: Arc<BusyFlag>,
    started_at: Millis,
    threshold_ms: u64,
    hand_off: BusyHook,
}

impl Busy {
    pub fn new(flag: Arc<BusyFlag>, started_at: Millis, threshold_ms: u64, hand_off: BusyHook) -> Busy {
        Busy { flag, started_at, threshold_ms, hand_off }
    }

    /// To be called every few thousand steps with the monotonic time.
    pub fn tick(&self, mono: Millis) -> Tick {
        if self.threshold_ms == 0 || mono.since(self.started_at) < self.threshold_ms {
            return Tick::GoOn;
        }
        self.flag.is_published.store(true, Ordering::Release);
        (self.hand_off)();
        if self.flag.is_killed.load(Ordering::Acquire) { Tick::Stop } else { Tick::GoOn }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.flag.is_published.store(false, Ordering::Release);
        self.flag.is_killed.store(false, Ordering::Release);
    }
}
