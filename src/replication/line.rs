//! One line of a peer's reply, put together from chunks: ends at LF, loses its CR, and has a longest length.
//!
//! Whoever is at the other end may be anything: a line that does not end in time is an error, not an allocation.

use bytes::{Buf, Bytes};

/// Longest reply line; a full resync's header and Redis's longest handshake error are far below.
const LINE_BYTES_MAX: usize = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a line of more than {LINE_BYTES_MAX} bytes")]
pub(super) struct LineTooLong;

#[derive(Debug, Default)]
pub(super) struct LineBuffer {
    partial: Vec<u8>,
}

impl LineBuffer {
    /// Takes bytes off `input` up to the end of a line, and answers the line once it is whole.
    pub fn take_line(&mut self, input: &mut Bytes) -> Result<Option<String>, LineTooLong> {
        let end = memchr::memchr(b'\n', input);
        let length = end.unwrap_or(input.len());
        if self.partial.len() + length > LINE_BYTES_MAX {
            return Err(LineTooLong);
        }
        self.partial.extend_from_slice(&input[..length]);
        input.advance(length + usize::from(end.is_some()));
        if end.is_none() {
            return Ok(None);
        }
        if self.partial.last() == Some(&b'\r') {
            self.partial.pop();
        }
        let line = std::mem::take(&mut self.partial);
        // Lines end up in the log: what could write there what it likes is shown as a dot.
        Ok(Some(String::from_utf8_lossy(&line).chars().map(|c| if c.is_control() { '.' } else { c }).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_out_of_any_chunks_and_leaves_the_rest() {
        let mut line = LineBuffer::default();
        let mut input = Bytes::from_static(b"+PO");
        assert_eq!(line.take_line(&mut input), Ok(None));
        let mut input = Bytes::from_static(b"NG\r\n\n+OK\r\n");
        assert_eq!(line.take_line(&mut input), Ok(Some("+PONG".to_owned())));
        assert_eq!(line.take_line(&mut input), Ok(Some(String::new())));
        assert_eq!(line.take_line(&mut input), Ok(Some("+OK".to_owned())));
        assert!(input.is_empty());
    }

    #[test]
    fn a_line_cannot_steer_a_terminal() {
        let mut input = Bytes::from_static(b"-ERR \x1b[2J\rx\xff\n");
        assert_eq!(LineBuffer::default().take_line(&mut input), Ok(Some("-ERR .[2J.x\u{fffd}".to_owned())));
    }

    #[test]
    fn a_line_without_end_is_an_error_before_it_is_memory() {
        let mut line = LineBuffer::default();
        let mut whole = Bytes::from(vec![b'x'; LINE_BYTES_MAX]);
        assert_eq!(line.take_line(&mut whole), Ok(None));
        assert_eq!(line.take_line(&mut Bytes::from_static(b"x")), Err(LineTooLong));
    }
}
