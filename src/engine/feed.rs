//! I am followed: PSYNC, snapshots for those who need one, the stream for those who have one, acknowledgements.

use std::sync::Arc;

use bytes::Bytes;

use crate::keyspace::{Keyspace, Snapshot};
use crate::log::Offset;
use crate::replication::{
    Admission, EndMark, Introduction, OutputLimit, PeerAction, PeerConfig, PeerEvent, PsyncRequest, ReplicaPeer,
    Verdict,
};
use crate::session::{ClientKind, Closing, Token};
use crate::time::Now;

use super::{Action, Engine, Payload};

/// Output limits of peers are looked at each time that the log has grown by this much, and with each tick.
const LIMIT_CHECK_BYTES: u64 = 64 * 1024;

/// What a client that wants to follow us asked for.
pub(super) enum Ask<'a> {
    Psync(&'a PsyncRequest),
    /// SYNC: no positions.
    Sync,
}

impl Engine {
    /// Makes a client a peer: it goes on, or waits for a snapshot.
    pub(super) fn become_peer(&mut self, now: Now, token: Token, ask: Ask<'_>) {
        let session = &mut self.sessions[token];
        session.kind = ClientKind::Replica;
        let announced = self.node.announced.remove(&token).unwrap_or_default();
        let name = announced_name(&session.endpoint.peer_addr, &announced);
        let is_pre_psync = matches!(ask, Ask::Sync);
        self.notice(format!("Replica {name} asks for synchronization"));
        let introduction = Introduction { name: name.clone(), announced, is_pre_psync };
        let machine = ReplicaPeer::new(introduction, self.peer_config(), now.mono);
        self.activate_log();
        let verdict = match ask {
            Ask::Sync => None,
            Ask::Psync(request) => Some(self.node.history.can_continue(request, &self.node.log)),
        };
        self.node.peers.insert(token, machine);
        match (verdict, ask) {
            (Some(Verdict::Continue { from }), _) => self.continue_peer(now, token, from),
            (Some(Verdict::FullResync(reason)), Ask::Psync(request)) => {
                for (level, line) in self.node.history.refusal_lines(reason, request, &name, &self.node.log) {
                    self.log(level, line);
                }
                if !request.wants_full_resync() {
                    self.stats.sync_partial_err += 1;
                }
                self.await_snapshot(now);
            }
            _ => self.await_snapshot(now),
        }
        self.refresh_conditions(now);
    }

    fn continue_peer(&mut self, now: Now, token: Token, from: Offset) {
        self.stats.sync_partial_ok += 1;
        let replid = *self.node.history.replid();
        self.peer_event(now, token, PeerEvent::Continue { replid, from });
    }

    fn await_snapshot(&mut self, now: Now) {
        self.stats.sync_full += 1;
        self.admit_snapshots(now);
    }

    /// The log begins with the first peer, or with a test that reads it. Bytes before it are in no log, so whoever had
    /// them must not continue.
    pub fn activate_log(&mut self) {
        if self.node.log.is_active() {
            return;
        }
        self.node.log.activate();
        self.effects.is_recording = true;
        if !self.node.is_replica() && !self.node.has_history {
            let fresh = crate::replication::ReplId::random(&mut self.rng);
            self.node.history.renew(fresh);
            self.node.has_history = true;
        }
        let line = format!(
            "Replication backlog created, my new replication IDs are '{}' and '{}'",
            self.node.history.replid(),
            self.node.history.replid2()
        );
        self.notice(line);
    }

    fn peer_config(&self) -> PeerConfig {
        let settings = &*self.config;
        let limit = settings.output_limit(crate::config::ClientClass::Replica);
        PeerConfig {
            timeout_ms: u64::from(settings.repl_timeout_s) * 1000,
            output_limit: OutputLimit {
                hard_bytes: limit.hard_bytes,
                soft_bytes: limit.soft_bytes,
                soft_ms: limit.soft_seconds * 1000,
            },
        }
    }

    /// Takes changed directives over into the machines.
    pub(super) fn reconfigure_peers(&mut self) {
        let config = self.peer_config();
        self.node.peers.values_mut().for_each(|peer| peer.configure(config));
    }

    /// Starts the full resyncs that may start now; those admitted together share the moment, not the walk.
    pub(super) fn admit_snapshots(&mut self, now: Now) {
        let waiting = self.node.waiting();
        if waiting.is_empty() {
            return;
        }
        // What a replica is sent is its master's data: without it there is nothing to send.
        if self.node.is_replica() && !self.node.is_link_up() {
            return;
        }
        let admission = self.admission();
        for token in admission.admit(now.mono, &waiting, self.node.running_full_syncs()) {
            self.start_full_sync(now, token);
        }
    }

    pub(super) fn admission(&self) -> Admission {
        let settings = &*self.config;
        Admission {
            delay_ms: u64::from(settings.repl_diskless_sync_delay_s) * 1000,
            start_at_replicas: settings.repl_diskless_sync_max_replicas as usize,
            running_max: settings.repl_max_full_syncs as usize,
        }
    }

    fn start_full_sync(&mut self, now: Now, token: Token) {
        if !self.node.is_replica() {
            // A fresh replica has selected nothing: the stream behind a snapshot begins with SELECT. A replica
            // passes on its master's bytes and can add none: there the payload says what is selected.
            self.node.stream_db = None;
        }
        let position = self.node.position();
        let mark = EndMark::random(&mut self.rng);
        self.notice("Starting BGSAVE for SYNC with target: replicas sockets");
        let Some(peer) = self.node.peers.get_mut(&token) else { return };
        let mut actions = Vec::new();
        peer.handle(now.mono, &mut self.node.log, PeerEvent::SnapshotTaken { position, mark }, &mut actions);
        let filter = peer.introduction().announced.filter_functions;
        let mut wanted = Some(self.wanted_data(filter));
        for action in actions {
            match action {
                PeerAction::PreparePayload { whole } => {
                    let payload =
                        wanted.take().map(|(snapshot, functions)| Payload { snapshot, functions, position, whole });
                    self.actions.extend(payload.map(|payload| Action::FullSync { peer: token, payload }));
                }
                other => self.peer_action(token, other),
            }
        }
    }

    /// What a payload is to hold: all, or no keys, and functions only where `filter` says so.
    fn wanted_data(&mut self, filter: Option<bool>) -> (Snapshot, Vec<Arc<[u8]>>) {
        let functions = if filter == Some(false) { Vec::new() } else { self.scripts.libraries().sources() };
        let snapshot = match filter {
            None => self.keyspace.snapshot(),
            Some(_) => Keyspace::new(self.keyspace.databases(), self.keyspace.hasher()).snapshot(),
        };
        (snapshot, functions)
    }

    /// Gives an event to a peer's machine and does what it wants.
    pub fn peer_event(&mut self, now: Now, token: Token, event: PeerEvent) {
        let Some(peer) = self.node.peers.get_mut(&token) else { return };
        let is_ack = matches!(event, PeerEvent::Acked(_));
        let mut actions = Vec::new();
        peer.handle(now.mono, &mut self.node.log, event, &mut actions);
        for action in actions {
            self.peer_action(token, action);
        }
        if is_ack {
            self.release_held(now);
        }
    }

    fn peer_action(&mut self, token: Token, action: PeerAction) {
        match action {
            PeerAction::Send(bytes) => self.send(token, &bytes),
            // Only `SnapshotTaken` asks for it, and there it is prepared.
            PeerAction::PreparePayload { .. } => {}
            PeerAction::AbandonPayload => self.actions.push(Action::AbandonPayload { peer: token }),
            PeerAction::Close { flush } => {
                self.close_client(token, if flush { Closing::AfterOutput } else { Closing::Now });
            }
            PeerAction::Log(level, line) => self.log(level, line),
        }
    }

    fn send(&mut self, token: Token, bytes: &Bytes) {
        if let Some(session) = self.sessions.get_mut(token) {
            self.stats.net_repl_output_bytes += bytes.len() as u64;
            session.outbox.extend_from_slice(bytes);
            session.wake();
        }
    }

    /// The peer's connection can take more.
    pub fn peer_writable(&mut self, now: Now, token: Token, max_bytes: usize) {
        self.peer_event(now, token, PeerEvent::Writable { max_bytes });
    }

    /// The log grew: peers read on; who is too far behind is found out before the log takes much more.
    pub(super) fn wake_peers(&mut self, now: Now) {
        for token in self.node.peers.keys() {
            if let Some(session) = self.sessions.get_mut(*token) {
                session.wake();
            }
        }
        if self.node.offset().since(self.limits_checked_at) >= LIMIT_CHECK_BYTES {
            self.limits_checked_at = self.node.offset();
            self.each_peer(now, || PeerEvent::LogGrown);
        }
    }

    fn each_peer(&mut self, now: Now, event: impl Fn() -> PeerEvent) {
        let tokens: Vec<Token> = self.node.peers.keys().copied().collect();
        for token in tokens {
            self.peer_event(now, token, event());
        }
    }

    /// A connection is gone; if it was a peer, its place in the log is given up.
    pub(super) fn forget_peer(&mut self, now: Now, token: Token) {
        self.node.announced.remove(&token);
        if !self.node.peers.contains_key(&token) {
            return;
        }
        self.peer_event(now, token, PeerEvent::Closed);
        self.node.peers.remove(&token);
        self.refresh_conditions(now);
        self.release_held(now);
    }

    /// Our history is another one now: peers must come again and ask.
    pub(super) fn drop_peers(&mut self, now: Now) {
        self.each_peer(now, || PeerEvent::Dismiss);
    }

    pub(super) fn tick_peers(&mut self, now: Now) {
        self.each_peer(now, || PeerEvent::Tick);
        self.admit_snapshots(now);
    }

    /// The stream's heartbeat: a PING that replicas count like any command.
    pub(super) fn feed_ping(&mut self) {
        if !self.node.peers.is_empty() && !self.node.is_replica() && self.server.pause.is_none() {
            self.node.log.append(b"*1\r\n$4\r\nPING\r\n");
            self.log_grew = true;
        }
    }

    /// Asks the peers to acknowledge at once.
    pub(super) fn feed_getack(&mut self) {
        if !self.node.peers.is_empty() && !self.node.is_replica() {
            self.node.log.append(b"*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n");
            self.log_grew = true;
        }
    }
}

fn announced_name(peer_addr: &str, announced: &crate::replication::Announced) -> String {
    let host = announced
        .ip_address
        .as_deref()
        .unwrap_or_else(|| peer_addr.rsplit_once(':').map_or(peer_addr, |(host, _)| host));
    match announced.listening_port {
        0 => format!("{host}:<unknown-replica-port>"),
        port => format!("{host}:{port}"),
    }
}
