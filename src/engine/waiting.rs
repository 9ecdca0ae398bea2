//! Clients that wait for something on keys. They are served after the unit that brought it, before any other request,
//! in the order in which they came, each as a unit of its own; what one unit brings may serve the next.

use std::collections::{BTreeMap, VecDeque};

use crate::acl::Context;
use crate::command::{Args, BlockOn, Origin, Outcome, Readiness};
use crate::keyspace::Value;
use crate::resp::{OwnedArgs, Reply};
use crate::session::{Blocked, Token};
use crate::time::{Millis, Now};

use super::Engine;

/// Database, key.
type WaitedKey = (usize, Box<[u8]>);

/// Who waits for what.
#[derive(Default)]
pub(super) struct Waiting {
    clients: BTreeMap<Token, (usize, BlockOn)>,
    /// Clients by key, those who came first first.
    queues: BTreeMap<WaitedKey, Vec<Token>>,
    /// Keys on which something may have come, in that order.
    ready: VecDeque<WaitedKey>,
}

impl Waiting {
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// A key was touched.
    pub fn touch(&mut self, key: &WaitedKey) {
        if self.queues.contains_key(key) && !self.ready.contains(key) {
            self.ready.push_back(key.clone());
        }
    }

    /// Databases have changed places: anything may have come.
    pub fn touch_all(&mut self) {
        self.ready = self.queues.keys().cloned().collect();
    }

    fn add(&mut self, token: Token, db: usize, on: BlockOn) {
        for key in &on.keys {
            let queue = self.queues.entry((db, key.clone())).or_default();
            if !queue.contains(&token) {
                queue.push(token);
            }
        }
        self.clients.insert(token, (db, on));
    }

    /// The client waits no more.
    pub fn forget(&mut self, token: Token) -> Option<BlockOn> {
        let (db, on) = self.clients.remove(&token)?;
        for key in &on.keys {
            let key = (db, key.clone());
            if let Some(queue) = self.queues.get_mut(&key) {
                queue.retain(|other| *other != token);
                if queue.is_empty() {
                    self.queues.remove(&key);
                }
            }
        }
        Some(on)
    }

    /// What a touched key is to a client, now that it holds this value.
    fn readiness(&self, token: Token, value: Option<Value<'_>>) -> Readiness {
        self.clients.get(&token).map_or(Readiness::Nothing, |(_, on)| on.readiness(value))
    }

    pub fn next_deadline(&self) -> Option<Millis> {
        self.clients.values().filter_map(|(_, on)| on.deadline).min()
    }

    fn clients(&self, is_meant: impl Fn(&BlockOn) -> bool) -> Vec<Token> {
        self.clients.iter().filter(|(_, (_, on))| is_meant(on)).map(|(token, _)| *token).collect()
    }
}

impl Engine {
    /// The client waits from now on.
    pub(super) fn wait_on_keys(&mut self, token: Token, on: BlockOn) {
        let session = &mut self.sessions[token];
        session.blocked = Blocked::OnKeys;
        self.waiting.add(token, session.db, on);
        self.effects.is_tracking = true;
        self.server.blocking_keys = self.waiting.queues.len();
    }

    /// Touched keys are noted as long as somebody wants to know.
    pub(super) fn refresh_tracking(&mut self) {
        self.effects.is_tracking = !self.sessions.watches.is_empty() || !self.waiting.is_empty();
        self.server.blocking_keys = self.waiting.queues.len();
    }

    /// After a unit: serves those whose keys have something now.
    #[inline]
    pub(super) fn serve_waiting(&mut self, now: Now) {
        if !self.waiting.ready.is_empty() && !self.is_running_inside() {
            self.serve_ready(now);
        }
    }

    fn serve_ready(&mut self, now: Now) {
        let now = now.after(self.slept);
        while let Some((db, key)) = self.waiting.ready.pop_front() {
            let queue = self.waiting.queues.get(&(db, key.clone())).cloned().unwrap_or_default();
            for token in queue {
                let entry = self.keyspace.db(db).get(self.keyspace.hasher().key(&key));
                match self.waiting.readiness(token, entry.map(|entry| entry.value())) {
                    Readiness::Nothing => {}
                    Readiness::Ready => self.serve(now, token, &key),
                    // What it waits for cannot come any more.
                    Readiness::Gone(error) => {
                        self.end_wait(token, Some(error));
                    }
                }
            }
        }
        self.refresh_tracking();
    }

    /// Executes what a client waits to do, on a key where it can.
    fn serve(&mut self, now: Now, token: Token, key: &[u8]) {
        let Some(on) = self.waiting.forget(token) else { return };
        if self.sessions[token].is_closing() {
            return;
        }
        let words = OwnedArgs::of(&on.request(key));
        let args = Args::new(words.args(), self.keyspace.hasher());
        let Some(id) = self.table.find(args.at(0)) else { return };
        if let Err(denied) = self.still_permits(token, id, &args) {
            self.note_denial(now, token, Context::TopLevel, id, &args, denied);
            let error = denied.refusal(self.table.entry(id).full_name);
            return self.answer_error(token, &error);
        }
        let mut reply = Reply::new(self.sessions[token].protocol);
        self.read_clock();
        let begun = self.begin_request(&reply);
        let outcome = self.call(now, token, Origin::Client, id, &args, &mut reply);
        // It counted when it came.
        self.stats.commands_processed -= 1;
        self.close_unit(now);
        if matches!(outcome, Outcome::Block(_)) {
            return self.wait_on_keys(token, on);
        }
        self.sessions[token].blocked = Blocked::No;
        self.account_served(now, token, id, &args, begun, &reply);
        self.silence(token, 0, &mut reply);
        self.answer_with(token, &reply.buffer);
    }

    /// Nothing came in time.
    pub(super) fn end_overdue_waits(&mut self, now: Now) {
        for token in self.waiting.clients(|on| on.deadline.is_some_and(|deadline| deadline <= now.mono)) {
            self.end_wait(token, None);
        }
    }

    /// Ends a client's wait with an error, or as if its time were over. False if it does not wait for keys.
    pub(super) fn end_wait(&mut self, token: Token, error: Option<&str>) -> bool {
        let Some(on) = self.waiting.forget(token) else { return false };
        self.refresh_tracking();
        if let Some(error) = error {
            if let Some(id) = on.before.first().and_then(|name| self.table.find(name)) {
                self.metrics.commands.failed(id);
            }
            self.answer_error(token, error);
            return true;
        }
        let mut reply = Reply::new(self.sessions[token].protocol);
        if on.null_is_array {
            reply.null_array()
        } else {
            reply.null()
        }
        self.silence(token, 0, &mut reply);
        self.answer_with(token, &reply.buffer);
        true
    }

    /// A role change: nobody may wait for what only the master brings.
    pub(super) fn end_all_waits(&mut self, error: &str) {
        for token in self.waiting.clients(|_| true) {
            self.end_wait(token, Some(error));
        }
    }
}
