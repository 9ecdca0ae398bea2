//! Busy: code that runs inside has run past `busy-reply-threshold`, and the server answers all the same.
//!
//! The code runs under the lock, as one unit. Past the threshold its ticks let go of the lock for a moment: others come
//! in, and the gate answers them BUSY, all but the few commands that are allowed. So the unit stays whole. Time is
//! frozen for it: no expiry, no eviction, no unit of the master's stream until it has ended.

use crate::command::{Args, Origin};
use crate::resp::{OwnedArgs, Reply};
use crate::script::{Host, Tick};
use crate::session::Token;
use crate::time::{Millis, Now};

use super::Engine;

/// Code that runs inside.
#[derive(Clone, Copy, Debug)]
pub(super) struct Running {
    client: Token,
    /// What it sees as "now", to its end.
    began: Now,
    /// Past the threshold: others are answered BUSY.
    is_busy: bool,
    is_killed: bool,
}

/// How the running code reaches the engine, and lets go of it: the shell's lock, or a plain reference.
pub trait Access {
    fn engine(&mut self) -> &mut Engine;
    /// Monotonic time.
    fn mono(&mut self) -> Millis;
    /// Lets others have the engine for a moment.
    fn let_others_in(&mut self);
}

/// One run of code inside; its end closes the unit.
pub struct Inside<A: Access> {
    access: A,
    running: Running,
}

impl Engine {
    /// Whether code that runs inside has run past the threshold.
    pub fn is_busy(&self) -> bool {
        self.running.is_some_and(|running| running.is_busy)
    }

    /// Whether code runs inside: then nothing else may change the data.
    pub(super) fn is_running_inside(&self) -> bool {
        self.running.is_some()
    }

    /// Ends the running code at its next tick (SCRIPT KILL). False if none is busy.
    pub fn kill_running(&mut self) -> bool {
        match &mut self.running {
            Some(running) if running.is_busy => {
                running.is_killed = true;
                true
            }
            _ => false,
        }
    }

    fn tick_running(&mut self, mono: Millis) -> Tick {
        let threshold_ms = self.config.busy_reply_threshold_ms;
        let Some(running) = &mut self.running else { return Tick::Stop };
        if running.is_killed {
            return Tick::Stop;
        }
        let was_busy = running.is_busy;
        running.is_busy |= threshold_ms > 0 && mono.since(running.began.mono) >= threshold_ms;
        if running.is_busy && !was_busy {
            let began = running.began;
            self.refresh_conditions(began);
            self.warning(format!(
                "Slow script detected: still in execution after {} milliseconds. You can try killing the script using \
                 the SCRIPT KILL command.",
                mono.since(began.mono)
            ));
        }
        Tick::GoOn
    }
}

impl<A: Access> Inside<A> {
    /// Begins a run for `client` at `now`.
    pub fn begin(mut access: A, now: Now, client: Token) -> Inside<A> {
        let running = Running { client, began: now, is_busy: false, is_killed: false };
        access.engine().running = Some(running);
        Inside { access, running }
    }
}

impl<A: Access> Host for Inside<A> {
    fn call(&mut self, args: &[&[u8]]) -> Vec<u8> {
        let Running { client, began, .. } = self.running;
        let engine = self.access.engine();
        let mut reply = Reply::default();
        let resolved = engine.table.resolve(args.first().copied().unwrap_or_default(), args.get(1).copied());
        let Some(id) = resolved.filter(|id| engine.table.entry(*id).command.accepts(args.len())) else {
            reply.error("ERR Unknown command called from script");
            return reply.buffer;
        };
        let words = OwnedArgs::of(args);
        let args = Args::new(words.args(), engine.keyspace.hasher());
        // What a handler wishes beyond its reply is not for code inside.
        let begun = engine.begin_request(&reply);
        engine.call(began, client, Origin::Internal, id, &args, &mut reply);
        engine.account(began, client, id, &args, begun, &mut reply);
        reply.buffer
    }

    fn tick(&mut self) -> Tick {
        let mono = self.access.mono();
        let tick = self.access.engine().tick_running(mono);
        if tick == Tick::GoOn && self.access.engine().is_busy() {
            self.access.let_others_in();
            let killed = self.access.engine().running.is_none_or(|running| running.is_killed);
            return if killed { Tick::Stop } else { Tick::GoOn };
        }
        tick
    }
}

impl<A: Access> Drop for Inside<A> {
    fn drop(&mut self) {
        let began = self.running.began;
        let engine = self.access.engine();
        engine.running = None;
        engine.close_unit(began);
        engine.refresh_conditions(began);
        engine.resume_link(began);
        engine.end_turn(began);
    }
}
