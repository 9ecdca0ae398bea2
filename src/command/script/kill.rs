//! SCRIPT KILL and FUNCTION KILL: the end of what runs, if it leaves nothing half-done.

use crate::script::Kind;

use super::{Args, CommandError, Context, Outcome};

/// What others are answered while code of this kind runs for too long.
pub const fn busy_with(kind: Kind) -> CommandError {
    CommandError::fixed(match kind {
        Kind::Script => "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
        Kind::Function => "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.",
    })
}

pub(super) fn kill_script(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    kill(cx, Kind::Script)
}

pub(super) fn kill_function(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    kill(cx, Kind::Function)
}

fn kill(cx: &mut Context<'_>, kind: Kind) -> Result<Outcome, CommandError> {
    let Some(running) = &mut cx.scripts.running else {
        return Err(CommandError::fixed("NOTBUSY No scripts in execution right now."));
    };
    if running.is_from_master {
        return Err(CommandError::fixed(
            "UNKILLABLE The busy script was sent by a master instance in the context of replication and cannot be \
             killed.",
        ));
    }
    if running.has_written {
        return Err(CommandError::fixed(
            "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the \
             script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.",
        ));
    }
    if running.kind != kind {
        return Err(busy_with(running.kind));
    }
    running.is_killed = true;
    cx.reply.ok();
    Ok(Outcome::Done)
}
