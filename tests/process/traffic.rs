//! Writes of many kinds, drawn from a seed, as fast as the server answers, until stopped.

use super::support::client::{Client, Reply, encode};
use super::support::server::Server;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

const KEYS: u64 = 500;
const DATABASES: u64 = 3;
/// Requests on their way at once.
const BATCH: usize = 20;

pub struct Traffic {
    stop: Arc<AtomicBool>,
    writer: JoinHandle<u64>,
}

impl Traffic {
    pub fn on(server: &Server, seed: u64) -> Traffic {
        let stop = Arc::new(AtomicBool::new(false));
        let (client, stopped) = (server.client(), stop.clone());
        let writer = thread::spawn(move || write(client, Dice(seed), &stopped));
        Traffic { stop, writer }
    }

    /// The number of requests answered, once no more are on their way.
    pub fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        let answered = self.writer.join().expect("the master takes all writes");
        assert!(answered > 0, "traffic that wrote nothing shows nothing");
        answered
    }
}

fn write(mut client: Client, mut dice: Dice, stopped: &AtomicBool) -> u64 {
    let mut answered = 0;
    while !stopped.load(Ordering::Relaxed) {
        let requests: Vec<_> = (0..BATCH).flat_map(|_| draw(&mut dice)).collect();
        let bytes: Vec<u8> = requests.iter().flat_map(|line| encode(&line.split(' ').collect::<Vec<_>>())).collect();
        client.send(&bytes).expect("the server reads");
        for request in &requests {
            check(request, &client.receive().expect("the server answers"));
            answered += 1;
        }
    }
    answered
}

/// Values of the wrong form and missing keys are part of the game; any other refusal is not.
fn check(request: &str, reply: &Reply) {
    let expected = ["ERR value is not", "ERR no such key", "ERR increment"];
    if let Reply::Error(error) = reply {
        assert!(expected.iter().any(|start| error.starts_with(start)), "{request}: {error}");
    }
}

/// One request, or the few of a transaction.
fn draw(dice: &mut Dice) -> Vec<String> {
    let (key, other) = (dice.key(), dice.key());
    let number = dice.below(100_000);
    let one = |line: String| vec![line];
    match dice.below(16) {
        0 => one(format!("SELECT {}", number % DATABASES)),
        1 => one(format!("SET {key} {}", "x".repeat(number as usize % 3000))),
        2 => one(format!("SET {key} value-{number} PX {}", 20 + number % 500)),
        3 => one(format!("SET {key} {number} EX 1000")),
        4 => one(format!("INCRBY {key} {number}")),
        5 => one(format!("INCRBYFLOAT {key} 0.{number}")),
        6 => one(format!("APPEND {key} -{number}")),
        7 => one(format!("SETRANGE {key} {} patch", number % 200)),
        8 => one(format!("DEL {key} {other}")),
        9 => one(format!("MSET {key} {number} {other} {number}")),
        10 => one(format!("PEXPIRE {key} {}", 20 + number % 5000)),
        11 => one(format!("PERSIST {key}")),
        12 => one(format!("RENAME {key} {other}")),
        13 => one(format!("GETEX {key} EX {}", 1 + number % 50)),
        14 => one(format!("SETNX {key} {number}")),
        _ => ["MULTI".to_owned(), format!("SET {key} {number}"), format!("INCR {key}"), "EXEC".to_owned()].into(),
    }
}

/// xorshift64: the same seed, the same writes.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn key(&mut self) -> String {
        format!("key:{}", self.below(KEYS))
    }
}
