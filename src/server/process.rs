//! The process as its surroundings see it: in the background or not, its pid file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Goes on in a child without a terminal; the parent exits. Must come before any thread is started.
pub fn daemonize() -> io::Result<()> {
    // SAFETY: no other thread runs yet, so the child has all that it needs. The working folder is kept.
    match unsafe { libc::daemon(1, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// A file with the process id in it, removed when dropped.
#[derive(Debug)]
pub struct PidFile(PathBuf);

impl PidFile {
    pub fn create(path: &Path) -> io::Result<PidFile> {
        fs::write(path, format!("{}\n", std::process::id()))?;
        Ok(PidFile(path.to_owned()))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Gone or not, the process ends.
        let _ = fs::remove_file(&self.0);
    }
}
