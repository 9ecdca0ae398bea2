//! From registers to a cardinality: the improved raw estimator of Otmar Ertl, "New cardinality estimation algorithms
//! for HyperLogLog sketches" (arXiv:1702.01284), algorithm 6.
//!
//! Operations stand in the order that gives Redis's estimate to the last digit.

use super::hash::{REGISTERS, RUN_BITS};

/// 1 / (2 ln 2)
const ALPHA: f64 = 0.721_347_520_444_481_7;

/// How many registers hold each value; 6 bits hold more values than a hash can give.
pub type Histogram = [u32; 64];

pub fn cardinality(histogram: &Histogram) -> u64 {
    let registers = REGISTERS as f64;
    let highest = RUN_BITS as usize + 1;
    let mut z = registers * tau((registers - f64::from(histogram[highest])) / registers);
    for &count in histogram[1..highest].iter().rev() {
        z = (z + f64::from(count)) * 0.5;
    }
    z += registers * sigma(f64::from(histogram[0]) / registers);
    let estimate = ALPHA * registers * registers / z;
    // Only made-up registers give no number; what Redis answers then fits no count either.
    if estimate.is_finite() { estimate.round() as u64 } else { 1 << 63 }
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_registers_have_seen_nothing_and_full_ones_no_number() {
        let all_hold = |value: usize| {
            let mut histogram = [0; 64];
            histogram[value] = REGISTERS as u32;
            histogram
        };
        assert_eq!(cardinality(&all_hold(0)), 0);
        assert_eq!(cardinality(&all_hold(60)), 1 << 63);
        let few = cardinality(&all_hold(1));
        assert!(few > REGISTERS as u64 && few < 3 * REGISTERS as u64, "{few}");
    }
}
