//! CLIENT PAUSE and UNPAUSE. The engine holds requests back; here is only said until when, and which.

use crate::resp;

use crate::command::{Args, CommandError, Context, Outcome, Pause};

pub(super) fn pause(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let all = match args.len() {
        3 => true,
        4 if args.is(3, "all") => true,
        4 if args.is(3, "write") => false,
        4 => return Err(CommandError::fixed("ERR CLIENT PAUSE mode must be WRITE or ALL")),
        _ => return Err(super::malformed(args)),
    };
    let until = cx.now.mono.plus(timeout_ms(args.at(2))?);
    let pause = Pause { until, all };
    // A second pause never weakens the first.
    let merged = |old: Pause| Pause { until: old.until.max(until), all: old.all || all };
    cx.server.pause = Some(cx.server.pause.map_or(pause, merged));
    cx.reply.ok();
    Ok(Outcome::PauseChanged)
}

pub(super) fn unpause(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.server.pause = None;
    cx.reply.ok();
    Ok(Outcome::PauseChanged)
}

/// A timeout in milliseconds.
pub(in crate::command) fn timeout_ms(text: &[u8]) -> Result<u64, CommandError> {
    let timeout = resp::parse_i64(text);
    let timeout = timeout.ok_or(CommandError::fixed("ERR timeout is not an integer or out of range"))?;
    u64::try_from(timeout).map_err(|_| CommandError::fixed("ERR timeout is negative"))
}
