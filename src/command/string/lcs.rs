//! LCS: the longest common subsequence of two strings, by dynamic programming.
//!
//! Redis keeps the whole table of lengths, 4 bytes a cell, and refuses what exceeds proto-max-bulk-len. Walking back
//! needs only one bit a cell, which of two neighbours is longer, so that is all that is kept here, with one row of
//! lengths; what is refused is the same.

use crate::command::{Args, CommandError, Context, Outcome};

const NOT_STRINGS: CommandError = CommandError::fixed("ERR The specified keys must contain string values");
const LEN_AND_IDX: CommandError =
    CommandError::fixed("ERR If you want both the length and indexes, please just use IDX.");
const TOO_LONG: CommandError = CommandError::fixed("ERR String too long for LCS");
const TOO_LARGE: CommandError =
    CommandError::fixed("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");

pub(super) fn lcs(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let (a, b) = (string(cx, args, 1), string(cx, args, 2));
    let (a, b) = (a?, b?);
    let options = Options::parse(args)?;
    if a.len().max(b.len()) >= u32::MAX as usize - 1 {
        return Err(TOO_LONG);
    }
    let cells = (a.len() as u128 + 1) * (b.len() as u128 + 1);
    if cells * 4 > cx.config.proto_max_bulk_len as u128 {
        return Err(TOO_LARGE);
    }
    let table = Table::fill(&a, &b);
    if options.indexes {
        reply_matches(cx, &table.matches(&a, &b), table.len, &options);
    } else if options.length {
        cx.reply.int(i64::from(table.len));
    } else {
        cx.reply.bulk(&table.subsequence(&a, &b));
    }
    Ok(Outcome::Done)
}

fn string(cx: &mut Context<'_>, args: &Args<'_>, index: usize) -> Result<Vec<u8>, CommandError> {
    let found = cx.db.read_string(args.key(index)).map_err(|_| NOT_STRINGS)?;
    Ok(found.map(|string| string.to_cow().into_owned()).unwrap_or_default())
}

/// Matches in Redis's order: from the ends of the strings to their beginnings.
fn reply_matches(cx: &mut Context<'_>, matches: &[Match], len: u32, options: &Options) {
    let shown = || matches.iter().filter(|found| i64::from(found.len) >= options.min_match_len);
    cx.reply.map(2);
    cx.reply.bulk(b"matches");
    cx.reply.array(shown().count());
    for found in shown() {
        cx.reply.array(if options.with_match_len { 3 } else { 2 });
        for start in [found.a, found.b] {
            cx.reply.array(2);
            cx.reply.int(i64::from(start));
            cx.reply.int(i64::from(start + found.len - 1));
        }
        if options.with_match_len {
            cx.reply.int(i64::from(found.len));
        }
    }
    cx.reply.bulk(b"len");
    cx.reply.int(i64::from(len));
}

#[derive(Default)]
struct Options {
    length: bool,
    indexes: bool,
    with_match_len: bool,
    min_match_len: i64,
}

impl Options {
    fn parse(args: &Args<'_>) -> Result<Options, CommandError> {
        let mut options = Options::default();
        let mut index = 3;
        while index < args.len() {
            if args.is(index, "IDX") {
                options.indexes = true;
            } else if args.is(index, "LEN") {
                options.length = true;
            } else if args.is(index, "WITHMATCHLEN") {
                options.with_match_len = true;
            } else if args.is(index, "MINMATCHLEN") && index + 1 < args.len() {
                index += 1;
                options.min_match_len = args.int(index)?;
            } else {
                return Err(CommandError::SYNTAX);
            }
            index += 1;
        }
        if options.length && options.indexes { Err(LEN_AND_IDX) } else { Ok(options) }
    }
}

/// `len` bytes from `a` in the first string equal those from `b` in the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Match {
    a: u32,
    b: u32,
    len: u32,
}

/// Which way the walk back goes from each cell.
struct Table {
    width: usize,
    /// One bit per pair of positions: the first string is shortened, else the second.
    shortens_a: Vec<u64>,
    /// Length of the subsequence.
    len: u32,
}

impl Table {
    fn fill(a: &[u8], b: &[u8]) -> Table {
        let width = b.len();
        let mut shortens_a = vec![0u64; (a.len() * width).div_ceil(64)];
        // lengths[j]: for the part of `a` so far and the first j bytes of `b`.
        let mut lengths = vec![0u32; width + 1];
        for (i, x) in a.iter().enumerate() {
            let mut diagonal = 0;
            for (j, y) in b.iter().enumerate() {
                let above = lengths[j + 1];
                lengths[j + 1] = if x == y {
                    diagonal + 1
                } else {
                    let cell = i * width + j;
                    shortens_a[cell / 64] |= u64::from(above > lengths[j]) << (cell % 64);
                    above.max(lengths[j])
                };
                diagonal = above;
            }
        }
        Table { width, shortens_a, len: lengths[width] }
    }

    fn is_a_shortened(&self, i: usize, j: usize) -> bool {
        let cell = i * self.width + j;
        self.shortens_a[cell / 64] >> (cell % 64) & 1 == 1
    }

    /// Positions (in `a`, in `b`) of the subsequence's bytes, from the last to the first.
    fn walk_back(&self, a: &[u8], b: &[u8], mut each: impl FnMut(usize, usize)) {
        let (mut i, mut j) = (a.len(), b.len());
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                (i, j) = (i - 1, j - 1);
                each(i, j);
            } else if self.is_a_shortened(i - 1, j - 1) {
                i -= 1;
            } else {
                j -= 1;
            }
        }
    }

    fn subsequence(&self, a: &[u8], b: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len as usize);
        self.walk_back(a, b, |i, _| bytes.push(a[i]));
        bytes.reverse();
        bytes
    }

    /// Positions that follow each other in both strings joined, the last first.
    fn matches(&self, a: &[u8], b: &[u8]) -> Vec<Match> {
        let mut matches: Vec<Match> = Vec::new();
        self.walk_back(a, b, |i, j| match matches.last_mut() {
            Some(last) if last.a as usize == i + 1 && last.b as usize == j + 1 => {
                *last = Match { a: i as u32, b: j as u32, len: last.len + 1 };
            }
            _ => matches.push(Match { a: i as u32, b: j as u32, len: 1 }),
        });
        matches
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subsequence_and_matches_of_two_strings() {
        let (a, b) = (b"ohmytext".as_slice(), b"mynewtext".as_slice());
        let table = Table::fill(a, b);
        assert_eq!(table.len, 6);
        assert_eq!(table.subsequence(a, b), b"mytext");
        let expected = [Match { a: 4, b: 5, len: 4 }, Match { a: 2, b: 0, len: 2 }];
        assert_eq!(table.matches(a, b), expected);
    }

    #[test]
    fn an_empty_string_has_nothing_in_common() {
        let table = Table::fill(b"", b"abc");
        assert_eq!((table.len, table.subsequence(b"", b"abc")), (0, vec![]));
    }
}
