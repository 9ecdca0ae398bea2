//! The process as its surroundings see it: in the background or not, its pid file, its title in process lists, the
//! init system that waits for it, what the kernel grants it and thinks of it.

pub mod kernel;
mod oom_score;
mod open_files;
mod pid_file;
mod supervisor;
mod title;

pub use oom_score::OomScore;
pub use open_files::{Shortage, allow_clients};
pub use pid_file::PidFile;
pub use supervisor::Supervisor;
pub use title::ProcessTitle;
use title::expand_title;

use std::ffi::CString;
use std::io;

use crate::config::Config;

/// Goes on in a child without a terminal; the parent exits. Must come before any thread is started.
pub fn daemonize() -> io::Result<()> {
    // SAFETY: no other thread runs yet, so the child has all that it needs. The working folder is kept.
    match unsafe { libc::daemon(1, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The number of a group that the system knows by name. Must not be called from two threads at once.
pub fn group_id(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: the answer is the C library's own memory, read before anybody can ask again: we ask at the start only.
    unsafe { libc::getgrnam(name.as_ptr()).as_ref().map(|group| group.gr_gid) }
}

/// What was prepared before there were threads, for as long as the process lives.
#[derive(Debug)]
pub struct Process {
    /// The name by which it was started.
    pub program: String,
    pub is_daemon: bool,
    pub supervisor: Supervisor,
    pub title: Option<ProcessTitle>,
}

impl Process {
    pub fn show_title(&self, config: &Config) {
        if let Some(title) = &self.title {
            title.show(&expand_title(config, &self.program, config.file.as_deref()));
        }
    }
}
