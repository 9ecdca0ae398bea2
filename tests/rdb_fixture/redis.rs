//! A real redis-server: started on a free port in a folder of its own, stopped when dropped.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);

/// A folder that is removed when dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("tandem-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub struct Redis {
    process: Child,
    connection: BufReader<TcpStream>,
}

/// A reply of RESP2.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    Simple(String),
    Error(String),
    Integer(i64),
    Bulk(Vec<u8>),
    Nil,
    Array(Vec<Reply>),
}

impl Redis {
    /// Starts in `folder`, loading its dump.rdb if there is one.
    pub fn start(folder: &Path, arguments: &[&str]) -> Redis {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
            .arg(folder)
            .args(["--enable-debug-command", "yes"])
            .args(arguments)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server must be installed: apt-get install redis-server");
        let mut redis = Redis { process, connection: BufReader::new(connect(port)) };
        let deadline = Instant::now() + PATIENCE;
        while redis.command(&["PING"]) != Reply::Simple("PONG".into()) {
            assert!(Instant::now() < deadline, "redis-server does not finish loading");
            std::thread::sleep(Duration::from_millis(20));
        }
        redis
    }

    pub fn command<T: AsRef<[u8]>>(&mut self, arguments: &[T]) -> Reply {
        let mut request = format!("*{}\r\n", arguments.len()).into_bytes();
        for argument in arguments {
            request.extend_from_slice(format!("${}\r\n", argument.as_ref().len()).as_bytes());
            request.extend_from_slice(argument.as_ref());
            request.extend_from_slice(b"\r\n");
        }
        self.connection.get_mut().write_all(&request).unwrap();
        self.reply()
    }

    /// A command of words that must not fail.
    pub fn run(&mut self, words: &str) -> Reply {
        let words: Vec<&str> = words.split(' ').collect();
        self.ok(&words)
    }

    /// A command that must not fail.
    pub fn ok<T: AsRef<[u8]>>(&mut self, arguments: &[T]) -> Reply {
        match self.command(arguments) {
            Reply::Error(error) => panic!("{}: {error}", arguments[0].as_ref().escape_ascii()),
            reply => reply,
        }
    }

    fn reply(&mut self) -> Reply {
        let mut line = String::new();
        self.connection.read_line(&mut line).unwrap();
        let (kind, rest) = line.trim_end().split_at(1);
        match kind {
            "+" => Reply::Simple(rest.into()),
            "-" => Reply::Error(rest.into()),
            ":" => Reply::Integer(rest.parse().unwrap()),
            "$" if rest == "-1" => Reply::Nil,
            "$" => {
                let mut bytes = vec![0; rest.parse::<usize>().unwrap() + 2];
                self.connection.read_exact(&mut bytes).unwrap();
                bytes.truncate(bytes.len() - 2);
                Reply::Bulk(bytes)
            }
            "*" if rest == "-1" => Reply::Nil,
            "*" => Reply::Array((0..rest.parse().unwrap()).map(|_| self.reply()).collect()),
            _ => panic!("not a reply: {line}"),
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn connect(port: u16) -> TcpStream {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => {
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                return stream;
            }
            Err(error) => assert!(Instant::now() < deadline, "redis-server does not listen: {error}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl Reply {
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Reply::Bulk(bytes) => bytes.clone(),
            Reply::Simple(text) => text.clone().into_bytes(),
            Reply::Integer(number) => number.to_string().into_bytes(),
            other => panic!("not a string: {other:?}"),
        }
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.bytes()).unwrap()
    }

    pub fn number(&self) -> i64 {
        match self {
            Reply::Integer(number) => *number,
            other => panic!("not a number: {other:?}"),
        }
    }

    pub fn array(&self) -> &[Reply] {
        match self {
            Reply::Array(replies) => replies,
            other => panic!("not an array: {other:?}"),
        }
    }

    pub fn strings(&self) -> Vec<Vec<u8>> {
        self.array().iter().map(Reply::bytes).collect()
    }

    /// The value of `name` in a map that is sent as an array.
    pub fn field(&self, name: &str) -> &Reply {
        let pair = self.array().chunks(2).find(|pair| pair[0].bytes() == name.as_bytes());
        &pair.unwrap_or_else(|| panic!("no {name} in {self:?}"))[1]
    }
}
