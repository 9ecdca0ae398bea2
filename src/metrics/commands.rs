//! Calls, times and failures of each command, by the number of its row.

use hdrhistogram::Histogram;

/// The longest time that a histogram tells apart from longer ones, as in Redis: a second.
const LONGEST_NS: u64 = 1_000_000_000;
/// Two decimal digits are kept of each time.
const DIGITS: u8 = 2;

/// What happened to one command since the last reset.
#[derive(Clone, Debug, Default)]
pub struct CommandStats {
    pub calls: u64,
    pub total_ns: u64,
    /// Refused before they ran.
    pub rejected: u64,
    /// Answered with an error by their handler.
    pub failed: u64,
    /// Nanoseconds of each call; made with the first.
    pub times: Option<Box<Histogram<u64>>>,
}

/// One entry per row that was ever used.
#[derive(Debug, Default)]
pub struct CommandsStats {
    rows: Vec<CommandStats>,
    /// `latency-tracking`.
    pub is_tracking_latency: bool,
}

impl CommandsStats {
    /// For a table of so many rows.
    pub fn with_rows(count: usize) -> CommandsStats {
        CommandsStats { rows: vec![CommandStats::default(); count], is_tracking_latency: true }
    }

    /// One call, `ns` long.
    #[inline]
    pub fn called(&mut self, row: u16, ns: u64) {
        let stats = &mut self.rows[usize::from(row)];
        stats.calls += 1;
        stats.total_ns += ns;
        if self.is_tracking_latency {
            match &mut stats.times {
                Some(times) => times.saturating_record(ns.max(1)),
                None => stats.times = Some(Box::new(first_time(ns))),
            }
        }
    }

    pub fn failed(&mut self, row: u16) {
        self.rows[usize::from(row)].failed += 1;
    }

    pub fn rejected(&mut self, row: u16) {
        self.rows[usize::from(row)].rejected += 1;
    }

    pub fn of(&self, row: u16) -> &CommandStats {
        &self.rows[usize::from(row)]
    }

    pub fn reset(&mut self) {
        self.rows.fill(CommandStats::default());
    }
}

#[cold]
fn first_time(ns: u64) -> Histogram<u64> {
    let mut times = Histogram::new_with_bounds(1, LONGEST_NS, DIGITS).expect("bounds that hdrhistogram accepts");
    times.saturating_record(ns.max(1));
    times
}

impl CommandStats {
    /// Neither called nor refused: nothing to show.
    pub fn is_empty(&self) -> bool {
        self.calls == 0 && self.rejected == 0 && self.failed == 0
    }

    pub fn total_us(&self) -> u64 {
        self.total_ns / 1000
    }

    pub fn us_per_call(&self) -> f64 {
        if self.calls == 0 { 0.0 } else { self.total_us() as f64 / self.calls as f64 }
    }

    /// The time in microseconds that `percentile` percent of the calls did not exceed.
    pub fn percentile_us(&self, percentile: f64) -> Option<f64> {
        self.times.as_ref().map(|times| times.value_at_percentile(percentile) as f64 / 1000.0)
    }

    /// (microseconds, calls that took at most so long) in steps of a doubling, as far as the number grows.
    pub fn cumulative_us(&self) -> Vec<(u64, u64)> {
        const FIRST_NS: u64 = 1024;
        let Some(times) = &self.times else { return Vec::new() };
        let mut steps = Vec::new();
        let mut sum = 0;
        for step in times.iter_log(FIRST_NS, 2.0) {
            if step.count_since_last_iteration() > 0 {
                sum += step.count_since_last_iteration();
                steps.push((times.highest_equivalent(step.value_iterated_to()) / 1000, sum));
            }
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_add_up_and_reset() {
        let mut stats = CommandsStats::with_rows(2);
        stats.called(1, 1_500);
        stats.called(1, 500);
        stats.failed(1);
        stats.rejected(0);
        let row = stats.of(1);
        assert_eq!((row.calls, row.total_us(), row.us_per_call(), row.failed), (2, 2, 1.0, 1));
        assert_eq!((stats.of(0).calls, stats.of(0).rejected), (0, 1));
        stats.reset();
        assert!(stats.of(0).is_empty() && stats.of(1).is_empty());
        assert_eq!(stats.of(1).percentile_us(50.0), None);
    }

    #[test]
    fn percentiles_keep_two_digits() {
        let mut stats = CommandsStats::with_rows(1);
        (1..=1000).for_each(|us| stats.called(0, us * 1000));
        for (percentile, us) in [(50.0, 500.0), (99.0, 990.0), (100.0, 1000.0)] {
            let measured = stats.of(0).percentile_us(percentile).unwrap();
            assert!((measured - us).abs() / us < 0.01, "p{percentile}: {measured}");
        }
    }

    #[test]
    fn histogram_steps_double_and_sum_up() {
        let mut stats = CommandsStats::with_rows(1);
        [500, 900, 3_000, 30_000, 5_000_000_000].map(|ns| stats.called(0, ns));
        let steps = stats.of(0).cumulative_us();
        assert_eq!(steps.iter().map(|step| step.1).collect::<Vec<_>>(), [2, 3, 4, 5]);
        assert_eq!(steps[0].0, 1);
        assert!(steps.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn nothing_is_kept_of_times_that_are_not_tracked() {
        let mut stats = CommandsStats::with_rows(1);
        stats.is_tracking_latency = false;
        stats.called(0, 1_000);
        assert_eq!(stats.of(0).calls, 1);
        assert!(stats.of(0).cumulative_us().is_empty());
    }
}
