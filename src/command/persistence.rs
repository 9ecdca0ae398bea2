//! Commands about the RDB file and the end of the process. The engine takes the snapshot, the shell writes it.

use super::{Args, Command, CommandError, Context, Flags, Outcome, ShutdownOptions};

const SAVES: Flags = Flags::NO_ASYNC_LOADING.with(Flags::ADMIN).with(Flags::NOSCRIPT);

const NO_SAVE: CommandError = CommandError::fixed("ERR Background saving is currently not in progress or scheduled");

const SHUTDOWN_SYNTAX: &str = "nosave_save=[NOSAVE | SAVE] [NOW]@7.0.0 [FORCE]@7.0.0 [ABORT]@7.0.0";

pub(super) const COMMANDS: &[Command] = &[
    Command::new("bgsave", bgsave, "operation=[SCHEDULE@3.2.2 | CANCEL@8.1.0]")
        .about("Starts to write all data to the RDB file, and goes on serving.")
        .arity(-1)
        .history(&[("3.2.2", "Option SCHEDULE."), ("8.1.0", "Option CANCEL.")])
        .flags(SAVES),
    Command::new("lastsave", lastsave, "")
        .about("Answers the Unix time of the last successful save.")
        .arity(1)
        .flags(Flags::LOADING.with(Flags::STALE).with(Flags::FAST))
        .categories(&["@admin", "@dangerous"])
        .tips(&["nondeterministic_output"]),
    Command::new("save", save, "")
        .about("Writes all data to the RDB file, and answers when it is there.")
        .complexity("O(N) with the number of keys")
        .arity(1)
        .flags(SAVES.with(Flags::NO_MULTI)),
    Command::new("shutdown", shutdown, SHUTDOWN_SYNTAX)
        .about("Lets replicas catch up, saves, and ends the server.")
        .complexity("O(N) with the number of keys if it saves")
        .arity(-1)
        .history(&[("7.0.0", "Options NOW, FORCE, ABORT.")])
        .flags(
            Flags::ADMIN
                .with(Flags::NOSCRIPT)
                .with(Flags::LOADING)
                .with(Flags::STALE)
                .with(Flags::NO_MULTI)
                .with(Flags::ALLOW_BUSY),
        ),
];

fn bgsave(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    if args.len() == 2 && args.is(1, "cancel") {
        if cx.server.save.running_since.is_none() {
            return Err(NO_SAVE);
        }
        cx.reply.simple("Background saving cancelled");
        return Ok(Outcome::CallSaveOff);
    }
    // SCHEDULE asks to wait for a rewrite of the append-only file rather than to fail: a save never has to here.
    if args.len() > 2 || args.len() == 2 && !args.is(1, "schedule") {
        return Err(CommandError::SYNTAX);
    }
    if cx.server.save.running_since.is_some() {
        return Err(CommandError::fixed("ERR Background save already in progress"));
    }
    cx.reply.simple("Background saving started");
    Ok(Outcome::BackgroundSave)
}

fn lastsave(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.reply.int(cx.server.save.last_save_unix_s);
    Ok(Outcome::Done)
}

fn save(_cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    Ok(Outcome::Save)
}

fn shutdown(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let (mut save, mut nosave) = (false, false);
    let mut options = ShutdownOptions::default();
    for word in args.rest(1) {
        match word.to_ascii_lowercase().as_slice() {
            b"save" => save = true,
            b"nosave" => nosave = true,
            b"now" => options.now = true,
            b"force" => options.force = true,
            b"abort" => options.abort = true,
            _ => return Err(CommandError::SYNTAX),
        }
    }
    let has_others = save || nosave || options.now || options.force;
    if save && nosave || options.abort && has_others {
        return Err(CommandError::SYNTAX);
    }
    options.save = match (save, nosave || cx.server.loading.is_some()) {
        // Half-loaded data must not overwrite the file they come from.
        (_, true) => Some(false),
        (true, false) => Some(true),
        (false, false) => None,
    };
    Ok(Outcome::Shutdown(options))
}
