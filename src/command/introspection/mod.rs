//! COMMAND: what the table says of itself. No command is named here; all of it is derived from the rows.

mod docs;
mod info;
mod key_positions;

use crate::config::glob;

use super::{Args, Command, CommandError, CommandId, CommandTable, Context, Entry, Flags, Outcome, category, help};

const ALWAYS: Flags = Flags::LOADING.with(Flags::STALE);
const UNORDERED: &[&str] = &["nondeterministic_output_order"];

pub(super) const COMMANDS: &[Command] = &[Command::new("command", info::all, "")
    .about("Answers what is known of all commands.")
    .since("2.8.13")
    .complexity("O(N)")
    .arity(-1)
    .flags(ALWAYS)
    .categories(&["@connection"])
    .tips(UNORDERED)
    .subcommands(SUBCOMMANDS)];

const SUBCOMMANDS: &[Command] = &[
    row("count", count, "").about("Answers how many commands there are.").since("2.8.13").arity(2),
    row("docs", docs::docs, "[command-name...]")
        .about("Answers what commands are for and which arguments they take.")
        .complexity("O(N)")
        .arity(-2)
        .tips(UNORDERED),
    row("getkeys", key_positions::keys, "command arg...")
        .about("Answers which words of a request are keys.")
        .since("2.8.13")
        .complexity("O(N)")
        .arity(-4),
    row("getkeysandflags", key_positions::keys_and_flags, "command arg...")
        .about("Answers which words of a request are keys, and what becomes of them.")
        .complexity("O(N)")
        .arity(-4),
    row("help", command_help, "").about("Lists the subcommands.").since("5.0.0").arity(2),
    row("info", info::info, "[command-name...]")
        .about("Answers arity, flags and keys of commands.")
        .since("2.8.13")
        .complexity("O(N)")
        .arity(-2)
        .tips(UNORDERED)
        .history(&[("7.0.0", "Without names: all commands.")]),
    row("list", list, "[FILTERBY filterby=(MODULE module-name | ACLCAT category | PATTERN pattern:pattern)]")
        .about("Answers the names of commands.")
        .complexity("O(N)")
        .arity(-2)
        .tips(UNORDERED),
];

const fn row(name: &'static str, handler: super::Handler, syntax: &'static str) -> Command {
    Command::new(name, handler, syntax).since("7.0.0").flags(ALWAYS).categories(&["@connection"])
}

fn count(cx: &mut Context<'_>, _: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.reply.int(cx.table.commands().count() as i64);
    Ok(Outcome::Done)
}

fn list(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let filter = Filter::parse(args)?;
    let wanted: Vec<_> = cx.table.entries().filter(|(_, entry)| filter.lets(entry)).collect();
    cx.reply.array(wanted.len());
    wanted.iter().for_each(|(_, entry)| cx.reply.bulk(entry.full_name.as_bytes()));
    Ok(Outcome::Done)
}

fn command_help(cx: &mut Context<'_>, _: &Args<'_>) -> Result<Outcome, CommandError> {
    help::reply(cx, "COMMAND", SUBCOMMANDS);
    Ok(Outcome::Done)
}

/// FILTERBY of COMMAND LIST.
enum Filter<'a> {
    None,
    /// There are no modules.
    Module,
    Category(String),
    Pattern(&'a [u8]),
}

impl<'a> Filter<'a> {
    fn parse(args: &Args<'a>) -> Result<Filter<'a>, CommandError> {
        match args.len() {
            2 => Ok(Filter::None),
            5 if args.is(2, "FILTERBY") && args.is(3, "MODULE") => Ok(Filter::Module),
            5 if args.is(2, "FILTERBY") && args.is(3, "ACLCAT") => {
                Ok(Filter::Category(format!("@{}", String::from_utf8_lossy(args.at(4)).to_ascii_lowercase())))
            }
            5 if args.is(2, "FILTERBY") && args.is(3, "PATTERN") => Ok(Filter::Pattern(args.at(4))),
            _ => Err(CommandError::SYNTAX),
        }
    }

    fn lets(&self, entry: &Entry) -> bool {
        match self {
            Filter::None => true,
            Filter::Module => false,
            Filter::Category(name) => category::is_in(entry, name),
            Filter::Pattern(pattern) => glob::matches(pattern, entry.full_name.as_bytes(), true),
        }
    }
}

/// The command that a client names: `get`, or `object|encoding`.
fn named(table: &CommandTable, name: &[u8]) -> Option<CommandId> {
    let mut parts = name.splitn(2, |&byte| byte == b'|');
    let id = table.find(parts.next()?)?;
    match parts.next() {
        None => Some(id),
        Some(second) => table.subcommand(id, second),
    }
}
