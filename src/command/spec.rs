//! The typed row that declares a command.
//!
//! COMMAND, COMMAND DOCS, COMMAND GETKEYS, ACL categories, refusals and propagation derive from it, nothing is said
//! twice. Names, arity, flags, key positions and since are Redis 7.0's; summaries are ours.

use std::ops::BitOr;

use super::{Args, CommandError, Context, KeySpec, Outcome};

/// Executes one request.
pub type Handler = fn(&mut Context<'_>, &Args<'_>) -> Result<Outcome, CommandError>;

/// The family a command belongs to, as COMMAND DOCS names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Cluster,
    Generic,
    String,
    Bitmap,
    Hyperloglog,
    List,
    Hash,
    Set,
    SortedSet,
    Geo,
    Stream,
    Connection,
    Pubsub,
    Scripting,
    Server,
    Transactions,
}

impl Group {
    pub fn name(self) -> &'static str {
        match self {
            Group::Cluster => "cluster",
            Group::Generic => "generic",
            Group::String => "string",
            Group::Bitmap => "bitmap",
            Group::Hyperloglog => "hyperloglog",
            Group::List => "list",
            Group::Hash => "hash",
            Group::Set => "set",
            Group::SortedSet => "sorted-set",
            Group::Geo => "geo",
            Group::Stream => "stream",
            Group::Connection => "connection",
            Group::Pubsub => "pubsub",
            Group::Scripting => "scripting",
            Group::Server => "server",
            Group::Transactions => "transactions",
        }
    }
}

/// A set of command flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u32);

impl Flags {
    pub const NONE: Flags = Flags(0);
    pub const WRITE: Flags = Flags(1 << 0);
    pub const READONLY: Flags = Flags(1 << 1);
    pub const DENYOOM: Flags = Flags(1 << 2);
    pub const ADMIN: Flags = Flags(1 << 3);
    pub const PUBSUB: Flags = Flags(1 << 4);
    pub const NOSCRIPT: Flags = Flags(1 << 5);
    pub const BLOCKING: Flags = Flags(1 << 6);
    pub const LOADING: Flags = Flags(1 << 7);
    pub const STALE: Flags = Flags(1 << 8);
    pub const SKIP_MONITOR: Flags = Flags(1 << 9);
    pub const SKIP_SLOWLOG: Flags = Flags(1 << 10);
    pub const ASKING: Flags = Flags(1 << 11);
    pub const FAST: Flags = Flags(1 << 12);
    pub const NO_AUTH: Flags = Flags(1 << 13);
    pub const MAY_REPLICATE: Flags = Flags(1 << 14);
    pub const NO_ASYNC_LOADING: Flags = Flags(1 << 15);
    pub const NO_MULTI: Flags = Flags(1 << 16);
    pub const ALLOW_BUSY: Flags = Flags(1 << 17);
    pub const MOVABLEKEYS: Flags = Flags(1 << 18);
    /// Refused unless the configuration enables it (DEBUG, MODULE).
    pub const PROTECTED: Flags = Flags(1 << 19);
    pub const TOUCHES_ARBITRARY_KEYS: Flags = Flags(1 << 20);
    pub const NO_MANDATORY_KEYS: Flags = Flags(1 << 21);
    /// The command ends its batch: it changes how the rest is read or answered. Not shown to clients.
    pub const ENDS_BATCH: Flags = Flags(1 << 31);

    /// The flags that COMMAND INFO shows, with their names, in its order.
    pub const SHOWN: &'static [(Flags, &'static str)] = &[
        (Flags::WRITE, "write"),
        (Flags::READONLY, "readonly"),
        (Flags::DENYOOM, "denyoom"),
        (Flags::ADMIN, "admin"),
        (Flags::PUBSUB, "pubsub"),
        (Flags::NOSCRIPT, "noscript"),
        (Flags::BLOCKING, "blocking"),
        (Flags::LOADING, "loading"),
        (Flags::STALE, "stale"),
        (Flags::SKIP_MONITOR, "skip_monitor"),
        (Flags::SKIP_SLOWLOG, "skip_slowlog"),
        (Flags::ASKING, "asking"),
        (Flags::FAST, "fast"),
        (Flags::NO_AUTH, "no_auth"),
        (Flags::NO_ASYNC_LOADING, "no_async_loading"),
        (Flags::NO_MANDATORY_KEYS, "no_mandatory_keys"),
        (Flags::NO_MULTI, "no_multi"),
        (Flags::MOVABLEKEYS, "movablekeys"),
        (Flags::ALLOW_BUSY, "allow_busy"),
    ];

    pub const fn with(self, more: Flags) -> Flags {
        Flags(self.0 | more.0)
    }

    pub const fn without(self, less: Flags) -> Flags {
        Flags(self.0 & !less.0)
    }

    /// Whether any of `flags` is set.
    pub const fn has(self, flags: Flags) -> bool {
        self.0 & flags.0 != 0
    }
}

impl BitOr for Flags {
    type Output = Flags;

    fn bitor(self, other: Flags) -> Flags {
        self.with(other)
    }
}

/// Which words of a request are channels that its client uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    None,
    /// The first word after the name.
    First,
    /// All words after the name.
    All,
    /// All words after the name, which are patterns.
    Patterns,
}

/// One command or subcommand.
pub struct Command {
    /// Lower case, without the container's name.
    pub name: &'static str,
    pub handler: Handler,
    /// The arguments in the notation of `syntax::parse`: what COMMAND DOCS shows.
    pub syntax: &'static str,
    pub summary: &'static str,
    pub since: &'static str,
    pub complexity: &'static str,
    /// Number of words with the name (and the container's); negative: at least so many.
    pub arity: i32,
    pub flags: Flags,
    pub keys: &'static [KeySpec],
    pub channels: Channels,
    /// Categories beyond those that flags and group imply, as `@name` words.
    pub categories: &'static [&'static str],
    /// Hints to proxies and clients, as COMMAND INFO shows them.
    pub tips: &'static [&'static str],
    /// (version, what changed).
    pub history: &'static [(&'static str, &'static str)],
    /// (since version, what replaces it).
    pub deprecated: Option<(&'static str, &'static str)>,
    pub subcommands: &'static [Command],
    /// Whether a word must not show in MONITOR and the slow log: passwords.
    pub secrets: fn(&Args<'_>, usize) -> bool,
}

impl Command {
    pub const fn new(name: &'static str, handler: Handler, syntax: &'static str) -> Command {
        Command {
            name,
            handler,
            syntax,
            summary: "",
            since: "1.0.0",
            complexity: "O(1)",
            arity: 1,
            flags: Flags::NONE,
            keys: &[],
            channels: Channels::None,
            categories: &[],
            tips: &[],
            history: &[],
            deprecated: None,
            subcommands: &[],
            secrets: |_, _| false,
        }
    }

    /// A command that only holds subcommands.
    pub const fn container(name: &'static str, subcommands: &'static [Command]) -> Command {
        Command::new(name, no_subcommand, "").arity(-2).subcommands(subcommands).complexity("Depends on subcommand")
    }

    pub const fn about(mut self, summary: &'static str) -> Command {
        self.summary = summary;
        self
    }

    pub const fn since(mut self, version: &'static str) -> Command {
        self.since = version;
        self
    }

    pub const fn complexity(mut self, complexity: &'static str) -> Command {
        self.complexity = complexity;
        self
    }

    pub const fn arity(mut self, arity: i32) -> Command {
        self.arity = arity;
        self
    }

    pub const fn flags(mut self, flags: Flags) -> Command {
        self.flags = flags;
        self
    }

    pub const fn keys(mut self, keys: &'static [KeySpec]) -> Command {
        self.keys = keys;
        self
    }

    pub const fn channels(mut self, channels: Channels) -> Command {
        self.channels = channels;
        self
    }

    pub const fn categories(mut self, categories: &'static [&'static str]) -> Command {
        self.categories = categories;
        self
    }

    pub const fn tips(mut self, tips: &'static [&'static str]) -> Command {
        self.tips = tips;
        self
    }

    pub const fn history(mut self, history: &'static [(&'static str, &'static str)]) -> Command {
        self.history = history;
        self
    }

    pub const fn deprecated(mut self, since: &'static str, replaced_by: &'static str) -> Command {
        self.deprecated = Some((since, replaced_by));
        self
    }

    pub const fn subcommands(mut self, subcommands: &'static [Command]) -> Command {
        self.subcommands = subcommands;
        self
    }

    pub const fn secrets(mut self, is_secret: fn(&Args<'_>, usize) -> bool) -> Command {
        self.secrets = is_secret;
        self
    }

    /// Whether a request of `argc` words has an acceptable length.
    pub fn accepts(&self, argc: usize) -> bool {
        let wanted = self.arity.unsigned_abs() as usize;
        if self.arity < 0 { argc >= wanted } else { argc == wanted }
    }
}

/// A container is never executed: its subcommand is, or the request is refused before.
fn no_subcommand(_: &mut Context<'_>, _: &Args<'_>) -> Result<Outcome, CommandError> {
    Err(CommandError::SYNTAX)
}
