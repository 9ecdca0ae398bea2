//! `MasterLink`: how we follow a master, from the first dial to the last byte of its stream.
//!
//! One enum of states that own their data, one `match (state, event)`, one path out of every error: close, wait,
//! dial again. The machine frames bytes; it does not know what a payload holds or a stream says, and until the
//! engine has loaded a whole payload nothing here asks it to give its old data up.
//! Protocol: PING, AUTH, REPLCONF, PSYNC (SYNC for masters without it), payload, stream, REPLCONF ACK.

mod face;
mod state;
#[cfg(test)]
mod tests;

use bytes::Bytes;

use self::state::{LinkError, State, hold};
use super::backoff::Backoff;
use super::handshake::{self, PsyncReply, Step, Verdict};
use super::line::LineBuffer;
use super::payload::{PayloadPart, PayloadReader};
use super::{Level, Offset, Position, ReplId};
use crate::time::Millis;

pub use self::face::{LinkAction, LinkConfig, LinkEvent, LinkStatus, SyncProgress};

/// Acknowledgements and signs of life go out this often.
const HEARTBEAT_MS: u64 = 1_000;

/// A link that streamed at least this long has worked: its loss is not one more failure of many.
const PROVEN_MS: u64 = 1_000;

#[derive(Debug)]
pub struct MasterLink {
    config: LinkConfig,
    state: State,
    backoff: Backoff,
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

    fn log_unsupported(&mut self, reply: &str) {
        if reply.starts_with("-ERR") {
            self.notice(format!("Master does not support PSYNC or is in error state (reply: {reply})"));
        } else {
            self.log(Level::Warning, format!("Unexpected reply to PSYNC from master: {reply}"));
        }
        self.notice("Retrying with SYNC...");
    }

    fn log_payload(&mut self, size_bytes: Option<u64>, target: &str) {
        self.notice(match size_bytes {
            Some(size) => format!("MASTER <-> REPLICA sync: receiving {size} bytes from master {target}"),
            None => format!("MASTER <-> REPLICA sync: receiving streamed RDB from master with EOF {target}"),
        });
    }
}

impl MasterLink {
    /// A link that dials at its first event. `seed` decides the jitter of its retries.
    pub fn new(config: LinkConfig, seed: u64, now: Millis) -> MasterLink {
        MasterLink { config, state: State::Waiting { retry_at: now }, backoff: Backoff::new(seed), down_since: None }
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
        let deadline = self.deadline();
        match self.state {
            State::Loading { last_sign_at: last, .. } | State::Streaming { last_ack_at: last, .. } => {
                deadline.min(last.plus(HEARTBEAT_MS))
            }
            _ => deadline,
        }
    }

    /// Whether the shell should read on; while a payload is loaded the master has to wait.
    pub fn wants_bytes(&self) -> bool {
        !matches!(self.state, State::Loading { .. })
    }

    pub fn config(&self) -> &LinkConfig {
        &self.config
    }

    /// Takes over changed directives. Another host or port is another link's.
    pub fn configure(&mut self, config: LinkConfig) {
        self.config = config;
    }

    /// Follows no more: what is open is closed, what is half received is abandoned.
    pub fn stop(self, out: &mut Vec<LinkAction>) {
        self.hang_up(out);
    }

    pub fn status(&self) -> LinkStatus {
        let (last_byte_at, sync) = match self.state {
            State::Streaming { last_byte_at, .. } => (Some(last_byte_at), None),
            State::ReceivingSnapshot { progress, .. } | State::Loading { progress, .. } => (None, Some(progress)),
            _ => (None, None),
        };
        let is_up = last_byte_at.is_some();
        LinkStatus { state: self.state.role_word(), is_up, last_byte_at, sync, down_since: self.down_since }
    }

    fn step(&mut self, turn: &mut Turn<'_>, event: LinkEvent) -> Result<(), LinkError> {
        match (&self.state, event) {
            (_, LinkEvent::Tick) => self.on_tick(turn),
            (State::Connecting { .. }, LinkEvent::Connected) => {
                turn.notice("Non blocking connect for SYNC fired the event.");
                self.become_handshaking(turn, Step::first());
                Ok(())
            }
            (State::Connecting { .. }, LinkEvent::ConnectFailed(reason)) => Err(LinkError::NotConnected(reason)),
            (State::Loading { .. }, LinkEvent::Loaded) => {
                self.on_loaded(turn);
                Ok(())
            }
            (State::ReceivingSnapshot { .. } | State::Loading { .. }, LinkEvent::LoadFailed(reason)) => {
                Err(LinkError::LoadFailed(reason))
            }
            (State::Streaming { .. }, LinkEvent::AckWanted) => {
                self.acknowledge(turn);
                Ok(())
            }
            (state, LinkEvent::Closed) if state.is_dialled() => Err(state.closed_error()),
            (state, LinkEvent::Bytes(bytes)) if state.is_connected() => self.on_bytes(turn, bytes),
            (state, event) => Err(LinkError::Illegal { state: state.name(), event: event.name() }),
        }
    }

    fn on_tick(&mut self, turn: &mut Turn<'_>) -> Result<(), LinkError> {
        let now = turn.now;
        let expired = self.deadline() <= now;
        match &mut self.state {
            State::Waiting { .. } if expired => self.become_connecting(turn),
            State::Waiting { .. } => {}
            _ if expired => return Err(self.state.timeout_error()),
            State::Loading { last_sign_at, .. } if last_sign_at.plus(HEARTBEAT_MS) <= now => {
                *last_sign_at = now;
                turn.send(b"\n".as_slice());
            }
            State::Streaming { last_ack_at, .. } if last_ack_at.plus(HEARTBEAT_MS) <= now => self.acknowledge(turn),
            _ => {}
        }
        Ok(())
    }

    /// Passes bytes to the state that they meet; what one state leaves over is the next one's.
    fn on_bytes(&mut self, turn: &mut Turn<'_>, mut bytes: Bytes) -> Result<(), LinkError> {
        while !bytes.is_empty() {
            self.state.hear(turn.now);
            match &mut self.state {
                State::Handshake { step, reply, .. } => {
                    let step = *step;
                    if let Some(line) = reply.take_line(&mut bytes)? {
                        self.on_handshake_reply(turn, step, &line)?;
                    }
                }
                State::WaitingPsync { reply, .. } => {
                    if let Some(line) = reply.take_line(&mut bytes)? {
                        self.on_psync_reply(turn, &line)?;
                    }
                }
                State::ReceivingSnapshot { payload, .. } => {
                    let part = payload.read(&mut bytes)?;
                    self.on_payload(turn, part);
                }
                State::Loading { held, .. } => hold(held, &std::mem::take(&mut bytes))?,
                State::Streaming { .. } => turn.out.push(LinkAction::Stream(std::mem::take(&mut bytes))),
                State::Waiting { .. } | State::Connecting { .. } => unreachable!("bytes need a connection"),
            }
        }
        Ok(())
    }

    fn on_handshake_reply(&mut self, turn: &mut Turn<'_>, step: Step, reply: &str) -> Result<(), LinkError> {
        match step.judge(reply) {
            Verdict::Fatal(line) => return Err(LinkError::Refused(line)),
            Verdict::Next(Some((level, line))) => turn.log(level, line),
            Verdict::Next(None) => {}
        }
        match step.next(&self.config) {
            Some(next) => self.become_handshaking(turn, next),
            None => self.become_waiting_psync(turn),
        }
        Ok(())
    }

    fn on_psync_reply(&mut self, turn: &mut Turn<'_>, line: &str) -> Result<(), LinkError> {
        let reply = PsyncReply::parse(line);
        if self.config.hands_over && reply != PsyncReply::KeepAlive {
            let accepted = reply.is_acceptance();
            turn.out.push(LinkAction::HandOverAnswered { accepted });
            if !accepted {
                return Err(LinkError::HandOverRefused(line.to_owned()));
            }
        }
        match reply {
            PsyncReply::KeepAlive => {}
            PsyncReply::TryLater => return Err(LinkError::TryLater(line.to_owned())),
            PsyncReply::FullResync { replid, offset } => {
                let replid = ReplId::parse(replid.as_bytes()).ok_or(LinkError::WrongSyntax("+FULLRESYNC"))?;
                let offset = parse_offset(offset).ok_or(LinkError::WrongSyntax("+FULLRESYNC"))?;
                turn.notice(format!("Full resync from master: {replid}:{offset}"));
                self.become_receiving(turn.now, Some(Position { replid, offset, db: None }));
            }
            PsyncReply::Continue { replid } => self.on_continue(turn, replid)?,
            PsyncReply::Unsupported => {
                turn.log_unsupported(line);
                turn.send(b"SYNC\r\n".as_slice());
                self.become_receiving(turn.now, None);
            }
        }
        Ok(())
    }

    fn on_continue(&mut self, turn: &mut Turn<'_>, replid: &str) -> Result<(), LinkError> {
        // A master that continues what was never asked for would have us apply a stream to other data.
        let own = turn.own.ok_or(LinkError::WrongSyntax("+CONTINUE"))?;
        let replid = ReplId::parse(replid.as_bytes());
        turn.notice("Successful partial resynchronization with master.");
        if let Some(new) = replid.filter(|new| *new != own.replid) {
            turn.log(Level::Warning, format!("Master replication ID changed to {new}"));
        }
        turn.notice("MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.");
        turn.out.push(LinkAction::Continue { replid });
        self.become_streaming(turn.now, true);
        Ok(())
    }

    fn on_payload(&mut self, turn: &mut Turn<'_>, part: Option<PayloadPart>) {
        let State::ReceivingSnapshot { position, payload, progress } = &mut self.state else { return };
        match part {
            Some(PayloadPart::Begin { size_bytes }) => {
                progress.size_bytes = size_bytes;
                turn.log_payload(size_bytes, self.config.payload_target);
                turn.out.push(LinkAction::BeginPayload { position: *position, size_bytes });
            }
            Some(PayloadPart::Chunk(chunk)) => {
                progress.read_bytes += chunk.len() as u64;
                turn.out.push(LinkAction::Payload(chunk));
            }
            Some(PayloadPart::KeepAlive) | None => {}
        }
        if payload.is_at_end() {
            turn.out.push(LinkAction::EndPayload);
            let (position, progress) = (*position, *progress);
            self.state = State::Loading { position, progress, held: Vec::new(), last_sign_at: turn.now };
        }
    }

    fn on_loaded(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now;
        let State::Loading { position, held, .. } = &mut self.state else { return };
        let (position, held) = (*position, std::mem::take(held));
        turn.out.push(LinkAction::Adopt { position });
        turn.notice("MASTER <-> REPLICA sync: Finished with success");
        self.become_streaming(now, position.is_some());
        if let Some(position) = position {
            // Redis waits for this acknowledgement before it sends the stream behind a marked payload.
            turn.acknowledge(position.offset);
        }
        if !held.is_empty() {
            turn.out.push(LinkAction::Stream(Bytes::from(held)));
        }
    }

    fn acknowledge(&mut self, turn: &mut Turn<'_>) {
        let State::Streaming { last_ack_at, acknowledges, .. } = &mut self.state else { return };
        *last_ack_at = turn.now;
        if let Some(own) = turn.own.filter(|_| *acknowledges) {
            turn.acknowledge(own.offset);
        }
    }

    fn become_connecting(&mut self, turn: &mut Turn<'_>) {
        let (host, port) = (self.config.host.clone(), self.config.port);
        turn.notice(format!("Connecting to MASTER {host}:{port}"));
        turn.out.push(LinkAction::Dial { host, port });
        turn.notice("MASTER <-> REPLICA sync started");
        self.state = State::Connecting { since: turn.now };
    }

    fn become_handshaking(&mut self, turn: &mut Turn<'_>, step: Step) {
        turn.send(handshake::encode(&step.request(&self.config).unwrap_or_default()));
        self.state = State::Handshake { step, reply: LineBuffer::default(), last_byte_at: turn.now };
    }

    fn become_waiting_psync(&mut self, turn: &mut Turn<'_>) {
        let (replid, byte) = match turn.own {
            Some(own) => (own.replid.to_string(), own.psync_offset().to_string()),
            None => ("?".to_owned(), "-1".to_owned()),
        };
        turn.notice(match turn.own {
            Some(_) => format!("Trying a partial resynchronization (request {replid}:{byte})."),
            None => "Partial resynchronization not possible (no cached master)".to_owned(),
        });
        let mut words = vec!["PSYNC", replid.as_str(), byte.as_str()];
        words.extend(self.config.hands_over.then_some("FAILOVER"));
        turn.send(handshake::encode(&words));
        self.state = State::WaitingPsync { reply: LineBuffer::default(), last_byte_at: turn.now };
    }

    fn become_receiving(&mut self, now: Millis, position: Option<Position>) {
        let progress = SyncProgress { size_bytes: None, read_bytes: 0, last_byte_at: now };
        self.state = State::ReceivingSnapshot { position, payload: PayloadReader::new(), progress };
    }

    fn become_streaming(&mut self, now: Millis, acknowledges: bool) {
        self.down_since = None;
        self.state = State::Streaming { since: now, last_byte_at: now, last_ack_at: now, acknowledges };
    }

    /// The one way out of every error.
    fn become_waiting(&mut self, turn: &mut Turn<'_>, error: &LinkError) {
        turn.log(error.level(), error.to_string());
        self.hang_up(turn.out);
        if error.will_pass() {
            self.backoff.succeed();
        }
        let mut delay_ms = self.backoff.fail();
        if let State::Streaming { since, .. } = self.state {
            self.down_since = Some(turn.now);
            if turn.now.since(since) >= PROVEN_MS {
                self.backoff.succeed();
                delay_ms = 0;
            }
        }
        self.state = State::Waiting { retry_at: turn.now.plus(delay_ms) };
    }

    fn hang_up(&self, out: &mut Vec<LinkAction>) {
        if self.state.has_payload() {
            out.push(LinkAction::AbandonPayload);
        }
        if self.state.is_dialled() {
            out.push(LinkAction::Close);
        }
    }

    /// When the present state has lasted too long. Loading is our own work: its end is the engine's to tell.
    fn deadline(&self) -> Millis {
        let timeout_ms = self.config.timeout_ms;
        match self.state {
            State::Waiting { retry_at } => retry_at,
            State::Connecting { since: last }
            | State::Handshake { last_byte_at: last, .. }
            | State::WaitingPsync { last_byte_at: last, .. }
            | State::ReceivingSnapshot { progress: SyncProgress { last_byte_at: last, .. }, .. }
            | State::Streaming { last_byte_at: last, .. } => last.plus(timeout_ms),
            State::Loading { .. } => Millis(u64::MAX),
        }
    }
}

/// Offsets are signed numbers to everybody else: half of ours do not exist.
fn parse_offset(text: &str) -> Option<Offset> {
    text.parse::<i64>().ok().and_then(|offset| u64::try_from(offset).ok()).map(Offset)
}
