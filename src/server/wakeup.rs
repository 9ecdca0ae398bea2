//! Calls a connection's task from wherever the engine runs: one flag, and the task's own waker, kept for its life.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Wake, Waker};

/// A flag that wakes one task.
pub struct Wakeup {
    is_set: AtomicBool,
    task: Waker,
}

impl Wakeup {
    /// Of the task that awaits this. A spawned task's waker is the same at every poll, so it is registered once.
    pub async fn of_this_task() -> Arc<Wakeup> {
        poll_fn(|cx| Poll::Ready(Arc::new(Wakeup { is_set: AtomicBool::new(false), task: cx.waker().clone() }))).await
    }

    /// Whether somebody called since the last look.
    pub fn take(&self) -> bool {
        self.is_set.load(Ordering::Relaxed) && self.is_set.swap(false, Ordering::AcqRel)
    }
}

impl Wake for Wakeup {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_set.swap(true, Ordering::AcqRel) {
            self.task.wake_by_ref();
        }
    }
}
