//! The keyspace as a handler sees it: the selected database, with expiry, access clocks, statistics and effects.
//!
//! Reading hides what has logically expired; who reads on a master also has it deleted. Every change is noted, so a
//! handler cannot forget to dirty a watched key.

use crate::config::{EventClasses, Settings};
use crate::keyspace::{Access, Db, Entry, Frequency, Key, Keyspace, NewValue, StringRef, UnixMs};
use crate::time::Now;

use super::{CommandError, Effects, Stats};

/// How a request of now notes its lookups, as the eviction policy wants it. `seed` is drawn where chance decides.
#[inline]
pub fn noted_access(settings: &Settings, now: Now, seed: impl FnOnce() -> u64) -> Access {
    if settings.maxmemory_policy.counts_uses() {
        Access::lfu(now.unix_s(), frequency(settings), seed())
    } else {
        Access::lru(now.unix_s())
    }
}

/// How uses are counted.
pub fn frequency(settings: &Settings) -> Frequency {
    Frequency { decay_min: settings.lfu_decay_time_min, log_factor: settings.lfu_log_factor }
}

/// Who decides that a key has expired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expiry {
    /// A master: what has expired is deleted, and the deletion propagated.
    #[default]
    Delete,
    /// A replica: what has expired is hidden until the master deletes it.
    Hide,
    /// The master's stream: keys live until it says otherwise.
    Ignore,
}

/// One database under the hands of a request.
pub struct Database<'a> {
    pub keyspace: &'a mut Keyspace,
    /// The selected database.
    pub index: usize,
    pub effects: &'a mut Effects,
    pub stats: &'a mut Stats,
    pub expiry: Expiry,
    pub now_ms: UnixMs,
    /// How lookups are noted in the keys' access bits.
    pub access: Access,
    /// Expiry says UNLINK in the stream (lazyfree-lazy-expire).
    pub lazy_expire: bool,
}

impl Database<'_> {
    fn db(&self) -> &Db {
        self.keyspace.db(self.index)
    }

    fn db_mut(&mut self) -> &mut Db {
        self.keyspace.db_mut(self.index)
    }

    fn has_expired(&self, expire_at: Option<UnixMs>) -> bool {
        self.expiry != Expiry::Ignore && expire_at.is_some_and(|at| at < self.now_ms)
    }

    /// Whether the key is still there though its time has come. Changes nothing.
    pub fn has_expired_key(&self, key: Key<'_>) -> bool {
        self.db().get(key).is_some_and(|entry| self.has_expired(entry.expire_at()))
    }

    /// The key, for a reader: counts a hit or a miss and notes the access.
    pub fn read(&mut self, key: Key<'_>) -> Option<Entry<'_>> {
        let access = self.access;
        let found = self.examine(key)?;
        if let Some(bits) = access.used(key.hash, || found.access()) {
            found.set_access(bits);
        }
        Some(found)
    }

    /// The key, for a reader that does not use its value: counts a hit or a miss, the access clock stays.
    pub fn examine(&mut self, key: Key<'_>) -> Option<Entry<'_>> {
        let found = self.keyspace.db(self.index).get(key);
        let live = match &found {
            Some(entry) => !(self.expiry != Expiry::Ignore && entry.expire_at().is_some_and(|at| at < self.now_ms)),
            None => false,
        };
        if !live {
            self.stats.keyspace_misses += 1;
            self.effects.notify(EventClasses::KEY_MISS, "keymiss", self.index, key.bytes);
            if found.is_some() && self.expiry == Expiry::Delete {
                self.effects.note_expired(self.index, key.bytes);
            }
            return None;
        }
        self.stats.keyspace_hits += 1;
        found
    }

    /// The key, for somebody who only looks: neither statistics nor clock move.
    pub fn peek(&mut self, key: Key<'_>) -> Option<Entry<'_>> {
        let found = self.keyspace.db(self.index).get(key)?;
        if self.expiry != Expiry::Ignore && found.expire_at().is_some_and(|at| at < self.now_ms) {
            if self.expiry == Expiry::Delete {
                self.effects.note_expired(self.index, key.bytes);
            }
            return None;
        }
        Some(found)
    }

    /// The key, for somebody about to change it: what has expired is deleted first, so that the stream says so.
    pub fn write(&mut self, key: Key<'_>) -> Option<Entry<'_>> {
        let (entry, place) = self.db().locate(key)?;
        if self.has_expired(entry.expire_at()) {
            if self.expiry == Expiry::Delete {
                self.delete_expired(key);
            }
            return None;
        }
        let access = self.access;
        let entry = self.db().at(key, place);
        if let Some(bits) = access.used(key.hash, || entry.access()) {
            entry.set_access(bits);
        }
        Some(entry)
    }

    /// Asks for the memory that several keys lie in, before it is used.
    pub fn prefetch<'k>(&self, keys: impl Iterator<Item = Key<'k>>) {
        let hashes: Vec<u64> = keys.map(|key| key.hash).collect();
        hashes.iter().for_each(|hash| self.db().prefetch_bucket(*hash));
        hashes.iter().for_each(|hash| self.db().prefetch_blob(*hash));
    }

    /// The string at `key`, for a reader.
    pub fn read_string(&mut self, key: Key<'_>) -> Result<Option<StringRef<'_>>, CommandError> {
        self.read(key).map(|entry| as_string(&entry)).transpose()
    }

    /// The string at `key`, for somebody who only looks.
    pub fn peek_string(&mut self, key: Key<'_>) -> Result<Option<StringRef<'_>>, CommandError> {
        self.peek(key).map(|entry| as_string(&entry)).transpose()
    }

    /// The string at `key`, for somebody about to change it.
    pub fn write_string(&mut self, key: Key<'_>) -> Result<Option<StringRef<'_>>, CommandError> {
        self.write(key).map(|entry| as_string(&entry)).transpose()
    }

    /// Something happened to a key that may be published. Deletions, expiries and new names see to that themselves.
    #[inline]
    pub fn notify(&mut self, class: EventClasses, event: &'static str, key: Key<'_>) {
        self.effects.notify(class, event, self.index, key.bytes);
    }

    /// Inserts or replaces, after the key was looked up by `write`. What it is called in key events depends on who
    /// asks.
    pub fn set(&mut self, key: Key<'_>, value: NewValue<'_>, expire_at: Option<UnixMs>) {
        let access = self.access;
        if self.db_mut().store(key, value, expire_at, |old| access.stored(old)) {
            self.notify(EventClasses::NEW, "new", key);
        }
        self.note_stored(key, expire_at);
    }

    /// As `set`, of a key that nobody looked up: this is its access.
    pub fn set_unseen(&mut self, key: Key<'_>, value: NewValue<'_>, expire_at: Option<UnixMs>) {
        let access = self.access;
        if self.db_mut().store(key, value, expire_at, |old| access.stored_unseen(key.hash, old)) {
            self.notify(EventClasses::NEW, "new", key);
        }
        self.note_stored(key, expire_at);
    }

    #[inline]
    fn note_stored(&mut self, key: Key<'_>, expire_at: Option<UnixMs>) {
        self.effects.touch(self.index, key.bytes);
        if expire_at.is_some() {
            self.note_own_expiry(key);
        }
    }

    /// What a replica's own client lets expire, the replica must delete itself.
    fn note_own_expiry(&mut self, key: Key<'_>) {
        if self.expiry == Expiry::Hide {
            self.effects.own_expiries.insert((self.index, key.bytes.into()));
        }
    }

    /// Deletes; false if the key is missing. A key that has logically expired counts as missing and goes too.
    pub fn remove(&mut self, key: Key<'_>) -> bool {
        if self.write(key).is_none() {
            return false;
        }
        self.db_mut().remove(key);
        self.effects.touch(self.index, key.bytes);
        self.notify(EventClasses::GENERIC, "del", key);
        true
    }

    /// Gives an expiry to a key that exists.
    pub fn set_expire(&mut self, key: Key<'_>, expire_at: UnixMs) {
        if self.db_mut().set_expire(key, Some(expire_at)) {
            self.note_stored(key, Some(expire_at));
            self.notify(EventClasses::GENERIC, "expire", key);
        }
    }

    /// Appends to a string that exists; answers its new length.
    pub fn append(&mut self, key: Key<'_>, tail: &[u8]) -> usize {
        let len = self.db_mut().append(key, tail);
        self.effects.touch(self.index, key.bytes);
        len
    }

    /// Overwrites a string from `offset` on, as SETRANGE. Answers the new length.
    pub fn set_range(&mut self, key: Key<'_>, offset: usize, patch: &[u8]) -> usize {
        let len = self.patch(key, offset, patch);
        self.notify(EventClasses::STRING, "setrange", key);
        len
    }

    /// Overwrites a string from `offset` on; a missing key counts as the empty one. What it is called in key events
    /// depends on who asks. Answers the new length.
    pub fn patch(&mut self, key: Key<'_>, offset: usize, patch: &[u8]) -> usize {
        if self.db().get(key).is_none() {
            let access = self.access;
            self.db_mut().store(key, NewValue::RawString(b""), None, |old| access.stored(old));
            self.notify(EventClasses::NEW, "new", key);
        }
        let len = self.db_mut().set_range(key, offset, patch);
        self.effects.touch(self.index, key.bytes);
        len
    }

    /// What changed since there were `before` changes counts as this many: as what was asked for, not as our steps.
    pub fn count_changes(&mut self, before: u64, changes: u64) {
        self.effects.changes = before + changes;
    }

    /// Gives `from`'s value to `to`, replacing what is there; `from` exists.
    pub fn rename(&mut self, from: Key<'_>, to: Key<'_>) {
        self.db_mut().rename(from, to);
        self.effects.touch(self.index, from.bytes);
        self.effects.mark(self.index, to.bytes);
        self.notify(EventClasses::GENERIC, "rename_from", from);
        self.notify(EventClasses::GENERIC, "rename_to", to);
    }

    /// Copies value and expiry of `from` to another key, replacing what is there; `from` exists.
    pub fn copy(&mut self, from: Key<'_>, to_db: usize, to: Key<'_>) {
        self.keyspace.copy_key(self.index, from, to_db, to);
        self.effects.touch(to_db, to.bytes);
        self.effects.notify(EventClasses::GENERIC, "copy_to", to_db, to.bytes);
    }

    /// Moves a key to another database, where it is missing; it exists here.
    pub fn move_to(&mut self, key: Key<'_>, to_db: usize) {
        self.keyspace.move_key(key, self.index, to_db);
        self.effects.touch(self.index, key.bytes);
        self.effects.mark(to_db, key.bytes);
        self.notify(EventClasses::GENERIC, "move_from", key);
        self.effects.notify(EventClasses::GENERIC, "move_to", to_db, key.bytes);
    }

    /// Another database under the same hands.
    pub fn other(&mut self, index: usize) -> Database<'_> {
        Database {
            keyspace: self.keyspace,
            index,
            effects: self.effects,
            stats: self.stats,
            expiry: self.expiry,
            now_ms: self.now_ms,
            access: self.access,
            lazy_expire: self.lazy_expire,
        }
    }

    /// Whether a key that is given this expiry is gone at once. On a replica nothing is: its master says what goes.
    pub fn is_over(&self, expire_at: UnixMs) -> bool {
        self.expiry == Expiry::Delete && expire_at <= self.now_ms
    }

    /// Deletes a key that was given an expiry in the past; the stream says so in place of the request.
    pub fn expire_now(&mut self, key: Key<'_>) {
        self.db_mut().remove(key);
        self.effects.touch(self.index, key.bytes);
        self.notify(EventClasses::GENERIC, "del", key);
        self.propagate_as(&[deletion_verb(self.lazy_expire), key.bytes]);
    }

    /// Clears the expiry; false if there was none.
    pub fn persist(&mut self, key: Key<'_>) -> bool {
        let has_expiry = self.db().get(key).is_some_and(|entry| entry.expire_at().is_some());
        if has_expiry {
            self.db_mut().set_expire(key, None);
            self.effects.touch(self.index, key.bytes);
            self.notify(EventClasses::GENERIC, "persist", key);
        }
        has_expiry
    }

    /// Deletes a key that has expired and says so in the stream, before whatever comes next.
    pub fn delete_expired(&mut self, key: Key<'_>) {
        self.delete_unasked(key, self.lazy_expire);
        self.notify(EventClasses::EXPIRED, "expired", key);
        self.stats.expired_keys += 1;
    }

    /// Deletes a key to make room; `lazy` is lazyfree-lazy-eviction.
    pub fn evict(&mut self, key: Key<'_>, lazy: bool) {
        self.delete_unasked(key, lazy);
        self.notify(EventClasses::EVICTED, "evicted", key);
        self.stats.evicted_keys += 1;
    }

    /// Neither expiry nor eviction is a client's change: it counts as none.
    fn delete_unasked(&mut self, key: Key<'_>, lazy: bool) {
        self.db_mut().remove(key);
        self.effects.also_propagate(self.index, &[deletion_verb(lazy), key.bytes]);
        self.effects.mark_unasked(self.index, key.bytes);
    }

    /// Replaces the propagated form of the request by a command on the selected database.
    pub fn propagate_as(&mut self, args: &[&[u8]]) {
        self.effects.propagate_as(self.index, args);
    }
}

/// How a deletion that nobody asked for by this name enters the stream. Here both verbs free in the background what is
/// large; elsewhere they differ.
pub fn deletion_verb(lazy: bool) -> &'static [u8] {
    if lazy { b"UNLINK" } else { b"DEL" }
}

/// The value as a string, or WRONGTYPE.
#[inline]
pub fn as_string<'a>(entry: &Entry<'a>) -> Result<StringRef<'a>, CommandError> {
    entry.string().ok_or(CommandError::WRONG_TYPE)
}
