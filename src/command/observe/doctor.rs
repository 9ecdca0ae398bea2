//! LATENCY DOCTOR: what the noted events may mean and what can be done, for people to read.

use std::fmt::Write;

use crate::metrics::{Event, LatencyMonitor, Series};

/// A slow log that begins above this tells too little about slow commands.
const SLOWLOG_MAX_US: i64 = 100_000;

/// The report, in lines.
pub(super) fn report(monitor: &LatencyMonitor, slowlog_slower_than_us: i64) -> String {
    if !monitor.is_on() && monitor.series().is_empty() {
        return "Latency monitoring is off: nothing is noted. \"CONFIG SET latency-monitor-threshold \
                <milliseconds>\" turns it on.\n"
            .to_owned();
    }
    if monitor.series().is_empty() {
        return "No event took longer than latency-monitor-threshold: nothing made clients wait.\n".to_owned();
    }
    let mut text = "Events that made clients wait:\n\n".to_owned();
    for (number, series) in monitor.series().iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}. {}", number + 1, findings(series));
    }
    text.push_str("\nWhat can be done:\n\n");
    for advice in advices(monitor, slowlog_slower_than_us) {
        let _ = writeln!(text, "- {advice}");
    }
    text
}

fn findings(series: &Series) -> String {
    let values: Vec<u64> = series.samples().map(|sample| sample.latency_ms).collect();
    let count = values.len() as u64;
    let average = values.iter().sum::<u64>() / count;
    let deviation = values.iter().map(|value| value.abs_diff(average)).sum::<u64>() / count;
    let first_s = series.samples().next().map_or(0, |sample| sample.unix_s);
    let span_s = series.latest().unix_s - first_s;
    let period = if count > 1 { span_s as f64 / (count - 1) as f64 } else { 0.0 };
    format!(
        "{}: {count} latency spikes (average {average}ms, mean deviation {deviation}ms, period {period:.2} sec). \
         Worst all time event {}ms.",
        series.event.name(),
        series.worst_ms
    )
}

fn advices(monitor: &LatencyMonitor, slowlog_slower_than_us: i64) -> Vec<&'static str> {
    let seen = |events: &[Event]| monitor.series().iter().any(|series| events.contains(&series.event));
    let commands = seen(&[Event::Command, Event::FastCommand]);
    let table = [
        (
            commands && !(0..=SLOWLOG_MAX_US).contains(&slowlog_slower_than_us),
            "The slow log notes little or nothing: let slowlog-log-slower-than be a few milliseconds.",
        ),
        (seen(&[Event::Command]), "SLOWLOG GET shows which commands took long, with their arguments."),
        (
            seen(&[Event::FastCommand]),
            "Commands that are fast by nature were slow: look for other load on the machine, swapping (the columns si \
             and so of vmstat), or a virtual machine that is short of CPU time (column st).",
        ),
        (seen(&[Event::ExpireCycle]), "Many keys expire at the same time: spread their expiries by a random part."),
        (
            seen(&[Event::EvictionCycle, Event::EvictionDel]),
            "Evictions take long: writes come in large bursts, or maxmemory was lowered by much at once.",
        ),
    ];
    table.into_iter().filter(|(applies, _)| *applies).map(|(_, advice)| advice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::metrics::Metrics;

    #[test]
    fn the_report_knows_off_quiet_and_eventful() {
        let mut metrics = Metrics::default();
        assert!(report(&metrics.latency, 10_000).contains("is off"));
        let mut config = Config::default();
        config.overwrite("latency-monitor-threshold", b"10").unwrap();
        metrics.configure(&config);
        assert!(report(&metrics.latency, 10_000).contains("nothing made clients wait"));
        for (ms, unix_s) in [(20, 1), (50, 2), (100, 3)] {
            metrics.latency.observe(Event::Command, ms * 1_000_000, unix_s);
        }
        let text = report(&metrics.latency, -1);
        let line = "1. command: 3 latency spikes (average 56ms, mean deviation 28ms, period 1.00 sec). Worst all time \
                    event 100ms.\n";
        assert!(text.contains(line) && text.contains("slowlog-log-slower-than"), "{text}");
        assert!(!text.contains("expire"), "{text}");
    }
}
