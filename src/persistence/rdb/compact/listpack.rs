//! Listpack: strings and integers, each followed by its own length so that one can walk backwards.
//!
//! Header: total bytes (4), number of elements (2, all ones if there are more). Then elements, then 0xFF.

use super::{Cursor, Element};

const HEADER_BYTES: usize = 6;
const END: u8 = 0xff;
/// Stands for every count that does not fit.
const MANY: u16 = u16::MAX;

/// The elements of `blob`, or what is wrong with its header.
pub fn elements(blob: &[u8]) -> Result<Elements<'_>, &'static str> {
    if blob.len() < HEADER_BYTES + 1 {
        return Err("listpack shorter than its header");
    }
    let total = u32::from_le_bytes(blob[..4].try_into().expect("four bytes"));
    if total as usize != blob.len() {
        return Err("listpack with a wrong size");
    }
    let count = u16::from_le_bytes(blob[4..6].try_into().expect("two bytes"));
    Ok(Elements { cursor: Cursor { rest: &blob[HEADER_BYTES..] }, count, seen: 0, is_done: false })
}

/// Walks a listpack and checks it on the way: ends after the first error.
pub struct Elements<'a> {
    cursor: Cursor<'a>,
    count: u16,
    seen: usize,
    is_done: bool,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Element<'a>, &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let next = match self.cursor.rest {
            [] => Err("listpack without its end"),
            [END] => {
                self.is_done = true;
                return self.check_count();
            }
            [END, ..] => Err("listpack with bytes behind its end"),
            _ => self.element(),
        };
        self.is_done = next.is_err();
        self.seen += 1;
        Some(next)
    }
}

impl<'a> Elements<'a> {
    fn check_count(&self) -> Option<Result<Element<'a>, &'static str>> {
        let is_right = self.count == MANY || self.seen == self.count as usize;
        (!is_right).then_some(Err("listpack with a wrong count"))
    }

    fn element(&mut self) -> Result<Element<'a>, &'static str> {
        let before = self.cursor.rest.len();
        let element = self.data().ok_or("listpack element cut off or of unknown encoding")?;
        let len = before - self.cursor.rest.len();
        let (expected, width) = back_length(len);
        match self.cursor.take(width) {
            Some(stored) if stored == &expected[..width] => Ok(element),
            _ => Err("listpack element with a wrong back length"),
        }
    }

    fn data(&mut self) -> Option<Element<'a>> {
        let cursor = &mut self.cursor;
        let first = cursor.byte()?;
        Some(match first {
            0..=0x7f => Element::Integer(first as i64),
            0x80..=0xbf => Element::Bytes(cursor.take((first & 0x3f) as usize)?),
            0xc0..=0xdf => {
                let bits = ((first & 0x1f) as i64) << 8 | cursor.byte()? as i64;
                Element::Integer(if bits < 1 << 12 { bits } else { bits - (1 << 13) })
            }
            0xe0..=0xef => {
                let len = ((first & 0x0f) as usize) << 8 | cursor.byte()? as usize;
                Element::Bytes(cursor.take(len)?)
            }
            0xf0 => {
                let len = u32::from_le_bytes(cursor.array()?);
                Element::Bytes(cursor.take(len as usize)?)
            }
            0xf1 => Element::Integer(cursor.signed(2)?),
            0xf2 => Element::Integer(cursor.signed(3)?),
            0xf3 => Element::Integer(cursor.signed(4)?),
            0xf4 => Element::Integer(cursor.signed(8)?),
            _ => return None,
        })
    }
}

/// An element's length as it stands behind it: groups of seven bits, the highest first, all but it with the top bit set.
/// The borders between the widths are Redis's.
fn back_length(len: usize) -> ([u8; 5], usize) {
    let width = match len {
        0..=127 => 1,
        128..16383 => 2,
        16383..2097151 => 3,
        2097151..268435455 => 4,
        _ => 5,
    };
    let mut bytes = [0; 5];
    for (place, byte) in bytes[..width].iter_mut().rev().enumerate() {
        *byte = (len >> (7 * place)) as u8 & 0x7f | 0x80;
    }
    bytes[0] &= 0x7f;
    (bytes, width)
}

/// Builds a listpack element by element. Must stay below 4 GB.
#[derive(Clone, Debug)]
pub struct Builder {
    blob: Vec<u8>,
    count: usize,
}

impl Builder {
    pub fn new() -> Builder {
        Builder { blob: vec![0; HEADER_BYTES], count: 0 }
    }

    /// Appends a string; as an integer if it is the decimal form of one.
    pub fn push(&mut self, bytes: &[u8]) {
        let number = std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok());
        match number {
            Some(number) if itoa::Buffer::new().format(number).as_bytes() == bytes => self.push_integer(number),
            _ => self.push_bytes(bytes),
        }
    }

    pub fn push_integer(&mut self, number: i64) {
        let bytes = number.to_le_bytes();
        let from = self.blob.len();
        match number {
            0..=127 => self.blob.push(number as u8),
            -4096..=4095 => self.blob.extend_from_slice(&[0xc0 | (number >> 8) as u8 & 0x1f, number as u8]),
            -0x8000..=0x7fff => self.put(0xf1, &bytes[..2]),
            -0x80_0000..=0x7f_ffff => self.put(0xf2, &bytes[..3]),
            -0x8000_0000..=0x7fff_ffff => self.put(0xf3, &bytes[..4]),
            _ => self.put(0xf4, &bytes),
        }
        self.close(from);
    }

    fn push_bytes(&mut self, bytes: &[u8]) {
        let from = self.blob.len();
        match bytes.len() {
            len @ 0..64 => self.put(0x80 | len as u8, bytes),
            len @ 64..4096 => {
                self.blob.push(0xe0 | (len >> 8) as u8);
                self.put(len as u8, bytes);
            }
            len => {
                self.put(0xf0, &(len as u32).to_le_bytes());
                self.blob.extend_from_slice(bytes);
            }
        }
        self.close(from);
    }

    fn put(&mut self, first: u8, rest: &[u8]) {
        self.blob.push(first);
        self.blob.extend_from_slice(rest);
    }

    fn close(&mut self, from: usize) {
        let (bytes, width) = back_length(self.blob.len() - from);
        self.blob.extend_from_slice(&bytes[..width]);
        self.count += 1;
    }

    pub fn finish(mut self) -> Vec<u8> {
        self.blob.push(END);
        let total = self.blob.len() as u32;
        self.blob[..4].copy_from_slice(&total.to_le_bytes());
        let count = u16::try_from(self.count).unwrap_or(MANY);
        self.blob[4..6].copy_from_slice(&count.to_le_bytes());
        self.blob
    }
}

impl Default for Builder {
    fn default() -> Builder {
        Builder::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(blob: &[u8]) -> Result<Vec<Element<'_>>, &'static str> {
        elements(blob)?.collect()
    }

    fn built(strings: &[&[u8]]) -> Vec<u8> {
        let mut builder = Builder::new();
        strings.iter().for_each(|string| builder.push(string));
        builder.finish()
    }

    #[test]
    fn every_integer_encoding() {
        let borders = [7, 12, 15, 23, 31, 63].map(|bits: u32| (1i128 << bits) - 1);
        let numbers: Vec<i64> = borders
            .iter()
            .flat_map(|border| [*border, border + 1, -border - 1, -border - 2])
            .chain([0, -1, 1])
            .filter_map(|number| i64::try_from(number).ok())
            .collect();
        let mut builder = Builder::new();
        numbers.iter().for_each(|number| builder.push_integer(*number));
        let blob = builder.finish();
        let expected: Vec<_> = numbers.iter().map(|number| Element::Integer(*number)).collect();
        assert_eq!(decoded(&blob).unwrap(), expected);
    }

    #[test]
    fn every_string_and_back_length_encoding() {
        for len in [0, 1, 63, 64, 125, 126, 127, 128, 4095, 4096, 16377, 16378, 16379, 70000, 2097145, 2097146, 2097150]
        {
            let text = vec![b'x'; len];
            assert_eq!(decoded(&built(&[&text, b"7"])).unwrap(), [Element::Bytes(&text), Element::Integer(7)], "{len}");
        }
    }

    #[test]
    fn known_blob() {
        // As Redis stores ["a", 1, -1].
        assert_eq!(built(&[b"a", b"1", b"-1"]), [15, 0, 0, 0, 3, 0, 0x81, b'a', 2, 1, 1, 0xdf, 0xff, 2, 0xff]);
    }

    #[test]
    fn more_elements_than_the_header_can_count() {
        let mut builder = Builder::new();
        (0..70_000).for_each(|_| builder.push_integer(1));
        assert_eq!(decoded(&builder.finish()).unwrap().len(), 70_000);
    }

    #[test]
    fn hostile_blobs() {
        let good = built(&[b"a", b"1"]);
        let with = |at: usize, byte: u8| {
            let mut bad = good.clone();
            bad[at] = byte;
            bad
        };
        let cases = [
            (vec![7, 0, 0, 0, 0, 0], "listpack shorter than its header"),
            (with(0, 99), "listpack with a wrong size"),
            (with(4, 1), "listpack with a wrong count"),
            (with(6, 0x8f), "listpack element cut off or of unknown encoding"),
            (with(6, 0xf9), "listpack element cut off or of unknown encoding"),
            (with(8, 3), "listpack element with a wrong back length"),
            (with(9, 0xff), "listpack with bytes behind its end"),
            (with(11, 0), "listpack element with a wrong back length"),
        ];
        for (blob, error) in cases {
            assert_eq!(decoded(&blob), Err(error));
        }
        assert_eq!(decoded(&[7, 0, 0, 0, 0, 0, 0xff]).unwrap(), []);
    }

    proptest! {
        #[test]
        fn round_trip(strings in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20)) {
            let slices: Vec<&[u8]> = strings.iter().map(Vec::as_slice).collect();
            let blob = built(&slices);
            let texts: Vec<Vec<u8>> =
                decoded(&blob).unwrap().into_iter().map(|element| element.with_bytes(<[u8]>::to_vec)).collect();
            prop_assert_eq!(texts, strings);
        }

        #[test]
        fn a_changed_byte_never_panics(at in 0usize..40, byte in any::<u8>()) {
            let mut blob = built(&[b"abc", b"1", b"-70000", b"5000000000", &[7; 9]]);
            let at = at % blob.len();
            blob[at] = byte;
            let _ = decoded(&blob);
        }
    }
}
