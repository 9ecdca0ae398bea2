//! The text of a crash report: log lines for what happened, plain text for what comes along with it.

use std::backtrace::Backtrace;
use std::panic::PanicHookInfo;

use super::Request;
use crate::engine::Testimony;
use crate::server::logging::Log;

pub fn begin(log: &Log) {
    log.raw("\n\n=== REDIS BUG REPORT START: Cut & paste starting from here ===\n");
}

/// What a failed invariant says of itself.
pub fn panicked(panic: &PanicHookInfo<'_>) {
    let payload = panic.payload();
    let words = payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref::<&str>().copied());
    let message = words.unwrap_or("panicked without a word");
    let place = panic.location().map(|location| format!("{}:{}", location.file(), location.line()));
    let place = place.unwrap_or_default();
    if let Some(assertion) = message.strip_prefix("assertion failed: ") {
        tracing::warn!("=== ASSERTION FAILED ===");
        tracing::warn!("==> {place} '{assertion}' is not true");
    } else {
        tracing::warn!("------------------------------------------------");
        tracing::warn!("!!! Software Failure. Press left mouse button to continue");
        tracing::warn!("Guru Meditation: {message} #{place}");
    }
}

pub fn stack(log: &Log) {
    log.raw(&format!("\n------ STACK TRACE ------\n\nBacktrace:\n{}\n", Backtrace::force_capture()));
}

/// What the engine knew, and what it was doing for whom.
pub fn tell(log: &Log, testimony: &Testimony, request: Option<&Request>) {
    log.raw(&format!("\n------ INFO OUTPUT ------\n{}", testimony.info.replace('\r', "")));
    log.raw(&format!("\n------ CLIENT LIST OUTPUT ------\n{}", testimony.clients));
    if let Some(client) = &testimony.current {
        log.raw(&format!("\n------ CURRENT CLIENT INFO ------\n{client}\n"));
        let words = request.map(Request::words).unwrap_or_default();
        for (number, word) in words.iter().enumerate() {
            // What the command is must show, what it is about need not.
            let hides = testimony.hides_user_data && number > 0;
            let shown = if hides { "*redacted*".to_owned() } else { word.escape_ascii().to_string() };
            log.raw(&format!("argv[{number}]: '\"{shown}\"'\n"));
        }
    }
}

pub fn end(log: &Log) {
    log.raw(
        "\n=== REDIS BUG REPORT END. Make sure to include from START to END. ===\n\n       \
         This is Tandem, not Redis: please report it to those who gave you Tandem.\n\n",
    );
}
