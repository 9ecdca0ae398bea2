//! The figures of one row and how they are shown: the median of the rounds, both sides, and their ratio.

/// What one round of one side gave, in the order of the row: name with unit, value.
pub type Figures = Vec<(String, f64)>;

/// The rounds of both sides.
#[derive(Default)]
pub struct Report {
    pub server: Vec<Figures>,
    pub peer: Vec<Figures>,
}

impl Report {
    pub fn print(&self) {
        println!("  {:<34} {:>12} {:>12} {:>8}", "median of the rounds", "server", "peer", "ratio");
        for (index, (name, _)) in self.server[0].iter().enumerate() {
            let (server, peer) = (median(&self.server, index), median(&self.peer, index));
            // Nothing beside nothing has no ratio.
            let ratio = if peer == 0.0 { "-".to_owned() } else { format!("{:.2}", server / peer) };
            println!("  {name:<34} {:>12} {:>12} {ratio:>8}", shown(server), shown(peer));
        }
    }
}

fn median(rounds: &[Figures], index: usize) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(|figures| figures[index].1).collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

fn shown(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

/// The value below which `share` of the sorted samples lie.
pub fn percentile(sorted: &[u32], share: f64) -> f64 {
    let last = sorted.len().checked_sub(1).expect("samples");
    f64::from(sorted[((last as f64) * share).round() as usize])
}
