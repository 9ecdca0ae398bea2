//! `MasterLink`: how we follow a master, from the first dial to the last byte of its stream.
//!
//! One enum of states that own their data, one `match (state, event)`, one path out of every error: close, wait,
//! dial again. The machine frames bytes; it does not know what a payload holds or a stream says, and until the
//! engine has loaded a whole payload nothing here asks it to give its old data up.
//! Protocol: PING, AUTH, REPLCONF, PSYNC (SYNC for masters without it), payload, stream, REPLCONF ACK.

use bytes::Bytes;

use super::Level;
use super::backoff::Backoff;
use super::handshake::{self, PsyncReply, Step, Verdict};
use super::line::{LineBuffer, LineTooLong};
use super::payload::{PayloadError, PayloadPart, PayloadReader};
use super::position::{Position, ReplId};
use crate::log::Offset;
use crate::time::Millis;

/// Acknowledgements and signs of life go out this often.
const HEARTBEAT_MS: u64 = 1_000;

/// A link that streamed at least this long has worked: its loss is not one more failure of many.
const PROVEN_MS: u64 = 1_000;

/// Stream bytes kept while a payload is loaded. The shell stops reading at once (`wants_bytes`), so this is what
/// one read may bring; a master that makes it more is cut off.
const HELD_BYTES_MAX: usize = 1024 * 1024;

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
    /// Bytes of the stream, in order, cut anywhere.
    Stream(Bytes),
    Log(Level, String),
}

/// Where the link stands. One variant, one meaning, only its own data.
#[derive(Debug)]
enum State {
    /// Not connected; dial at `retry_at`.
    Waiting { retry_at: Millis },
    /// Dialled, not yet connected.
    Connecting { since: Millis },
    /// `step` was sent; its reply is awaited.
    Handshake { step: Step, reply: LineBuffer, last_byte_at: Millis },
    /// PSYNC was sent; the master may take its time, saying newlines.
    WaitingPsync { reply: LineBuffer, last_byte_at: Millis },
    /// The payload comes in; our history is still the old one.
    ReceivingSnapshot { position: Option<Position>, payload: PayloadReader, last_byte_at: Millis },
    /// The payload is whole and being loaded; `held` is the stream's beginning, if it came with it.
    Loading { position: Option<Position>, held: Vec<Bytes>, last_sign_at: Millis },
    /// The stream flows: pass on, count, acknowledge each second (unless the master knows no offsets).
    Streaming { since: Millis, last_byte_at: Millis, last_ack_at: Millis, acknowledges: bool },
}

/// Why an attempt to follow ended. The text is the log line.
#[derive(Debug, thiserror::Error)]
enum LinkError {
    #[error("{0}")]
    Refused(String),
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
    #[error("Bad protocol from MASTER: more than {HELD_BYTES_MAX} bytes while loading")]
    TooMuchHeld,
    #[error("The replication link cannot take {event} while {state}")]
    Illegal { state: &'static str, event: &'static str },
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

#[derive(Debug)]
pub struct MasterLink {
    config: LinkConfig,
    state: State,
    backoff: Backoff,
    sync: Option<SyncProgress>,
    down_since: Option<Millis>,
}

/// What a transition may look at and where its actions go.
struct Turn<'a> {
    now: Millis,
    /// The position that our data is at, none if it has no history to be continued.
    own: Option<&'a Position>,
    out: &'a mut Vec<LinkAction>,
}

impl Turn<'_> {
    fn log(&mut self, level: Level, line: impl Into<String>) {
        self.out.push(LinkAction::Log(level, line.into()));
    }

    fn notice(&mut self, line: impl Into<String>) {
        self.log(Level::Notice, line);
    }

    fn send(&mut self, bytes: impl Into<Bytes>) {
        self.out.push(LinkAction::Send(bytes.into()));
    }

    fn acknowledge(&mut self, offset: Offset) {
        self.send(handshake::encode(&["REPLCONF", "ACK", &offset.to_string()]));
    }
}

impl MasterLink {
    /// A link that dials at its first event. `seed` decides the jitter of its retries.
    pub fn new(config: LinkConfig, seed: u64, now: Millis) -> MasterLink {
        MasterLink {
            config,
            state: State::Waiting { retry_at: now },
            backoff: Backoff::new(seed),
            sync: None,
            down_since: None,
        }
    }

    /// Takes an event in. `own` is the position that our data is at when the event comes: PSYNC asks to go on
    /// from it, acknowledgements name its offset; none if our data has no history to be continued.
    pub fn handle(&mut self, now: Millis, own: Option<&Position>, event: LinkEvent, out: &mut Vec<LinkAction>) {
        let mut turn = Turn { now, own, out };
        if let Err(error) = self.step(&mut turn, event) {
            self.become_waiting(&mut turn, &error);
        }
    }

    /// When the next `Tick` is due. There is always one: no state waits for ever.
    pub fn next_timeout(&self) -> Millis {
        let timeout_ms = self.config.timeout_ms;
        match self.state {
            State::Waiting { retry_at } => retry_at,
            State::Connecting { since } => since.plus(timeout_ms),
            State::Handshake { last_byte_at, .. }
            | State::WaitingPsync { last_byte_at, .. }
            | State::ReceivingSnapshot { last_byte_at, .. } => last_byte_at.plus(timeout_ms),
            State::Loading { last_sign_at, .. } => last_sign_at.plus(HEARTBEAT_MS),
            State::Streaming { last_byte_at, last_ack_at, .. } => {
                last_byte_at.plus(timeout_ms).min(last_ack_at.plus(HEARTBEAT_MS))
            }
        }
    }

    /// Whether the shell should read on; while a payload is loaded the master has to wait.
    pub fn wants_bytes(&self) -> bool {
        !matches!(self.state, State::Loading { .. })
    }

    /// Takes over changed directives. Host and port are another link's.
    pub fn configure(&mut self, config: LinkConfig) {
        self.config = config;
    }

    pub fn config(&self) -> &LinkConfig {
        &self.config
    }

    /// Follows no more: what is open is closed, what is half received is abandoned.
    pub fn stop(mut self, out: &mut Vec<LinkAction>) {
        self.hang_up(out);
    }

    pub fn status(&self) -> LinkStatus {
        let is_up = matches!(self.state, State::Streaming { .. });
        let last_byte_at = match self.state {
            State::Streaming { last_byte_at, .. } => Some(last_byte_at),
            _ => None,
        };
        LinkStatus { state: self.state.role_word(), is_up, last_byte_at, sync: self.sync, down_since: self.down_since }
    }

    fn step(&mut self, turn: &mut Turn<'_>, event: LinkEvent) -> Result<(), LinkError> {
        match (&self.state, event) {
            (State::Waiting { .. }, LinkEvent::Tick) => Ok(()),
            (_, _) => Ok(()),
        }
    }

    fn hang_up(&mut self, out: &mut Vec<LinkAction>) {}

    fn become_waiting(&mut self, turn: &mut Turn<'_>, error: &LinkError) {}
}

impl State {
    fn role_word(&self) -> &'static str {
        match self {
            State::Waiting { .. } => "connect",
            State::Connecting { .. } => "connecting",
            State::Handshake { .. } | State::WaitingPsync { .. } => "handshake",
            State::ReceivingSnapshot { .. } | State::Loading { .. } => "sync",
            State::Streaming { .. } => "connected",
        }
    }
}
