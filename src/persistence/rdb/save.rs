//! A file that is whole or not there: a temporary file, fsync, rename, fsync of the folder.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::persistence::disk::{Disk, DiskFile};

/// While a file grows, it is synced after this much, so that the last fsync does not stall the disk
/// (`rdb-save-incremental-fsync`).
const SYNC_BYTES: usize = 4 << 20;

/// Name of the temporary file of the process `pid`, as Redis names it.
pub fn temporary_name(pid: u32) -> PathBuf {
    PathBuf::from(format!("temp-{pid}.rdb"))
}

/// Creates or replaces the file `name` by what `write` writes. After an error the old file is as it was and the
/// temporary one is gone; only if the folder cannot be synced, the new file is there but may not survive a loss of power.
pub fn save<T>(
    disk: &dyn Disk,
    name: &Path,
    pid: u32,
    syncs_incrementally: bool,
    write: impl FnOnce(&mut dyn Write) -> io::Result<T>,
) -> io::Result<T> {
    let temporary = temporary_name(pid);
    let saved = write_synced(disk, &temporary, syncs_incrementally, write)
        .and_then(|value| disk.rename(&temporary, name).map(|()| value));
    match saved {
        Ok(value) => disk.sync_dir(Path::new("")).map(|()| value),
        Err(error) => {
            // The error at hand says more than one about the remains.
            let _ = disk.remove(&temporary);
            Err(error)
        }
    }
}

fn write_synced<T>(
    disk: &dyn Disk,
    name: &Path,
    syncs_incrementally: bool,
    write: impl FnOnce(&mut dyn Write) -> io::Result<T>,
) -> io::Result<T> {
    let mut sink = SyncingSink { file: disk.create(name)?, unsynced: 0, syncs_incrementally };
    let mut buffered = BufWriter::with_capacity(1 << 12, &mut sink);
    let value = write(&mut buffered)?;
    buffered.flush()?;
    drop(buffered);
    sink.file.sync()?;
    Ok(value)
}

struct SyncingSink {
    file: Box<dyn DiskFile>,
    unsynced: usize,
    syncs_incrementally: bool,
}

impl Write for SyncingSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.append(bytes)?;
        self.unsynced += bytes.len();
        if self.syncs_incrementally && self.unsynced >= SYNC_BYTES {
            self.file.sync()?;
            self.unsynced = 0;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
