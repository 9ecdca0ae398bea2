//! `ReplicaPeer`: one replica that follows us, from its PSYNC to its last acknowledgement.
//!
//! A partial resync is online at once. A full one waits for its snapshot, gets the payload in its framing, and then
//! the stream from the log, where its place was pinned when the snapshot was taken. Which of the two it is,
//! `History` decides; when a snapshot starts, `Admission`; what is in it, the engine.

use bytes::Bytes;

use super::announced::Announced;
use super::output_limit::{OutputLimit, OverLimit};
use super::payload::EndMark;
use super::position::{Position, ReplId};
use super::{Level, Offset};
use crate::log::{CursorId, Log};
use crate::time::Millis;

/// The directives that concern every peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerConfig {
    /// `repl-timeout`, in milliseconds.
    pub timeout_ms: u64,
    /// `client-output-buffer-limit replica`.
    pub output_limit: OutputLimit,
}

/// Who the peer is: what it said before and how it asked.
#[derive(Clone, Debug)]
pub struct Introduction {
    /// What log lines call it: address:port.
    pub name: String,
    pub announced: Announced,
    /// It asked by SYNC: no positions, no acknowledgements.
    pub is_pre_psync: bool,
}

#[derive(Debug)]
pub enum PeerEvent {
    /// The replica goes on from `from`, which the log holds; it is told that the history is now `replid`.
    Continue {
        replid: ReplId,
        from: Offset,
    },
    /// The snapshot was taken at `position`, and the log is active from there on. `mark` ends the payload if the
    /// replica can read marks.
    SnapshotTaken {
        position: Position,
        mark: EndMark,
    },
    /// The length of a payload that was asked for whole, before its first chunk.
    PayloadSized {
        payload_bytes: u64,
    },
    PayloadChunk(Bytes),
    PayloadEnded,
    /// There will be no payload, or no more of it.
    SnapshotFailed(String),
    /// The connection can take `max_bytes` more. Also to be given when the log has grown and the connection idles.
    Writable {
        max_bytes: usize,
    },
    /// `REPLCONF ACK offset`.
    Acked(Offset),
    /// A bare newline: the replica is alive, and busy.
    SignOfLife,
    /// The connection is gone.
    Closed,
    Tick,
}

#[derive(Debug, PartialEq, Eq)]
pub enum PeerAction {
    Send(Bytes),
    /// Prepare the payload of the snapshot; `whole`: its length must be known before the first chunk.
    PreparePayload {
        whole: bool,
    },
    /// Stop preparing it.
    AbandonPayload,
    /// Close the connection, after what was sent if `flush`.
    Close {
        flush: bool,
    },
    Log(Level, String),
}

/// The words of INFO's slaveN line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerState {
    WaitBgsave,
    SendBulk,
    Online,
}

impl PeerState {
    pub fn as_str(self) -> &'static str {
        match self {
            PeerState::WaitBgsave => "wait_bgsave",
            PeerState::SendBulk => "send_bulk",
            PeerState::Online => "online",
        }
    }
}

/// What INFO, ROLE, WAIT and min-replicas look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerStatus {
    pub state: PeerState,
    pub acked: Offset,
    pub acked_at: Millis,
    /// How far the stream has gone out; none before there is a stream.
    pub sent: Option<Offset>,
}

impl PeerStatus {
    /// Seconds since the last acknowledgement, 0 unless online.
    pub fn lag_s(&self, now: Millis) -> u64 {
        if self.state == PeerState::Online { now.seconds_since(self.acked_at) } else { 0 }
    }
}

/// Where the peer stands.
#[derive(Debug)]
enum State {
    /// Waits for a snapshot to be admitted and taken.
    WaitingSnapshot {
        since: Millis,
        newline_at: Millis,
    },
    /// The payload goes out; the stream waits in the log at `cursor`.
    SendingSnapshot {
        position: Position,
        framing: Framing,
        cursor: Option<CursorId>,
        last_chunk_at: Millis,
    },
    /// The payload is out; the stream waits for the replica to say that it has found the payload's end.
    AwaitingFirstAck {
        cursor: CursorId,
        since: Millis,
    },
    /// The stream flows from the log.
    Online {
        cursor: CursorId,
    },
    Closed,
}

/// How the payload's end is told.
#[derive(Debug)]
enum Framing {
    Marked(EndMark),
    /// By the length that is awaited.
    Unsized,
    Sized,
}

#[derive(Debug)]
pub struct ReplicaPeer {
    introduction: Introduction,
    config: PeerConfig,
    state: State,
    over_limit: OverLimit,
    acked: Offset,
    acked_at: Millis,
}

impl ReplicaPeer {
    /// A replica that has asked to be synchronized: it goes on (`Continue`) or waits for its snapshot.
    pub fn new(introduction: Introduction, config: PeerConfig, now: Millis) -> ReplicaPeer {
        ReplicaPeer {
            introduction,
            config,
            state: State::WaitingSnapshot { since: now, newline_at: now },
            over_limit: OverLimit::default(),
            acked: Offset::ZERO,
            acked_at: now,
        }
    }

    /// Takes an event in. The log is the one that the peer is served from: it pins and advances its place there.
    pub fn handle(&mut self, now: Millis, log: &mut Log, event: PeerEvent, out: &mut Vec<PeerAction>) {}

    pub fn next_timeout(&self) -> Option<Millis> {
        None
    }

    pub fn status(&self) -> PeerStatus {
        PeerStatus { state: PeerState::WaitBgsave, acked: self.acked, acked_at: self.acked_at, sent: None }
    }
}
