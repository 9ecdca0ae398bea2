//! How far a history has come: the number of stream bytes so far.
//!
//! Redis's wire names the *next* byte wanted instead (PSYNC, +1 in several INFO fields). The step between the two
//! is taken by `next_byte` and `before_byte`, here and nowhere else.

use std::fmt;

/// Number of bytes that a replication stream has had at some point; 0 before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub u64);

impl Offset {
    pub const ZERO: Offset = Offset(0);

    /// The offset after `bytes` more.
    pub fn plus(self, bytes: u64) -> Offset {
        Offset(self.0.saturating_add(bytes))
    }

    /// Bytes between `earlier` and this, 0 if it lies ahead.
    pub fn since(self, earlier: Offset) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The number of the first byte that is not yet had, counted from 1: what PSYNC asks for.
    pub fn next_byte(self) -> u64 {
        self.0.saturating_add(1)
    }

    /// The offset of someone who asks for byte `number`; none for 0 and below, which ask for no stream at all.
    pub fn before_byte(number: i64) -> Option<Offset> {
        u64::try_from(number).ok()?.checked_sub(1).map(Offset)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
