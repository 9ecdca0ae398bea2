//! The crash report: what operators send to those who are to find the fault, in Redis's frame.
//!
//! A panic under the engine's lock may have left the data half changed: it is reported and ends the process. So does
//! one in a task or thread that the server cannot do without. A panic in a connection's task outside the lock costs
//! that connection only. A fault of the processor, or an abort, is reported and then ends the process by its signal.
//!
//! Who panics is caught by guards: values that are forgotten when all went well, and otherwise dropped by the
//! unwinding stack. On the good way they cost nothing.

mod current;
mod report;
mod signals;

use std::panic::PanicHookInfo;
use std::sync::{Arc, OnceLock};

pub use current::Request;
pub use signals::segfault;

use super::logging::Log;
use super::shared::Shared;
use crate::engine::{Engine, Testimony};
use crate::time::Now;

/// What a report is made of; a crash comes without arguments.
static WITNESS: OnceLock<Witness> = OnceLock::new();

struct Witness {
    log: Log,
    shared: Arc<Shared>,
}

/// From now on crashes are reported.
pub fn watch(log: &Log, shared: &Arc<Shared>) {
    // A second server in one process is one too many; the first one's reports go on.
    let _ = WITNESS.set(Witness { log: log.clone(), shared: shared.clone() });
    std::panic::set_hook(Box::new(on_panic));
    follow(shared.turn(|engine, _| engine.config.crash_log_enabled));
}

/// Takes the directive `crash-log-enabled` over.
pub fn follow(is_enabled: bool) {
    if is_enabled { signals::report() } else { signals::leave_alone() }
}

/// The beginning of the report is written where the panic is; who catches it writes the rest.
fn on_panic(panic: &PanicHookInfo<'_>) {
    let Some(witness) = WITNESS.get() else { return };
    report::begin(&witness.log);
    report::panicked(panic);
    if signals::are_reported() {
        report::stack(&witness.log);
    }
}

/// Held while the engine is; dropped by a panic only.
pub struct UnderLock<'a> {
    pub engine: &'a mut Engine,
    pub now: Now,
}

impl Drop for UnderLock<'_> {
    fn drop(&mut self) {
        let request = Request::of_this_thread();
        let testimony = self.engine.testify(self.now, request.as_ref().map(Request::client));
        let exits = self.engine.config.use_exit_on_panic;
        die(Some(testimony), request, exits);
    }
}

/// Held by what the server cannot do without; dropped by a panic, or because it is needed no more.
pub struct Essential;

impl Drop for Essential {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let facts = WITNESS.get().map(|witness| {
            witness.shared.turn(|engine, now| (engine.testify(now, None), engine.config.use_exit_on_panic))
        });
        let (testimony, exits) = facts.unzip();
        die(testimony, None, exits.unwrap_or_default());
    }
}

/// A panic that costs one connection: its report ends here, and the server goes on.
pub fn survive() {
    if let Some(witness) = WITNESS.get() {
        report::end(&witness.log);
        tracing::warn!("The panic was outside of the lock: it costs one connection, the server goes on.");
    }
}

fn die(testimony: Option<Testimony>, request: Option<Request>, exits: bool) -> ! {
    if let Some(witness) = WITNESS.get() {
        if let Some(testimony) = testimony.filter(|_| signals::are_reported()) {
            report::tell(&witness.log, &testimony, request.as_ref());
        }
        report::end(&witness.log);
    }
    if exits {
        std::process::exit(1);
    }
    signals::leave_alone();
    std::process::abort();
}

#[cfg(test)]
mod tests;
