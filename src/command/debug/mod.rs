//! DEBUG: for tests and for those who look for a fault. Refused unless `enable-debug-command` allows it.
//!
//! Subcommands are rows of a table of their own: COMMAND does not show them, in Redis neither. What is not in it
//! (leaks, the inside of C structures) does not exist here.

mod crash;
mod data;
mod digest;
mod inspect;
mod protocol;
mod steer;

use std::time::Duration;

use super::{Args, Command, CommandError, Context, Flags, Holds, Outcome, help};

pub use digest::{Digest, keyspace_digest};

pub(super) const COMMANDS: &[Command] = &[Command::new("debug", debug, "")
    .about("Commands for tests and fault finding.")
    .complexity("Depends on subcommand")
    .arity(-2)
    .flags(Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::LOADING).with(Flags::STALE).with(Flags::PROTECTED))];

const SUBCOMMANDS: &[Command] = &[
    crash::ASSERT,
    crash::PANIC,
    crash::SEGFAULT,
    Command::new("change-repl-id", change_repl_id, "")
        .about("Takes a new replication ID: whoever asks for the old one is fully resynchronized.")
        .arity(2),
    Command::new("client-eviction", steer::client_eviction, "")
        .about("Answers how much memory clients of each size hold.")
        .arity(2),
    Command::new("clusterlink", steer::clusterlink, "KILL direction node-id").about("Cuts a link to a node.").arity(5),
    Command::new("config-rewrite-force-all", steer::rewrite_all, "")
        .about("As CONFIG REWRITE, but writes every directive, whether it is off its default or not.")
        .arity(2),
    Command::new("dict-resizing", steer::nothing, "(0 | 1)")
        .about("Holds back the resizing of tables, or no longer.")
        .arity(3),
    Command::new("digest", inspect::digest, "")
        .about("Answers a digest of all data, equal on servers with equal data.")
        .arity(2),
    Command::new("digest-value", inspect::digest_value, "key...")
        .about("Answers a digest of each value, without its name.")
        .arity(-2),
    Command::new("error", steer::error, "message").about("Answers this error.").arity(3),
    Command::new("holds", holds, "[ON | OFF]")
        .about("Starts or ends measuring how long the lock is held, or answers what was measured.")
        .arity(-2),
    Command::new("htstats", inspect::htstats, "index:integer")
        .about("Answers how full a database's table is.")
        .arity(3),
    Command::new("htstats-key", inspect::htstats_key, "key")
        .about("Answers the same of a value that is a table.")
        .arity(3),
    Command::new("jmap", inspect::jmap, "").about("Answers how many keys and bytes there are of each type.").arity(2),
    Command::new("listpack", inspect::listpack, "key").about("Answers how a compact list is laid out.").arity(3),
    Command::new("log", steer::log, "message").about("Writes a line into the server's log.").arity(3),
    Command::new("object", inspect::object, "key").about("Answers how the value at a key is stored.").arity(3),
    Command::new("pause-cron", steer::pause_cron, "(0 | 1)").about("With 1, periodic work rests.").arity(3),
    Command::new("populate", data::populate, "count [prefix] [size]")
        .about("Makes count string keys prefix:0, prefix:1 and so on where there are none, for this server alone.")
        .arity(-3),
    Command::new("protocol", protocol::protocol, "type")
        .about("Answers a reply of this type, for authors of clients; an unknown type answers the list of them.")
        .arity(3),
    Command::new("quicklist", inspect::quicklist, "key [0 | 1]").about("Answers how a list is laid out.").arity(-3),
    Command::new("quicklist-packed-threshold", steer::nothing, "size")
        .about("Sets how long an element is that Redis keeps alone; here length decides by itself.")
        .arity(3),
    Command::new("reload", data::reload, "[NOSAVE] [MERGE]")
        .about("Saves the RDB file unless told not to, and loads it in place of the present data.")
        .arity(-2),
    Command::new("replicate", steer::replicate, "word...")
        .about("Sends a command to the replicas that is not executed here.")
        .arity(-3),
    Command::new("replybuffer", steer::replybuffer, "(PEAK-RESET-TIME time | RESIZING enabled)")
        .about("Steers buffers of fixed size, which there are none of.")
        .arity(4),
    Command::new("set-active-expire", steer::set_active_expire, "(0 | 1)")
        .about("With 0, keys expire only when somebody asks for them.")
        .arity(3),
    Command::new("set-disable-deny-scripts", steer::set_disable_deny_scripts, "(0 | 1)")
        .about("Lets scripts use what they are denied.")
        .arity(3),
    Command::new("set-skip-checksum-validation", steer::set_skip_checksum_validation, "(0 | 1)")
        .about("Takes payloads of DUMP and RDB files whatever their checksum, or no longer.")
        .arity(3),
    Command::new("sleep", sleep, "seconds").about("Lets the whole server stand still.").arity(3),
    Command::new("stringmatch-test", steer::stringmatch_test, "")
        .about("Tries patterns on texts, both at random.")
        .arity(2),
    Command::new("structsize", steer::structsize, "").about("Answers sizes of structures.").arity(2),
    Command::new("help", show_help, "").about("Shows this text.").arity(2),
];

fn debug(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let found = SUBCOMMANDS.iter().find(|row| args.is(1, row.name) && row.accepts(args.len()));
    match found {
        Some(row) => (row.handler)(cx, args),
        None => Err(unknown(args)),
    }
}

fn unknown(args: &Args<'_>) -> CommandError {
    let name = &args.at(1)[..args.at(1).len().min(128)];
    CommandError::new(format!(
        "ERR unknown subcommand or wrong number of arguments for '{}'. Try DEBUG HELP.",
        String::from_utf8_lossy(name)
    ))
}

fn change_repl_id(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.reply.ok();
    Ok(Outcome::ChangeReplid)
}

fn holds(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    match args.len() {
        2 => answer_holds(cx),
        3 if args.is(2, "on") => {
            cx.server.holds = Some(Box::default());
            cx.reply.ok();
        }
        3 if args.is(2, "off") => {
            cx.server.holds = None;
            cx.reply.ok();
        }
        _ => return Err(unknown(args)),
    }
    Ok(Outcome::Done)
}

fn answer_holds(cx: &mut Context<'_>) {
    let Some(figures) = cx.server.holds.as_deref().map(Holds::figures) else { return cx.reply.null() };
    cx.reply.map(figures.len());
    for (name, value) in figures {
        cx.reply.bulk(name.as_bytes());
        cx.reply.int(value as i64);
    }
}

fn sleep(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let seconds = std::str::from_utf8(args.at(2)).ok().and_then(|text| text.parse().ok()).unwrap_or(0.0);
    cx.reply.ok();
    Ok(Outcome::Sleep(Duration::try_from_secs_f64(seconds).unwrap_or_default()))
}

fn show_help(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    help::reply(cx, "DEBUG", SUBCOMMANDS);
    Ok(Outcome::Done)
}
