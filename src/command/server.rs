//! TIME.

use super::{Args, Command, CommandError, Context, Flags, Outcome};

pub(super) const COMMANDS: &[Command] = &[Command::new("time", time, "")
    .about("Answers the Unix time in seconds, and the microseconds of this second.")
    .since("2.6.0")
    .arity(1)
    .flags(Flags::LOADING.with(Flags::STALE).with(Flags::FAST))
    .tips(&["nondeterministic_output"])];

fn time(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    let now_us = cx.now.unix_us;
    cx.reply.array(2);
    for part in [now_us / 1_000_000, now_us % 1_000_000] {
        cx.reply.bulk(part.to_string().as_bytes());
    }
    Ok(Outcome::Done)
}
