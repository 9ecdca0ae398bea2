//! The replication log: every byte that the server propagates, once, at its absolute offset.
//!
//! Backlog and peers share it: the backlog is its last part, a peer is a cursor in it. A block stays while the
//! backlog's size or the slowest cursor wants it, and goes with the last of them. Three watermarks order what may
//! be done with a byte: appended >= written >= durable.
//! A server that nobody ever followed keeps no log and does not count: the log starts *inactive*, as Redis's
//! backlog does. It knows offsets and bytes; histories, requests and sockets are not its concern.

mod blocks;
mod cursors;
mod offset;
#[cfg(test)]
mod tests;

use bytes::Bytes;

use self::blocks::Blocks;
use self::cursors::Cursors;
use crate::time::Millis;

pub use self::cursors::CursorId;
pub use self::offset::Offset;

/// The smallest backlog; what is configured below it is raised to it, as in Redis.
pub const MIN_BACKLOG_BYTES: u64 = 16 * 1024;

/// Blocks given back per call, so that a peer that leaves a gigabyte behind cannot stall the lock's holder: the
/// rest goes with the next appends and ticks.
const RELEASED_BLOCKS_MAX: usize = 1024;

/// Asked for bytes that the log does not hold: let go already, or still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the replication log does not hold offset {0}")]
pub struct NotInLog(pub Offset);

/// Memory of the log in bytes, as the two figures that the rest of the server needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogMemory {
    /// All blocks: what peers and backlog hold together.
    pub total_bytes: u64,
    /// What lies beyond the backlog's size, kept for peers only: eviction does not count it.
    pub uncounted_bytes: u64,
}

#[derive(Debug)]
pub struct Log {
    /// None while inactive.
    blocks: Option<Blocks>,
    /// Where the next history starts counting; of use only while inactive.
    inactive_at: Offset,
    cursors: Cursors,
    backlog_bytes: u64,
    /// Since when, by the ticks seen, no peer is attached.
    idle_since: Option<Millis>,
}

impl Log {
    /// An inactive log at offset 0.
    pub fn new(backlog_bytes: u64) -> Log {
        Log {
            blocks: None,
            inactive_at: Offset::ZERO,
            cursors: Cursors::default(),
            backlog_bytes: backlog_bytes.max(MIN_BACKLOG_BYTES),
            idle_since: None,
        }
    }

    /// Whether bytes are kept (repl_backlog_active).
    pub fn is_active(&self) -> bool {
        self.blocks.is_some()
    }

    /// Starts to keep bytes from the present offset on; no effect on an active log.
    pub fn activate(&mut self) {
        let at = self.appended();
        self.blocks.get_or_insert_with(|| Blocks::starting_at(at));
    }

    /// Starts another history at `offset`: nothing before it is held, all cursors are detached.
    pub fn reset(&mut self, offset: Offset) {
        self.cursors.clear();
        self.idle_since = None;
        self.blocks = Some(Blocks::starting_at(offset));
    }

    /// Back to inactive at the present offset: what was held is gone, all cursors are detached.
    pub fn free(&mut self) {
        self.inactive_at = self.appended();
        self.cursors.clear();
        self.idle_since = None;
        self.blocks = None;
    }

    /// Appends to the stream. An inactive log neither keeps nor counts: nobody could ask for these bytes.
    pub fn append(&mut self, bytes: &[u8]) {
        if let Some(blocks) = &mut self.blocks
            && blocks.append(bytes)
        {
            self.release();
        }
    }

    /// Bytes of stream so far (master_repl_offset).
    pub fn appended(&self) -> Offset {
        self.blocks.as_ref().map_or(self.inactive_at, Blocks::end)
    }

    /// How far write(2) has come. There is no disk half: all that is appended counts as written.
    pub fn written(&self) -> Offset {
        self.appended()
    }

    /// How far fsync has come. There is no disk half: all that is written counts as durable.
    pub fn durable(&self) -> Offset {
        self.written()
    }

    /// Offset before the first byte held (repl_backlog_first_byte_offset is its `next_byte`).
    pub fn first(&self) -> Offset {
        self.blocks.as_ref().map_or(self.inactive_at, Blocks::first)
    }

    /// Bytes held (repl_backlog_histlen).
    pub fn held_bytes(&self) -> u64 {
        self.appended().since(self.first())
    }

    /// Whether the stream can be served from `offset` on: everything behind it is held.
    pub fn holds(&self, offset: Offset) -> bool {
        self.is_active() && self.first() <= offset && offset <= self.appended()
    }

    /// At most `max_bytes` of what follows `from` and may go out to peers, fewer at the end of a block; empty at
    /// the end of the stream.
    pub fn read(&self, from: Offset, max_bytes: usize) -> Result<Bytes, NotInLog> {
        match &self.blocks {
            Some(blocks) if self.holds(from) => {
                let sendable = self.written().since(from).min(max_bytes as u64) as usize;
                Ok(blocks.read(from, sendable))
            }
            _ => Err(NotInLog(from)),
        }
    }

    /// Pins everything behind `offset` for a peer.
    pub fn attach(&mut self, offset: Offset) -> Result<CursorId, NotInLog> {
        if !self.holds(offset) {
            return Err(NotInLog(offset));
        }
        Ok(self.cursors.attach(offset))
    }

    /// Where a cursor stands; none once it is detached (by its owner, `reset` or `free`).
    pub fn position_of(&self, cursor: CursorId) -> Option<Offset> {
        self.cursors.offset(cursor)
    }

    /// The cursor needs `bytes` less. A detached one is left alone.
    pub fn advance(&mut self, cursor: CursorId, bytes: u64) {
        let end = self.appended();
        if let Some(was_slowest) = self.cursors.advance(cursor, bytes, end)
            && was_slowest
        {
            self.release();
        }
    }

    /// The cursor's peer is gone.
    pub fn detach(&mut self, cursor: CursorId) {
        self.cursors.detach(cursor);
        self.release();
    }

    /// Attached cursors.
    pub fn cursors(&self) -> usize {
        self.cursors.len()
    }

    pub fn backlog_bytes(&self) -> u64 {
        self.backlog_bytes
    }

    /// `repl-backlog-size`: takes effect at once, as far as cursors allow.
    pub fn resize(&mut self, backlog_bytes: u64) {
        self.backlog_bytes = backlog_bytes.max(MIN_BACKLOG_BYTES);
        self.release();
    }

    /// To be called now and then: gives back what earlier calls left for later.
    pub fn release(&mut self) {
        let Some(blocks) = &mut self.blocks else { return };
        let backlog_from = Offset(blocks.end().0.saturating_sub(self.backlog_bytes));
        let keep_from = self.cursors.slowest().map_or(backlog_from, |slowest| slowest.min(backlog_from));
        blocks.release(keep_from, RELEASED_BLOCKS_MAX);
    }

    /// `repl-backlog-ttl`: frees the log when no cursor was attached for longer than `ttl_ms`; true if it did, and
    /// then the history needs a new replid, because from here on offsets stand still while data changes. `None`
    /// (a ttl of 0, or a replica, which may be promoted) keeps the log and forgets the time passed.
    pub fn expire(&mut self, now: Millis, ttl_ms: Option<u64>) -> bool {
        let Some(ttl_ms) = ttl_ms.filter(|_| self.is_active() && self.cursors.len() == 0) else {
            self.idle_since = None;
            return false;
        };
        let idle_since = *self.idle_since.get_or_insert(now);
        let expired = now.since(idle_since) > ttl_ms;
        if expired {
            self.free();
        }
        expired
    }

    pub fn memory(&self) -> LogMemory {
        let total_bytes = self.blocks.as_ref().map_or(0, Blocks::memory_bytes) as u64;
        LogMemory { total_bytes, uncounted_bytes: total_bytes.saturating_sub(self.backlog_bytes) }
    }
}
