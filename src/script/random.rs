//! `math.random`: the 48-bit generator of C's drand48 family, so that a seed gives the same numbers on any server.

const MULTIPLIER: u64 = 0x5_DEEC_E66D;
const INCREMENT: u64 = 0xB;
const MASK: u64 = (1 << 48) - 1;
/// The low bits of every seed.
const SEED_LOW: u64 = 0x330E;
const START: u64 = 0x1234_ABCD_330E;

#[derive(Clone, Copy, Debug)]
pub struct Random(u64);

impl Default for Random {
    fn default() -> Random {
        Random(START)
    }
}

impl Random {
    pub fn seeded(seed: i32) -> Random {
        Random(u64::from(seed as u32) << 16 | SEED_LOW)
    }

    /// From 0 up to, but not, 1.
    pub fn draw(&mut self) -> f64 {
        const MAX: i32 = i32::MAX;
        self.0 = self.0.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT) & MASK;
        f64::from((self.0 >> 17) as i32 % MAX) / f64::from(MAX)
    }
}
