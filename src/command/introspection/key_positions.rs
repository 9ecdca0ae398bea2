//! COMMAND GETKEYS and GETKEYSANDFLAGS: which words of a request are keys.

use crate::command::{Args, CommandError, Context, KeySpec, Outcome};

use super::info::reply_words;

const UNKNOWN_COMMAND: CommandError = CommandError::fixed("ERR Invalid command specified");
const NO_KEYS: CommandError = CommandError::fixed("ERR The command has no key arguments");
const WRONG_ARITY: CommandError = CommandError::fixed("ERR Invalid number of arguments specified for command");
const MALFORMED: CommandError = CommandError::fixed("ERR Invalid arguments specified for command");

pub(super) fn keys(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let found = found(cx, args)?;
    cx.reply.array(found.len());
    found.iter().for_each(|(key, _)| cx.reply.bulk(key));
    Ok(Outcome::Done)
}

pub(super) fn keys_and_flags(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let found = found(cx, args)?;
    cx.reply.array(found.len());
    let request: Vec<&[u8]> = args.rest(2).collect();
    for (key, spec) in found {
        cx.reply.array(2);
        cx.reply.bulk(key);
        reply_words(&mut cx.reply, spec.flags_in(&request).collect());
    }
    Ok(Outcome::Done)
}

/// The keys of the request that stands from word 2 on, each with its spec.
fn found<'a>(cx: &Context<'_>, args: &Args<'a>) -> Result<Vec<(&'a [u8], &'static KeySpec)>, CommandError> {
    let request: Vec<&[u8]> = args.rest(2).collect();
    let id = cx.table.resolve(request[0], request.get(1).copied()).ok_or(UNKNOWN_COMMAND)?;
    let entry = cx.table.entry(id);
    if entry.is_container() && request.len() > 1 {
        return Err(UNKNOWN_COMMAND);
    }
    let command = entry.command;
    if !command.keys.iter().any(KeySpec::names_keys) {
        return Err(NO_KEYS);
    }
    if !command.accepts(request.len()) {
        return Err(WRONG_ARITY);
    }
    let mut found = Vec::new();
    for spec in command.keys.iter().filter(|spec| spec.names_keys()) {
        let positions = spec.positions(&request).ok_or(MALFORMED)?;
        found.extend(positions.into_iter().map(|position| (request[position], spec)));
    }
    if found.is_empty() {
        return Err(MALFORMED);
    }
    Ok(found)
}
