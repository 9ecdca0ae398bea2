//! What goes into `ReplicaPeer` and what comes out of it: configuration, events, actions, status.

use bytes::Bytes;

use crate::log::Offset;
use crate::replication::{Announced, EndMark, Level, OutputLimit, Position, ReplId};
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
    /// The snapshot was taken at `position`, and the log holds the stream from there on. `mark` ends the payload; without
    /// one its length will be told first.
    SnapshotTaken {
        position: Position,
        mark: Option<EndMark>,
    },
    /// The length of a payload without a mark, before its first chunk.
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
    /// The log has grown, by much since it was said last: is the peer too far behind?
    LogGrown,
    /// `REPLCONF ACK offset`.
    Acked(Offset),
    /// A bare newline: the replica is alive, and busy.
    SignOfLife,
    /// Our history has changed its name or is another one: the replica must come again.
    Dismiss,
    /// The connection is gone.
    Closed,
    Tick,
}

#[derive(Debug, PartialEq, Eq)]
pub enum PeerAction {
    Send(Bytes),
    /// Prepare the payload of the snapshot.
    PreparePayload,
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

impl PeerEvent {
    /// For the error that names an event out of place.
    pub(super) fn name(&self) -> &'static str {
        match self {
            PeerEvent::Continue { .. } => "Continue",
            PeerEvent::SnapshotTaken { .. } => "SnapshotTaken",
            PeerEvent::PayloadSized { .. } => "PayloadSized",
            PeerEvent::PayloadChunk(_) => "PayloadChunk",
            PeerEvent::PayloadEnded => "PayloadEnded",
            PeerEvent::SnapshotFailed(_) => "SnapshotFailed",
            PeerEvent::Writable { .. } => "Writable",
            PeerEvent::LogGrown => "LogGrown",
            PeerEvent::Acked(_) => "Acked",
            PeerEvent::SignOfLife => "SignOfLife",
            PeerEvent::Dismiss => "Dismiss",
            PeerEvent::Closed => "Closed",
            PeerEvent::Tick => "Tick",
        }
    }
}
