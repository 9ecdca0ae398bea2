//! CLIENT: what the server knows of its connections, and what they may ask to be changed about themselves.

mod filter;
mod kill;
mod line;
mod pause;
mod tracking;
mod unblock;

use filter::Filter;
pub use kill::close_clients;
pub use line::describe;
pub(super) use pause::timeout_ms;
pub use tracking::stop_tracking;

use crate::resp;
use crate::session::{ClientKind, ReplyMode, Session, Token};

use super::{Args, Command, CommandError, Context, Flags, Outcome, help};

const ANY_STATE: Flags = Flags::LOADING.with(Flags::STALE);
const OWN: Flags = ANY_STATE.with(Flags::NOSCRIPT);
const OWN_WHILE_BUSY: Flags = OWN.with(Flags::ALLOW_BUSY);
const ALL: Flags = OWN.with(Flags::ADMIN);
const EVERYWHERE: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];

pub(super) const COMMANDS: &[Command] =
    &[Command::container("client", SUBCOMMANDS).about("Commands about client connections.").since("2.4.0")];

const KILL_SYNTAX: &str = "filter=(old-format | new-format=(ID client-id:integer@2.8.12 \
     | TYPE client-type=(NORMAL | MASTER@3.2.0 | SLAVE | REPLICA@5.0.0 | PUBSUB)@2.8.12 | USER username | ADDR addr \
     | LADDR laddr@6.2.0 | SKIPME skipme=(YES | NO) | MAXAGE maxage:integer@7.4.0)...)";

const LIST_SYNTAX: &str = "[TYPE normal_master_replica_pubsub=(NORMAL | MASTER | REPLICA | PUBSUB)]@5.0.0 \
     [ID id=(client-id:integer...)]@6.2.0 [USER username]@9.0.0 [ADDR addr]@9.0.0 [LADDR laddr]@9.0.0 \
     [SKIPME skipme=(YES | NO)]@9.0.0 [MAXAGE maxage:integer]@9.0.0 [NAME name]@9.0.0 [IDLE idle:integer]@9.0.0 \
     [FLAGS flags]@9.0.0 [LIB-NAME lib-name]@9.0.0 [LIB-VER lib-ver]@9.0.0 [DB db-id:integer]@9.0.0 [CAPA capa]@9.0.0 \
     [IP ip]@9.0.0";

const TRACKING_SYNTAX: &str =
    "status=(ON | OFF) [REDIRECT client-id:integer] [PREFIX prefix]... [BCAST] [OPTIN] [OPTOUT] [NOLOOP]";

const SUBCOMMANDS: &[Command] = &[
    Command::new("caching", tracking::caching, "mode=(YES | NO)")
        .about("Says whether the next command's keys are tracked, where the mode leaves that to the client.")
        .since("6.0.0")
        .arity(3)
        .flags(OWN),
    Command::new("capa", capa, "capability...")
        .about("Says what the client can do. Nothing here depends on it.")
        .since("8.0.0")
        .complexity("O(N)")
        .arity(-3)
        .flags(OWN),
    Command::new("import-source", import_source, "enabled=(ON | OFF)")
        .about("Says that this connection brings the data of another server in, keys with their expiries.")
        .since("8.1.0")
        .arity(3)
        .flags(OWN),
    Command::new("getname", getname, "").about("Answers this connection's name.").since("2.6.9").arity(2).flags(OWN),
    Command::new("getredir", tracking::getredir, "")
        .about("Answers which client is sent this connection's invalidations.")
        .since("6.0.0")
        .arity(2)
        .flags(OWN),
    Command::new("id", id, "").about("Answers this connection's number.").since("5.0.0").arity(2).flags(OWN),
    Command::new("info", info, "")
        .about("Describes this connection, as a line of CLIENT LIST.")
        .since("6.2.0")
        .arity(2)
        .flags(OWN)
        .tips(&["nondeterministic_output"]),
    Command::new("kill", kill::kill, KILL_SYNTAX)
        .about("Closes connections: one by its address, or all that match.")
        .since("2.4.0")
        .history(&[
            ("2.8.12", "Filters by name."),
            ("2.8.12", "ID."),
            ("3.2.0", "TYPE master."),
            ("5.0.0", "TYPE replica."),
            ("6.2.0", "LADDR."),
        ])
        .complexity("O(N) with the number of connections")
        .arity(-3)
        .flags(ALL),
    Command::new("list", list, LIST_SYNTAX)
        .about("Describes connections, one per line.")
        .since("2.4.0")
        .history(&[
            ("2.8.12", "Number of the connection."),
            ("5.0.0", "Option TYPE."),
            ("6.0.0", "Field user."),
            ("6.2.0", "Option ID, field laddr."),
            ("7.0.0", "Fields resp, multi-mem, rbs, rbp."),
            ("7.0.3", "Field ssub."),
        ])
        .complexity("O(N) with the number of connections")
        .arity(-2)
        .flags(ALL)
        .tips(&["nondeterministic_output"]),
    Command::new("no-evict", no_evict, "enabled=(ON | OFF)")
        .about("Exempts this connection from being closed for its memory.")
        .since("7.0.0")
        .arity(3)
        .flags(OWN.with(Flags::ADMIN)),
    Command::new("no-touch", no_touch, "enabled=(ON | OFF)")
        .about("Lets this connection's reads leave the age of keys alone.")
        .since("7.2.0")
        .arity(3)
        .flags(OWN_WHILE_BUSY),
    Command::new("pause", pause::pause, "timeout:integer mode=[WRITE | ALL]@6.2.0")
        .about("Lets all commands, or those that may write, wait for so many milliseconds.")
        .since("2.9.50")
        .history(&[("6.2.0", "Option WRITE, and its default ALL.")])
        .arity(-3)
        .flags(ALL),
    Command::new("reply", reply, "on_off_skip=(ON | OFF | SKIP)")
        .about("Turns replies to this connection on or off, or leaves out the next.")
        .since("3.2.0")
        .arity(3)
        .flags(OWN.with(Flags::NO_MULTI)),
    Command::new("setinfo", setinfo, "attr=(LIB-NAME libname | LIB-VER libver)")
        .about("Notes which library the client uses.")
        .since("7.2.0")
        .arity(4)
        .flags(OWN_WHILE_BUSY)
        .tips(EVERYWHERE),
    Command::new("setname", setname, "connection-name")
        .about("Names this connection.")
        .since("2.6.9")
        .arity(3)
        .flags(OWN),
    Command::new("tracking", tracking::tracking, TRACKING_SYNTAX)
        .about("Lets the server tell this connection of keys that change, or ends that.")
        .since("6.0.0")
        .arity(-3)
        .flags(OWN),
    Command::new("trackinginfo", tracking::trackinginfo, "")
        .about("Answers what this connection tracks.")
        .since("6.2.0")
        .arity(2)
        .flags(OWN),
    Command::new("unblock", unblock::unblock, "client-id:integer timeout_error=[TIMEOUT | ERROR]")
        .about("Ends the wait of another connection, as if its time were over or with an error.")
        .since("5.0.0")
        .complexity("O(log N) with the number of connections")
        .arity(-3)
        .flags(ALL),
    Command::new("unpause", pause::unpause, "")
        .about("Ends CLIENT PAUSE.")
        .since("6.2.0")
        .complexity("O(N) with the number of waiting connections")
        .arity(2)
        .flags(ALL),
    Command::new("help", show_help, "").about("Shows this text.").since("5.0.0").arity(2).flags(ANY_STATE),
];

fn id(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    let id = cx.session().id;
    cx.reply.int(id as i64);
    Ok(Outcome::Done)
}

fn getname(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    let name = &cx.sessions[cx.client].name;
    if name.is_empty() {
        cx.reply.null()
    } else {
        cx.reply.bulk(name)
    }
    Ok(Outcome::Done)
}

fn setname(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    set_name(cx, args.at(2))?;
    cx.reply.ok();
    Ok(Outcome::Done)
}

/// Names the connection; an empty name takes its name away.
pub(super) fn set_name(cx: &mut Context<'_>, name: &[u8]) -> Result<(), CommandError> {
    if !is_one_word(name) {
        return Err(CommandError::fixed("ERR Client names cannot contain spaces, newlines or special characters."));
    }
    cx.session().name = name.to_vec();
    Ok(())
}

/// Whether the text can stand in a line of CLIENT LIST.
fn is_one_word(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_graphic)
}

fn setinfo(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let (attribute, value) = (args.at(2), args.at(3));
    let shown = String::from_utf8_lossy(attribute);
    let session = cx.session();
    let field = match attribute.to_ascii_lowercase().as_slice() {
        b"lib-name" => &mut session.lib_name,
        b"lib-ver" => &mut session.lib_version,
        _ => return Err(CommandError::new(format!("ERR Unrecognized option '{shown}'"))),
    };
    if !is_one_word(value) {
        return Err(CommandError::new(format!("ERR {shown} cannot contain spaces, newlines or special characters.")));
    }
    *field = value.to_vec();
    cx.reply.ok();
    Ok(Outcome::Done)
}

fn info(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    let line = line::describe(cx.node, cx.sessions, cx.now.mono, cx.client);
    cx.reply.verbatim("txt", format!("{line}\n").as_bytes());
    Ok(Outcome::Done)
}

fn list(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let clients = cx.sessions.by_age();
    let describe = |(token, _): &(Token, &Session)| line::describe(cx.node, cx.sessions, cx.now.mono, *token) + "\n";
    let wanted: Option<Vec<i64>> = args.rest(3.min(args.len())).map(resp::parse_i64).collect();
    let text: String = match wanted {
        // Nothing but numbers: these clients, in this order.
        Some(wanted) if args.len() > 3 && args.is(2, "id") => {
            let found = |id: &i64| clients.iter().find(|(_, session)| session.id as i64 == *id);
            wanted.iter().filter_map(found).map(describe).collect()
        }
        None if args.is(2, "id") && resp::parse_i64(args.at(3)).is_none() => {
            return Err(CommandError::fixed("ERR Invalid client ID"));
        }
        _ => {
            let filter = Filter::parse(cx, args, 2, false)?;
            clients.iter().filter(|(token, _)| filter.matches(cx, *token)).map(describe).collect()
        }
    };
    cx.reply.verbatim("txt", text.as_bytes());
    Ok(Outcome::Done)
}

/// TYPE of KILL and LIST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Normal,
    Replica,
    Master,
    Subscriber,
}

impl Type {
    fn named(name: &[u8]) -> Result<Type, CommandError> {
        match name.to_ascii_lowercase().as_slice() {
            b"normal" => Ok(Type::Normal),
            b"slave" | b"replica" => Ok(Type::Replica),
            b"master" => Ok(Type::Master),
            b"pubsub" => Ok(Type::Subscriber),
            _ => Err(CommandError::new(format!("ERR Unknown client type '{}'", String::from_utf8_lossy(name)))),
        }
    }

    fn of(session: &Session) -> Type {
        match session.kind {
            ClientKind::Master => Type::Master,
            ClientKind::Replica => Type::Replica,
            ClientKind::Normal if session.is_subscriber => Type::Subscriber,
            ClientKind::Normal => Type::Normal,
        }
    }
}

/// A subcommand that exists, with a number of arguments that it does not take.
fn malformed(args: &Args<'_>) -> CommandError {
    let name = String::from_utf8_lossy(args.at(1));
    CommandError::new(format!("ERR unknown subcommand or wrong number of arguments for '{name}'. Try CLIENT HELP."))
}

fn no_evict(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.session().no_evict = on_or_off(args, 2)?;
    cx.reply.ok();
    Ok(Outcome::Done)
}

fn no_touch(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.session().no_touch = on_or_off(args, 2)?;
    cx.reply.ok();
    Ok(Outcome::Done)
}

/// Capabilities that are not known are none of our business, as in Valkey.
fn capa(cx: &mut Context<'_>, _: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.reply.ok();
    Ok(Outcome::Done)
}

/// There is no import mode, so nobody can be its source.
fn import_source(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    if on_or_off(args, 2)? {
        return Err(CommandError::fixed("ERR Server is not in import mode"));
    }
    cx.reply.ok();
    Ok(Outcome::Done)
}

fn on_or_off(args: &Args<'_>, index: usize) -> Result<bool, CommandError> {
    match (args.is(index, "on"), args.is(index, "off")) {
        (true, _) => Ok(true),
        (_, true) => Ok(false),
        _ => Err(CommandError::SYNTAX),
    }
}

fn reply(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let session = cx.session();
    if args.is(2, "on") {
        session.reply_mode = ReplyMode::On;
        cx.reply.ok();
    } else if args.is(2, "off") {
        session.reply_mode = ReplyMode::Off;
    } else if !args.is(2, "skip") {
        return Err(CommandError::SYNTAX);
    } else if session.reply_mode != ReplyMode::Off {
        session.reply_mode = ReplyMode::SkipNext;
    }
    Ok(Outcome::Done)
}

fn show_help(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    help::reply(cx, "CLIENT", SUBCOMMANDS);
    Ok(Outcome::Done)
}
