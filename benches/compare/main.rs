//! `cargo bench --bench compare`: Tandem beside another server, never alone.
//!
//! Each row measures both sides in turn, each round in a fresh process, the order reversed from round to round; what it
//! prints is the median of the rounds and the ratio of the two. README.md says what each row does and why.

mod commands;
mod eviction;
mod load;
mod memory;
mod pace;
mod process;
mod report;
mod requests;
mod resync;
mod save;
mod stopped;
#[path = "../../tests/support/mod.rs"]
mod support;

use clap::Parser;
use report::{Figures, Report};
use std::path::PathBuf;
use support::server::Launch;

#[derive(Parser)]
#[command(about = "Measures Tandem beside redis-server or any other server that starts from a redis.conf")]
pub struct Options {
    /// Rows to measure; all of them if none is named
    #[arg(value_parser = ROWS.iter().map(|row| row.name).collect::<Vec<_>>())]
    rows: Vec<String>,
    /// The server under test [default: Tandem as built for this bench]
    #[arg(long)]
    server: Option<PathBuf>,
    /// The server to compare with
    #[arg(long, default_value = "redis-server")]
    peer: PathBuf,
    /// Rounds of each side; memory rows need one
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Keys in the request rows
    #[arg(long, default_value_t = 1_000_000)]
    keys: u64,
    /// Measured seconds for each command and round in the request rows
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// Which requests the row commands measures, by how their names begin, or which types the rows memory-small and
    /// memory-large [default: all]
    #[arg(long, value_delimiter = ',')]
    requests: Vec<String>,
    /// Keys in the memory rows
    #[arg(long, default_value_t = 10_000_000)]
    memory_keys: u64,
    /// Keys in the resync row
    #[arg(long, default_value_t = 2_000_000)]
    resync_keys: u64,
    /// SETs a second during the resync
    #[arg(long, default_value_t = 10_000)]
    resync_rate: u64,
    /// Megabytes written while the replicas stand still
    #[arg(long, default_value_t = 200)]
    stopped_megabytes: u64,
    /// Keys in the save rows
    #[arg(long, default_value_t = 10_000_000)]
    save_keys: u64,
    /// SETs a second during the save
    #[arg(long, default_value_t = 50_000)]
    save_rate: u64,
    /// Core of the server in request and memory rows
    #[arg(long, default_value_t = 0)]
    server_core: usize,
    /// Core of the load in those rows
    #[arg(long, default_value_t = 1)]
    load_core: usize,
    /// Cargo passes this to every bench
    #[arg(long, hide = true)]
    bench: bool,
}

struct Row {
    name: &'static str,
    title: &'static str,
    /// Figures that do not scatter need no more rounds than this.
    rounds_max: usize,
    measure: fn(&Launch, &Options) -> Figures,
}

const ROWS: &[Row] = &[
    Row {
        name: "p1",
        title: "GET and SET, no pipelining, 50 connections",
        rounds_max: usize::MAX,
        measure: |launch, options| requests::measure(launch, options, 1),
    },
    Row {
        name: "p16",
        title: "GET and SET, pipelines of 16, 50 connections",
        rounds_max: usize::MAX,
        measure: |launch, options| requests::measure(launch, options, 16),
    },
    Row {
        name: "p64",
        title: "GET and SET, pipelines of 64, 50 connections",
        rounds_max: usize::MAX,
        measure: |launch, options| requests::measure(launch, options, 64),
    },
    Row {
        name: "commands",
        title: "requests of all types, pipelines of 16, 50 connections",
        rounds_max: usize::MAX,
        measure: commands::measure,
    },
    Row {
        name: "memory16",
        title: "memory, 16-byte keys, 16-byte values",
        rounds_max: 1,
        measure: |launch, options| memory::measure(launch, options, 16),
    },
    Row {
        name: "memory64",
        title: "memory, 16-byte keys, 64-byte values",
        rounds_max: 1,
        measure: |launch, options| memory::measure(launch, options, 64),
    },
    Row {
        name: "memory-small",
        title: "memory, 200,000 collections of 10 elements of 16 bytes",
        rounds_max: 1,
        measure: |launch, options| memory::measure_types(launch, options, 200_000, 10, "key"),
    },
    Row {
        name: "memory-large",
        title: "memory, a collection of 1M elements of 16 bytes",
        rounds_max: 1,
        measure: |launch, options| memory::measure_types(launch, options, 1, 1_000_000, "element"),
    },
    Row {
        name: "lru",
        title: "hit rate of a cache for a tenth of the keys, Zipf 0.99, allkeys-lru",
        rounds_max: usize::MAX,
        measure: |launch, options| eviction::measure(launch, options, "allkeys-lru"),
    },
    Row {
        name: "lfu",
        title: "hit rate of a cache for a tenth of the keys, Zipf 0.99, allkeys-lfu",
        rounds_max: usize::MAX,
        measure: |launch, options| eviction::measure(launch, options, "allkeys-lfu"),
    },
    Row {
        name: "resync",
        title: "full resync to a replica of the same kind, under SETs",
        rounds_max: usize::MAX,
        measure: resync::measure,
    },
    Row {
        name: "save",
        title: "BGSAVE under SETs, then a start from its file",
        rounds_max: usize::MAX,
        measure: |launch, options| save::measure(launch, options, "yes"),
    },
    Row {
        name: "save-raw",
        title: "the same without rdbcompression",
        rounds_max: usize::MAX,
        measure: |launch, options| save::measure(launch, options, "no"),
    },
    Row {
        name: "stopped",
        title: "four replicas stopped while the master is written to",
        rounds_max: 1,
        measure: stopped::measure,
    },
];

fn main() {
    let options = Options::parse();
    let server = options.server.clone().map_or_else(Launch::tandem, Launch::program);
    let peer = Launch::program(options.peer.clone());
    println!("server: {}\npeer:   {}", server.version(), peer.version());
    for row in ROWS.iter().filter(|row| options.rows.is_empty() || options.rows.iter().any(|name| name == row.name)) {
        println!("\n{}: {}", row.name, row.title);
        compare(row, &server, &peer, &options).print();
    }
}

fn compare(row: &Row, server: &Launch, peer: &Launch, options: &Options) -> Report {
    let mut report = Report::default();
    for round in 0..options.rounds.clamp(1, row.rounds_max) {
        // What warms up or throttles with time shall favour neither side.
        let server_first = round % 2 == 0;
        if server_first {
            report.server.push((row.measure)(server, options));
        }
        report.peer.push((row.measure)(peer, options));
        if !server_first {
            report.server.push((row.measure)(server, options));
        }
    }
    report
}
