//! EXEC: a client's queue as one unit.

use crate::command::{Args, Origin};
use crate::resp::Reply;
use crate::session::Token;
use crate::time::Now;

use super::Engine;

impl Engine {
    /// Runs a client's queue. True if one of its requests ends the batch.
    pub(super) fn exec(&mut self, now: Now, token: Token, origin: Origin, reply: &mut Reply) -> bool {
        let session = &mut self.sessions[token];
        let Some(transaction) = session.transaction.clone() else { return false };
        let broken = std::mem::take(&mut session.watch_broken) || self.has_expired_watch(now, token);
        self.unwatch(token);
        if transaction.is_dirty || broken {
            self.sessions[token].transaction = None;
            if transaction.is_dirty {
                self.stats.error_replies += 1;
                reply.error("EXECABORT Transaction discarded because of previous errors.");
            } else {
                reply.null_array();
            }
            return false;
        }
        reply.array(transaction.requests.len());
        let mut ends_batch = false;
        for request in &transaction.requests {
            let args = Args::new(request.args.args(), self.keyspace.hasher());
            let outcome = self.call(now, token, origin, request.command, &args, reply);
            ends_batch |= self.perform(now, token, outcome, reply);
        }
        if let Some(session) = self.sessions.get_mut(token) {
            session.transaction = None;
        }
        if origin == Origin::Client {
            self.close_unit(now);
        }
        ends_batch
    }

    /// A watched key that has expired since counts as touched, unless it had expired before.
    fn has_expired_watch(&self, now: Now, token: Token) -> bool {
        let hasher = self.keyspace.hasher();
        self.sessions.watches.keys_of(token).any(|(db, key)| {
            let expire_at = self.keyspace.db(db).get(hasher.key(key)).and_then(|entry| entry.expire_at());
            expire_at.is_some_and(|at| at < now.unix_ms())
        })
    }

    /// Forgets what a client watches.
    pub(super) fn unwatch(&mut self, token: Token) {
        self.sessions.watches.unwatch(token);
        self.effects.is_tracking = !self.sessions.watches.is_empty();
        if let Some(session) = self.sessions.get_mut(token) {
            session.watch_broken = false;
        }
    }
}
