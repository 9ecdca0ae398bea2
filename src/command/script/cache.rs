//! SCRIPT: the cache.

use super::{Args, CommandError, Context, Outcome, SCRIPT, check_flush_mode, error, help};

pub(super) fn load(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let cached = cx.scripts.load(args.at(2)).map_err(|refusal| error(&refusal))?;
    cx.reply.bulk(&cached.sha);
    Ok(Outcome::Done)
}

pub(super) fn exists(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.reply.array(args.len() - 2);
    for sha in args.rest(2) {
        cx.reply.int(cx.scripts.find(sha).is_some().into());
    }
    Ok(Outcome::Done)
}

pub(super) fn show(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let text = cx.scripts.text(args.at(2));
    let text = text.ok_or(CommandError::fixed("NOSCRIPT No matching script. Please use EVAL."))?;
    cx.reply.bulk(text);
    Ok(Outcome::Done)
}

pub(super) fn flush(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    check_flush_mode(args, "ERR SCRIPT FLUSH only support SYNC|ASYNC option")?;
    cx.scripts.flush();
    cx.reply.ok();
    Ok(Outcome::Done)
}

/// There is no debugger: whoever asks for one gets scripts that run through, as one without breakpoints lets them.
pub(super) fn debug(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    if !["YES", "SYNC", "NO"].iter().any(|mode| args.is(2, mode)) {
        return Err(CommandError::fixed("ERR Use SCRIPT DEBUG YES/SYNC/NO"));
    }
    cx.reply.ok();
    Ok(Outcome::Done)
}

pub(super) fn show_help(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    help::reply(cx, "SCRIPT", SCRIPT);
    Ok(Outcome::Done)
}
