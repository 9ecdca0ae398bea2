//! Tandem: a Redis-compatible server with built-in replication.

pub mod alloc;
pub mod command;
pub mod config;
pub mod engine;
pub mod keyspace;
pub mod log;
pub mod persistence;
pub mod replication;
pub mod resp;
pub mod server;
pub mod session;
pub mod time;
