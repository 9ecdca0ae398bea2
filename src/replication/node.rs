//! One server's place in replication: its history and log, the master it follows, the peers that follow it.
//!
//! Data that several parts look at (INFO, ROLE, the gate, the engine's glue). The protocol is in the two machines,
//! what their actions mean is the engine's.

use std::collections::BTreeMap;

use super::{Announced, Failover, History, MasterLink, PeerStatus, Position, ReplId, ReplicaPeer, Waiting, quorum};
use crate::log::{Log, Offset};
use crate::session::Token;
use crate::time::Millis;

/// History, log, link and peers.
pub struct Node {
    pub history: History,
    pub log: Log,
    /// The database that the stream has selected; none where it must say SELECT first.
    pub stream_db: Option<usize>,
    /// The master that we follow.
    pub link: Option<MasterLink>,
    /// Bytes of its stream that we have and have not applied.
    pub unapplied_bytes: u64,
    /// The data belongs to a history: a partial resync may be asked for.
    pub has_history: bool,
    pub peers: BTreeMap<Token, ReplicaPeer>,
    /// Our role on its way to one of them.
    pub failover: Failover,
    /// What connections said by REPLCONF before PSYNC.
    pub announced: BTreeMap<Token, Announced>,
}

impl Node {
    /// A master of nobody with a history of its own.
    pub fn new(replid: ReplId, backlog_bytes: u64) -> Node {
        Node {
            history: History::new(replid),
            log: Log::new(backlog_bytes),
            stream_db: None,
            link: None,
            unapplied_bytes: 0,
            has_history: false,
            peers: BTreeMap::new(),
            failover: Failover::default(),
            announced: BTreeMap::new(),
        }
    }

    /// master_repl_offset.
    pub fn offset(&self) -> Offset {
        self.log.appended()
    }

    /// Where our data stands.
    pub fn position(&self) -> Position {
        Position { replid: *self.history.replid(), offset: self.offset(), db: self.stream_db }
    }

    pub fn is_replica(&self) -> bool {
        self.link.is_some()
    }

    /// master_link_status:up.
    pub fn is_link_up(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.status().is_up)
    }

    #[inline]
    pub fn is_peer(&self, client: Token) -> bool {
        !self.peers.is_empty() && self.peers.contains_key(&client)
    }

    pub fn statuses(&self) -> Vec<PeerStatus> {
        self.peers.values().filter(|peer| !peer.is_closed()).map(|peer| peer.status(&self.log)).collect()
    }

    /// Peers that have acknowledged `offset`.
    pub fn acknowledged(&self, offset: Offset) -> usize {
        quorum::acknowledged(&self.statuses(), offset)
    }

    /// Peers online whose last acknowledgement is at most `max_lag_s` old.
    pub fn good_replicas(&self, now: Millis, max_lag_s: u64) -> usize {
        quorum::good(&self.statuses(), now, max_lag_s)
    }

    /// Peers that wait for a snapshot.
    pub fn waiting(&self) -> Vec<Waiting<Token>> {
        let since =
            |(token, peer): (&Token, &ReplicaPeer)| Some(Waiting { peer: *token, since: peer.waiting_since()? });
        self.peers.iter().filter_map(since).collect()
    }

    /// Full resyncs under way.
    pub fn running_full_syncs(&self) -> usize {
        self.peers.values().filter(|peer| peer.is_sending_snapshot()).count()
    }
}
