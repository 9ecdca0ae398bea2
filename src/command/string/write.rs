//! SET and its relatives: what replaces a whole value, its expiry, or both.
//!
//! A time to live enters the stream as the point in time at which the key expires: who reads the stream later than
//! we do must not let keys live longer.

use crate::command::database::as_string;
use crate::command::{Args, CommandError, Context, Outcome, UnixTime, deletion_verb};
use crate::config::EventClasses;
use crate::keyspace::{Key, NewValue, UnixMs};

use super::options::{Condition, Options, Ttl};
use super::read::reply_string;

const BAD_NUMBER_OF_KEYS: CommandError = CommandError::fixed("ERR invalid numkeys value");
const TOO_FEW_PAIRS: CommandError = CommandError::fixed("ERR wrong number of key-value pairs");

pub(super) fn set(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    if args.len() == 3 {
        store_unseen(cx, args.key(1), args.at(2));
        cx.reply.ok();
        return Ok(Outcome::Done);
    }
    set_with_options(cx, args, Options::of_set(args)?)
}

/// Every command of this family calls it `set` in key events.
#[inline]
fn store(cx: &mut Context<'_>, key: Key<'_>, value: &[u8], expire_at: Option<UnixMs>) {
    cx.db.set(key, NewValue::String(value), expire_at);
    cx.db.notify(EventClasses::STRING, "set", key);
}

/// As `store`, of a key that was not looked up before.
#[inline]
fn store_unseen(cx: &mut Context<'_>, key: Key<'_>, value: &[u8]) {
    cx.db.set_unseen(key, NewValue::String(value), None);
    cx.db.notify(EventClasses::STRING, "set", key);
}

fn set_with_options(cx: &mut Context<'_>, args: &Args<'_>, options: Options) -> Result<Outcome, CommandError> {
    let key = args.key(1);
    let deadline = deadline(cx, args, options.ttl)?;
    if options.answers_old {
        reply_string(cx, args)?;
    }
    let present = cx.db.write(key);
    let refused = match (options.condition, &present) {
        (Condition::Always, _) => false,
        (Condition::IfMissing, present) => present.is_some(),
        (Condition::IfPresent, present) => present.is_none(),
        (Condition::IfEqual { word }, Some(entry)) => !as_string(&entry)?.is(args.at(word)),
        (Condition::IfEqual { .. }, None) => true,
    };
    let present = present.map(|entry| entry.expire_at());
    if refused {
        if !options.answers_old {
            cx.reply.null();
        }
        return Ok(Outcome::Done);
    }
    let kept = present.flatten().filter(|_| options.ttl == Ttl::Keep);
    store(cx, key, args.at(2), deadline.or(kept));
    if deadline.is_some() {
        cx.db.notify(EventClasses::GENERIC, "expire", key);
    }
    match deadline {
        Some(at) => propagate_set(cx, key, args.at(2), at),
        None if options.answers_old || matches!(options.condition, Condition::IfEqual { .. }) => {
            propagate_plainly(cx, args, options.condition);
        }
        None => {}
    }
    if !options.answers_old {
        cx.reply.ok();
    }
    Ok(Outcome::Done)
}

pub(super) fn setnx(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let is_free = cx.db.write(args.key(1)).is_none();
    if is_free {
        store(cx, args.key(1), args.at(2), None);
    }
    cx.reply.int(is_free.into());
    Ok(Outcome::Done)
}

pub(super) fn setex(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    set_for(cx, args, UnixTime::SECONDS_FROM_NOW)
}

pub(super) fn psetex(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    set_for(cx, args, UnixTime::MILLIS_FROM_NOW)
}

fn set_for(cx: &mut Context<'_>, args: &Args<'_>, time: UnixTime) -> Result<Outcome, CommandError> {
    let at = time.positive(args, 2, cx.db.now_ms, cx.command_name())?;
    // An expired predecessor is deleted first, so that the deletion is counted and propagated.
    cx.db.write(args.key(1));
    store(cx, args.key(1), args.at(3), Some(at));
    cx.db.notify(EventClasses::GENERIC, "expire", args.key(1));
    propagate_set(cx, args.key(1), args.at(3), at);
    cx.reply.ok();
    Ok(Outcome::Done)
}

pub(super) fn getset(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    reply_string(cx, args)?;
    cx.db.write(args.key(1));
    store(cx, args.key(1), args.at(2), None);
    cx.db.propagate_as(&[b"SET", args.at(1), args.at(2)]);
    Ok(Outcome::Done)
}

pub(super) fn getdel(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    if reply_string(cx, args)? {
        cx.db.remove(args.key(1));
        cx.db.propagate_as(&[deletion_verb(cx.config.lazyfree_lazy_user_del), args.at(1)]);
    }
    Ok(Outcome::Done)
}

pub(super) fn delifeq(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let is_equal = cx.db.write_string(args.key(1))?.is_some_and(|string| string.is(args.at(2)));
    if is_equal {
        cx.db.remove(args.key(1));
        cx.db.propagate_as(&[deletion_verb(cx.config.lazyfree_lazy_user_del), args.at(1)]);
    }
    cx.reply.int(is_equal.into());
    Ok(Outcome::Done)
}

pub(super) fn getex(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let options = Options::of_getex(args)?;
    let key = args.key(1);
    // A time is judged only where there is a string to give it to.
    let deadline = match cx.db.peek_string(key)? {
        Some(_) => deadline(cx, args, options.ttl)?,
        None => None,
    };
    if !reply_string(cx, args)? {
        return Ok(Outcome::Done);
    }
    match (options.ttl, deadline) {
        (Ttl::At { time, .. }, Some(at)) if !time.is_relative && cx.db.is_over(at) => cx.db.expire_now(key),
        (_, Some(at)) => {
            cx.db.set_expire(key, at);
            cx.db.propagate_as(&[b"PEXPIREAT", key.bytes, itoa::Buffer::new().format(at).as_bytes()]);
        }
        (Ttl::Clear, None) if cx.db.persist(key) => cx.db.propagate_as(&[b"PERSIST", key.bytes]),
        _ => {}
    }
    Ok(Outcome::Done)
}

pub(super) fn mset(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    set_all(cx, args)?;
    cx.reply.ok();
    Ok(Outcome::Done)
}

pub(super) fn msetnx(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    check_pairs(cx, args)?;
    if (1..args.len()).step_by(2).any(|index| cx.db.write(args.key(index)).is_some()) {
        cx.reply.int(0);
        return Ok(Outcome::Done);
    }
    set_all(cx, args)?;
    cx.reply.int(1);
    Ok(Outcome::Done)
}

fn set_all(cx: &mut Context<'_>, args: &Args<'_>) -> Result<(), CommandError> {
    check_pairs(cx, args)?;
    cx.db.prefetch((1..args.len()).step_by(2).map(|index| args.key(index)));
    for index in (1..args.len()).step_by(2) {
        store_unseen(cx, args.key(index), args.at(index + 1));
    }
    Ok(())
}

/// Enters the stream as one SET for each key, which any server knows.
pub(super) fn msetex(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let pairs = args.int(1).ok().filter(|pairs| (1..=i32::MAX.into()).contains(pairs)).ok_or(BAD_NUMBER_OF_KEYS)?;
    let end = 2 + pairs as usize * 2;
    if end > args.len() {
        return Err(TOO_FEW_PAIRS);
    }
    let options = Options::of_msetex(args, end)?;
    let deadline = deadline(cx, args, options.ttl)?;
    let keys = (2..end).step_by(2);
    let refused = match options.condition {
        Condition::IfMissing => keys.clone().any(|index| cx.db.write(args.key(index)).is_some()),
        Condition::IfPresent => keys.clone().any(|index| cx.db.write(args.key(index)).is_none()),
        _ => false,
    };
    for index in keys.filter(|_| !refused) {
        let (key, value) = (args.key(index), args.at(index + 1));
        let present = cx.db.write(key).and_then(|entry| entry.expire_at());
        store(cx, key, value, deadline.or(present.filter(|_| options.ttl == Ttl::Keep)));
        match deadline {
            Some(at) => {
                cx.db.notify(EventClasses::GENERIC, "expire", key);
                propagate_set(cx, key, value, at);
            }
            None if options.ttl == Ttl::Keep => cx.db.propagate_as(&[b"SET", key.bytes, value, b"KEEPTTL"]),
            None => cx.db.propagate_as(&[b"SET", key.bytes, value]),
        }
    }
    cx.reply.int((!refused).into());
    Ok(Outcome::Done)
}

fn check_pairs(cx: &Context<'_>, args: &Args<'_>) -> Result<(), CommandError> {
    if args.len().is_multiple_of(2) { Err(CommandError::wrong_arity(cx.command_name())) } else { Ok(()) }
}

/// The expiry that the options ask for.
fn deadline(cx: &Context<'_>, args: &Args<'_>, ttl: Ttl) -> Result<Option<UnixMs>, CommandError> {
    match ttl {
        Ttl::At { word, time } => time.positive(args, word, cx.db.now_ms, cx.command_name()).map(Some),
        _ => Ok(None),
    }
}

fn propagate_set(cx: &mut Context<'_>, key: Key<'_>, value: &[u8], at: UnixMs) {
    cx.db.propagate_as(&[b"SET", key.bytes, value, b"PXAT", itoa::Buffer::new().format(at).as_bytes()]);
}

/// Nobody reads the answer to a command of the stream, and what was compared is known to be equal: without GET and
/// IFEQ, which older servers do not know.
fn propagate_plainly(cx: &mut Context<'_>, args: &Args<'_>, condition: Condition) {
    let compared = if let Condition::IfEqual { word } = condition { word } else { 0 };
    let kept = |(index, word): &(usize, &[u8])| {
        *index < 3 || !(word.eq_ignore_ascii_case(b"GET") || *index == compared || index + 1 == compared)
    };
    let words: Vec<&[u8]> = args.rest(0).enumerate().filter(kept).map(|(_, word)| word).collect();
    cx.db.propagate_as(&words);
}
