//! Busy: code that runs inside has run past `busy-reply-threshold`, and the server answers all the same.
//!
//! The code runs under the lock, as one unit. Past the threshold its ticks let go of the lock for a moment: others come
//! in, and the gate answers them BUSY, all but the few commands that are allowed. So the unit stays whole. Time is
//! frozen for it: no expiry, no eviction, no unit of the master's stream until it has ended; what comes of others
//! meanwhile and would change data waits.

use crate::command::Args;
use crate::keyspace::Keyspace;
use crate::replication::LinkEvent;
use crate::script::{Kind, Libraries, Tick};
use crate::session::Token;
use crate::time::Now;

use super::{Engine, LinkId, LoadedPayload};

/// Nanoseconds between two moments in which others are let in.
const PATIENCE_NS: u64 = 1_000_000;

/// What came while code ran inside, and would change what it sees.
pub(super) enum Deferred {
    Link(LinkId, LinkEvent),
    Loaded(LinkId, LoadedPayload),
    Reloaded(Token, Result<(Keyspace, Libraries), String>),
}

/// When a run began and when others were last let in, in nanoseconds of the clock for measuring.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    began_ns: u64,
    let_in_ns: u64,
}

impl Patience {
    pub fn new(now_ns: u64) -> Patience {
        Patience { began_ns: now_ns, let_in_ns: now_ns }
    }
}

impl Engine {
    /// Whether code that runs inside has run past the threshold.
    pub fn is_busy(&self) -> bool {
        self.scripts.running.as_ref().is_some_and(|running| running.is_busy)
    }

    /// Whether code runs inside: then nothing else may change the data.
    pub(super) fn is_running_inside(&self) -> bool {
        self.scripts.running.is_some()
    }

    /// Time has passed for the code that runs: others may be let in. `args` is the request that runs it.
    pub(super) fn tick_inside(&mut self, patience: &mut Patience, args: &Args<'_>) -> Tick {
        let now_ns = (self.hooks.clock_ns)();
        let threshold_ms = self.config.busy_reply_threshold_ms;
        let Some(running) = &mut self.scripts.running else { return Tick::Stop };
        let duration_ms = now_ns.saturating_sub(patience.began_ns) / 1_000_000;
        running.duration_ms = duration_ms;
        if !running.is_busy {
            if threshold_ms == 0 || duration_ms < threshold_ms {
                return Tick::GoOn;
            }
            running.is_busy = true;
            running.request = args.words.iter().map(<[u8]>::to_vec).collect();
            let (now, line) = (running.began, slow_line(running.kind, &running.name, duration_ms));
            self.warning(line);
            self.refresh_conditions(now);
        } else if now_ns.saturating_sub(patience.let_in_ns) < PATIENCE_NS {
            return Tick::GoOn;
        }
        let let_others_in = self.hooks.let_others_in.clone();
        let_others_in(self);
        patience.let_in_ns = (self.hooks.clock_ns)();
        self.heed_kill()
    }

    fn heed_kill(&mut self) -> Tick {
        if !self.scripts.running.as_ref().is_none_or(|running| running.is_killed) {
            return Tick::GoOn;
        }
        self.warning("Lua script killed by user with SCRIPT KILL.");
        Tick::Stop
    }

    /// Keeps for later what would change data under the code that runs.
    pub(super) fn defer(&mut self, deferred: Deferred) {
        self.deferred.push(deferred);
    }

    /// The code has ended: what came meanwhile is taken up, in its order.
    #[cold]
    pub(super) fn resume_deferred(&mut self, now: Now) {
        for deferred in std::mem::take(&mut self.deferred) {
            match deferred {
                Deferred::Link(id, event) => self.link_event(now, id, event),
                Deferred::Loaded(id, loaded) => self.link_loaded(now, id, loaded),
                Deferred::Reloaded(client, result) => self.reloaded(now, client, result),
            }
        }
    }
}

fn slow_line(kind: Kind, name: &str, duration_ms: u64) -> String {
    let command = if kind == Kind::Script { "SCRIPT KILL" } else { "FUNCTION KILL" };
    format!(
        "Slow script detected: still in execution after {duration_ms} milliseconds. You can try killing the script \
         using the {command} command. Script name is: {name}."
    )
}
