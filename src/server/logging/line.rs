//! The text of a log line, in either of its forms.

use crate::config::{LogFormat, LogTimestamp};
use std::time::{SystemTime, UNIX_EPOCH};
use tracing::Level;

/// Who says what, when, and how urgently.
pub(super) struct Line<'a> {
    pub pid: u32,
    pub role: char,
    pub time: LocalTime,
    pub level: Level,
    pub message: &'a str,
}

impl Line<'_> {
    pub(super) fn format(&self, form: LogFormat, timestamp: LogTimestamp) -> String {
        let Line { pid, role, level, message, .. } = self;
        let time = self.time.format(timestamp);
        let (mark, name) = match *level {
            Level::TRACE => ('.', "debug"),
            Level::DEBUG => ('-', "info"),
            Level::INFO => ('*', "notice"),
            Level::WARN | Level::ERROR => ('#', "warning"),
        };
        match form {
            LogFormat::Legacy => format!("{pid}:{role} {time} {mark} {message}\n"),
            LogFormat::Logfmt => {
                let role = match role {
                    'M' => "primary",
                    'S' => "replica",
                    _ => "RDB/AOF",
                };
                // A quote in the message would end it.
                let message = message.replace('"', "'");
                format!("pid={pid} role={role} timestamp=\"{time}\" level={name} message=\"{message}\"\n")
            }
        }
    }
}

/// A moment in the time zone of this machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct LocalTime {
    day: i32,
    /// 0 is January.
    month: usize,
    year: i32,
    hour: i32,
    minute: i32,
    second: i32,
    millisecond: u32,
    /// East of Greenwich.
    offset_s: i64,
    unix_ms: u128,
}

impl LocalTime {
    pub(super) fn now() -> LocalTime {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = since_epoch.as_secs() as libc::time_t;
        // SAFETY: `tm` is plain data, for which zeroes are valid; both pointers are to locals that outlive the call.
        let tm = unsafe {
            let mut tm: libc::tm = std::mem::zeroed();
            libc::localtime_r(&seconds, &mut tm);
            tm
        };
        LocalTime {
            day: tm.tm_mday,
            month: tm.tm_mon as usize,
            year: tm.tm_year + 1900,
            hour: tm.tm_hour,
            minute: tm.tm_min,
            second: tm.tm_sec,
            millisecond: since_epoch.subsec_millis(),
            offset_s: tm.tm_gmtoff,
            unix_ms: since_epoch.as_millis(),
        }
    }

    /// The moment as the directive `log-timestamp-format` wants it.
    pub(super) fn format(&self, form: LogTimestamp) -> String {
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let LocalTime { day, month, year, hour, minute, second, millisecond, offset_s, unix_ms } = self;
        let clock = format!("{hour:02}:{minute:02}:{second:02}.{millisecond:03}");
        match form {
            LogTimestamp::Legacy => format!("{day:02} {} {year} {clock}", MONTHS.get(*month).unwrap_or(&"Jan")),
            LogTimestamp::Iso8601 => {
                let sign = if *offset_s < 0 { '-' } else { '+' };
                let minutes = offset_s.abs() / 60;
                format!("{year:04}-{:02}-{day:02}T{clock}{sign}{:02}:{:02}", month + 1, minutes / 60, minutes % 60)
            }
            LogTimestamp::Milliseconds => unix_ms.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(form: LogFormat, timestamp: LogTimestamp) -> String {
        let time = LocalTime {
            day: 3,
            month: 10,
            year: 2026,
            hour: 4,
            minute: 5,
            second: 6,
            millisecond: 7,
            offset_s: -(5 * 3600 + 1800),
            unix_ms: 1_793_000_000_007,
        };
        Line { pid: 12, role: 'M', time, level: Level::INFO, message: "say \"hello\"" }.format(form, timestamp)
    }

    #[test]
    fn a_line_has_redis_form() {
        let text = line(LogFormat::Legacy, LogTimestamp::Legacy);
        assert_eq!(text, "12:M 03 Nov 2026 04:05:06.007 * say \"hello\"\n");
    }

    #[test]
    fn other_forms_are_valkeys() {
        assert_eq!(
            line(LogFormat::Logfmt, LogTimestamp::Iso8601),
            "pid=12 role=primary timestamp=\"2026-11-03T04:05:06.007-05:30\" level=notice message=\"say 'hello'\"\n"
        );
        let text = line(LogFormat::Legacy, LogTimestamp::Milliseconds);
        assert!(text.starts_with("12:M 1793000000007 * "), "{text}");
    }
}
