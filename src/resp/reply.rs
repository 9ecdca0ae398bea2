//! Replies, written into the client's outbox in its protocol. RESP3's types fall back to Redis's RESP2 forms.

use super::DoubleText;

/// What the client speaks: HELLO chooses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    #[default]
    Resp2,
    Resp3,
}

/// Beside its text: a header with its length, a format, and two line ends, at most.
const VERBATIM_FRAME_BYTES: usize = 32;

/// Writes one reply after the other into a buffer.
#[derive(Debug, Default)]
pub struct Reply {
    pub buffer: Vec<u8>,
    pub protocol: Protocol,
}

impl Reply {
    pub fn new(protocol: Protocol) -> Reply {
        Reply { buffer: Vec::new(), protocol }
    }

    fn is_resp3(&self) -> bool {
        self.protocol == Protocol::Resp3
    }

    /// `+OK`.
    pub fn ok(&mut self) {
        self.buffer.extend_from_slice(b"+OK\r\n");
    }

    /// A status line without CR or LF.
    pub fn simple(&mut self, text: &str) {
        self.line(b'+', text.as_bytes());
    }

    /// An error line, code first; CR and LF in it (it may quote the client) become spaces.
    pub fn error(&mut self, text: &str) {
        self.buffer.push(b'-');
        let clean = text.bytes().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte });
        self.buffer.extend(clean);
        self.buffer.extend_from_slice(b"\r\n");
    }

    pub fn int(&mut self, number: i64) {
        self.header(b':', number);
    }

    pub fn bulk(&mut self, bytes: &[u8]) {
        self.header(b'$', bytes.len() as i64);
        self.buffer.extend_from_slice(bytes);
        self.buffer.extend_from_slice(b"\r\n");
    }

    /// A bulk string given in pieces of `len` bytes together.
    pub fn bulk_chunks<'a>(&mut self, len: usize, chunks: impl Iterator<Item = &'a [u8]>) {
        self.header(b'$', len as i64);
        for chunk in chunks {
            self.buffer.extend_from_slice(chunk);
        }
        self.buffer.extend_from_slice(b"\r\n");
    }

    /// The null that stands for a missing bulk string.
    pub fn null(&mut self) {
        self.buffer.extend_from_slice(if self.is_resp3() { b"_\r\n" } else { b"$-1\r\n" });
    }

    /// The null that stands for a missing array.
    pub fn null_array(&mut self) {
        self.buffer.extend_from_slice(if self.is_resp3() { b"_\r\n" } else { b"*-1\r\n" });
    }

    pub fn array(&mut self, len: usize) {
        self.header(b'*', len as i64);
    }

    /// `pairs` keys and values follow; flat in RESP2.
    pub fn map(&mut self, pairs: usize) {
        if self.is_resp3() { self.header(b'%', pairs as i64) } else { self.header(b'*', 2 * pairs as i64) }
    }

    pub fn set(&mut self, len: usize) {
        self.header(if self.is_resp3() { b'~' } else { b'*' }, len as i64);
    }

    /// Out-of-band data; an array in RESP2.
    pub fn push(&mut self, len: usize) {
        self.header(if self.is_resp3() { b'>' } else { b'*' }, len as i64);
    }

    /// Attributes of the reply that follows; RESP3 only, RESP2 clients must not be sent them.
    pub fn attribute(&mut self, pairs: usize) {
        debug_assert!(self.is_resp3());
        self.header(b'|', pairs as i64);
    }

    pub fn bool(&mut self, truth: bool) {
        match (self.is_resp3(), truth) {
            (true, true) => self.buffer.extend_from_slice(b"#t\r\n"),
            (true, false) => self.buffer.extend_from_slice(b"#f\r\n"),
            (false, _) => self.int(truth as i64),
        }
    }

    /// A double in its printed form; a bulk string in RESP2.
    pub fn double(&mut self, printed: &str) {
        if self.is_resp3() { self.line(b',', printed.as_bytes()) } else { self.bulk(printed.as_bytes()) }
    }

    /// A double with up to 17 digits.
    pub fn float(&mut self, number: f64) {
        let text = DoubleText::new(number);
        if self.is_resp3() { self.line(b',', &text) } else { self.bulk(&text) }
    }

    pub fn big_number(&mut self, digits: &str) {
        if self.is_resp3() { self.line(b'(', digits.as_bytes()) } else { self.bulk(digits.as_bytes()) }
    }

    /// Text with a three-letter format (`txt`, `mkd`); a bulk string in RESP2.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) {
        // A long text would make the buffer double for its line end.
        self.buffer.reserve_exact(text.len() + VERBATIM_FRAME_BYTES);
        if !self.is_resp3() {
            return self.bulk(text);
        }
        self.header(b'=', text.len() as i64 + 4);
        self.buffer.extend_from_slice(format.as_bytes());
        self.buffer.push(b':');
        self.buffer.extend_from_slice(text);
        self.buffer.extend_from_slice(b"\r\n");
    }

    fn line(&mut self, kind: u8, text: &[u8]) {
        self.buffer.push(kind);
        self.buffer.extend_from_slice(text);
        self.buffer.extend_from_slice(b"\r\n");
    }

    #[inline]
    fn header(&mut self, kind: u8, number: i64) {
        if let Ok(digit @ 0..=9) = u8::try_from(number) {
            self.buffer.extend_from_slice(&[kind, b'0' + digit, b'\r', b'\n']);
            return;
        }
        let mut digits = itoa::Buffer::new();
        self.line(kind, digits.format(number).as_bytes());
    }
}
