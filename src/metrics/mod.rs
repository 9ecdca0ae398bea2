//! What the server counts of itself: calls and times of each command, errors by their code, requests worth a note,
//! latency events.
//!
//! It knows commands by number and name only, no clock and no client: the engine says what happened, how long it took
//! and when. INFO, SLOWLOG, COMMANDLOG and LATENCY show it, CONFIG RESETSTAT clears the counters.

mod command_log;
mod commands;
mod errors;
mod latency;

pub use command_log::{CommandLog, CommandLogs, LogKind, Note, Trimmed};
pub use commands::{CommandStats, CommandsStats};
pub use errors::ErrorStats;
pub use latency::{Event, LatencyMonitor, Sample, Series};

use crate::config::Settings;

/// All of it.
#[derive(Default)]
pub struct Metrics {
    pub commands: CommandsStats,
    pub errors: ErrorStats,
    pub logs: CommandLogs,
    pub latency: LatencyMonitor,
    pub thresholds: Thresholds,
}

/// Above which a request is more than a number; set anew when a directive changes.
#[derive(Clone, Copy, Debug)]
pub struct Thresholds {
    /// The least time that is noted anywhere.
    pub ns: u64,
    pub request_bytes: usize,
    pub reply_bytes: usize,
}

impl Default for Thresholds {
    fn default() -> Thresholds {
        Thresholds { ns: u64::MAX, request_bytes: usize::MAX, reply_bytes: usize::MAX }
    }
}

impl Metrics {
    /// For the directives as they are now.
    pub fn configure(&mut self, settings: &Settings) {
        self.commands.is_tracking_latency = settings.latency_tracking;
        self.logs.configure(settings);
        self.latency.configure(settings.latency_monitor_threshold_ms);
        self.thresholds = Thresholds {
            ns: self
                .logs
                .slow
                .threshold()
                .saturating_mul(1000)
                .min(self.latency.threshold_ms().saturating_mul(1_000_000)),
            request_bytes: self.logs.large_requests.threshold().try_into().unwrap_or(usize::MAX),
            reply_bytes: self.logs.large_replies.threshold().try_into().unwrap_or(usize::MAX),
        };
    }

    /// CONFIG RESETSTAT.
    pub fn reset_counters(&mut self) {
        self.commands.reset();
        self.errors.reset();
    }
}
