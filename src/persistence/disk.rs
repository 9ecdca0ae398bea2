//! The disk as persistence sees it: one folder of files that are appended to, synced, renamed, read.
//!
//! The server has the real one. [`MemoryDisk`] is for tests: it tells what was written from what would survive a loss of
//! power. It neither tears nor reorders writes.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

/// A folder. Paths are relative to it.
pub trait Disk: Send + Sync {
    /// A new, empty file to append to; one of that name is emptied.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// A file to append to, behind what it has; created if it is missing.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    fn read(&self, path: &Path) -> io::Result<Box<dyn Read + Send>>;
    /// Replaces `to`, if it is there, at once.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes creations, renames and removals in the folder `path` durable; the empty path is the disk's own folder.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Names of the files in the folder `path`.
    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>>;
}

/// A file that is appended to.
pub trait DiskFile: Send {
    /// Writes all of `bytes` behind what is there.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes durable what was appended.
    fn sync(&mut self) -> io::Result<()>;
}

/// Files in memory. A clone is the same disk.
#[derive(Clone, Default)]
pub struct MemoryDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<PathBuf, Content>,
    /// The folder as its last sync left it.
    durable_names: BTreeMap<PathBuf, Content>,
    /// How many more calls that change something succeed.
    calls_left: Option<usize>,
}

type Content = Arc<Mutex<Bytes>>;

#[derive(Default)]
struct Bytes {
    written: Vec<u8>,
    durable_len: usize,
}

impl MemoryDisk {
    /// From now on `calls` changing calls succeed, and all others fail.
    pub fn fail_after(&self, calls: usize) {
        self.lock().calls_left = Some(calls);
    }

    /// The disk after a loss of power: what was not synced is gone.
    pub fn after_power_loss(&self) -> MemoryDisk {
        let state = self.lock();
        let survived = |(path, content): (&PathBuf, &Content)| {
            let content = content.lock().expect("no panic while a file is locked");
            let written = content.written[..content.durable_len].to_vec();
            (path.clone(), Arc::new(Mutex::new(Bytes { durable_len: written.len(), written })))
        };
        let files: BTreeMap<_, _> = state.durable_names.iter().map(survived).collect();
        let state = State { durable_names: files.clone(), files, calls_left: None };
        MemoryDisk { state: Arc::new(Mutex::new(state)) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while the disk is locked")
    }

    fn change(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.lock();
        match &mut state.calls_left {
            Some(0) => Err(io::Error::other("the disk fails")),
            Some(left) => {
                *left -= 1;
                Ok(state)
            }
            None => Ok(state),
        }
    }

    fn file(&self, content: Content) -> Box<dyn DiskFile> {
        Box::new(MemoryFile { disk: self.clone(), content })
    }
}

struct MemoryFile {
    disk: MemoryDisk,
    content: Content,
}

impl DiskFile for MemoryFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let _state = self.disk.change()?;
        self.content.lock().expect("no panic while a file is locked").written.extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let _state = self.disk.change()?;
        let mut content = self.content.lock().expect("no panic while a file is locked");
        content.durable_len = content.written.len();
        Ok(())
    }
}

impl Disk for MemoryDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let content = Content::default();
        self.change()?.files.insert(path.into(), content.clone());
        Ok(self.file(content))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let content = self.change()?.files.entry(path.into()).or_default().clone();
        Ok(self.file(content))
    }

    fn read(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        let state = self.lock();
        let content = state.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        let bytes = content.lock().expect("no panic while a file is locked").written.clone();
        Ok(Box::new(io::Cursor::new(bytes)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.change()?;
        let content = state.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.files.insert(to.into(), content);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let removed = self.change()?.files.remove(path);
        removed.map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.change()?;
        let State { files, durable_names, .. } = &mut *state;
        durable_names.retain(|name, _| name.parent() != Some(path));
        durable_names.extend(
            files.iter().filter(|(name, _)| name.parent() == Some(path)).map(|(name, c)| (name.clone(), c.clone())),
        );
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let state = self.lock();
        Ok(state.files.keys().filter(|name| name.parent() == Some(path)).cloned().collect())
    }
}
