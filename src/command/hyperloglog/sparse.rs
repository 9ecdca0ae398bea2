//! The sparse encoding: runs of registers that hold the same value, in one or two bytes each.
//!
//! `00llllll` is a run of 1 to 64 zeros, `01llllll llllllll` one of 1 to 16,384 zeros, `1vvvvvll` one of 1 to 4
//! registers that hold 1 to 32; lengths and values are stored less one. How a run is split and which neighbours are
//! joined afterwards follows Redis, so that equal elements give equal bytes.

use super::estimate::Histogram;
use super::hash::{Observation, REGISTERS};
use super::sketch::Corrupted;

/// Higher values need the dense encoding.
const VALUE_MAX: u8 = 32;
const VALUES_MAX: usize = 4;
const SHORT_ZEROS_MAX: usize = 64;
/// After a change so many runs are looked at for neighbours to join.
const JOIN_SCAN: usize = 5;

/// All registers are zero.
pub const EMPTY: [u8; 2] = zeros(REGISTERS);

/// A run as it stands in the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Where its code begins.
    at: usize,
    /// Bytes of its code.
    size: usize,
    /// Registers.
    pub len: usize,
    /// What they hold.
    pub value: u8,
}

impl Run {
    /// The run whose code begins at byte `at`, which exists.
    fn at(bytes: &[u8], at: usize) -> Run {
        let code = bytes[at];
        let low = usize::from(code & 0x3f);
        match code >> 6 {
            0 => Run { at, size: 1, len: low + 1, value: 0 },
            1 => {
                let next = bytes.get(at + 1).copied().unwrap_or(0);
                Run { at, size: 2, len: (low << 8 | usize::from(next)) + 1, value: 0 }
            }
            _ => Run { at, size: 1, len: usize::from(code & 3) + 1, value: (code >> 2 & 0x1f) + 1 },
        }
    }

    fn end(&self) -> usize {
        self.at + self.size
    }

    /// As PFDEBUG DECODE shows it.
    pub fn shown(&self) -> String {
        match (self.value, self.size) {
            (0, 1) => format!("z:{}", self.len),
            (0, _) => format!("Z:{}", self.len),
            (value, _) => format!("v:{value},{}", self.len),
        }
    }
}

const fn zeros(len: usize) -> [u8; 2] {
    let len = len - 1;
    [0x40 | (len >> 8) as u8, len as u8]
}

fn values(value: u8, len: usize) -> u8 {
    0x80 | (value - 1) << 2 | (len - 1) as u8
}

/// The runs in order.
pub fn runs(bytes: &[u8]) -> impl Iterator<Item = Run> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let run = (at < bytes.len()).then(|| Run::at(bytes, at))?;
        at = run.end();
        Some(run)
    })
}

/// Calls `each` with the first register of each run and the run; an error unless they make up all registers.
pub fn walk(bytes: &[u8], mut each: impl FnMut(usize, Run)) -> Result<(), Corrupted> {
    let mut first = 0;
    for run in runs(bytes) {
        if first + run.len > REGISTERS {
            return Err(Corrupted);
        }
        each(first, run);
        first += run.len;
    }
    if first == REGISTERS { Ok(()) } else { Err(Corrupted) }
}

pub fn count(bytes: &[u8], histogram: &mut Histogram) -> Result<(), Corrupted> {
    walk(bytes, |_, run| histogram[usize::from(run.value)] += run.len as u32)
}

/// A run that holds a register.
struct Found {
    run: Run,
    /// The run's first register.
    first: usize,
    /// Where the run before it begins, or it does.
    previous: usize,
}

fn find(bytes: &[u8], register: usize) -> Result<Found, Corrupted> {
    let (mut first, mut previous) = (0, 0);
    for run in runs(bytes) {
        if register < first + run.len {
            let is_whole = run.end() <= bytes.len();
            return if is_whole { Ok(Found { run, first, previous }) } else { Err(Corrupted) };
        }
        previous = run.at;
        first += run.len;
    }
    Err(Corrupted)
}

/// Whether `observe` would raise the register.
pub fn is_raised_by(bytes: &[u8], seen: Observation) -> Result<bool, Corrupted> {
    Ok(find(bytes, seen.register)?.run.value < seen.run)
}

/// What became of an observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The register holds as much.
    Known,
    Raised,
    /// The value, or the bytes, would be too many: the dense encoding must take it.
    TooMuch,
}

/// Raises a register to what was observed, in at most `bytes_max` bytes where bytes are added.
pub fn observe(bytes: &mut Vec<u8>, seen: Observation, bytes_max: usize) -> Result<Outcome, Corrupted> {
    if seen.run > VALUE_MAX {
        return Ok(Outcome::TooMuch);
    }
    let Found { run, first, previous } = find(bytes, seen.register)?;
    if run.value >= seen.run {
        return Ok(Outcome::Known);
    }
    let mut codes = Vec::with_capacity(5);
    push(&mut codes, run.value, seen.register - first);
    push(&mut codes, seen.run, 1);
    push(&mut codes, run.value, first + run.len - 1 - seen.register);
    if codes.len() > run.size && bytes.len() + codes.len() - run.size > bytes_max {
        return Ok(Outcome::TooMuch);
    }
    bytes.splice(run.at..run.end(), codes);
    join(bytes, previous);
    Ok(Outcome::Raised)
}

/// The code of a run, none of an empty one.
fn push(codes: &mut Vec<u8>, value: u8, len: usize) {
    match (value, len) {
        (_, 0) => {}
        (0, 1..=SHORT_ZEROS_MAX) => codes.push(len as u8 - 1),
        (0, _) => codes.extend(zeros(len)),
        _ => codes.push(values(value, len)),
    }
}

/// Joins neighbours that hold the same value, from byte `at` on.
fn join(bytes: &mut Vec<u8>, mut at: usize) {
    for _ in 0..JOIN_SCAN {
        if at >= bytes.len() {
            return;
        }
        let run = Run::at(bytes, at);
        let next = (run.end() < bytes.len()).then(|| Run::at(bytes, run.end()));
        match next {
            Some(next) if run.value > 0 && next.value == run.value && run.len + next.len <= VALUES_MAX => {
                bytes.remove(next.at);
                bytes[at] = values(run.value, run.len + next.len);
            }
            _ => at = run.end(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> String {
        runs(bytes).map(|run| run.shown()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn runs_are_split_and_joined() {
        let mut bytes = EMPTY.to_vec();
        for (register, run, expected) in [
            (100, 3, "Z:100 v:3,1 Z:16283"),
            (101, 3, "Z:100 v:3,2 Z:16282"),
            (0, 1, "v:1,1 Z:99 v:3,2 Z:16282"),
            (99, 3, "v:1,1 Z:98 v:3,3 Z:16282"),
            (100, 4, "v:1,1 Z:98 v:3,1 v:4,1 v:3,1 Z:16282"),
            (16_383, 32, "v:1,1 Z:98 v:3,1 v:4,1 v:3,1 Z:16281 v:32,1"),
            (50, 1, "v:1,1 z:49 v:1,1 z:48 v:3,1 v:4,1 v:3,1 Z:16281 v:32,1"),
        ] {
            let seen = Observation { register, run };
            assert_eq!(is_raised_by(&bytes, seen), Ok(true));
            assert_eq!(observe(&mut bytes, seen, 3_000), Ok(Outcome::Raised));
            assert_eq!(shown(&bytes), expected);
            assert_eq!(observe(&mut bytes, seen, 3_000), Ok(Outcome::Known));
        }
    }

    #[test]
    fn what_needs_the_dense_encoding_changes_nothing() {
        let mut bytes = EMPTY.to_vec();
        for (seen, bytes_max) in
            [(Observation { register: 5, run: 33 }, 3_000), (Observation { register: 5, run: 1 }, 3)]
        {
            assert_eq!(observe(&mut bytes, seen, bytes_max), Ok(Outcome::TooMuch));
            assert_eq!(bytes, EMPTY);
        }
    }

    #[test]
    fn runs_that_are_no_16384_registers_are_corrupted() {
        let seen = Observation { register: 16_383, run: 1 };
        for bytes in [&[][..], &[0x3f], &[0x7f], &[0x7f, 0xfe], &[0x7f, 0xff, 0x00], &[0x80; 20_000]] {
            assert_eq!(walk(bytes, |_, _| {}), Err(Corrupted), "{:?}", bytes.get(..4));
        }
        assert_eq!(observe(&mut vec![0x40], seen, 3_000), Err(Corrupted));
        assert_eq!(observe(&mut vec![0x7f], Observation { register: 0, run: 1 }, 3_000), Err(Corrupted));
    }
}
