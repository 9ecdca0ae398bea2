//! A closed loop of load: so many connections, each with one batch of requests on its way, driven by one thread.
//!
//! All requests of one run are of one shape and answered in the same number of lines, so replies are counted, not
//! parsed. An error, or a reply of another kind where a batch's replies begin, ends the measurement.

use crate::support::client::encode;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

const REPLY_TIMEOUT: Duration = Duration::from_secs(30);
/// Stands in a request's words for the next number; as many digits.
const NUMBER: &str = "############";

/// Numbers in requests: of keys, members, scores.
pub enum Numbers {
    /// 0, 1, ... below `below`, then 0 again.
    Sequential {
        next: u64,
        below: u64,
    },
    Random {
        below: u64,
        state: u64,
    },
}

impl Numbers {
    pub fn random(below: u64) -> Numbers {
        Numbers::Random { below, state: 0x9E37_79B9_7F4A_7C15 }
    }

    pub fn sequential(below: u64) -> Numbers {
        Numbers::Sequential { next: 0, below }
    }

    fn next(&mut self) -> u64 {
        match self {
            Numbers::Sequential { next, below } => {
                *next += 1;
                (*next - 1) % *below
            }
            Numbers::Random { below, state } => {
                *state ^= *state << 13;
                *state ^= *state >> 7;
                *state ^= *state << 17;
                *state % *below
            }
        }
    }
}

/// A stream of requests of one shape.
pub struct Requests {
    template: Vec<u8>,
    /// Where numbers lie in the template, and which of the two sources each is from.
    numbers: Vec<usize>,
    keys: Numbers,
    members: Numbers,
    reply_start: u8,
    reply_lines: usize,
}

impl Requests {
    pub fn get(keys: Numbers) -> Requests {
        Requests::new("GET key:############", keys, b'$', 2)
    }

    /// Values are no numbers: Redis would keep those in another form.
    pub fn set(keys: Numbers, value_len: usize) -> Requests {
        Requests::new(&format!("SET key:############ {}", "v".repeat(value_len)), keys, b'+', 1)
    }

    /// Words split at spaces. Each `############` is a number: in the word after the command from `keys`, in others a
    /// running one.
    pub fn new(line: &str, keys: Numbers, reply_start: u8, reply_lines: usize) -> Requests {
        let words: Vec<&str> = line.split(' ').collect();
        let template = encode(&words);
        let numbers = memchr::memmem::find_iter(&template, NUMBER).collect();
        Requests { template, numbers, keys, members: Numbers::sequential(u64::MAX), reply_start, reply_lines }
    }

    /// All numbers are from `keys`, the running one is not used.
    pub fn of_keys_only(line: &str, keys: Numbers, reply_start: u8, reply_lines: usize) -> Requests {
        let mut requests = Requests::new(line, keys, reply_start, reply_lines);
        requests.members = Numbers::random(match requests.keys {
            Numbers::Sequential { below, .. } | Numbers::Random { below, .. } => below,
        });
        requests
    }

    pub fn request_len(&self) -> usize {
        self.template.len()
    }

    /// Appends the next request.
    pub fn push(&mut self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.template);
        for (nth, at) in self.numbers.iter().enumerate() {
            let mut number = if nth == 0 { self.keys.next() } else { self.members.next() };
            for digit in out[start + at..][..NUMBER.len()].iter_mut().rev() {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
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
    /// Lines of the batch's replies, and those that have not come yet.
    batch_lines: usize,
    awaited_lines: usize,
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
            Ok(Connection {
                stream,
                batch: Vec::new(),
                written: 0,
                batch_lines: 0,
                awaited_lines: 0,
                sent_at: Instant::now(),
            })
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
        self.batch_lines = pipeline * requests.reply_lines;
        self.awaited_lines = self.batch_lines;
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
        while self.awaited_lines > 0 {
            let len = match self.stream.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(len) => len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            };
            let lines = memchr::memchr_iter(b'\n', &buffer[..len]).count();
            let starts = self.awaited_lines == self.batch_lines;
            if lines > self.awaited_lines || (starts && buffer[0] != requests.reply_start) {
                return Err(io::Error::new(ErrorKind::InvalidData, String::from_utf8_lossy(&buffer[..len.min(400)])));
            }
            self.awaited_lines -= lines;
            if self.awaited_lines == 0 {
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
    fill(port, Requests::set(Numbers::sequential(keys), value_len), keys)
}

/// Sends so many requests, a multiple of 1,000.
pub fn fill(port: u16, mut requests: Requests, count: u64) -> io::Result<()> {
    // Batches of 100 by 10 connections: a number that 1,000 divides is met.
    Load::connect(port, 10, 100)?.run(&mut requests, Until::Sent(count))?;
    Ok(())
}
