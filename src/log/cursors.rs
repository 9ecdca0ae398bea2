//! Who still needs which part of the log: one offset per attached peer.
//!
//! Peers are few, so the slowest is found by looking at all. Numbers are never given twice: one that outlived a
//! `reset` is merely unknown.

use super::Offset;

/// Names a peer's place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CursorId(u64);

#[derive(Debug, Default)]
pub(super) struct Cursors {
    attached: Vec<(CursorId, Offset)>,
    numbers_given: u64,
}

impl Cursors {
    pub fn attach(&mut self, offset: Offset) -> CursorId {
        self.numbers_given += 1;
        let cursor = CursorId(self.numbers_given);
        self.attached.push((cursor, offset));
        cursor
    }

    pub fn offset(&self, cursor: CursorId) -> Option<Offset> {
        self.attached.iter().find(|(id, _)| *id == cursor).map(|(_, offset)| *offset)
    }

    /// Moves a cursor on, `end` at most; answers whether it was (one of) the slowest, none if it is unknown.
    pub fn advance(&mut self, cursor: CursorId, bytes: u64, end: Offset) -> Option<bool> {
        let slowest = self.slowest()?;
        let (_, offset) = self.attached.iter_mut().find(|(id, _)| *id == cursor)?;
        let was_slowest = *offset == slowest;
        *offset = offset.plus(bytes).min(end);
        Some(was_slowest)
    }

    pub fn detach(&mut self, cursor: CursorId) {
        self.attached.retain(|(id, _)| *id != cursor);
    }

    pub fn clear(&mut self) {
        self.attached.clear();
    }

    pub fn slowest(&self) -> Option<Offset> {
        self.attached.iter().map(|(_, offset)| *offset).min()
    }

    pub fn len(&self) -> usize {
        self.attached.len()
    }
}
