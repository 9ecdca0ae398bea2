//! LATENCY: events that made clients wait, and how long each command takes.

use super::{ADMIN, ANY_STATE, doctor, graph};
use crate::command::{Args, Command, CommandError, CommandId, Context, Flags, Outcome, help};

const FLAGS: Flags = ADMIN.with(Flags::NOSCRIPT);
const TIPS: &[&str] = &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"];

pub(super) const SUBCOMMANDS: &[Command] = &[
    Command::new("doctor", doctor, "")
        .about("Answers what the events of the past may mean, for people to read.")
        .since("2.8.13")
        .arity(2)
        .flags(FLAGS)
        .tips(TIPS),
    Command::new("graph", graph, "event")
        .about("Draws the history of an event.")
        .since("2.8.13")
        .arity(3)
        .flags(FLAGS)
        .tips(TIPS),
    Command::new("histogram", histogram, "[command...]")
        .about("Answers how many calls of a command took how long.")
        .since("7.0.0")
        .complexity("O(N) with the number of commands")
        .arity(-2)
        .flags(FLAGS)
        .tips(TIPS),
    Command::new("history", history, "event")
        .about("Answers time and latency of the last samples of an event.")
        .since("2.8.13")
        .arity(3)
        .flags(FLAGS)
        .tips(TIPS),
    Command::new("latest", latest, "")
        .about("Answers the last sample of every event, and the worst.")
        .since("2.8.13")
        .arity(2)
        .flags(FLAGS)
        .tips(TIPS),
    Command::new("reset", reset, "[event...]")
        .about("Forgets samples, of some events or of all.")
        .since("2.8.13")
        .arity(-2)
        .flags(FLAGS)
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
    Command::new("help", show_help, "").about("Shows this text.").since("2.8.13").arity(2).flags(ANY_STATE),
];

fn doctor(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    let report = doctor::report(&cx.metrics.latency, cx.config.slowlog_log_slower_than_us);
    cx.reply.verbatim("txt", report.as_bytes());
    Ok(Outcome::Done)
}

fn graph(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let Some(series) = cx.metrics.latency.named(args.at(2)) else {
        let name = String::from_utf8_lossy(args.at(2));
        return Err(CommandError::new(format!("ERR No samples available for event '{name}'")));
    };
    let picture = graph::draw(series, cx.now.unix_s());
    cx.reply.verbatim("txt", picture.as_bytes());
    Ok(Outcome::Done)
}

/// A container stands for its subcommands; what is no command, or was never called, is left out.
fn histogram(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let mut wanted: Vec<CommandId> = match args.len() {
        2 => cx.table.entries().map(|(id, _)| id).collect(),
        _ => args.rest(2).flat_map(|name| named(cx, name)).collect(),
    };
    wanted.retain(|id| cx.metrics.commands.of(*id).times.is_some());
    cx.reply.map(wanted.len());
    for id in wanted {
        let stats = cx.metrics.commands.of(id);
        let steps = stats.cumulative_us();
        cx.reply.bulk(cx.table.entry(id).full_name.as_bytes());
        cx.reply.map(2);
        cx.reply.bulk(b"calls");
        cx.reply.int(steps.last().map_or(0, |step| step.1) as i64);
        cx.reply.bulk(b"histogram_usec");
        cx.reply.map(steps.len());
        for (us, calls) in steps {
            cx.reply.int(us as i64);
            cx.reply.int(calls as i64);
        }
    }
    Ok(Outcome::Done)
}

fn named(cx: &Context<'_>, name: &[u8]) -> Vec<CommandId> {
    let mut parts = name.splitn(2, |byte| *byte == b'|');
    let (command, subcommand) = (parts.next().unwrap_or_default(), parts.next());
    let Some(id) = cx.table.find(command) else { return Vec::new() };
    match subcommand {
        Some(subcommand) => cx.table.subcommand(id, subcommand).into_iter().collect(),
        None if cx.table.entry(id).is_container() => cx.table.entry(id).subcommands.clone().collect(),
        None => vec![id],
    }
}

fn history(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let Some(series) = cx.metrics.latency.named(args.at(2)) else {
        cx.reply.array(0);
        return Ok(Outcome::Done);
    };
    cx.reply.array(series.samples().len());
    for sample in series.samples() {
        cx.reply.array(2);
        cx.reply.int(sample.unix_s);
        cx.reply.int(sample.latency_ms as i64);
    }
    Ok(Outcome::Done)
}

fn latest(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.reply.array(cx.metrics.latency.series().len());
    for series in cx.metrics.latency.series() {
        let latest = series.latest();
        cx.reply.array(4);
        cx.reply.bulk(series.event.name().as_bytes());
        cx.reply.int(latest.unix_s);
        cx.reply.int(latest.latency_ms as i64);
        cx.reply.int(series.worst_ms as i64);
    }
    Ok(Outcome::Done)
}

fn reset(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let is_meant =
        |event: crate::metrics::Event| args.len() == 2 || args.rest(2).any(|name| name == event.name().as_bytes());
    let count = cx.metrics.latency.reset(is_meant);
    cx.reply.int(count as i64);
    Ok(Outcome::Done)
}

fn show_help(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    help::reply(cx, "LATENCY", SUBCOMMANDS);
    Ok(Outcome::Done)
}
