//! One turn of a connection: its requests are gated and executed until they are done, must wait, or the turn is over.

use std::time::Duration;

use crate::command::{
    Args, CommandError, CommandId, Context, Database, Entry, Expiry, Flags, Group, Origin, Outcome, script_flags,
};
use crate::resp::{Protocol, Reply};
use crate::session::{Blocked, Closing, QueuedRequest, ReplyMode, Session, Token};
use crate::time::Now;

use super::Engine;
use super::clients::UNLIMITED_OUTPUT_BYTES;
use super::gate::{self, Call, Conditions, Verdict};
use super::input::{Input, Resolved};

/// Buckets and blobs are asked for this many requests ahead of their use.
const PREFETCH_REQUESTS: usize = 32;

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// All that was parsed is executed.
    Done,
    /// The turn is over; more requests wait.
    More,
    /// The client waits for something; it will be woken.
    Blocked,
    /// What follows must be parsed anew: what the client may send has changed.
    Reparse,
    /// Close after the output.
    Close,
}

impl Engine {
    /// Executes at most `max_requests` of a client's requests. Its replies are in its session's outbox afterwards.
    pub fn execute(&mut self, now: Now, token: Token, input: &mut Input, max_requests: usize) -> Turn {
        let Some(session) = self.sessions.get_mut(token) else { return Turn::Close };
        session.last_interaction = now.mono;
        if session.is_closing() {
            return Turn::Close;
        }
        if session.is_blocked() {
            return Turn::Blocked;
        }
        session.query.note(input.len(), input.capacity());
        let mut reply = Reply { buffer: std::mem::take(&mut session.outbox), protocol: session.protocol };
        let (was_peer, start) = (self.node.is_peer(token), reply.buffer.len());
        self.read_clock();
        let mut turn = self.run_turn(now, token, input, max_requests, &mut reply);
        if was_peer && self.refuse_reply_to_peer(token, start, &mut reply) {
            turn = Turn::Close;
        }
        self.end_turn(now);
        if let Some(session) = self.sessions.get_mut(token) {
            // What others wrote meanwhile stands behind our own.
            let others = std::mem::replace(&mut session.outbox, reply.buffer);
            session.outbox.extend_from_slice(&others);
            input.limits.authenticated = session.authenticated || !self.acl.wants_login();
            if session.outbox.len() > UNLIMITED_OUTPUT_BYTES {
                self.check_output_limit(now.mono, token);
            }
        }
        input.limits.bulk_max_bytes = self.config.proto_max_bulk_len as i64;
        turn
    }

    fn run_turn(&mut self, now: Now, token: Token, input: &mut Input, max_requests: usize, reply: &mut Reply) -> Turn {
        let end = input.requests().min(input.next + max_requests);
        let mut prefetched = input.next;
        while input.next < end {
            if input.next == prefetched {
                prefetched = end.min(prefetched + PREFETCH_REQUESTS);
                self.prefetch(token, input, prefetched);
            }
            let resolved = input.resolved(input.next);
            let ends = self.request(now, token, &resolved, &input.args(&resolved), reply);
            let session = &self.sessions[token];
            // A paused request runs later; any other that blocks its client has run.
            input.next += usize::from(session.blocked != Blocked::Paused);
            match (session.closing, session.blocked) {
                (Closing::No, Blocked::No) if ends => return Turn::Reparse,
                (Closing::No, Blocked::No) => {}
                (Closing::No, _) => return if ends { Turn::Reparse } else { Turn::Blocked },
                _ => return Turn::Close,
            }
        }
        self.turn_after(token, input, reply)
    }

    /// What is left once the requests of a turn are executed.
    fn turn_after(&mut self, token: Token, input: &Input, reply: &mut Reply) -> Turn {
        if self.sessions[token].is_blocked() {
            return Turn::Blocked;
        }
        if input.next < input.requests() {
            return Turn::More;
        }
        let Some(error) = input.error() else {
            // What a stranger sends is cut out one by one.
            return if input.limits.authenticated || input.is_parsed() { Turn::Done } else { Turn::Reparse };
        };
        self.fail(reply, &format!("ERR Protocol error: {error}"));
        self.account_refusal(None);
        self.sessions[token].closing = Closing::AfterOutput;
        Turn::Close
    }

    /// A peer gets the stream and nothing else: a reply, or one that is to come, would be taken for a part of it.
    fn refuse_reply_to_peer(&mut self, token: Token, start: usize, reply: &mut Reply) -> bool {
        let Some(session) = self.sessions.get(token) else { return false };
        if reply.buffer.len() == start && !session.is_blocked() {
            return false;
        }
        let (command, addr) = (session.last_command, session.endpoint.peer_addr.clone());
        if let Some(error) = reply.buffer[start..].strip_prefix(b"-") {
            self.stats.unexpected_error_replies += 1;
            let error = String::from_utf8_lossy(error).trim_end().to_owned();
            self.warning(format!(
                "== CRITICAL == This master is sending an error to its replica: '{error}' after processing the command \
                 '{command}'"
            ));
        }
        reply.buffer.truncate(start);
        self.warning(format!("Replica generated a reply to command '{command}', disconnecting it: {addr}"));
        self.close_client(token, Closing::Now);
        true
    }

    /// Asks for the memory that the coming requests will touch.
    fn prefetch(&self, token: Token, input: &Input, end: usize) {
        if end - input.next < 2 {
            return;
        }
        let db = self.keyspace.db(self.sessions[token].db);
        let hashes = || (input.next..end).filter_map(|index| input.first_hash(index));
        hashes().for_each(|hash| db.prefetch_bucket(hash));
        hashes().for_each(|hash| db.prefetch_blob(hash));
    }

    /// Gates and executes one request. True if the batch ends with it.
    fn request(&mut self, now: Now, token: Token, resolved: &Resolved, args: &Args<'_>, reply: &mut Reply) -> bool {
        if args.len() == 0 {
            return false;
        }
        let verdict = self.admit(now, token, resolved.command, args);
        self.put_own_messages(token, reply);
        let start = reply.buffer.len();
        let ends = match verdict {
            Ok(Verdict::Run) => {
                let id = resolved.command.unwrap_or_default();
                let begun = self.begin_request(reply);
                let outcome = self.call(now, token, Origin::Client, id, args, reply);
                self.close_unit(now);
                let ends = self.perform(now, token, outcome, args, reply);
                self.account(now, token, id, args, begun, reply);
                self.serve_waiting(now);
                ends
            }
            Ok(Verdict::Queue) => {
                self.queue(token, resolved, args);
                reply.simple("QUEUED");
                false
            }
            Ok(Verdict::Hold) => {
                self.sessions[token].blocked = Blocked::Paused;
                return false;
            }
            Ok(Verdict::Deny(denied)) => {
                self.deny(now, token, resolved.command, args, denied, reply);
                false
            }
            Ok(Verdict::Refuse(error)) | Err(error) => {
                self.refuse(token, resolved.command, &error, reply);
                false
            }
        };
        self.silence(token, start, reply);
        self.put_own_messages(token, reply);
        ends
    }

    /// Whether the request may run: known, of acceptable length, and past the gate.
    fn admit(
        &mut self,
        now: Now,
        token: Token,
        command: Option<CommandId>,
        args: &Args<'_>,
    ) -> Result<Verdict, CommandError> {
        let Some(id) = command else { return Err(unknown_command(args)) };
        let entry = self.table.entry(id);
        if entry.is_container() && args.len() >= 2 {
            return Err(unknown_subcommand(entry.full_name, args.at(1)));
        }
        if !entry.command.accepts(args.len()) {
            return Err(CommandError::wrong_arity(entry.full_name));
        }
        if self.conditions.maxmemory_set() {
            self.evict_to_fit(now);
        }
        let session = &self.sessions[token];
        let conditions = self
            .conditions
            .when(self.must_log_in(session), Conditions::UNAUTHENTICATED)
            .when(session.transaction.is_some(), Conditions::IN_MULTI)
            .when(self.node.is_peer(token), Conditions::REPLICA_CLIENT)
            .when(session.is_subscriber && session.protocol == Protocol::Resp2, Conditions::SUBSCRIBER)
            .when(session.user.is_restricted, Conditions::RESTRICTED);
        let entry = self.table.entry(id);
        let flags = if conditions == Conditions::NONE { Flags::NONE } else { self.flags_of(entry, args) };
        Ok(gate::decide(conditions, &Call { engine: self, session, id, entry, flags, args }))
    }

    /// The flags that count for a request: the row's, or those of the code that it runs.
    fn flags_of(&self, entry: &Entry, args: &Args<'_>) -> Flags {
        if entry.group == Group::Scripting { script_flags(&self.scripts, entry, args) } else { entry.command.flags }
    }

    /// A password that is taken away again is asked of nobody.
    pub(super) fn must_log_in(&self, session: &Session) -> bool {
        !session.authenticated && self.acl.wants_login()
    }

    /// Answers a refusal; a transaction under way is spoiled by it, or ended if EXEC itself is refused.
    pub(super) fn refuse(&mut self, token: Token, command: Option<CommandId>, error: &CommandError, reply: &mut Reply) {
        if command.is_some_and(|id| self.table.entry(id).full_name == "exec") {
            self.abort_exec(token, error, reply);
            return self.account_refusal(command);
        }
        let session = &mut self.sessions[token];
        if let Some(transaction) = &mut session.transaction {
            transaction.is_dirty = true;
        }
        if let Some(id) = command {
            session.last_command = self.table.entry(id).full_name;
        }
        self.fail(reply, &error.0);
        // A name that is no command's counts nowhere, nor does a container alone.
        self.account_refusal(command.filter(|id| !self.table.entry(*id).is_container()));
    }

    fn queue(&mut self, token: Token, resolved: &Resolved, args: &Args<'_>) {
        // What will not run needs no memory.
        let session = &self.sessions[token];
        if session.watch_broken || session.transaction.as_ref().is_some_and(|transaction| transaction.is_dirty) {
            return;
        }
        let command = resolved.command.unwrap_or_default();
        let flags = self.flags_of(self.table.entry(command), args).0;
        let request = QueuedRequest { args: args.words.to_owned_args(), command, flags };
        if let Some(transaction) = &mut self.sessions[token].transaction {
            transaction.push(request);
        }
    }

    /// CLIENT REPLY OFF and SKIP: takes the reply back, but for messages, which wait apart.
    pub(super) fn silence(&mut self, token: Token, start: usize, reply: &mut Reply) {
        let session = &mut self.sessions[token];
        session.reply_mode = match session.reply_mode {
            ReplyMode::On => return,
            ReplyMode::Off => ReplyMode::Off,
            ReplyMode::Skipping => ReplyMode::On,
            ReplyMode::SkipNext => ReplyMode::Skipping,
        };
        reply.buffer.truncate(start);
        reply.buffer.append(&mut session.outbox);
    }

    /// Runs a handler and notes how its request is propagated. The unit stays open.
    pub(super) fn call(
        &mut self,
        now: Now,
        token: Token,
        origin: Origin,
        id: CommandId,
        args: &Args<'_>,
        reply: &mut Reply,
    ) -> Outcome {
        self.stats.commands_processed += 1;
        self.effects.begin_request();
        let entry = self.table.entry(id);
        let (handler, may_propagate) = (entry.command.handler, entry.has(Flags::WRITE | Flags::MAY_REPLICATE));
        let full_name = entry.full_name;
        let session = &mut self.sessions[token];
        session.last_command = full_name;
        session.commands += 1;
        let (db, tracks) = (session.db, session.tracking.is_some());
        self.caller = Some(token);
        if may_propagate {
            self.delete_noted(now);
        }
        let mut cx = self.context(now, token, origin, id, reply);
        let result = handler(&mut cx, args);
        *reply = std::mem::take(&mut cx.reply);
        if may_propagate {
            // What it met as missing is missing to those who follow, before they do the same.
            self.delete_noted(now);
            self.effects.end_request(db, &args.words);
        }
        if tracks {
            self.remember_reads(token, id, args);
        }
        result.unwrap_or_else(|error| {
            self.fail(reply, &error.0);
            Outcome::Done
        })
    }

    /// The parts of the server that a handler sees.
    pub(super) fn context<'a>(
        &'a mut self,
        now: Now,
        client: Token,
        origin: Origin,
        command: CommandId,
        reply: &mut Reply,
    ) -> Context<'a> {
        let access = self.access(now, client);
        let session = &self.sessions[client];
        let expiry = match origin {
            Origin::Master => Expiry::Ignore,
            _ => self.expiry,
        };
        let db = Database {
            keyspace: &mut self.keyspace,
            index: session.db,
            effects: &mut self.effects,
            stats: &mut self.stats,
            expiry,
            now_ms: now.unix_ms(),
            access,
            lazy_expire: self.config.lazyfree_lazy_expire,
        };
        Context {
            now,
            origin,
            client,
            reply: std::mem::take(reply),
            db,
            in_unit: session.transaction.is_some() || self.scripts.running.is_some(),
            sessions: &mut self.sessions,
            config: &mut self.config,
            node: &mut self.node,
            server: &mut self.server,
            scripts: &mut self.scripts,
            metrics: &mut self.metrics,
            pubsub: &mut self.pubsub,
            acl: &mut self.acl,
            table: &self.table,
            rng: &mut self.rng,
            command,
        }
    }

    /// Before the lock is released: whom the turn concerns is woken.
    pub(super) fn end_turn(&mut self, now: Now) {
        self.slept = Duration::ZERO;
        if !self.deferred.is_empty() && !self.is_running_inside() {
            self.resume_deferred(now);
        }
        if std::mem::take(&mut self.log_grew) {
            self.wake_peers(now);
        }
        if self.effects.has_trackers {
            self.end_tracked_turn();
            self.effects.has_trackers = self.pubsub.tracked.clients > 0;
        }
        if !self.sessions.overflowed.is_empty() {
            self.close_overflowed(now.mono);
        }
    }
}

fn unknown_command(args: &Args<'_>) -> CommandError {
    let mut quoted = String::new();
    for arg in args.rest(1) {
        if quoted.len() >= 128 {
            break;
        }
        quoted.push_str(&format!("'{}' ", shown(arg, 128 - quoted.len())));
    }
    let name = shown(args.at(0), 128);
    CommandError::new(format!("ERR unknown command '{name}', with args beginning with: {quoted}"))
}

fn unknown_subcommand(container: &str, name: &[u8]) -> CommandError {
    let container = container.to_uppercase();
    CommandError::new(format!("ERR unknown subcommand '{}'. Try {container} HELP.", shown(name, 128)))
}

/// At most `max` bytes of what a client sent, as text.
fn shown(bytes: &[u8], max: usize) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(max)]).into_owned()
}
