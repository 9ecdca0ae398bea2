//! The shell: the only place with clocks, files, sockets and signals.

pub mod banner;
pub mod config_file;
pub mod disk;
pub mod logging;
pub mod process;
