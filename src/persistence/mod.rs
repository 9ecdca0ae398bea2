//! Data at rest: the RDB format in both directions, and the disk that persistence writes through.
//!
//! Nothing here knows sockets, clocks or real files: bytes come from a `Read`, go to a `Write` or a [`disk::Disk`],
//! and the time is an argument.

pub mod disk;
pub mod rdb;
