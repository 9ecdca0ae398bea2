//! Scripts and functions: EVAL, FCALL and their like, the cache of scripts, libraries. Handlers find or compile what is
//! to run; the engine runs it.

mod cache;
mod eval;
mod function;
mod kill;
mod library;

use crate::script::{ScriptError, ScriptFlags, Scripts};

use super::{Args, Command, CommandError, Context, Entry, Flags, KeySpec, Outcome, ScriptRun, help};

pub use kill::busy_with;

const RUN: Flags = Flags::NOSCRIPT
    .with(Flags::STALE)
    .with(Flags::SKIP_MONITOR)
    .with(Flags::NO_MANDATORY_KEYS)
    .with(Flags::MOVABLEKEYS);
const RUN_ANY: Flags = RUN.with(Flags::MAY_REPLICATE);
const RUN_READER: Flags = RUN.with(Flags::READONLY);
const ADMINISTER: Flags = Flags::NOSCRIPT;
const CHANGE: Flags = Flags::NOSCRIPT.with(Flags::WRITE);
const KILL: Flags = Flags::NOSCRIPT.with(Flags::ALLOW_BUSY);

const KEYS: &[KeySpec] = &[KeySpec::count_at(2).read_write(&["access", "update"])];
const READ_KEYS: &[KeySpec] = &[KeySpec::count_at(2).read_only(&["access"])];

const ON_ALL_SHARDS: &[&str] = &["request_policy:all_shards", "response_policy:all_succeeded"];
const ON_ALL_NODES: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];
const ON_ONE: &[&str] = &["request_policy:all_shards", "response_policy:one_succeeded"];
const FLUSH_SYNTAX: &str = "async=[ASYNC | SYNC]";

pub(super) const COMMANDS: &[Command] = &[
    Command::new("eval", eval::eval, "script numkeys:integer [key...] [arg...]")
        .about("Runs a script.")
        .since("2.6.0")
        .complexity("Depends on the script")
        .arity(-3)
        .flags(RUN_ANY)
        .keys(KEYS),
    Command::new("evalsha", eval::evalsha, "sha1 numkeys:integer [key...] [arg...]")
        .about("Runs a script that is cached, by its SHA-1.")
        .since("2.6.0")
        .complexity("Depends on the script")
        .arity(-3)
        .flags(RUN_ANY)
        .keys(KEYS),
    Command::new("eval_ro", eval::eval, "script numkeys:integer [key...] [arg...]")
        .about("Runs a script that writes nothing.")
        .since("7.0.0")
        .complexity("Depends on the script")
        .arity(-3)
        .flags(RUN_READER)
        .keys(READ_KEYS),
    Command::new("evalsha_ro", eval::evalsha, "sha1 numkeys:integer [key...] [arg...]")
        .about("Runs a cached script that writes nothing, by its SHA-1.")
        .since("7.0.0")
        .complexity("Depends on the script")
        .arity(-3)
        .flags(RUN_READER)
        .keys(READ_KEYS),
    Command::new("fcall", function::fcall, "function numkeys:integer [key...] [arg...]")
        .about("Calls a function of a library.")
        .since("7.0.0")
        .complexity("Depends on the function")
        .arity(-3)
        .flags(RUN_ANY)
        .keys(KEYS),
    Command::new("fcall_ro", function::fcall, "function numkeys:integer [key...] [arg...]")
        .about("Calls a function that writes nothing.")
        .since("7.0.0")
        .complexity("Depends on the function")
        .arity(-3)
        .flags(RUN_READER)
        .keys(READ_KEYS),
    Command::container("script", SCRIPT).about("Commands about cached scripts.").since("2.6.0"),
    Command::container("function", FUNCTION).about("Commands about libraries of functions.").since("7.0.0"),
];

const SCRIPT: &[Command] = &[
    Command::new("debug", cache::debug, "mode=(YES | SYNC | NO)")
        .about("Chooses whether scripts are debugged: there is no debugger here.")
        .since("3.2.0")
        .arity(3)
        .flags(ADMINISTER),
    Command::new("exists", cache::exists, "sha1...")
        .about("Answers which scripts are cached.")
        .since("2.6.0")
        .complexity("O(N) with the number of scripts asked for")
        .arity(-3)
        .flags(ADMINISTER)
        .tips(&["request_policy:all_shards", "response_policy:agg_logical_and"]),
    Command::new("flush", cache::flush, "async=[ASYNC | SYNC]@6.2.0")
        .about("Forgets all scripts.")
        .since("2.6.0")
        .complexity("O(N) with the number of cached scripts")
        .history(&[("6.2.0", "Options ASYNC and SYNC.")])
        .arity(-2)
        .flags(ADMINISTER)
        .tips(ON_ALL_NODES),
    Command::new("help", cache::show_help, "")
        .about("Shows this text.")
        .since("5.0.0")
        .arity(2)
        .flags(Flags::LOADING.with(Flags::STALE)),
    Command::new("kill", kill::kill_script, "")
        .about("Ends the script that runs, if it has written nothing.")
        .since("2.6.0")
        .arity(2)
        .flags(KILL)
        .tips(ON_ONE),
    Command::new("load", cache::load, "script")
        .about("Caches a script without running it.")
        .since("2.6.0")
        .complexity("O(N) with the length of the script")
        .arity(3)
        .flags(ADMINISTER.with(Flags::STALE))
        .tips(ON_ALL_NODES),
    Command::new("show", cache::show, "sha1")
        .about("Answers the text of a cached script.")
        .since("8.0.0")
        .arity(3)
        .flags(ADMINISTER.with(Flags::STALE)),
];

const FUNCTION: &[Command] = &[
    Command::new("delete", library::delete, "library-name")
        .about("Deletes a library and its functions.")
        .since("7.0.0")
        .arity(3)
        .flags(CHANGE)
        .tips(ON_ALL_SHARDS),
    Command::new("dump", library::dump, "")
        .about("Answers all libraries as a payload.")
        .since("7.0.0")
        .complexity("O(N) with the number of functions")
        .arity(2)
        .flags(ADMINISTER),
    Command::new("flush", library::flush, FLUSH_SYNTAX)
        .about("Deletes all libraries.")
        .since("7.0.0")
        .complexity("O(N) with the number of functions")
        .arity(-2)
        .flags(CHANGE)
        .tips(ON_ALL_SHARDS),
    Command::new("help", function::show_help, "")
        .about("Shows this text.")
        .since("7.0.0")
        .arity(2)
        .flags(Flags::LOADING.with(Flags::STALE)),
    Command::new("kill", kill::kill_function, "")
        .about("Ends the function that runs, if it has written nothing.")
        .since("7.0.0")
        .arity(2)
        .flags(KILL)
        .tips(ON_ONE),
    Command::new("list", library::list, "[LIBRARYNAME library-name-pattern] [WITHCODE]")
        .about("Answers what libraries and functions there are.")
        .since("7.0.0")
        .complexity("O(N) with the number of functions")
        .arity(-2)
        .flags(ADMINISTER)
        .tips(&["nondeterministic_output_order"]),
    Command::new("load", library::load, "[REPLACE] function-code")
        .about("Adds a library.")
        .since("7.0.0")
        .complexity("O(1), without what its code does")
        .arity(-3)
        .flags(CHANGE.with(Flags::DENYOOM))
        .tips(ON_ALL_SHARDS),
    Command::new("restore", library::restore, "serialized-value policy=[FLUSH | APPEND | REPLACE]")
        .about("Adds the libraries of a payload.")
        .since("7.0.0")
        .complexity("O(N) with the number of functions")
        .arity(-3)
        .flags(CHANGE.with(Flags::DENYOOM))
        .tips(ON_ALL_SHARDS),
    Command::new("stats", function::stats, "")
        .about("Answers what runs, and how many libraries and functions there are.")
        .since("7.0.0")
        .arity(2)
        .flags(KILL)
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
];

/// The flags of a request that runs code: as the code says of itself, where it does.
pub fn script_flags(scripts: &Scripts, entry: &Entry, args: &Args<'_>) -> Flags {
    let row = entry.command.flags;
    let said = match entry.full_name {
        "evalsha" | "evalsha_ro" => scripts.find(args.at(1)).and_then(|cached| cached.flags),
        "eval" | "eval_ro" => crate::script::shebang_of(args.at(1)).ok().and_then(|(flags, _)| flags),
        "fcall" | "fcall_ro" => scripts.libraries().function(args.at(1)).map(|(_, function)| function.flags),
        _ => None,
    };
    let Some(said) = said else { return row };
    let mut flags = row.without(Flags::STALE | Flags::DENYOOM | Flags::WRITE | Flags::MAY_REPLICATE);
    if !said.has(ScriptFlags::ALLOW_OOM.with(ScriptFlags::NO_WRITES)) {
        flags = flags.with(Flags::DENYOOM);
    }
    if !said.has(ScriptFlags::NO_WRITES) {
        flags = flags.with(Flags::WRITE);
    }
    if said.has(ScriptFlags::ALLOW_STALE) {
        flags = flags.with(Flags::STALE);
    }
    flags
}

/// How many of the words behind the third are keys.
fn key_count(args: &Args<'_>, numkeys: Option<i64>, not_a_number: CommandError) -> Result<usize, CommandError> {
    let numkeys = numkeys.ok_or(not_a_number)?;
    match usize::try_from(numkeys) {
        Err(_) => Err(CommandError::fixed("ERR Number of keys can't be negative")),
        Ok(keys) if keys > args.len() - 3 => {
            Err(CommandError::fixed("ERR Number of keys can't be greater than number of args"))
        }
        Ok(keys) => Ok(keys),
    }
}

fn error(error: &ScriptError) -> CommandError {
    CommandError::new(format!("ERR {error}"))
}

/// ASYNC and SYNC are one: what is given up is freed in a moment.
fn check_flush_mode(args: &Args<'_>, error: &'static str) -> Result<(), CommandError> {
    let is_known = args.len() == 2 || args.len() == 3 && (args.is(2, "SYNC") || args.is(2, "ASYNC"));
    if is_known { Ok(()) } else { Err(CommandError::fixed(error)) }
}
