//! How likely the kernel is to kill us when memory runs out: `/proc/self/oom_score_adj`.

use std::fs;
use std::io;

use crate::config::{OomScoreAdj, Settings};
use crate::server::config_file::reason;

const FILE: &str = "/proc/self/oom_score_adj";
const BOUND: i32 = 1000;

/// What the score follows from.
#[derive(Clone, Copy, Debug, Default)]
pub struct OomScore {
    how: OomScoreAdj,
    scores: [i32; 3],
    is_replica: bool,
    /// What the process was started with, while ours stands in its place.
    base: Option<i32>,
}

/// A score that can be gone back to: ours, and the kernel's.
pub type SavedScore = (OomScore, Option<i32>);

impl OomScore {
    /// Takes the directives over. What failed stands in the log.
    pub fn configure(&mut self, settings: &Settings) -> io::Result<()> {
        (self.how, self.scores) = (settings.oom_score_adj, settings.oom_scores);
        self.apply()
    }

    pub fn take_role(&mut self, is_replica: bool) {
        self.is_replica = is_replica;
        // Refused, it says so in the log.
        let _ = self.apply();
    }

    pub fn save(&self) -> SavedScore {
        (*self, read().ok())
    }

    /// Leaves the kernel's score alone unless it was touched.
    pub fn restore(&mut self, (saved, score): SavedScore) {
        let was_touched = self.base.is_some() || saved.base.is_some();
        *self = saved;
        if let Some(score) = score.filter(|_| was_touched) {
            // Refused, it says so in the log.
            let _ = write(score);
        }
    }

    fn apply(&mut self) -> io::Result<()> {
        let score = match (self.how, self.base) {
            (OomScoreAdj::No, None) => return Ok(()),
            (OomScoreAdj::No, Some(base)) => {
                self.base = None;
                base
            }
            (how, base) => {
                let base = base.map_or_else(read, Ok)?;
                self.base = Some(base);
                let wanted = self.scores[usize::from(self.is_replica)];
                let score = if how == OomScoreAdj::Relative { base + wanted } else { wanted };
                score.clamp(-BOUND, BOUND)
            }
        };
        write(score)
    }
}

fn read() -> io::Result<i32> {
    let text = fs::read_to_string(FILE);
    let text = text.inspect_err(|error| tracing::warn!("Unable to read oom_score_adj: {}", reason(error)))?;
    Ok(text.trim().parse().unwrap_or_default())
}

fn write(score: i32) -> io::Result<()> {
    let written = fs::write(FILE, format!("{score}\n"));
    written.inspect_err(|error| tracing::warn!("Unable to write oom_score_adj: {}", reason(error)))
}
