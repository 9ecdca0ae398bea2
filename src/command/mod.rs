//! Commands: one typed row beside each handler, from which everything else about a command is derived.
//!
//! A handler is synchronous, sees the parts that its `Context` borrows, never a socket and never a clock. What it
//! cannot do itself it returns as an `Outcome`; the engine acts on it. A family is one file or folder; adding a
//! command is adding a row to its family's `COMMANDS`.

mod acl;
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
mod failover;
mod fields;
mod geo;
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
mod rights;
mod sample;
mod scan;
mod script;
mod server;
mod set;
mod sort;
mod sorted_set;
mod spec;
mod stats;
mod stream;
mod string;
pub mod syntax;
mod table;
mod transaction;
mod unix_time;

pub use blocking::{BlockOn, Readiness};
pub use client::{close_clients, describe as describe_client, stop_tracking};
pub use context::{
    Args, Context, Loading, Origin, Outcome, Pause, ProcessUsage, SaveProgress, SaveState, ScriptRun, ServerFacts,
    ShutdownOptions,
};
pub use database::{Database, Expiry, deletion_verb, frequency, noted_access};
pub use debug::{Digest, keyspace_digest};
pub use effects::{Effects, Touched};
pub use error::CommandError;
pub use holds::Holds;
pub use key_spec::KeySpec;
pub use keys::{Migration, PackedKey};
pub use memory::{MemoryFigures, uncounted_bytes};
pub use pubsub::{publish, unsubscribe_all};
pub use replication::{replica_address, replica_name};
pub use rights::{Wish, acl_commands};
pub use script::{busy_with, script_flags};
pub use spec::{Channels, Command, Flags, Group, Handler};
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
    (Group::Geo, geo::COMMANDS),
    (Group::Generic, sort::COMMANDS),
    (Group::Hash, hash::COMMANDS),
    (Group::List, list::COMMANDS),
    (Group::Server, acl::COMMANDS),
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
    (Group::Server, failover::COMMANDS),
    (Group::Scripting, script::COMMANDS),
    (Group::Server, server::COMMANDS),
    (Group::Set, set::COMMANDS),
    (Group::Stream, stream::COMMANDS),
    (Group::SortedSet, sorted_set::COMMANDS),
    (Group::String, string::COMMANDS),
    (Group::Bitmap, bitmap::COMMANDS),
    (Group::Hyperloglog, hyperloglog::COMMANDS),
    (Group::Transactions, transaction::COMMANDS),
];

#[cfg(test)]
mod tests;
