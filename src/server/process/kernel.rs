//! Settings of the kernel that contradict ours, told once at the start.
//!
//! Only those that matter here: nothing is forked, so memory overcommit and huge pages do what they like.

use std::fs;

const SOMAXCONN: &str = "/proc/sys/net/core/somaxconn";

/// The kernel caps the queue of connections that wait to be accepted.
pub fn check_backlog(tcp_backlog: u32) {
    let somaxconn = fs::read_to_string(SOMAXCONN).ok().and_then(|text| text.trim().parse::<u32>().ok());
    if let Some(somaxconn) = somaxconn.filter(|&somaxconn| somaxconn > 0 && somaxconn < tcp_backlog) {
        tracing::warn!(
            "WARNING: The TCP backlog setting of {tcp_backlog} cannot be enforced because {SOMAXCONN} is set to the \
             lower value of {somaxconn}."
        );
    }
}

/// Hardly anybody means a limit below 1 MB.
pub fn check_maxmemory(maxmemory: u64) {
    if maxmemory > 0 && maxmemory < 1024 * 1024 {
        tracing::warn!(
            "WARNING: You specified a maxmemory value that is less than 1MB (current value is {maxmemory} bytes). Are \
             you sure this is what you really want?"
        );
    }
}
