//! What goes into `MasterLink` and what comes out of it: configuration, events, actions, status.

use bytes::Bytes;

use crate::replication::{Level, Position, ReplId};
use crate::time::Millis;

/// Whom to follow, and what to tell about ourselves.
#[derive(Clone, Debug)]
pub struct LinkConfig {
    pub host: String,
    pub port: u16,
    /// `masteruser`, `masterauth`.
    pub user: Option<Vec<u8>>,
    pub password: Option<Vec<u8>>,
    /// `replica-announce-port`, else the port we listen at.
    pub listening_port: u16,
    /// `replica-announce-ip`.
    pub announce_ip: Option<String>,
    /// The version of Redis that we announce.
    pub version: String,
    /// `repl-timeout`, in milliseconds.
    pub timeout_ms: u64,
    /// We were its master: it is to take our place.
    pub hands_over: bool,
    /// Where the engine puts payloads, for the log: `to disk` or `to parser`.
    pub payload_target: &'static str,
}

#[derive(Debug)]
pub enum LinkEvent {
    /// The connection that was dialled stands.
    Connected,
    ConnectFailed(String),
    Bytes(Bytes),
    /// The connection ended, by whatever reason.
    Closed,
    /// After `EndPayload`: the payload is our data now.
    Loaded,
    /// After `BeginPayload`: it could not be kept, read or loaded; our old data is untouched.
    LoadFailed(String),
    /// The master wants an acknowledgement at once (GETACK).
    AckWanted,
    /// Time has passed: to be given at `next_timeout`, or any time.
    Tick,
}

#[derive(Debug, PartialEq, Eq)]
pub enum LinkAction {
    /// Connect, and say `Connected` or `ConnectFailed`.
    Dial {
        host: String,
        port: u16,
    },
    Send(Bytes),
    /// Close the connection, or give its dialling up. Nothing that it still says may come in as an event.
    Close,
    /// A payload follows: our data as it will be at `position` (none: the master knows no positions).
    BeginPayload {
        position: Option<Position>,
        size_bytes: Option<u64>,
    },
    Payload(Bytes),
    /// The payload is whole: verify it, load it, say `Loaded` or `LoadFailed`.
    EndPayload,
    /// The payload will not come to its end.
    AbandonPayload,
    /// Our history is the master's now, from `position` on: the log is reset, our peers must come again. The
    /// stream's db is what the payload said.
    Adopt {
        position: Option<Position>,
    },
    /// Our history goes on at our own offset, under this name if the master gave one.
    Continue {
        replid: Option<ReplId>,
    },
    /// Asked to take our place, the other end goes on as our master, or will not.
    HandOverAnswered {
        accepted: bool,
    },
    /// Bytes of the stream, in order, cut anywhere.
    Stream(Bytes),
    Log(Level, String),
}

/// What INFO and ROLE show of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkStatus {
    /// ROLE's word: connect, connecting, handshake, sync, connected.
    pub state: &'static str,
    /// master_link_status:up.
    pub is_up: bool,
    /// When the master last said something; none unless up.
    pub last_byte_at: Option<Millis>,
    /// The payload on its way, if one is.
    pub sync: Option<SyncProgress>,
    /// Since when the link is down; none if it is up or never was.
    pub down_since: Option<Millis>,
}

/// How far a full resync has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncProgress {
    /// Of the payload; none where the master does not know it beforehand.
    pub size_bytes: Option<u64>,
    pub read_bytes: u64,
    pub last_byte_at: Millis,
}

impl LinkEvent {
    /// For the error that names an event out of place.
    pub(super) fn name(&self) -> &'static str {
        match self {
            LinkEvent::Connected => "Connected",
            LinkEvent::ConnectFailed(_) => "ConnectFailed",
            LinkEvent::Bytes(_) => "Bytes",
            LinkEvent::Closed => "Closed",
            LinkEvent::Loaded => "Loaded",
            LinkEvent::LoadFailed(_) => "LoadFailed",
            LinkEvent::AckWanted => "AckWanted",
            LinkEvent::Tick => "Tick",
        }
    }
}
