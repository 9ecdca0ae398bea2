//! SET and its relatives: what replaces a whole value, its expiry, or both.
//!
//! A time to live enters the stream as the point in time at which the key expires: who reads the stream later than
//! we do must not let keys live longer.

use crate::command::{Args, CommandError, Context, Outcome, UnixTime};
use crate::config::EventClasses;
use crate::keyspace::{Key, NewValue, UnixMs};

use super::options::{Condition, Options, Ttl};
use super::read::reply_string;

pub(super) fn set(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    if args.len() == 3 {
        store(cx, args.key(1), args.at(2), None);
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

fn set_with_options(cx: &mut Context<'_>, args: &Args<'_>, options: Options) -> Result<Outcome, CommandError> {
    let key = args.key(1);
    let deadline = deadline(cx, args, options.ttl)?;
    if options.answers_old {
        reply_string(cx, args)?;
    }
    let present = cx.db.write(key).map(|entry| entry.expire_at());
    let refused = match options.condition {
        Condition::Always => false,
        Condition::IfMissing => present.is_some(),
        Condition::IfPresent => present.is_none(),
    };
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
        None if options.answers_old => propagate_without_get(cx, args),
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
        cx.db.propagate_as(&[b"DEL", args.at(1)]);
    }
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
    for index in (1..args.len()).step_by(2) {
        store(cx, args.key(index), args.at(index + 1), None);
    }
    Ok(())
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

/// Nobody reads the answer to a command of the stream.
fn propagate_without_get(cx: &mut Context<'_>, args: &Args<'_>) {
    let kept = |(index, word): &(usize, &[u8])| *index < 3 || !word.eq_ignore_ascii_case(b"GET");
    let words: Vec<&[u8]> = args.rest(0).enumerate().filter(kept).map(|(_, word)| word).collect();
    cx.db.propagate_as(&words);
}
