//! RDB throughput on one core: writing a snapshot, reading it, verifying it, LZF on its own.
//!
//! `cargo bench --bench rdb`, or `-- KEYS` for another number of keys. Each row is the best of five rounds.

use std::hint::black_box;
use std::io::{self, Write};
use std::time::Instant;

use tandem::keyspace::{KeyHasher, Keyspace, NewValue};
use tandem::persistence::rdb::lzf::{Compressor, decompress};
use tandem::persistence::rdb::{
    AccessInfo, FreshAccess, Item, LoadOptions, Preamble, Reader, Writer, WriterOptions, load_into, verify,
};

const ROUNDS: usize = 5;
const PREAMBLE: Preamble<'static> =
    Preamble { redis_version: "7.4.0", created_s: 0, used_memory_bytes: 0, replication: None, is_aof_base: false };
const LOAD: LoadOptions =
    LoadOptions { drops_expired: true, skips_module_aux: false, access: FreshAccess::Lru { clock_s: 0 } };

/// Counts what it is given and forgets it.
struct Nowhere(u64);

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

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
    let mut bytes = 0;
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        // The walk is the keyspace's; it has a bench of its own. Here the entries are lent from one walker to one writer.
        let mut walker = keyspace.snapshot().walk();
        let mut writer = Writer::new(Nowhere(0), options);
        writer.preamble(&PREAMBLE).unwrap();
        let start = Instant::now();
        while let Some(entry) = walker.next() {
            writer.entry(&entry).unwrap();
        }
        bytes = writer.finish().unwrap().0;
        best = best.min(start.elapsed().as_secs_f64());
    }
    row(&title("write"), keys, bytes, best);

    let mut file = Vec::new();
    tandem::persistence::rdb::write_snapshot(keyspace.snapshot(), &PREAMBLE, &[], options, &mut file).unwrap();
    drop(keyspace);
    let pass = |f: &mut dyn FnMut()| (0..ROUNDS).map(|_| timed(&mut *f)).fold(f64::MAX, f64::min);
    let read = pass(&mut || {
        let mut reader = Reader::new(&file[..], true).unwrap();
        while let Some(item) = reader.next().unwrap() {
            if let Item::Entry(entry) = item {
                black_box(entry.key);
            }
        }
    });
    row(&title("read"), keys, file.len() as u64, read);
    let verified = pass(&mut || {
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

fn filled(keys: usize, value: &[u8]) -> Keyspace {
    let mut keyspace = Keyspace::new(16, KeyHasher::new((1, 2)));
    let hasher = keyspace.hasher();
    let mut value = value.to_vec();
    for index in 0..keys {
        let key = format!("key:{index:012}");
        let stamp = (index as u32).to_be_bytes();
        value[..4].copy_from_slice(&stamp);
        keyspace.db_mut(0).insert(hasher.key(key.as_bytes()), NewValue::String(&value), None, 0);
    }
    keyspace
}

fn noise(len: usize) -> Vec<u8> {
    (0..len as u64).map(|n| (n.wrapping_mul(n + 7).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect()
}

fn text(len: usize) -> Vec<u8> {
    "{\"name\":\"value\",\"count\":17,\"name2\":\"value2\",\"other\":[1,2,3]}".bytes().cycle().take(len).collect()
}

fn timed(run: &mut dyn FnMut()) -> f64 {
    let start = Instant::now();
    run();
    start.elapsed().as_secs_f64()
}

fn row(title: &str, keys: usize, bytes: u64, seconds: f64) {
    let (keys, bytes) = (keys as f64, bytes as f64);
    println!("{title:<34} {:>12.0} {:>10.0} {:>10.0}", keys / seconds, bytes / seconds / 1e6, seconds / keys * 1e9);
}
