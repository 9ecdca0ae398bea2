//! An open loop of SETs at a fixed rate on one connection: each request has its moment, whatever became of those before,
//! and its latency counts from that moment. So a server that stalls shows the wait of all that came due meanwhile.

use crate::load::Requests;
use crate::support::client::{Client, encode};
use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

pub struct Pace {
    schedule: Schedule,
    sent: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    sender: JoinHandle<io::Result<()>>,
    receiver: JoinHandle<io::Result<Vec<u32>>>,
}

/// When each request is due.
#[derive(Clone, Copy)]
struct Schedule {
    start: Instant,
    interval: Duration,
}

impl Schedule {
    fn due(&self, index: u64) -> Instant {
        self.start + Duration::from_nanos(self.interval.as_nanos() as u64 * index)
    }

    fn index_at(&self, moment: Instant) -> usize {
        (moment.saturating_duration_since(self.start).as_nanos() / self.interval.as_nanos()) as usize
    }
}

impl Pace {
    /// Sends `requests` at `rate` a second until `finish`, or until `limit` of them are sent.
    pub fn start(port: u16, requests: Requests, rate: u64, limit: u64) -> io::Result<Pace> {
        let client = Client::connect(port)?;
        let schedule = Schedule { start: Instant::now(), interval: Duration::from_secs(1) / rate as u32 };
        let (sent, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let sender =
            Sender { stream: client.writer()?, requests, schedule, limit, sent: sent.clone(), stop: stop.clone() };
        Ok(Pace {
            schedule,
            sent,
            stop,
            sender: thread::spawn(move || sender.run()),
            receiver: thread::spawn(move || receive(client, schedule)),
        })
    }

    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Ends it, awaits all replies, and gives the sorted latencies of what came due in the window.
    pub fn finish(self, from: Instant, to: Instant) -> io::Result<Vec<u32>> {
        self.stop.store(true, Ordering::Relaxed);
        self.sender.join().expect("the sender does not panic")?;
        let latencies_us = self.receiver.join().expect("the receiver does not panic")?;
        let window = self.schedule.index_at(from)..self.schedule.index_at(to).min(latencies_us.len());
        let mut latencies_us = latencies_us.get(window).unwrap_or_default().to_vec();
        latencies_us.sort_unstable();
        Ok(latencies_us)
    }
}

struct Sender {
    stream: TcpStream,
    requests: Requests,
    schedule: Schedule,
    limit: u64,
    sent: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Sender {
    /// What is due goes out in one write. QUIT makes the server answer all of it before it closes.
    fn run(mut self) -> io::Result<()> {
        let (mut next, mut batch) = (0, Vec::new());
        while next < self.limit && !self.stop.load(Ordering::Relaxed) {
            thread::sleep(self.schedule.due(next).saturating_duration_since(Instant::now()));
            batch.clear();
            while next < self.limit && self.schedule.due(next) <= Instant::now() {
                self.requests.push(&mut batch);
                next += 1;
            }
            self.stream.write_all(&batch)?;
            self.sent.store(next, Ordering::Relaxed);
        }
        self.stream.write_all(&encode(&["QUIT"]))
    }
}

/// Reads replies to the end; the n-th belongs to the n-th request.
fn receive(mut client: Client, schedule: Schedule) -> io::Result<Vec<u32>> {
    let mut latencies_us = Vec::new();
    loop {
        match client.receive() {
            Ok(reply) if !reply.is_error() => {
                let late = Instant::now().saturating_duration_since(schedule.due(latencies_us.len() as u64));
                latencies_us.push(late.as_micros() as u32);
            }
            Ok(error) => return Err(io::Error::other(error.to_string())),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                // The last reply was QUIT's.
                latencies_us.pop();
                return Ok(latencies_us);
            }
            Err(error) => return Err(error),
        }
    }
}
