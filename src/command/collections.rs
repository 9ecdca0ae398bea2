//! Collections as handlers see and change them. A key without elements does not exist: who takes the last one
//! out says `drop_if_empty` after its own key event.

use std::ops::Range;

use crate::config::{CollectionLimits, EventClasses};
use crate::keyspace::{
    Key, ListRef, NewValue, SetRef, SortedSet, SortedSetRef, Stream, StreamMut, StreamRef, Strings, Value,
};

use super::{Args, CommandError, Database};

/// `ERR value is out of range, must be positive`.
pub(super) const NOT_POSITIVE: CommandError = CommandError::fixed("ERR value is out of range, must be positive");

/// Word `index` as a number of at least `least`; anything else is `error`.
pub(super) fn at_least(args: &Args<'_>, index: usize, least: i64, error: CommandError) -> Result<i64, CommandError> {
    args.int(index).ok().filter(|number| *number >= least).ok_or(error)
}

/// Reads of one type: for a reader, for somebody about to change it.
macro_rules! typed {
    ($variant:ident, $reference:ident, $read:ident, $write:ident) => {
        pub fn $read(&mut self, key: Key<'_>) -> Result<Option<$reference<'_>>, CommandError> {
            match self.read(key).map(|entry| entry.value()) {
                None => Ok(None),
                Some(Value::$variant(value)) => Ok(Some(value)),
                Some(_) => Err(CommandError::WRONG_TYPE),
            }
        }

        pub fn $write(&mut self, key: Key<'_>) -> Result<Option<$reference<'_>>, CommandError> {
            match self.write(key).map(|entry| entry.value()) {
                None => Ok(None),
                Some(Value::$variant(value)) => Ok(Some(value)),
                Some(_) => Err(CommandError::WRONG_TYPE),
            }
        }
    };
}

impl Database<'_> {
    typed!(List, ListRef, read_list, write_list);
    typed!(Set, SetRef, read_set, write_set);
    typed!(SortedSet, SortedSetRef, read_sorted_set, write_sorted_set);
    typed!(Stream, StreamRef, read_stream, write_stream);

    /// An empty collection where nothing is; it must be filled at once.
    pub(super) fn begin(&mut self, key: Key<'_>, empty: NewValue<'_>) {
        if self.keyspace.db(self.index).get(key).is_none() {
            let access = self.access;
            self.keyspace.db_mut(self.index).store(key, empty, None, |old| access.stored(old));
            self.notify(EventClasses::NEW, "new", key);
        }
    }

    /// Takes `removed` elements out of the list from `at` on and puts others in there; a missing list is made. Answers
    /// the new length.
    pub fn splice_list(
        &mut self,
        key: Key<'_>,
        at: usize,
        removed: usize,
        inserted: &[&[u8]],
        limits: &CollectionLimits,
    ) -> usize {
        let len = loop {
            match self.keyspace.db_mut(self.index).list_splice(key, at, removed, inserted, limits) {
                Some(len) => break len,
                None => self.begin(key, NewValue::List(&Strings::default(), limits)),
            }
        };
        self.changed(key, removed.max(inserted.len()));
        len
    }

    /// Adds a member; a missing set is made. False if it was there.
    pub fn add_member(&mut self, key: Key<'_>, member: &[u8], limits: &CollectionLimits) -> bool {
        let is_new = loop {
            match self.keyspace.db_mut(self.index).set_add(key, member, limits) {
                Some(is_new) => break is_new,
                None => self.begin(key, NewValue::Set(&Strings::default(), limits)),
            }
        };
        self.changed(key, is_new.into());
        is_new
    }

    /// Takes a member out of a set that exists.
    pub fn remove_member(&mut self, key: Key<'_>, member: &[u8]) -> bool {
        let was_there = self.keyspace.db_mut(self.index).set_remove(key, member);
        self.changed(key, was_there.into());
        was_there
    }

    /// Gives a member the score that `new` makes of the present one, if it makes one; a missing sorted set is made.
    /// Answers the score before and now.
    pub fn update_score(
        &mut self,
        key: Key<'_>,
        member: &[u8],
        limits: &CollectionLimits,
        new: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> (Option<f64>, Option<f64>) {
        self.begin(key, NewValue::SortedSet(&SortedSet::default(), limits));
        let (old, now) = self.keyspace.db_mut(self.index).sorted_set_update(key, member, limits, new);
        self.changed(key, (old != now).into());
        (old, now)
    }

    /// Takes a member out of a sorted set that exists.
    pub fn remove_scored(&mut self, key: Key<'_>, member: &[u8]) -> bool {
        let was_there = self.keyspace.db_mut(self.index).sorted_set_remove(key, member);
        self.changed(key, was_there.into());
        was_there
    }

    /// Takes the members of these ranks out of a sorted set that exists.
    pub fn remove_ranks(&mut self, key: Key<'_>, ranks: Range<usize>) {
        let removed = ranks.len();
        self.keyspace.db_mut(self.index).sorted_set_remove_ranks(key, ranks);
        self.changed(key, removed);
    }

    /// Changes a stream; a missing one is made, and stays even if it is empty. Who changes entries notes that.
    pub fn change_stream<T>(
        &mut self,
        key: Key<'_>,
        limits: &CollectionLimits,
        mut change: impl FnMut(&mut StreamMut<'_>) -> T,
    ) -> T {
        loop {
            match self.keyspace.db_mut(self.index).stream_change(key, &mut change) {
                Some(result) => return result,
                None => self.begin(key, NewValue::Stream(&Stream::default(), limits)),
            }
        }
    }

    /// So many of a key's elements changed.
    pub fn changed(&mut self, key: Key<'_>, elements: usize) {
        if elements > 0 {
            self.effects.touch(self.index, key.bytes);
            self.effects.changes += elements as u64 - 1;
        }
    }

    /// Deletes a collection that has lost its last element; true if it had.
    pub fn drop_if_empty(&mut self, key: Key<'_>) -> bool {
        let len = match self.keyspace.db(self.index).get(key).map(|entry| entry.value()) {
            Some(Value::List(list)) => list.len(),
            Some(Value::Hash(hash)) => hash.len(),
            Some(Value::Set(set)) => set.len(),
            Some(Value::SortedSet(set)) => set.len(),
            _ => return false,
        };
        if len == 0 {
            self.keyspace.db_mut(self.index).remove(key);
            self.notify(EventClasses::GENERIC, "del", key);
        }
        len == 0
    }
}
