//! LATENCY GRAPH: the history of an event as a small picture of characters, one column per sample, oldest left.

use crate::metrics::{Sample, Series};

/// Columns at most: what a terminal shows.
const COLUMNS: usize = 80;
const ROWS: usize = 4;
/// Tops within a row, from low to high.
const TOPS: [char; 3] = ['_', 'o', '#'];

/// Title, picture, and below each column how long ago it was.
pub(super) fn draw(series: &Series, now_s: i64) -> String {
    let newest = series.samples().len().saturating_sub(COLUMNS);
    let samples: Vec<Sample> = series.samples().skip(newest).copied().collect();
    let values = || samples.iter().map(|sample| sample.latency_ms);
    let (high, low) = (values().max().unwrap_or(0), values().min().unwrap_or(0));
    let (name, worst) = (series.event.name(), series.worst_ms);
    let mut text =
        format!("{name} - high {high} ms, low {low} ms (all time high {worst} ms)\n{}\n", "-".repeat(COLUMNS));
    for row in (0..ROWS).rev() {
        line(&mut text, values().map(|value| cell(level(value, low, high), row)));
    }
    text.push('\n');
    let labels: Vec<Vec<char>> = samples.iter().map(|sample| ago(now_s - sample.unix_s)).collect();
    let height = labels.iter().map(Vec::len).max().unwrap_or(0);
    for row in 0..height {
        line(&mut text, labels.iter().map(|label| label.get(row).copied().unwrap_or(' ')));
    }
    text
}

fn line(text: &mut String, cells: impl Iterator<Item = char>) {
    text.extend(cells);
    text.push('\n');
}

/// Steps from the bottom: three in each row.
fn level(value: u64, low: u64, high: u64) -> usize {
    let steps = (ROWS * TOPS.len() - 1) as u64;
    if high == low { 0 } else { ((value - low) * steps / (high - low)) as usize }
}

fn cell(level: usize, row: usize) -> char {
    match (level / TOPS.len()).cmp(&row) {
        std::cmp::Ordering::Less => ' ',
        std::cmp::Ordering::Equal => TOPS[level % TOPS.len()],
        std::cmp::Ordering::Greater => '|',
    }
}

/// `15s`, `3m`, `2h`, `4d`, to be read downward.
fn ago(seconds: i64) -> Vec<char> {
    let seconds = seconds.max(0);
    let (count, unit) = match seconds {
        0..60 => (seconds, 's'),
        60..3600 => (seconds / 60, 'm'),
        3600..86_400 => (seconds / 3600, 'h'),
        _ => (seconds / 86_400, 'd'),
    };
    format!("{count}{unit}").chars().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::metrics::{Event, Metrics};

    #[test]
    fn samples_stand_side_by_side_with_their_age_below() {
        let mut config = Config::default();
        config.overwrite("latency-monitor-threshold", b"1").unwrap();
        let mut metrics = Metrics::default();
        metrics.configure(&config);
        for (ms, unix_s) in [(20, 100), (50, 160), (100, 161)] {
            metrics.latency.observe(Event::Command, ms * 1_000_000, unix_s);
        }
        let picture = draw(metrics.latency.named(b"command").unwrap(), 164);
        let dashes = "-".repeat(COLUMNS);
        let title = "command - high 100 ms, low 20 ms (all time high 100 ms)";
        assert_eq!(picture, format!("{title}\n{dashes}\n  #\n  |\n o|\n_||\n\n143\nmss\n"), "{picture}");
    }

    #[test]
    fn ages_have_one_unit() {
        let text = |seconds| ago(seconds).into_iter().collect::<String>();
        assert_eq!([text(-1), text(59), text(3599), text(7200), text(180_000)], ["0s", "59s", "59m", "2h", "2d"]);
    }
}
