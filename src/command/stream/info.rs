//! XINFO: what a stream, its groups and their consumers say of themselves.

use crate::command::{Args, CommandError, Context, Outcome, help};
use crate::keyspace::{ConsumerRef, GroupRef, StreamCounters, StreamId, StreamRef};
use crate::resp::Reply;

use super::group::no_group;
use super::range::{answer, answer_all};
use super::{INFO_COMMANDS, id};

/// Entries of each list in FULL.
const FULL_COUNT: usize = 10;

pub(super) fn help(cx: &mut Context<'_>, _: &Args<'_>) -> Result<Outcome, CommandError> {
    help::reply(cx, "XINFO", INFO_COMMANDS);
    Ok(Outcome::Done)
}

fn field_int(reply: &mut Reply, name: &str, number: i64) {
    reply.bulk(name.as_bytes());
    reply.int(number);
}

fn field_id(reply: &mut Reply, name: &str, id: StreamId) {
    reply.bulk(name.as_bytes());
    id::reply(reply, id);
}

fn field_known(reply: &mut Reply, name: &str, number: Option<i64>) {
    reply.bulk(name.as_bytes());
    match number {
        Some(number) => reply.int(number),
        None => reply.null(),
    }
}

fn field_name(reply: &mut Reply, name: &[u8]) {
    reply.bulk(b"name");
    reply.bulk(name);
}

pub(super) fn consumers(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let (key, name, now_ms) = (args.key(2), args.at(3), cx.now.unix_ms());
    let stream = cx.db.read_stream(key)?.ok_or(CommandError::NO_SUCH_KEY)?;
    let group = stream.group(name).ok_or_else(|| no_group(name, key.bytes))?;
    cx.reply.array(group.consumers_len());
    for consumer in group.consumers() {
        cx.reply.map(4);
        field_name(&mut cx.reply, consumer.name());
        field_int(&mut cx.reply, "pending", consumer.pending_len() as i64);
        field_int(&mut cx.reply, "idle", (now_ms - consumer.seen_ms()).max(0));
        let inactive = if consumer.active_ms() < 0 { -1 } else { (now_ms - consumer.active_ms()).max(0) };
        field_int(&mut cx.reply, "inactive", inactive);
    }
    Ok(Outcome::Done)
}

pub(super) fn groups(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let stream = cx.db.read_stream(args.key(2))?.ok_or(CommandError::NO_SUCH_KEY)?;
    let counters = StreamCounters::of(&stream);
    cx.reply.array(stream.groups_len());
    for group in stream.groups() {
        cx.reply.map(6);
        field_name(&mut cx.reply, group.name());
        field_int(&mut cx.reply, "consumers", group.consumers_len() as i64);
        field_int(&mut cx.reply, "pending", group.pending_len() as i64);
        position(&mut cx.reply, &group, &counters);
    }
    Ok(Outcome::Done)
}

fn position(reply: &mut Reply, group: &GroupRef<'_>, counters: &StreamCounters) {
    field_id(reply, "last-delivered-id", group.last_id());
    field_known(reply, "entries-read", group.entries_read().map(|read| read as i64));
    field_known(reply, "lag", counters.lag(group));
}

pub(super) fn stream(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let stream = cx.db.read_stream(args.key(2))?.ok_or(CommandError::NO_SUCH_KEY)?;
    if args.len() == 3 {
        overview(&mut cx.reply, &stream);
        return Ok(Outcome::Done);
    }
    let has_count = args.len() == 6 && args.is(4, "COUNT");
    if !args.is(3, "FULL") || (args.len() != 4 && !has_count) {
        return Err(super::unknown_subcommand_of("XINFO", args));
    }
    let count = if has_count { usize::try_from(args.int(5)?).unwrap_or(FULL_COUNT) } else { FULL_COUNT };
    full(&mut cx.reply, &stream, if count == 0 { usize::MAX } else { count });
    Ok(Outcome::Done)
}

fn counters(reply: &mut Reply, stream: &StreamRef<'_>) {
    field_int(reply, "length", stream.len() as i64);
    field_int(reply, "radix-tree-keys", stream.chunks() as i64);
    // A root beside what it leads to.
    field_int(reply, "radix-tree-nodes", stream.chunks() as i64 + 1);
    field_id(reply, "last-generated-id", stream.last_id());
    field_id(reply, "max-deleted-entry-id", stream.max_deleted_id());
    field_int(reply, "entries-added", stream.entries_added() as i64);
    field_id(reply, "recorded-first-entry-id", stream.first_id());
}

fn overview(reply: &mut Reply, stream: &StreamRef<'_>) {
    reply.map(10);
    counters(reply, stream);
    field_int(reply, "groups", stream.groups_len() as i64);
    let first = stream.range(StreamId::MIN, StreamId::MAX).next();
    let last = stream.range_back(StreamId::MIN, StreamId::MAX).next();
    for (name, entry) in [("first-entry", first), ("last-entry", last)] {
        reply.bulk(name.as_bytes());
        match entry {
            Some(entry) => answer(reply, &entry),
            None => reply.null(),
        }
    }
}

fn full(reply: &mut Reply, stream: &StreamRef<'_>, count: usize) {
    reply.map(9);
    counters(reply, stream);
    reply.bulk(b"entries");
    answer_all(reply, stream.range(StreamId::MIN, StreamId::MAX).take(count));
    reply.bulk(b"groups");
    reply.array(stream.groups_len());
    let counters = StreamCounters::of(stream);
    for group in stream.groups() {
        reply.map(7);
        field_name(reply, group.name());
        position(reply, &group, &counters);
        field_int(reply, "pel-count", group.pending_len() as i64);
        reply.bulk(b"pending");
        reply.array(group.pending_len().min(count as u64) as usize);
        for delivery in group.pending_from(StreamId::MIN).take(count) {
            reply.array(4);
            id::reply(reply, delivery.id);
            reply.bulk(group.owner(&delivery));
            reply.int(delivery.time_ms);
            reply.int(delivery.count as i64);
        }
        reply.bulk(b"consumers");
        reply.array(group.consumers_len());
        group.consumers().for_each(|consumer| full_consumer(reply, &group, &consumer, count));
    }
}

fn full_consumer(reply: &mut Reply, group: &GroupRef<'_>, consumer: &ConsumerRef<'_>, count: usize) {
    reply.map(5);
    field_name(reply, consumer.name());
    field_int(reply, "seen-time", consumer.seen_ms());
    field_int(reply, "active-time", consumer.active_ms());
    field_int(reply, "pel-count", consumer.pending_len() as i64);
    reply.bulk(b"pending");
    reply.array(consumer.pending_len().min(count as u64) as usize);
    for delivery in consumer.pending_from(StreamId::MIN).take(count).filter_map(|id| group.delivery(id)) {
        reply.array(3);
        id::reply(reply, delivery.id);
        reply.int(delivery.time_ms);
        reply.int(delivery.count as i64);
    }
}
