//! The end of a unit: the one place that propagates, moves the offset and marks watched keys.

use crate::command::{Database, Expiry, Touched};
use crate::keyspace::Access;
use crate::resp::encode_command;
use crate::session::KeyState;
use crate::time::Now;

use super::Engine;

/// Fields of a hash that are deleted at most because somebody looked at it.
const FIELDS_PER_LOOK: usize = 1_000;

impl Engine {
    /// Closes the unit under way.
    #[inline]
    pub(super) fn close_unit(&mut self, now: Now) {
        if self.is_running_inside() {
            return;
        }
        let changes = std::mem::take(&mut self.effects.changes);
        self.server.save.changes_since_save += changes;
        if !self.effects.is_quiet() {
            self.close_busy_unit(now);
        }
    }

    fn close_busy_unit(&mut self, now: Now) {
        self.delete_noted(now);
        self.append_to_log();
        self.invalidate();
        self.break_watches(now);
        if std::mem::take(&mut self.effects.is_flushed) {
            self.invalidate_everything();
        }
        self.publish_key_events();
    }

    /// Deletes what readers have met as expired since this was last done.
    #[inline]
    pub(super) fn delete_noted(&mut self, now: Now) {
        for (db, key) in self.effects.take_expired() {
            self.expire_key(now, db, &key);
        }
    }

    /// Deletes a key if it has expired (a write may have given it a new life since it was noted), or fields of it.
    pub(super) fn expire_key(&mut self, now: Now, db: usize, key: &[u8]) {
        let key = self.keyspace.hasher().key(key);
        let expire_at = self.keyspace.db(db).get(key).and_then(|entry| entry.expire_at());
        if expire_at.is_some_and(|at| at < now.unix_ms()) {
            self.internal_database(now, db).delete_expired(key);
        } else if self.keyspace.db(db).has_due_fields(key, now.unix_ms()) {
            self.internal_database(now, db).delete_expired_fields(key, FIELDS_PER_LOOK);
        }
    }

    /// A database for the server's own changes: expiry, eviction.
    pub(super) fn internal_database(&mut self, now: Now, index: usize) -> Database<'_> {
        Database {
            keyspace: &mut self.keyspace,
            index,
            effects: &mut self.effects,
            stats: &mut self.stats,
            expiry: Expiry::Delete,
            now_ms: now.unix_ms(),
            access: Access::lru(now.unix_s()).without_trace(),
            lazy_expire: self.config.lazyfree_lazy_expire,
        }
    }

    /// One append per unit: SELECT where the database differs, MULTI and EXEC around several commands.
    pub(super) fn append_to_log(&mut self) {
        let count = self.effects.commands().len();
        if count == 0 {
            return;
        }
        let mut unit = Vec::new();
        let mut selected = self.node.stream_db;
        if let Some((db, _)) = self.effects.commands().next() {
            select(&mut unit, &mut selected, db);
        }
        let is_whole = count > 1 && !self.effects.is_loose;
        if is_whole {
            encode_command(&mut unit, &[b"MULTI"]);
        }
        for (db, bytes) in self.effects.commands() {
            select(&mut unit, &mut selected, db);
            unit.extend_from_slice(bytes);
        }
        if is_whole {
            encode_command(&mut unit, &[b"EXEC"]);
        }
        self.effects.clear_commands();
        self.node.stream_db = selected;
        self.node.log.append(&unit);
        self.log_grew = true;
    }

    /// EXEC of whoever watches a touched key will abort; who waits for one may be served.
    fn break_watches(&mut self, now: Now) {
        let mut broken = Vec::new();
        for Touched { db, key, .. } in self.effects.take_touched() {
            let state = self.key_state(now, db, &key);
            let key = (db, key);
            self.waiting.touch(&key);
            self.sessions.watches.touch(db, key.1, state, &mut broken);
        }
        for token in broken {
            if let Some(session) = self.sessions.get_mut(token) {
                session.watch_broken = true;
            }
        }
    }

    pub(super) fn key_state(&self, now: Now, db: usize, key: &[u8]) -> KeyState {
        match self.keyspace.db(db).get(self.keyspace.hasher().key(key)) {
            None => KeyState::Missing,
            Some(entry) if entry.expire_at().is_some_and(|at| at < now.unix_ms()) => KeyState::Expired,
            Some(_) => KeyState::Live,
        }
    }
}

fn select(unit: &mut Vec<u8>, selected: &mut Option<usize>, db: usize) {
    if *selected != Some(db) {
        encode_command(unit, &[b"SELECT", db.to_string().as_bytes()]);
        *selected = Some(db);
    }
}
