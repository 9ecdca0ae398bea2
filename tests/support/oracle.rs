//! The real redis-server beside the engine under test.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use tandem::resp::encode_command;

use crate::support::server::{Launch, Server};
use crate::value::Value;

/// The real server and a connection to it.
pub struct Oracle {
    _server: Server,
    stream: TcpStream,
}

impl Oracle {
    pub fn start() -> Oracle {
        Oracle::of(Launch::redis())
    }

    /// Started in this way.
    pub fn of(launch: Launch) -> Oracle {
        let server = launch.start();
        let stream = TcpStream::connect(("127.0.0.1", server.port)).expect("redis-server listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.set_nodelay(true).unwrap();
        Oracle { _server: server, stream }
    }

    pub fn request(&mut self, args: &[&[u8]]) -> Value {
        let mut bytes = Vec::new();
        encode_command(&mut bytes, args);
        self.stream.write_all(&bytes).unwrap();
        let (mut reply, mut piece) = (Vec::new(), [0; 16 * 1024]);
        loop {
            let len = self.stream.read(&mut piece).expect("a reply within the limit");
            assert!(len > 0, "redis-server closed the connection");
            reply.extend_from_slice(&piece[..len]);
            if let Some((value, _)) = Value::decode(&reply) {
                return value;
            }
        }
    }

    pub fn send(&mut self, words: &[&str]) -> Value {
        self.request(&words.iter().map(|word| word.as_bytes()).collect::<Vec<_>>())
    }
}
