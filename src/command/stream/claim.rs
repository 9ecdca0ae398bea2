//! XCLAIM and XAUTOCLAIM: pending entries change hands. Entries that are gone from the stream are pending no more.

use crate::command::collections::at_least;
use crate::command::{Args, CommandError, Context, Outcome};
use crate::keyspace::{Delivery, Key, StreamId};
use crate::resp::{Reply, parse_i64};

use super::deliver::{meet, propagate_claim, propagate_position};
use super::pending::no_key_or_group;
use super::range::answer;
use super::{id, peek};

const BAD_COUNT: CommandError = CommandError::fixed("ERR COUNT must be > 0");

/// Pending entries that XAUTOCLAIM looks at for each that it may claim.
const ATTEMPTS: u64 = 10;
const COUNT_MAX: i64 = i64::MAX / 16;

/// Who claims, and what becomes of the entries.
struct Claim<'a> {
    key: Key<'a>,
    group: &'a [u8],
    consumer: &'a [u8],
    /// Entries delivered later are passed over; 0 is none.
    min_idle_ms: i64,
    time_ms: i64,
    /// `None`: one more delivery, or as before with `just_id`.
    count: Option<u64>,
    /// Also entries that nobody has.
    force: bool,
    just_id: bool,
}

/// What was done about an entry.
#[derive(PartialEq, Eq)]
enum Claimed {
    Yes,
    No,
    /// It is not in the stream; it was pending.
    Gone,
}

impl<'a> Claim<'a> {
    /// Words 1 to 4.
    fn parse(cx: &Context<'_>, args: &Args<'a>) -> Result<Claim<'a>, CommandError> {
        let name = cx.command_name().to_uppercase();
        let bad_idle = || CommandError::new(format!("ERR Invalid min-idle-time argument for {name}"));
        Ok(Claim {
            key: args.key(1),
            group: args.at(2),
            consumer: args.at(3),
            min_idle_ms: parse_i64(args.at(4)).ok_or_else(bad_idle)?.max(0),
            time_ms: cx.now.unix_ms(),
            count: None,
            force: false,
            just_id: false,
        })
    }

    /// An error if there is no such group.
    fn check_group(&self, cx: &mut Context<'_>) -> Result<(), CommandError> {
        let group = cx.db.read_stream(self.key)?.and_then(|stream| stream.group(self.group));
        group.map(|_| ()).ok_or_else(|| no_key_or_group(self.key.bytes, self.group))
    }

    /// Claims an entry and answers it.
    fn claim(&self, cx: &mut Context<'_>, id: StreamId, reply: &mut Reply) -> Claimed {
        let now_ms = cx.now.unix_ms();
        let Some(stream) = peek(&mut cx.db, self.key) else { return Claimed::No };
        let Some(group) = stream.group(self.group) else { return Claimed::No };
        let (pending, last_id) = (group.delivery(id), group.last_id());
        let Some(entry) = stream.entry(id) else {
            let Some(pending) = pending else { return Claimed::No };
            let owner = group.owner(&pending).to_vec();
            propagate_claim(&mut cx.db, self.key, self.group, &owner, &pending, last_id);
            self.forget(cx, id);
            return Claimed::Gone;
        };
        let is_fresh = |pending: Delivery| self.min_idle_ms > 0 && now_ms - pending.time_ms < self.min_idle_ms;
        if pending.is_none() && !self.force || pending.is_some_and(is_fresh) {
            return Claimed::No;
        }
        if self.just_id {
            id::reply(reply, id);
        } else {
            answer(reply, &entry);
        }
        // Redis's entries begin as delivered once.
        let before = pending.map_or(1, |pending| pending.count);
        let count = self.count.unwrap_or(if self.just_id { before } else { before.wrapping_add(1) });
        let (consumer, _) = meet(cx, self.key, self.group, self.consumer);
        let delivery = Delivery { id, time_ms: self.time_ms, count, consumer };
        let limits = cx.config.collections;
        cx.db.change_stream(self.key, &limits, |stream| {
            stream.change_group(self.group, |group| {
                group.deliver(delivery);
                group.see(self.consumer, now_ms, true);
            })
        });
        propagate_claim(&mut cx.db, self.key, self.group, self.consumer, &delivery, last_id);
        cx.db.effects.changes += 1;
        Claimed::Yes
    }

    fn forget(&self, cx: &mut Context<'_>, id: StreamId) {
        let limits = cx.config.collections;
        cx.db.change_stream(self.key, &limits, |stream| {
            stream.change_group(self.group, |group| group.acknowledge(id));
        });
        cx.db.effects.changes += 1;
    }
}

pub(super) fn xclaim(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let mut claim = Claim { time_ms: -1, ..Claim::parse_for_group(cx, args)? };
    let ids: Vec<StreamId> = args.rest(5).map_while(|word| id::strict(word, 0).ok()).collect();
    let last_id = claim.options(cx, args, 5 + ids.len())?;
    cx.db.effects.propagate_nothing();
    let mut is_position_new = claim.advance(cx, last_id);
    let mut reply = Reply::new(cx.reply.protocol);
    let mut claimed = 0;
    for id in ids {
        let done = claim.claim(cx, id, &mut reply);
        claimed += usize::from(done == Claimed::Yes);
        // Then it says so itself.
        is_position_new &= done == Claimed::No;
    }
    if is_position_new {
        let entries_read = peek(&mut cx.db, claim.key).and_then(|stream| stream.group(claim.group)?.entries_read());
        propagate_position(&mut cx.db, claim.key, claim.group, last_id, entries_read);
        cx.db.effects.changes += 1;
    }
    cx.reply.array(claimed);
    cx.reply.buffer.extend_from_slice(&reply.buffer);
    Ok(Outcome::Done)
}

impl<'a> Claim<'a> {
    /// XCLAIM looks for the group before all else.
    fn parse_for_group(cx: &mut Context<'_>, args: &Args<'a>) -> Result<Claim<'a>, CommandError> {
        let claim = Claim::parse(cx, args);
        let group = cx.db.read_stream(args.key(1))?.and_then(|stream| stream.group(args.at(2)));
        group.ok_or_else(|| no_key_or_group(args.at(1), args.at(2)))?;
        claim
    }

    /// XCLAIM's options, from a word on. Answers LASTID.
    fn options(&mut self, cx: &Context<'_>, args: &Args<'_>, from: usize) -> Result<StreamId, CommandError> {
        let (now_ms, mut last_id, mut at) = (cx.now.unix_ms(), StreamId::MIN, from);
        let number = |name: &str, at: usize| {
            let bad = || CommandError::new(format!("ERR Invalid {name} option argument for XCLAIM"));
            parse_i64(args.at(at)).ok_or_else(bad)
        };
        while at < args.len() {
            let has_more = at + 1 < args.len();
            if args.is(at, "FORCE") {
                self.force = true;
            } else if args.is(at, "JUSTID") {
                self.just_id = true;
            } else if args.is(at, "IDLE") && has_more {
                self.time_ms = now_ms.wrapping_sub(number("IDLE", at + 1)?);
                at += 1;
            } else if args.is(at, "TIME") && has_more {
                self.time_ms = number("TIME", at + 1)?;
                at += 1;
            } else if args.is(at, "RETRYCOUNT") && has_more {
                self.count = u64::try_from(number("RETRYCOUNT", at + 1)?).ok();
                at += 1;
            } else if args.is(at, "LASTID") && has_more {
                last_id = id::strict(args.at(at + 1), 0)?;
                at += 1;
            } else {
                let option = String::from_utf8_lossy(args.at(at));
                return Err(CommandError::new(format!("ERR Unrecognized XCLAIM option '{option}'")));
            }
            at += 1;
        }
        if self.time_ms < 0 || self.time_ms > now_ms {
            self.time_ms = now_ms;
        }
        Ok(last_id)
    }

    /// The group has read up to here, at least. True if it had not.
    fn advance(&self, cx: &mut Context<'_>, last_id: StreamId) -> bool {
        let Some(group) = peek(&mut cx.db, self.key).and_then(|stream| stream.group(self.group)) else { return false };
        let entries_read = group.entries_read();
        if last_id <= group.last_id() {
            return false;
        }
        let limits = cx.config.collections;
        cx.db.change_stream(self.key, &limits, |stream| {
            stream.change_group(self.group, |group| group.set_position(last_id, entries_read));
        });
        true
    }
}

pub(super) fn xautoclaim(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let mut claim = Claim::parse(cx, args)?;
    let start = id::start(args.at(5))?;
    let mut count = 100;
    let mut at = 6;
    while at < args.len() {
        if args.is(at, "COUNT") && at + 1 < args.len() {
            count = at_least(args, at + 1, 1, BAD_COUNT)?;
            if count > COUNT_MAX {
                return Err(BAD_COUNT);
            }
            at += 1;
        } else if args.is(at, "JUSTID") {
            claim.just_id = true;
        } else {
            return Err(CommandError::SYNTAX);
        }
        at += 1;
    }
    claim.check_group(cx)?;
    cx.db.effects.propagate_nothing();
    claim.claim_from(cx, start, count as u64);
    Ok(Outcome::Done)
}

impl Claim<'_> {
    /// Claims so many pending entries from an ID on, and answers where to go on.
    fn claim_from(&self, cx: &mut Context<'_>, start: StreamId, count: u64) {
        let mut reply = Reply::new(cx.reply.protocol);
        let (mut claimed, mut gone) = (0, Vec::new());
        let (mut left, mut next) = (count, Some(start));
        for _ in 0..count.saturating_mul(ATTEMPTS) {
            if left == 0 {
                break;
            }
            let Some(id) = self.pending_from(cx, next) else { break };
            next = id.next();
            match self.claim(cx, id, &mut reply) {
                Claimed::No => continue,
                Claimed::Yes => claimed += 1,
                Claimed::Gone => gone.push(id),
            }
            left -= 1;
        }
        cx.reply.array(3);
        let next = self.pending_from(cx, next).unwrap_or(StreamId::MIN);
        id::reply(&mut cx.reply, next);
        cx.reply.array(claimed);
        cx.reply.buffer.extend_from_slice(&reply.buffer);
        cx.reply.array(gone.len());
        gone.into_iter().for_each(|id| id::reply(&mut cx.reply, id));
    }

    /// The first pending entry from an ID on.
    fn pending_from(&self, cx: &mut Context<'_>, from: Option<StreamId>) -> Option<StreamId> {
        let group = peek(&mut cx.db, self.key)?.group(self.group)?;
        group.pending_from(from?).next().map(|delivery| delivery.id)
    }
}
