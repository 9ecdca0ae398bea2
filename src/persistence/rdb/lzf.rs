//! LZF, the compression of strings in RDB: literal runs up to 32 bytes, back references up to 264 bytes, 8 KB back.
//!
//! Both directions are bounded by what the caller allows. What the compressor finds differs from liblzf's; the format
//! is the same.

/// Size of the table that long strings use, and of the part of it that short ones use, which stays in the nearest cache.
const HASH_BITS: u32 = 14;
const SHORT_HASH_BITS: u32 = 10;
const SHORT_LEN: usize = 1 << 11;
const MAX_LITERALS: usize = 32;
const MAX_MATCH: usize = 264;
const MAX_DISTANCE: usize = 1 << 13;
/// Three bytes of input become at most one reference of 264 bytes.
const MAX_RATIO: usize = 88;

/// Compresses many strings; its table is never cleared between them.
pub struct Compressor {
    /// Where three bytes with this hash stood last, counted from the start of all input so far.
    last_seen: Box<[u32]>,
    /// Position of the current input's first byte in that count; what lies below is of an earlier string.
    base: u32,
}

impl Compressor {
    pub fn new() -> Compressor {
        Compressor { last_seen: vec![0; 1 << HASH_BITS].into(), base: 1 }
    }

    /// Appends the compressed `input` to `out`. If that takes more than `limit` bytes, answers false and leaves behind
    /// what it had appended.
    ///
    /// Results of consecutive calls, appended to each other, are the compressed form of the inputs appended to each other.
    pub fn compress(&mut self, input: &[u8], limit: usize, out: &mut Vec<u8>) -> bool {
        let Ok(len) = u32::try_from(input.len()) else { return false };
        if self.base.checked_add(len).is_none() {
            self.last_seen.fill(0);
            self.base = 1;
        }
        let fits = len < u32::MAX && self.compress_counted(input, limit, out);
        self.base = self.base.saturating_add(len);
        fits
    }

    fn compress_counted(&mut self, input: &[u8], limit: usize, out: &mut Vec<u8>) -> bool {
        let end = out.len().saturating_add(limit);
        let hash_bits = if input.len() <= SHORT_LEN { SHORT_HASH_BITS } else { HASH_BITS };
        let mut literals_from = 0;
        let mut at = 0;
        while at + 2 < input.len() {
            match self.find(input, at, hash_bits) {
                Some((from, len)) => {
                    put_literals(out, &input[literals_from..at]);
                    put_reference(out, at - from - 1, len);
                    at += len;
                    literals_from = at;
                }
                // The longer nothing is found, the larger the steps: incompressible data passes quickly.
                None => at += 1 + ((at - literals_from) >> 5),
            }
            if out.len() + (at.min(input.len()) - literals_from) > end {
                return false;
            }
        }
        put_literals(out, &input[literals_from..]);
        out.len() <= end
    }

    /// An earlier place with the same bytes as at `at`, at least three, and how many.
    fn find(&mut self, input: &[u8], at: usize, hash_bits: u32) -> Option<(usize, usize)> {
        let here = &input[at..];
        let slot = &mut self.last_seen[hash([here[0], here[1], here[2]], hash_bits)];
        let candidate = std::mem::replace(slot, self.base + at as u32);
        let from = candidate.checked_sub(self.base)? as usize;
        if at - from > MAX_DISTANCE || input[from..from + 3] != here[..3] {
            return None;
        }
        let longest = here.len().min(MAX_MATCH);
        let same = input[from + 3..].iter().zip(&here[3..longest]).take_while(|(a, b)| a == b).count();
        Some((from, 3 + same))
    }

    /// The compressed form of `pieces`, which are one string, if it is at least four bytes shorter.
    pub fn compress_string<'a>(
        &mut self,
        pieces: impl Iterator<Item = &'a [u8]>,
        len: usize,
        out: &mut Vec<u8>,
    ) -> bool {
        out.clear();
        let Some(limit) = len.checked_sub(4) else { return false };
        for piece in pieces {
            if !self.compress(piece, limit - out.len(), out) {
                return false;
            }
        }
        true
    }
}

impl Default for Compressor {
    fn default() -> Compressor {
        Compressor::new()
    }
}

fn hash([a, b, c]: [u8; 3], bits: u32) -> usize {
    let word = u32::from_le_bytes([a, b, c, 0]);
    (word.wrapping_mul(0x9E37_79B1) >> (32 - bits)) as usize
}

fn put_literals(out: &mut Vec<u8>, literals: &[u8]) {
    for run in literals.chunks(MAX_LITERALS) {
        out.push(run.len() as u8 - 1);
        out.extend_from_slice(run);
    }
}

/// `distance` 0 is the byte before; `len` is 3 to 264.
fn put_reference(out: &mut Vec<u8>, distance: usize, len: usize) {
    let high = (distance >> 8) as u8;
    let len = len - 2;
    if len < 7 {
        out.push((len as u8) << 5 | high);
    } else {
        out.extend_from_slice(&[7 << 5 | high, (len - 7) as u8]);
    }
    out.push(distance as u8);
}

/// Replaces the content of `out` by the decompressed `input`, which must be `len` bytes; says what is wrong otherwise.
/// Allocates in proportion to the input, whatever `len` claims.
pub fn decompress(input: &[u8], len: usize, out: &mut Vec<u8>) -> Result<(), &'static str> {
    out.clear();
    out.reserve(len.min(input.len().saturating_mul(MAX_RATIO)));
    let mut rest = input;
    while let Some((&control, tail)) = rest.split_first() {
        rest = if control < 32 {
            literal_run(control as usize + 1, tail, len, out)?
        } else {
            back_reference(control, tail, len, out)?
        };
    }
    if out.len() == len { Ok(()) } else { Err("LZF data shorter than it claims") }
}

fn literal_run<'a>(count: usize, input: &'a [u8], len: usize, out: &mut Vec<u8>) -> Result<&'a [u8], &'static str> {
    let (run, rest) = input.split_at_checked(count).ok_or("LZF literal run cut off")?;
    if out.len() + count > len {
        return Err("LZF data longer than it claims");
    }
    out.extend_from_slice(run);
    Ok(rest)
}

fn back_reference<'a>(control: u8, input: &'a [u8], len: usize, out: &mut Vec<u8>) -> Result<&'a [u8], &'static str> {
    const CUT: &str = "LZF back reference cut off";
    let (extra, input) = match control >> 5 {
        7 => input.split_first().map(|(extra, rest)| (*extra as usize, rest)).ok_or(CUT)?,
        _ => (0, input),
    };
    let (low, rest) = input.split_first().ok_or(CUT)?;
    let count = (control >> 5) as usize + extra + 2;
    let distance = ((control & 31) as usize) << 8 | *low as usize;
    let from = out.len().checked_sub(distance + 1).ok_or("LZF back reference before the start")?;
    if out.len() + count > len {
        return Err("LZF data longer than it claims");
    }
    copy_within(out, from, count);
    Ok(rest)
}

/// Appends `count` bytes from `from` on; they may be among those just appended.
fn copy_within(out: &mut Vec<u8>, from: usize, count: usize) {
    if from + count <= out.len() {
        out.extend_from_within(from..from + count);
    } else {
        for at in from..from + count {
            out.push(out[at]);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn compressed(pieces: &[&[u8]]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let len = pieces.iter().map(|piece| piece.len()).sum();
        Compressor::new().compress_string(pieces.iter().copied(), len, &mut out).then_some(out)
    }

    fn decompressed(input: &[u8], len: usize) -> Result<Vec<u8>, &'static str> {
        let mut out = Vec::new();
        decompress(input, len, &mut out).map(|()| out)
    }

    #[test]
    fn repetition_shrinks() {
        let text = vec![b'a'; 1000];
        let small = compressed(&[&text]).unwrap();
        assert!(small.len() < 20, "{}", small.len());
        assert_eq!(decompressed(&small, 1000).unwrap(), text);
    }

    #[test]
    fn noise_and_short_strings_are_given_up() {
        let noise: Vec<u8> = (0..200u64).map(|n| (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect();
        assert_eq!(compressed(&[&noise]), None);
        assert_eq!(compressed(&[b"abc"]), None);
        assert_eq!(compressed(&[b""]), None);
    }

    #[test]
    fn pieces_make_one_string() {
        let one = b"the quick brown fox the quick brown fox".repeat(10);
        let two = b"jumps over, jumps over, jumps over".repeat(10);
        let small = compressed(&[&one, &two]).unwrap();
        assert_eq!(decompressed(&small, one.len() + two.len()).unwrap(), [one, two].concat());
    }

    #[test]
    fn a_string_never_refers_to_the_one_before() {
        let mut compressor = Compressor::new();
        let text = b"abcdefghijklmnopqrstuvwxyz0123456789".repeat(3);
        for _ in 0..3 {
            let mut out = Vec::new();
            assert!(compressor.compress_string(std::iter::once(&text[..]), text.len(), &mut out));
            assert_eq!(decompressed(&out, text.len()).unwrap(), text);
        }
    }

    #[test]
    fn the_position_counter_wraps_safely() {
        let mut compressor = Compressor::new();
        let text = b"abcabcabcabcabcabcabcabcabcabcabcabc";
        compressor.base = u32::MAX - 50;
        for _ in 0..5 {
            let mut out = Vec::new();
            assert!(compressor.compress_string(std::iter::once(&text[..]), text.len(), &mut out));
            assert_eq!(decompressed(&out, text.len()).unwrap(), text);
        }
    }

    #[test]
    fn hostile_input_is_an_error() {
        let cases: &[(&[u8], usize, &str)] = &[
            (&[0x1f], 32, "LZF literal run cut off"),
            (&[0, b'a', 0x20], 4, "LZF back reference cut off"),
            (&[0, b'a', 0xe0], 4, "LZF back reference cut off"),
            (&[0, b'a', 0xe0, 0], 10, "LZF back reference cut off"),
            (&[0, b'a', 0x20, 1], 4, "LZF back reference before the start"),
            (&[0, b'a', 0x20, 0], 3, "LZF data longer than it claims"),
            (&[1, b'a', b'b'], 1, "LZF data longer than it claims"),
            (&[0, b'a'], usize::MAX, "LZF data shorter than it claims"),
            (&[], 1, "LZF data shorter than it claims"),
        ];
        for (input, len, error) in cases {
            assert_eq!(decompressed(input, *len), Err(*error), "{input:?}");
        }
        assert_eq!(decompressed(&[0, b'a', 0x20, 0], 4).unwrap(), b"aaaa");
    }

    #[test]
    fn a_claimed_length_allocates_nothing() {
        let mut out = Vec::new();
        assert!(decompress(&[0, b'a'], 1 << 40, &mut out).is_err());
        assert!(out.capacity() < 1024);
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(pieces in prop::collection::vec(prop::collection::vec(0u8..4, 0..400), 0..4)) {
            let slices: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let whole = pieces.concat();
            if let Some(small) = compressed(&slices) {
                prop_assert!(small.len() + 4 <= whole.len());
                prop_assert_eq!(decompressed(&small, whole.len()).unwrap(), whole);
            }
        }

        #[test]
        fn garbage_never_panics(input in prop::collection::vec(any::<u8>(), 0..200), len in 0usize..2000) {
            if let Ok(out) = decompressed(&input, len) {
                prop_assert_eq!(out.len(), len);
            }
        }
    }
}
