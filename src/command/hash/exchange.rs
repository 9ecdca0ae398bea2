//! HGETEX, HGETDEL, HSETEX: fields are read or written together with what becomes of them.

use crate::command::{Args, CommandError, Context, Outcome, UnixTime};
use crate::config::EventClasses;
use crate::keyspace::{HashRef, Key, Lifetime, UnixMs};
use crate::resp::Reply;

use super::expire::{Changed, field_expiry, named_fields};

const NO_TIME: CommandError = CommandError::fixed("ERR missing expire time");
const NO_FIELDS: CommandError = CommandError::fixed("ERR missing FIELDS argument");
const FIELDS_TWICE: CommandError = CommandError::fixed("ERR FIELDS keyword specified multiple times");
const BAD_COUNT: CommandError = CommandError::fixed("ERR invalid number of fields");
const TWO_TIMES: CommandError =
    CommandError::fixed("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified");
const TWO_CONDITIONS: CommandError = CommandError::fixed("ERR Only one of FXX or FNX arguments can be specified");

fn reply_values(reply: &mut Reply, hash: Option<HashRef<'_>>, fields: &[&[u8]]) {
    reply.array(fields.len());
    for field in fields {
        match hash.and_then(|hash| hash.value(field)) {
            Some(value) => reply.bulk(&value),
            None => reply.null(),
        }
    }
}

/// The fields, each once, that the hash has.
fn present<'a>(hash: Option<HashRef<'_>>, fields: &[&'a [u8]]) -> Vec<&'a [u8]> {
    let mut present: Vec<&[u8]> = Vec::new();
    for field in fields {
        if hash.is_some_and(|hash| hash.field(field).is_some()) && !present.contains(field) {
            present.push(field);
        }
    }
    present
}

pub(super) fn hgetdel(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let key = args.key(1);
    cx.db.write_hash(key)?;
    let fields = named_fields(args, 2)?;
    let hash = cx.db.write_hash(key)?;
    let present = present(hash, &fields);
    reply_values(&mut cx.reply, hash, &fields);
    delete(cx, key, &present);
    Ok(Outcome::Done)
}

pub(super) fn hgetex(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let key = args.key(1);
    cx.db.write_hash(key)?;
    let persists = args.is(2, "PERSIST");
    let time = UnixTime::of_option(args.at(2));
    let at = time.map(|time| field_expiry(cx, args, 3, time)).transpose()?;
    let fields = named_fields(args, 2 + usize::from(persists) + 2 * usize::from(time.is_some()))?;
    let hash = cx.db.write_hash(key)?;
    let present = present(hash, &fields);
    reply_values(&mut cx.reply, hash, &fields);
    if let Some(at) = at {
        let mut changed = Changed::default();
        for field in present {
            changed.expire(cx, key, field, at);
        }
        changed.finish(cx, key, at, None);
    } else if persists {
        persist(cx, key, &present)?;
    }
    Ok(Outcome::Done)
}

fn persist(cx: &mut Context<'_>, key: Key<'_>, fields: &[&[u8]]) -> Result<(), CommandError> {
    let mut persisted = Vec::new();
    for field in fields {
        let old = cx.db.write_hash(key)?.and_then(|hash| hash.field(field));
        if old.is_some_and(|old| old.expire_at.is_some()) {
            cx.db.expire_field(key, field, None);
            persisted.push(*field);
        }
    }
    if !persisted.is_empty() {
        let mut count = itoa::Buffer::new();
        let words = [b"HPERSIST", key.bytes, b"FIELDS", count.format(persisted.len()).as_bytes()];
        cx.db.propagate_as(&[&words, &persisted[..]].concat());
        cx.db.notify(EventClasses::HASH, "hpersist", key);
    }
    Ok(())
}

/// What HSETEX asks for.
#[derive(Default)]
struct Options<'a> {
    /// FNX, FXX: whether all fields must be there, or none may be.
    wants_present: Option<bool>,
    keeps_expiry: bool,
    /// The expiry, and the word that stands there.
    at: Option<(UnixMs, usize)>,
    /// Field, value, field, value.
    pairs: Vec<&'a [u8]>,
}

impl<'a> Options<'a> {
    fn parse(cx: &Context<'_>, args: &Args<'a>) -> Result<Options<'a>, CommandError> {
        let mut options = Options::default();
        let mut index = 2;
        while index < args.len() {
            let word = args.at(index);
            if args.is(index, "FIELDS") {
                index = options.take_pairs(cx, args, index)?;
                continue;
            } else if args.is(index, "FNX") || args.is(index, "FXX") {
                let before = options.wants_present.replace(args.is(index, "FXX"));
                before.map_or(Ok(()), |_| Err(TWO_CONDITIONS))?;
            } else if args.is(index, "KEEPTTL") {
                options.one_time()?;
                options.keeps_expiry = true;
            } else if let Some(time) = UnixTime::of_option(word) {
                options.one_time()?;
                index += 1;
                if index == args.len() {
                    return Err(NO_TIME);
                }
                options.at = Some((field_expiry(cx, args, index, time)?, index));
            } else {
                return Err(CommandError::new(format!("ERR unknown argument: {}", String::from_utf8_lossy(word))));
            }
            index += 1;
        }
        if options.pairs.is_empty() { Err(NO_FIELDS) } else { Ok(options) }
    }

    fn one_time(&self) -> Result<(), CommandError> {
        if self.keeps_expiry || self.at.is_some() { Err(TWO_TIMES) } else { Ok(()) }
    }

    /// The pairs after FIELDS and their number; answers the word behind them.
    fn take_pairs(&mut self, cx: &Context<'_>, args: &Args<'a>, index: usize) -> Result<usize, CommandError> {
        let wrong_arity = || CommandError::wrong_arity(cx.command_name());
        if !self.pairs.is_empty() {
            return Err(FIELDS_TWICE);
        }
        if index + 3 >= args.len() {
            return Err(wrong_arity());
        }
        let count = args.int(index + 1).ok().filter(|count| (1..=i32::MAX.into()).contains(count)).ok_or(BAD_COUNT)?;
        let words = 2 * count as usize;
        self.pairs = args.rest(index + 2).take(words).collect();
        if self.pairs.len() == words { Ok(index + 2 + words) } else { Err(wrong_arity()) }
    }

    fn lifetime(&self) -> Lifetime {
        match self.at {
            Some((at, _)) => Lifetime::Until(at),
            None if self.keeps_expiry => Lifetime::AsBefore,
            None => Lifetime::Endless,
        }
    }
}

pub(super) fn hsetex(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let key = args.key(1);
    let options = Options::parse(cx, args)?;
    let hash = cx.db.write_hash(key)?;
    let fields: Vec<&[u8]> = options.pairs.iter().copied().step_by(2).collect();
    let present = present(hash, &fields);
    if options.wants_present.is_some_and(|wanted| fields.iter().any(|field| present.contains(field) != wanted)) {
        cx.reply.int(0);
        return Ok(Outcome::Done);
    }
    match options.at {
        // What is set with an expiry that has passed is gone at once.
        Some((at, _)) if cx.db.is_over(at) => {
            cx.db.stats.expired_subkeys += present.len() as u64;
            delete(cx, key, &present);
        }
        at => {
            for pair in options.pairs.chunks_exact(2) {
                cx.db.set_field(key, pair[0], pair[1], options.lifetime(), &cx.config.collections);
            }
            cx.db.notify(EventClasses::HASH, "hset", key);
            if let Some((at, word)) = at {
                propagate(cx, args, at, word);
                cx.db.notify(EventClasses::HASH, "hexpire", key);
            }
        }
    }
    cx.reply.int(1);
    Ok(Outcome::Done)
}

/// Deletes fields that are there, by their names in the stream.
fn delete(cx: &mut Context<'_>, key: Key<'_>, fields: &[&[u8]]) {
    if fields.is_empty() {
        return;
    }
    for field in fields {
        cx.db.remove_field(key, field);
    }
    cx.db.propagate_as(&[&[b"HDEL", key.bytes], fields].concat());
    cx.db.notify(EventClasses::HASH, "hdel", key);
    cx.db.drop_if_empty(key);
}

/// The request with its expiry as a point in time.
fn propagate(cx: &mut Context<'_>, args: &Args<'_>, at: UnixMs, word: usize) {
    let mut digits = itoa::Buffer::new();
    let mut words = args.to_vec();
    words[word - 1] = b"PXAT";
    words[word] = digits.format(at).as_bytes();
    cx.db.propagate_as(&words);
}
