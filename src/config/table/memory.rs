//! Databases, the memory limit, expiry, and how memory is given back.

use crate::config::directive::{Directive, rows::*};
use crate::config::settings::MaxmemoryPolicy;

pub(super) const ROWS: &[Directive] = &[
    int("databases", (1, INT_MAX), "16", "Number of databases that SELECT can choose from.")
        .immutable()
        .store(|s, v| s.databases = v.int()),
    memory(
        "maxmemory",
        (0, u64::MAX as i128),
        "0",
        "Memory for data above which keys are evicted or writes refused; 0 is no limit.",
    )
    .store(|s, v| s.maxmemory = v.int()),
    one_of(
        "maxmemory-policy",
        MaxmemoryPolicy::NAMES,
        "noeviction",
        "Which keys are evicted when maxmemory is reached.",
    )
    .store(|s, v| s.maxmemory_policy = MaxmemoryPolicy::named(v.choice())),
    int("maxmemory-samples", (1, INT_MAX), "5", "Keys that are compared to find one to evict.")
        .store(|s, v| s.maxmemory_samples = v.int()),
    int(
        "maxmemory-eviction-tenacity",
        (0, 100),
        "10",
        "How long eviction may delay a command: 0 hardly, 100 until the limit is met.",
    )
    .store(|s, v| s.maxmemory_eviction_tenacity = v.int()),
    int("lfu-log-factor", (0, INT_MAX), "10", "How many accesses it takes to raise a key's frequency counter.")
        .store(|s, v| s.lfu_log_factor = v.int()),
    int("lfu-decay-time", (0, INT_MAX), "1", "Minutes after which a key's frequency counter is lowered.")
        .store(|s, v| s.lfu_decay_time_min = v.int()),
    int("active-expire-effort", (1, 10), "1", "How hard to look for expired keys that nobody asks for, 1 to 10.")
        .store(|s, v| s.active_expire_effort = v.int()),
    yes_no(
        "lazyfree-lazy-eviction",
        "no",
        "Evictions go to replicas as UNLINK, not DEL; here large values are freed in the background in any case.",
    )
    .store(|s, v| s.lazyfree_lazy_eviction = v.bool()),
    yes_no(
        "lazyfree-lazy-expire",
        "no",
        "Expired keys go to replicas as UNLINK, not DEL; here large values are freed in the background in any case.",
    )
    .store(|s, v| s.lazyfree_lazy_expire = v.bool()),
    yes_no(
        "lazyfree-lazy-server-del",
        "no",
        "Overwritten values that are large are freed in the background in any case.",
    )
    .no_effect(),
    yes_no(
        "lazyfree-lazy-user-del",
        "no",
        "GETDEL goes to replicas as UNLINK, not DEL; here DEL, like UNLINK, frees large values in the background.",
    )
    .store(|s, v| s.lazyfree_lazy_user_del = v.bool()),
    yes_no("lazyfree-lazy-user-flush", "no", "FLUSHALL and FLUSHDB free in the background in any case, SYNC or ASYNC.")
        .no_effect(),
    yes_no("activerehashing", "yes", "Spends spare time on growing hash tables.").no_effect(),
    yes_no("jemalloc-bg-thread", "yes", "Gives unused memory back from a thread of the allocator.").no_effect(),
    yes_no("disable-thp", "yes", "Turns huge pages off for this process.").immutable().no_effect(),
    yes_no("activedefrag", "no", "Moves values together to give memory back.").no_effect(),
    memory("active-defrag-ignore-bytes", (1, LONG_MAX), "104857600", "Waste below which nothing is moved.").no_effect(),
    int("active-defrag-threshold-lower", (0, 1000), "10", "Percentage of waste at which moving begins.").no_effect(),
    int("active-defrag-threshold-upper", (0, 1000), "100", "Percentage of waste at which most effort is spent.")
        .no_effect(),
    int("active-defrag-cycle-min", (1, 99), "1", "Least percentage of CPU time spent on moving.").no_effect(),
    int("active-defrag-cycle-max", (1, 99), "25", "Greatest percentage of CPU time spent on moving.").no_effect(),
    int("active-defrag-cycle-us", (0, 100_000), "500", "Microseconds spent on moving at a time.").no_effect(),
    int("active-defrag-max-scan-fields", (1, LONG_MAX), "1000", "Elements above which a collection is moved in steps.")
        .no_effect(),
];
