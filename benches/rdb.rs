//! RDB throughput, by the CPU time of one thread: writing a snapshot, reading it, verifying it, LZF on its own.
//!
//! `cargo bench --bench rdb`, or `-- KEYS` for another number of keys. Rows are the best of five rounds, but for load.

use std::hint::black_box;
use std::io;

use tandem::keyspace::{KeyHasher, Keyspace, NewValue};
use tandem::persistence::rdb::lzf::{Compressor, decompress};
use tandem::persistence::rdb::{
    AccessInfo, FreshAccess, Item, LoadOptions, Preamble, Reader, WriterOptions, load_into, verify, write_snapshot,
};

const ROUNDS: usize = 5;
const PREAMBLE: Preamble<'static> =
    Preamble { redis_version: "7.4.0", created_s: 0, used_memory_bytes: 0, replication: None, is_aof_base: false };
const LOAD: LoadOptions = LoadOptions {
    drops_expired: true,
    skips_module_aux: false,
    access: FreshAccess::Lru { clock_s: 0 },
    limits: tandem::config::CollectionLimits::DEFAULT,
};

fn main() {
    let keys = std::env::args().filter_map(|argument| argument.parse().ok()).next_back().unwrap_or(1_000_000);
    println!("{:<34} {:>12} {:>10} {:>10}", "", "keys/s", "MB/s", "ns/key");
    for (name, value) in [("16-byte noise", noise(16)), ("64-byte noise", noise(64)), ("64-byte text", text(64))] {
        for compression in [false, true] {
            let title = |what: &str| format!("{what}, {name}{}", if compression { ", LZF" } else { "" });
            strings(keys, &value, compression, &title);
        }
    }
    lzf("LZF, 64 KB text", &text(64 << 10));
    lzf("LZF, 64 KB noise", &noise(64 << 10));
}

fn strings(keys: usize, value: &[u8], compression: bool, title: &dyn Fn(&str) -> String) {
    let mut keyspace = filled(keys, value);
    let options = WriterOptions { compression, checksum: true, access: AccessInfo::Omit };
    let mut file = Vec::new();
    write_snapshot(keyspace.snapshot(), &PREAMBLE, &[], options, &mut file).unwrap();
    let written = best(&mut || {
        write_snapshot(keyspace.snapshot(), &PREAMBLE, &[], options, io::sink()).unwrap();
    });
    row(&title("walk and write"), keys, file.len() as u64, written);
    let walked = best(&mut || {
        let mut walker = keyspace.snapshot().walk();
        while let Some(entry) = walker.next() {
            black_box(entry.key);
        }
    });
    row(&title("walk alone"), keys, file.len() as u64, walked);
    drop(keyspace);
    let read = best(&mut || {
        let mut reader = Reader::new(&file[..], true).unwrap();
        while let Some(item) = reader.next().unwrap() {
            if let Item::Entry(entry) = item {
                black_box(entry.key);
            }
        }
    });
    row(&title("read"), keys, file.len() as u64, read);
    let verified = best(&mut || {
        let mut reader = Reader::new(&file[..], true).unwrap();
        black_box(verify(&mut reader, 16, 0, LOAD).unwrap());
    });
    row(&title("verify"), keys, file.len() as u64, verified);
    let mut keyspace = Keyspace::new(16, KeyHasher::new((1, 2)));
    let loaded = timed(&mut || {
        let mut reader = Reader::new(&file[..], true).unwrap();
        load_into(&mut reader, &mut keyspace, 0, LOAD).unwrap();
    });
    row(&title("load"), keys, file.len() as u64, loaded);
}

fn lzf(title: &str, text: &[u8]) {
    let mut compressor = Compressor::new();
    let mut small = Vec::new();
    let rounds = 500;
    let seconds = timed(&mut || {
        for _ in 0..rounds {
            black_box(compressor.compress_string(std::iter::once(text), text.len(), &mut small));
        }
    });
    row(&format!("{title}: in"), rounds, (rounds * text.len()) as u64, seconds);
    small.clear();
    if compressor.compress(text, usize::MAX, &mut small) {
        let mut out = Vec::new();
        let seconds = timed(&mut || (0..rounds).for_each(|_| decompress(&small, text.len(), &mut out).unwrap()));
        row(&format!("{title}: out"), rounds, (rounds * text.len()) as u64, seconds);
    }
}

fn name(index: usize) -> String {
    format!("key:{index:012}")
}

fn filled(keys: usize, value: &[u8]) -> Keyspace {
    let mut keyspace = Keyspace::new(16, KeyHasher::new((1, 2)));
    let hasher = keyspace.hasher();
    let mut value = value.to_vec();
    for index in 0..keys {
        let stamp = (index as u32).to_be_bytes();
        value[..4].copy_from_slice(&stamp);
        keyspace.db_mut(0).insert(hasher.key(name(index).as_bytes()), NewValue::String(&value), None, 0);
    }
    keyspace
}

fn noise(len: usize) -> Vec<u8> {
    (0..len as u64).map(|n| (n.wrapping_mul(n + 7).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect()
}

fn text(len: usize) -> Vec<u8> {
    "{\"name\":\"value\",\"count\":17,\"name2\":\"value2\",\"other\":[1,2,3]}".bytes().cycle().take(len).collect()
}

/// Seconds of this thread's CPU time: the machine may have other things to do.
fn timed(run: &mut dyn FnMut()) -> f64 {
    let start = cpu_s();
    run();
    cpu_s() - start
}

fn cpu_s() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for the answer, and the clock exists on Linux.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(failed, 0);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn best(run: &mut dyn FnMut()) -> f64 {
    (0..ROUNDS).map(|_| timed(run)).fold(f64::MAX, f64::min)
}

fn row(title: &str, keys: usize, bytes: u64, seconds: f64) {
    let (keys, bytes) = (keys as f64, bytes as f64);
    println!("{title:<34} {:>12.0} {:>10.0} {:>10.0}", keys / seconds, bytes / seconds / 1e6, seconds / keys * 1e9);
}
