//! `ReplicaPeer`: one replica that follows us, from its PSYNC to its last acknowledgement.
//!
//! A partial resync is online at once. A full one waits for its snapshot, gets the payload in its framing, and then
//! the stream from the log, where its place was pinned when the snapshot was taken. Which of the two it is,
//! `History` decides; when a snapshot starts, `Admission`; what is in it, the engine. The log holds the stream and
//! the peer is a cursor in it: nothing is buffered here.

mod face;
mod state;
#[cfg(test)]
mod tests;

use bytes::Bytes;

use self::state::{Framing, PeerError, State};
use super::output_limit::OverLimit;
use super::payload::EndMark;
use super::{Level, Offset, Position, ReplId};
use crate::log::{CursorId, Log};
use crate::time::Millis;

pub use self::face::{Introduction, PeerAction, PeerConfig, PeerEvent, PeerState, PeerStatus};

/// How often a replica that waits is told that we are alive.
const NEWLINE_MS: u64 = 1_000;

#[derive(Debug)]
pub struct ReplicaPeer {
    introduction: Introduction,
    config: PeerConfig,
    state: State,
    over_limit: OverLimit,
    acked: Offset,
    acked_at: Millis,
}

/// What a transition may look at and where its actions go.
struct Turn<'a> {
    now: Millis,
    log: &'a mut Log,
    out: &'a mut Vec<PeerAction>,
}

impl Turn<'_> {
    fn notice(&mut self, line: String) {
        self.out.push(PeerAction::Log(Level::Notice, line));
    }

    fn send(&mut self, bytes: impl Into<Bytes>) {
        self.out.push(PeerAction::Send(bytes.into()));
    }
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
    pub fn handle(&mut self, now: Millis, log: &mut Log, event: PeerEvent, out: &mut Vec<PeerAction>) {
        let mut turn = Turn { now, log, out };
        if let Err(error) = self.step(&mut turn, event) {
            self.become_closed(&mut turn, &error);
        }
    }

    /// When the next `Tick` is due. None once closed, and for an online replica of before PSYNC, which never
    /// acknowledges.
    pub fn next_timeout(&self) -> Option<Millis> {
        let newline_at = match self.state {
            State::WaitingSnapshot { newline_at, .. }
            | State::SendingSnapshot { framing: Framing::Unsized { newline_at }, .. } => {
                Some(newline_at.plus(NEWLINE_MS))
            }
            _ => None,
        };
        let over_limit_at = self.over_limit.ends_at(self.config.output_limit);
        [newline_at, self.deadline(), over_limit_at].into_iter().flatten().min()
    }

    pub fn introduction(&self) -> &Introduction {
        &self.introduction
    }

    /// Since when the replica waits for its snapshot to be admitted, none if it does not.
    pub fn waiting_since(&self) -> Option<Millis> {
        match self.state {
            State::WaitingSnapshot { since, .. } => Some(since),
            _ => None,
        }
    }

    /// Whether a full resync is on its way, for `Admission`'s count.
    pub fn is_sending_snapshot(&self) -> bool {
        matches!(self.state, State::SendingSnapshot { .. })
    }

    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Takes over changed directives.
    pub fn configure(&mut self, config: PeerConfig) {
        self.config = config;
    }

    pub fn status(&self, log: &Log) -> PeerStatus {
        let sent = self.state.cursor().and_then(|cursor| log.position_of(cursor));
        PeerStatus { state: self.state.as_shown(), acked: self.acked, acked_at: self.acked_at, sent }
    }

    fn step(&mut self, turn: &mut Turn<'_>, event: PeerEvent) -> Result<(), PeerError> {
        match (&mut self.state, event) {
            (State::Closed, _) => Ok(()),
            (_, PeerEvent::Tick) => self.on_tick(turn),
            (_, PeerEvent::LogGrown) => self.check_limit(turn),
            (_, PeerEvent::Closed) => Err(PeerError::Gone),
            (_, PeerEvent::Dismiss) => Err(PeerError::Dismissed),
            (State::WaitingSnapshot { .. }, PeerEvent::Continue { replid, from }) => {
                self.on_continue(turn, &replid, from)
            }
            (State::WaitingSnapshot { .. }, PeerEvent::SnapshotTaken { position, mark }) => {
                self.on_snapshot_taken(turn, position, mark)
            }
            (State::WaitingSnapshot { .. } | State::SendingSnapshot { .. }, PeerEvent::SnapshotFailed(reason)) => {
                Err(PeerError::SnapshotFailed(reason))
            }
            (State::SendingSnapshot { framing, .. }, PeerEvent::PayloadSized { payload_bytes }) => {
                turn.send(framing.size(payload_bytes)?);
                Ok(())
            }
            (State::SendingSnapshot { framing, last_chunk_at, .. }, PeerEvent::PayloadChunk(chunk)) => {
                *last_chunk_at = turn.now;
                framing.count(chunk.len() as u64)?;
                turn.send(chunk);
                Ok(())
            }
            (State::SendingSnapshot { .. }, PeerEvent::PayloadEnded) => self.on_payload_ended(turn),
            (State::Online { cursor }, PeerEvent::Writable { max_bytes }) => Self::pump(turn, *cursor, max_bytes),
            (_, PeerEvent::Writable { .. }) => Ok(()),
            (_, PeerEvent::Acked(offset)) => self.on_acked(turn, offset),
            (_, PeerEvent::SignOfLife) => {
                self.acked_at = turn.now;
                Ok(())
            }
            (state, event) => Err(PeerError::Illegal { state: state.name(), event: event.name() }),
        }
    }

    fn on_continue(&mut self, turn: &mut Turn<'_>, replid: &ReplId, from: Offset) -> Result<(), PeerError> {
        let cursor = turn.log.attach(from)?;
        let can_take_replid = self.introduction.announced.can_psync2;
        turn.send(if can_take_replid { format!("+CONTINUE {replid}\r\n") } else { "+CONTINUE\r\n".to_owned() });
        turn.notice(format!(
            "Partial resynchronization request from {} accepted. Sending {} bytes of backlog starting from offset {}.",
            self.introduction.name,
            turn.log.appended().since(from),
            from.next_byte(),
        ));
        // It asked from here because it has applied all before.
        self.acked = from;
        self.become_online(turn.now, cursor);
        Ok(())
    }

    fn on_snapshot_taken(
        &mut self,
        turn: &mut Turn<'_>,
        position: Position,
        mark: Option<EndMark>,
    ) -> Result<(), PeerError> {
        let announced = &self.introduction.announced;
        let cursor = if announced.rdb_only { None } else { Some(turn.log.attach(position.offset)?) };
        if !self.introduction.is_pre_psync {
            turn.send(format!("+FULLRESYNC {} {}\r\n", position.replid, position.offset));
        }
        let framing = mark.map_or(Framing::Unsized { newline_at: turn.now }, Framing::Marked);
        if let Framing::Marked(mark) = &framing {
            turn.send(mark.header());
        }
        turn.out.push(PeerAction::PreparePayload);
        self.state = State::SendingSnapshot { framing, cursor, last_chunk_at: turn.now };
        Ok(())
    }

    fn on_payload_ended(&mut self, turn: &mut Turn<'_>) -> Result<(), PeerError> {
        let State::SendingSnapshot { framing, cursor, .. } = &self.state else { return Ok(()) };
        let trailer = framing.trailer()?;
        let marked = trailer.is_some();
        turn.out.extend(trailer.map(PeerAction::Send));
        let name = &self.introduction.name;
        let Some(cursor) = *cursor else { return Err(PeerError::RdbOnlyServed(name.clone())) };
        if marked {
            turn.notice(format!(
                "Streamed RDB transfer with replica {name} succeeded (socket). Waiting for REPLCONF ACK from replica \
                 to enable streaming"
            ));
            self.acked_at = turn.now;
            self.state = State::AwaitingFirstAck { cursor };
        } else {
            turn.notice(format!("Synchronization with replica {name} succeeded"));
            self.become_online(turn.now, cursor);
        }
        Ok(())
    }

    fn on_acked(&mut self, turn: &mut Turn<'_>, offset: Offset) -> Result<(), PeerError> {
        self.acked_at = turn.now;
        if let State::AwaitingFirstAck { cursor } = self.state {
            turn.notice(format!("Synchronization with replica {} succeeded", self.introduction.name));
            self.become_online(turn.now, cursor);
        }
        // Nobody can have applied what was not sent: a claim beyond it must not satisfy WAIT.
        if let Some(sent) = self.state.cursor().and_then(|cursor| turn.log.position_of(cursor)) {
            self.acked = self.acked.max(offset.min(sent));
        }
        Ok(())
    }

    /// Sends what the log has for the peer, as far as the connection takes it.
    fn pump(turn: &mut Turn<'_>, cursor: CursorId, max_bytes: usize) -> Result<(), PeerError> {
        let mut room = max_bytes;
        while room > 0 {
            let from = turn.log.position_of(cursor).ok_or(PeerError::Dismissed)?;
            let bytes = turn.log.read(from, room)?;
            if bytes.is_empty() {
                break;
            }
            turn.log.advance(cursor, bytes.len() as u64);
            room -= bytes.len();
            turn.send(bytes);
        }
        Ok(())
    }

    fn on_tick(&mut self, turn: &mut Turn<'_>) -> Result<(), PeerError> {
        if self.deadline().is_some_and(|deadline| deadline <= turn.now) {
            return Err(self.state.timeout_error(&self.introduction.name));
        }
        if let State::WaitingSnapshot { newline_at, .. }
        | State::SendingSnapshot { framing: Framing::Unsized { newline_at }, .. } = &mut self.state
            && newline_at.plus(NEWLINE_MS) <= turn.now
        {
            *newline_at = turn.now;
            turn.send(b"\n".as_slice());
        }
        self.check_limit(turn)
    }

    fn check_limit(&mut self, turn: &mut Turn<'_>) -> Result<(), PeerError> {
        let Some(sent) = self.state.cursor().and_then(|cursor| turn.log.position_of(cursor)) else { return Ok(()) };
        let behind_bytes = turn.log.appended().since(sent);
        let (limit, backlog_bytes) = (self.config.output_limit, turn.log.backlog_bytes());
        if self.over_limit.is_reached(turn.now, behind_bytes, limit, backlog_bytes) {
            return Err(PeerError::TooFarBehind(self.introduction.name.clone()));
        }
        Ok(())
    }

    fn become_online(&mut self, now: Millis, cursor: CursorId) {
        self.acked_at = now;
        self.state = State::Online { cursor };
    }

    /// The one way out: the log lets go, the connection closes.
    fn become_closed(&mut self, turn: &mut Turn<'_>, error: &PeerError) {
        turn.out.extend(error.level().map(|level| PeerAction::Log(level, error.to_string())));
        if let Some(cursor) = self.state.cursor() {
            turn.log.detach(cursor);
        }
        let served = matches!(error, PeerError::RdbOnlyServed(_));
        if self.is_sending_snapshot() && !served {
            turn.out.push(PeerAction::AbandonPayload);
        }
        if !matches!(error, PeerError::Gone) {
            turn.out.push(PeerAction::Close { flush: served });
        }
        self.state = State::Closed;
    }

    /// When the peer has kept us waiting too long. Waiting for a snapshot or for a payload's length is our own
    /// slowness.
    fn deadline(&self) -> Option<Millis> {
        let last = match self.state {
            State::SendingSnapshot { framing: Framing::Unsized { .. }, .. } => return None,
            State::SendingSnapshot { last_chunk_at, .. } => last_chunk_at,
            State::AwaitingFirstAck { .. } => self.acked_at,
            State::Online { .. } if !self.introduction.is_pre_psync => self.acked_at,
            State::WaitingSnapshot { .. } | State::Online { .. } | State::Closed => return None,
        };
        Some(last.plus(self.config.timeout_ms))
    }
}
