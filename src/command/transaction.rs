//! MULTI, EXEC, DISCARD, WATCH, UNWATCH: what is left to handlers. Queueing and the unit are the engine's.

use crate::session::Transaction;

use super::{Args, Command, CommandError, Context, Flags, KeySpec, Origin, Outcome};

const ALWAYS: Flags = Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE);
const QUICK: Flags = ALWAYS.with(Flags::FAST).with(Flags::ALLOW_BUSY);
const TRANSACTION: &[&str] = &["@transaction"];

pub(super) const COMMANDS: &[Command] = &[
    Command::new("multi", multi, "")
        .about("Begins a transaction: what follows waits for EXEC.")
        .since("1.2.0")
        .arity(1)
        .flags(QUICK)
        .categories(TRANSACTION),
    Command::new("exec", exec, "")
        .about("Runs a transaction, unless a watched key was touched.")
        .since("1.2.0")
        .complexity("Depends on the transaction")
        .arity(1)
        .flags(ALWAYS.with(Flags::SKIP_SLOWLOG))
        .categories(TRANSACTION),
    Command::new("discard", discard, "")
        .about("Gives a transaction up.")
        .since("2.0.0")
        .complexity("O(N)")
        .arity(1)
        .flags(QUICK)
        .categories(TRANSACTION),
    Command::new("watch", watch, "key...")
        .about("Lets the next EXEC fail if one of the keys is touched before.")
        .since("2.2.0")
        .complexity("O(N)")
        .arity(-2)
        .flags(QUICK)
        .keys(&[KeySpec::range(1, -1, 1).read_only(&[])])
        .categories(TRANSACTION),
    Command::new("unwatch", unwatch, "")
        .about("Forgets what is watched.")
        .since("2.2.0")
        .arity(1)
        .flags(QUICK)
        .categories(TRANSACTION),
];

fn multi(cx: &mut Context<'_>, _: &Args<'_>) -> Result<Outcome, CommandError> {
    if cx.session().transaction.is_some() {
        return Err(CommandError::fixed("ERR MULTI calls can not be nested"));
    }
    cx.session().transaction = Some(Transaction::default());
    cx.reply.ok();
    Ok(Outcome::Done)
}

fn exec(cx: &mut Context<'_>, _: &Args<'_>) -> Result<Outcome, CommandError> {
    if cx.session().transaction.is_none() {
        return Err(CommandError::fixed("ERR EXEC without MULTI"));
    }
    Ok(Outcome::Exec)
}

fn discard(cx: &mut Context<'_>, _: &Args<'_>) -> Result<Outcome, CommandError> {
    if cx.session().transaction.take().is_none() {
        return Err(CommandError::fixed("ERR DISCARD without MULTI"));
    }
    cx.reply.ok();
    Ok(Outcome::Unwatch)
}

fn watch(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    if cx.session().transaction.is_some() {
        return Err(CommandError::fixed("ERR WATCH inside MULTI is not allowed"));
    }
    cx.reply.ok();
    // Who is to abort anyway needs no more reasons.
    if cx.session().watch_broken || cx.origin == Origin::Master {
        return Ok(Outcome::Done);
    }
    for index in 1..args.len() {
        let is_expired = cx.db.has_expired_key(args.key(index));
        let bytes = cx.sessions.watches.watch(cx.client, cx.db.index, args.at(index), is_expired);
        cx.session().watched_bytes += bytes;
    }
    Ok(Outcome::WatchAdded)
}

fn unwatch(cx: &mut Context<'_>, _: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.reply.ok();
    Ok(Outcome::Unwatch)
}
