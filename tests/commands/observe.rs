//! What the server tells of its requests: statistics of commands and errors, SLOWLOG, COMMANDLOG, LATENCY, MONITOR.

use std::cell::Cell;

use crate::harness::Harness;

thread_local! {
    static CLOCK_NS: Cell<u64> = const { Cell::new(0) };
}

/// Each look at the clock is a millisecond after the last.
fn clock_ns() -> u64 {
    CLOCK_NS.set(CLOCK_NS.get() + 1_000_000);
    CLOCK_NS.get()
}

fn timed() -> Harness {
    let mut h = Harness::new();
    h.engine.hooks.clock_ns = clock_ns;
    h
}

/// A line of INFO without its name.
fn info(h: &mut Harness, section: &str, name: &str) -> String {
    let info = h.send(&format!("INFO {section}"));
    let text = String::from_utf8(info.bytes().to_vec()).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_default().to_owned()
}

#[test]
fn calls_refusals_and_failures_are_told_apart() {
    let mut h = timed();
    h.check("SET k v", "+OK");
    h.check("SET k", "-ERR wrong number of arguments for 'set' command");
    h.check("INCR k", "-ERR value is not an integer or out of range");
    assert_eq!(
        info(&mut h, "commandstats", "cmdstat_set"),
        "calls=1,usec=1000,usec_per_call=1000.00,rejected_calls=1,failed_calls=0"
    );
    assert_eq!(
        info(&mut h, "commandstats", "cmdstat_incr"),
        "calls=1,usec=1000,usec_per_call=1000.00,rejected_calls=0,failed_calls=1"
    );
    assert_eq!(info(&mut h, "errorstats", "errorstat_ERR"), "count=2");
    assert_eq!(info(&mut h, "stats", "total_error_replies"), "2");
    h.check("CONFIG RESETSTAT", "+OK");
    assert_eq!(info(&mut h, "commandstats", "cmdstat_set"), "");
    assert_eq!(info(&mut h, "errorstats", "errorstat_ERR"), "");
}

#[test]
fn a_failure_inside_exec_is_charged_to_its_request() {
    let mut h = timed();
    h.check("SET k v", "+OK");
    h.check("MULTI", "+OK");
    h.check("INCR k", "+QUEUED");
    h.check("EXEC", "[-ERR value is not an integer or out of range]");
    assert!(info(&mut h, "commandstats", "cmdstat_incr").ends_with("rejected_calls=0,failed_calls=1"));
    assert!(info(&mut h, "commandstats", "cmdstat_exec").ends_with("rejected_calls=0,failed_calls=0"));
    h.check("EXEC", "-ERR EXEC without MULTI");
    assert!(info(&mut h, "commandstats", "cmdstat_exec").ends_with("rejected_calls=0,failed_calls=1"));
}

#[test]
fn subcommands_have_lines_and_percentiles_of_their_own() {
    let mut h = timed();
    h.send("CLIENT ID");
    assert!(info(&mut h, "commandstats", "cmdstat_client|id").starts_with("calls=1,"));
    let percentiles = info(&mut h, "latencystats", "latency_percentiles_usec_client|id");
    assert!(percentiles.starts_with("p50=1003.") && percentiles.contains(",p99.9="), "{percentiles}");
    h.check("CONFIG SET latency-tracking-info-percentiles \"0 100\"", "+OK");
    assert!(info(&mut h, "latencystats", "latency_percentiles_usec_client|id").starts_with("p0="));
    h.check("CONFIG SET latency-tracking no", "+OK");
    assert_eq!(info(&mut h, "latencystats", "latency_percentiles_usec_client|id"), "");
}

#[test]
fn the_slow_log_keeps_the_latest_without_their_secrets() {
    let mut h = timed();
    h.check("CONFIG SET slowlog-log-slower-than 1000 slowlog-max-len 3", "+OK");
    h.check("SLOWLOG RESET", "+OK");
    h.check("CLIENT SETNAME me", "+OK");
    h.check("CONFIG SET masterauth secret slowlog-max-len 2", "+OK");
    h.check("PING", "+PONG");
    h.check("SLOWLOG LEN", ":2");
    let notes = h.send("SLOWLOG GET").to_string();
    assert!(notes.contains(r#"["SLOWLOG", "LEN"]"#) && notes.contains(r#""127.0.0.1:1", "me"]"#), "{notes}");
    h.check("CONFIG SET masterauth secret", "+OK");
    let notes = h.send("SLOWLOG GET 1").to_string();
    assert!(notes.contains(r#"["CONFIG", "SET", "masterauth", "(redacted)"]"#), "{notes}");
    h.check("SLOWLOG GET -2", "-ERR count should be greater than or equal to -1");
    h.check("SLOWLOG GET 0", "[]");
    h.check("CONFIG SET slowlog-log-slower-than -1", "+OK");
    h.check("SLOWLOG RESET", "+OK");
    h.check("SLOWLOG LEN", ":0");
    h.check("SLOWLOG GET -1", "[]");
}

#[test]
fn exec_is_not_slow_its_requests_are() {
    let mut h = timed();
    h.check("CONFIG SET slowlog-log-slower-than 1000", "+OK");
    h.check("SLOWLOG RESET", "+OK");
    h.check("MULTI", "+OK");
    h.check("SET k v", "+QUEUED");
    h.check("EXEC", "[+OK]");
    let notes = h.send("SLOWLOG GET").to_string();
    assert!(notes.contains(r#"["SET", "k", "v"]"#) && !notes.contains("EXEC"), "{notes}");
}

#[test]
fn large_requests_and_replies_are_noted() {
    let mut h = timed();
    h.check("CONFIG SET commandlog-request-larger-than 100 commandlog-reply-larger-than 100", "+OK");
    let text = "x".repeat(200);
    h.check(&format!("SET k {text}"), "+OK");
    h.check("GET k", &format!("\"{text}\""));
    // The first is the one that set the limits.
    h.check("COMMANDLOG LEN large-request", ":2");
    h.check("COMMANDLOG LEN large-reply", ":1");
    h.check("COMMANDLOG LEN fast", "-ERR type should be one of the following: slow, large-request, large-reply");
    let notes = h.send("COMMANDLOG GET -1 large-reply").to_string();
    assert!(notes.contains(r#":208, ["GET", "k"]"#), "{notes}");
    h.check("COMMANDLOG RESET large-reply", "+OK");
    h.check("COMMANDLOG GET 10 large-reply", "[]");
}

#[test]
fn latency_events_have_history_latest_and_worst() {
    let mut h = timed();
    h.check("LATENCY LATEST", "[]");
    h.check("CONFIG SET latency-monitor-threshold 1", "+OK");
    h.check("LATENCY RESET", ":1");
    h.check("PING", "+PONG");
    let history = h.send("LATENCY HISTORY fast-command").to_string();
    assert_eq!(history, "[[:1700000000, :1]]");
    let latest = h.send("LATENCY LATEST").to_string();
    assert!(latest.contains(r#"["fast-command", :1700000000, :1, :1]"#), "{latest}");
    h.check("LATENCY HISTORY nothing", "[]");
    h.check("LATENCY RESET nothing", ":0");
    h.check("LATENCY RESET fast-command", ":1");
    h.check("LATENCY GRAPH fast-command", "-ERR No samples available for event 'fast-command'");
    assert!(h.send("LATENCY DOCTOR").to_string().contains("command: 1 latency spikes"));
    assert!(h.send("LATENCY GRAPH command").to_string().contains("command - high 1 ms, low 1 ms"));
}

#[test]
fn histograms_of_commands_containers_and_subcommands() {
    let mut h = timed();
    h.check("CONFIG RESETSTAT", "+OK");
    h.check("SET a 1", "+OK");
    h.check("SET b 1", "+OK");
    h.send("CLIENT ID");
    let set = r#""set", ["calls", :2, "histogram_usec", [:1048, :2]]"#;
    h.check("LATENCY HISTOGRAM set", &format!("[{set}]"));
    h.check("LATENCY HISTOGRAM nothing set get", &format!("[{set}]"));
    let id = h.send("LATENCY HISTOGRAM client|id").to_string();
    assert_eq!(h.send("LATENCY HISTOGRAM client").to_string(), id);
    assert!(id.starts_with(r#"["client|id", ["calls", :1"#), "{id}");
    h.check("LATENCY HISTOGRAM nothing", "[]");
}

#[test]
fn a_monitor_is_shown_what_runs_but_no_secrets() {
    let mut h = Harness::new();
    let mut watcher = h.connect();
    h.check_by(&mut watcher, "MONITOR", "+OK");
    h.check("SET k \"a b\\n\"", "+OK");
    h.send("AUTH me secret");
    h.send("HELLO 3 AUTH me secret SETNAME x");
    h.send("CONFIG GET port");
    let lines = h.received(&watcher);
    let lines: Vec<&str> = lines.split("; ").collect();
    let prefix = "+1700000000.000000 [0 127.0.0.1:1] ";
    assert_eq!(lines[0], format!("{prefix}\"SET\" \"k\" \"a b\\n\""));
    assert_eq!(lines[1], format!("{prefix}\"AUTH\" \"(redacted)\" \"(redacted)\""));
    assert_eq!(lines[2], format!("{prefix}\"HELLO\" \"3\" \"AUTH\" \"(redacted)\" \"(redacted)\" \"SETNAME\" \"x\""));
    assert_eq!(lines.len(), 3, "what administrators do is not shown: {lines:?}");
}

#[test]
fn a_monitor_is_shown_transactions_in_order_until_it_leaves() {
    let mut h = Harness::new();
    let mut watcher = h.connect();
    h.check_by(&mut watcher, "MONITOR", "+OK");
    h.check("MULTI", "+OK");
    h.check("SET k v", "+QUEUED");
    assert!(h.received(&watcher).contains("MULTI"));
    h.check("EXEC", "[+OK]");
    let lines = h.received(&watcher);
    assert!(lines.find("\"SET\"").unwrap() < lines.find("\"EXEC\"").unwrap(), "{lines}");
    h.check_by(&mut watcher, "RESET", "+RESET");
    h.check("PING", "+PONG");
    assert_eq!(h.received(&watcher), "");
}

#[test]
fn expiry_and_eviction_that_take_long_are_events() {
    let mut h = timed();
    h.check("CONFIG SET latency-monitor-threshold 1", "+OK");
    h.check("SET k v PX 1", "+OK");
    h.advance_ms(10);
    h.tick();
    assert!(h.send("LATENCY LATEST").to_string().contains("expire-cycle"));
    h.check("SET k v", "+OK");
    h.check("CONFIG SET maxmemory 1 maxmemory-policy allkeys-lru", "+OK");
    h.tick();
    let latest = h.send("LATENCY LATEST").to_string();
    assert!(latest.contains("eviction-cycle") && latest.contains("eviction-del"), "{latest}");
}
