//! Latency events (Redis document "Latency monitoring"): for each kind of event the last 160 samples, one a second.

use std::collections::VecDeque;

/// Samples that are kept of each event.
const SAMPLES_MAX: usize = 160;

/// What may have made clients wait. Redis knows more: forks, files of the log, deletions of what is large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// A command that is not expected to be fast.
    Command,
    FastCommand,
    /// Keys whose time had come were deleted.
    ExpireCycle,
    /// Keys were evicted, several and one.
    EvictionCycle,
    EvictionDel,
}

/// The worst of one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    pub unix_s: i64,
    pub latency_ms: u64,
}

/// All that is known of one event.
#[derive(Clone, Debug)]
pub struct Series {
    pub event: Event,
    samples: VecDeque<Sample>,
    /// The worst ever, also if its sample is gone.
    pub worst_ms: u64,
}

/// Series of all events that have occurred.
#[derive(Debug, Default)]
pub struct LatencyMonitor {
    series: Vec<Series>,
    /// 0: nothing is noted.
    threshold_ms: u64,
}

impl Event {
    pub fn name(self) -> &'static str {
        match self {
            Event::Command => "command",
            Event::FastCommand => "fast-command",
            Event::ExpireCycle => "expire-cycle",
            Event::EvictionCycle => "eviction-cycle",
            Event::EvictionDel => "eviction-del",
        }
    }
}

impl Series {
    pub fn samples(&self) -> impl DoubleEndedIterator<Item = &Sample> + ExactSizeIterator {
        self.samples.iter()
    }

    /// The latest; a series begins with a sample.
    pub fn latest(&self) -> Sample {
        self.samples[self.samples.len() - 1]
    }

    fn add(&mut self, sample: Sample) {
        self.worst_ms = self.worst_ms.max(sample.latency_ms);
        match self.samples.back_mut().filter(|last| last.unix_s == sample.unix_s) {
            Some(last) => last.latency_ms = last.latency_ms.max(sample.latency_ms),
            None => self.samples.push_back(sample),
        }
        if self.samples.len() > SAMPLES_MAX {
            self.samples.pop_front();
        }
    }
}

impl LatencyMonitor {
    pub(super) fn configure(&mut self, threshold_ms: u64) {
        self.threshold_ms = threshold_ms;
    }

    /// The least time that is noted; none reaches the greatest number.
    pub fn threshold_ms(&self) -> u64 {
        if self.threshold_ms == 0 { u64::MAX } else { self.threshold_ms }
    }

    pub fn is_on(&self) -> bool {
        self.threshold_ms != 0
    }

    /// Notes an event if it took long enough.
    pub fn observe(&mut self, event: Event, ns: u64, unix_s: i64) {
        let latency_ms = ns / 1_000_000;
        if latency_ms < self.threshold_ms() {
            return;
        }
        let sample = Sample { unix_s, latency_ms };
        match self.series.iter_mut().find(|series| series.event == event) {
            Some(series) => series.add(sample),
            None => {
                self.series.push(Series { event, samples: VecDeque::from([sample]), worst_ms: latency_ms });
                self.series.sort_by_key(|series| series.event);
            }
        }
    }

    pub fn series(&self) -> &[Series] {
        &self.series
    }

    pub fn named(&self, name: &[u8]) -> Option<&Series> {
        self.series.iter().find(|series| series.event.name().as_bytes() == name)
    }

    /// Forgets the events that `is_meant`; answers how many had samples.
    pub fn reset(&mut self, mut is_meant: impl FnMut(Event) -> bool) -> usize {
        let before = self.series.len();
        self.series.retain(|series| !is_meant(series.event));
        before - self.series.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn a_second_keeps_its_worst_sample() {
        let mut monitor = LatencyMonitor::default();
        monitor.observe(Event::Command, 500 * MS, 1);
        assert!(monitor.series().is_empty(), "off by default");
        monitor.configure(100);
        for (ms, unix_s) in [(99, 1), (200, 1), (300, 1), (250, 1), (150, 2)] {
            monitor.observe(Event::Command, ms * MS, unix_s);
        }
        let series = monitor.named(b"command").unwrap();
        let samples: Vec<_> = series.samples().map(|sample| (sample.unix_s, sample.latency_ms)).collect();
        assert_eq!((samples, series.worst_ms), (vec![(1, 300), (2, 150)], 300));
        assert_eq!(monitor.reset(|event| event == Event::FastCommand), 0);
        assert_eq!(monitor.reset(|_| true), 1);
        assert!(monitor.series().is_empty());
    }

    #[test]
    fn old_samples_leave_but_the_worst_stays_known() {
        let mut monitor = LatencyMonitor::default();
        monitor.configure(1);
        monitor.observe(Event::ExpireCycle, 900 * MS, 0);
        (1..=200).for_each(|second| monitor.observe(Event::ExpireCycle, 2 * MS, second));
        let series = &monitor.series()[0];
        assert_eq!((series.samples().len(), series.worst_ms, series.latest().unix_s), (160, 900, 200));
    }
}
