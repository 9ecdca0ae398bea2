//! Saving and loading the RDB file: the engine takes snapshots and keeps the books, the shell writes and reads.

use crate::command::{Loading, SaveProgress, deletion_verb};
use crate::keyspace::Keyspace;
use crate::replication::{History, Position};
use crate::resp::Reply;
use crate::script::Libraries;
use crate::session::{Blocked, Token};
use crate::time::Now;

use super::busy::Deferred;
use super::{Action, Engine, SaveError, SavePurpose};

impl Engine {
    pub(super) fn save_in_foreground(&mut self, now: Now, token: Token, reply: &mut Reply) {
        if self.server.save.running_since.is_some() {
            return self.fail(reply, "ERR Background save already in progress");
        }
        self.sessions[token].blocked = Blocked::Held { has_timeout: false };
        self.start_save(now, SavePurpose::Foreground(token));
    }

    /// A save under way of what is gone now is left to end; a later one will do.
    pub(super) fn save_flushed(&mut self, now: Now, token: Token, reply: &mut Reply) {
        if self.server.save.running_since.is_some() {
            return reply.ok();
        }
        self.sessions[token].blocked = Blocked::Held { has_timeout: false };
        self.start_save(now, SavePurpose::Flush(token));
    }

    pub(super) fn save_in_background(&mut self, now: Now) {
        self.save_in_background_for(now, SavePurpose::Background);
    }

    /// As BGSAVE, for others.
    pub(super) fn save_in_background_for(&mut self, now: Now, purpose: SavePurpose) {
        self.notice(format!("Background saving started by pid {}", self.server.pid));
        self.start_save(now, purpose);
    }

    /// DEBUG RELOAD: through the real file and loader.
    pub(super) fn reload(&mut self, now: Now, token: Token, save: bool) {
        self.sessions[token].blocked = Blocked::Held { has_timeout: false };
        if save {
            self.start_save(now, SavePurpose::Reload(token));
        } else {
            self.actions.push(Action::Load { client: token });
        }
    }

    /// Takes the snapshot and hands it out for writing.
    pub(super) fn start_save(&mut self, now: Now, purpose: SavePurpose) {
        let save = &mut self.server.save;
        save.last_try_unix_s = now.unix_s();
        save.changes_before_running = save.changes_since_save;
        save.running_since = Some(now.mono);
        // What a restart as a replica, or partial resyncs after one as a master, need to go on.
        let position = (self.node.has_history || self.node.log.is_active()).then(|| self.node.position());
        let progress = SaveProgress { keys: self.keyspace.len() as u64, ..Default::default() };
        let written = progress.written.clone();
        self.server.save.progress = progress;
        let snapshot = self.keyspace.snapshot();
        let functions = self.scripts.libraries().sources();
        self.actions.push(Action::Save { snapshot, functions, position, purpose, written });
    }

    /// The file is written, or is not.
    pub fn saved(&mut self, now: Now, purpose: SavePurpose, result: Result<(), SaveError>) {
        let result = match result {
            Ok(()) => Ok(()),
            Err(SaveError::Failed(error)) => Err(error),
            // Whoever called it off has done what there was to do, and may have begun another.
            Err(SaveError::CalledOff) => return self.answer_called_off(purpose),
        };
        let save = &mut self.server.save;
        save.last_duration_s = save.running_since.take().map_or(0, |since| now.mono.seconds_since(since) as i64);
        save.progress = SaveProgress::default();
        save.last_status_ok = result.is_ok();
        let ok = result.is_ok();
        match &result {
            Ok(()) => {
                save.changes_since_save -= save.changes_before_running.min(save.changes_since_save);
                save.last_save_unix_s = now.unix_s();
                save.saves += 1;
                self.notice("DB saved on disk");
            }
            Err(error) => self.warning(format!("Error saving DB on disk: {error}")),
        }
        self.refresh_conditions(now);
        match purpose {
            SavePurpose::Background => self.report_background_save(ok),
            SavePurpose::FullSync => {
                self.report_background_save(ok);
                self.file_sync_saved(now, ok);
            }
            SavePurpose::Shutdown => self.shutdown_saved(now, ok),
            SavePurpose::Flush(token) => self.answer_held(token, true),
            SavePurpose::Foreground(token) => self.answer_held(token, ok),
            SavePurpose::Reload(token) if ok => self.actions.push(Action::Load { client: token }),
            SavePurpose::Reload(token) => self.answer_held(token, false),
        }
    }

    fn report_background_save(&mut self, ok: bool) {
        if ok {
            self.notice("Background saving terminated with success");
        } else {
            self.warning("Background saving error");
        }
    }

    /// Ends the save that runs, without a new file. It is no failure of the disk.
    pub(super) fn call_save_off(&mut self, now: Now) {
        let save = &mut self.server.save;
        if save.running_since.take().is_some() {
            save.progress = SaveProgress::default();
            self.actions.push(Action::CancelSave);
            self.file_sync_saved(now, false);
        }
    }

    fn answer_called_off(&mut self, purpose: SavePurpose) {
        if let SavePurpose::Foreground(token) | SavePurpose::Reload(token) = purpose {
            self.answer_held(token, false);
        }
    }

    /// DEBUG RELOAD's second half: the file is loaded, or is not; then our data is what it was.
    pub fn reloaded(&mut self, _now: Now, client: Token, result: Result<(Keyspace, Libraries), String>) {
        if self.is_running_inside() {
            return self.defer(Deferred::Reloaded(client, result));
        }
        match result {
            Ok((keyspace, libraries)) => {
                self.keyspace = keyspace;
                self.scripts.set_libraries(libraries);
                self.touch_everything();
                self.warning("DB reloaded by DEBUG RELOAD");
                self.answer_held(client, true);
            }
            Err(error) => {
                self.warning(format!("Error loading the RDB dump: {error}"));
                self.answer_error(client, "ERR Error trying to load the RDB dump");
            }
        }
    }

    /// From now on clients are told to wait, until `end_loading`.
    pub fn begin_loading(&mut self, now: Now, total_bytes: u64) {
        self.server.loading = Some(Loading { started_unix_s: now.unix_s(), total_bytes, ..Loading::default() });
        self.refresh_conditions(now);
    }

    pub fn note_loaded(&mut self, bytes: u64) {
        if let Some(loading) = &mut self.server.loading {
            loading.loaded_bytes += bytes;
        }
    }

    pub fn end_loading(&mut self, now: Now) {
        self.server.loading = None;
        self.refresh_conditions(now);
    }

    /// The data set that the file held at start, and the history that it belongs to.
    pub fn restore(&mut self, keyspace: Keyspace, libraries: Libraries, position: Option<Position>) {
        self.keyspace = keyspace;
        self.scripts.set_libraries(libraries);
        let Some(position) = position else { return };
        self.node.stream_db = position.db;
        self.node.log.reset(position.offset);
        self.node.has_history = true;
        if self.config.replicaof.is_some() {
            // We ask our master for the next byte.
            self.node.history.adopt(position.replid);
        } else {
            // Replicas that have the saved history up to here may go on with our new one. It begins with SELECT: one may
            // have been given a snapshot of this place, and then it has selected nothing.
            self.node.stream_db = None;
            let fresh = *self.node.history.replid();
            self.node.history = History::restarted_as_master(position.replid, position.offset, fresh);
            self.effects.is_recording = true;
        }
    }

    /// Keys that had expired when the file was loaded: to replicas that continue, they are deleted now.
    pub fn drop_expired(&mut self, expired: Vec<(usize, Vec<u8>)>) {
        let verb = deletion_verb(self.config.lazyfree_lazy_expire);
        for (db, key) in expired {
            self.effects.also_propagate(db, &[verb, &key]);
            self.append_to_log();
        }
    }

    fn answer_held(&mut self, token: Token, ok: bool) {
        self.answer_with(token, if ok { b"+OK\r\n" } else { b"-ERR\r\n" });
    }

    /// The error that a client waited for. It is not the one of whoever is served now.
    pub(super) fn answer_error(&mut self, token: Token, error: &str) {
        self.metrics.errors.count(error);
        self.metrics.errors.take_pending();
        self.answer_with(token, format!("-{error}\r\n").as_bytes());
    }

    /// The reply of a client that waited.
    pub(super) fn answer_with(&mut self, token: Token, line: &[u8]) {
        let Some(session) = self.sessions.get_mut(token) else { return };
        session.blocked = Blocked::No;
        session.outbox.extend_from_slice(line);
        session.wake();
    }

    /// `save <seconds> <changes>`: whether one of them is due.
    pub(super) fn save_if_due(&mut self, now: Now) {
        let save = &self.server.save;
        if save.running_since.is_some() || self.server.loading.is_some() {
            return;
        }
        let since_save = (now.unix_s() - save.last_save_unix_s).max(0) as u64;
        // After a failure the next try waits a little.
        let may_try = save.last_status_ok || now.unix_s() - save.last_try_unix_s > 5;
        let points = &self.config.save_points;
        let due = points.iter().find(|p| save.changes_since_save >= p.changes && since_save > p.seconds).copied();
        if let Some(point) = due.filter(|_| may_try) {
            self.notice(format!("{} changes in {} seconds. Saving...", point.changes, point.seconds));
            self.save_in_background(now);
        }
    }
}
