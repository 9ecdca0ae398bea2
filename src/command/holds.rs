//! How long the lock is held and how long a ready client waits, while DEBUG HOLDS measures it.
//!
//! The shell records, since it has the clocks; nothing is paid while it is off.

use hdrhistogram::Histogram;

/// Two distributions in nanoseconds, up to a minute.
#[derive(Clone, Debug)]
pub struct Holds {
    /// CPU time of the holding thread per hold of the lock.
    pub cpu_ns: Histogram<u64>,
    /// From the moment a client's bytes were read until its reply was written.
    pub reply_ns: Histogram<u64>,
}

const MAX_NS: u64 = 60_000_000_000;

impl Default for Holds {
    fn default() -> Holds {
        let empty = || Histogram::new_with_max(MAX_NS, 3).expect("valid bounds");
        Holds { cpu_ns: empty(), reply_ns: empty() }
    }
}

impl Holds {
    pub fn record_hold(&mut self, cpu_ns: u64) {
        self.cpu_ns.saturating_record(cpu_ns);
    }

    pub fn record_reply(&mut self, ns: u64) {
        self.reply_ns.saturating_record(ns);
    }

    /// Name and value of each figure, for the reply.
    pub fn figures(&self) -> [(&'static str, u64); 7] {
        [
            ("holds", self.cpu_ns.len()),
            ("hold_cpu_ns_p99.99", self.cpu_ns.value_at_quantile(0.9999)),
            ("hold_cpu_ns_max", self.cpu_ns.max()),
            ("replies", self.reply_ns.len()),
            ("reply_ns_p99.9", self.reply_ns.value_at_quantile(0.999)),
            ("reply_ns_p99.99", self.reply_ns.value_at_quantile(0.9999)),
            ("reply_ns_max", self.reply_ns.max()),
        ]
    }
}
