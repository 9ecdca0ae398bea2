//! A connection that sends what it likes and reads when it likes, and seeded dice for what it likes.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use super::support::server::Server;

const DEADLINE: Duration = Duration::from_secs(10);
/// No answer of these tests is longer.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

pub struct Attacker {
    stream: TcpStream,
}

impl Attacker {
    pub fn of(server: &Server) -> Attacker {
        let stream = TcpStream::connect(("127.0.0.1", server.port)).expect("the server accepts");
        stream.set_nodelay(true).expect("a socket");
        stream.set_read_timeout(Some(DEADLINE)).expect("a socket");
        stream.set_write_timeout(Some(DEADLINE)).expect("a socket");
        Attacker { stream }
    }

    /// Sends as much as the server takes: a link that it closes meanwhile is one of the right answers. The number of
    /// bytes that it took.
    pub fn throw(&mut self, bytes: &[u8]) -> usize {
        let mut sent = 0;
        while sent < bytes.len() {
            match self.stream.write(&bytes[sent..]) {
                Ok(count) => sent += count,
                Err(_) => break,
            }
        }
        sent
    }

    /// Stops writing once nothing moves for `patience`: for servers that do not read on.
    pub fn throw_until_stuck(&mut self, bytes: &[u8], patience: Duration) -> usize {
        self.stream.set_write_timeout(Some(patience)).expect("a socket");
        self.throw(bytes)
    }

    /// The next `length` bytes.
    pub fn hear(&mut self, length: usize) -> String {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).expect("the server answers");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The next line, without its end.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        while !line.ends_with("\r\n") {
            line.push_str(&self.hear(1));
        }
        line.trim_end().to_owned()
    }

    /// Sends no more; everything that the server says until it closes, which it must.
    pub fn rest(self) -> String {
        // The server may have closed first.
        let _ = self.stream.shutdown(Shutdown::Write);
        self.until_closed()
    }

    /// Everything that the server says until it closes, of its own accord.
    pub fn until_closed(mut self) -> String {
        let mut bytes = Vec::new();
        let mut piece = [0; 64 * 1024];
        loop {
            match self.stream.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => bytes.extend_from_slice(&piece[..count]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => panic!("not closed: {error}, after {} bytes", bytes.len()),
            }
            assert!(bytes.len() < ANSWER_BYTES_MAX, "an answer without end");
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// xorshift64: the same seed, the same attack.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.below(256) as u8).collect()
    }
}
