//! A request that is put together word by word, in canonical form, over memory that is used again.

use super::request::{Args, Span};

/// One request at a time.
#[derive(Debug, Default)]
pub struct CommandBuffer {
    bytes: Vec<u8>,
    spans: Vec<Span>,
}

impl CommandBuffer {
    /// A new request of `words` words follows. Memory beyond `kept_bytes` is given back.
    pub fn begin(&mut self, words: usize, kept_bytes: usize) {
        if self.bytes.capacity() > kept_bytes {
            self.bytes = Vec::new();
        }
        self.bytes.clear();
        self.spans.clear();
        self.spans.shrink_to(kept_bytes / size_of::<Span>());
        self.header(b'*', words);
    }

    pub fn push(&mut self, word: &[u8]) {
        self.header(b'$', word.len());
        let start = self.bytes.len();
        self.bytes.extend_from_slice(word);
        self.spans.push(Span { start, end: self.bytes.len() });
        self.bytes.extend_from_slice(b"\r\n");
    }

    #[inline]
    fn header(&mut self, kind: u8, number: usize) {
        if let digit @ 0..=9 = number as u64 {
            self.bytes.extend_from_slice(&[kind, b'0' + digit as u8, b'\r', b'\n']);
            return;
        }
        self.bytes.push(kind);
        self.bytes.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        self.bytes.extend_from_slice(b"\r\n");
    }

    pub fn args(&self) -> Args<'_> {
        Args::canonical(&self.bytes, &self.spans)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_make_a_canonical_request() {
        let mut buffer = CommandBuffer::default();
        for words in [&[b"GET".as_slice(), b"a-longer-key"], &[b"PING".as_slice(), b""]] {
            buffer.begin(words.len(), 1024);
            words.iter().for_each(|word| buffer.push(word));
            assert_eq!(buffer.args().iter().collect::<Vec<_>>(), words);
            let mut expected = Vec::new();
            super::super::encode_command(&mut expected, words);
            assert_eq!(buffer.args().raw(), expected);
        }
    }
}
