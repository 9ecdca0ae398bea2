//! Many strings at once: what a collection is made of, on its way in.

use std::cmp::Ordering;
use std::fmt;

/// Many byte strings in one allocation.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Strings {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Strings {
    pub fn push(&mut self, string: &[u8]) {
        self.bytes.extend_from_slice(string);
        self.ends.push(self.bytes.len());
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The string at `index`, which must be below the length.
    pub fn at(&self, index: usize) -> &[u8] {
        let from = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[from..self.ends[index]]
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.len()).map(|index| self.at(index))
    }

    /// Length of all strings together.
    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }
}

/// Distinct members with their scores, none of which is NaN.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SortedSet {
    pub members: Strings,
    pub scores: Vec<f64>,
}

impl SortedSet {
    pub fn push(&mut self, member: &[u8], score: f64) {
        self.members.push(member);
        self.scores.push(score);
    }

    pub fn len(&self) -> usize {
        self.scores.len()
    }

    pub fn is_empty(&self) -> bool {
        self.scores.is_empty()
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], f64)> {
        self.members.iter().zip(self.scores.iter().copied())
    }

    /// The members in the order of their scores, then of their bytes.
    pub fn in_order(&self) -> Vec<(&[u8], f64)> {
        let mut pairs: Vec<(&[u8], f64)> = self.iter().collect();
        pairs.sort_unstable_by(|a, b| in_order(*a, *b));
        pairs
    }
}

/// How sorted sets order their pairs. Zeros are equal, whatever their sign.
pub fn in_order(a: (&[u8], f64), b: (&[u8], f64)) -> Ordering {
    a.1.partial_cmp(&b.1).unwrap_or(Ordering::Equal).then_with(|| a.0.cmp(b.0))
}

impl fmt::Debug for Strings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|string| string.escape_ascii().to_string())).finish()
    }
}

impl<S: AsRef<[u8]>> FromIterator<S> for Strings {
    fn from_iter<I: IntoIterator<Item = S>>(strings: I) -> Strings {
        let mut all = Strings::default();
        strings.into_iter().for_each(|string| all.push(string.as_ref()));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_keep_their_borders() {
        let strings: Strings = ["a", "", "bcd", ""].iter().collect();
        assert_eq!(strings.iter().collect::<Vec<_>>(), [&b"a"[..], b"", b"bcd", b""]);
        assert_eq!((strings.len(), strings.size_bytes()), (4, 4));
    }
}
