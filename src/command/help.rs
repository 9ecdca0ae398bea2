//! HELP of a container, derived from the rows of its subcommands: nobody writes it by hand.

use super::{Args, CommandError, Context, Outcome};

/// `<CONTAINER> HELP`: how each subcommand is called, and below it what it does.
pub(super) fn help(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    let table = cx.table;
    let Some(container) = table.entry(cx.command).parent.map(|id| table.entry(id)) else {
        return Err(CommandError::SYNTAX);
    };
    let rows = container.subcommands.clone().map(|id| table.entry(id).command);
    let lines = rows.map(|row| (format!("{} {}", row.name.to_uppercase(), row.syntax), row.summary));
    write(cx, &container.full_name.to_uppercase(), lines);
    Ok(Outcome::Done)
}

/// Answers a help text from pairs of usage and meaning.
pub(super) fn write<'t>(cx: &mut Context<'_>, name: &str, lines: impl ExactSizeIterator<Item = (String, &'t str)>) {
    cx.reply.array(1 + 2 * lines.len());
    // The words that clients and tests look for.
    cx.reply.simple(&format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for (usage, meaning) in lines {
        cx.reply.simple(usage.trim_end());
        cx.reply.simple(&format!("    {meaning}"));
    }
}

/// The handler of a row that only holds subcommands. The gate refuses such a request before it comes here.
pub(super) fn container(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    Err(CommandError::wrong_arity(cx.command_name()))
}
