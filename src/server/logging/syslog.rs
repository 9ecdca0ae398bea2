//! The system's log beside our own.

use crate::config::SyslogFacility;
use std::ffi::CString;
use tracing::Level;

/// The system's log, opened once for the process.
#[derive(Debug)]
pub(super) struct Syslog;

impl Syslog {
    pub(super) fn open(ident: &str, facility: SyslogFacility) -> Syslog {
        let ident = CString::new(ident.replace('\0', "")).unwrap_or_default();
        let facility = match facility {
            SyslogFacility::User => libc::LOG_USER,
            SyslogFacility::Local0 => libc::LOG_LOCAL0,
            SyslogFacility::Local1 => libc::LOG_LOCAL1,
            SyslogFacility::Local2 => libc::LOG_LOCAL2,
            SyslogFacility::Local3 => libc::LOG_LOCAL3,
            SyslogFacility::Local4 => libc::LOG_LOCAL4,
            SyslogFacility::Local5 => libc::LOG_LOCAL5,
            SyslogFacility::Local6 => libc::LOG_LOCAL6,
            SyslogFacility::Local7 => libc::LOG_LOCAL7,
        };
        let options = libc::LOG_PID | libc::LOG_NDELAY | libc::LOG_NOWAIT;
        // SAFETY: openlog keeps the pointer; `into_raw` gives the string away, so it is never freed.
        unsafe { libc::openlog(ident.into_raw(), options, facility) };
        Syslog
    }

    pub(super) fn write(&self, level: Level, message: &str) {
        let priority = match level {
            Level::TRACE => libc::LOG_DEBUG,
            Level::DEBUG => libc::LOG_INFO,
            Level::INFO => libc::LOG_NOTICE,
            Level::WARN | Level::ERROR => libc::LOG_WARNING,
        };
        let Ok(message) = CString::new(message) else { return };
        // SAFETY: the format takes one string, and gets one that ends with a NUL.
        unsafe { libc::syslog(priority, c"%s".as_ptr(), message.as_ptr()) };
    }
}
