//! XACK and XPENDING: what was delivered and not acknowledged.

use crate::command::{Args, CommandError, Context, Outcome};
use crate::keyspace::{Delivery, GroupRef, StreamId};
use crate::resp::Reply;

use super::id;

/// There is no such key, or no such group.
pub(super) fn no_key_or_group(key: &[u8], group: &[u8]) -> CommandError {
    let (key, group) = (String::from_utf8_lossy(key), String::from_utf8_lossy(group));
    CommandError::new(format!("NOGROUP No such key '{key}' or consumer group '{group}'"))
}

pub(super) fn xack(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let (key, name) = (args.key(1), args.at(2));
    if cx.db.read_stream(key)?.and_then(|stream| stream.group(name)).is_none() {
        cx.reply.int(0);
        return Ok(Outcome::Done);
    }
    let ids = id::all(args, 3)?;
    let limits = cx.config.collections;
    let acknowledged = cx.db.change_stream(key, &limits, |stream| {
        stream.change_group(name, |group| ids.iter().filter(|id| group.acknowledge(**id)).count())
    });
    let acknowledged = acknowledged.unwrap_or(0);
    cx.db.effects.changes += acknowledged as u64;
    cx.reply.int(acknowledged as i64);
    Ok(Outcome::Done)
}

/// Which pending entries XPENDING lists.
struct Filter<'a> {
    min_idle_ms: i64,
    from: StreamId,
    to: StreamId,
    count: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> Filter<'a> {
    /// `None` if only the summary is asked for.
    fn parse(args: &Args<'a>) -> Result<Option<Filter<'a>>, CommandError> {
        match args.len() {
            3 => return Ok(None),
            6..=9 => {}
            _ => return Err(CommandError::SYNTAX),
        }
        let (mut at, mut min_idle_ms) = (3, 0);
        if args.is(3, "IDLE") {
            min_idle_ms = args.int(4)?;
            at = 5;
            if args.len() < 8 {
                return Err(CommandError::SYNTAX);
            }
        }
        let count = usize::try_from(args.int(at + 2)?).unwrap_or(0);
        let (from, to) = (id::start(args.at(at))?, id::end(args.at(at + 1))?);
        let consumer = (at + 3 < args.len()).then(|| args.at(at + 3));
        Ok(Some(Filter { min_idle_ms, from, to, count, consumer }))
    }

    fn run(&self, group: &GroupRef<'_>, now_ms: i64) -> Vec<Delivery> {
        let is_meant = |delivery: &Delivery| self.min_idle_ms == 0 || now_ms - delivery.time_ms >= self.min_idle_ms;
        let all = |deliveries: &mut dyn Iterator<Item = Delivery>| {
            deliveries.take_while(|delivery| delivery.id <= self.to).filter(is_meant).take(self.count).collect()
        };
        match self.consumer {
            None => all(&mut group.pending_from(self.from)),
            Some(name) => group.consumer(name).map_or(Vec::new(), |consumer| {
                all(&mut consumer.pending_from(self.from).filter_map(|id| group.delivery(id)))
            }),
        }
    }
}

pub(super) fn xpending(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let filter = Filter::parse(args)?;
    let (key, name, now_ms) = (args.key(1), args.at(2), cx.now.unix_ms());
    let group = cx.db.read_stream(key)?.and_then(|stream| stream.group(name));
    let group = group.ok_or_else(|| no_key_or_group(key.bytes, name))?;
    let Some(filter) = filter else {
        summarise(&mut cx.reply, &group);
        return Ok(Outcome::Done);
    };
    let found = filter.run(&group, now_ms);
    cx.reply.array(found.len());
    for delivery in found {
        cx.reply.array(4);
        id::reply(&mut cx.reply, delivery.id);
        cx.reply.bulk(group.owner(&delivery));
        cx.reply.int((now_ms - delivery.time_ms).max(0));
        cx.reply.int(delivery.count as i64);
    }
    Ok(Outcome::Done)
}

/// How many, from where to where, and how many each consumer has.
fn summarise(reply: &mut Reply, group: &GroupRef<'_>) {
    reply.array(4);
    reply.int(group.pending_len() as i64);
    let first = group.pending_from(StreamId::MIN).next();
    let Some((first, last)) = first.zip(group.last_pending()) else {
        reply.null();
        reply.null();
        return reply.null_array();
    };
    id::reply(reply, first.id);
    id::reply(reply, last.id);
    let owners = || group.consumers().filter(|consumer| consumer.pending_len() > 0);
    reply.array(owners().count());
    for consumer in owners() {
        reply.array(2);
        reply.bulk(consumer.name());
        reply.bulk(&id::digits(consumer.pending_len() as i64));
    }
}
