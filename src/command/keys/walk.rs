//! KEYS, SCAN, RANDOMKEY: keys that the client does not know by name.

use crate::command::scan::{self, ScanOptions};
use crate::command::{Args, CommandError, Context, Expiry, Outcome};
use crate::config::glob;
use crate::keyspace::{Entry, Strings};

/// On a replica all keys may have expired without being deleted: then an expired one is answered.
const RANDOM_TRIES: usize = 100;

pub(super) fn keys(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let pattern = args.at(1);
    let is_over = expired_test(cx);
    let found = collect(
        |each| cx.db.keyspace.db(cx.db.index).for_each(each),
        |entry| !is_over(entry) && (pattern == b"*" || glob::matches(pattern, entry.key(), false)),
    );
    reply_keys(cx, &found);
    Ok(Outcome::Done)
}

pub(super) fn scan(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let cursor = scan::cursor(args, 1)?;
    // Expired keys that it meets are deleted one by one.
    cx.db.effects.is_loose = !cx.in_unit;
    let options = ScanOptions::parse(args, scan::AFTER_CURSOR)?;
    let is_wanted = |entry: &Entry<'_>| {
        let fits = |wanted: &[u8]| entry.value().type_name().as_bytes().eq_ignore_ascii_case(wanted);
        options.matches(entry.key()) && options.type_name.is_none_or(fits)
    };
    let (mut live, mut expired): (Strings, Strings) = Default::default();
    let is_over = expired_test(cx);
    let db = cx.db.keyspace.db(cx.db.index);
    let mut seen = 0;
    let next = scan::steps(options.count, cursor, |cursor| {
        let next = db.scan(cursor, &mut |entry| {
            seen += 1;
            let list = if is_over(&entry) { &mut expired } else { &mut live };
            if is_wanted(&entry) {
                list.push(entry.key());
            }
        });
        (seen, next)
    });
    if cx.db.expiry == Expiry::Delete {
        expired.iter().for_each(|key| cx.db.effects.note_expired(cx.db.index, key));
    }
    scan::reply(cx, next, &live);
    Ok(Outcome::Done)
}

pub(super) fn randomkey(cx: &mut Context<'_>, _: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.db.effects.is_loose = !cx.in_unit;
    for _ in 0..RANDOM_TRIES {
        let is_over = expired_test(cx);
        let Some(entry) = cx.db.keyspace.db(cx.db.index).random(cx.rng) else {
            cx.reply.null();
            return Ok(Outcome::Done);
        };
        if !is_over(&entry) {
            cx.reply.bulk(entry.key());
            return Ok(Outcome::Done);
        }
        let key: Box<[u8]> = entry.key().into();
        if cx.db.expiry == Expiry::Delete {
            let key = cx.db.keyspace.hasher().key(&key);
            cx.db.delete_expired(key);
        }
    }
    match cx.db.keyspace.db(cx.db.index).random(cx.rng) {
        Some(entry) => cx.reply.bulk(entry.key()),
        None => cx.reply.null(),
    }
    Ok(Outcome::Done)
}

/// Whether an entry has logically expired, for this request.
fn expired_test(cx: &Context<'_>) -> impl Fn(&Entry<'_>) -> bool + use<> {
    let (expiry, now) = (cx.db.expiry, cx.db.now_ms);
    move |entry| expiry != Expiry::Ignore && entry.expire_at().is_some_and(|at| at < now)
}

fn collect(walk: impl FnOnce(&mut dyn FnMut(Entry<'_>)), is_wanted: impl Fn(&Entry<'_>) -> bool) -> Vec<Box<[u8]>> {
    let mut found: Vec<Box<[u8]>> = Vec::new();
    walk(&mut |entry| {
        if is_wanted(&entry) {
            found.push(entry.key().into());
        }
    });
    found
}

fn reply_keys(cx: &mut Context<'_>, keys: &[Box<[u8]>]) {
    cx.reply.array(keys.len());
    keys.iter().for_each(|key| cx.reply.bulk(key));
}
