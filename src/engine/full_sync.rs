//! Full resyncs of our peers: when they start, from memory or from a file, and who shares what.
//!
//! From memory each peer is sent a walk of its own. From a file (`repl-diskless-sync no`, and for those who must know the
//! length beforehand) one save serves all who ask before it has ended: the log still holds what follows it.

use std::sync::Arc;

use crate::config::{DisklessLoad, Settings};
use crate::keyspace::{Keyspace, Snapshot};
use crate::replication::{Admission, EndMark, PeerAction, PeerEvent, Position, Waiting};
use crate::session::Token;
use crate::time::Now;

use super::{Action, Engine, Payload, SavePurpose};

/// The save that peers wait for.
pub(super) struct FileSync {
    /// Where its data stand.
    position: Position,
    peers: Vec<Token>,
}

impl Engine {
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
        let (from_file, from_memory): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|waiting| self.is_sent_a_file(waiting.peer));
        self.admit_to_file(now, &from_file);
        let admission = self.admission();
        for token in admission.admit(now.mono, &from_memory, self.node.running_full_syncs()) {
            self.start_full_sync(now, token);
        }
    }

    fn is_sent_a_file(&self, token: Token) -> bool {
        let Some(peer) = self.node.peers.get(&token) else { return false };
        let announced = &peer.introduction().announced;
        // Who wants only a part gets a payload of its own.
        announced.filter_functions.is_none() && (!self.config.repl_diskless_sync || !announced.can_eof)
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
        self.begin_anew();
        let position = self.node.position();
        let peer = self.node.peers.get(&token);
        let filter = peer.and_then(|peer| peer.introduction().announced.filter_functions);
        let (snapshot, functions) = self.wanted_data(filter);
        let mark = EndMark::random(&mut self.rng);
        self.notice("Starting BGSAVE for SYNC with target: replicas sockets");
        if self.give_snapshot(now, token, position, Some(mark)) {
            self.actions.push(Action::FullSync { peer: token, payload: Payload { snapshot, functions, position } });
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

    /// A fresh replica has selected nothing: the stream behind a snapshot begins with SELECT. A replica passes on its
    /// master's bytes and can add none: there the payload says what is selected.
    fn begin_anew(&mut self) {
        if !self.node.is_replica() {
            self.node.stream_db = None;
        }
    }

    /// True if the peer is to be sent the data as they are at `position`.
    fn give_snapshot(&mut self, now: Now, token: Token, position: Position, mark: Option<EndMark>) -> bool {
        let Some(peer) = self.node.peers.get_mut(&token) else { return false };
        let mut actions = Vec::new();
        peer.handle(now.mono, &mut self.node.log, PeerEvent::SnapshotTaken { position, mark }, &mut actions);
        let is_wanted = actions.contains(&PeerAction::PreparePayload);
        actions.into_iter().for_each(|action| self.peer_action(token, action));
        is_wanted
    }

    /// Who finds a save under way whose stream the log still holds waits with the others; any other save has to end
    /// first.
    fn admit_to_file(&mut self, now: Now, waiting: &[Waiting<Token>]) {
        if waiting.is_empty() {
            return;
        }
        let running = self.file_sync.take().filter(|sync| self.node.log.holds(sync.position.offset));
        let mut sync = match running {
            Some(sync) => sync,
            None if self.server.save.running_since.is_some() => return,
            None => {
                self.begin_anew();
                self.notice("Starting BGSAVE for SYNC with target: disk");
                self.save_in_background_for(now, SavePurpose::FullSync);
                FileSync { position: self.node.position(), peers: Vec::new() }
            }
        };
        for waiting in waiting {
            if self.give_snapshot(now, waiting.peer, sync.position, None) {
                sync.peers.push(waiting.peer);
            }
        }
        self.file_sync = Some(sync);
    }

    /// The file that peers waited for is there, or is not.
    pub(super) fn file_sync_saved(&mut self, now: Now, ok: bool) {
        let Some(sync) = self.file_sync.take() else { return };
        for peer in sync.peers {
            if !ok {
                self.peer_event(now, peer, PeerEvent::SnapshotFailed("Background saving error".to_owned()));
            } else if self.node.is_peer(peer) {
                self.actions.push(Action::SendFile { peer });
            }
        }
    }

    /// A save that only peers wanted is of no use once they are gone.
    pub(super) fn end_useless_file_sync(&mut self, now: Now) {
        let Some(sync) = &mut self.file_sync else { return };
        sync.peers.retain(|peer| self.node.peers.get(peer).is_some_and(|peer| !peer.is_closed()));
        if sync.peers.is_empty() && self.config.save_points.is_empty() {
            self.notice("Killing the running child: no replica waits for its RDB any more");
            self.call_save_off(now);
        }
    }

    /// A payload comes in: what clients see of us meanwhile, `repl-diskless-load` decides. By default it is our old data.
    pub(super) fn begin_payload(&mut self, now: Now, position: Option<Position>, size_bytes: Option<u64>) {
        let has_data = self.keyspace.len() > 0;
        let own = self.node.has_history.then(|| *self.node.history.replid());
        let goes_on = own.is_some() && position.map(|position| position.replid) == own;
        let shown = shown_while_loading(&self.config, has_data, goes_on);
        if shown == Shown::Nothing && has_data {
            self.give_data_up(now);
        }
        if shown != Shown::OldData {
            self.begin_loading(now, size_bytes.unwrap_or(0));
            self.server.loading.iter_mut().for_each(|loading| loading.is_async = shown == Shown::OldHistory);
            self.refresh_conditions(now);
        }
        self.notice("MASTER <-> REPLICA sync: Loading DB in memory");
    }

    pub(super) fn end_payload(&mut self, now: Now) {
        if self.server.loading.is_some() {
            self.end_loading(now);
        }
    }

    /// Our data go before the new ones are there: nobody may continue from them.
    fn give_data_up(&mut self, now: Now) {
        self.notice("MASTER <-> REPLICA sync: Flushing old data");
        for db in 0..self.keyspace.databases() {
            self.keyspace.flush(db);
        }
        self.touch_everything();
        self.node.has_history = false;
        self.change_replid();
        self.drop_peers(now);
    }
}

/// What a replica's clients find while its payload is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    /// As if nothing was.
    OldData,
    /// Old data of the history that goes on: all but what would change it (async loading).
    OldHistory,
    /// -LOADING; the old data come back if it fails.
    Refusal,
    /// -LOADING, and the old data are gone.
    Nothing,
}

fn shown_while_loading(settings: &Settings, has_data: bool, goes_on: bool) -> Shown {
    match settings.repl_diskless_load {
        DisklessLoad::Disabled => Shown::OldData,
        DisklessLoad::OnEmptyDb if has_data => Shown::OldData,
        DisklessLoad::OnEmptyDb => Shown::Refusal,
        DisklessLoad::SwapDb if goes_on => Shown::OldHistory,
        DisklessLoad::SwapDb => Shown::Refusal,
        DisklessLoad::FlushBeforeLoad => Shown::Nothing,
    }
}
