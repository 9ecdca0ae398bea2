//! Log lines in Redis's form: `pid:role dd Mon yyyy hh:mm:ss.mmm level message`.
//!
//! Code anywhere uses `tracing`'s macros; this layer adds pid, role and time, so the core needs no clock for it. Their
//! levels mean: `error!` and `warn!` warning `#`, `info!` notice `*`, `debug!` verbose `-`, `trace!` debug `.`.
//! A field `role = "C"` marks a line of background work. Other fields follow the message as `name=value`. The file is
//! opened for each line, so it may be moved away at any time.

mod line;
mod syslog;

use crate::config::{Config, LogFormat, LogLevel, LogTimestamp};
use line::{Line, LocalTime};
use parking_lot::RwLock;
use std::fmt::{self, Write as _};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use syslog::Syslog;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// Who speaks in a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    Master = b'M',
    Replica = b'S',
    /// Background work, and the process before it serves.
    Child = b'C',
}

/// Steers the log while the server runs; clones steer the same one.
#[derive(Debug, Clone)]
pub struct Log(Arc<State>);

#[derive(Debug)]
struct State {
    level: AtomicU8,
    role: AtomicU8,
    form: RwLock<(LogFormat, LogTimestamp)>,
    sink: Sink,
    syslog: Option<Syslog>,
}

#[derive(Debug)]
enum Sink {
    Stdout,
    File(PathBuf),
}

/// Logs as `config` says from now on, for the whole process. A second call keeps the first log.
pub fn init(config: &Config) -> Log {
    let sink = config.logfile.clone().map_or(Sink::Stdout, Sink::File);
    let syslog = config.syslog_enabled.then(|| Syslog::open(&config.syslog_ident, config.syslog_facility));
    let state = State {
        level: AtomicU8::new(config.loglevel as u8),
        role: AtomicU8::new(Role::Child as u8),
        form: RwLock::new((config.log_format, config.log_timestamp)),
        sink,
        syslog,
    };
    let log = Log(Arc::new(state));
    let subscriber = tracing_subscriber::registry().with(RedisLines(log.clone()));
    // Only a log that is there already is an error, and that one then stays.
    let _ = tracing::subscriber::set_global_default(subscriber);
    log
}

impl Log {
    /// Takes the directives over that may change at run time.
    pub fn follow(&self, config: &Config) {
        self.set_level(config.loglevel);
        *self.0.form.write() = (config.log_format, config.log_timestamp);
    }

    pub fn set_level(&self, level: LogLevel) {
        self.0.level.store(level as u8, Relaxed);
        // Call sites remember whether they are wanted.
        tracing::callsite::rebuild_interest_cache();
    }

    pub fn set_role(&self, role: Role) {
        self.0.role.store(role as u8, Relaxed);
    }

    /// Prints text as it is, without time and level: banners.
    pub fn raw(&self, text: &str) {
        self.0.sink.write(text.as_bytes());
    }

    fn filter(&self) -> LevelFilter {
        match self.0.level.load(Relaxed) {
            0 => LevelFilter::TRACE,
            1 => LevelFilter::DEBUG,
            2 => LevelFilter::INFO,
            3 => LevelFilter::WARN,
            _ => LevelFilter::OFF,
        }
    }
}

impl Sink {
    /// A log that cannot be written has nowhere to say so.
    fn write(&self, text: &[u8]) {
        let _ = match self {
            Sink::Stdout => std::io::stdout().lock().write_all(text).and_then(|()| std::io::stdout().flush()),
            Sink::File(path) => {
                OpenOptions::new().create(true).append(true).open(path).and_then(|mut file| file.write_all(text))
            }
        };
    }
}

struct RedisLines(Log);

impl<S: Subscriber> Layer<S> for RedisLines {
    /// Our own lines only: what libraries tell is not for operators.
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target().starts_with(env!("CARGO_CRATE_NAME")) && self.0.filter() >= *metadata.level()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.0.filter())
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = EventText::default();
        event.record(&mut text);
        let State { role, sink, syslog, form, .. } = &*self.0.0;
        let role = text.role.unwrap_or(role.load(Relaxed) as char);
        let (format, timestamp) = *form.read();
        let level = *event.metadata().level();
        let message = text.message + &text.fields;
        let line = Line { pid: std::process::id(), role, time: LocalTime::now(), level, message: &message };
        sink.write(line.format(format, timestamp).as_bytes());
        if let Some(syslog) = syslog {
            syslog.write(level, &message);
        }
    }
}

/// Message and fields of an event. Control characters are escaped: a name sent by a client cannot forge a line.
#[derive(Default)]
struct EventText {
    role: Option<char>,
    message: String,
    fields: String,
}

impl Visit for EventText {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let plain = format!("{value:?}");
        let text: String =
            plain.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect();
        // Writing into a String does not fail.
        let _ = match field.name() {
            "message" => self.message.write_str(&text),
            name => write!(self.fields, " {name}={text}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "role" => self.role = value.chars().next(),
            _ => self.record_debug(field, &format_args!("{value}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Lines that `body` logs at this level, without pid and time.
    fn logged(name: &str, level: LogLevel, body: impl FnOnce(&Log)) -> Vec<String> {
        let path = std::env::temp_dir().join(format!("tandem-log-{name}-{}", std::process::id()));
        let state = State {
            level: AtomicU8::new(level as u8),
            role: AtomicU8::new(Role::Child as u8),
            form: RwLock::default(),
            sink: Sink::File(path.clone()),
            syslog: None,
        };
        let log = Log(Arc::new(state));
        let subscriber = tracing_subscriber::registry().with(RedisLines(log.clone()));
        tracing::subscriber::with_default(subscriber, || body(&log));
        let text = read_and_remove(&path);
        text.lines().map(without_pid_and_time).collect()
    }

    fn read_and_remove(path: &Path) -> String {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let _ = std::fs::remove_file(path);
        text
    }

    fn without_pid_and_time(line: &str) -> String {
        let (pid, rest) = line.split_once(':').unwrap();
        assert_eq!(pid, std::process::id().to_string());
        let (role, rest) = rest.split_at(1);
        format!("{role} {}", &rest[" 01 Jan 1970 00:00:00.000 ".len()..])
    }

    #[test]
    fn levels_have_redis_marks() {
        let lines = logged("marks", LogLevel::Debug, |_| {
            tracing::trace!("a");
            tracing::debug!("b");
            tracing::info!("c");
            tracing::warn!("d");
            tracing::error!("e");
        });
        assert_eq!(lines, ["C . a", "C - b", "C * c", "C # d", "C # e"]);
    }

    #[test]
    fn level_and_role_change_while_running() {
        let lines = logged("change", LogLevel::Notice, |log| {
            tracing::debug!("hidden");
            log.set_level(LogLevel::Verbose);
            log.set_role(Role::Master);
            tracing::debug!("shown");
            log.set_role(Role::Replica);
            tracing::info!(role = "C", "child");
            log.set_level(LogLevel::Nothing);
            tracing::error!("hidden");
        });
        assert_eq!(lines, ["M - shown", "C * child"]);
    }

    #[test]
    fn what_clients_send_cannot_forge_lines() {
        let name = "x\n1:M 01 Jan 1970 00:00:00.000 # forged\x1b[0m";
        let lines = logged("forge", LogLevel::Notice, |_| tracing::info!(name, count = 3, "client {name}"));
        assert_eq!(lines.len(), 1);
        assert!(lines[0].starts_with("C * client x\\n1:M"), "{}", lines[0]);
        assert!(lines[0].ends_with("\\u{1b}[0m count=3"), "{}", lines[0]);
    }

    #[test]
    fn lines_of_libraries_are_not_logged() {
        let lines = logged("foreign", LogLevel::Debug, |_| tracing::info!(target: "tokio::task", "noise"));
        assert!(lines.is_empty(), "{lines:?}");
    }
}
