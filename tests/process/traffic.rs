//! Writes of all types, drawn from a seed, some 5,000 a second, until stopped.

use super::requests::Requests;
use super::support::client::{Client, Reply, encode};
use super::support::server::Server;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tandem::command::{CommandTable, Flags};

const KEYS: usize = 50;
const DATABASES: u64 = 3;
/// Requests on their way at once, and how often so many are sent.
const BATCH: usize = 50;
const PACE: Duration = Duration::from_millis(10);

pub struct Traffic {
    stop: Arc<AtomicBool>,
    writer: JoinHandle<u64>,
}

impl Traffic {
    pub fn on(server: &Server, seed: u64) -> Traffic {
        let stop = Arc::new(AtomicBool::new(false));
        let (client, stopped) = (server.client(), stop.clone());
        let writer = thread::spawn(move || write(client, Requests::new(seed, KEYS), &stopped));
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

fn write(mut client: Client, mut requests: Requests, stopped: &AtomicBool) -> u64 {
    let table = CommandTable::new();
    let (mut answered, mut due) = (0, Instant::now());
    while !stopped.load(Ordering::Relaxed) {
        due += PACE;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let batch: Vec<Vec<String>> = (0..BATCH).map(|_| draw(&table, &mut requests)).collect();
        let bytes: Vec<u8> = batch.iter().flat_map(|request| encode(request)).collect();
        client.send(&bytes).expect("the server reads");
        for request in &batch {
            check(request, &client.receive().expect("the server answers"));
            answered += 1;
        }
    }
    answered
}

/// Values of the wrong form and missing keys are part of the game; a refusal to write is not.
fn check(request: &[String], reply: &Reply) {
    let refusals = ["READONLY", "LOADING", "MASTERDOWN", "MISCONF", "NOREPLICAS", "OOM", "BUSY", "ERR unknown"];
    if let Reply::Error(error) = reply {
        assert!(!refusals.iter().any(|start| error.starts_with(start)), "{request:?}: {error}");
    }
}

/// A write, or what begins or ends a transaction.
fn draw(table: &CommandTable, requests: &mut Requests) -> Vec<String> {
    if requests.below(10) == 0 {
        return timed(requests);
    }
    loop {
        let request = requests.draw();
        let id = table.find(request[0].as_bytes()).expect("a command");
        if table.entry(id).has(Flags::WRITE) || ["MULTI", "EXEC"].contains(&request[0].as_str()) {
            return request;
        }
    }
}

/// What has to do with time, and with several databases.
fn timed(requests: &mut Requests) -> Vec<String> {
    let (key, number) = (format!("t{}", requests.below(KEYS as u64)), requests.below(100_000));
    let line = match requests.below(6) {
        0 => format!("SELECT {}", number % DATABASES),
        1 => format!("SET {key} value-{number} PX {}", 20 + number % 500),
        2 => format!("SET {key} {number} EX 1000"),
        3 => format!("PEXPIRE {key} {}", 20 + number % 5000),
        4 => format!("GETEX {key} EX {}", 1 + number % 50),
        _ => format!("SET {key} {}", "x".repeat(number as usize % 3000)),
    };
    line.split(' ').map(str::to_owned).collect()
}
