//! DEBUG PANIC, ASSERT, SEGFAULT: the ways in which a server can die, so that its last words can be read.

use crate::command::{Args, Command, CommandError, Context, Outcome};

pub(super) const PANIC: Command =
    Command::new("panic", panic, "").about("Lets the server die of a panic, on purpose.").arity(2);
pub(super) const ASSERT: Command =
    Command::new("assert", assert, "").about("Lets the server die of an assertion that fails, on purpose.").arity(2);
pub(super) const SEGFAULT: Command =
    Command::new("segfault", segfault, "").about("Lets the server die of a fault of memory, on purpose.").arity(2);

fn panic(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    panic!("DEBUG PANIC called at Unix time {}", cx.now.unix_s());
}

fn assert(_cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    panic!("assertion failed: 1 == 2");
}

fn segfault(_cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    Ok(Outcome::Crash)
}
