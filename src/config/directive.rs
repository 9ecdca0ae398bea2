//! What one directive is: a row of the table, typed and declarative.
//!
//! A row says its name and old names, the kind of its value, Redis's default, a sentence for the example file, whether
//! it may change at run time, and whether it takes effect yet. A row in effect also says which typed field it fills.

use super::settings::Settings;
use super::value::{Kind, Value};

/// One directive.
pub struct Directive {
    pub name: &'static str,
    /// Other names that are accepted and, except in rewritten files, answered like `name`.
    pub aliases: &'static [&'static str],
    pub kind: Kind,
    /// As CONFIG SET would take it.
    pub default: &'static str,
    /// One sentence for people who edit the file.
    pub about: &'static str,
    pub flags: u8,
    pub status: Status,
    /// Refuses, or brings into its final form, a value that the kind accepts.
    pub(super) refine: fn(Value) -> Result<Value, &'static str>,
    pub(super) store: fn(&mut Settings, &Value),
}

/// Set at start only.
pub const IMMUTABLE: u8 = 1 << 0;
/// Answered only to its exact name, and absent from the example file.
pub const HIDDEN: u8 = 1 << 1;
/// Its value must not show in logs, MONITOR or the slow log.
pub const SENSITIVE: u8 = 1 << 2;
/// Set at run time only by those whom `enable-protected-configs` allows.
pub const PROTECTED: u8 = 1 << 3;
/// Refused while a data set is loading.
pub const DENY_LOADING: u8 = 1 << 4;
/// Setting it again is a change also if the value is the same: the file behind the name may be another.
pub const VOLATILE: u8 = 1 << 5;

/// Whether setting a directive does anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    InEffect,
    /// Accepted and kept; takes effect together with this feature.
    Waits(&'static str),
    /// Accepted and kept; there is nothing in this server that it could steer.
    NoEffect,
}

impl Directive {
    const fn new(name: &'static str, kind: Kind, default: &'static str, about: &'static str) -> Directive {
        Directive {
            name,
            aliases: &[],
            kind,
            default,
            about,
            flags: 0,
            status: Status::InEffect,
            refine: Ok,
            store: |_, _| (),
        }
    }

    pub(super) const fn aliases(mut self, aliases: &'static [&'static str]) -> Directive {
        self.aliases = aliases;
        self
    }

    pub(super) const fn flags(mut self, flags: u8) -> Directive {
        self.flags = flags;
        self
    }

    pub(super) const fn immutable(mut self) -> Directive {
        self.flags |= IMMUTABLE;
        self
    }

    pub(super) const fn refine(mut self, refine: fn(Value) -> Result<Value, &'static str>) -> Directive {
        self.refine = refine;
        self
    }

    /// Takes effect through the field that `store` fills.
    pub(super) const fn store(mut self, store: fn(&mut Settings, &Value)) -> Directive {
        self.store = store;
        self
    }

    pub(super) const fn waits(mut self, feature: &'static str) -> Directive {
        self.status = Status::Waits(feature);
        self
    }

    pub(super) const fn no_effect(mut self) -> Directive {
        self.status = Status::NoEffect;
        self
    }

    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Name and aliases.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// The value of `words`; `old` is what parts that are not named keep.
    pub(super) fn parse(&self, words: &[Vec<u8>], old: Option<&Value>) -> Result<Value, String> {
        let value = self.kind.parse(words, old)?;
        (self.refine)(value).map_err(str::to_owned)
    }

    /// Name of the feature that it still waits for.
    pub fn waits_for(&self) -> Option<&'static str> {
        match self.status {
            Status::Waits(feature) => Some(feature),
            Status::InEffect | Status::NoEffect => None,
        }
    }
}

/// Constructors of rows, one per kind: name, what is allowed, default, sentence.
pub(super) mod rows {
    use super::{Directive, Kind};

    pub const INT_MAX: i128 = i32::MAX as i128;
    pub const LONG_MAX: i128 = i64::MAX as i128;

    pub const fn yes_no(name: &'static str, default: &'static str, about: &'static str) -> Directive {
        Directive::new(name, Kind::Bool, default, about)
    }

    pub const fn int(
        name: &'static str,
        (min, max): (i128, i128),
        default: &'static str,
        about: &'static str,
    ) -> Directive {
        Directive::new(name, Kind::Int { min, max }, default, about)
    }

    pub const fn memory(
        name: &'static str,
        (min, max): (i128, i128),
        default: &'static str,
        about: &'static str,
    ) -> Directive {
        Directive::new(name, Kind::Memory { min, max }, default, about)
    }

    pub const fn text(name: &'static str, default: &'static str, about: &'static str) -> Directive {
        Directive::new(name, Kind::Text, default, about)
    }

    pub const fn one_of(
        name: &'static str,
        choices: &'static [&'static str],
        default: &'static str,
        about: &'static str,
    ) -> Directive {
        Directive::new(name, Kind::Choice(choices), default, about)
    }

    pub const fn special(name: &'static str, kind: Kind, default: &'static str, about: &'static str) -> Directive {
        Directive::new(name, kind, default, about)
    }
}
