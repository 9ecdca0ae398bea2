//! Rows lru, lfu: how good the choice of victims is, as the hit rate of a cache that holds a tenth of the keys.
//!
//! Keys are drawn by Zipf's law with exponent 0.99; a key that is missing is set. Servers differ in the memory that
//! they take per key, so each gets as much as a tenth of the keys takes there: the limit is corrected while the cache
//! warms up, until so many keys are in.

use std::io;

use crate::Options;
use crate::process::pin_thread;
use crate::report::Figures;
use crate::support::client::{Client, Reply, encode};
use crate::support::server::Launch;

const KEYS: usize = 200_000;
const FITTING: usize = KEYS / 10;
const EXPONENT: f64 = 0.99;
const VALUE_LEN: usize = 64;
const PIPELINE: usize = 50;
const WARM_UP_ROUNDS: usize = 8;
const WARM_UP_REQUESTS: usize = 50_000;
const MEASURED_REQUESTS: usize = 600_000;

pub fn measure(launch: &Launch, options: &Options, policy: &str) -> Figures {
    let server = launch.clone().on_core(options.server_core).start();
    let run = || -> io::Result<Figures> {
        pin_thread(options.load_core);
        let mut cache = Cache::of(server.client(), policy)?;
        cache.warm_up()?;
        let hits = cache.use_for(MEASURED_REQUESTS)?;
        let keys = cache.keys();
        Ok(vec![
            (format!("{policy} hit rate, %"), hits as f64 * 100.0 / MEASURED_REQUESTS as f64),
            (format!("{policy} keys in the end"), keys as f64),
        ])
    };
    let figures = std::thread::scope(|scope| scope.spawn(run).join().expect("the load does not panic"));
    figures.unwrap_or_else(|error| panic!("{error}\n{}", server.log()))
}

/// A client that uses the server as a cache.
struct Cache {
    client: Client,
    zipf: Zipf,
    limit: u64,
    key_bytes: u64,
}

impl Cache {
    /// Learns what a tenth of the keys takes, and limits the server to that.
    fn of(mut client: Client, policy: &str) -> io::Result<Cache> {
        let empty = client.count("used_memory");
        let keys: Vec<usize> = (0..FITTING).collect();
        keys.chunks(PIPELINE).try_for_each(|keys| set(&mut client, keys))?;
        let limit = client.count("used_memory");
        client.call("FLUSHALL");
        client.call(&format!("CONFIG SET maxmemory-policy {policy} maxmemory {limit}"));
        let key_bytes = (limit - empty) / FITTING as u64;
        Ok(Cache { client, zipf: Zipf::new(KEYS, EXPONENT), limit, key_bytes })
    }

    fn warm_up(&mut self) -> io::Result<()> {
        for _ in 0..WARM_UP_ROUNDS {
            self.use_for(WARM_UP_REQUESTS)?;
            let keys = self.keys();
            let missing = FITTING as i64 - keys as i64;
            self.limit = self.limit.saturating_add_signed(missing * self.key_bytes as i64);
            self.client.call(&format!("CONFIG SET maxmemory {}", self.limit));
        }
        Ok(())
    }

    fn keys(&mut self) -> u64 {
        self.client.call("DBSIZE").to_string().parse().expect("a number of keys")
    }

    /// Answers how many of so many requests found their key.
    fn use_for(&mut self, requests: usize) -> io::Result<usize> {
        let mut hits = 0;
        for _ in 0..requests / PIPELINE {
            let keys: Vec<usize> = (0..PIPELINE).map(|_| self.zipf.draw()).collect();
            let batch: Vec<u8> = keys.iter().flat_map(|key| encode(&["GET", &name(*key)])).collect();
            self.client.send(&batch)?;
            let mut missing = Vec::new();
            for key in keys {
                match self.client.receive()? {
                    Reply::Nil => missing.push(key),
                    _ => hits += 1,
                }
            }
            set(&mut self.client, &missing)?;
        }
        Ok(hits)
    }
}

fn set(client: &mut Client, keys: &[usize]) -> io::Result<()> {
    let value = "v".repeat(VALUE_LEN);
    let batch: Vec<u8> = keys.iter().flat_map(|key| encode(&["SET", &name(*key), &value])).collect();
    client.send(&batch)?;
    keys.iter().try_for_each(|_| client.receive().map(drop))
}

fn name(key: usize) -> String {
    format!("key:{key:012}")
}

/// Draws numbers below a limit, the lower the likelier: number n with a weight of 1 / (n + 1) ^ exponent.
struct Zipf {
    /// Sums of the weights up to each number.
    sums: Vec<f64>,
    state: u64,
}

impl Zipf {
    fn new(count: usize, exponent: f64) -> Zipf {
        let weights = (1..=count).map(|rank| (rank as f64).powf(-exponent));
        let sums = weights.scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Zipf { sums: sums.collect(), state: 0x9E37_79B9_7F4A_7C15 }
    }

    fn draw(&mut self) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let total = self.sums.last().copied().unwrap_or_default();
        let at = (self.state >> 11) as f64 / (1u64 << 53) as f64 * total;
        self.sums.partition_point(|sum| *sum < at).min(self.sums.len() - 1)
    }
}
