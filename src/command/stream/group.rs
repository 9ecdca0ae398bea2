//! XGROUP: consumer groups and their consumers come and go.

use crate::command::{Args, CommandError, Context, Outcome, help};
use crate::config::EventClasses;
use crate::keyspace::{GroupMut, Key, StreamId};

use super::{GROUP_COMMANDS, id};

const NO_KEY: CommandError = CommandError::fixed(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option \
     to create an empty stream automatically.",
);
const BUSY: CommandError = CommandError::fixed("BUSYGROUP Consumer Group name already exists");
const BAD_ENTRIES_READ: CommandError = CommandError::fixed("ERR value for ENTRIESREAD must be positive or -1");

/// What CREATE and SETID say beside the ID.
#[derive(Default)]
struct Options {
    mkstream: bool,
    entries_read: Option<u64>,
}

impl Options {
    fn parse(cx: &Context<'_>, args: &Args<'_>, is_create: bool) -> Result<Options, CommandError> {
        let mut options = Options::default();
        let mut at = 5;
        while at < args.len() {
            if is_create && args.is(at, "MKSTREAM") {
                options.mkstream = true;
                at += 1;
            } else if args.is(at, "ENTRIESREAD") && at + 1 < args.len() {
                options.entries_read = match args.int(at + 1)? {
                    -1 => None,
                    read => Some(u64::try_from(read).map_err(|_| BAD_ENTRIES_READ)?),
                };
                at += 2;
            } else {
                return Err(super::unknown_subcommand(cx, args));
            }
        }
        Ok(options)
    }
}

pub(super) fn no_group(group: &[u8], key: &[u8]) -> CommandError {
    let (group, key) = (String::from_utf8_lossy(group), String::from_utf8_lossy(key));
    CommandError::new(format!("NOGROUP No such consumer group '{group}' for key name '{key}'"))
}

pub(super) fn create(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let options = Options::parse(cx, args, true)?;
    let (key, name) = (args.key(2), args.at(3));
    let last_id = match cx.db.write_stream(key)? {
        None if !options.mkstream => return Err(NO_KEY),
        stream => stream.map(|stream| stream.last_id()),
    };
    if args.len() > 8 {
        return Err(super::unknown_subcommand(cx, args));
    }
    let id = match args.at(4) {
        b"$" => last_id.unwrap_or(StreamId::MIN),
        text => id::strict(text, 0)?,
    };
    let limits = cx.config.collections;
    let is_new = cx.db.change_stream(key, &limits, |stream| stream.create_group(name, id, options.entries_read));
    if !is_new {
        return Err(BUSY);
    }
    if last_id.is_none() {
        cx.db.effects.mark(cx.db.index, key.bytes);
    }
    cx.db.effects.changes += 1;
    cx.db.notify(EventClasses::STREAM, "xgroup-create", key);
    cx.reply.ok();
    Ok(Outcome::Done)
}

/// Changes the group that words 2 and 3 name.
fn change<T>(
    cx: &mut Context<'_>,
    args: &Args<'_>,
    mut change: impl FnMut(&mut GroupMut<'_>) -> T,
) -> Result<T, CommandError> {
    let (key, name) = (args.key(2), args.at(3));
    cx.db.write_stream(key)?.ok_or(NO_KEY)?;
    let limits = cx.config.collections;
    let result = cx.db.change_stream(key, &limits, |stream| stream.change_group(name, &mut change));
    result.ok_or_else(|| no_group(name, key.bytes))
}

pub(super) fn set_id(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let options = Options::parse(cx, args, false)?;
    let (key, name) = (args.key(2), args.at(3));
    let stream = cx.db.write_stream(key)?.ok_or(NO_KEY)?;
    if stream.group(name).is_none() {
        return Err(no_group(name, key.bytes));
    }
    let id = match args.at(4) {
        b"$" => stream.last_id(),
        text => id::any(text, 0)?,
    };
    change(cx, args, |group| group.set_position(id, options.entries_read))?;
    cx.db.effects.changes += 1;
    cx.db.notify(EventClasses::STREAM, "xgroup-setid", key);
    cx.reply.ok();
    Ok(Outcome::Done)
}

pub(super) fn destroy(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let (key, name) = (args.key(2), args.at(3));
    cx.db.write_stream(key)?.ok_or(NO_KEY)?;
    let limits = cx.config.collections;
    let was_there = cx.db.change_stream(key, &limits, |stream| stream.destroy_group(name));
    if was_there {
        // Clients that wait for the group are to know.
        cx.db.changed(key, 1);
        cx.db.notify(EventClasses::STREAM, "xgroup-destroy", key);
    }
    cx.reply.int(was_there.into());
    Ok(Outcome::Done)
}

/// A consumer has been made: counts as a change, and is an event.
pub(super) fn note_new_consumer(cx: &mut Context<'_>, key: Key<'_>) {
    cx.db.effects.changes += 1;
    cx.db.notify(EventClasses::STREAM, "xgroup-createconsumer", key);
}

pub(super) fn create_consumer(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let now_ms = cx.now.unix_ms();
    let (_, is_new) = change(cx, args, |group| group.add_consumer(args.at(4), now_ms))?;
    if is_new {
        note_new_consumer(cx, args.key(2));
    }
    cx.reply.int(is_new.into());
    Ok(Outcome::Done)
}

pub(super) fn delete_consumer(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let pending = change(cx, args, |group| group.remove_consumer(args.at(4)))?;
    if pending.is_some() {
        cx.db.effects.changes += 1;
        cx.db.notify(EventClasses::STREAM, "xgroup-delconsumer", args.key(2));
    }
    cx.reply.int(pending.unwrap_or(0) as i64);
    Ok(Outcome::Done)
}

pub(super) fn help(cx: &mut Context<'_>, _: &Args<'_>) -> Result<Outcome, CommandError> {
    help::reply(cx, "XGROUP", GROUP_COMMANDS);
    Ok(Outcome::Done)
}
