//! MODULE: there are no modules, and none can be loaded.

use super::{Args, Command, CommandError, Context, Flags, Outcome, help};

const LISTS: Flags = Flags::ADMIN.with(Flags::NOSCRIPT);
const CHANGES: Flags = LISTS.with(Flags::NO_ASYNC_LOADING).with(Flags::PROTECTED);

pub(super) const COMMANDS: &[Command] =
    &[Command::container("module", SUBCOMMANDS).about("Commands about modules.").since("4.0.0")];

const SUBCOMMANDS: &[Command] = &[
    Command::new("list", list, "")
        .about("Answers which modules are loaded: none.")
        .since("4.0.0")
        .complexity("O(N) with the number of modules")
        .arity(2)
        .flags(LISTS)
        .tips(&["nondeterministic_output_order"]),
    Command::new("load", load, "path [arg...]")
        .about("Loads a module: always refused, there is no interface for them.")
        .since("4.0.0")
        .arity(-3)
        .flags(CHANGES),
    Command::new("loadex", load, "path [CONFIG configs=(name value)]... [ARGS args=(arg)...]")
        .about("Loads a module with directives of its own: always refused.")
        .since("7.0.0")
        .arity(-3)
        .flags(CHANGES),
    Command::new("unload", unload, "name")
        .about("Unloads a module: there is none.")
        .since("4.0.0")
        .arity(3)
        .flags(CHANGES),
    Command::new("help", show_help, "")
        .about("Shows this text.")
        .since("5.0.0")
        .arity(2)
        .flags(Flags::LOADING.with(Flags::STALE)),
];

fn list(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.reply.array(0);
    Ok(Outcome::Done)
}

fn load(_cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let path = args.at(2).escape_ascii();
    Ok(Outcome::Log {
        line: format!("Module {path} failed to load: this server has no interface for modules"),
        error: Some("ERR Error loading the extension. Please check the server logs."),
    })
}

fn unload(_cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    Err(CommandError::fixed("ERR Error unloading module: no such module with that name"))
}

fn show_help(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    help::reply(cx, "MODULE", SUBCOMMANDS);
    Ok(Outcome::Done)
}
