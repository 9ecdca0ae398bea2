//! A stream on its way in: its entries, its counters, its groups, in the order and form in which a payload has them.

use std::ops::Range;

use super::Strings;

/// ID of a stream entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    pub ms: u64,
    pub seq: u64,
}

impl StreamId {
    pub const MIN: StreamId = StreamId { ms: 0, seq: 0 };
    pub const MAX: StreamId = StreamId { ms: u64::MAX, seq: u64::MAX };

    /// From the 16 bytes, big endian, that radix tree keys and PELs hold.
    pub fn from_bytes(bytes: [u8; 16]) -> StreamId {
        StreamId::from_whole(u128::from_be_bytes(bytes))
    }

    pub fn to_bytes(self) -> [u8; 16] {
        self.whole().to_be_bytes()
    }

    fn whole(self) -> u128 {
        u128::from(self.ms) << 64 | u128::from(self.seq)
    }

    fn from_whole(whole: u128) -> StreamId {
        StreamId { ms: (whole >> 64) as u64, seq: whole as u64 }
    }

    pub fn next(self) -> Option<StreamId> {
        self.whole().checked_add(1).map(StreamId::from_whole)
    }

    pub fn previous(self) -> Option<StreamId> {
        self.whole().checked_sub(1).map(StreamId::from_whole)
    }
}

/// A stream. Entries are in ascending order and their number was checked; deleted ones are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    pub entries: Vec<StreamEntry>,
    /// Names of fields, and values, of all entries.
    pub strings: Strings,
    pub last_id: StreamId,
    /// Missing in payloads from before Redis 7.0.
    pub meta: Option<StreamMeta>,
    pub groups: Vec<Group>,
}

/// What streams count since Redis 7.0; for older payloads it has to be derived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamMeta {
    pub first_id: StreamId,
    pub max_deleted_id: StreamId,
    pub entries_added: u64,
}

/// One entry: as many fields as values, each a range of its stream's `strings`. Entries share the names of fields where
/// the payload does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamEntry {
    pub id: StreamId,
    pub fields: Range<usize>,
    pub values: Range<usize>,
}

impl Stream {
    /// Field and value of an entry of this stream.
    pub fn pairs(&self, entry: &StreamEntry) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
        let (fields, values) = (entry.fields.clone(), entry.values.clone());
        fields.zip(values).map(|(field, value)| (self.strings.at(field), self.strings.at(value)))
    }
}

/// A consumer group. Names of groups and of a group's consumers are distinct.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    pub name: Vec<u8>,
    pub last_id: StreamId,
    /// Entries read so far, if the payload says so and the server knew.
    pub entries_read: Option<u64>,
    /// Pending entries in ascending order.
    pub pending: Vec<Pending>,
    pub consumers: Vec<Consumer>,
}

/// An entry that was delivered and not acknowledged. Exactly one consumer has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    pub id: StreamId,
    /// Unix time in milliseconds.
    pub delivery_time_ms: i64,
    pub delivery_count: u64,
    /// Index into the group's consumers.
    pub consumer: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consumer {
    pub name: Vec<u8>,
    /// Unix time in milliseconds.
    pub seen_time_ms: i64,
    /// When it last got an entry; -1 for never. Older payloads do not know: then as `seen_time_ms`.
    pub active_time_ms: i64,
}
