//! Connection commands: who the client is, what it speaks, which database it has selected.
//!
//! CLIENT is a family of its own folder, and so is ACL.

use crate::config::REDIS_VERSION;
use crate::resp::{self, Protocol};
use crate::session::ClientKind;

use super::{Args, Command, CommandError, Context, Flags, Outcome, acl, client, stop_tracking, unsubscribe_all};

const ANY_STATE: Flags = Flags::LOADING.with(Flags::STALE).with(Flags::FAST);
/// Runs before authentication and while the server is busy.
const FIRST_WORDS: Flags = ANY_STATE.with(Flags::NOSCRIPT).with(Flags::NO_AUTH).with(Flags::ALLOW_BUSY);

pub(super) const COMMANDS: &[Command] = &[
    Command::new("auth", auth, "[username]@6.0.0 password")
        .about("Logs the connection in.")
        .complexity("O(N) with the length of the password")
        .arity(-2)
        .history(&[("6.0.0", "Users by name.")])
        .secrets(|_, index| index > 0)
        .flags(FIRST_WORDS.with(Flags::ENDS_BATCH)),
    Command::new("echo", echo, "message").about("Answers its argument.").arity(2).flags(ANY_STATE),
    Command::new(
        "hello",
        hello,
        "arguments=[protover:integer [AUTH username_password=(username password)] [SETNAME clientname]]",
    )
    .about("Chooses the protocol, may log in and name the connection, and says who the server is.")
    .since("6.0.0")
    .history(&[("6.2.0", "Without arguments.")])
    .secrets(|args, index| (3..=4).any(|back| index >= back && args.is(index + 2 - back, "auth")))
    .arity(-1)
    .flags(FIRST_WORDS.with(Flags::ENDS_BATCH)),
    Command::new("ping", ping, "[message]")
        .about("Answers PONG, or its argument: the server is there.")
        .arity(-1)
        .flags(Flags::FAST)
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
    Command::new("quit", quit, "")
        .about("Closes the connection once everything before is answered.")
        .arity(-1)
        .flags(FIRST_WORDS.with(Flags::ENDS_BATCH)),
    Command::new("reset", reset, "")
        .about("Makes the connection as it was when it was opened.")
        .since("6.2.0")
        .arity(1)
        .flags(FIRST_WORDS.with(Flags::ENDS_BATCH)),
    Command::new("select", select, "index:integer")
        .about("Chooses the database that later commands of this connection work on.")
        .arity(2)
        .flags(ANY_STATE),
];

const DEFAULT_USER: &[u8] = b"default";

fn auth(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    match args.len() {
        2 if cx.acl.default_user().needs_no_password() => {
            return Err(CommandError::fixed(
                "ERR AUTH <password> called without any password configured for the default user. Are you sure your \
                 configuration is correct?",
            ));
        }
        2 => log_in(cx, args, DEFAULT_USER, args.at(1))?,
        3 => log_in(cx, args, args.at(1), args.at(2))?,
        _ => return Err(CommandError::SYNTAX),
    }
    cx.reply.ok();
    Ok(Outcome::EndBatch)
}

fn log_in(cx: &mut Context<'_>, args: &Args<'_>, name: &[u8], password: &[u8]) -> Result<(), CommandError> {
    let Some(user) = cx.acl.authenticate(name, password) else {
        acl::note_failed_login(cx, args.at(0), name);
        return Err(CommandError::fixed("WRONGPASS invalid username-password pair or user is disabled."));
    };
    cx.acl.log_in(&mut cx.sessions[cx.client], user);
    Ok(())
}

fn echo(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.reply.bulk(args.at(1));
    Ok(Outcome::Done)
}

fn hello(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let protocol = if args.len() > 1 { Some(protocol(args.at(1))?) } else { None };
    hello_options(cx, args)?;
    if !cx.session().authenticated {
        return Err(CommandError::fixed(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> \
             <pass> option can be used to authenticate the client and select the RESP protocol version at the same \
             time",
        ));
    }
    if let Some(protocol) = protocol {
        cx.session().protocol = protocol;
        cx.reply.protocol = protocol;
    }
    introduce_server(cx);
    Ok(Outcome::EndBatch)
}

fn protocol(version: &[u8]) -> Result<Protocol, CommandError> {
    match resp::parse_i64(version) {
        Some(2) => Ok(Protocol::Resp2),
        Some(3) => Ok(Protocol::Resp3),
        Some(_) => Err(CommandError::fixed("NOPROTO unsupported protocol version")),
        None => Err(CommandError::fixed("ERR Protocol version is not an integer or out of range")),
    }
}

fn hello_options(cx: &mut Context<'_>, args: &Args<'_>) -> Result<(), CommandError> {
    let mut at = 2;
    while at < args.len() {
        let following = args.len() - at - 1;
        if args.is(at, "auth") && following >= 2 {
            log_in(cx, args, args.at(at + 1), args.at(at + 2))?;
            at += 3;
        } else if args.is(at, "setname") && following >= 1 {
            client::set_name(cx, args.at(at + 1))?;
            at += 2;
        } else {
            let option = String::from_utf8_lossy(args.at(at));
            return Err(CommandError::new(format!("ERR Syntax error in HELLO option '{option}'")));
        }
    }
    Ok(())
}

fn introduce_server(cx: &mut Context<'_>) {
    let (id, proto) = (cx.session().id, if cx.reply.protocol == Protocol::Resp3 { 3 } else { 2 });
    let role = if cx.node.is_replica() { "replica" } else { "master" };
    let reply = &mut cx.reply;
    let zone = cx.config.availability_zone.as_deref();
    reply.map(7 + usize::from(zone.is_some()));
    // What client libraries compare with.
    for (name, value) in [("server", "redis"), ("version", REDIS_VERSION)] {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    }
    for (name, value) in [("proto", proto), ("id", id as i64)] {
        reply.bulk(name.as_bytes());
        reply.int(value);
    }
    let zone = zone.map(|zone| ("availability_zone", zone));
    for (name, value) in [("mode", "standalone"), ("role", role)].into_iter().chain(zone) {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    }
    reply.bulk(b"modules");
    reply.array(0);
}

fn ping(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let among_messages = cx.session().is_subscriber && cx.reply.protocol == Protocol::Resp2;
    match args.len() {
        1 | 2 if among_messages => {
            cx.reply.array(2);
            cx.reply.bulk(b"pong");
            cx.reply.bulk(args.rest(1).next().unwrap_or_default());
        }
        1 => cx.reply.simple("PONG"),
        2 => cx.reply.bulk(args.at(1)),
        _ => return Err(CommandError::wrong_arity(cx.command_name())),
    }
    Ok(Outcome::Done)
}

fn quit(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.reply.ok();
    Ok(Outcome::Close)
}

fn reset(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    if cx.session().kind != ClientKind::Normal {
        return Err(CommandError::fixed("ERR can only reset normal client connections"));
    }
    cx.sessions.watches.unwatch(cx.client);
    cx.sessions.monitors.retain(|monitor| *monitor != cx.client);
    unsubscribe_all(cx.pubsub, cx.sessions, cx.client);
    stop_tracking(cx.pubsub, cx.sessions, cx.client);
    cx.session().reset();
    cx.acl.begin(&mut cx.sessions[cx.client]);
    cx.reply.protocol = Protocol::Resp2;
    cx.reply.simple("RESET");
    Ok(Outcome::EndBatch)
}

fn select(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let index = args.int(1)?;
    if i32::try_from(index).is_err() {
        return Err(CommandError::out_of_range(i32::MIN.into(), i32::MAX.into()));
    }
    match usize::try_from(index) {
        Ok(index) if index < cx.db.keyspace.databases() => cx.session().db = index,
        _ => return Err(CommandError::fixed("ERR DB index is out of range")),
    }
    cx.reply.ok();
    Ok(Outcome::Done)
}
