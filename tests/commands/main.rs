//! Commands on a bare engine: what is answered, what is propagated, and that a follower ends up with the same data.

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
mod set;
mod sort;
mod string;
mod tracking;
mod transaction;
mod value;
