//! The reader's view of its source: a buffer that lends slices, counts bytes and keeps the checksum.
//!
//! A slice of any length is lent contiguous; the buffer grows with the bytes that have arrived, never with a length that
//! somebody claims. The checksum is taken in bulk when the buffer is refilled, so single bytes cost nothing for it.

use std::io::{ErrorKind, Read};

use super::crc::StreamCrc;
use super::error::{Fault, RdbError};
use super::format::{ENCODED, LENGTH_32, LENGTH_64, Length, encoding};
use super::lzf;

/// The buffer's usual size for a stream.
pub(super) const BUFFER_BYTES: usize = 256 << 10;

pub(super) struct Input<R> {
    source: R,
    buffer: Vec<u8>,
    /// The size that the buffer starts with and returns to.
    usual_bytes: usize,
    /// `buffer[start..end]` has arrived and is not consumed.
    start: usize,
    end: usize,
    /// `buffer[hashed..start]` is consumed and not yet in the checksum.
    hashed: usize,
    /// Offset of `buffer[0]` in the payload.
    base: u64,
    crc: StreamCrc,
    /// Strings that do not stand in the input as they are: integers, LZF.
    decoded: Vec<u8>,
}

impl<R: Read> Input<R> {
    pub fn new(source: R, usual_bytes: usize) -> Input<R> {
        Input {
            source,
            buffer: Vec::new(),
            usual_bytes: usual_bytes.max(1),
            start: 0,
            end: 0,
            hashed: 0,
            base: 0,
            crc: StreamCrc::new(),
            decoded: Vec::new(),
        }
    }

    /// Bytes consumed.
    pub fn offset(&self) -> u64 {
        self.base + self.start as u64
    }

    pub fn error(&self, fault: Fault) -> RdbError {
        RdbError { fault, offset: self.offset(), key: None }
    }

    pub fn corrupt(&self, what: &'static str) -> RdbError {
        self.error(Fault::Corrupt(what))
    }

    /// Checksum of all bytes consumed.
    pub fn checksum(&mut self) -> u64 {
        self.hash();
        self.crc.value()
    }

    fn hash(&mut self) {
        self.crc.update(&self.buffer[self.hashed..self.start]);
        self.hashed = self.start;
    }

    /// The source, and what was read from it beyond the bytes consumed.
    pub fn into_rest(mut self) -> (Vec<u8>, R) {
        self.buffer.truncate(self.end);
        self.buffer.drain(..self.start);
        (self.buffer, self.source)
    }

    /// Makes `need` bytes available in the buffer.
    #[inline]
    fn fill(&mut self, need: usize) -> Result<(), RdbError> {
        if self.end - self.start >= need { Ok(()) } else { self.refill(need) }
    }

    #[cold]
    fn refill(&mut self, need: usize) -> Result<(), RdbError> {
        self.hash();
        self.buffer.copy_within(self.start..self.end, 0);
        self.base += self.start as u64;
        self.end -= self.start;
        (self.start, self.hashed) = (0, 0);
        self.shrink(need);
        while self.end < need {
            if self.end == self.buffer.len() {
                let len = need.min(self.buffer.len().saturating_mul(2)).max(self.usual_bytes);
                self.buffer.resize(len, 0);
            }
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(0) => return Err(self.error(Fault::Truncated)),
                Ok(count) => self.end += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.error(Fault::Io(error))),
            }
        }
        Ok(())
    }

    /// Gives memory back that one long string had needed.
    fn shrink(&mut self, need: usize) {
        if self.buffer.len() > 4 * self.usual_bytes && need.max(self.end) <= self.usual_bytes {
            self.buffer.truncate(self.usual_bytes);
            self.buffer.shrink_to_fit();
        }
    }

    #[inline]
    pub fn byte(&mut self) -> Result<u8, RdbError> {
        self.fill(1)?;
        let byte = self.buffer[self.start];
        self.start += 1;
        Ok(byte)
    }

    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], RdbError> {
        self.fill(N)?;
        let array = self.buffer[self.start..self.start + N].try_into().expect("N bytes were asked for");
        self.start += N;
        Ok(array)
    }

    /// The next `len` bytes.
    #[inline]
    pub fn slice(&mut self, len: u64) -> Result<&[u8], RdbError> {
        let len = usize::try_from(len).map_err(|_| self.corrupt("length beyond the address space"))?;
        self.fill(len)?;
        let from = self.start;
        self.start += len;
        Ok(&self.buffer[from..self.start])
    }

    #[inline]
    pub fn length_or_encoding(&mut self) -> Result<Length, RdbError> {
        let first = self.byte()?;
        Ok(match first >> 6 {
            0 => Length::Plain(first as u64),
            1 => Length::Plain(((first & 0x3f) as u64) << 8 | self.byte()? as u64),
            3 => Length::Encoded(first & !ENCODED),
            _ if first == LENGTH_32 => Length::Plain(u32::from_be_bytes(self.array()?) as u64),
            _ if first == LENGTH_64 => Length::Plain(u64::from_be_bytes(self.array()?)),
            _ => return Err(self.corrupt("unknown length encoding")),
        })
    }

    /// A length where no encoded string may stand.
    pub fn length(&mut self) -> Result<u64, RdbError> {
        match self.length_or_encoding()? {
            Length::Plain(length) => Ok(length),
            Length::Encoded(_) => Err(self.corrupt("string encoding in place of a length")),
        }
    }

    /// The next string, in place if it stands there as it is.
    #[inline]
    pub fn string(&mut self) -> Result<&[u8], RdbError> {
        match self.length_or_encoding()? {
            Length::Plain(len) => self.slice(len),
            Length::Encoded(encoding) => self.encoded_string(encoding),
        }
    }

    fn encoded_string(&mut self, encoding: u8) -> Result<&[u8], RdbError> {
        let number = match encoding {
            encoding::INT8 => i8::from_le_bytes(self.array()?) as i32,
            encoding::INT16 => i16::from_le_bytes(self.array()?) as i32,
            encoding::INT32 => i32::from_le_bytes(self.array()?),
            encoding::LZF => return self.lzf_string(),
            _ => return Err(self.corrupt("unknown string encoding")),
        };
        self.decoded.clear();
        self.decoded.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        Ok(&self.decoded)
    }

    fn lzf_string(&mut self) -> Result<&[u8], RdbError> {
        let compressed = self.length()?;
        let len = self.length()?;
        let len = usize::try_from(len).map_err(|_| self.corrupt("length beyond the address space"))?;
        let mut decoded = std::mem::take(&mut self.decoded);
        if decoded.capacity() > 4 * BUFFER_BYTES {
            decoded = Vec::new();
        }
        let result = lzf::decompress(self.slice(compressed)?, len, &mut decoded);
        self.decoded = decoded;
        result.map_err(|what| self.corrupt(what))?;
        Ok(&self.decoded)
    }

    /// A Unix time or a duration in milliseconds.
    pub fn milliseconds(&mut self) -> Result<i64, RdbError> {
        Ok(i64::from_le_bytes(self.array()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its bytes one at a time.
    struct Trickle<'a>(&'a [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            buffer[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    fn strings(bytes: &[u8]) -> Result<Vec<u8>, String> {
        let read = |mut input: Input<&mut dyn Read>| match input.string() {
            Ok(string) => Ok(string.to_vec()),
            Err(error) => Err(error.to_string()),
        };
        let whole = read(Input::new(&mut &bytes[..], BUFFER_BYTES));
        assert_eq!(whole, read(Input::new(&mut Trickle(bytes), 1)), "however the bytes arrive");
        whole
    }

    #[test]
    fn every_string_encoding() {
        let long = |head: &[u8], len: usize| [head, &vec![b'x'; len]].concat();
        assert_eq!(strings(&[0]).unwrap(), b"");
        assert_eq!(strings(b"\x03abc").unwrap(), b"abc");
        assert_eq!(strings(&long(&[0x40, 63], 63)).unwrap().len(), 63);
        assert_eq!(strings(&long(&[0x41, 0], 256)).unwrap().len(), 256);
        assert_eq!(strings(&long(&[0x80, 0, 0, 0x40, 0], 16384)).unwrap().len(), 16384);
        assert_eq!(strings(&long(&[0x81, 0, 0, 0, 0, 0, 0, 0, 5], 5)).unwrap().len(), 5);
        assert_eq!(strings(&[0xc0, 0x80]).unwrap(), b"-128");
        assert_eq!(strings(&[0xc1, 0xff, 0x7f]).unwrap(), b"32767");
        assert_eq!(strings(&[0xc2, 0, 0, 0, 0x80]).unwrap(), b"-2147483648");
        assert_eq!(strings(&[0xc3, 4, 4, 0, b'a', 0x20, 0]).unwrap(), b"aaaa");
    }

    #[test]
    fn bad_strings_name_what_and_where() {
        let cases: &[(&[u8], &str)] = &[
            (&[], "unexpected end of the payload at byte 0"),
            (&[0x40], "unexpected end of the payload at byte 1"),
            (&[0x80, 0, 0, 0], "unexpected end of the payload at byte 1"),
            (&[5, b'a'], "unexpected end of the payload at byte 1"),
            (&[0x81, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "unexpected end of the payload at byte 9"),
            (&[0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "unexpected end of the payload at byte 9"),
            (&[0x82], "unknown length encoding at byte 1"),
            (&[0xc4], "unknown string encoding at byte 1"),
            (&[0xc3, 0xc0], "string encoding in place of a length at byte 2"),
            (&[0xc3, 4, 5, 0, b'a', 0x20, 0], "LZF data shorter than it claims at byte 7"),
        ];
        for (bytes, message) in cases {
            assert_eq!(strings(bytes).unwrap_err(), *message, "{bytes:?}");
        }
    }

    #[test]
    fn claimed_lengths_allocate_in_proportion_to_what_arrives() {
        let head = [0x81, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        let bytes = [&head[..], &vec![0; 3 << 20]].concat();
        let mut input = Input::new(&bytes[..], BUFFER_BYTES);
        assert!(input.string().unwrap_err().is_truncated());
        assert!(input.buffer.capacity() <= 8 << 20, "{}", input.buffer.capacity());
    }

    #[test]
    fn the_buffer_shrinks_after_a_long_string() {
        let long = 3 << 20;
        let head = [&[LENGTH_32][..], &(long as u32).to_be_bytes()].concat();
        let bytes = [&head[..], &vec![1; long], &vec![0; 2 * BUFFER_BYTES]].concat();
        let mut input = Input::new(&bytes[..], BUFFER_BYTES);
        assert_eq!(input.string().unwrap().len(), long);
        for _ in 0..2 * BUFFER_BYTES {
            assert_eq!(input.byte().unwrap(), 0);
        }
        assert!(input.buffer.capacity() <= 2 * BUFFER_BYTES);
        assert_eq!(input.checksum(), super::super::crc::of_payload(&bytes));
    }

    #[test]
    fn what_lies_behind_is_handed_back() {
        let mut input = Input::new(&b"\x03abcrest"[..], BUFFER_BYTES);
        assert_eq!(input.string().unwrap(), b"abc");
        let (buffered, source) = input.into_rest();
        assert_eq!([&buffered[..], source].concat(), b"rest");
    }
}
