//! Epochs: which snapshots live, and when what was replaced may be freed.
//!
//! The current epoch is a number that only the lock holder moves. A snapshot takes the current number as its own and
//! moves it on; a node born in epoch b is seen by snapshot s if b <= s. What the lock holder takes out of the structure
//! in epoch d (its death) is seen by no snapshot >= d, so it may be freed once no live snapshot is below d. One thread
//! frees. It never touches the structure itself, only what was handed to it.
//!
//! Memory order: a snapshot's end (any thread) and the freeing thread meet in the mutex, so what a walker read happens
//! before the memory is freed. The lock holder reads `newest_live` without the mutex: the end of a snapshot stores it
//! with Release after the walker's last read, and Acquire here orders a change in place after it.

use std::collections::VecDeque;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex};

/// How one kind of garbage is freed. Kinds are statics and are told apart by their address.
pub(super) struct Reclaim {
    pub free: unsafe fn(NonNull<u8>),
}

/// Things that died in one epoch and are freed in one way.
struct Batch {
    death: u64,
    kind: &'static Reclaim,
    bytes: usize,
    objects: u64,
    items: Vec<NonNull<u8>>,
}

// SAFETY: the items are owned by the batch: nothing but older snapshots reaches them, and those only read.
unsafe impl Send for Batch {}

/// A batch's limit, so that no step of the lock holder grows a long list.
const BATCH_ITEMS: usize = 1024;

pub(super) struct Epochs {
    current: AtomicU64,
    /// 0 while no snapshot lives; epochs begin at 1.
    newest_live: AtomicU64,
    retired_bytes: AtomicUsize,
    /// What users would count of it, for INFO.
    pending_objects: AtomicU64,
    freed_objects: AtomicU64,
    state: Mutex<State>,
    wake: Condvar,
}

struct State {
    /// Epochs of live snapshots, ascending.
    live: Vec<u64>,
    /// Ascending by death.
    retired: VecDeque<Batch>,
    closing: bool,
}

/// The freeing thread; ended and joined when dropped.
pub(super) struct Freeing {
    epochs: Arc<Epochs>,
    thread: Option<JoinHandle<()>>,
}

impl Epochs {
    pub fn new() -> Arc<Epochs> {
        Arc::new(Epochs {
            current: AtomicU64::new(1),
            newest_live: AtomicU64::new(0),
            retired_bytes: AtomicUsize::new(0),
            pending_objects: AtomicU64::new(0),
            freed_objects: AtomicU64::new(0),
            state: Mutex::new(State { live: Vec::new(), retired: VecDeque::new(), closing: false }),
            wake: Condvar::new(),
        })
    }

    /// Birth epoch of what the lock holder makes now.
    #[inline]
    pub fn current(&self) -> u64 {
        // Relaxed: only the lock holder writes it, and the lock orders the holders.
        self.current.load(Ordering::Relaxed)
    }

    /// Whether a live snapshot may see what was born in `birth`, wherever it hangs.
    #[inline]
    pub fn is_shared(&self, birth: u64) -> bool {
        birth <= self.newest_live.load(Ordering::Acquire)
    }

    /// Whether any snapshot lives.
    #[inline]
    pub fn has_live(&self) -> bool {
        self.newest_live.load(Ordering::Acquire) != 0
    }

    pub fn live(&self) -> usize {
        self.state.lock().live.len()
    }

    pub fn retired_bytes(&self) -> usize {
        self.retired_bytes.load(Ordering::Relaxed)
    }

    pub fn pending_objects(&self) -> u64 {
        self.pending_objects.load(Ordering::Relaxed)
    }

    pub fn freed_objects(&self) -> u64 {
        self.freed_objects.load(Ordering::Relaxed)
    }

    /// Begins a snapshot and answers its epoch.
    pub fn begin_snapshot(&self) -> u64 {
        let mut state = self.state.lock();
        let epoch = self.current();
        state.live.push(epoch);
        self.newest_live.store(epoch, Ordering::Release);
        self.current.store(epoch + 1, Ordering::Relaxed);
        epoch
    }

    /// Ends a snapshot: nobody reads through it any more.
    pub fn end_snapshot(&self, epoch: u64) {
        let mut state = self.state.lock();
        state.live.retain(|live| *live != epoch);
        let newest = state.live.last().copied().unwrap_or(0);
        self.newest_live.store(newest, Ordering::Release);
        self.wake.notify_one();
    }

    /// Hands over what the lock holder has just taken out of the structure: `bytes` of the given kind. It is freed by
    /// the thread when no snapshot can see it, at once if none lives.
    pub fn retire(&self, kind: &'static Reclaim, item: NonNull<u8>, bytes: usize) {
        self.retire_objects(kind, item, bytes, 0);
    }

    /// As `retire`, of something that users count as so many objects.
    pub fn retire_objects(&self, kind: &'static Reclaim, item: NonNull<u8>, bytes: usize, objects: usize) {
        let death = self.current();
        let mut state = self.state.lock();
        let added_bytes = state.add(death, kind, item, bytes, objects as u64);
        self.pending_objects.fetch_add(objects as u64, Ordering::Relaxed);
        self.retired_bytes.fetch_add(added_bytes, Ordering::Relaxed);
        if state.live.is_empty() {
            self.wake.notify_one();
        }
    }

    /// The freeing thread's life.
    fn run(&self) {
        let mut state = self.state.lock();
        loop {
            if let Some(batch) = state.pop_unseen() {
                parking_lot::MutexGuard::unlocked(&mut state, || self.free(batch));
            } else if state.closing && state.live.is_empty() {
                return;
            } else {
                self.wake.wait(&mut state);
            }
        }
    }

    fn free(&self, batch: Batch) {
        for item in batch.items {
            // SAFETY: the item is of this kind, died in `batch.death`, and no live snapshot is older: nothing sees it.
            unsafe { (batch.kind.free)(item) };
        }
        self.retired_bytes.fetch_sub(batch.bytes, Ordering::Relaxed);
        self.pending_objects.fetch_sub(batch.objects, Ordering::Relaxed);
        self.freed_objects.fetch_add(batch.objects, Ordering::Relaxed);
    }
}

impl State {
    /// Answers the bytes that wait more than before: the item's and what the list grew by.
    fn add(&mut self, death: u64, kind: &'static Reclaim, item: NonNull<u8>, bytes: usize, objects: u64) -> usize {
        // A few kinds alternate: the batch that is still open is among the last ones.
        let open =
            self.retired.iter_mut().rev().take(6).find(|batch| {
                batch.death == death && std::ptr::eq(batch.kind, kind) && batch.items.len() < BATCH_ITEMS
            });
        let batch = match open {
            Some(batch) => batch,
            None => {
                self.retired.push_back(Batch { death, kind, bytes: 0, objects: 0, items: Vec::new() });
                self.retired.back_mut().expect("just pushed")
            }
        };
        let capacity_before = batch.items.capacity();
        batch.items.push(item);
        batch.objects += objects;
        let added_bytes = bytes + (batch.items.capacity() - capacity_before) * size_of::<NonNull<u8>>();
        batch.bytes += added_bytes;
        added_bytes
    }

    fn pop_unseen(&mut self) -> Option<Batch> {
        let front = self.retired.front()?;
        let seen = self.live.first().is_some_and(|oldest| *oldest < front.death);
        if seen { None } else { self.retired.pop_front() }
    }
}

impl Freeing {
    pub fn start(epochs: &Arc<Epochs>) -> Freeing {
        let shared = Arc::clone(epochs);
        let thread = std::thread::Builder::new().name("free".into()).spawn(move || shared.run());
        Freeing { epochs: Arc::clone(epochs), thread: Some(thread.expect("the system starts a thread")) }
    }
}

impl Drop for Freeing {
    /// Waits until all is freed. Where a snapshot outlives the keyspace, the thread ends with that instead.
    fn drop(&mut self) {
        let outlived = {
            let mut state = self.epochs.state.lock();
            state.closing = true;
            self.epochs.wake.notify_one();
            !state.live.is_empty()
        };
        if let Some(thread) = self.thread.take().filter(|_| !outlived) {
            thread.join().expect("the freeing thread does not panic");
        }
    }
}
