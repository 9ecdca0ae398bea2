//! EXEC: a client's queue as one unit.

use crate::acl::Context;
use crate::command::{Args, CommandError, Origin};
use crate::resp::Reply;
use crate::session::{KeyState, Token};
use crate::time::Now;

use super::Engine;

impl Engine {
    /// Runs a client's queue. True if one of its requests ends the batch.
    pub(super) fn exec(&mut self, now: Now, token: Token, origin: Origin, reply: &mut Reply) -> bool {
        let session = &mut self.sessions[token];
        let broken = std::mem::take(&mut session.watch_broken);
        // The session stays in its transaction until the last request has run: nothing in it may block.
        let Some(transaction) = &mut session.transaction else { return false };
        let (requests, is_dirty) = (std::mem::take(&mut transaction.requests), transaction.is_dirty);
        let broken = broken || self.has_expired_watch(now, token);
        self.unwatch(token);
        if is_dirty || broken {
            self.sessions[token].transaction = None;
            if is_dirty {
                self.fail(reply, "EXECABORT Transaction discarded because of previous errors.");
            } else {
                reply.null_array();
            }
            return false;
        }
        reply.array(requests.len());
        let mut ends_batch = false;
        for request in &requests {
            let args = Args::new(request.args.args(), self.keyspace.hasher());
            if origin == Origin::Client
                && let Err(denied) = self.still_permits(token, request.command, &args)
            {
                self.note_denial(now, token, Context::Multi, request.command, &args, denied);
                self.fail(reply, &denied.late_refusal());
                continue;
            }
            let begun = self.begin_request(reply);
            let outcome = self.call(now, token, origin, request.command, &args, reply);
            ends_batch |= self.perform(now, token, outcome, reply);
            self.account(now, token, request.command, &args, begun, reply);
        }
        if let Some(session) = self.sessions.get_mut(token) {
            session.transaction = None;
            session.tracking.iter_mut().for_each(|tracking| tracking.caching = false);
        }
        if origin == Origin::Client {
            self.close_unit(now);
        }
        ends_batch
    }

    /// A watched key that has expired since counts as touched, unless it had expired before.
    fn has_expired_watch(&self, now: Now, token: Token) -> bool {
        let mut keys = self.sessions.watches.expirable_keys_of(token);
        keys.any(|(db, key)| self.key_state(now, db, key) == KeyState::Expired)
    }

    /// EXEC itself is refused: the transaction ends, and the reply says why.
    pub(super) fn abort_exec(&mut self, token: Token, error: &CommandError, reply: &mut Reply) {
        self.sessions[token].transaction = None;
        self.unwatch(token);
        let reason = error.0.strip_prefix("ERR ").unwrap_or(&error.0);
        self.fail(reply, &format!("EXECABORT Transaction discarded because of: {reason}"));
    }

    /// Forgets what a client watches.
    pub(super) fn unwatch(&mut self, token: Token) {
        self.sessions.watches.unwatch(token);
        self.refresh_tracking();
        if let Some(session) = self.sessions.get_mut(token) {
            session.watched_bytes = 0;
            session.watch_broken = false;
        }
    }
}
