//! Commands: one typed row beside each handler, from which everything else about a command is derived.
//!
//! A handler is synchronous, sees the parts that its `Context` borrows, never a socket and never a clock. What it
//! cannot do itself it returns as an `Outcome`; the engine acts on it. A family is one file or folder; adding a
//! command is adding a row to its family's `COMMANDS`.

mod bitmap;
mod blocking;
pub mod category;
mod client;
mod cluster;
mod collections;
mod config;
mod connection;
mod context;
mod database;
mod databases;
mod debug;
mod effects;
mod error;
mod fields;
mod hash;
mod help;
mod holds;
mod hyperloglog;
mod info;
mod introspection;
mod key_spec;
mod keys;
mod list;
mod lolwut;
mod memory;
mod module;
mod observe;
mod persistence;
mod pubsub;
mod replication;
mod sample;
mod scan;
mod server;
mod set;
mod sort;
mod spec;
mod stats;
mod string;
pub mod syntax;
mod table;
mod transaction;
mod unix_time;

pub use blocking::BlockOn;
pub use client::{describe as describe_client, stop_tracking};
pub use context::{
    Args, Context, Loading, Origin, Outcome, Pause, ProcessUsage, SaveProgress, SaveState, ServerFacts, ShutdownOptions,
};
pub use database::{Database, Expiry, deletion_verb, frequency, noted_access};
pub use debug::{Digest, keyspace_digest};
pub use effects::{Effects, Touched};
pub use error::CommandError;
pub use holds::Holds;
pub use key_spec::KeySpec;
pub use memory::{MemoryFigures, uncounted_bytes};
pub use pubsub::{publish, unsubscribe_all};
pub use spec::{Command, Flags, Group, Handler};
pub use stats::Stats;
pub use table::{CommandId, CommandTable, Entry, RenameError};
pub use unix_time::UnixTime;

/// Every family with its group.
pub(crate) const FAMILIES: &[(Group, &[Command])] = &[
    (Group::Cluster, cluster::COMMANDS),
    (Group::Connection, connection::COMMANDS),
    (Group::Connection, client::COMMANDS),
    (Group::Generic, keys::COMMANDS),
    (Group::Generic, replication::WAIT),
    (Group::Generic, sort::COMMANDS),
    (Group::Hash, hash::COMMANDS),
    (Group::List, list::COMMANDS),
    (Group::Server, config::COMMANDS),
    (Group::Server, debug::COMMANDS),
    (Group::Pubsub, pubsub::COMMANDS),
    (Group::Server, observe::COMMANDS),
    (Group::Server, databases::COMMANDS),
    (Group::Server, keys::RESTORE_ASKING),
    (Group::Server, info::COMMANDS),
    (Group::Server, introspection::COMMANDS),
    (Group::Server, lolwut::COMMANDS),
    (Group::Server, memory::COMMANDS),
    (Group::Server, module::COMMANDS),
    (Group::Server, persistence::COMMANDS),
    (Group::Server, replication::COMMANDS),
    (Group::Server, server::COMMANDS),
    (Group::Set, set::COMMANDS),
    (Group::String, string::COMMANDS),
    (Group::Bitmap, bitmap::COMMANDS),
    (Group::Hyperloglog, hyperloglog::COMMANDS),
    (Group::Transactions, transaction::COMMANDS),
];

#[cfg(test)]
mod tests;
