//! COMMAND and COMMAND INFO: the ten fields of a row that clients route and check requests by.

use crate::command::key_spec::{Begin, Find};
use crate::command::{Args, CommandError, CommandId, Context, Entry, Flags, KeySpec, Outcome, category};
use crate::resp::Reply;

use super::named;

pub(super) fn all(cx: &mut Context<'_>, _: &Args<'_>) -> Result<Outcome, CommandError> {
    let table = cx.table;
    cx.reply.array(table.commands().count());
    table.commands().for_each(|(id, _)| reply_info(cx, id));
    Ok(Outcome::Done)
}

pub(super) fn info(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    if args.len() == 2 {
        return all(cx, args);
    }
    cx.reply.array(args.len() - 2);
    for name in args.rest(2) {
        match named(cx.table, name) {
            Some(id) => reply_info(cx, id),
            None => cx.reply.null(),
        }
    }
    Ok(Outcome::Done)
}

fn reply_info(cx: &mut Context<'_>, id: CommandId) {
    let table = cx.table;
    let entry = table.entry(id);
    let (reply, command) = (&mut cx.reply, entry.command);
    reply.array(10);
    reply.bulk(entry.full_name.as_bytes());
    reply.int(command.arity.into());
    reply_words(reply, shown_flags(entry));
    for number in legacy_range(command.keys) {
        reply.int(number);
    }
    reply_words(reply, category::of(entry).collect());
    reply.set(command.tips.len());
    command.tips.iter().for_each(|tip| reply.bulk(tip.as_bytes()));
    reply.set(command.keys.len());
    command.keys.iter().for_each(|spec| reply_key_spec(reply, spec));
    let subcommands = entry.subcommands.clone();
    if subcommands.is_empty() {
        return reply.set(0);
    }
    reply.array(subcommands.len());
    subcommands.for_each(|id| reply_info(cx, id));
}

fn shown_flags(entry: &Entry) -> Vec<&'static str> {
    Flags::SHOWN.iter().filter(|(flag, _)| entry.has(*flag)).map(|(_, name)| *name).collect()
}

/// A set of status words.
pub(super) fn reply_words(reply: &mut Reply, words: Vec<&str>) {
    reply.set(words.len());
    words.iter().for_each(|word| reply.simple(word));
}

/// First key, last key and step, as far as three numbers can say it: ranges that begin at fixed words, joined where
/// each goes on where the one before ends.
fn legacy_range(specs: &[KeySpec]) -> [i64; 3] {
    let mut joined: Option<[i64; 3]> = None;
    for spec in specs {
        let (Begin::At(first), Find::Range { last, step, .. }) = (spec.begin, spec.find) else { continue };
        let first = first as i64;
        let last = if last >= 0 { first + i64::from(last) } else { last.into() };
        joined = match joined {
            None => Some([first, last, step as i64]),
            Some([start, end, _]) if end >= 0 && end == first - 1 => Some([start, last, step as i64]),
            other => other,
        };
    }
    joined.unwrap_or_default()
}

fn reply_key_spec(reply: &mut Reply, spec: &KeySpec) {
    reply.map(3);
    reply.bulk(b"flags");
    reply_words(reply, spec.flags().collect());
    reply.bulk(b"begin_search");
    match spec.begin {
        Begin::At(index) => reply_search(reply, "index", &[("index", Field::Number(index as i64))]),
        Begin::After { keyword, from } => {
            let fields = [("keyword", Field::Text(keyword)), ("startfrom", Field::Number(from.into()))];
            reply_search(reply, "keyword", &fields);
        }
        Begin::Unknown => reply_search(reply, "unknown", &[]),
    }
    reply.bulk(b"find_keys");
    match spec.find {
        Find::Range { last, step, limit } => {
            let numbers = [("lastkey", last.into()), ("keystep", step as i64), ("limit", limit as i64)];
            reply_search(reply, "range", &numbers.map(|(name, number)| (name, Field::Number(number))));
        }
        Find::Count { count_at, first, step } => {
            let numbers = [("keynumidx", count_at), ("firstkey", first), ("keystep", step)];
            reply_search(reply, "keynum", &numbers.map(|(name, number)| (name, Field::Number(number as i64))));
        }
        Find::Unknown | Find::Told(_) => reply_search(reply, "unknown", &[]),
    }
}

enum Field {
    Number(i64),
    Text(&'static str),
}

fn reply_search(reply: &mut Reply, kind: &str, fields: &[(&str, Field)]) {
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(kind.as_bytes());
    reply.bulk(b"spec");
    reply.map(fields.len());
    for (name, field) in fields {
        reply.bulk(name.as_bytes());
        match field {
            Field::Number(number) => reply.int(*number),
            Field::Text(text) => reply.bulk(text.as_bytes()),
        }
    }
}
