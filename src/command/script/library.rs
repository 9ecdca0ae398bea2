//! FUNCTION LOAD, DELETE, FLUSH, LIST, DUMP, RESTORE: what libraries there are. Changes enter the stream as they came.

use crate::command::Origin;
use crate::config::glob;
use crate::persistence::rdb::{dump_functions, functions_of_payload};
use crate::script::{Libraries, Library, Policy};

use super::{Args, CommandError, Context, Outcome, check_flush_mode, error};

/// A change of the libraries counts as a change of the data.
fn changed(cx: &mut Context<'_>) {
    cx.db.effects.changes += 1;
}

pub(super) fn load(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let last = args.len() - 1;
    if let Some(unknown) = (2..last).find(|index| !args.is(*index, "REPLACE")) {
        let shown = String::from_utf8_lossy(args.at(unknown));
        return Err(CommandError::new(format!("ERR Unknown option given: {shown}")));
    }
    // What our master has loaded, it has had the time for.
    let is_bounded = cx.origin == Origin::Client;
    let name = cx.scripts.load_library(args.at(last), last > 2, is_bounded).map_err(|refusal| error(&refusal))?;
    changed(cx);
    cx.reply.bulk(&name);
    Ok(Outcome::Done)
}

pub(super) fn delete(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    if !cx.scripts.delete_library(args.at(2)) {
        return Err(CommandError::fixed("ERR Library not found"));
    }
    changed(cx);
    cx.reply.ok();
    Ok(Outcome::Done)
}

pub(super) fn flush(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    if args.len() > 3 {
        return Err(wrong_arguments("flush"));
    }
    check_flush_mode(args, "ERR FUNCTION FLUSH only supports SYNC|ASYNC option")?;
    cx.scripts.set_libraries(Libraries::default());
    changed(cx);
    cx.reply.ok();
    Ok(Outcome::Done)
}

fn wrong_arguments(subcommand: &str) -> CommandError {
    CommandError::new(format!(
        "ERR unknown subcommand or wrong number of arguments for '{subcommand}'. Try FUNCTION HELP."
    ))
}

pub(super) fn list(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let (mut pattern, mut with_code) = (None, false);
    let mut index = 2;
    while index < args.len() {
        if !with_code && args.is(index, "WITHCODE") {
            with_code = true;
        } else if pattern.is_none() && args.is(index, "LIBRARYNAME") {
            index += 1;
            if index == args.len() {
                return Err(CommandError::fixed("ERR library name argument was not given"));
            }
            pattern = Some(args.at(index));
        } else {
            let shown = String::from_utf8_lossy(args.at(index));
            return Err(CommandError::new(format!("ERR Unknown argument {shown}")));
        }
        index += 1;
    }
    let is_wanted =
        |library: &&std::sync::Arc<Library>| pattern.is_none_or(|pattern| glob::matches(pattern, &library.name, true));
    let wanted: Vec<_> = cx.scripts.libraries().iter().filter(is_wanted).cloned().collect();
    cx.reply.array(wanted.len());
    wanted.iter().for_each(|library| describe(cx, library, with_code));
    Ok(Outcome::Done)
}

fn describe(cx: &mut Context<'_>, library: &Library, with_code: bool) {
    let reply = &mut cx.reply;
    reply.map(3 + usize::from(with_code));
    for (field, value) in [(b"library_name".as_slice(), library.name.as_slice()), (b"engine", b"LUA")] {
        reply.bulk(field);
        reply.bulk(value);
    }
    reply.bulk(b"functions");
    reply.array(library.functions.len());
    for function in &library.functions {
        reply.map(3);
        reply.bulk(b"name");
        reply.bulk(&function.name);
        reply.bulk(b"description");
        match &function.description {
            Some(description) => reply.bulk(description),
            None => reply.null(),
        }
        reply.bulk(b"flags");
        reply.set(function.flags.names().count());
        function.flags.names().for_each(|name| reply.simple(name));
    }
    if with_code {
        reply.bulk(b"library_code");
        reply.bulk(&library.source);
    }
}

pub(super) fn dump(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    let sources = cx.scripts.libraries().sources();
    let payload = dump_functions(sources.iter().map(|source| &**source), cx.config.rdbcompression);
    cx.reply.bulk(&payload);
    Ok(Outcome::Done)
}

pub(super) fn restore(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let policy = match args.len() {
        3 => Policy::Append,
        4 if args.is(3, "APPEND") => Policy::Append,
        4 if args.is(3, "REPLACE") => Policy::Replace,
        4 if args.is(3, "FLUSH") => Policy::Flush,
        4 => {
            return Err(CommandError::fixed(
                "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
            ));
        }
        _ => return Err(wrong_arguments("restore")),
    };
    let sources = functions_of_payload(args.at(2)).map_err(|refusal| CommandError::new(format!("ERR {refusal}")))?;
    let is_bounded = cx.origin == Origin::Client;
    let libraries = Libraries::of_sources(sources.iter().map(Vec::as_slice), is_bounded);
    let restored = libraries.and_then(|libraries| cx.scripts.restore(libraries, policy));
    restored.map_err(|refusal| error(&refusal))?;
    changed(cx);
    cx.reply.ok();
    Ok(Outcome::Done)
}
