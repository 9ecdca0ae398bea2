//! What /proc knows of a process: CPU time, resident memory, and the proportional memory of its whole tree, in which a
//! page that a forked child shares with its parent counts once.

use std::fs;
use std::process::Command;

/// Linux counts in 1/100 s towards user space, whatever its own tick.
const TICKS_PER_S: f64 = 100.0;

/// User and system time of all threads so far, also of those that have ended.
pub fn cpu_s(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a live process");
    // The name, in parentheses, may hold anything; utime and stime are the 12th and 13th field after it.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: f64 = fields[11..13].iter().map(|field| field.parse::<f64>().expect("ticks")).sum();
    ticks / TICKS_PER_S
}

pub fn rss_bytes(pid: u32) -> u64 {
    kilobytes(&format!("/proc/{pid}/status"), "VmRSS:").expect("a live process") * 1024
}

/// Proportional set size of a process and all its descendants. One that has just ended counts nothing.
pub fn tree_pss_bytes(pid: u32) -> u64 {
    let own = kilobytes(&format!("/proc/{pid}/smaps_rollup"), "Pss:").unwrap_or(0) * 1024;
    own + children(pid).into_iter().map(tree_pss_bytes).sum::<u64>()
}

fn children(pid: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists = threads.flatten().filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|child| child.parse().ok()).collect::<Vec<_>>()).collect()
}

fn kilobytes(file: &str, field: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(field))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Keeps the calling thread, and what it starts, on one core.
pub fn pin_thread(core: usize) {
    let thread = fs::read_link("/proc/thread-self").expect("/proc/thread-self");
    let tid = thread.file_name().expect("a thread's folder ends with its id");
    let status = Command::new("taskset").arg("-pc").arg(core.to_string()).arg(tid).output().expect("taskset");
    assert!(status.status.success(), "core {core}: {}", String::from_utf8_lossy(&status.stderr));
}
