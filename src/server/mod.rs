//! The shell: the only place with clocks, files, sockets and signals.

pub mod disk;
