//! FAILOVER: the machine is fed and obeyed, and on the other end a replica takes its master's place.

use crate::command::replica_address;
use crate::log::Offset;
use crate::replication::{Address, FailoverAction, FailoverEvent, FailoverRequest, PeerState, PsyncRequest};
use crate::resp::Reply;
use crate::session::Token;
use crate::time::{Millis, Now};

use super::Engine;

impl Engine {
    /// FAILOVER: writers wait from now on.
    pub(super) fn fail_over(&mut self, now: Now, request: FailoverRequest) {
        let offset = self.node.offset();
        self.failover_event(now, FailoverEvent::Requested { request, offset });
        self.refresh_conditions(now);
        // What the target says of the byte before this request is all that we wait for.
        self.feed_getack();
        self.look_for_synced(now);
    }

    pub(super) fn failover_event(&mut self, now: Now, event: FailoverEvent) {
        let mut out = Vec::new();
        self.node.failover.handle(now.mono, event, &mut out);
        for action in out {
            match action {
                FailoverAction::Follow(Address { host, port }) => self.follow(now, host, port),
                FailoverAction::LeadAgain => self.promote(now),
                FailoverAction::Resume => {
                    self.reconfigure_link();
                    self.end_pause_if_over(now);
                }
                FailoverAction::Log(level, line) => self.log(level, line),
            }
        }
    }

    pub(super) fn tick_failover(&mut self, now: Now) {
        if self.failover_timeout().is_some_and(|at| at <= now.mono) {
            self.failover_event(now, FailoverEvent::Tick);
        }
    }

    pub(super) fn failover_timeout(&self) -> Option<Millis> {
        self.node.failover.next_timeout()
    }

    /// Replicas have acknowledged something: one may be the target.
    pub(super) fn look_for_synced(&mut self, now: Now) {
        if !self.node.failover.is_active() {
            return;
        }
        for (by, offset) in self.acknowledgements() {
            self.failover_event(now, FailoverEvent::Acked { by, offset });
        }
    }

    /// How far each replica that is online says it is.
    fn acknowledgements(&self) -> Vec<(Address, Offset)> {
        let acknowledged = |(token, peer): (&Token, &crate::replication::ReplicaPeer)| {
            let status = peer.status(&self.node.log);
            let session =
                self.sessions.get(*token).filter(|_| status.state == PeerState::Online && !peer.is_closed())?;
            Some((replica_address(peer, session), status.acked))
        };
        self.node.peers.iter().filter_map(acknowledged).collect()
    }

    /// `PSYNC replid offset FAILOVER`: our master wants to follow us. False if it was answered that it cannot.
    pub(super) fn take_over(&mut self, now: Now, token: Token, request: &PsyncRequest, reply: &mut Reply) -> bool {
        self.warning(format!("Failover request received for replid {}.", request.replid));
        if !self.node.is_replica() {
            self.fail(reply, "ERR PSYNC FAILOVER can't be sent to a master.");
            return false;
        }
        // A request that was on its way when we were told to follow another comes too late.
        if !self.node.is_link_up() {
            self.fail(reply, "ERR PSYNC FAILOVER comes while the link to my master is down.");
            return false;
        }
        if !request.names(self.node.history.replid()) {
            self.fail(reply, "ERR PSYNC FAILOVER replid must match my replid.");
            return false;
        }
        self.promote(now);
        let client = self.describe_client(now.mono, token);
        self.notice(format!("MASTER MODE enabled (failover request from '{client}')"));
        true
    }
}
