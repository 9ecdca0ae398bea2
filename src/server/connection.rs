//! One client's task: read what is there, parse it, take the lock once, write what came of it.
//!
//! One read and one write per readiness. While nothing is to be done the task waits for its socket, for a call from
//! the engine and, if its client is a replica that is given a snapshot, for the next piece of that. A client that does
//! not take its replies is read from and served for a while all the same: it may be one that sends all of a pipeline
//! before it reads.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::BufMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::mpsc;

use super::crash::{self, Request};
use super::shared::{PayloadPart, Shared};
use super::socket::Socket;
use super::wakeup::Wakeup;
use crate::engine::{Engine, Input, Turn};
use crate::replication::PeerEvent;
use crate::session::{Closing, Token};
use crate::time::Now;

/// Spare room for each read: what one hold of the lock may take.
const READ_BYTES: usize = 16 * 1024;
/// A hold ends after so many requests or so much time; the connection then takes its next turn.
const HOLD_REQUESTS: usize = 1_000;
const HOLD_STEP_REQUESTS: usize = 128;
const HOLD_MS: u64 = 1;
/// What is read from the log at once for a peer.
const PEER_WRITE_BYTES: usize = 64 * 1024;
/// Pieces of output that wait are joined up to here.
const WAITING_PIECE_BYTES: usize = 64 * 1024;
/// An output buffer that grew beyond this is given back: what it holds counts against maxmemory, and would let the
/// messages about evicted keys evict more.
const KEPT_OUTPUT_BYTES: usize = 32 * 1024;
/// How long a client that made a protocol error is read from, so that it can see its error before the end.
const LINGER: Duration = Duration::from_millis(500);

/// A client and its socket.
pub struct Connection {
    shared: Arc<Shared>,
    socket: Socket,
    token: Token,
    input: Input,
    /// What is being written, and how much of it is.
    output: Vec<u8>,
    written: usize,
    /// What came while the socket took no more.
    waiting: VecDeque<Vec<u8>>,
    waiting_bytes: usize,
    wakeup: Arc<Wakeup>,
    payload: Option<mpsc::Receiver<PayloadPart>>,
    is_peer: bool,
    /// The end comes once the output is out: nothing more is read.
    is_ending: bool,
    /// Read since the last hold.
    read_bytes: u64,
    /// When it was read, while DEBUG HOLDS measures.
    read_at: Option<Instant>,
    reply_took: Option<Duration>,
    is_measured: bool,
    /// The last hold closed clients, whose tasks go first.
    has_closed_others: bool,
}

/// What the task waited for.
enum Event {
    /// So many bytes; 0 is the end.
    Read(usize),
    Woken,
    /// The output that the socket did not take at once is out.
    Written,
    Payload(Option<PayloadPart>),
}

/// What comes after a hold of the lock.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Wait,
    Again,
    Close { linger: bool },
}

/// Who ended a connection.
enum End {
    Theirs,
    /// By us; what it still sends may be read first.
    Ours {
        linger: bool,
    },
}

/// Serves a client until it or we have enough.
pub async fn serve(shared: Arc<Shared>, socket: Socket, token: Token, input: Input) {
    let wakeup = Wakeup::of_this_task().await;
    let waker = Waker::from(wakeup.clone());
    shared.turn(|engine, _| engine.sessions[token].waker = Some(waker));
    let mut connection = Connection {
        shared: shared.clone(),
        socket,
        token,
        input,
        output: Vec::new(),
        written: 0,
        waiting: VecDeque::new(),
        waiting_bytes: 0,
        wakeup,
        payload: None,
        is_peer: false,
        is_ending: false,
        read_bytes: 0,
        read_at: None,
        reply_took: None,
        is_measured: false,
        has_closed_others: false,
    };
    let guest = Guest { shared, token };
    // An error of the socket is the client's end, and nobody else's business.
    let ended = connection.run().await;
    // Its buffers go before the client does, so that their memory counts for somebody until it is free.
    let Connection { socket, .. } = connection;
    drop(guest);
    if let Ok(End::Ours { linger }) = ended {
        close(socket, linger).await;
    }
}

/// Ends the connection of a client that is known no more. Closing a socket with unread input would reset it and take the
/// last reply with it.
async fn close(mut socket: Socket, linger: bool) {
    if socket.shutdown().await.is_ok() && linger {
        let mut sink = [0; 4096];
        let drain = async { while socket.read(&mut sink).await.is_ok_and(|read| read > 0) {} };
        let _ = tokio::time::timeout(LINGER, drain).await;
    }
}

/// A client that we serve, until we do no more: also if that is for a panic.
pub(super) struct Guest {
    pub shared: Arc<Shared>,
    pub token: Token,
}

impl Drop for Guest {
    fn drop(&mut self) {
        if std::thread::panicking() {
            crash::survive();
        }
        self.shared.turn(|engine, now| engine.disconnect(now, self.token));
    }
}

impl Connection {
    async fn run(&mut self) -> io::Result<End> {
        loop {
            match self.wait().await? {
                Event::Read(0) => {
                    self.log_end();
                    return Ok(End::Theirs);
                }
                Event::Read(read) => self.on_read(read),
                // A peer is called for every hold that wrote; those that are ready go first, so that one write to it
                // carries what all of them wrote.
                Event::Woken if self.is_peer => tokio::task::yield_now().await,
                Event::Woken | Event::Written => {}
                Event::Payload(part) => self.on_payload(part),
            }
            loop {
                let next = self.hold();
                if std::mem::take(&mut self.has_closed_others) {
                    tokio::task::yield_now().await;
                }
                self.write().await?;
                if self.unsent_bytes() > 0 {
                    self.note_unsent();
                }
                match next {
                    Next::Wait => break,
                    Next::Again => {
                        tokio::task::yield_now().await;
                        self.input.parse();
                    }
                    Next::Close { linger } if self.unsent_bytes() == 0 => return Ok(End::Ours { linger }),
                    Next::Close { .. } => {
                        self.is_ending = true;
                        break;
                    }
                }
            }
        }
    }

    /// The client has closed: a line of the verbose log, which is not worth a hold of the lock where nobody sees it.
    fn log_end(&self) {
        if tracing::enabled!(tracing::Level::DEBUG) {
            self.shared.turn(|engine, now| engine.log_end(now.mono, self.token));
        }
    }

    /// Waits for whatever comes first.
    async fn wait(&mut self) -> io::Result<Event> {
        let wanted = self.wanted_capacity();
        if wanted > self.input.capacity() {
            let more = wanted - self.input.len();
            self.input.buffer_mut().reserve_exact(more);
        }
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// What the buffer is to hold for the next read: room for one, in steps of a doubling. A silent client has none.
    fn wanted_capacity(&self) -> usize {
        let (len, capacity) = (self.input.len(), self.input.capacity());
        if capacity == 0 || capacity - len >= READ_BYTES { capacity } else { (2 * capacity).max(len + READ_BYTES) }
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Event>> {
        if self.wakeup.take() {
            return Poll::Ready(Ok(Event::Woken));
        }
        let is_stuck = self.unsent_bytes() > 0;
        if is_stuck && self.poll_write(cx)? {
            return Poll::Ready(Ok(Event::Written));
        }
        if self.is_ending || self.must_read_first() {
            return Poll::Pending;
        }
        // The snapshot is read only as fast as the socket takes it.
        if !is_stuck
            && let Some(payload) = &mut self.payload
            && let Poll::Ready(part) = payload.poll_recv(cx)
        {
            return Poll::Ready(Ok(Event::Payload(part)));
        }
        let buffer = self.input.buffer_mut();
        if buffer.capacity() == 0 {
            return self.poll_first_read(cx);
        }
        let mut read = ReadBuf::uninit(buffer.spare_capacity_mut());
        match Pin::new(&mut self.socket).poll_read(cx, &mut read) {
            Poll::Ready(Ok(())) => {
                let count = read.filled().len();
                // SAFETY: the first `count` bytes of the spare capacity were filled by the read.
                unsafe { buffer.advance_mut(count) };
                Poll::Ready(Ok(Event::Read(count)))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// A silent client has no buffer: it gets one once there is something to put into it.
    fn poll_first_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Event>> {
        let mut bytes = [MaybeUninit::uninit(); READ_BYTES];
        let mut read = ReadBuf::uninit(&mut bytes);
        let result = Pin::new(&mut self.socket).poll_read(cx, &mut read);
        result.map_ok(|()| {
            let buffer = self.input.buffer_mut();
            if !read.filled().is_empty() {
                buffer.reserve(READ_BYTES);
                buffer.extend_from_slice(read.filled());
            }
            Event::Read(read.filled().len())
        })
    }

    fn on_read(&mut self, read: usize) {
        self.read_bytes += read as u64;
        self.read_at = self.is_measured.then(Instant::now);
        self.input.parse();
    }

    fn on_payload(&mut self, part: Option<PayloadPart>) {
        let event = match part {
            Some(PayloadPart::Sized(payload_bytes)) => PeerEvent::PayloadSized { payload_bytes },
            Some(PayloadPart::Chunk(bytes)) => PeerEvent::PayloadChunk(bytes),
            Some(PayloadPart::Ended) => PeerEvent::PayloadEnded,
            Some(PayloadPart::Failed(error)) => PeerEvent::SnapshotFailed(error),
            None => {
                self.payload = None;
                return;
            }
        };
        let token = self.token;
        self.shared.turn(|engine, now| engine.peer_event(now, token, event));
    }

    /// One hold of the lock: execute, then take what is to be written.
    fn hold(&mut self) -> Next {
        let shared = self.shared.clone();
        let next = shared.turn(|engine, now| {
            let turn = self.execute(engine, now);
            self.take_output(engine, now, turn)
        });
        if self.payload.is_none() {
            self.payload = self.pending_payload();
        }
        next
    }

    fn pending_payload(&self) -> Option<mpsc::Receiver<PayloadPart>> {
        let mut payloads = self.shared.payloads.lock();
        if payloads.is_empty() { None } else { payloads.remove(&self.token) }
    }

    fn execute(&mut self, engine: &mut Engine, now: Now) -> Turn {
        self.record_reply(engine);
        if self.read_bytes > 0 && engine.node.is_peer(self.token) {
            // A replica that loads our snapshot sends bare newlines, which are no requests.
            engine.peer_event(now, self.token, PeerEvent::SignOfLife);
        }
        let Some(session) = engine.sessions.get_mut(self.token) else { return Turn::Close };
        session.unsent_bytes = self.unsent_bytes();
        session.net_input_bytes += self.read_bytes;
        engine.stats.net_input_bytes += self.read_bytes;
        engine.stats.reads_processed += u64::from(std::mem::take(&mut self.read_bytes) > 0);
        let queued_bytes = session.transaction.as_ref().map_or(0, |transaction| transaction.size_bytes);
        if self.input.len() + queued_bytes > engine.config.client_query_buffer_limit {
            engine.refuse_query_buffer(now.mono, self.token, self.input.bytes());
            return Turn::Close;
        }
        if session.is_closing() {
            return Turn::Close;
        }
        if session.is_blocked() {
            return Turn::Blocked;
        }
        if !self.input.is_ready() || self.must_read_first() {
            return Turn::Done;
        }
        let mut executed = 0;
        loop {
            let turn = Request::during(self.token, &mut self.input, |input| {
                engine.execute(now, self.token, input, HOLD_STEP_REQUESTS)
            });
            executed += HOLD_STEP_REQUESTS;
            let is_over = || executed >= HOLD_REQUESTS || self.shared.clock.now().mono.since(now.mono) > HOLD_MS;
            if turn != Turn::More || is_over() {
                return turn;
            }
        }
    }

    /// DEBUG HOLDS: how long the last reply took.
    fn record_reply(&mut self, engine: &mut Engine) {
        self.is_measured = engine.server.holds.is_some();
        if let (Some(holds), Some(took)) = (&mut engine.server.holds, self.reply_took.take()) {
            holds.record_reply(took.as_nanos() as u64);
        }
    }

    /// Takes replies, pushes and the peer's share of the stream out of the session.
    fn take_output(&mut self, engine: &mut Engine, now: Now, turn: Turn) -> Next {
        self.is_peer = engine.node.is_peer(self.token);
        self.has_closed_others = std::mem::take(&mut engine.has_closed);
        let is_stuck = self.unsent_bytes() > 0;
        if self.is_peer && !is_stuck {
            engine.peer_writable(now, self.token, PEER_WRITE_BYTES);
        }
        let token = self.token;
        if engine.sessions.delivered_bytes > 0 {
            engine.sessions.settle(token);
        }
        let Some(session) = engine.sessions.get_mut(token) else { return Next::Close { linger: false } };
        let fresh_bytes = session.outbox.len();
        if is_stuck && fresh_bytes > 0 {
            self.wait_with(std::mem::take(&mut session.outbox));
        } else if !is_stuck {
            std::mem::swap(&mut self.output, &mut session.outbox);
        }
        // What is fresh goes out now; what the socket does not take is noted then.
        session.unsent_bytes = if is_stuck { self.output.len() - self.written + self.waiting_bytes } else { 0 };
        session.unsent_capacity_bytes = self.output.capacity() + self.waiting_bytes;
        session.net_output_bytes += fresh_bytes as u64;
        engine.stats.net_output_bytes += fresh_bytes as u64;
        engine.stats.writes_processed += u64::from(fresh_bytes > 0);
        match session.closing {
            Closing::Now => {
                self.drop_output();
                return Next::Close { linger: false };
            }
            Closing::AfterOutput => return Next::Close { linger: turn == Turn::Close },
            Closing::No => {}
        }
        self.input.compact();
        if let Some(keep_bytes) = session.query.keep_bytes.take() {
            self.input.trim(keep_bytes);
        }
        // The buffer grows outside of the lock, before the next read; it counts from now on.
        session.query.note(self.input.len(), self.wanted_capacity());
        if engine.config.client_memory_limit() > 0 {
            engine.hold_client_memory(now, token);
        }
        match turn {
            Turn::More | Turn::Reparse => Next::Again,
            // As long as the stream has more for it, a peer goes on without waiting.
            _ if self.is_peer && !is_stuck && self.output.len() >= PEER_WRITE_BYTES => Next::Again,
            _ => Next::Wait,
        }
    }

    fn note_unsent(&self) {
        let (token, unsent_bytes) = (self.token, self.unsent_bytes());
        self.shared.turn(|engine, now| {
            if let Some(session) = engine.sessions.get_mut(token) {
                session.unsent_bytes = unsent_bytes;
            }
            if engine.config.client_memory_limit() > 0 {
                engine.hold_client_memory(now, token);
            }
        });
    }

    fn unsent_bytes(&self) -> usize {
        self.output.len() - self.written + self.waiting_bytes
    }

    /// A stranger must take what waits for it before it is served again. Who has logged in may send a pipeline of any
    /// length before it reads, as with Redis: its class's output limit and `maxmemory-clients` are what bounds it.
    fn must_read_first(&self) -> bool {
        !self.input.limits.authenticated && self.unsent_bytes() > 0
    }

    /// Puts output behind what the socket does not take, in whole pieces.
    fn wait_with(&mut self, mut fresh: Vec<u8>) {
        self.waiting_bytes += fresh.len();
        match self.waiting.back_mut() {
            Some(last) if last.len() < WAITING_PIECE_BYTES => last.append(&mut fresh),
            _ => self.waiting.push_back(fresh),
        }
        self.waiting.back_mut().into_iter().for_each(Vec::shrink_to_fit);
    }

    fn drop_output(&mut self) {
        self.output.clear();
        self.written = 0;
        self.waiting.clear();
        self.waiting_bytes = 0;
    }

    /// Writes as much of the output as the socket takes now.
    async fn write(&mut self) -> io::Result<()> {
        poll_fn(|cx| Poll::Ready(self.poll_write(cx).map(drop))).await
    }

    /// True once all is out; until then the task is woken when the socket takes more.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        loop {
            if self.written == self.output.len() {
                self.output.clear();
                self.written = 0;
                if self.output.capacity() > KEPT_OUTPUT_BYTES {
                    self.output = Vec::new();
                }
                let Some(next) = self.waiting.pop_front() else {
                    self.reply_took = self.read_at.take().map(|read_at| read_at.elapsed());
                    return Ok(true);
                };
                self.waiting_bytes -= next.len();
                self.output = next;
            }
            match Pin::new(&mut self.socket).poll_write(cx, &self.output[self.written..]) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(written)) => self.written += written,
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => return Ok(false),
            }
        }
    }
}
