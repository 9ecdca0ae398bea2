//! BITCOUNT and BITPOS: what a row of bits holds, as a whole or in a range of bytes or bits.

use crate::command::{Args, CommandError, Context, Outcome};
use crate::keyspace::StringRef;

use super::Unit;

const BAD_BIT: CommandError = CommandError::fixed("ERR The bit argument must be 1 or 0.");

pub(super) fn bitcount(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    // A missing key has no ones, whatever else the request says.
    let count = match cx.db.read_string(args.key(1))? {
        Some(string) => counted_range(args, string.len())?.map_or(0, |range| range.count_ones(string)),
        None => 0,
    };
    cx.reply.int(count as i64);
    Ok(Outcome::Done)
}

/// The bits that BITCOUNT is asked for in a string of `len` bytes.
fn counted_range(args: &Args<'_>, len: usize) -> Result<Option<BitRange>, CommandError> {
    match args.len() {
        2 => Ok(BitRange::clamp(0, -1, Unit::Byte, len)),
        4 | 5 => {
            let (start, end) = (args.int(2)?, args.int(3)?);
            if start < 0 && end < 0 && start > end {
                return Ok(None);
            }
            Ok(BitRange::clamp(start, end, Unit::parse(args, 4)?, len))
        }
        _ => Err(CommandError::SYNTAX),
    }
}

pub(super) fn bitpos(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let bit = match args.int(2)? {
        0 => false,
        1 => true,
        _ => return Err(BAD_BIT),
    };
    let Some(string) = cx.db.read_string(args.key(1))? else {
        // A missing key is an endless row of zeros.
        cx.reply.int(if bit { -1 } else { 0 });
        return Ok(Outcome::Done);
    };
    let (start, unit, end) = match args.len() {
        3 => (0, Unit::Byte, None),
        4..=6 => {
            let (start, unit) = (args.int(3)?, Unit::parse(args, 5)?);
            (start, unit, if args.len() > 4 { Some(args.int(4)?) } else { None })
        }
        _ => return Err(CommandError::SYNTAX),
    };
    let range = BitRange::clamp(start, end.unwrap_or(-1), unit, string.len());
    let position = match range.map(|range| (range, range.find(string, bit))) {
        Some((_, Some(position))) => position as i64,
        // Behind a string there are zeros, unless its end is asked for.
        Some((range, None)) if !bit && end.is_none() => range.to as i64,
        _ => -1,
    };
    cx.reply.int(position);
    Ok(Outcome::Done)
}

/// Bits `from..to` of a string, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct BitRange {
    from: u64,
    to: u64,
}

impl BitRange {
    /// `start..=end`, negative from the end, within `len` bytes.
    fn clamp(start: i64, end: i64, unit: Unit, len: usize) -> Option<BitRange> {
        let width = if unit == Unit::Bit { 1 } else { 8 };
        let total = len as i64 * 8 / width;
        let from_end = |index: i64| if index < 0 { (total + index).max(0) } else { index };
        let (start, end) = (from_end(start), from_end(end).min(total - 1));
        (start <= end).then(|| BitRange { from: (start * width) as u64, to: ((end + 1) * width) as u64 })
    }

    /// The bytes in which the bits lie.
    fn bytes(self) -> (usize, usize) {
        ((self.from / 8) as usize, self.to.div_ceil(8) as usize)
    }

    fn count_ones(self, string: StringRef<'_>) -> u64 {
        let (start, end) = self.bytes();
        let [first] = string.window(start);
        let [last] = string.window(end - 1);
        let before = first & !(0xff >> (self.from % 8));
        let behind = last & low_mask(end as u64 * 8 - self.to);
        let within: u64 = string.pieces(start, end).map(ones).sum();
        within - u64::from(before.count_ones()) - u64::from(behind.count_ones())
    }

    /// The first bit that is set, or that is not.
    fn find(self, string: StringRef<'_>, bit: bool) -> Option<u64> {
        let (start, end) = self.bytes();
        let unwanted = if bit { 0x00 } else { 0xff };
        let [first] = string.window(start);
        let first = (first ^ unwanted) & 0xff >> (self.from % 8);
        let found = match first {
            0 => first_unlike(string.pieces(start + 1, end.max(start + 1)), unwanted)
                .map(|(at, byte)| ((start + 1 + at) as u64, byte ^ unwanted)),
            _ => Some((start as u64, first)),
        };
        let position = found.map(|(at, wanted)| at * 8 + u64::from(wanted.leading_zeros()));
        position.filter(|&position| position < self.to)
    }
}

/// The lowest `bits` bits, fewer than eight.
fn low_mask(bits: u64) -> u8 {
    (1 << bits) - 1
}

fn ones(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let whole: u32 = words.iter().map(|word| u64::from_ne_bytes(*word).count_ones()).sum();
    u64::from(whole) + rest.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>()
}

/// The first byte that is another one than `byte`, and where it stands.
fn first_unlike<'a>(pieces: impl Iterator<Item = &'a [u8]>, byte: u8) -> Option<(usize, u8)> {
    let mut begin = 0;
    for piece in pieces {
        let (words, _) = piece.as_chunks::<8>();
        let alike = words.iter().take_while(|word| **word == [byte; 8]).count() * 8;
        if let Some(at) = piece[alike..].iter().position(|other| *other != byte) {
            return Some((begin + alike + at, piece[alike + at]));
        }
        begin += piece.len();
    }
    None
}
