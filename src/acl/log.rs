//! Refusals that are remembered: what was denied to whom, and how often of late.

use std::collections::VecDeque;

/// Refusals that are alike within this time count as one entry.
const GROUPED_MS: i64 = 60_000;
/// So many of the latest entries are looked at for one that is alike.
const COMPARED: usize = 10;

/// What was denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Command,
    Key,
    Channel,
    Auth,
}

impl Reason {
    pub fn name(self) -> &'static str {
        match self {
            Reason::Command => "command",
            Reason::Key => "key",
            Reason::Channel => "channel",
            Reason::Auth => "auth",
        }
    }
}

/// Where it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    TopLevel,
    Multi,
    Script,
}

impl Context {
    pub fn name(self) -> &'static str {
        match self {
            Context::TopLevel => "toplevel",
            Context::Multi => "multi",
            Context::Script => "lua",
        }
    }
}

/// Refusals that are alike.
#[derive(Clone, Debug)]
pub struct LogEntry {
    pub id: u64,
    pub count: u64,
    pub reason: Reason,
    pub context: Context,
    /// The command, the key, the channel, or the word that was to log in.
    pub object: Vec<u8>,
    pub username: Vec<u8>,
    pub created_ms: i64,
    pub updated_ms: i64,
    /// The last client, as CLIENT LIST shows it.
    pub client: String,
}

impl LogEntry {
    /// One refusal, at this time; the log gives it its number.
    pub fn new(
        reason: Reason,
        context: Context,
        object: &[u8],
        username: &[u8],
        now_ms: i64,
        client: String,
    ) -> LogEntry {
        LogEntry {
            id: 0,
            count: 1,
            reason,
            context,
            object: object.to_vec(),
            username: username.to_vec(),
            created_ms: now_ms,
            updated_ms: now_ms,
            client,
        }
    }

    fn is_like(&self, other: &LogEntry) -> bool {
        self.reason == other.reason
            && self.context == other.context
            && self.updated_ms.abs_diff(other.updated_ms) <= GROUPED_MS.unsigned_abs()
            && self.object == other.object
            && self.username == other.username
    }
}

/// The latest first.
#[derive(Clone, Debug, Default)]
pub struct AclLog {
    entries: VecDeque<LogEntry>,
    next_id: u64,
    /// `acllog-max-len`.
    pub max_len: usize,
}

impl AclLog {
    pub fn add(&mut self, entry: LogEntry) {
        let alike = self.entries.iter().take(COMPARED).position(|known| known.is_like(&entry));
        let entry = match alike.and_then(|at| self.entries.remove(at)) {
            Some(known) => {
                LogEntry { count: known.count + 1, updated_ms: entry.updated_ms, client: entry.client, ..known }
            }
            None => {
                self.next_id += 1;
                LogEntry { id: self.next_id - 1, ..entry }
            }
        };
        self.entries.push_front(entry);
        self.entries.truncate(self.max_len);
    }

    pub fn entries(&self) -> impl ExactSizeIterator<Item = &LogEntry> {
        self.entries.iter()
    }

    pub fn clear(&mut self) {
        self.entries.clear();
    }
}
