//! DEBUG subcommands that steer the server for a test, or that put something into its log, its stream, a reply.
//!
//! Some steer what only Redis has inside, and are answered OK: there is nothing here that would do otherwise.

use rand::RngExt;

use crate::config::glob;
use crate::resp;
use crate::session::Session;

use crate::command::{Args, CommandError, Context, Outcome};

/// Patterns and texts that STRINGMATCH-TEST tries.
const MATCH_ROUNDS: usize = 200_000;
const MATCH_BYTES_MAX: usize = 32;

/// 0 or 1, as Redis reads it: what is no number is 0.
fn is_on(word: &[u8]) -> bool {
    resp::parse_i64(word).unwrap_or(0) != 0
}

pub(super) fn set_active_expire(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.server.active_expire_off = !is_on(args.at(2));
    cx.reply.ok();
    Ok(Outcome::Done)
}

pub(super) fn set_skip_checksum_validation(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.server.skips_checksums = is_on(args.at(2));
    cx.reply.ok();
    Ok(Outcome::Done)
}

pub(super) fn set_disable_deny_scripts(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.server.scripts_may_all = is_on(args.at(2));
    cx.reply.ok();
    Ok(Outcome::Done)
}

pub(super) fn pause_cron(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.server.cron_paused = is_on(args.at(2));
    cx.reply.ok();
    Ok(Outcome::Done)
}

/// Tables grow by themselves, one segment at a time: there is no resizing to hold back. Nor are there scripts yet that
/// could be denied anything.
pub(super) fn nothing(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.reply.ok();
    Ok(Outcome::Done)
}

/// Steers when Redis's reply buffers of fixed size change it. Ours are as large as what waits in them.
pub(super) fn replybuffer(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    if args.is(2, "peak-reset-time") {
        if !args.is(3, "never") && !args.is(3, "reset") {
            args.int(3)?;
        }
    } else if !args.is(2, "resizing") {
        return Err(super::unknown(args));
    }
    cx.reply.ok();
    Ok(Outcome::Done)
}

pub(super) fn error(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.reply.error(&String::from_utf8_lossy(args.at(2)));
    Ok(Outcome::Done)
}

pub(super) fn log(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.reply.ok();
    let line = format!("DEBUG LOG: {}", String::from_utf8_lossy(args.at(2)));
    Ok(Outcome::Log { line, error: None })
}

/// The words go into the stream and are not executed here: so replicas can be made to differ.
pub(super) fn replicate(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let db = cx.node.stream_db.unwrap_or(cx.db.index);
    cx.db.effects.also_propagate(db, &args.rest(2).collect::<Vec<_>>());
    cx.reply.ok();
    Ok(Outcome::Done)
}

pub(super) fn rewrite_all(_cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    Ok(Outcome::ConfigRewrite { all: true })
}

/// Matches random texts against random patterns, among which are malformed ones.
pub(super) fn stringmatch_test(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    const LETTERS: &[u8] = b"ab*?[]^-\\\xff";
    let mut draw = |bytes: &mut Vec<u8>| {
        bytes.clear();
        let len = cx.rng.random_range(0..=MATCH_BYTES_MAX);
        bytes.extend((0..len).map(|_| LETTERS[cx.rng.random_range(0..LETTERS.len())]));
    };
    let (mut pattern, mut text) = (Vec::new(), Vec::new());
    for _ in 0..MATCH_ROUNDS {
        draw(&mut pattern);
        draw(&mut text);
        std::hint::black_box(glob::matches(&pattern, &text, false));
    }
    cx.reply.simple("Apparently Redis did not crash: test passed");
    Ok(Outcome::Done)
}

pub(super) fn structsize(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    let text = format!("bits:{} session:{} ", usize::BITS, size_of::<Session>());
    cx.reply.bulk(text.as_bytes());
    Ok(Outcome::Done)
}

/// No limit on the memory of all clients is in effect, so there are no pools of them by size.
pub(super) fn client_eviction(_cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    Err(CommandError::fixed("ERR maxmemory-clients is disabled."))
}

pub(super) fn clusterlink(_cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    if !args.is(2, "kill") {
        return Err(super::unknown(args));
    }
    Err(CommandError::fixed("ERR Debug option only available for cluster mode enabled setup!"))
}
