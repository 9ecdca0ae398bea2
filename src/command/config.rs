//! CONFIG: the table of directives at run time. What a change means to a socket or a file is the shell's affair.

use crate::config::{Caller, Config, ConfigError};

use super::{Args, Command, CommandError, Context, Flags, Outcome, Stats, help};

const FLAGS: Flags = Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::LOADING).with(Flags::STALE);
const EVERYWHERE: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];

pub(super) const COMMANDS: &[Command] =
    &[Command::container("config", SUBCOMMANDS).about("Commands about the configuration.").since("2.0.0")];

const SUBCOMMANDS: &[Command] = &[
    Command::new("get", get, "parameter=(parameter)...")
        .about("Answers names and values of the directives that match.")
        .since("2.0.0")
        .history(&[("7.0.0", "Several patterns.")])
        .complexity("O(N) with the number of directives")
        .arity(-3)
        .flags(FLAGS),
    Command::new("resetstat", resetstat, "")
        .about("Sets the counters of INFO back to zero.")
        .since("2.0.0")
        .arity(2)
        .flags(FLAGS),
    Command::new("rewrite", rewrite, "")
        .about("Brings the configuration file up to date.")
        .since("2.8.0")
        .arity(2)
        .flags(FLAGS),
    Command::new("set", set, "parameter_value=(parameter value)...")
        .about("Sets directives: all of them, or none if one is refused.")
        .since("2.0.0")
        .history(&[("7.0.0", "Several directives.")])
        .complexity("O(N) with the number of directives given")
        .arity(-4)
        .secrets(|args, index| index > 2 && index % 2 == 1 && Config::is_sensitive(args.at(index - 1)))
        .flags(FLAGS.with(Flags::ENDS_BATCH))
        .tips(EVERYWHERE),
    Command::new("help", show_help, "")
        .about("Shows this text.")
        .since("5.0.0")
        .arity(2)
        .flags(Flags::LOADING.with(Flags::STALE)),
];

fn get(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let patterns: Vec<&[u8]> = args.rest(2).collect();
    let found = cx.config.get(&patterns);
    cx.reply.map(found.len());
    for (name, value) in found {
        cx.reply.bulk(name.as_bytes());
        cx.reply.bulk(&value);
    }
    Ok(Outcome::Done)
}

fn set(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    if !args.len().is_multiple_of(2) {
        return Err(CommandError::SYNTAX);
    }
    let pairs: Vec<(&[u8], &[u8])> = (2..args.len()).step_by(2).map(|at| (args.at(at), args.at(at + 1))).collect();
    let caller = Caller { is_local: cx.session().endpoint.is_local, is_loading: cx.server.loading.is_some() };
    cx.config.set_many(&pairs, caller).map(Outcome::ConfigChanged).map_err(refused)
}

fn refused(error: ConfigError) -> CommandError {
    let code = if error == ConfigError::Loading { "LOADING" } else { "ERR" };
    CommandError::new(format!("{code} {error}"))
}

fn rewrite(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    if cx.config.file.is_none() {
        return Err(CommandError::fixed("ERR The server is running without a config file"));
    }
    Ok(Outcome::ConfigRewrite { all: false })
}

fn resetstat(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    let freed_before = cx.db.keyspace.freed_objects();
    *cx.stats() = Stats { freed_before, ..Stats::default() };
    cx.server.expired_stale_share = 0.0;
    cx.metrics.reset_counters();
    cx.reply.ok();
    Ok(Outcome::Done)
}

fn show_help(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    help::reply(cx, "CONFIG", SUBCOMMANDS);
    Ok(Outcome::Done)
}
