//! What the operating system says of this process.

use std::time::Duration;

use crate::command::ProcessUsage;

/// A fresh sample.
pub fn sample() -> ProcessUsage {
    // SAFETY: getrusage fills the struct that it is given; all-zero is a valid value of it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    ProcessUsage {
        rss_bytes: resident_pages() * page_bytes(),
        total_system_memory_bytes: system_pages() * page_bytes(),
        cpu_user: duration(usage.ru_utime),
        cpu_sys: duration(usage.ru_stime),
    }
}

/// CPU time that the calling thread has used.
pub fn thread_cpu_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: fills the struct that it is given.
    unsafe {
        libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time);
    }
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn duration(time: libc::timeval) -> Duration {
    Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000)
}

/// Second field of statm: resident pages.
fn resident_pages() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or_default()
}

fn page_bytes() -> u64 {
    // SAFETY: a question without arguments that point anywhere.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as u64 }
}

fn system_pages() -> u64 {
    // SAFETY: as above.
    unsafe { libc::sysconf(libc::_SC_PHYS_PAGES) as u64 }
}
