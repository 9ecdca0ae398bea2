//! EVAL, EVALSHA and their forms for readers.

use crate::resp::parse_i64;
use crate::script::{Cached, Kind};

use super::{Args, CommandError, Context, Flags, Outcome, ScriptRun, error, key_count};

const NO_SCRIPT: CommandError = CommandError::fixed("NOSCRIPT No matching script. Please use EVAL.");

pub(super) fn eval(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let keys = key_count(args, parse_i64(args.at(2)), CommandError::NOT_AN_INTEGER)?;
    let cached = cx.scripts.load(args.at(1)).map_err(|refusal| error(&refusal))?;
    Ok(run(cx, cached, keys))
}

pub(super) fn evalsha(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    if args.at(1).len() != 40 {
        return Err(NO_SCRIPT);
    }
    let keys = key_count(args, parse_i64(args.at(2)), CommandError::NOT_AN_INTEGER)?;
    let cached = cx.scripts.find(args.at(1)).ok_or(NO_SCRIPT)?;
    Ok(run(cx, cached, keys))
}

fn run(cx: &Context<'_>, cached: Cached, keys: usize) -> Outcome {
    Outcome::RunScript(ScriptRun {
        kind: Kind::Script,
        name: String::from_utf8_lossy(&cached.sha).into_owned(),
        function: cached.function,
        flags: cached.flags,
        reads_only: cx.table.entry(cx.command).has(Flags::READONLY),
        keys,
    })
}
