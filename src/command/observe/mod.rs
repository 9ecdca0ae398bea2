//! What the server saw of its requests: SLOWLOG, COMMANDLOG, LATENCY, MONITOR.

mod doctor;
mod graph;
mod latency;
mod logs;

use super::{Args, Command, CommandError, Context, Flags, Outcome};
use crate::session::ClientKind;

const ANY_STATE: Flags = Flags::LOADING.with(Flags::STALE);
const ADMIN: Flags = ANY_STATE.with(Flags::ADMIN);

pub(super) const COMMANDS: &[Command] = &[
    Command::container("slowlog", logs::SLOWLOG).about("Commands about requests that were slow.").since("2.2.12"),
    Command::container("commandlog", logs::COMMANDLOG)
        .about("Commands about requests that were slow, large, or had a large reply.")
        .since("8.1.0"),
    Command::container("latency", latency::SUBCOMMANDS).about("Commands about what made clients wait.").since("2.8.13"),
    Command::new("monitor", monitor, "")
        .about("Shows this connection every request that the server runs from now on.")
        .since("1.0.0")
        .complexity("")
        .arity(1)
        .flags(ADMIN.with(Flags::NOSCRIPT)),
];

/// A second MONITOR is not answered, as in Redis.
fn monitor(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    if cx.in_unit {
        return Err(CommandError::fixed("ERR MONITOR isn't allowed for DENY BLOCKING client"));
    }
    let client = cx.client;
    if cx.session().kind == ClientKind::Normal && !cx.sessions.monitors.contains(&client) {
        cx.sessions.monitors.push(client);
        cx.reply.ok();
    }
    Ok(Outcome::Done)
}
