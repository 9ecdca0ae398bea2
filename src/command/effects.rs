//! What a unit did: keys touched, commands to propagate. Collected while handlers run, closed by the engine in one
//! place at the unit's end.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::config::EventClasses;
use crate::resp::{Args, encode_command};

/// Database, name of the event, key.
pub type KeyEvent = (usize, &'static str, Box<[u8]>);

/// A key that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    pub db: usize,
    pub key: Box<[u8]>,
    /// It has expired, or was evicted: no client did it.
    pub by_server: bool,
}

/// How the request under way enters the stream if it changed anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Form {
    /// As it came.
    #[default]
    Verbatim,
    /// The handler said otherwise, or said nothing is to be propagated.
    Replaced,
}

/// The effects of the unit under way.
#[derive(Debug, Default)]
pub struct Effects {
    /// The log exists: commands are encoded. Without it nobody would read them.
    pub is_recording: bool,
    /// Somebody watches keys: touched keys are noted.
    pub is_tracking: bool,
    /// Clients hold copies of keys, or have since the last turn.
    pub has_trackers: bool,
    /// All keys of a database are gone, or others.
    pub is_flushed: bool,
    /// The unit's commands have nothing to do with each other: no MULTI and EXEC around them.
    pub is_loose: bool,
    /// Keys that clients of a replica gave an expiry: its master knows nothing of them.
    pub own_expiries: BTreeSet<(usize, Box<[u8]>)>,
    /// Changes so far, as `rdb_changes_since_last_save` counts them.
    pub changes: u64,
    changes_before: u64,
    form: Form,
    /// The request is propagated though it changed nothing.
    is_forced: bool,
    encoded: Vec<u8>,
    commands: Vec<(usize, Range<usize>)>,
    /// Classes of key events that somebody wants published.
    pub event_classes: EventClasses,
    events: Vec<KeyEvent>,
    touched: Vec<Touched>,
    /// So many of them are told to clients that hold copies.
    told: usize,
    expired: Vec<(usize, Box<[u8]>)>,
}

impl Effects {
    /// A key of `db` changed: counts as one change.
    pub fn touch(&mut self, db: usize, key: &[u8]) {
        self.changes += 1;
        self.mark(db, key);
    }

    /// A key of `db` is not what it was: WATCH and blocked clients must see it, but it counts as no change.
    #[inline]
    pub fn mark(&mut self, db: usize, key: &[u8]) {
        if self.is_tracking || self.has_trackers {
            self.touched.push(Touched { db, key: key.into(), by_server: false });
        }
    }

    /// As `mark`, for what no client did.
    pub fn mark_unasked(&mut self, db: usize, key: &[u8]) {
        if self.is_tracking || self.has_trackers {
            self.touched.push(Touched { db, key: key.into(), by_server: true });
        }
    }

    /// Something happened to a key of `db` that may be published.
    #[inline]
    pub fn notify(&mut self, class: EventClasses, event: &'static str, db: usize, key: &[u8]) {
        if self.event_classes.has(class) {
            self.events.push((db, event, key.into()));
        }
    }

    /// A reader met a key that is logically expired; the unit's end deletes it.
    pub fn note_expired(&mut self, db: usize, key: &[u8]) {
        self.expired.push((db, key.into()));
    }

    /// Propagates this instead of the request; each further call adds a command.
    pub fn propagate_as(&mut self, db: usize, args: &[&[u8]]) {
        self.form = Form::Replaced;
        self.also_propagate(db, args);
    }

    /// The request is not propagated, whatever it changed.
    pub fn propagate_nothing(&mut self) {
        self.form = Form::Replaced;
    }

    /// The request is propagated even if it changes nothing.
    pub fn force(&mut self) {
        self.is_forced = true;
    }

    /// Propagates a command beside the request (an expiry before it, for instance).
    pub fn also_propagate(&mut self, db: usize, args: &[&[u8]]) {
        if self.is_recording {
            let start = self.encoded.len();
            encode_command(&mut self.encoded, args);
            self.commands.push((db, start..self.encoded.len()));
        }
    }

    /// Before a request: its form is open again.
    pub fn begin_request(&mut self) {
        self.form = Form::Verbatim;
        self.is_forced = false;
        self.is_loose = false;
        self.changes_before = self.changes;
    }

    /// After a request that may write: if it changed something it is propagated as it came, unless its handler said
    /// otherwise.
    pub fn end_request(&mut self, db: usize, args: &Args<'_>) {
        let changed = self.is_forced || self.changes != self.changes_before;
        if changed && self.form == Form::Verbatim && self.is_recording {
            let start = self.encoded.len();
            args.encode(&mut self.encoded);
            self.commands.push((db, start..self.encoded.len()));
        }
    }

    /// Commands to append to the log: (database, canonical bytes).
    pub fn commands(&self) -> impl ExactSizeIterator<Item = (usize, &[u8])> {
        self.commands.iter().map(|(db, range)| (*db, &self.encoded[range.clone()]))
    }

    pub fn take_expired(&mut self) -> Vec<(usize, Box<[u8]>)> {
        std::mem::take(&mut self.expired)
    }

    pub fn take_events(&mut self) -> Vec<KeyEvent> {
        std::mem::take(&mut self.events)
    }

    /// Keys touched since this was last asked in this unit.
    pub fn newly_touched(&mut self) -> Vec<Touched> {
        let from = std::mem::replace(&mut self.told, self.touched.len());
        self.touched[from..].to_vec()
    }

    pub fn take_touched(&mut self) -> Vec<Touched> {
        self.told = 0;
        std::mem::take(&mut self.touched)
    }

    /// Whether closing the unit has anything to do.
    #[inline]
    pub fn is_quiet(&self) -> bool {
        self.commands.is_empty()
            && self.touched.is_empty()
            && self.expired.is_empty()
            && self.events.is_empty()
            && !self.is_flushed
    }

    /// After the unit's end.
    pub fn clear_commands(&mut self) {
        self.encoded.clear();
        self.commands.clear();
    }
}
