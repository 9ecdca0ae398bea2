//! FCALL, FCALL_RO and FUNCTION STATS.

use crate::resp::parse_i64;
use crate::script::Kind;

use super::{Args, CommandError, Context, FUNCTION, Flags, Outcome, ScriptRun, busy_with, error, help, key_count};

const BAD_KEYS: CommandError = CommandError::fixed("ERR Bad number of keys provided");

pub(super) fn fcall(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let found = cx.scripts.libraries().function(args.at(1));
    let (_, function) = found.ok_or(CommandError::fixed("ERR Function not found"))?;
    let (name, flags) = (String::from_utf8_lossy(&function.name).into_owned(), function.flags);
    let keys = key_count(args, parse_i64(args.at(2)), BAD_KEYS)?;
    let function = cx.scripts.compiled(args.at(1)).map_err(|refusal| error(&refusal))?;
    Ok(Outcome::RunScript(ScriptRun {
        kind: Kind::Function,
        name,
        function,
        flags: Some(flags),
        reads_only: cx.table.entry(cx.command).has(Flags::READONLY),
        keys,
    }))
}

pub(super) fn stats(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    let reply = &mut cx.reply;
    if let Some(running) = cx.scripts.running.as_ref().filter(|running| running.kind == Kind::Script) {
        return Err(busy_with(running.kind));
    }
    reply.map(2);
    reply.bulk(b"running_script");
    match &cx.scripts.running {
        None => reply.null(),
        Some(running) => {
            reply.map(3);
            reply.bulk(b"name");
            reply.bulk(running.name.as_bytes());
            reply.bulk(b"command");
            reply.array(running.request.len());
            running.request.iter().for_each(|word| reply.bulk(word));
            reply.bulk(b"duration_ms");
            reply.int(running.duration_ms as i64);
        }
    }
    reply.bulk(b"engines");
    reply.map(1);
    reply.bulk(b"LUA");
    reply.map(2);
    reply.bulk(b"libraries_count");
    reply.int(cx.scripts.libraries().len() as i64);
    reply.bulk(b"functions_count");
    reply.int(cx.scripts.libraries().functions_len() as i64);
    Ok(Outcome::Done)
}

pub(super) fn show_help(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    help::reply(cx, "FUNCTION", FUNCTION);
    Ok(Outcome::Done)
}
