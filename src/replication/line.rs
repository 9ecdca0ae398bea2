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
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.partial)).into_owned();
        Ok(Some(line))
    }
}
