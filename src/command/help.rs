//! HELP of a container: its subcommands with their arguments and summaries, out of their rows.

use super::{Command, Context};

/// Answers the list of `subcommands`.
pub(super) fn reply(cx: &mut Context<'_>, container: &str, subcommands: &[Command]) {
    let others = subcommands.iter().filter(|subcommand| subcommand.name != "help");
    let mut lines = vec![format!("{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")];
    for subcommand in others {
        lines.push(usage(subcommand).trim_end().to_owned());
        lines.push(format!("    {}", subcommand.summary));
    }
    lines.push("HELP".to_owned());
    lines.push("    Prints this help.".to_owned());
    cx.reply.array(lines.len());
    lines.iter().for_each(|line| cx.reply.simple(line));
}

/// Name and arguments; the notation's types, names and versions are left out.
fn usage(subcommand: &Command) -> String {
    let words = subcommand.syntax.split(' ').map(|word| {
        let word = word.split_once('@').map_or(word, |(word, _)| word);
        let word = word.split_once('=').map_or(word, |(_, word)| word);
        match word.split_once(':') {
            Some((name, kind)) => {
                let closing = kind.trim_start_matches(|c: char| c.is_ascii_lowercase() || c == '-');
                format!("{name}{closing}")
            }
            None => word.to_owned(),
        }
    });
    format!("{} {}", subcommand.name.to_uppercase(), words.collect::<Vec<_>>().join(" "))
}
