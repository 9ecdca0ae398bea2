//! Hashes as handlers see and change them. Fields expire as keys do: who reads does not see what has expired, and on a
//! master has it deleted; who changes a hash has it deleted first, so that the stream says so.

use crate::config::{CollectionLimits, EventClasses};
use crate::keyspace::{HashRef, Key, Lifetime, NewValue, Strings, UnixMs, Value};

use super::{CommandError, Database, Expiry};

/// Fields of one HDEL in the stream.
const PROPAGATED: usize = 1024;

impl Database<'_> {
    /// The hash at `key`, for a reader.
    pub fn read_hash(&mut self, key: Key<'_>) -> Result<Option<HashRef<'_>>, CommandError> {
        let is_due = self.expiry != Expiry::Ignore && self.keyspace.db(self.index).has_due_fields(key, self.now_ms);
        if is_due && self.expiry == Expiry::Delete {
            self.effects.note_expired(self.index, key.bytes);
        }
        let as_of = self.fields_as_of();
        match self.read(key).map(|entry| entry.value()) {
            None => Ok(None),
            Some(Value::Hash(hash)) => Ok(Some(hash.as_of(as_of)).filter(|hash| !is_due || hash.len() > 0)),
            Some(_) => Err(CommandError::WRONG_TYPE),
        }
    }

    /// The hash at `key`, for somebody about to change it.
    pub fn write_hash(&mut self, key: Key<'_>) -> Result<Option<HashRef<'_>>, CommandError> {
        let is_due = self.expiry == Expiry::Delete && self.keyspace.db(self.index).has_due_fields(key, self.now_ms);
        if is_due && self.write(key).is_some() {
            self.delete_expired_fields(key, usize::MAX);
        }
        let as_of = self.fields_as_of();
        match self.write(key).map(|entry| entry.value()) {
            None => Ok(None),
            Some(Value::Hash(hash)) => Ok(Some(hash.as_of(as_of))),
            Some(_) => Err(CommandError::WRONG_TYPE),
        }
    }

    /// What of a hash expires before is hidden.
    fn fields_as_of(&self) -> UnixMs {
        if self.expiry == Expiry::Ignore { UnixMs::MIN } else { self.now_ms }
    }

    /// Gives a field its value; a missing hash is made. True if the field is new.
    pub fn set_field(
        &mut self,
        key: Key<'_>,
        field: &[u8],
        value: &[u8],
        lifetime: Lifetime,
        limits: &CollectionLimits,
    ) -> bool {
        self.begin(key, NewValue::Hash(&Strings::default(), &[], limits));
        let is_new = self.keyspace.db_mut(self.index).hash_set(key, field, value, lifetime, limits);
        self.changed(key, 1);
        is_new
    }

    /// Takes a field out of a hash that exists.
    pub fn remove_field(&mut self, key: Key<'_>, field: &[u8]) -> bool {
        let was_there = self.keyspace.db_mut(self.index).hash_remove(key, field);
        self.changed(key, was_there.into());
        was_there
    }

    /// Gives a field that exists an expiry, or takes it away.
    pub fn expire_field(&mut self, key: Key<'_>, field: &[u8], expire_at: Option<UnixMs>) {
        self.keyspace.db_mut(self.index).hash_expire(key, field, expire_at);
        self.changed(key, 1);
    }

    /// Deletes fields that have expired, at most so many, and says so in the stream, before whatever comes next.
    /// Answers how many. It counts as no client's change.
    pub fn delete_expired_fields(&mut self, key: Key<'_>, limit: usize) -> usize {
        let gone = self.keyspace.db_mut(self.index).hash_expired(key, self.now_ms, limit);
        if gone.is_empty() {
            return 0;
        }
        let fields: Vec<&[u8]> = gone.iter().collect();
        for fields in fields.chunks(PROPAGATED) {
            self.effects.also_propagate(self.index, &[&[&b"HDEL"[..], key.bytes], fields].concat());
        }
        self.stats.expired_subkeys += fields.len() as u64;
        self.effects.mark_unasked(self.index, key.bytes);
        self.notify(EventClasses::HASH, "hexpired", key);
        self.drop_if_empty(key);
        fields.len()
    }
}
