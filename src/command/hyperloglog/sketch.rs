//! A HyperLogLog as a string: `HYLL`, a byte for the encoding, three unused ones, the cached cardinality in eight
//! bytes, the lowest first, whose highest bit says that it is out of date; then the registers.

use super::dense;
use super::estimate::{Histogram, cardinality};
use super::hash::{Observation, REGISTERS};
use super::sparse::{self, Outcome};

const MAGIC: &[u8] = b"HYLL";
const ENCODING_AT: usize = 4;
/// Where the cached cardinality stands.
pub const CACHE_AT: usize = 8;
const HEADER: usize = 16;
const OUT_OF_DATE: u64 = 1 << 63;

/// The registers are not what their encoding wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupted;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Dense,
    Sparse,
}

/// Registers, one byte each.
pub type Registers = [u8; REGISTERS];

/// A HyperLogLog in place. Its header is right, its registers may be anything.
#[derive(Clone, Copy)]
pub struct Sketch<'a> {
    bytes: &'a [u8],
    encoding: Encoding,
}

impl<'a> Sketch<'a> {
    /// `None` if the string is no HyperLogLog.
    pub fn of(bytes: &'a [u8]) -> Option<Sketch<'a>> {
        let is_marked = bytes.len() >= HEADER && bytes.starts_with(MAGIC);
        let encoding = match bytes.get(ENCODING_AT).filter(|_| is_marked)? {
            0 if bytes.len() == HEADER + dense::BYTES => Encoding::Dense,
            1 => Encoding::Sparse,
            _ => return None,
        };
        Some(Sketch { bytes, encoding })
    }

    pub fn encoding(self) -> Encoding {
        self.encoding
    }

    fn registers(self) -> &'a [u8] {
        &self.bytes[HEADER..]
    }

    /// The cardinality as it was last computed, if nothing was added since.
    pub fn cached(self) -> Option<u64> {
        let (cache, _) = self.bytes[CACHE_AT..].as_chunks::<8>();
        Some(u64::from_le_bytes(cache[0])).filter(|cached| cached & OUT_OF_DATE == 0)
    }

    /// The cardinality by the registers.
    pub fn cardinality(self) -> Result<u64, Corrupted> {
        count(self.encoding, self.registers())
    }

    /// Raises each register to what the one here holds.
    pub fn merge_into(self, registers: &mut Registers) -> Result<(), Corrupted> {
        match self.encoding {
            Encoding::Dense => {
                let pairs = registers.iter_mut().zip(dense::registers(self.registers()));
                pairs.for_each(|(register, value)| *register = value.max(*register));
                Ok(())
            }
            Encoding::Sparse => sparse::walk(self.registers(), |first, run| {
                registers[first..first + run.len].iter_mut().for_each(|value| *value = run.value.max(*value));
            }),
        }
    }

    /// Whether an element would raise a register.
    pub fn is_raised_by(self, seen: Observation) -> Result<bool, Corrupted> {
        match self.encoding {
            Encoding::Dense => Ok(dense::is_raised_by(self.registers(), seen)),
            Encoding::Sparse => sparse::is_raised_by(self.registers(), seen),
        }
    }

    /// The runs of a sparse one, as text.
    pub fn shown_runs(self) -> Option<String> {
        let runs = || sparse::runs(self.registers()).map(|run| run.shown()).collect::<Vec<_>>().join(" ");
        (self.encoding == Encoding::Sparse).then(runs)
    }
}

fn count(encoding: Encoding, registers: &[u8]) -> Result<u64, Corrupted> {
    let mut histogram: Histogram = [0; 64];
    match encoding {
        Encoding::Dense => dense::count(registers, &mut histogram),
        Encoding::Sparse => sparse::count(registers, &mut histogram)?,
    }
    Ok(cardinality(&histogram))
}

/// A HyperLogLog that is being changed.
pub struct Draft {
    header: [u8; HEADER],
    encoding: Encoding,
    registers: Vec<u8>,
}

impl Draft {
    /// Nothing was added yet.
    pub fn empty() -> Draft {
        let mut header = [0; HEADER];
        header[..MAGIC.len()].copy_from_slice(MAGIC);
        Draft { header, encoding: Encoding::Sparse, registers: sparse::EMPTY.to_vec() }
    }

    pub fn of(sketch: Sketch<'_>) -> Draft {
        let (header, registers) = sketch.bytes.split_at(HEADER);
        let header = header.try_into().expect("a sketch has a header");
        Draft { header, encoding: sketch.encoding, registers: registers.to_vec() }
    }

    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    pub fn cardinality(&self) -> Result<u64, Corrupted> {
        count(self.encoding, &self.registers)
    }

    /// Adds what was seen; false if nothing changes. Sparse is kept up to `sparse_bytes_max`, header included.
    pub fn observe(&mut self, seen: Observation, sparse_bytes_max: usize) -> Result<bool, Corrupted> {
        if self.encoding == Encoding::Sparse {
            let bytes_max = sparse_bytes_max.saturating_sub(HEADER);
            match sparse::observe(&mut self.registers, seen, bytes_max)? {
                Outcome::TooMuch => self.make_dense()?,
                outcome => return Ok(outcome == Outcome::Raised),
            }
        }
        Ok(dense::observe(&mut self.registers, seen))
    }

    pub fn make_dense(&mut self) -> Result<(), Corrupted> {
        if self.encoding == Encoding::Sparse {
            let mut registers = vec![0; dense::BYTES];
            sparse::walk(&self.registers, |first, run| {
                if run.value > 0 {
                    for register in first..first + run.len {
                        dense::observe(&mut registers, Observation { register, run: run.value });
                    }
                }
            })?;
            (self.registers, self.encoding) = (registers, Encoding::Dense);
        }
        Ok(())
    }

    /// The registers of a dense one, in order.
    pub fn dense_registers(&self) -> impl Iterator<Item = u8> {
        dense::registers(&self.registers)
    }

    /// The cached cardinality is no longer right.
    pub fn invalidate(&mut self) {
        self.header[HEADER - 1] |= (OUT_OF_DATE >> 56) as u8;
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = [&self.header, self.registers.as_slice()].concat();
        bytes[ENCODING_AT] = match self.encoding {
            Encoding::Dense => 0,
            Encoding::Sparse => 1,
        };
        bytes
    }
}
