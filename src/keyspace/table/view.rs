//! What one snapshot has still to read of one table.
//!
//! A view belongs to (snapshot, table), wherever the table goes: SWAPDB moves it along, FLUSH retires it with its
//! table. The walker publishes how far it is; the lock holder reads it to know what it may change in place.

use std::sync::atomic::{AtomicU64, Ordering};

pub struct View {
    pub epoch: u64,
    /// The last hash that the walker has done with; odd unless 0, as ranges end in ones. 0: nothing yet.
    passed: AtomicU64,
}

const ALL: u64 = u64::MAX;

impl View {
    pub fn new(epoch: u64) -> View {
        View { epoch, passed: AtomicU64::new(0) }
    }

    /// Whether the walker may still read what lies at `hash`; for a node, the last hash of its range.
    ///
    /// Acquire: a change in place after a "no" comes after the walker's last read of it, which its Release published.
    #[inline]
    pub fn needs(&self, hash: u64) -> bool {
        hash | 1 > self.passed.load(Ordering::Acquire)
    }

    /// The walker will not read again what lies at `last` or before.
    pub fn pass(&self, last: u64) {
        self.passed.store(last, Ordering::Release);
    }

    /// The walker is done with the table, at its end or because its snapshot was dropped.
    pub fn finish(&self) {
        self.pass(ALL);
    }

    pub fn is_finished(&self) -> bool {
        self.passed.load(Ordering::Acquire) == ALL
    }
}
