//! The states of `ReplicaPeer`, its framings, and the errors that end it.
//!
//! Data and pure questions only; every transition is in the machine.

use bytes::Bytes;

use super::face::PeerState;
use crate::log::{CursorId, NotInLog};
use crate::replication::Level;
use crate::replication::payload::{EndMark, sized_header};
use crate::time::Millis;

/// Where the peer stands. One variant, one meaning, only its own data.
#[derive(Debug)]
pub(super) enum State {
    /// Waits for a snapshot to be admitted and taken.
    WaitingSnapshot { since: Millis, newline_at: Millis },
    /// The payload goes out; the stream waits in the log at `cursor` (none: the replica wants no stream).
    SendingSnapshot { framing: Framing, cursor: Option<CursorId>, last_chunk_at: Millis },
    /// A marked payload is out. Redis looks for the mark at the end of what it has read, so the stream must wait
    /// until the replica has found it and says so.
    AwaitingFirstAck { cursor: CursorId },
    /// The stream flows from the log.
    Online { cursor: CursorId },
    /// The connection is gone, or going.
    Closed,
}

/// How the payload's end is told.
#[derive(Debug)]
pub(super) enum Framing {
    /// By a mark behind it.
    Marked(EndMark),
    /// By a length that is not known yet; newlines tell the replica that we are alive.
    Unsized { newline_at: Millis },
    /// By the length announced, of which `left` bytes are to come.
    Sized { left: u64 },
}

/// Why a peer ends. The text is the log line.
#[derive(Debug, thiserror::Error)]
pub(super) enum PeerError {
    #[error("Connection with replica lost.")]
    Gone,
    #[error("Our history is another one: the replica must come again")]
    Dismissed,
    #[error("RDB transfer completed, rdb only replica ({0}) should be disconnected asap")]
    RdbOnlyServed(String),
    #[error("SYNC failed. BGSAVE child returned an error: {0}")]
    SnapshotFailed(String),
    #[error("Disconnecting timedout replica (full sync): {0}")]
    FullSyncTimeout(String),
    #[error("Disconnecting timedout replica (streaming sync): {0}")]
    StreamTimeout(String),
    #[error("Client {0} scheduled to be closed ASAP for overcoming of output buffer limits.")]
    TooFarBehind(String),
    #[error("{0}")]
    Log(#[from] NotInLog),
    #[error("The payload does not fit the framing that was announced")]
    Misframed,
    #[error("A replica cannot take {event} while {state}")]
    Illegal { state: &'static str, event: &'static str },
}

impl State {
    /// The word that INFO shows. Redis calls a payload of unknown length a wait for its child.
    pub fn as_shown(&self) -> PeerState {
        match self {
            State::SendingSnapshot { framing: Framing::Sized { .. }, .. } => PeerState::SendBulk,
            State::WaitingSnapshot { .. } | State::SendingSnapshot { .. } => PeerState::WaitBgsave,
            State::AwaitingFirstAck { .. } | State::Online { .. } | State::Closed => PeerState::Online,
        }
    }

    pub fn name(&self) -> &'static str {
        match self {
            State::WaitingSnapshot { .. } => "WaitingSnapshot",
            State::SendingSnapshot { .. } => "SendingSnapshot",
            State::AwaitingFirstAck { .. } => "AwaitingFirstAck",
            State::Online { .. } => "Online",
            State::Closed => "Closed",
        }
    }

    /// The peer's place in the log, once it has one.
    pub fn cursor(&self) -> Option<CursorId> {
        match self {
            State::SendingSnapshot { cursor, .. } => *cursor,
            State::AwaitingFirstAck { cursor } | State::Online { cursor } => Some(*cursor),
            State::WaitingSnapshot { .. } | State::Closed => None,
        }
    }

    pub fn timeout_error(&self, name: &str) -> PeerError {
        match self {
            State::SendingSnapshot { .. } => PeerError::FullSyncTimeout(name.to_owned()),
            _ => PeerError::StreamTimeout(name.to_owned()),
        }
    }
}

impl Framing {
    /// The header that announces the length, once.
    pub fn size(&mut self, payload_bytes: u64) -> Result<Bytes, PeerError> {
        let Framing::Unsized { .. } = self else { return Err(PeerError::Misframed) };
        *self = Framing::Sized { left: payload_bytes };
        Ok(sized_header(payload_bytes))
    }

    /// `bytes` of payload go out.
    pub fn count(&mut self, bytes: u64) -> Result<(), PeerError> {
        match self {
            Framing::Marked(_) => Ok(()),
            Framing::Unsized { .. } => Err(PeerError::Misframed),
            Framing::Sized { left } => {
                *left = left.checked_sub(bytes).ok_or(PeerError::Misframed)?;
                Ok(())
            }
        }
    }

    /// What ends the payload: the mark, or nothing behind as many bytes as announced.
    pub fn trailer(&self) -> Result<Option<Bytes>, PeerError> {
        match self {
            Framing::Marked(mark) => Ok(Some(mark.bytes())),
            Framing::Sized { left: 0 } => Ok(None),
            Framing::Unsized { .. } | Framing::Sized { .. } => Err(PeerError::Misframed),
        }
    }
}

impl PeerError {
    /// None where the server's own lines say it already.
    pub fn level(&self) -> Option<Level> {
        match self {
            PeerError::Gone | PeerError::Dismissed => None,
            PeerError::RdbOnlyServed(_) => Some(Level::Notice),
            _ => Some(Level::Warning),
        }
    }
}
