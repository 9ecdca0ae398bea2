//! A file with the process id in it, for those who stop us by it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where a daemon that was told no path leaves its id, as Redis does.
const DEFAULT_PATH: &str = "/var/run/redis.pid";

/// The file, removed when dropped.
#[derive(Debug)]
pub struct PidFile(PathBuf);

impl PidFile {
    /// The path to use: a daemon always has one.
    pub fn path(configured: Option<&Path>, is_daemon: bool) -> Option<PathBuf> {
        configured.map(Path::to_owned).or_else(|| is_daemon.then(|| DEFAULT_PATH.into()))
    }

    pub fn create(path: &Path) -> io::Result<PidFile> {
        fs::write(path, format!("{}\n", std::process::id()))?;
        // The working folder may change before the file goes.
        Ok(PidFile(std::path::absolute(path)?))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Gone or not, the process ends.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_daemon_has_a_pid_file_without_being_told() {
        let own = Path::new("/tmp/own.pid");
        assert_eq!(PidFile::path(None, false), None);
        assert_eq!(PidFile::path(None, true), Some(DEFAULT_PATH.into()));
        assert_eq!(PidFile::path(Some(own), false), Some(own.into()));
    }
}
