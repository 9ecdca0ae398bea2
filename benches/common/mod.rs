//! What the benches of the keyspace share: clocks, keys, percentiles, memory.
#![allow(dead_code)]

use std::ffi::CString;

use tandem::alloc;
use tandem::keyspace::{KeyHasher, Keyspace, NewValue};

pub const HASHER: (u64, u64) = (0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210);

/// CPU time of this thread, in nanoseconds: what other processes take does not count.
pub fn thread_cpu_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a timespec is written.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// A setting from the environment, for a shorter or longer run.
pub fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The nth key: 16 bytes.
pub fn key(n: usize) -> [u8; 16] {
    let mut key = *b"key:000000000000";
    let mut rest = n;
    for digit in key[4..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    key
}

/// A fast sequence without a pattern, the same in every run.
pub struct Sequence(pub u64);

impl Sequence {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ mixed >> 29
    }

    pub fn below(&mut self, limit: usize) -> usize {
        ((u128::from(self.next()) * limit as u128) >> 64) as usize
    }
}

pub fn filled(keys: usize, value: &[u8]) -> Keyspace {
    let mut keyspace = Keyspace::new(16, KeyHasher::new(HASHER));
    let hasher = keyspace.hasher();
    let db = keyspace.db_mut(0);
    for n in 0..keys {
        db.insert(hasher.key(&key(n)), NewValue::String(value), None, 0);
    }
    keyspace
}

pub fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

/// Keeps freed pages in this thread's arena, so that what follows meets memory that has been touched before.
pub fn keep_freed_pages() {
    let mut arena = 0u32;
    let mut length = size_of::<u32>();
    // SAFETY: "thread.arena" is an unsigned int, "arena.<i>.dirty_decay_ms" an ssize_t.
    unsafe {
        let old = (&raw mut arena).cast();
        tikv_jemalloc_sys::mallctl(c"thread.arena".as_ptr(), old, &raw mut length, std::ptr::null_mut(), 0);
        let name = CString::new(format!("arena.{arena}.dirty_decay_ms")).expect("no NUL inside");
        let mut never: isize = -1;
        let new = (&raw mut never).cast();
        let size = size_of::<isize>();
        let failed = tikv_jemalloc_sys::mallctl(name.as_ptr(), std::ptr::null_mut(), std::ptr::null_mut(), new, size);
        assert_eq!(failed, 0, "jemalloc takes the decay time");
    }
}

/// Waits until the freeing thread has no more to do.
pub fn settle(keyspace: &Keyspace) {
    while keyspace.retired_bytes() > 0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// Times, to be asked for percentiles.
#[derive(Default)]
pub struct Times(Vec<u32>);

impl Times {
    pub fn with_capacity(count: usize) -> Times {
        Times(Vec::with_capacity(count))
    }

    pub fn add(&mut self, ns: u64) {
        self.0.push(u32::try_from(ns).unwrap_or(u32::MAX));
    }

    pub fn row(&mut self, name: &str) {
        self.0.sort_unstable();
        let at = |part: f64| {
            let last = self.0.len().saturating_sub(1);
            self.0.get((last as f64 * part) as usize).copied().unwrap_or(0)
        };
        let (p50, p99, p999, max) = (at(0.5), at(0.99), at(0.999), at(1.0));
        println!("| {name} | {} | {p50} | {p99} | {p999} | {max} |", self.0.len());
    }
}

pub fn used_mb() -> f64 {
    alloc::used_bytes() as f64 / 1e6
}
