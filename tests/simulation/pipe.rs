//! One direction of a connection: bytes on their way, in order, each not before its time.

use std::collections::VecDeque;

use tandem::time::Millis;

/// Bytes that may be on their way before the sender has to wait.
const WINDOW_BYTES: usize = 32 * 1024;

#[derive(Default)]
pub struct Pipe {
    pieces: VecDeque<(Millis, Vec<u8>)>,
    in_flight_bytes: usize,
    last_due: Millis,
}

impl Pipe {
    /// Bytes that the sender may write now.
    pub fn room(&self) -> usize {
        WINDOW_BYTES.saturating_sub(self.in_flight_bytes)
    }

    pub fn send(&mut self, due: Millis, bytes: Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        self.last_due = self.last_due.max(due);
        self.in_flight_bytes += bytes.len();
        self.pieces.push_back((self.last_due, bytes));
    }

    /// At most `max_bytes` of what has arrived.
    pub fn receive(&mut self, now: Millis, max_bytes: usize) -> Option<Vec<u8>> {
        let (due, bytes) = self.pieces.front_mut()?;
        if *due > now {
            return None;
        }
        let rest = bytes.split_off(max_bytes.min(bytes.len()));
        let received = std::mem::replace(bytes, rest);
        if bytes.is_empty() {
            self.pieces.pop_front();
        }
        self.in_flight_bytes -= received.len();
        Some(received)
    }

    /// The connection is cut: of what is on its way, `kept` bytes still arrive.
    pub fn cut(&mut self, kept: usize) {
        let mut left = kept;
        for (_, bytes) in &mut self.pieces {
            bytes.truncate(left);
            left -= bytes.len();
        }
        self.pieces.retain(|(_, bytes)| !bytes.is_empty());
        self.in_flight_bytes = kept - left;
    }

    pub fn in_flight_bytes(&self) -> usize {
        self.in_flight_bytes
    }

    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }
}
