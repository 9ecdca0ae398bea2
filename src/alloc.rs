//! The global allocator: jemalloc, counted.
//!
//! jemalloc is built with an 8-byte quantum, so an alignment above 8 is always passed to it. Each thread adds to a
//! counter of its own cache line; `used_bytes` sums them. Sizes are counted by jemalloc's size classes, which
//! `class_size` computes without a call, so the sum equals what jemalloc calls `allocated`, without its epoch call.
//! This file does not decide what memory is for: limits and eviction are the engine's.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering::Relaxed};

use tikv_jemalloc_sys as jemalloc;

#[global_allocator]
static GLOBAL: Counting<Source> = Counting(SOURCE);

#[cfg(not(feature = "system-allocator"))]
type Source = Jemalloc;
#[cfg(not(feature = "system-allocator"))]
const SOURCE: Source = Jemalloc;
#[cfg(feature = "system-allocator")]
type Source = std::alloc::System;
#[cfg(feature = "system-allocator")]
const SOURCE: Source = std::alloc::System;

/// Read by jemalloc at its start. Freed pages go back to the system after 5 s (a snapshot's extra memory must not
/// stay), by jemalloc's own thread, so that no request pays for it. Large blocks begin at a page: moved within it, as
/// jemalloc does for the caches' sake, each block of the log would take a fifth page for four pages of bytes.
#[unsafe(export_name = "_rjem_malloc_conf")]
#[allow(non_upper_case_globals)]
pub static malloc_conf: Option<&'static c_char> = Some(conf());

const fn conf() -> &'static c_char {
    // SAFETY: the literal ends with a NUL and lives for the whole program; c_char and u8 have one layout.
    unsafe { &*c"background_thread:true,dirty_decay_ms:5000,muzzy_decay_ms:0,cache_oblivious:false".as_ptr() }
}

/// Threads with a counter of their own; further ones share the last.
const COUNTERS: usize = 64;

/// One thread's bytes: allocated minus freed, so negative where a thread frees what others allocated.
#[repr(align(64))]
struct Counter(AtomicIsize);

static USED: [Counter; COUNTERS] = [const { Counter(AtomicIsize::new(0)) }; COUNTERS];
static NEXT_COUNTER: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    // No destructor: an allocator must not register one. A thread's counter keeps its balance after its end.
    static COUNTER: Cell<usize> = const { Cell::new(usize::MAX) };
}

fn count(delta: isize) {
    let index = COUNTER.get();
    if index < COUNTERS - 1 {
        // The only writer of this counter: a load and a store cost less than a locked add.
        let counter = &USED[index].0;
        counter.store(counter.load(Relaxed).wrapping_add(delta), Relaxed);
    } else {
        count_shared(index, delta);
    }
}

#[cold]
fn count_shared(index: usize, delta: isize) {
    if index != usize::MAX {
        USED[index].0.fetch_add(delta, Relaxed);
        return;
    }
    COUNTER.set(NEXT_COUNTER.fetch_add(1, Relaxed).min(COUNTERS - 1));
    count(delta);
}

/// Bytes allocated in this process, in size classes.
pub fn used_bytes() -> usize {
    let in_use = NEXT_COUNTER.load(Relaxed).min(COUNTERS);
    let sum: isize = USED[..in_use].iter().map(|counter| counter.0.load(Relaxed)).sum();
    sum.max(0) as usize
}

/// What the calling thread has allocated less what it has freed, and the number of its counter; `None` where it shares
/// its counter with others. Costs one look, so a limit need not be held against the whole sum each time.
#[inline]
pub fn own_balance() -> Option<(usize, isize)> {
    let index = COUNTER.get();
    (index < COUNTERS - 1).then(|| (index, USED[index].0.load(Relaxed)))
}

/// Samples `used_bytes` into the peak and answers both (used, peak).
pub fn sample_peak() -> (usize, usize) {
    let used = used_bytes();
    (used, PEAK.fetch_max(used, Relaxed).max(used))
}

/// Forgets the peak, as CONFIG RESETSTAT does.
pub fn reset_peak() {
    PEAK.store(used_bytes(), Relaxed);
}

/// The size class that a request of `size` bytes is served from: steps of 8 up to 64, then four classes per doubling,
/// whole pages above 32 KB.
#[inline]
pub const fn class_size(size: usize) -> usize {
    let step = match size {
        0 => return 8,
        1..=64 => 8,
        65..=32_768 => 1 << ((size - 1).ilog2() - 2),
        _ => 4096,
    };
    (size + step - 1) & !(step - 1)
}

/// jemalloc as an allocator; counts nothing.
pub struct Jemalloc;

/// jemalloc's flags for a layout; none below the quantum.
const fn flags(layout: Layout) -> c_int {
    if layout.align() > 8 { jemalloc::MALLOCX_ALIGN(layout.align()) } else { 0 }
}

// SAFETY: every call goes to jemalloc with the size and the alignment of its layout (an alignment up to 8 is what the
// quantum guarantees); memory is returned with the same flags and size.
unsafe impl GlobalAlloc for Jemalloc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: GlobalAlloc's caller gives a size above 0.
        let memory = unsafe {
            match flags(layout) {
                0 => jemalloc::malloc(layout.size()),
                flags => jemalloc::mallocx(layout.size(), flags),
            }
        };
        memory.cast()
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`.
        let memory = unsafe {
            match flags(layout) {
                0 => jemalloc::calloc(1, layout.size()),
                flags => jemalloc::mallocx(layout.size(), flags | jemalloc::MALLOCX_ZERO),
            }
        };
        memory.cast()
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller gives back what `alloc` gave for this layout.
        unsafe { jemalloc::sdallocx(memory.cast(), layout.size(), flags(layout)) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: as in `dealloc`; the new size is above 0.
        let moved = unsafe {
            match flags(layout) {
                0 => jemalloc::realloc(memory.cast(), new_size),
                flags => jemalloc::rallocx(memory.cast(), new_size, flags),
            }
        };
        moved.cast()
    }
}

/// An allocator whose bytes are counted.
struct Counting<A>(A);

/// What a layout costs: jemalloc rounds an aligned request up to its alignment first.
const fn cost(layout: Layout) -> isize {
    let aligned = (layout.size() + layout.align() - 1) & !(layout.align() - 1);
    class_size(aligned) as isize
}

// SAFETY: every call is passed on as it is; counting touches no memory but its own.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Counting<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        counted(unsafe { self.0.alloc(layout) }, layout)
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        counted(unsafe { self.0.alloc_zeroed(layout) }, layout)
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(-cost(layout));
        // SAFETY: the caller's promise is passed on.
        unsafe { self.0.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's promise is passed on.
        let moved = unsafe { self.0.realloc(memory, layout, new_size) };
        if !moved.is_null() {
            // SAFETY: the caller vouches for the new size with this alignment.
            count(cost(unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) }) - cost(layout));
        }
        moved
    }
}

fn counted(memory: *mut u8, layout: Layout) -> *mut u8 {
    if !memory.is_null() {
        count(cost(layout));
    }
    memory
}

/// jemalloc's own figures, in bytes, for INFO's allocator fields.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllocatorStats {
    pub allocated: usize,
    pub active: usize,
    pub resident: usize,
    pub retained: usize,
}

/// Asks jemalloc for fresh statistics. Takes every arena's lock: at most once a tick.
pub fn allocator_stats() -> AllocatorStats {
    let mut epoch: u64 = 1;
    // SAFETY: "epoch" takes a u64 in.
    unsafe {
        let new = (&raw mut epoch).cast();
        jemalloc::mallctl(c"epoch".as_ptr(), std::ptr::null_mut(), std::ptr::null_mut(), new, size_of::<u64>());
    }
    AllocatorStats {
        allocated: read_size(c"stats.allocated"),
        active: read_size(c"stats.active"),
        resident: read_size(c"stats.resident"),
        retained: read_size(c"stats.retained"),
    }
}

/// jemalloc's version, as in `5.3.0`.
pub fn allocator_version() -> &'static str {
    let mut version: *const c_char = std::ptr::null();
    let mut length = size_of::<*const c_char>();
    // SAFETY: "version" gives out a pointer to a text that lives as long as the program.
    let text = unsafe {
        let old = (&raw mut version).cast();
        jemalloc::mallctl(c"version".as_ptr(), old, &raw mut length, std::ptr::null_mut(), 0);
        if version.is_null() { c"" } else { CStr::from_ptr(version) }
    };
    // The commit that it was built from stands behind a dash.
    text.to_str().unwrap_or_default().split('-').next().unwrap_or_default()
}

/// A size from jemalloc's control tree; 0 where this build of it has no such figure.
fn read_size(name: &CStr) -> usize {
    let mut value = 0usize;
    let mut length = size_of::<usize>();
    // SAFETY: the names above are of type size_t; value and length describe one.
    let failed = unsafe {
        let old = (&raw mut value).cast();
        jemalloc::mallctl(name.as_ptr(), old, &raw mut length, std::ptr::null_mut(), 0)
    };
    if failed == 0 { value } else { 0 }
}

/// jemalloc's own report, for people.
pub fn report() -> String {
    /// # Safety
    /// jemalloc hands back the text's address, and a C string.
    unsafe extern "C" fn take(text: *mut c_void, piece: *const c_char) {
        // SAFETY: the caller's promise.
        let (text, piece) = unsafe { (&mut *text.cast::<String>(), CStr::from_ptr(piece)) };
        text.push_str(&piece.to_string_lossy());
    }
    let mut text = String::new();
    // SAFETY: `take` is called with this text until the call returns; null options are none.
    unsafe { jemalloc::malloc_stats_print(Some(take), (&raw mut text).cast(), std::ptr::null()) };
    text
}

/// Gives all unused pages back to the system now (MEMORY PURGE). False if jemalloc refuses.
pub fn purge() -> bool {
    // MALLCTL_ARENAS_ALL is 4096.
    let name = c"arena.4096.purge".as_ptr();
    // SAFETY: "arena.<i>.purge" takes nothing in and gives nothing out.
    unsafe { jemalloc::mallctl(name, std::ptr::null_mut(), std::ptr::null_mut(), std::ptr::null_mut(), 0) == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_sizes_are_those_of_jemalloc() {
        for size in (1..20_000).chain((20_000..3_000_000).step_by(997)) {
            // SAFETY: nallocx only computes.
            assert_eq!(class_size(size), unsafe { jemalloc::nallocx(size, 0) }, "size {size}");
        }
    }

    #[test]
    fn alignments_above_the_quantum_are_kept() {
        for align in [1, 8, 16, 32, 64, 4096] {
            let layout = Layout::from_size_align(24, align).unwrap();
            // SAFETY: the size is above 0; the same layout is given back.
            unsafe {
                let memory = std::alloc::alloc(layout);
                assert_eq!(memory as usize % align, 0);
                std::alloc::dealloc(memory, layout);
            }
        }
    }

    #[test]
    fn a_large_allocation_shows_in_the_sum_and_in_the_peak() {
        const SIZE: usize = 1 << 28;
        let (_, before) = sample_peak();
        let block = Vec::<u8>::with_capacity(SIZE);
        let (used, peak) = sample_peak();
        assert!(used >= SIZE && peak >= used.max(before));
        drop(block);
        assert!(used_bytes() < used);
    }

    #[test]
    fn jemalloc_answers_its_statistics() {
        let stats = allocator_stats();
        assert!(stats.allocated > 0 && stats.active >= stats.allocated && stats.resident > 0);
        assert!(report().contains("jemalloc statistics"));
        assert!(purge());
    }
}
