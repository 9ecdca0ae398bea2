//! What a consumer is given, and how that enters the stream.

use crate::command::{Context, Database};
use crate::keyspace::{Delivery, Key, StreamCounters, StreamId};

use super::group::note_new_consumer;
use super::range::{answer, answer_all, answer_gone};
use super::{id, peek};

/// A consumer that reads.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub group: &'a [u8],
    pub consumer: &'a [u8],
    /// What is read does not become pending.
    pub no_ack: bool,
}

/// Makes the consumer if it is new; it has been seen now. Answers its number.
pub(super) fn meet(cx: &mut Context<'_>, key: Key<'_>, group: &[u8], consumer: &[u8]) -> (u64, bool) {
    let (limits, now_ms) = (cx.config.collections, cx.now.unix_ms());
    let met = cx.db.change_stream(key, &limits, |stream| {
        stream.change_group(group, |group| {
            let met = group.add_consumer(consumer, now_ms);
            group.see(consumer, now_ms, false);
            met
        })
    });
    let (number, is_new) = met.unwrap_or_default();
    if is_new {
        note_new_consumer(cx, key);
    }
    (number, is_new)
}

/// Answers entries behind an ID and hands them to the consumer.
pub(super) fn deliver_new(cx: &mut Context<'_>, key: Key<'_>, reader: &Reader<'_>, after: StreamId, most: usize) {
    let (consumer, is_new) = meet(cx, key, reader.group, reader.consumer);
    if is_new && reader.no_ack {
        propagate_consumer(&mut cx.db, key, reader);
    }
    let Some((stream, from)) = peek(&mut cx.db, key).zip(after.next()) else { return cx.reply.array(0) };
    let entries = stream.range(from, StreamId::MAX).take(most);
    let ids: Vec<StreamId> = entries.clone().map(|entry| entry.id).collect();
    answer_all(&mut cx.reply, entries);
    let counters = StreamCounters::of(&stream);
    let mut entries_read = stream.group(reader.group).and_then(|group| group.entries_read());
    for id in &ids {
        entries_read = counters.after(entries_read, *id);
    }
    let Some(last_id) = ids.last().copied() else { return };
    let (limits, time_ms) = (cx.config.collections, cx.now.unix_ms());
    cx.db.change_stream(key, &limits, |stream| {
        stream.change_group(reader.group, |group| {
            group.set_position(last_id, entries_read);
            group.see(reader.consumer, time_ms, true);
            if !reader.no_ack {
                ids.iter().for_each(|id| group.deliver(Delivery { id: *id, time_ms, count: 1, consumer }));
            }
        })
    });
    cx.db.effects.changes += 1;
    if reader.no_ack {
        return propagate_position(&mut cx.db, key, reader.group, last_id, entries_read);
    }
    for id in ids {
        let delivery = Delivery { id, time_ms, count: 1, consumer };
        propagate_claim(&mut cx.db, key, reader.group, reader.consumer, &delivery, id);
    }
}

/// Answers what the consumer has from behind an ID on; each time counts as a delivery.
pub(super) fn show_history(cx: &mut Context<'_>, key: Key<'_>, reader: &Reader<'_>, after: StreamId, most: usize) {
    let (_, is_new) = meet(cx, key, reader.group, reader.consumer);
    if is_new {
        propagate_consumer(&mut cx.db, key, reader);
    }
    let Some((stream, from)) = peek(&mut cx.db, key).zip(after.next()) else { return cx.reply.array(0) };
    let consumer = stream.group(reader.group).and_then(|group| group.consumer(reader.consumer));
    let ids: Vec<StreamId> =
        consumer.map(|consumer| consumer.pending_from(from).take(most).collect()).unwrap_or_default();
    cx.reply.array(ids.len());
    let mut shown = Vec::with_capacity(ids.len());
    for id in ids {
        match stream.entry(id) {
            None => answer_gone(&mut cx.reply, id),
            Some(entry) => {
                answer(&mut cx.reply, &entry);
                shown.extend(stream.group(reader.group).and_then(|group| group.delivery(id)));
            }
        }
    }
    let (limits, time_ms) = (cx.config.collections, cx.now.unix_ms());
    cx.db.change_stream(key, &limits, |stream| {
        stream.change_group(reader.group, |group| {
            for delivery in &shown {
                group.deliver(Delivery { time_ms, count: delivery.count.wrapping_add(1), ..*delivery });
            }
        })
    });
    cx.db.effects.changes += 1;
}

fn propagate_consumer(db: &mut Database<'_>, key: Key<'_>, reader: &Reader<'_>) {
    db.propagate_as(&[b"XGROUP", b"CREATECONSUMER", key.bytes, reader.group, reader.consumer]);
}

/// The group has read up to here.
pub(super) fn propagate_position(
    db: &mut Database<'_>,
    key: Key<'_>,
    group: &[u8],
    last_id: StreamId,
    entries_read: Option<u64>,
) {
    if !db.effects.is_recording {
        return;
    }
    let read = id::digits(entries_read.map_or(-1, |read| read as i64));
    db.propagate_as(&[b"XGROUP", b"SETID", key.bytes, group, &id::text(last_id), b"ENTRIESREAD", &read]);
}

/// The consumer has this entry; in a form that can be repeated.
pub(super) fn propagate_claim(
    db: &mut Database<'_>,
    key: Key<'_>,
    group: &[u8],
    consumer: &[u8],
    delivery: &Delivery,
    last_id: StreamId,
) {
    if !db.effects.is_recording {
        return;
    }
    let (time, count) = (id::digits(delivery.time_ms), id::digits(delivery.count as i64));
    let (id, last_id) = (id::text(delivery.id), id::text(last_id));
    db.propagate_as(&[
        b"XCLAIM",
        key.bytes,
        group,
        consumer,
        b"0",
        &id,
        b"TIME",
        &time,
        b"RETRYCOUNT",
        &count,
        b"FORCE",
        b"JUSTID",
        b"LASTID",
        &last_id,
    ]);
}
