//! Held at an offset: what waits until the log has reached somewhere, in one mechanism.
//!
//! WAIT holds a client's reply until enough peers have acknowledged its last write, SHUTDOWN holds the end until the
//! peers have everything. WAITAOF and `appendfsync always` join as conditions over the durable watermark.

use crate::log::Offset;
use crate::session::{Blocked, Token};
use crate::time::{Millis, Now};

use super::Engine;

/// What is done once the condition holds or the deadline has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Release {
    /// Answer the client with the number of peers that have acknowledged.
    Answer(Token),
    /// Go on with the shutdown.
    Shutdown,
}

/// Something held until `replicas` peers have acknowledged `offset`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub offset: Offset,
    pub replicas: usize,
    pub deadline: Option<Millis>,
    pub release: Release,
}

/// All that is held.
#[derive(Default)]
pub(super) struct HeldList {
    list: Vec<Held>,
}

impl HeldList {
    pub fn push(&mut self, held: Held) {
        self.list.push(held);
    }

    pub fn forget(&mut self, token: Token) {
        self.list.retain(|held| held.release != Release::Answer(token));
    }

    pub fn cancel_shutdown(&mut self) {
        self.list.retain(|held| held.release != Release::Shutdown);
    }

    pub fn next_deadline(&self) -> Option<Millis> {
        self.list.iter().filter_map(|held| held.deadline).min()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Takes out what `is_due` names.
    fn take(&mut self, mut is_due: impl FnMut(&Held) -> bool) -> Vec<Held> {
        let (due, rest) = std::mem::take(&mut self.list).into_iter().partition(|held| is_due(held));
        self.list = rest;
        due
    }
}

impl Engine {
    /// Releases what may go on: called after acknowledgements, and with time.
    pub(super) fn release_held(&mut self, now: Now) {
        if self.held.is_empty() {
            return;
        }
        let statuses = self.node.statuses();
        let acknowledged = |offset| crate::replication::quorum::acknowledged(&statuses, offset);
        let is_due = |held: &Held| {
            acknowledged(held.offset) >= held.replicas || held.deadline.is_some_and(|deadline| deadline <= now.mono)
        };
        for held in self.held.take(is_due) {
            match held.release {
                Release::Answer(token) => self.answer_wait(token, acknowledged(held.offset)),
                Release::Shutdown => self.finish_shutdown(now),
            }
        }
    }

    /// CLIENT UNBLOCK: ends a client's wait for acknowledgements. A save or a pause is not waited for in vain.
    pub(super) fn unblock(&mut self, client: Token, with_error: bool) -> bool {
        let waits = self.held.take(|held| held.release == Release::Answer(client));
        let error = "UNBLOCKED client unblocked via CLIENT UNBLOCK";
        let Some(held) = waits.first() else { return self.end_wait(client, with_error.then_some(error)) };
        if with_error {
            self.answer_error(client, error);
        } else {
            self.answer_wait(client, self.node.acknowledged(held.offset));
        }
        true
    }

    fn answer_wait(&mut self, token: Token, replicas: usize) {
        let Some(session) = self.sessions.get_mut(token) else { return };
        session.blocked = Blocked::No;
        session.outbox.extend_from_slice(format!(":{replicas}\r\n").as_bytes());
        session.wake();
    }

    /// A role change: who waits for acknowledgements will not get them here.
    pub(super) fn unblock_all(&mut self, error: &str) {
        self.end_all_waits(error);
        for held in self.held.take(|held| matches!(held.release, Release::Answer(_))) {
            let Release::Answer(token) = held.release else { continue };
            let Some(session) = self.sessions.get_mut(token) else { continue };
            session.blocked = Blocked::No;
            session.outbox.extend_from_slice(format!("-{error}\r\n").as_bytes());
            session.wake();
        }
    }
}
