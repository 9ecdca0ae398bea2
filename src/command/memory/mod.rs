//! MEMORY: what takes memory, and giving it back.

mod doctor;
mod figures;
mod stats;

pub use figures::{MemoryFigures, uncounted_bytes};

use crate::alloc;
use crate::resp;

use super::{Args, Command, CommandError, Context, Flags, KeySpec, Outcome, help};

pub(super) const COMMANDS: &[Command] =
    &[Command::container("memory", SUBCOMMANDS).about("Commands about memory.").since("4.0.0")];

const REPORT_TIPS: &[&str] = &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"];

const SUBCOMMANDS: &[Command] = &[
    Command::new("doctor", doctor::doctor, "")
        .about("Says in words what is unusual about memory.")
        .since("4.0.0")
        .arity(2)
        .tips(REPORT_TIPS),
    Command::new("malloc-stats", malloc_stats, "")
        .about("Shows the allocator's own report.")
        .since("4.0.0")
        .complexity("Depends on how much memory is allocated, could be slow")
        .arity(2)
        .tips(REPORT_TIPS),
    Command::new("purge", purge, "")
        .about("Gives unused pages back to the system.")
        .since("4.0.0")
        .complexity("Depends on how much memory is allocated, could be slow")
        .arity(2)
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
    Command::new("stats", stats::stats, "")
        .about("Answers what takes how much memory.")
        .since("4.0.0")
        .arity(2)
        .tips(REPORT_TIPS),
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

fn purge(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    if !alloc::purge() {
        return Err(CommandError::fixed("ERR Error purging dirty pages"));
    }
    cx.reply.ok();
    Ok(Outcome::Done)
}

fn malloc_stats(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.reply.verbatim("txt", alloc::report().as_bytes());
    Ok(Outcome::Done)
}

fn show_help(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    help::reply(cx, "MEMORY", SUBCOMMANDS);
    Ok(Outcome::Done)
}
