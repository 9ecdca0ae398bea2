//! OBJECT: how a value is kept.

use crate::command::{Args, Command, CommandError, Context, Flags, KeySpec, Outcome, help};
use crate::keyspace::{Encoding, Entry, Value};
use crate::resp::parse_i64;

const NO_FREQUENCY: CommandError = CommandError::fixed(
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching \
     between policies at runtime LRU and LFU data will take some time to adjust.",
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
    match cx.db.peek(args.key(2)).map(|entry| encoding_name(entry.value())) {
        Some(name) => cx.reply.bulk(name.as_bytes()),
        None => cx.reply.null(),
    }
    Ok(Outcome::Done)
}

fn encoding_name(value: Value<'_>) -> &'static str {
    match value {
        Value::String(string) => match string.encoding() {
            Encoding::Int => "int",
            Encoding::Embstr => "embstr",
            Encoding::Raw => "raw",
        },
        #[allow(unreachable_patterns)]
        _ => "unknown",
    }
}

/// What Redis answers for a value that all its users share: the integers of this range. Here no value is shared, but
/// clients tell by this number which values cost nothing more.
const SHARED: i64 = i32::MAX as i64;
const SHARED_INTEGERS: i64 = 10_000;

fn refcount(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let shares_integers = !cx.config.maxmemory_policy.counts_accesses() || cx.config.maxmemory == 0;
    let is_shared = |entry: Entry<'_>| {
        let Value::String(string) = entry.value();
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
    let clock = cx.db.access_clock;
    match cx.db.peek(args.key(2)).map(|entry| entry.access()) {
        // 24 bits of seconds: wraps around after 194 days.
        Some(access) => cx.reply.int(i64::from(clock.wrapping_sub(access) & 0xff_ffff)),
        None => cx.reply.null(),
    }
    Ok(Outcome::Done)
}

fn freq(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    if cx.db.peek(args.key(2)).is_none() {
        cx.reply.null();
        return Ok(Outcome::Done);
    }
    Err(NO_FREQUENCY)
}

fn object_help(cx: &mut Context<'_>, _: &Args<'_>) -> Result<Outcome, CommandError> {
    help::reply(cx, "OBJECT", COMMANDS);
    Ok(Outcome::Done)
}
