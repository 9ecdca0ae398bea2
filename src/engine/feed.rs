//! I am followed: PSYNC, snapshots for those who need one, the stream for those who have one, acknowledgements.

use bytes::Bytes;

use crate::command::replica_name;
use crate::log::Offset;
use crate::replication::{
    Introduction, OutputLimit, PeerAction, PeerConfig, PeerEvent, PsyncRequest, ReplicaPeer, Verdict,
};
use crate::session::{ClientKind, Closing, Token};
use crate::time::Now;

use super::gate::Conditions;
use super::{Action, Engine};

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
        let name = replica_name(&announced, session);
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
            self.look_for_synced(now);
        }
        // A replica that writers waited for counts as soon as it is there.
        if self.conditions.has(Conditions::FEW_REPLICAS) {
            self.refresh_conditions(now);
        }
    }

    pub(super) fn peer_action(&mut self, token: Token, action: PeerAction) {
        match action {
            PeerAction::Send(bytes) => self.send(token, &bytes),
            // Only `SnapshotTaken` asks for it, and there it is prepared.
            PeerAction::PreparePayload => {}
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
        self.end_useless_file_sync(now);
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
        if !self.node.peers.is_empty() && !self.node.is_replica() && !self.holds_writers() {
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
