//! XDEL and XSETID: entries taken out anywhere, and what the stream says of itself.

use crate::command::{Args, CommandError, Context, Outcome};
use crate::config::EventClasses;
use crate::keyspace::StreamId;

use super::id;

const NEGATIVE_ADDED: CommandError = CommandError::fixed("ERR entries_added must be positive");
const BELOW_DELETED: CommandError =
    CommandError::fixed("ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id");
const BELOW_TOP: CommandError =
    CommandError::fixed("ERR The ID specified in XSETID is smaller than the target stream top item");
const BELOW_LENGTH: CommandError =
    CommandError::fixed("ERR The entries_added specified in XSETID is smaller than the target stream length");

pub(super) fn xdel(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let key = args.key(1);
    let mut removed = 0;
    if cx.db.write_stream(key)?.is_some() {
        let ids = id::all(args, 2)?;
        let limits = cx.config.collections;
        removed = cx.db.change_stream(key, &limits, |stream| ids.iter().filter(|id| stream.remove(**id)).count());
    }
    if removed > 0 {
        cx.db.changed(key, removed);
        cx.db.notify(EventClasses::STREAM, "xdel", key);
    }
    cx.reply.int(removed as i64);
    Ok(Outcome::Done)
}

pub(super) fn xsetid(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let key = args.key(1);
    let last_id = id::strict(args.at(2), 0)?;
    let (entries_added, max_deleted_id) = counters(args, last_id)?;
    let stream = cx.db.write_stream(key)?.ok_or(CommandError::NO_SUCH_KEY)?;
    if let Some(top) = stream.range_back(StreamId::MIN, StreamId::MAX).next() {
        if last_id < top.id {
            return Err(BELOW_TOP);
        }
        if entries_added.is_some_and(|added| added < stream.len()) {
            return Err(BELOW_LENGTH);
        }
    }
    let limits = cx.config.collections;
    cx.db.change_stream(key, &limits, |stream| {
        stream.set_last_id(last_id);
        entries_added.into_iter().for_each(|added| stream.set_entries_added(added));
        if max_deleted_id != StreamId::MIN {
            stream.set_max_deleted_id(max_deleted_id);
        }
    });
    cx.db.effects.changes += 1;
    cx.db.notify(EventClasses::STREAM, "xsetid", key);
    cx.reply.ok();
    Ok(Outcome::Done)
}

/// ENTRIESADDED and MAXDELETEDID.
fn counters(args: &Args<'_>, last_id: StreamId) -> Result<(Option<u64>, StreamId), CommandError> {
    let (mut entries_added, mut max_deleted_id) = (None, StreamId::MIN);
    let mut at = 3;
    while at < args.len() {
        let has_more = at + 1 < args.len();
        if args.is(at, "ENTRIESADDED") && has_more {
            entries_added = Some(u64::try_from(args.int(at + 1)?).map_err(|_| NEGATIVE_ADDED)?);
        } else if args.is(at, "MAXDELETEDID") && has_more {
            max_deleted_id = id::strict(args.at(at + 1), 0)?;
            if last_id < max_deleted_id {
                return Err(BELOW_DELETED);
            }
        } else {
            return Err(CommandError::SYNTAX);
        }
        at += 2;
    }
    Ok((entries_added, max_deleted_id))
}
