//! Commands on a bare engine: what is answered, what is propagated, and that a follower ends up with the same data.

mod acl;
mod acl_rules;
mod admin;
mod bitmap;
mod client;
mod connection;
mod harness;
mod hash;
mod hash_expiry;
mod hyperloglog;
mod info;
mod keys;
mod list;
mod memory;
mod observe;
mod pubsub;
mod replication;
mod script;
mod set;
mod sort;
mod sorted_set;
mod string;
mod tracking;
mod transaction;
mod value;
