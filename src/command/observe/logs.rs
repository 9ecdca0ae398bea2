//! SLOWLOG (Redis) and COMMANDLOG (Valkey): two faces of the same notes.

use super::{ADMIN, ANY_STATE};
use crate::command::{Args, Command, CommandError, Context, Outcome, help};
use crate::metrics::{LogKind, Note};
use crate::resp::{self, Reply};

const EVERYWHERE: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];
const SUMMED: &[&str] = &["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"];
const LISTED: &[&str] = &["request_policy:all_nodes", "nondeterministic_output"];
/// SLOWLOG GET without a count.
const SHOWN: usize = 10;

pub(super) const SLOWLOG: &[Command] = &[
    Command::new("get", slowlog_get, "[count:integer]")
        .about("Answers the latest slow requests.")
        .since("2.2.12")
        .complexity("O(N) with the number of notes")
        .history(&[("4.0.0", "Address and name of the client.")])
        .arity(-2)
        .flags(ADMIN)
        .tips(LISTED),
    Command::new("len", slowlog_len, "")
        .about("Answers how many slow requests are noted.")
        .since("2.2.12")
        .arity(2)
        .flags(ADMIN)
        .tips(SUMMED),
    Command::new("reset", slowlog_reset, "")
        .about("Forgets all notes of slow requests.")
        .since("2.2.12")
        .complexity("O(N) with the number of notes")
        .arity(2)
        .flags(ADMIN)
        .tips(EVERYWHERE),
    Command::new("help", slowlog_help, "").about("Shows this text.").since("6.2.0").arity(2).flags(ANY_STATE),
];

pub(super) const COMMANDLOG: &[Command] = &[
    Command::new("get", commandlog_get, "count:integer type=(SLOW | LARGE-REQUEST | LARGE-REPLY)")
        .about("Answers the latest notes of a kind.")
        .since("8.1.0")
        .complexity("O(N) with the number of notes")
        .arity(4)
        .flags(ADMIN)
        .tips(LISTED),
    Command::new("len", commandlog_len, "type=(SLOW | LARGE-REQUEST | LARGE-REPLY)")
        .about("Answers how many notes of a kind there are.")
        .since("8.1.0")
        .arity(3)
        .flags(ADMIN)
        .tips(SUMMED),
    Command::new("reset", commandlog_reset, "type=(SLOW | LARGE-REQUEST | LARGE-REPLY)")
        .about("Forgets all notes of a kind.")
        .since("8.1.0")
        .complexity("O(N) with the number of notes")
        .arity(3)
        .flags(ADMIN)
        .tips(EVERYWHERE),
    Command::new("help", commandlog_help, "").about("Shows this text.").since("8.1.0").arity(2).flags(ANY_STATE),
];

fn slowlog_get(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let count = match args.len() {
        2 => SHOWN,
        3 => count(args.at(2))?,
        _ => return Err(CommandError::SYNTAX),
    };
    show(cx, LogKind::Slow, count)
}

fn commandlog_get(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let count = count(args.at(2))?;
    show(cx, kind(args.at(3))?, count)
}

/// -1 stands for all.
fn count(word: &[u8]) -> Result<usize, CommandError> {
    let count = resp::parse_i64(word).filter(|count| *count >= -1);
    let count = count.ok_or(CommandError::fixed("ERR count should be greater than or equal to -1"))?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

fn kind(word: &[u8]) -> Result<LogKind, CommandError> {
    match word.to_ascii_lowercase().as_slice() {
        b"slow" => Ok(LogKind::Slow),
        b"large-request" => Ok(LogKind::LargeRequest),
        b"large-reply" => Ok(LogKind::LargeReply),
        _ => Err(CommandError::fixed("ERR type should be one of the following: slow, large-request, large-reply")),
    }
}

fn show(cx: &mut Context<'_>, kind: LogKind, count: usize) -> Result<Outcome, CommandError> {
    let notes = cx.metrics.logs.of(kind).notes();
    cx.reply.array(notes.len().min(count));
    notes.take(count).for_each(|note| show_note(&mut cx.reply, note));
    Ok(Outcome::Done)
}

fn show_note(reply: &mut Reply, note: &Note) {
    reply.array(6);
    reply.int(note.id as i64);
    reply.int(note.unix_s);
    reply.int(note.value as i64);
    reply.array(note.request.0.len());
    note.request.0.iter().for_each(|word| reply.bulk(word));
    reply.bulk(note.peer_addr.as_bytes());
    reply.bulk(&note.client_name);
}

fn slowlog_len(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.reply.int(cx.metrics.logs.slow.notes().len() as i64);
    Ok(Outcome::Done)
}

fn commandlog_len(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let kind = kind(args.at(2))?;
    cx.reply.int(cx.metrics.logs.of(kind).notes().len() as i64);
    Ok(Outcome::Done)
}

fn slowlog_reset(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.metrics.logs.slow.clear();
    cx.reply.ok();
    Ok(Outcome::Done)
}

fn commandlog_reset(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.metrics.logs.of_mut(kind(args.at(2))?).clear();
    cx.reply.ok();
    Ok(Outcome::Done)
}

fn slowlog_help(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    help::reply(cx, "SLOWLOG", SLOWLOG);
    Ok(Outcome::Done)
}

fn commandlog_help(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    help::reply(cx, "COMMANDLOG", COMMANDLOG);
    Ok(Outcome::Done)
}
