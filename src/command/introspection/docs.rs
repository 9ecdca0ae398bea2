//! COMMAND DOCS: what a command is for and which arguments it takes.

use crate::command::syntax::{Argument, Kind, parse};
use crate::command::{Args, Command, CommandError, CommandId, Context, Outcome};
use crate::resp::Reply;

use super::{info::reply_words, named};

pub(super) fn docs(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let table = cx.table;
    let wanted: Vec<CommandId> = match args.len() {
        2 => table.commands().map(|(id, _)| id).collect(),
        _ => args.rest(2).filter_map(|name| named(table, name)).collect(),
    };
    reply_all(cx, &wanted);
    Ok(Outcome::Done)
}

fn reply_all(cx: &mut Context<'_>, ids: &[CommandId]) {
    cx.reply.map(ids.len());
    for &id in ids {
        cx.reply.bulk(cx.table.entry(id).full_name.as_bytes());
        reply_docs(cx, id);
    }
}

fn reply_docs(cx: &mut Context<'_>, id: CommandId) {
    let table = cx.table;
    let (entry, command) = (table.entry(id), table.entry(id).command);
    // A row whose notation does not parse fails a test; here it has no arguments.
    let arguments = parse(command.syntax, command.keys.len()).unwrap_or_default();
    let texts = texts(command, entry.group.name());
    let lists = [!command.history.is_empty(), !arguments.is_empty(), !entry.subcommands.is_empty()];
    let is_deprecated = command.deprecated.is_some();
    let fields = texts.len() + usize::from(is_deprecated) + lists.iter().filter(|is_there| **is_there).count();
    cx.reply.map(fields);
    for (name, text) in texts {
        cx.reply.bulk(name.as_bytes());
        cx.reply.bulk(text.as_bytes());
    }
    if is_deprecated {
        cx.reply.bulk(b"doc_flags");
        reply_words(&mut cx.reply, vec!["deprecated"]);
    }
    if lists[0] {
        reply_history(&mut cx.reply, command);
    }
    if lists[1] {
        cx.reply.bulk(b"arguments");
        reply_arguments(&mut cx.reply, &arguments);
    }
    if lists[2] {
        cx.reply.bulk(b"subcommands");
        reply_all(cx, &entry.subcommands.clone().collect::<Vec<_>>());
    }
}

/// Fields that are one text each.
fn texts(command: &Command, group: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut texts = vec![("summary", command.summary), ("since", command.since), ("group", group)];
    if !command.complexity.is_empty() {
        texts.push(("complexity", command.complexity));
    }
    if let Some((since, replaced_by)) = command.deprecated {
        texts.push(("deprecated_since", since));
        texts.push(("replaced_by", replaced_by));
    }
    texts
}

fn reply_history(reply: &mut Reply, command: &Command) {
    reply.bulk(b"history");
    reply.set(command.history.len());
    for (version, change) in command.history {
        reply.array(2);
        reply.bulk(version.as_bytes());
        reply.bulk(change.as_bytes());
    }
}

fn reply_arguments(reply: &mut Reply, arguments: &[Argument]) {
    reply.array(arguments.len());
    for argument in arguments {
        reply_argument(reply, argument);
    }
}

fn reply_argument(reply: &mut Reply, argument: &Argument) {
    let marks = [
        (argument.is_optional, "optional"),
        (argument.is_multiple, "multiple"),
        (argument.repeats_token, "multiple_token"),
    ];
    let marks: Vec<_> = marks.iter().filter(|(is_so, _)| *is_so).map(|(_, name)| *name).collect();
    let key = if let Kind::Key(number) = argument.kind { Some(number) } else { None };
    let parts = argument.kind.parts();
    let optional = [key.is_some(), argument.token.is_some(), argument.since.is_some(), !marks.is_empty()];
    reply.map(2 + optional.iter().filter(|is_there| **is_there).count() + usize::from(!parts.is_empty()));
    reply_text(reply, "name", Some(&argument.name));
    reply_text(reply, "type", Some(argument.kind.name()));
    if let Some(number) = key {
        reply.bulk(b"key_spec_index");
        reply.int(number as i64);
    }
    reply_text(reply, "token", argument.token.as_deref());
    reply_text(reply, "since", argument.since.as_deref());
    if !marks.is_empty() {
        reply.bulk(b"flags");
        reply_words(reply, marks);
    }
    if !parts.is_empty() {
        reply.bulk(b"arguments");
        reply_arguments(reply, parts);
    }
}

/// A field that may be missing.
fn reply_text(reply: &mut Reply, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        reply.bulk(name.as_bytes());
        reply.bulk(text.as_bytes());
    }
}
