//! How far a long read has come: a bar on standard error, if somebody looks at it there.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const FORM: &str = "{bar:30} {percent}% of {total_bytes}, {binary_bytes_per_sec}, {eta} left";
/// Smaller files are read before anybody could look.
const MIN_BYTES: u64 = 8 << 20;
const UPDATES_PER_SECOND: u8 = 5;

/// A file that is read from its present place, and the bar that follows.
pub struct Watched {
    file: File,
    bar: ProgressBar,
}

impl Watched {
    pub fn open(path: &Path) -> io::Result<Watched> {
        Ok(Watched::of(File::open(path)?))
    }

    pub fn of(file: File) -> Watched {
        let size_bytes = file.metadata().map_or(0, |metadata| metadata.len());
        let bar = if size_bytes < MIN_BYTES { ProgressBar::hidden() } else { ProgressBar::new(size_bytes) };
        if let Ok(style) = ProgressStyle::with_template(FORM) {
            bar.set_style(style);
        }
        if size_bytes >= MIN_BYTES {
            // Where standard error is no terminal, nothing is drawn.
            bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(UPDATES_PER_SECOND));
        }
        Watched { file, bar }
    }
}

impl Read for Watched {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(out)?;
        self.bar.inc(count as u64);
        Ok(count)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
