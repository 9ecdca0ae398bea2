//! Commands of replication: whom we follow, who follows us, who has acknowledged what.
//!
//! What they mean happens in the engine and in the machines; here requests are checked and understood.

use crate::log::Offset;
use crate::replication::{Address, Announced, PeerState, PsyncRequest, ReplconfError, ReplconfOption, ReplicaPeer};
use crate::session::{ClientKind, Session, Token};

use super::client::timeout_ms;
use super::{Args, Command, CommandError, Context, Flags, Outcome};

const FOLLOW: Flags = Flags::NO_ASYNC_LOADING.with(Flags::ADMIN).with(Flags::NOSCRIPT).with(Flags::STALE);
const BE_FOLLOWED: Flags =
    Flags::NO_ASYNC_LOADING.with(Flags::ADMIN).with(Flags::NO_MULTI).with(Flags::NOSCRIPT).with(Flags::ENDS_BATCH);

pub(super) const COMMANDS: &[Command] = &[
    Command::new("psync", psync, "replicationid offset:integer")
        .about("A replica asks to go on where it stands.")
        .since("2.8.0")
        .complexity("")
        .arity(-3)
        .flags(BE_FOLLOWED),
    Command::new("replconf", replconf, "[argument...]")
        .about("Replicas and masters tell each other about themselves.")
        .since("3.0.0")
        .arity(-1)
        .flags(Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::LOADING).with(Flags::STALE).with(Flags::ALLOW_BUSY)),
    Command::new("replicaof", replicaof, "args=(host-port=(host port:integer) | no-one=(NO ONE))")
        .about("Makes this server follow a master, or nobody.")
        .since("5.0.0")
        .arity(3)
        .flags(FOLLOW),
    Command::new("role", role, "")
        .about("Answers the role in replication, and who is at the other end.")
        .since("2.8.12")
        .arity(1)
        .flags(Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE).with(Flags::FAST))
        .categories(&["@admin", "@dangerous"]),
    Command::new("slaveof", replicaof, "args=(host-port=(host port:integer) | no-one=(NO ONE))")
        .about("Makes this server follow a master, or nobody.")
        .arity(3)
        .flags(FOLLOW)
        .deprecated("5.0.0", "`REPLICAOF`"),
    Command::new("sync", sync, "")
        .about("A replica that knows no positions asks for all data and the stream.")
        .complexity("")
        .arity(1)
        .flags(BE_FOLLOWED),
];

/// Of the generic group.
pub(super) const WAIT: &[Command] = &[Command::new("wait", wait, "numreplicas:integer timeout:integer")
    .about("Waits until so many replicas have acknowledged what this connection wrote.")
    .since("3.0.0")
    .arity(3)
    .flags(Flags::NOSCRIPT)
    .categories(&["@connection"])
    .tips(&["request_policy:all_shards", "response_policy:agg_min"])];

fn psync(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    if cx.session().kind == ClientKind::Replica {
        return Ok(Outcome::Done);
    }
    let Some(request) = PsyncRequest::parse(args.at(1), args.at(2)) else {
        let announced = cx.node.announced.get(&cx.client).cloned().unwrap_or_default();
        let name = replica_name(&announced, cx.session());
        let line = format!("Replica {name} asks for synchronization but with a wrong offset");
        return Ok(Outcome::Log { line, error: Some("ERR value is not an integer or out of range") });
    };
    check_can_be_followed_by(cx)?;
    Ok(Outcome::Psync { request, takes_over: args.is(3, "failover") })
}

fn sync(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    if cx.session().kind == ClientKind::Replica {
        return Ok(Outcome::Done);
    }
    check_can_be_followed_by(cx)?;
    Ok(Outcome::Sync)
}

/// What the client itself must fulfil to become a peer; whether we can feed it, the engine knows.
fn check_can_be_followed_by(cx: &mut Context<'_>) -> Result<(), CommandError> {
    if !cx.reply.buffer.is_empty() || cx.session().unsent_bytes > 0 {
        return Err(CommandError::fixed("ERR SYNC and PSYNC are invalid with pending output"));
    }
    let announced = cx.node.announced.get(&cx.client);
    if announced.is_some_and(|announced| announced.filter_functions.is_some() && !announced.can_eof) {
        return Err(CommandError::fixed("ERR Filtered replica requires EOF capability"));
    }
    Ok(())
}

fn replconf(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    if args.len().is_multiple_of(2) {
        return Err(CommandError::SYNTAX);
    }
    for at in (1..args.len()).step_by(2) {
        match ReplconfOption::parse(args.at(at), args.at(at + 1)) {
            // These two are never answered, whoever sends them and whatever they hold.
            Ok(ReplconfOption::Ack(offset)) => return Ok(acknowledged(cx, offset)),
            Err(_) if args.is(at, "ack") => return Ok(Outcome::Done),
            Ok(ReplconfOption::GetAck) => return Ok(Outcome::AckWanted),
            Ok(option) => cx.node.announced.entry(cx.client).or_default().note(option),
            Err(error) => return Err(replconf_error(&error)),
        }
    }
    cx.reply.ok();
    Ok(Outcome::Done)
}

fn acknowledged(cx: &mut Context<'_>, offset: u64) -> Outcome {
    match cx.session().kind {
        ClientKind::Replica => Outcome::PeerAcked(Offset(offset)),
        ClientKind::Normal | ClientKind::Master => Outcome::Done,
    }
}

fn replconf_error(error: &ReplconfError) -> CommandError {
    CommandError::new(format!("ERR {error}"))
}

fn replicaof(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    if cx.node.failover.is_active() {
        return Err(CommandError::fixed("ERR REPLICAOF not allowed while failing over."));
    }
    if args.is(1, "no") && args.is(2, "one") {
        cx.reply.ok();
        return Ok(Outcome::ReplicaOf(None));
    }
    if cx.session().kind == ClientKind::Replica {
        return Err(CommandError::fixed("ERR Command is not valid when client is a replica."));
    }
    let invalid_port = CommandError::fixed("ERR Invalid master port");
    let port = args.int(2).ok().and_then(|port| u16::try_from(port).ok()).ok_or(invalid_port)?;
    let host = String::from_utf8_lossy(args.at(1)).into_owned();
    let present = cx.node.link.as_ref().map(|link| link.config());
    if present.is_some_and(|master| master.host.eq_ignore_ascii_case(&host) && master.port == port) {
        cx.reply.simple("OK Already connected to specified master");
        return Ok(Outcome::Done);
    }
    cx.reply.ok();
    Ok(Outcome::ReplicaOf(Some((host, port))))
}

fn role(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    match cx.node.is_replica() {
        true => role_of_replica(cx),
        false => role_of_master(cx),
    }
    Ok(Outcome::Done)
}

fn role_of_master(cx: &mut Context<'_>) {
    let online: Vec<_> = peers(cx).into_iter().filter(|peer| peer.state == PeerState::Online).collect();
    let reply = &mut cx.reply;
    reply.array(3);
    reply.bulk(b"master");
    reply.int(cx.node.offset().0 as i64);
    reply.array(online.len());
    for peer in online {
        reply.array(3);
        reply.bulk(peer.address.host.as_bytes());
        reply.bulk(peer.address.port.to_string().as_bytes());
        reply.bulk(peer.acked.to_string().as_bytes());
    }
}

fn role_of_replica(cx: &mut Context<'_>) {
    let Some(link) = &cx.node.link else { return };
    let (config, status) = (link.config(), link.status());
    let reply = &mut cx.reply;
    reply.array(5);
    reply.bulk(b"slave");
    reply.bulk(config.host.as_bytes());
    reply.int(config.port.into());
    reply.bulk(status.state.as_bytes());
    reply.int(if status.is_up { cx.node.offset().0 as i64 } else { -1 });
}

/// A peer as ROLE and INFO show it.
pub(super) struct ShownPeer {
    pub address: Address,
    pub state: PeerState,
    pub acked: Offset,
    pub lag_s: u64,
}

/// All peers, in the order in which they connected.
pub(super) fn peers(cx: &Context<'_>) -> Vec<ShownPeer> {
    let mut tokens: Vec<(Token, &Session)> =
        cx.node.peers.keys().filter_map(|token| Some((*token, cx.sessions.get(*token)?))).collect();
    tokens.sort_by_key(|(_, session)| session.id);
    let shown = |(token, session): (Token, &Session)| {
        let peer = &cx.node.peers[&token];
        let status = peer.status(&cx.node.log);
        ShownPeer {
            address: replica_address(peer, session),
            state: status.state,
            acked: status.acked,
            lag_s: status.lag_s(cx.now.mono),
        }
    };
    tokens.into_iter().map(shown).collect()
}

/// Where a replica is reached: at the address that it announced, else at the one that it came from.
pub fn replica_address(peer: &ReplicaPeer, session: &Session) -> Address {
    let announced = &peer.introduction().announced;
    Address { host: host(announced, session), port: announced.listening_port }
}

/// What log lines call a replica.
pub fn replica_name(announced: &Announced, session: &Session) -> String {
    let host = host(announced, session);
    match announced.listening_port {
        0 => format!("{host}:<unknown-replica-port>"),
        port => format!("{host}:{port}"),
    }
}

fn host(announced: &Announced, session: &Session) -> String {
    let addr = &session.endpoint.peer_addr;
    let host = || addr.rsplit_once(':').map_or(addr.as_str(), |(host, _)| host).trim_matches(['[', ']']).to_owned();
    announced.ip_address.clone().unwrap_or_else(host)
}

fn wait(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    if cx.node.is_replica() {
        return Err(CommandError::fixed(
            "ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is \
             configured to be writable (which is not the default) writes to replicas are just local and are not \
             propagated.",
        ));
    }
    let replicas = args.int(1)?.max(0) as usize;
    let timeout_ms = timeout_ms(args.at(2))?;
    let deadline = (timeout_ms > 0).then(|| cx.now.mono.plus(timeout_ms));
    Ok(Outcome::Wait { replicas, deadline })
}
