//! The states of `MasterLink`, the errors that end an attempt, and the tables over both.
//!
//! Data and pure questions only; every transition is in the machine.

use super::face::SyncProgress;
use crate::replication::handshake::Step;
use crate::replication::line::{LineBuffer, LineTooLong};
use crate::replication::payload::{PayloadError, PayloadReader};
use crate::replication::{Level, Position};
use crate::time::Millis;

/// Stream bytes kept while a payload is loaded. The shell stops reading at once (`wants_bytes`), so this is what
/// one read may bring; a master that makes it more is cut off.
const HELD_BYTES_MAX: usize = 1024 * 1024;

/// Where the link stands. One variant, one meaning, only its own data.
#[derive(Debug)]
pub(super) enum State {
    /// Not connected; dial at `retry_at`.
    Waiting { retry_at: Millis },
    /// Dialled, not yet connected.
    Connecting { since: Millis },
    /// `step` was sent; its reply is awaited.
    Handshake { step: Step, reply: LineBuffer, last_byte_at: Millis },
    /// PSYNC was sent; the master may take its time, saying newlines.
    WaitingPsync { reply: LineBuffer, last_byte_at: Millis },
    /// The payload comes in; our history is still the old one.
    ReceivingSnapshot { position: Option<Position>, payload: PayloadReader, progress: SyncProgress },
    /// The payload is whole and being loaded; `held` is the stream's beginning, if it came with it.
    Loading { position: Option<Position>, progress: SyncProgress, held: Vec<u8>, last_sign_at: Millis },
    /// The stream flows: pass on, count, acknowledge each second (unless the master knows no offsets).
    Streaming { since: Millis, last_byte_at: Millis, last_ack_at: Millis, acknowledges: bool },
}

/// Why an attempt to follow ended. The text is the log line.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    #[error("{0}")]
    Refused(String),
    #[error("Master is currently unable to PSYNC but should be in the future: {0}")]
    TryLater(String),
    #[error("{0}")]
    HandOverRefused(String),
    #[error("Master replied with wrong {0} syntax.")]
    WrongSyntax(&'static str),
    #[error("Error condition on socket for SYNC: {0}")]
    NotConnected(String),
    #[error("Master did not respond to command during SYNC handshake")]
    ClosedInHandshake,
    #[error("Master did not reply to PSYNC, will try later")]
    ClosedInPsync,
    #[error("I/O error trying to sync with MASTER: connection lost")]
    ClosedInPayload,
    #[error("Connection with master lost.")]
    ClosedInStream,
    #[error("Timeout connecting to the MASTER...")]
    ConnectTimeout,
    #[error(
        "Timeout receiving bulk data from MASTER... If the problem persists try to set the 'repl-timeout' parameter in redis.conf to a larger value."
    )]
    PayloadTimeout,
    #[error("MASTER timeout: no data nor PING received...")]
    StreamTimeout,
    #[error("Bad protocol from MASTER: {0}")]
    Line(#[from] LineTooLong),
    #[error("{0}")]
    Payload(#[from] PayloadError),
    #[error("Failed trying to load the MASTER synchronization DB: {0}")]
    LoadFailed(String),
    #[error("Bad protocol from MASTER: more than {HELD_BYTES_MAX} bytes of stream while its payload is loaded")]
    TooMuchHeld,
    #[error("The replication link cannot take {event} while {state}")]
    Illegal { state: &'static str, event: &'static str },
}

impl State {
    /// ROLE's word for the state.
    pub fn role_word(&self) -> &'static str {
        match self {
            State::Waiting { .. } => "connect",
            State::Connecting { .. } => "connecting",
            State::Handshake { .. } | State::WaitingPsync { .. } => "handshake",
            State::ReceivingSnapshot { .. } | State::Loading { .. } => "sync",
            State::Streaming { .. } => "connected",
        }
    }

    pub fn name(&self) -> &'static str {
        match self {
            State::Waiting { .. } => "Waiting",
            State::Connecting { .. } => "Connecting",
            State::Handshake { .. } => "Handshake",
            State::WaitingPsync { .. } => "WaitingPsync",
            State::ReceivingSnapshot { .. } => "ReceivingSnapshot",
            State::Loading { .. } => "Loading",
            State::Streaming { .. } => "Streaming",
        }
    }

    /// Whether there is a connection, or one is being made.
    pub fn is_dialled(&self) -> bool {
        !matches!(self, State::Waiting { .. })
    }

    pub fn is_connected(&self) -> bool {
        !matches!(self, State::Waiting { .. } | State::Connecting { .. })
    }

    /// Whether the engine was told of a payload that is not yet its data.
    pub fn has_payload(&self) -> bool {
        match self {
            State::ReceivingSnapshot { payload, .. } => payload.has_begun(),
            State::Loading { .. } => true,
            _ => false,
        }
    }

    /// The master has said something.
    pub fn hear(&mut self, now: Millis) {
        match self {
            State::Handshake { last_byte_at, .. }
            | State::WaitingPsync { last_byte_at, .. }
            | State::ReceivingSnapshot { progress: SyncProgress { last_byte_at, .. }, .. }
            | State::Streaming { last_byte_at, .. } => *last_byte_at = now,
            State::Waiting { .. } | State::Connecting { .. } | State::Loading { .. } => {}
        }
    }

    /// What the end of the connection means here.
    pub fn closed_error(&self) -> LinkError {
        match self {
            State::Waiting { .. } | State::Connecting { .. } | State::Handshake { .. } => LinkError::ClosedInHandshake,
            State::WaitingPsync { .. } => LinkError::ClosedInPsync,
            State::ReceivingSnapshot { .. } | State::Loading { .. } => LinkError::ClosedInPayload,
            State::Streaming { .. } => LinkError::ClosedInStream,
        }
    }

    /// What it means here that nothing has come for the whole of `repl-timeout`.
    pub fn timeout_error(&self) -> LinkError {
        match self {
            State::ReceivingSnapshot { .. } | State::Loading { .. } => LinkError::PayloadTimeout,
            State::Streaming { .. } => LinkError::StreamTimeout,
            _ => LinkError::ConnectTimeout,
        }
    }
}

impl LinkError {
    /// The master is well, and not ready yet: what it waits for itself need not make us wait longer and longer.
    pub fn will_pass(&self) -> bool {
        match self {
            LinkError::TryLater(_) => true,
            LinkError::Refused(line) => line.contains("-LOADING"),
            _ => false,
        }
    }

    pub fn level(&self) -> Level {
        if matches!(self, LinkError::TryLater(_)) { Level::Notice } else { Level::Warning }
    }
}

/// Keeps stream bytes until the payload before them is loaded.
pub(super) fn hold(held: &mut Vec<u8>, bytes: &[u8]) -> Result<(), LinkError> {
    if held.len() + bytes.len() > HELD_BYTES_MAX {
        return Err(LinkError::TooMuchHeld);
    }
    held.extend_from_slice(bytes);
    Ok(())
}
