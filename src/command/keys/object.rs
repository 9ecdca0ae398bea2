//! OBJECT: how a value is kept.

use crate::command::{Args, Command, CommandError, Context, Flags, KeySpec, Outcome, help};
use crate::config::Settings;
use crate::keyspace::{Encoding, Entry, Value, access};
use crate::resp::parse_i64;

const NO_FREQUENCY: CommandError = CommandError::fixed(
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching \
     between policies at runtime LRU and LFU data will take some time to adjust.",
);

const NO_IDLE_TIME: CommandError = CommandError::fixed(
    "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies \
     at runtime LRU and LFU data will take some time to adjust.",
);

const KEY: &[KeySpec] = &[KeySpec::at(2).read_only(&[])];

pub(super) const COMMANDS: &[Command] = &[
    row("encoding", encoding).about("Answers the form in which a value is kept.").since("2.2.3"),
    row("freq", freq).about("Answers how often a key is used, on a logarithmic scale.").since("4.0.0"),
    row("idletime", idletime).about("Answers for how many seconds a key was not used.").since("2.2.3"),
    row("refcount", refcount).about("Answers by how many places a value is shared.").since("2.2.3"),
    Command::new("help", object_help, "")
        .about("Lists the subcommands.")
        .since("6.2.0")
        .arity(2)
        .flags(Flags::LOADING.with(Flags::STALE))
        .categories(&["@keyspace"]),
];

const fn row(name: &'static str, handler: crate::command::Handler) -> Command {
    Command::new(name, handler, "key")
        .arity(3)
        .flags(Flags::READONLY)
        .keys(KEY)
        .categories(&["@keyspace"])
        .tips(&["nondeterministic_output"])
}

fn encoding(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    match cx.db.peek(args.key(2)).map(|entry| entry.value().encoding().name()) {
        Some(name) => cx.reply.bulk(name.as_bytes()),
        None => cx.reply.null(),
    }
    Ok(Outcome::Done)
}

/// What Redis answers for a value that all its users share: the integers of this range. Here no value is shared, but
/// clients tell by this number which values cost nothing more.
const SHARED: i64 = i32::MAX as i64;
const SHARED_INTEGERS: i64 = 10_000;

fn refcount(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let shares_integers = !cx.config.maxmemory_policy.counts_accesses() || cx.config.maxmemory == 0;
    let is_shared = |entry: Entry<'_>| {
        let Value::String(string) = entry.value() else { return false };
        let number = (string.encoding() == Encoding::Int).then(|| parse_i64(&string.to_cow())).flatten();
        number.is_some_and(|number| (0..SHARED_INTEGERS).contains(&number))
    };
    match cx.db.peek(args.key(2)).map(is_shared) {
        Some(true) if shares_integers => cx.reply.int(SHARED),
        Some(_) => cx.reply.int(1),
        None => cx.reply.null(),
    }
    Ok(Outcome::Done)
}

fn idletime(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let clock_s = access::lru_clock(cx.now.unix_s());
    reply_access(
        cx,
        args,
        |config| !config.maxmemory_policy.counts_uses(),
        NO_IDLE_TIME,
        |bits, _| access::idle_s(bits, clock_s).into(),
    )
}

fn freq(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let clock_min = access::lfu_clock(cx.now.unix_s());
    reply_access(
        cx,
        args,
        |config| config.maxmemory_policy.counts_uses(),
        NO_FREQUENCY,
        |bits, config| access::decayed(bits, clock_min, config.lfu_decay_time_min).into(),
    )
}

/// Answers what a key's access bits say, if the policy in force gives them that meaning.
fn reply_access(
    cx: &mut Context<'_>,
    args: &Args<'_>,
    has_meaning: impl Fn(&Settings) -> bool,
    error: CommandError,
    figure: impl Fn(u32, &Settings) -> i64,
) -> Result<Outcome, CommandError> {
    match cx.db.peek(args.key(2)).map(|entry| entry.access()) {
        Some(_) if !has_meaning(cx.config) => return Err(error),
        Some(bits) => {
            let figure = figure(bits, cx.config);
            cx.reply.int(figure);
        }
        None => cx.reply.null(),
    }
    Ok(Outcome::Done)
}

fn object_help(cx: &mut Context<'_>, _: &Args<'_>) -> Result<Outcome, CommandError> {
    help::reply(cx, "OBJECT", COMMANDS);
    Ok(Outcome::Done)
}
