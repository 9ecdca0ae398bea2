//! Signals by which the processor or the C library ends a process: reported once, then they do what they do.
//!
//! A handler should do hardly anything; this one writes a report, as Redis's does, since the process is lost anyway.
//! Whatever goes wrong in it ends the process by a signal, too: the handlers are gone once one of them was called.

use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use libc::{SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, c_int, c_void, siginfo_t};

use super::{Request, WITNESS, report};
use crate::config::REDIS_VERSION;
use crate::engine::Testimony;
use crate::server::shared::Shared;
use crate::session::Token;

const SIGNALS: [c_int; 5] = [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT];
/// A report that waits for a lock that nobody will release ends here.
const REPORT_LIMIT_S: u32 = 30;
const LOCK_LIMIT: Duration = Duration::from_millis(500);

static ARE_REPORTED: AtomicBool = AtomicBool::new(false);

pub fn are_reported() -> bool {
    ARE_REPORTED.load(Ordering::Relaxed)
}

pub fn report() {
    ARE_REPORTED.store(true, Ordering::Relaxed);
    install(on_signal as *const () as usize, libc::SA_SIGINFO | libc::SA_NODEFER | libc::SA_RESETHAND);
}

pub fn leave_alone() {
    ARE_REPORTED.store(false, Ordering::Relaxed);
    install(libc::SIG_DFL, 0);
}

fn install(handler: usize, flags: c_int) {
    for signal in SIGNALS {
        // SAFETY: the struct is plain data, for which zeroes are valid; the handler has the form that SA_SIGINFO asks
        // for, or is SIG_DFL.
        unsafe {
            let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
            action.sa_sigaction = handler;
            action.sa_flags = flags;
            libc::sigemptyset(&mut action.sa_mask);
            libc::sigaction(signal, &action, ptr::null_mut());
        }
    }
}

extern "C" fn on_signal(signal: c_int, info: *mut siginfo_t, _: *mut c_void) {
    // SAFETY: the kernel hands a valid struct to a handler with SA_SIGINFO; alarm has no arguments that point anywhere.
    let (code, address, sender) = unsafe {
        libc::alarm(REPORT_LIMIT_S);
        ((*info).si_code, (*info).si_addr(), (*info).si_pid())
    };
    if let Some(witness) = WITNESS.get() {
        report::begin(&witness.log);
        tracing::warn!("Redis {REDIS_VERSION} crashed by signal: {signal}, si_code: {code}");
        if code <= 0 {
            tracing::warn!("Killed by PID: {sender}");
        } else if signal != SIGABRT {
            tracing::warn!("Accessing address: {address:p}");
        }
        report::stack(&witness.log);
        let request = Request::of_this_thread();
        let testimony = last_words(&witness.shared, request.as_ref().map(Request::client));
        report::tell(&witness.log, &testimony, request.as_ref());
        report::end(&witness.log);
    }
    // SAFETY: plain system calls. The default action is in place, and the signal is not blocked: this is the end.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::kill(libc::getpid(), signal);
    }
}

/// The engine's testimony, also if it is this thread that holds it.
fn last_words(shared: &Shared, client: Option<Token>) -> Testimony {
    let now = shared.clock.now();
    if let Some(mut engine) = shared.engine.try_lock_for(LOCK_LIMIT) {
        return engine.testify(now, client);
    }
    // SAFETY: none that would do in a process that lives. The holder is this thread, which does not go on, or one that
    // hangs; at worst, what it left half done makes a second fault, which ends the process as the first would have.
    unsafe { (*shared.engine.data_ptr()).testify(now, client) }
}

/// A real fault of memory (DEBUG SEGFAULT): a write to a page that may be read only.
pub fn segfault() {
    // SAFETY: none: this is the one place that is meant to crash. The page is a fresh one, so nothing else is hurt.
    unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let page = libc::mmap(ptr::null_mut(), 4096, libc::PROT_READ, flags, -1, 0);
        page.cast::<u8>().write_volatile(b'x');
    }
}
