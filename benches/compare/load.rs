//! A closed loop of load: so many connections, each with one batch of requests on its way, driven by one thread.
//!
//! Requests are GET or SET of 16-byte keys that exist, so that the length of each reply is known, and replies are counted,
//! not parsed. A reply of another kind ends the measurement.

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

const REPLY_TIMEOUT: Duration = Duration::from_secs(30);
const KEY_DIGITS: usize = 12;

/// Which key the next request is about.
pub enum Keys {
    Sequential { next: u64 },
    Random { among: u64, state: u64 },
}

impl Keys {
    pub fn random(among: u64) -> Keys {
        Keys::Random { among, state: 0x9E37_79B9_7F4A_7C15 }
    }

    fn next(&mut self) -> u64 {
        match self {
            Keys::Sequential { next } => {
                *next += 1;
                *next - 1
            }
            Keys::Random { among, state } => {
                *state ^= *state << 13;
                *state ^= *state >> 7;
                *state ^= *state << 17;
                *state % *among
            }
        }
    }
}

/// A stream of requests of one kind.
pub struct Requests {
    keys: Keys,
    template: Vec<u8>,
    key_at: usize,
    reply_start: u8,
    reply_len: usize,
}

impl Requests {
    pub fn get(keys: Keys, value_len: usize) -> Requests {
        let reply_len = format!("${value_len}\r\n").len() + value_len + 2;
        Requests::new("*2\r\n$3\r\nGET\r\n$16\r\nkey:", "\r\n", keys, b'$', reply_len)
    }

    /// Values are no numbers: Redis would keep those in another form.
    pub fn set(keys: Keys, value_len: usize) -> Requests {
        let tail = format!("\r\n${value_len}\r\n{}\r\n", "v".repeat(value_len));
        Requests::new("*3\r\n$3\r\nSET\r\n$16\r\nkey:", &tail, keys, b'+', "+OK\r\n".len())
    }

    fn new(head: &str, tail: &str, keys: Keys, reply_start: u8, reply_len: usize) -> Requests {
        let template = [head, &"0".repeat(KEY_DIGITS), tail].concat().into_bytes();
        Requests { keys, template, key_at: head.len(), reply_start, reply_len }
    }

    pub fn request_len(&self) -> usize {
        self.template.len()
    }

    /// Appends the next request.
    pub fn push(&mut self, out: &mut Vec<u8>) {
        let digits = out.len() + self.key_at..out.len() + self.key_at + KEY_DIGITS;
        out.extend_from_slice(&self.template);
        let mut key = self.keys.next();
        for digit in out[digits].iter_mut().rev() {
            *digit = b'0' + (key % 10) as u8;
            key /= 10;
        }
    }
}

/// When a run ends; what is on its way then is still awaited.
pub enum Until {
    Elapsed(Duration),
    Sent(u64),
}

pub struct Outcome {
    pub requests: u64,
    pub elapsed: Duration,
    /// From the write of a batch to its last reply, sorted.
    pub latencies_us: Vec<u32>,
}

struct Connection {
    stream: TcpStream,
    batch: Vec<u8>,
    written: usize,
    awaited_bytes: usize,
    sent_at: Instant,
}

pub struct Load {
    poll: Poll,
    connections: Vec<Connection>,
    pipeline: usize,
    buffer: Vec<u8>,
}

impl Load {
    pub fn connect(port: u16, connections: usize, pipeline: usize) -> io::Result<Load> {
        let poll = Poll::new()?;
        let connect = |token: usize| {
            let stream = std::net::TcpStream::connect(("127.0.0.1", port))?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(token), Interest::READABLE | Interest::WRITABLE)?;
            Ok(Connection { stream, batch: Vec::new(), written: 0, awaited_bytes: 0, sent_at: Instant::now() })
        };
        let connections = (0..connections).map(connect).collect::<io::Result<_>>()?;
        Ok(Load { poll, connections, pipeline, buffer: vec![0; 256 << 10] })
    }

    pub fn run(&mut self, requests: &mut Requests, until: Until) -> io::Result<Outcome> {
        let start = Instant::now();
        let (mut sent, mut latencies_us) = (0, Vec::new());
        let mut events = Events::with_capacity(self.connections.len());
        let goes_on = |sent: u64, now: Instant| match until {
            Until::Elapsed(limit) => now - start < limit,
            Until::Sent(limit) => sent < limit,
        };
        for connection in &mut self.connections {
            connection.send(requests, self.pipeline)?;
            sent += self.pipeline as u64;
        }
        let mut busy = self.connections.len();
        while busy > 0 {
            self.poll.poll(&mut events, Some(REPLY_TIMEOUT))?;
            if events.is_empty() {
                return Err(io::Error::new(ErrorKind::TimedOut, "replies are missing"));
            }
            for event in &events {
                let connection = &mut self.connections[event.token().0];
                if !connection.advance(&mut self.buffer, requests)? {
                    continue;
                }
                let now = Instant::now();
                latencies_us.push((now - connection.sent_at).as_micros() as u32);
                if goes_on(sent, now) {
                    connection.send(requests, self.pipeline)?;
                    sent += self.pipeline as u64;
                } else {
                    busy -= 1;
                }
            }
        }
        latencies_us.sort_unstable();
        Ok(Outcome { requests: sent, elapsed: start.elapsed(), latencies_us })
    }
}

impl Connection {
    fn send(&mut self, requests: &mut Requests, pipeline: usize) -> io::Result<()> {
        self.batch.clear();
        (0..pipeline).for_each(|_| requests.push(&mut self.batch));
        self.written = 0;
        self.awaited_bytes = pipeline * requests.reply_len;
        self.sent_at = Instant::now();
        self.write()
    }

    fn write(&mut self) -> io::Result<()> {
        while self.written < self.batch.len() {
            match self.stream.write(&self.batch[self.written..]) {
                Ok(len) => self.written += len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes and reads what it can; true if that has completed the batch's replies.
    fn advance(&mut self, buffer: &mut [u8], requests: &Requests) -> io::Result<bool> {
        self.write()?;
        while self.awaited_bytes > 0 {
            let len = match self.stream.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(len) => len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            };
            let at_reply_start = self.awaited_bytes.is_multiple_of(requests.reply_len);
            if len > self.awaited_bytes || (at_reply_start && buffer[0] != requests.reply_start) {
                return Err(io::Error::new(ErrorKind::InvalidData, String::from_utf8_lossy(&buffer[..len.min(80)])));
            }
            self.awaited_bytes -= len;
            if self.awaited_bytes == 0 {
                return Ok(true);
            }
            if len < buffer.len() {
                // All there was: the next byte raises the next event.
                return Ok(false);
            }
        }
        Ok(false)
    }
}

/// Fills a server with keys 0 to `keys` - 1.
pub fn preload(port: u16, keys: u64, value_len: usize) -> io::Result<()> {
    // Batches of 100: a number of keys that 100 divides is met to the key.
    let mut requests = Requests::set(Keys::Sequential { next: 0 }, value_len);
    Load::connect(port, 10, 100)?.run(&mut requests, Until::Sent(keys))?;
    Ok(())
}
