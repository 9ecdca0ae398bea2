//! The process: threads, timers, signals, title, and how the operating system sees it.

use crate::config::directive::{Directive, HIDDEN, rows::*};
use crate::config::settings::{OomScoreAdj, ShutdownOptions, Supervision};
use crate::config::value::{Kind, Value};

const SHUTDOWN_OPTIONS: &[&str] = &["default", "save", "nosave", "now", "force"];

pub(super) const ROWS: &[Directive] = &[
    yes_no("daemonize", "no", "Goes to the background after the start.")
        .immutable()
        .store(|s, v| s.daemonize = v.bool()),
    text("pidfile", "", "File that holds the process id while the server runs.")
        .immutable()
        .store(|s, v| s.pidfile = v.path_if_any()),
    one_of("supervised", Supervision::NAMES, "no", "Which init system is told about the start.")
        .immutable()
        .store(|s, v| s.supervised = Supervision::named(v.choice())),
    int("io-threads", (1, 128), "1", "Threads that serve connections.")
        .immutable()
        .store(|s, v| s.io_threads = v.int()),
    yes_no("io-threads-do-reads", "no", "Lets those threads read and parse too.").immutable().no_effect(),
    int("prefetch-batch-max-size", (0, 128), "16", "Keys whose memory is fetched ahead within a batch.")
        .waits("choice of the prefetch depth"),
    int("hz", (0, INT_MAX), "10", "How often in a second background work gets its turn, 1 to 500.")
        .refine(within_hz)
        .store(|s, v| s.hz = v.int()),
    yes_no("dynamic-hz", "yes", "Raises hz with the number of clients.").no_effect(),
    int(
        "busy-reply-threshold",
        (0, LONG_MAX),
        "5000",
        "Milliseconds after which a running script lets others be told that the server is busy.",
    )
    .aliases(&["lua-time-limit"])
    .store(|s, v| s.busy_reply_threshold_ms = v.int()),
    int("shutdown-timeout", (0, INT_MAX), "10", "Seconds that a shutdown waits for replicas that lag.")
        .store(|s, v| s.shutdown_timeout_s = v.int()),
    special(
        "shutdown-on-sigint",
        Kind::Choices(SHUTDOWN_OPTIONS),
        "default",
        "Options of the shutdown that SIGINT causes.",
    )
    .refine(consistent_shutdown)
    .store(|s, v| s.shutdown_on_sigint = shutdown_options(v)),
    special(
        "shutdown-on-sigterm",
        Kind::Choices(SHUTDOWN_OPTIONS),
        "default",
        "Options of the shutdown that SIGTERM causes.",
    )
    .refine(consistent_shutdown)
    .store(|s, v| s.shutdown_on_sigterm = shutdown_options(v)),
    yes_no("set-proc-title", "yes", "Shows address and mode in process lists.")
        .immutable()
        .store(|s, v| s.set_proc_title = v.bool()),
    text("proc-title-template", "{title} {listen-addr} {server-mode}", "What process lists show.")
        .refine(known_title_variables)
        .store(|s, v| s.proc_title_template = v.string()),
    yes_no("always-show-logo", "no", "Shows a picture with port and process id at the start also in files.")
        .immutable()
        .store(|s, v| s.always_show_logo = v.bool()),
    text("locale-collate", "", "Locale by which SORT compares.").waits("SORT"),
    text("hash-seed", "", "Seed of the hash function, so that servers agree on the order of keys.")
        .immutable()
        .store(|s, v| s.hash_seed = v.bytes()),
    text("ignore-warnings", "", "Names of checks whose failure shall not stop the start.").no_effect(),
    one_of(
        "oom-score-adj",
        &["no", "yes", "relative", "absolute"],
        "no",
        "Tells the kernel which process to kill first when memory runs out.",
    )
    .refine(|v| Ok(if v == Value::Choice("relative") { Value::Choice("yes") } else { v }))
    .store(|s, v| s.oom_score_adj = OomScoreAdj::named(v.choice())),
    special(
        "oom-score-adj-values",
        Kind::OomScores,
        "0 200 800",
        "Scores of masters, replicas and background children.",
    )
    .store(|s, v| {
        if let Value::Scores(scores) = v {
            s.oom_scores = *scores
        }
    }),
    text("server-cpulist", "", "CPUs for the main and I/O threads.")
        .aliases(&["server_cpulist"])
        .immutable()
        .no_effect(),
    text("bio-cpulist", "", "CPUs for background threads.").aliases(&["bio_cpulist"]).immutable().no_effect(),
    text("aof-rewrite-cpulist", "", "CPUs for rewrites of the append-only file.")
        .aliases(&["aof_rewrite_cpulist"])
        .immutable()
        .no_effect(),
    text("bgsave-cpulist", "", "CPUs for background saves.").aliases(&["bgsave_cpulist"]).immutable().no_effect(),
    yes_no("crash-log-enabled", "yes", "Logs a report when the server crashes.")
        .store(|s, v| s.crash_log_enabled = v.bool()),
    yes_no("crash-memcheck-enabled", "yes", "Tests the memory after a crash.").no_effect(),
    yes_no("use-exit-on-panic", "no", "Exits instead of aborting when an invariant fails.")
        .flags(HIDDEN)
        .store(|s, v| s.use_exit_on_panic = v.bool()),
    int("watchdog-period", (0, INT_MAX), "0", "Milliseconds after which a stalled server logs where it stands.")
        .flags(HIDDEN)
        .waits("software watchdog"),
    int("rdb-key-save-delay", (i32::MIN as i128, INT_MAX), "0", "Microseconds to pause after each key that is saved.")
        .flags(HIDDEN)
        .store(|s, v| s.rdb_key_save_delay_us = v.int()),
    int("key-load-delay", (i32::MIN as i128, INT_MAX), "0", "Microseconds to pause after each key that is loaded.")
        .flags(HIDDEN)
        .store(|s, v| s.key_load_delay_us = v.int()),
    memory(
        "loading-process-events-interval-bytes",
        (1024, INT_MAX),
        "2097152",
        "Bytes loaded between two looks at clients.",
    )
    .flags(HIDDEN)
    .no_effect(),
];

/// Any number is accepted as a wish; what cannot be is capped.
fn within_hz(value: Value) -> Result<Value, &'static str> {
    let Value::Number(hz) = value else { return Ok(value) };
    Ok(Value::Number(hz.clamp(1, 500)))
}

fn consistent_shutdown(value: Value) -> Result<Value, &'static str> {
    if value.chosen("save") && value.chosen("nosave") {
        return Err("shutdown options SAVE and NOSAVE can't be used simultaneously");
    }
    Ok(value)
}

fn shutdown_options(value: &Value) -> ShutdownOptions {
    ShutdownOptions {
        save: value.chosen("save"),
        nosave: value.chosen("nosave"),
        now: value.chosen("now"),
        force: value.chosen("force"),
    }
}

const TITLE_VARIABLES: &[&str] =
    &["title", "listen-addr", "server-mode", "port", "tls-port", "unixsocket", "config-file"];

/// `{name}` stands for a variable, `{{` for a brace; what is left must not be blank.
fn known_title_variables(value: Value) -> Result<Value, &'static str> {
    const INVALID: &str = "template format is invalid or contains unknown variables";
    let template = value.string();
    let mut rest = template.as_str();
    let mut is_blank = true;
    while let Some((before, after)) = rest.split_once('{') {
        is_blank &= before.trim_matches(' ').is_empty();
        rest = if let Some(after_brace) = after.strip_prefix('{') {
            is_blank = false;
            after_brace
        } else {
            let (variable, after_variable) = after.split_once('}').ok_or(INVALID)?;
            if !TITLE_VARIABLES.contains(&variable) {
                return Err(INVALID);
            }
            is_blank &= variable == "title" || variable == "unixsocket" || variable == "config-file";
            after_variable
        };
    }
    if is_blank && rest.trim_matches(' ').is_empty() { Err(INVALID) } else { Ok(value) }
}
