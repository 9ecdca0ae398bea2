//! How far a group has read, where that can be known: entries are not numbered, so once some are deleted in between, or
//! an ID was set, counting has to wait until the group reaches a place whose number is known.

use crate::keyspace::StreamId;

use super::{GroupRef, StreamRef};

/// What a stream counts.
#[derive(Clone, Copy)]
pub struct StreamCounters {
    len: u64,
    first_id: StreamId,
    last_id: StreamId,
    max_deleted_id: StreamId,
    entries_added: u64,
}

impl StreamCounters {
    pub fn of(stream: &StreamRef<'_>) -> StreamCounters {
        StreamCounters {
            len: stream.len(),
            first_id: stream.first_id(),
            last_id: stream.last_id(),
            max_deleted_id: stream.max_deleted_id(),
            entries_added: stream.entries_added(),
        }
    }

    /// Whether an entry from an ID on was deleted, as far as one knows.
    fn has_gap_from(&self, id: StreamId) -> bool {
        let is_behind = self.max_deleted_id == StreamId::MIN || self.max_deleted_id < self.first_id;
        self.len > 0 && !is_behind && id <= self.max_deleted_id
    }

    /// Entries that ever were up to an ID.
    pub fn number_of(&self, id: StreamId) -> Option<u64> {
        let has_no_gap = self.max_deleted_id == StreamId::MIN || self.max_deleted_id < self.first_id;
        match () {
            _ if self.entries_added == 0 => Some(0),
            _ if self.len == 0 && id <= self.last_id || id == self.last_id => Some(self.entries_added),
            _ if id > self.last_id || !has_no_gap => None,
            _ if id < self.first_id => Some(self.entries_added.wrapping_sub(self.len)),
            _ if id == self.first_id => Some(self.entries_added.wrapping_sub(self.len) + 1),
            _ => None,
        }
    }

    /// The group's count after this entry was read.
    pub fn after(&self, entries_read: Option<u64>, id: StreamId) -> Option<u64> {
        match entries_read {
            Some(read) if !self.has_gap_from(id) => Some(read + 1),
            read if self.entries_added == 0 => read,
            _ => self.number_of(id),
        }
    }

    /// Entries that the group has still to read.
    pub fn lag(&self, group: &GroupRef<'_>) -> Option<i64> {
        let read = match group.entries_read() {
            _ if self.entries_added == 0 => return Some(0),
            Some(read) if !self.has_gap_from(group.last_id()) => Some(read),
            _ => self.number_of(group.last_id()),
        };
        read.map(|read| self.entries_added.wrapping_sub(read) as i64)
    }
}
