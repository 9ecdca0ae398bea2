//! The books: how long each request took, whether it failed, and who is to know of it (the slow log, MONITOR).
//!
//! The clock is read once per request: the end of one is the beginning of the next, so what passes between them (the
//! gate, the unit's end) counts to the one it belongs to.

use crate::command::{Args, CommandId, Flags};
use crate::metrics::{Event, LogKind, Note, Trimmed};
use crate::resp::Reply;
use crate::session::{Blocked, Token};
use crate::time::Now;

use super::Engine;

/// What is known of a request before it runs.
#[derive(Clone, Copy)]
pub(super) struct Begun {
    ns: u64,
    reply_len: usize,
}

impl Engine {
    /// To be called before the first request of a turn.
    #[inline]
    pub(super) fn read_clock(&mut self) {
        self.clock_read_ns = (self.hooks.clock_ns)();
    }

    #[inline]
    pub(super) fn begin_request(&self, reply: &Reply) -> Begun {
        Begun { ns: self.clock_read_ns, reply_len: reply.buffer.len() }
    }

    /// After a request has run, whatever came of it.
    #[inline]
    pub(super) fn account(
        &mut self,
        now: Now,
        token: Token,
        id: CommandId,
        args: &Args<'_>,
        begun: Begun,
        reply: &mut Reply,
    ) {
        self.read_clock();
        let took_ns = self.clock_read_ns.saturating_sub(begun.ns);
        let metrics = &mut self.metrics;
        metrics.commands.called(id, took_ns);
        if metrics.errors.take_pending() {
            metrics.commands.failed(id);
        }
        let reply_bytes = reply.buffer.len().saturating_sub(begun.reply_len);
        let limits = metrics.thresholds;
        if took_ns >= limits.ns || args.words.size_bytes() >= limits.request_bytes || reply_bytes >= limits.reply_bytes
        {
            self.note(now, token, id, args, took_ns, reply_bytes);
        }
        if !self.sessions.monitors.is_empty() {
            self.feed_monitors(now, token, id, args, reply);
        }
    }

    /// After a client that waited has been served: its request was counted when it came.
    pub(super) fn account_served(
        &mut self,
        now: Now,
        token: Token,
        id: CommandId,
        args: &Args<'_>,
        begun: Begun,
        reply: &Reply,
    ) {
        self.read_clock();
        if self.metrics.errors.take_pending() {
            self.metrics.commands.failed(id);
        }
        let took_ns = self.clock_read_ns.saturating_sub(begun.ns);
        self.note(now, token, id, args, took_ns, reply.buffer.len());
    }

    /// Does what clients may have to wait for, and notes how long it took if latency is watched.
    pub(super) fn timed<T>(&mut self, now: Now, event: Event, work: impl FnOnce(&mut Engine) -> T) -> T {
        if !self.metrics.latency.is_on() {
            return work(self);
        }
        let began_ns = (self.hooks.clock_ns)();
        let result = work(self);
        let took_ns = (self.hooks.clock_ns)().saturating_sub(began_ns);
        self.metrics.latency.observe(event, took_ns, now.unix_s());
        result
    }

    /// Answers an error, and counts it.
    #[cold]
    pub(super) fn fail(&mut self, reply: &mut Reply, line: &str) {
        self.metrics.errors.count(line);
        reply.error(line);
    }

    /// A request that did not run: it counts as refused, not as failed.
    pub(super) fn account_refusal(&mut self, command: Option<CommandId>) {
        self.metrics.errors.take_pending();
        if let Some(id) = command {
            self.metrics.commands.rejected(id);
        }
    }

    #[cold]
    fn note(&mut self, now: Now, token: Token, id: CommandId, args: &Args<'_>, took_ns: u64, reply_bytes: usize) {
        // What waits will be noted once it is served.
        if self.sessions.get(token).is_some_and(|session| session.blocked == Blocked::OnKeys) {
            return;
        }
        let entry = self.table.entry(id);
        let event = if entry.has(Flags::FAST) { Event::FastCommand } else { Event::Command };
        self.metrics.latency.observe(event, took_ns, now.unix_s());
        if entry.has(Flags::SKIP_SLOWLOG) {
            return;
        }
        let values = [
            (LogKind::Slow, took_ns / 1000),
            (LogKind::LargeRequest, args.words.size_bytes() as u64),
            (LogKind::LargeReply, reply_bytes as u64),
        ];
        for (kind, value) in values {
            if value >= self.metrics.logs.of(kind).threshold() {
                let note = self.describe(now, token, id, args, value);
                self.metrics.logs.of_mut(kind).add(note);
            }
        }
    }

    fn describe(&self, now: Now, token: Token, id: CommandId, args: &Args<'_>, value: u64) -> Note {
        let is_secret = |index| (self.table.entry(id).command.secrets)(args, index);
        let (peer_addr, client_name) = match self.sessions.get(token) {
            Some(session) => (session.endpoint.peer_addr.clone(), session.name.clone()),
            None => Default::default(),
        };
        let request = Trimmed::of(args.words.iter(), is_secret);
        Note { id: 0, unix_s: now.unix_s(), value, request, peer_addr, client_name }
    }
}
