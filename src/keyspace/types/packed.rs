//! Packed elements: a small collection, or a piece of a large list, as one run of bytes.
//!
//! ```text
//! 0x00-0xbf                 a string of so many bytes
//! 0xc0-0xdf and a byte      a string whose length has 13 bits
//! 0xe0 and four bytes       a string whose length has 32 bits
//! 0xf1-0xf8                 an integer of 1 to 8 bytes, for a string that is its decimal form
//! ```
//! A string has one form only, so two elements are equal if their bytes are. There is no way to walk backwards: what
//! that would cost each element is worth more than the walk.

use std::borrow::Cow;
use std::ops::Deref;

use crate::keyspace::is_canonical_i64;

const SHORT_MAX: usize = 0xbf;
const MIDDLE: u8 = 0xc0;
const MIDDLE_MAX: usize = 0x1fff;
const LONG: u8 = 0xe0;
const INTEGER: u8 = 0xf0;

/// How many elements come first in a packed value.
pub const COUNT_BYTES: usize = 2;
/// A packed value has at most so many.
pub const COUNT_MAX: usize = u16::MAX as usize;

/// An element's text.
#[derive(Clone, Debug)]
pub enum Text<'a> {
    Lent(&'a [u8]),
    /// It is kept as an integer.
    Digits {
        digits: [u8; 20],
        len: u8,
    },
    /// It was kept in pieces.
    Joined(Vec<u8>),
}

impl Deref for Text<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Text::Lent(bytes) => bytes,
            Text::Digits { digits, len } => &digits[..usize::from(*len)],
            Text::Joined(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for Text<'_> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl<'a> From<Cow<'a, [u8]>> for Text<'a> {
    fn from(text: Cow<'a, [u8]>) -> Text<'a> {
        match text {
            Cow::Borrowed(bytes) => Text::Lent(bytes),
            Cow::Owned(bytes) => Text::Joined(bytes),
        }
    }
}

impl From<i64> for Text<'_> {
    fn from(number: i64) -> Self {
        let mut buffer = itoa::Buffer::new();
        let text = buffer.format(number).as_bytes();
        let mut digits = [0; 20];
        digits[..text.len()].copy_from_slice(text);
        Text::Digits { digits, len: text.len() as u8 }
    }
}

/// An element as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept<'a> {
    String(&'a [u8]),
    Integer(i64),
}

impl<'a> From<Kept<'a>> for Text<'a> {
    fn from(kept: Kept<'a>) -> Text<'a> {
        match kept {
            Kept::String(bytes) => Text::Lent(bytes),
            Kept::Integer(number) => Text::from(number),
        }
    }
}

/// Adds an element.
pub fn put(packed: &mut Vec<u8>, element: &[u8]) {
    match integer(element) {
        Some(number) => put_integer(packed, number),
        None => put_bytes(packed, element),
    }
}

/// Adds an element that is an integer's decimal form.
pub fn put_integer(packed: &mut Vec<u8>, number: i64) {
    let bits = 65 - (if number < 0 { !number } else { number }).leading_zeros();
    let width = bits.div_ceil(8).max(1) as usize;
    packed.push(INTEGER | width as u8);
    packed.extend_from_slice(&number.to_le_bytes()[..width]);
}

/// Adds an element that is none.
pub fn put_bytes(packed: &mut Vec<u8>, element: &[u8]) {
    match element.len() {
        len @ 0..=SHORT_MAX => packed.push(len as u8),
        len @ 0..=MIDDLE_MAX => packed.extend_from_slice(&[MIDDLE | (len >> 8) as u8, len as u8]),
        len => {
            packed.push(LONG);
            packed.extend_from_slice(&u32::try_from(len).expect("elements are limited to 4 GB").to_le_bytes());
        }
    }
    packed.extend_from_slice(element);
}

/// The number that an element is the decimal form of.
pub fn integer(element: &[u8]) -> Option<i64> {
    let looks_so = element.first().is_some_and(|first| first.is_ascii_digit() || *first == b'-');
    (looks_so && is_canonical_i64(element)).then(|| std::str::from_utf8(element).ok()?.parse().ok()).flatten()
}

/// All of these, packed.
pub fn pack<'e>(elements: impl IntoIterator<Item = &'e [u8]>) -> Vec<u8> {
    let mut packed = Vec::new();
    elements.into_iter().for_each(|element| put(&mut packed, element));
    packed
}

/// Where the first element's own bytes lie in `packed`, which is not empty.
fn body(packed: &[u8]) -> (usize, usize) {
    match packed[0] {
        first @ 0..MIDDLE => (1, first.into()),
        first @ MIDDLE..LONG => (2, usize::from(first & 0x1f) << 8 | usize::from(packed[1])),
        LONG => (5, u32::from_le_bytes([packed[1], packed[2], packed[3], packed[4]]) as usize),
        first => (1, usize::from(first & 0x0f)),
    }
}

/// A run of elements, and the walk through it.
#[derive(Clone, Copy, Debug)]
pub struct Packed<'a> {
    rest: &'a [u8],
}

impl<'a> Packed<'a> {
    pub fn new(elements: &'a [u8]) -> Packed<'a> {
        Packed { rest: elements }
    }

    pub fn bytes(self) -> &'a [u8] {
        self.rest
    }

    /// Takes the first element off.
    #[inline]
    pub fn take_first(&mut self) -> Option<Kept<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let (from, len) = body(self.rest);
        let is_integer = self.rest[0] > LONG;
        let (element, rest) = self.rest.split_at(from + len);
        self.rest = rest;
        let bytes = &element[from..];
        Some(if is_integer { Kept::Integer(widened(bytes)) } else { Kept::String(bytes) })
    }

    /// Passes over so many elements; answers the bytes that they take.
    pub fn pass(&mut self, count: usize) -> usize {
        let before = self.rest.len();
        for _ in 0..count {
            let (from, len) = body(self.rest);
            self.rest = &self.rest[from + len..];
        }
        before - self.rest.len()
    }

    /// Where the element lies that is packed as `wanted`, one of every `stride`-th.
    pub fn find(mut self, wanted: &[u8], stride: usize) -> Option<usize> {
        let all = self.rest.len();
        while !self.rest.is_empty() {
            if self.rest.starts_with(wanted) {
                return Some(all - self.rest.len());
            }
            self.pass(stride);
        }
        None
    }

    /// Among integers in their order: where this one lies, or where it would.
    pub fn find_integer(mut self, wanted: i64) -> Result<usize, usize> {
        let all = self.rest.len();
        loop {
            let at = all - self.rest.len();
            match self.take_first() {
                Some(Kept::Integer(number)) if number < wanted => {}
                Some(Kept::Integer(number)) if number == wanted => return Ok(at),
                _ => return Err(at),
            }
        }
    }
}

impl<'a> Iterator for Packed<'a> {
    type Item = Text<'a>;

    #[inline]
    fn next(&mut self) -> Option<Text<'a>> {
        self.take_first().map(Text::from)
    }
}

/// A signed integer of 1 to 8 bytes, little endian.
fn widened(bytes: &[u8]) -> i64 {
    let mut wide = [0; 8];
    wide[8 - bytes.len()..].copy_from_slice(bytes);
    i64::from_le_bytes(wide) >> (64 - 8 * bytes.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unpacked(packed: &[u8]) -> Vec<Vec<u8>> {
        Packed::new(packed).map(|text| text.to_vec()).collect()
    }

    #[test]
    fn every_length_and_every_width() {
        let numbers = [7, 8, 15, 16, 23, 31, 32, 47, 63].map(|bits: u32| (1i128 << bits) - 1);
        let numbers = numbers.iter().flat_map(|n| [*n, n + 1, -n - 1, -n - 2]).filter(|n| i64::try_from(*n).is_ok());
        let mut texts: Vec<Vec<u8>> = numbers.map(|number| number.to_string().into_bytes()).collect();
        texts.extend([0, 1, 191, 192, 8191, 8192, 70_000].map(|len| vec![b'x'; len]));
        texts.extend(["-0", "007", "+1", "0", "-1", " 1", "9223372036854775808"].map(|text| text.as_bytes().to_vec()));
        let packed = pack(texts.iter().map(Vec::as_slice));
        assert_eq!(unpacked(&packed), texts);
    }

    #[test]
    fn small_things_are_small() {
        for (text, bytes) in [("a", 2), ("5", 2), ("100", 2), ("-128", 2), ("128", 3), ("1700000000", 5)] {
            assert_eq!(pack([text.as_bytes()]).len(), bytes, "{text}");
        }
    }

    #[test]
    fn integers_are_found_by_order() {
        let packed = pack([&b"-5"[..], b"3", b"1000"]);
        for (number, found) in [(-6, Err(0)), (-5, Ok(0)), (0, Err(2)), (3, Ok(2)), (1000, Ok(4)), (1001, Err(7))] {
            assert_eq!(Packed::new(&packed).find_integer(number), found, "{number}");
        }
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_out_and_is_found(
            texts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20),
            wanted in 0usize..20,
        ) {
            let packed = pack(texts.iter().map(Vec::as_slice));
            prop_assert_eq!(&unpacked(&packed), &texts);
            if let Some(wanted) = texts.get(wanted) {
                let first = texts.iter().position(|text| text == wanted).unwrap();
                let at = Packed::new(&packed).find(&pack([wanted.as_slice()]), 1).unwrap();
                prop_assert_eq!(at, Packed::new(&packed).pass(first));
            }
        }
    }
}
