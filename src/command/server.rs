//! TIME and MEMORY.
//!
//! MEMORY USAGE is here; the other figures of MEMORY stand in INFO for now.

use crate::resp;

use super::{Args, Command, CommandError, Context, Flags, KeySpec, Outcome, help};

pub(super) const COMMANDS: &[Command] = &[
    Command::container("memory", MEMORY).about("Commands about memory.").since("4.0.0"),
    Command::new("time", time, "")
        .about("Answers the Unix time in seconds, and the microseconds of this second.")
        .since("2.6.0")
        .arity(1)
        .flags(Flags::LOADING.with(Flags::STALE).with(Flags::FAST))
        .tips(&["nondeterministic_output"]),
];

const MEMORY: &[Command] = &[
    Command::new("usage", usage, "key [SAMPLES count:integer]")
        .about("Answers how many bytes a key and its value take.")
        .since("4.0.0")
        .complexity("O(1)")
        .arity(-3)
        .flags(Flags::READONLY)
        .keys(&[KeySpec::at(2).read_only(&[])]),
    Command::new("help", show_help, "")
        .about("Shows this text.")
        .since("4.0.0")
        .arity(2)
        .flags(Flags::LOADING.with(Flags::STALE)),
];

fn time(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    let now_us = cx.now.unix_us;
    cx.reply.array(2);
    for part in [now_us / 1_000_000, now_us % 1_000_000] {
        cx.reply.bulk(part.to_string().as_bytes());
    }
    Ok(Outcome::Done)
}

/// The allocator's sizes are known exactly: SAMPLES, an estimate's effort, is checked and then not needed.
fn usage(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    for at in (3..args.len()).step_by(2) {
        if !args.is(at, "samples") || at + 1 == args.len() {
            return Err(CommandError::SYNTAX);
        }
        let samples = resp::parse_i64(args.at(at + 1)).ok_or(CommandError::NOT_AN_INTEGER)?;
        if samples < 0 {
            return Err(CommandError::SYNTAX);
        }
    }
    let size_bytes = cx.db.peek(args.key(2)).map(|entry| entry.size_bytes());
    match size_bytes {
        Some(bytes) => cx.reply.int(bytes as i64),
        None => cx.reply.null(),
    }
    Ok(Outcome::Done)
}

fn show_help(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    help::reply(cx, "MEMORY", MEMORY);
    Ok(Outcome::Done)
}
