//! Others have the engine for a moment, while a script that runs for long stands still in the midst of a turn.
//!
//! The thread that runs the script is the runtime's own, perhaps its only one. So another thread takes its place first,
//! and the script waits until a task that it sends behind the others has had its turn.

use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use parking_lot::MutexGuard;

use super::shared::Shared;

/// How long the others' turns are waited for; then the script goes on, and they come in the next time.
const PATIENCE: Duration = Duration::from_millis(5);

/// To be called in the midst of a turn, by the thread that holds the lock.
pub fn let_others_in(shared: &Arc<Shared>) {
    // SAFETY: the engine's lock is held by this thread, by the guard of its turn, which stays as it is: this one is
    // never dropped. Nobody up the stack touches the engine before this returns, and then it is locked again.
    let guard = unsafe { shared.engine.make_guard_unchecked(Default::default()) };
    let mut guard = ManuallyDrop::new(guard);
    tokio::task::block_in_place(|| {
        let (all_had_their_turn, signal) = mpsc::channel();
        MutexGuard::unlocked_fair(&mut guard, || {
            shared.runtime.spawn(async move {
                // Nobody waits any more if it took too long.
                let _ = all_had_their_turn.send(());
            });
            let _ = signal.recv_timeout(PATIENCE);
        });
    });
}
