//! Writes streams as Redis 7.0 does: a radix tree's nodes, each a listpack, then counters and groups.

use std::io::{self, Write};

use crate::keyspace::{EntryRef, GroupRef, StreamId, StreamRef};

use super::compact::listpack::Builder;
use super::format::put_length;
use super::writer::Writer;

const SAME_FIELDS: i64 = 2;
/// Stands for a count that was lost.
const UNKNOWN: u64 = u64::MAX;

impl<W: Write> Writer<W> {
    /// Type `STREAM_LISTPACKS_2`.
    pub(super) fn stream(&mut self, stream: &StreamRef<'_>) -> io::Result<()> {
        put_length(&mut self.buffer, stream.chunks() as u64);
        for entries in stream.by_chunk() {
            let listpack = node(&entries);
            self.bytes(&entries[0].id.to_bytes())?;
            self.pieces(|| std::iter::once(&listpack[..]), listpack.len())?;
        }
        put_length(&mut self.buffer, stream.len());
        self.id(stream.last_id());
        self.id(stream.first_id());
        self.id(stream.max_deleted_id());
        put_length(&mut self.buffer, stream.entries_added());
        put_length(&mut self.buffer, stream.groups_len() as u64);
        stream.groups().try_for_each(|group| self.group(&group))
    }

    fn id(&mut self, id: StreamId) {
        put_length(&mut self.buffer, id.ms);
        put_length(&mut self.buffer, id.seq);
    }

    fn group(&mut self, group: &GroupRef<'_>) -> io::Result<()> {
        self.bytes(group.name())?;
        self.id(group.last_id());
        put_length(&mut self.buffer, group.entries_read().unwrap_or(UNKNOWN));
        put_length(&mut self.buffer, group.pending_len());
        for delivery in group.pending_from(StreamId::MIN) {
            self.raw(&delivery.id.to_bytes())?;
            self.raw(&delivery.time_ms.to_le_bytes())?;
            put_length(&mut self.buffer, delivery.count);
        }
        put_length(&mut self.buffer, group.consumers_len() as u64);
        for consumer in group.consumers() {
            self.bytes(consumer.name())?;
            self.raw(&consumer.seen_ms().to_le_bytes())?;
            put_length(&mut self.buffer, consumer.pending_len());
            consumer.pending_from(StreamId::MIN).try_for_each(|id| self.raw(&id.to_bytes()))?;
        }
        Ok(())
    }
}

/// A node of these entries: its master entry has the fields of the first one, its ID counts for all.
fn node(entries: &[EntryRef<'_>]) -> Vec<u8> {
    let mut builder = Builder::new();
    let first = &entries[0];
    builder.push_integer(entries.len() as i64);
    builder.push_integer(0);
    builder.push_integer(first.len() as i64);
    first.pairs().for_each(|(field, _)| builder.push(&field));
    builder.push_integer(0);
    for entry in entries {
        let is_same = entry.has_fields_of(first);
        builder.push_integer(if is_same { SAME_FIELDS } else { 0 });
        builder.push_integer(entry.id.ms.wrapping_sub(first.id.ms) as i64);
        builder.push_integer(entry.id.seq.wrapping_sub(first.id.seq) as i64);
        if is_same {
            entry.pairs().for_each(|(_, value)| builder.push(&value));
            builder.push_integer(3 + entry.len() as i64);
        } else {
            builder.push_integer(entry.len() as i64);
            entry.pairs().for_each(|(field, value)| {
                builder.push(&field);
                builder.push(&value);
            });
            builder.push_integer(4 + 2 * entry.len() as i64);
        }
    }
    builder.finish()
}
