//! A blocking RESP2 client: one connection, requests in, replies out.
//!
//! It is for servers that we started ourselves: a reply that is no RESP is an IO error, but nothing bounds the size of one.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const REPLY_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    Simple(String),
    Error(String),
    Integer(i64),
    Bulk(Vec<u8>),
    Array(Vec<Reply>),
    Nil,
}

impl Reply {
    pub fn is_error(&self) -> bool {
        matches!(self, Reply::Error(_))
    }
}

/// The reply as a human would read it; what tests compare.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reply::Simple(text) | Reply::Error(text) => f.write_str(text),
            Reply::Integer(number) => write!(f, "{number}"),
            Reply::Bulk(bytes) => f.write_str(&String::from_utf8_lossy(bytes)),
            Reply::Array(items) => items.iter().try_for_each(|item| writeln!(f, "{item}")),
            Reply::Nil => f.write_str("(nil)"),
        }
    }
}

pub struct Client {
    reader: BufReader<TcpStream>,
}

impl Client {
    pub fn connect(port: u16) -> io::Result<Client> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(REPLY_TIMEOUT))?;
        stream.set_write_timeout(Some(REPLY_TIMEOUT))?;
        Ok(Client { reader: BufReader::new(stream) })
    }

    /// Sends one request and waits for its reply.
    pub fn request<A: AsRef<[u8]>>(&mut self, args: &[A]) -> io::Result<Reply> {
        self.send(&encode(args))?;
        self.receive()
    }

    /// As `request`, of words split at spaces; panics if the connection fails or the server refuses.
    pub fn call(&mut self, line: &str) -> Reply {
        let words: Vec<&str> = line.split(' ').collect();
        let reply = self.request(&words).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert!(!reply.is_error(), "{line}: {reply}");
        reply
    }

    /// The error of a request that the server must refuse.
    pub fn refusal(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split(' ').collect();
        match self.request(&words) {
            Ok(Reply::Error(error)) => error,
            other => panic!("{line}: {other:?}"),
        }
    }

    /// Bytes of any number of requests; their replies are read by `receive`, one by one.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.reader.get_mut().write_all(bytes)
    }

    pub fn receive(&mut self) -> io::Result<Reply> {
        let line = self.line()?;
        let (kind, rest) = line.split_at_checked(1).ok_or_else(|| malformed(&line))?;
        match kind {
            "+" => Ok(Reply::Simple(rest.to_owned())),
            "-" => Ok(Reply::Error(rest.to_owned())),
            ":" => Ok(Reply::Integer(number(rest)?)),
            "$" => self.bulk(number(rest)?),
            "*" => self.array(number(rest)?),
            _ => Err(malformed(&line)),
        }
    }

    /// One field of INFO, or nothing if the server does not have it.
    pub fn info(&mut self, field: &str) -> Option<String> {
        let info = self.call("INFO").to_string();
        let value = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.map(str::to_owned)
    }

    /// A field of INFO that counts something.
    pub fn count(&mut self, field: &str) -> u64 {
        let value = self.info(field).unwrap_or_else(|| panic!("INFO has no {field}"));
        value.parse().unwrap_or_else(|_| panic!("{field}:{value} is no number"))
    }

    /// A second handle on the same connection, so that one thread can write while another reads.
    pub fn writer(&self) -> io::Result<TcpStream> {
        self.reader.get_ref().try_clone()
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        match line.strip_suffix("\r\n") {
            Some(text) => Ok(text.to_owned()),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn bulk(&mut self, len: i64) -> io::Result<Reply> {
        let Ok(len) = usize::try_from(len) else { return Ok(Reply::Nil) };
        let mut bytes = vec![0; len + 2];
        self.reader.read_exact(&mut bytes)?;
        bytes.truncate(len);
        Ok(Reply::Bulk(bytes))
    }

    fn array(&mut self, len: i64) -> io::Result<Reply> {
        if len < 0 {
            return Ok(Reply::Nil);
        }
        (0..len).map(|_| self.receive()).collect::<io::Result<_>>().map(Reply::Array)
    }
}

/// A request as Redis's clients send it: an array of bulks.
pub fn encode<A: AsRef<[u8]>>(args: &[A]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args.iter().map(AsRef::as_ref) {
        bytes.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        bytes.extend_from_slice(arg);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

fn number(text: &str) -> io::Result<i64> {
    text.parse().map_err(|_| malformed(text))
}

fn malformed(line: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("no RESP: {line:?}"))
}
