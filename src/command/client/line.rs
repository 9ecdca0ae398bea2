//! One client as a line: CLIENT LIST, CLIENT INFO, the log. Fields and their order are Redis 7.2's.
//!
//! There is one output buffer per client, which grows and shrinks: all that waits in it counts as `omem`, and the
//! figures of a fixed reply buffer (rbs, rbp, obl) are 0. So is argv-mem: arguments are slices of the query buffer,
//! whose bytes `qbuf` counts.

use crate::replication::Node;
use crate::resp::Protocol;
use crate::session::{ClientKind, Closing, Session, Sessions, Token, Tracking};
use crate::time::Millis;

use super::tracking::redirection;

/// The line without its end.
pub fn describe(node: &Node, sessions: &Sessions, now: Millis, token: Token) -> String {
    let session = &sessions[token];
    let (endpoint, query, listens) = (&session.endpoint, &session.query, &session.subscriptions);
    let transaction = session.transaction.as_ref();
    let queued_bytes = transaction.map_or(0, |transaction| transaction.size_bytes);
    let output_bytes = (session.outbox.len() + session.unsent_bytes) as u64 + stream_bytes(node, token);
    let is_master = session.kind == ClientKind::Master;
    [
        format!("id={} addr={} laddr={}", session.id, endpoint.peer_addr, endpoint.local_addr),
        format!("fd={} name={}", endpoint.fd, session.name.escape_ascii()),
        format!("age={}", now.seconds_since(session.created_at)),
        format!("idle={}", now.seconds_since(session.last_interaction)),
        format!("flags={} db={}", flags(session, sessions.monitors.contains(&token)), session.db),
        format!("sub={} psub={} ssub={}", listens.channels.len(), listens.patterns.len(), listens.shard_channels.len()),
        format!("multi={}", transaction.map_or(-1, |transaction| transaction.requests.len() as i64)),
        format!("qbuf={} qbuf-free={} argv-mem=0", query.bytes, query.free_bytes()),
        format!("multi-mem={queued_bytes} rbs=0 rbp=0 obl=0"),
        format!("oll={} omem={output_bytes}", u8::from(output_bytes > 0)),
        format!("tot-mem={}", session.memory_bytes() as u64 + stream_bytes(node, token)),
        format!("events={}", if session.unsent_bytes > 0 { "rw" } else { "r" }),
        format!("cmd={}", session.last_command),
        format!("user={}", if is_master { "(superuser)".into() } else { String::from_utf8_lossy(&session.user.name) }),
        format!("redir={}", redirection(session.tracking.as_deref())),
        format!("resp={}", if session.protocol == Protocol::Resp3 { 3 } else { 2 }),
        format!("lib-name={}", session.lib_name.escape_ascii()),
        format!("lib-ver={}", session.lib_version.escape_ascii()),
    ]
    .join(" ")
}

/// What the log still keeps for a peer.
fn stream_bytes(node: &Node, token: Token) -> u64 {
    let sent = node.peers.get(&token).and_then(|peer| peer.status(&node.log).sent);
    sent.map_or(0, |sent| node.log.appended().since(sent))
}

pub(super) fn flags(session: &Session, is_monitor: bool) -> String {
    let tracks = |what: fn(&Tracking) -> bool| session.tracking.as_deref().is_some_and(what);
    let flags = [
        ('O', is_monitor),
        ('S', session.kind == ClientKind::Replica),
        ('M', session.kind == ClientKind::Master),
        ('P', session.is_subscriber),
        ('x', session.transaction.is_some()),
        ('b', session.is_blocked()),
        ('t', session.tracking.is_some()),
        ('R', tracks(|tracking| tracking.is_broken)),
        ('B', tracks(Tracking::is_broadcast)),
        ('d', session.watch_broken),
        ('c', session.closing == Closing::AfterOutput),
        ('A', session.closing == Closing::Now),
        ('U', session.endpoint.is_unix_socket),
        ('e', session.no_evict),
        ('T', session.no_touch),
    ];
    let set: String = flags.into_iter().filter(|(_, is_set)| *is_set).map(|(flag, _)| flag).collect();
    if set.is_empty() { "N".to_owned() } else { set }
}
