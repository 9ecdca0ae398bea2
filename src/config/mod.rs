//! The configuration: Redis's grammar of files and arguments, one table of all directives, their values.
//!
//! [`table`] declares the directives. [`Config`] holds a value for each of them, for CONFIG GET, SET and REWRITE, and,
//! through [`Settings`] (to which it dereferences), typed fields for those in effect: `config.maxmemory`. Fields are
//! read freely and written by name only, so both views agree. [`load`] reads arguments and files through a trait;
//! applying a change (a new port, a new folder) is up to whoever called [`Config::set_many`].

mod directive;
mod events;
mod example;
pub mod glob;
mod load;
mod number;
mod rewrite;
mod settings;
pub mod table;
mod value;

pub use directive::{DENY_LOADING, Directive, HIDDEN, IMMUTABLE, PROTECTED, SENSITIVE, Status, VOLATILE};
pub use events::EventClasses;
pub use example::example;
pub use load::{Files, Origin, StartError};
pub use settings::{
    BufferLimit, ClientClass, CollectionLimits, DisklessLoad, LogFormat, LogLevel, LogTimestamp, MasterAddress,
    MaxmemoryPolicy, MemoryShare, OomScoreAdj, PropagationErrors, Protected, SavePoint, Settings, ShutdownOptions,
    Supervision, SyslogFacility,
};
pub use value::{Kind, Value};

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::path::PathBuf;

/// The version of Redis whose behaviour clients may expect.
pub const REDIS_VERSION: &str = "8.0.6";

/// Set at start only, and unknown to Redis 7.0 by these names. Who sets back all that CONFIG GET answered, as its test
/// suite does, leaves out the immutable ones that it knows; the value that these have already is taken as no change.
const NEWER_IMMUTABLE: &[&str] = &[
    "aof-rewrite-cpulist",
    "bgsave-cpulist",
    "bio-cpulist",
    "cluster-databases",
    "hash-seed",
    "mptcp",
    "rdma-completion-vector",
    "rdma-rx-size",
    "repl-mptcp",
    "server-cpulist",
    "unixsocketgroup",
];

/// Values of all directives. `Deref` gives the typed ones: `config.port`.
#[derive(Debug, Clone)]
pub struct Config {
    settings: Settings,
    /// By the number of the row.
    values: Vec<Value>,
    /// Absolute path of the file that CONFIG REWRITE writes, if the server was started with one.
    pub file: Option<PathBuf>,
    /// `rename-command` lines in their order: from, to; an empty `to` removes the command.
    pub renamed_commands: Vec<(Vec<u8>, Vec<u8>)>,
    /// `user` lines: name and rules. At first as they were read; before a rewrite, as users are then.
    pub users: Vec<Vec<Vec<u8>>>,
    version: u64,
    noticed: BTreeSet<&'static str>,
}

impl Deref for Config {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.settings
    }
}

impl Default for Config {
    fn default() -> Config {
        let mut settings = Settings::default();
        let values: Vec<Value> = table::rows().map(default_value).collect();
        for (row, value) in table::rows().zip(&values) {
            (row.store)(&mut settings, value);
        }
        Config {
            settings,
            values,
            file: None,
            renamed_commands: Vec::new(),
            users: Vec::new(),
            version: 0,
            noticed: BTreeSet::new(),
        }
    }
}

/// Who asks for a change; decides about protected directives and those that wait for the end of loading.
#[derive(Debug, Clone, Copy, Default)]
pub struct Caller {
    /// Connected from this machine.
    pub is_local: bool,
    /// The server is loading a data set.
    pub is_loading: bool,
}

/// A directive that got a new value; [`Config::undo`] takes it back.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    pub name: &'static str,
    number: usize,
    old: Value,
}

/// Why CONFIG SET changed nothing. The texts follow `-ERR `; `Loading` has an error code of its own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("Unknown option or number of arguments for CONFIG SET - '{0}'")]
    Unknown(String),
    #[error("CONFIG SET failed (possibly related to argument '{name}') - {reason}")]
    Failed { name: String, reason: String },
    #[error("Redis is loading the dataset in memory")]
    Loading,
}

/// A directive that is set off its default and does not take effect yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    pub name: &'static str,
    pub feature: &'static str,
}

impl std::fmt::Display for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "The directive '{}' is kept but not yet in effect, it waits for: {}", self.name, self.feature)
    }
}

impl Config {
    /// Names and values of the directives that match any of `patterns`, each name once. A name without wildcards is
    /// answered as it was asked for, and finds hidden directives too.
    pub fn get(&self, patterns: &[&[u8]]) -> Vec<(String, Vec<u8>)> {
        let mut found = BTreeMap::new();
        let mut order = 0..;
        for pattern in patterns {
            for (name, number) in names_matching(pattern) {
                found.entry(name).or_insert((order.next(), number));
            }
        }
        let mut found: Vec<_> = found.into_iter().collect();
        found.sort_by_key(|(_, (order, _))| *order);
        found.into_iter().map(|(name, (_, number))| (name, self.print(number))).collect()
    }

    /// The value of one directive as CONFIG GET answers it.
    pub fn value(&self, name: &str) -> Option<Vec<u8>> {
        table::find(name.as_bytes()).map(|(number, _)| self.print(number))
    }

    /// Whether arguments for this directive must not be shown.
    pub fn is_sensitive(name: &[u8]) -> bool {
        table::find(name).is_some_and(|(_, row)| row.has(SENSITIVE))
    }

    /// CONFIG SET: all pairs of name and value, or none. Answers what changed, for the caller to apply; if that fails,
    /// [`Config::undo`].
    pub fn set_many(&mut self, pairs: &[(&[u8], &[u8])], caller: Caller) -> Result<Vec<Changed>, ConfigError> {
        let rows = self.settable_rows(pairs, caller)?;
        let mut parsed = Vec::with_capacity(pairs.len());
        for (&(number, row), (name, text)) in rows.iter().zip(pairs) {
            let words = if row.kind.takes_many() { split_at_spaces(text) } else { vec![text.to_vec()] };
            let value = row
                .parse(&words, Some(&self.values[number]))
                .map_err(|reason| ConfigError::Failed { name: shown(name).to_ascii_lowercase(), reason })?;
            parsed.push((number, row, value));
        }
        parsed.retain(|(number, row, value)| row.has(VOLATILE) || self.values[*number] != *value);
        Ok(parsed
            .into_iter()
            .map(|(number, row, value)| Changed { name: row.name, number, old: self.replace(number, row, value) })
            .collect())
    }

    /// Takes changes back that could not be applied.
    pub fn undo(&mut self, changes: Vec<Changed>) {
        for change in changes {
            if let Some((_, row)) = table::find(change.name.as_bytes()) {
                self.replace(change.number, row, change.old);
            }
        }
    }

    /// Sets a directive on the server's own account, immutable or not: `replicaof` after REPLICAOF, `dir` once it is
    /// absolute, `maxclients` when the operating system allows fewer. The value is written as in a file.
    pub fn overwrite(&mut self, name: &str, value: &[u8]) -> Result<(), String> {
        let (number, row) = table::find(name.as_bytes()).ok_or_else(|| format!("no directive '{name}'"))?;
        let words = if row.kind.takes_many() { split_at_spaces(value) } else { vec![value.to_vec()] };
        let value = row.parse(&words, Some(&self.values[number]))?;
        self.replace(number, row, value);
        Ok(())
    }

    /// Grows with each change.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The text of a configuration file brought up to date; comments, order and included files stay.
    pub fn rewrite(&self, old_text: &[u8], all: bool) -> Vec<u8> {
        rewrite::rewrite(self, old_text, all)
    }

    /// Directives off their default that are not in effect yet; each is told once.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        let off_default = table::rows().zip(&self.values).filter(|(row, value)| **value != default_value(row));
        let waiting = off_default.filter_map(|(row, _)| Some((row.name, row.waits_for()?)));
        let noticed = &mut self.noticed;
        waiting.filter(|(name, _)| noticed.insert(name)).map(|(name, feature)| Notice { name, feature }).collect()
    }

    /// The rows that `pairs` name, if this caller may set each of them, once. What is refused first wins, but an
    /// unknown name is told before anything after it.
    fn settable_rows(
        &self,
        pairs: &[(&[u8], &[u8])],
        caller: Caller,
    ) -> Result<Vec<(usize, &'static Directive)>, ConfigError> {
        let mut rows: Vec<(usize, &'static Directive)> = Vec::with_capacity(pairs.len());
        for (name, value) in pairs {
            let (number, row) = table::find(name).ok_or_else(|| ConfigError::Unknown(shown(name)))?;
            let is_newer = || NEWER_IMMUTABLE.iter().any(|newer| name.eq_ignore_ascii_case(newer.as_bytes()));
            let refusal = if row.has(IMMUTABLE) && !(is_newer() && self.print(number) == *value) {
                Some("can't set immutable config")
            } else if row.has(PROTECTED) && !self.settings.enable_protected_configs.allows(caller.is_local) {
                Some("can't set protected config")
            } else if caller.is_loading && row.has(DENY_LOADING) {
                return Err(ConfigError::Loading);
            } else {
                rows.iter().any(|(other, _)| *other == number).then_some("duplicate parameter")
            };
            if let Some(reason) = refusal {
                return Err(ConfigError::Failed { name: shown(name), reason: reason.to_owned() });
            }
            rows.push((number, row));
        }
        Ok(rows)
    }

    fn replace(&mut self, number: usize, row: &Directive, value: Value) -> Value {
        (row.store)(&mut self.settings, &value);
        self.version += 1;
        std::mem::replace(&mut self.values[number], value)
    }

    fn print(&self, number: usize) -> Vec<u8> {
        let kind = table::rows().nth(number).map(|row| row.kind);
        kind.map(|kind| kind.print(&self.values[number])).unwrap_or_default()
    }
}

/// The row's default, parsed. That every default parses is checked by a test of the table.
fn default_value(row: &'static Directive) -> Value {
    let words = match row.kind.takes_many() {
        true => split_at_spaces(row.default.as_bytes()),
        false => vec![row.default.as_bytes().to_vec()],
    };
    match row.parse(&words, None) {
        Ok(value) => value,
        Err(reason) => panic!("default of {}: {reason}", row.name),
    }
}

fn names_matching(pattern: &[u8]) -> Vec<(String, usize)> {
    if !pattern.iter().any(|byte| b"[*?".contains(byte)) {
        return table::find(pattern).map(|(number, _)| (shown(pattern), number)).into_iter().collect();
    }
    let visible = table::rows().enumerate().filter(|(_, row)| !row.has(HIDDEN));
    visible
        .flat_map(|(number, row)| row.names().map(move |name| (name, number)))
        .filter(|(name, _)| glob::matches(pattern, name.as_bytes(), true))
        .map(|(name, number)| (name.to_owned(), number))
        .collect()
}

fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

/// CONFIG SET separates several values by single spaces and knows no quotes.
fn split_at_spaces(text: &[u8]) -> Vec<Vec<u8>> {
    if text.is_empty() {
        return Vec::new();
    }
    text.split(|&byte| byte == b' ').map(<[u8]>::to_vec).collect()
}

#[cfg(test)]
mod tests;
