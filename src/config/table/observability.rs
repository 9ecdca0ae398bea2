//! Log lines, slow log, latency, keyspace events.

use crate::config::directive::{Directive, rows::*};
use crate::config::events::EventClasses;
use crate::config::settings::{LogFormat, LogLevel, LogTimestamp, SyslogFacility};
use crate::config::value::{Kind, Value};

pub(super) const ROWS: &[Directive] = &[
    one_of("loglevel", LogLevel::NAMES, "notice", "Least level that is logged.")
        .store(|s, v| s.loglevel = LogLevel::named(v.choice())),
    text("logfile", "", "File that log lines are appended to; empty prints them.")
        .immutable()
        .store(|s, v| s.logfile = v.path_if_any()),
    yes_no("syslog-enabled", "no", "Sends log lines to syslog too.")
        .immutable()
        .store(|s, v| s.syslog_enabled = v.bool()),
    text("syslog-ident", "redis", "Name under which syslog lists them.")
        .immutable()
        .store(|s, v| s.syslog_ident = v.string()),
    one_of("syslog-facility", SyslogFacility::NAMES, "local0", "Facility under which syslog lists them.")
        .immutable()
        .store(|s, v| s.syslog_facility = SyslogFacility::named(v.choice())),
    one_of("log-format", LogFormat::NAMES, "legacy", "Form of a log line.")
        .store(|s, v| s.log_format = LogFormat::named(v.choice())),
    one_of("log-timestamp-format", LogTimestamp::NAMES, "legacy", "Form of the time in a log line.")
        .store(|s, v| s.log_timestamp = LogTimestamp::named(v.choice())),
    yes_no("hide-user-data-from-log", "no", "Keeps keys and values out of log lines.")
        .store(|s, v| s.hide_user_data_from_log = v.bool()),
    int(
        "slowlog-log-slower-than",
        (-1, LONG_MAX),
        "10000",
        "Microseconds above which a command is noted; -1 notes none, 0 all.",
    )
    .aliases(&["commandlog-execution-slower-than"])
    .store(|s, v| s.slowlog_log_slower_than_us = v.int()),
    int("slowlog-max-len", (0, LONG_MAX), "128", "Slow commands that are remembered.")
        .aliases(&["commandlog-slow-execution-max-len"])
        .store(|s, v| s.slowlog_max_len = v.int()),
    int(
        "commandlog-request-larger-than",
        (-1, LONG_MAX),
        "1048576",
        "Bytes above which a request is noted; -1 notes none.",
    )
    .store(|s, v| s.commandlog_request_larger_than = v.int()),
    int("commandlog-large-request-max-len", (0, LONG_MAX), "128", "Large requests that are remembered.")
        .store(|s, v| s.commandlog_large_request_max_len = v.int()),
    int(
        "commandlog-reply-larger-than",
        (-1, LONG_MAX),
        "1048576",
        "Bytes above which a reply is noted; -1 notes none.",
    )
    .store(|s, v| s.commandlog_reply_larger_than = v.int()),
    int("commandlog-large-reply-max-len", (0, LONG_MAX), "128", "Large replies that are remembered.")
        .store(|s, v| s.commandlog_large_reply_max_len = v.int()),
    int(
        "latency-monitor-threshold",
        (0, LONG_MAX),
        "0",
        "Milliseconds above which LATENCY notes an event; 0 notes none.",
    )
    .store(|s, v| s.latency_monitor_threshold_ms = v.int()),
    yes_no("latency-tracking", "yes", "Measures the time of every command.")
        .store(|s, v| s.latency_tracking = v.bool()),
    special(
        "latency-tracking-info-percentiles",
        Kind::Percentiles,
        "50 99 99.9",
        "Percentiles that INFO shows for every command.",
    )
    .store(|s, v| {
        if let Value::Percentiles(percentiles) = v {
            s.latency_tracking_info_percentiles = percentiles.clone()
        }
    }),
    special("notify-keyspace-events", Kind::KeyspaceEvents, "", "Classes of key events that are published.").store(
        |s, v| s.notify_keyspace_events = v.bytes().map_or(EventClasses::NONE, |letters| EventClasses::named(&letters)),
    ),
];
