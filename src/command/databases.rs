//! DBSIZE, FLUSHDB, FLUSHALL, SWAPDB: whole databases.
//!
//! Emptying a database and swapping two take the same time whatever their size: memory is given back in the
//! background, so SYNC and ASYNC are one.

use crate::keyspace::Key;

use super::{Args, Command, CommandError, Context, Flags, Origin, Outcome};

const KEYSPACE: &[&str] = &["@keyspace"];
const KEYSPACE_DANGEROUS: &[&str] = &["@keyspace", "@dangerous"];
const FLUSH_TIPS: &[&str] = &["request_policy:all_shards", "response_policy:all_succeeded"];
const FLUSH_HISTORY: &[(&str, &str)] = &[("4.0.0", "Option ASYNC."), ("6.2.0", "Option SYNC.")];
const FLUSH_SYNTAX: &str = "async=[ASYNC@4.0.0 | SYNC@6.2.0]";

const DB_OUT_OF_RANGE: CommandError = CommandError::fixed("ERR DB index is out of range");

pub(super) const COMMANDS: &[Command] = &[
    Command::new("dbsize", dbsize, "")
        .about("Answers how many keys the database has.")
        .arity(1)
        .flags(Flags::READONLY.with(Flags::FAST))
        .categories(KEYSPACE)
        .tips(&["request_policy:all_shards", "response_policy:agg_sum"]),
    Command::new("flushall", flushall, FLUSH_SYNTAX)
        .about("Deletes the keys of all databases.")
        .complexity("O(1)")
        .arity(-1)
        .flags(Flags::WRITE)
        .categories(KEYSPACE_DANGEROUS)
        .tips(FLUSH_TIPS)
        .history(FLUSH_HISTORY),
    Command::new("flushdb", flushdb, FLUSH_SYNTAX)
        .about("Deletes the keys of the database.")
        .complexity("O(1)")
        .arity(-1)
        .flags(Flags::WRITE)
        .categories(KEYSPACE_DANGEROUS)
        .tips(FLUSH_TIPS)
        .history(FLUSH_HISTORY),
    Command::new("swapdb", swapdb, "index1:integer index2:integer")
        .about("Exchanges the contents of two databases.")
        .since("4.0.0")
        .complexity("O(N) in the keys that clients watch")
        .arity(3)
        .flags(Flags::WRITE.with(Flags::FAST))
        .categories(KEYSPACE_DANGEROUS),
];

fn dbsize(cx: &mut Context<'_>, _: &Args<'_>) -> Result<Outcome, CommandError> {
    let keys = cx.db.keyspace.db(cx.db.index).len();
    cx.reply.int(keys as i64);
    Ok(Outcome::Done)
}

fn flushall(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    check_mode(args)?;
    (0..cx.db.keyspace.databases()).for_each(|db| flush(cx, db));
    cx.db.effects.force();
    if cx.origin == Origin::Client && !cx.in_unit && !cx.config.save_points.is_empty() {
        return Ok(Outcome::SaveFlushed);
    }
    cx.reply.ok();
    Ok(Outcome::Swapped)
}

fn flushdb(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    check_mode(args)?;
    flush(cx, cx.db.index);
    cx.db.effects.force();
    cx.reply.ok();
    Ok(Outcome::Swapped)
}

fn check_mode(args: &Args<'_>) -> Result<(), CommandError> {
    let is_known = args.len() == 1 || args.len() == 2 && (args.is(1, "SYNC") || args.is(1, "ASYNC"));
    if is_known { Ok(()) } else { Err(CommandError::SYNTAX) }
}

fn flush(cx: &mut Context<'_>, db: usize) {
    if !cx.sessions.watches.is_empty() {
        let watched: Vec<Box<[u8]>> = cx.sessions.watches.keys_in(db).map(Box::from).collect();
        for key in watched {
            if is_present(cx, db, &key) {
                cx.db.effects.mark(db, &key);
            }
        }
    }
    cx.db.effects.is_flushed |= cx.db.effects.has_trackers;
    cx.db.effects.changes += cx.db.keyspace.flush(db) as u64;
}

fn swapdb(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let first = index(args, 1, "ERR invalid first DB index")?;
    let second = index(args, 2, "ERR invalid second DB index")?;
    let databases = 0..cx.db.keyspace.databases() as i64;
    if !databases.contains(&first) || !databases.contains(&second) {
        return Err(DB_OUT_OF_RANGE);
    }
    let (first, second) = (first as usize, second as usize);
    if first != second {
        mark_replaced(cx, first, second);
        mark_replaced(cx, second, first);
        cx.db.keyspace.swap(first, second);
    }
    cx.db.effects.changes += 1;
    cx.reply.ok();
    Ok(Outcome::Swapped)
}

fn index(args: &Args<'_>, word: usize, error: &'static str) -> Result<i64, CommandError> {
    let number = args.int(word).ok().filter(|number| i32::try_from(*number).is_ok());
    number.ok_or(CommandError::fixed(error))
}

/// Marks the watched keys of `db` that will be others once it holds what `other` holds. A key that is missing now and
/// has expired there stays as good as missing.
fn mark_replaced(cx: &mut Context<'_>, db: usize, other: usize) {
    let watched: Vec<Box<[u8]>> = cx.sessions.watches.keys_in(db).map(Box::from).collect();
    for key in watched {
        let (is_here, is_there) = (is_present(cx, db, &key), is_present(cx, other, &key));
        let hashed = hashed(cx, &key);
        if !is_here && is_there && cx.db.other(other).has_expired_key(hashed) {
            cx.sessions.watches.note_expired(db, &key);
        } else if is_here || is_there {
            cx.db.effects.mark(db, &key);
        }
    }
}

fn is_present(cx: &Context<'_>, db: usize, key: &[u8]) -> bool {
    cx.db.keyspace.db(db).get(hashed(cx, key)).is_some()
}

fn hashed<'k>(cx: &Context<'_>, key: &'k [u8]) -> Key<'k> {
    cx.db.keyspace.hasher().key(key)
}
