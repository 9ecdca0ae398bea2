//! One client as a line: CLIENT LIST, CLIENT INFO. Fields and their order are Redis 7.2's.
//!
//! There is one output buffer per client, which grows and shrinks: all that waits in it counts as `omem`, and the
//! figures of a fixed reply buffer (rbs, rbp, obl) are 0.

use crate::replication::Node;
use crate::resp::Protocol;
use crate::session::{ClientKind, Closing, Session, Token};
use crate::time::Millis;

/// The line without its end.
pub fn describe(node: &Node, now: Millis, token: Token, session: &Session) -> String {
    let endpoint = &session.endpoint;
    let queue = session.transaction.as_ref().map(|transaction| &transaction.requests);
    let queued_bytes = session.transaction.as_ref().map_or(0, |transaction| transaction.requests_bytes);
    let output_bytes = (session.outbox.len() + session.unsent_bytes) as u64 + stream_bytes(node, token);
    let query_free_bytes = session.query_capacity_bytes.saturating_sub(session.query_bytes);
    let is_master = session.kind == ClientKind::Master;
    [
        format!("id={} addr={} laddr={}", session.id, endpoint.peer_addr, endpoint.local_addr),
        format!("fd={} name={}", endpoint.fd, session.name.escape_ascii()),
        format!("age={}", now.seconds_since(session.created_at)),
        format!("idle={}", now.seconds_since(session.last_interaction)),
        format!("flags={} db={} sub=0 psub=0 ssub=0", flags(session), session.db),
        format!("multi={}", queue.map_or(-1, |queue| queue.len() as i64)),
        format!("qbuf={} qbuf-free={query_free_bytes} argv-mem=0", session.query_bytes),
        format!("multi-mem={queued_bytes} rbs=0 rbp=0 obl=0"),
        format!("oll={} omem={output_bytes}", u8::from(output_bytes > 0)),
        format!("tot-mem={}", session.memory_bytes() as u64 + stream_bytes(node, token)),
        format!("events={}", if session.unsent_bytes > 0 { "rw" } else { "r" }),
        format!("cmd={}", session.last_command),
        format!("user={}", if is_master { "(superuser)" } else { &*session.user }),
        format!("redir=-1 resp={}", if session.protocol == Protocol::Resp3 { 3 } else { 2 }),
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

fn flags(session: &Session) -> String {
    let flags = [
        ('S', session.kind == ClientKind::Replica),
        ('M', session.kind == ClientKind::Master),
        ('x', session.transaction.is_some()),
        ('b', session.is_blocked()),
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
