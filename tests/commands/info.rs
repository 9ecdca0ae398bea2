//! INFO: fields that follow what clients do and what time does.

use std::cell::Cell;
use std::sync::atomic::Ordering;

use tandem::config::Config;
use tandem::engine::Action;

use crate::harness::{Connection, Harness};

/// One field, asked for by a client of its own.
struct Watcher(Connection);

impl Watcher {
    fn field(&mut self, h: &mut Harness, name: &str) -> String {
        let info = h.send_by(&mut self.0, "INFO");
        let text = String::from_utf8(info.bytes().to_vec()).expect("INFO is text");
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.unwrap_or_else(|| panic!("no {name}")).to_owned()
    }

    #[track_caller]
    fn check(&mut self, h: &mut Harness, fields: &[(&str, &str)]) {
        for (name, expected) in fields {
            assert_eq!(self.field(h, name), *expected, "{name}");
        }
    }
}

fn watched() -> (Harness, Watcher) {
    let mut h = Harness::new();
    let watcher = Watcher(h.connect());
    (h, watcher)
}

#[test]
fn subscriptions_are_counted_by_what_they_name() {
    let (mut h, mut watcher) = watched();
    let mut second = h.connect();
    h.check_all("SUBSCRIBE a b", "[\"subscribe\", \"a\", :1]; [\"subscribe\", \"b\", :2]");
    h.check_all_by(&mut second, "SUBSCRIBE b", "[\"subscribe\", \"b\", :1]");
    h.check_all_by(&mut second, "PSUBSCRIBE x*", "[\"psubscribe\", \"x*\", :2]");
    h.check_all_by(&mut second, "SSUBSCRIBE s", "[\"ssubscribe\", \"s\", :1]");
    let counts = [("pubsub_channels", "2"), ("pubsub_patterns", "1"), ("pubsubshard_channels", "1")];
    watcher.check(&mut h, &counts);
    watcher.check(&mut h, &[("pubsub_clients", "2")]);
    h.disconnect(second);
    watcher.check(&mut h, &[("pubsub_channels", "2"), ("pubsub_patterns", "0"), ("pubsubshard_channels", "0")]);
    watcher.check(&mut h, &[("pubsub_clients", "1")]);
}

#[test]
fn who_waits_for_a_limited_time_stands_in_the_timeout_table() {
    let (mut h, mut watcher) = watched();
    assert!(h.execute(&[b"WAIT", b"1", b"0"]).is_empty());
    watcher.check(&mut h, &[("blocked_clients", "1"), ("clients_in_timeout_table", "0")]);
    h.main = h.connect();
    assert!(h.execute(&[b"WAIT", b"1", b"100"]).is_empty());
    watcher.check(&mut h, &[("blocked_clients", "2"), ("clients_in_timeout_table", "1")]);
    h.advance_ms(100);
    h.tick();
    watcher.check(&mut h, &[("blocked_clients", "1"), ("clients_in_timeout_table", "0")]);
}

#[test]
fn a_pause_says_why_and_for_how_long() {
    let (mut h, mut watcher) = watched();
    let names = ["paused_reason", "paused_actions", "paused_timeout_milliseconds"];
    let mut check = |h: &mut Harness, values: [&str; 3]| {
        names.iter().zip(values).for_each(|field| watcher.check(h, &[(field.0, field.1)]));
    };
    check(&mut h, ["none", "none", "0"]);
    h.check("CLIENT PAUSE 1000 WRITE", "+OK");
    h.advance_ms(300);
    check(&mut h, ["client_pause", "write", "700"]);
    h.check("CLIENT UNPAUSE", "+OK");
    check(&mut h, ["none", "none", "0"]);
}

#[test]
fn a_save_tells_how_far_it_is() {
    let (mut h, mut watcher) = watched();
    h.check("MSET a 1 b 2 c 3 d 4", "+OK");
    h.check("BGSAVE", "+Background saving started");
    let actions = h.engine.take_actions();
    let save = actions.into_iter().find_map(|action| match action {
        Action::Save { written, purpose, .. } => Some((written, purpose)),
        _ => None,
    });
    let (written, purpose) = save.expect("the file is to be written");
    written.store(3, Ordering::Relaxed);
    let progress = ["current_fork_perc", "current_save_keys_processed", "current_save_keys_total"];
    for (name, expected) in progress.into_iter().zip(["75.00", "3", "4"]) {
        watcher.check(&mut h, &[(name, expected)]);
    }
    let now = h.now();
    h.engine.saved(now, purpose, Ok(()));
    for (name, expected) in progress.into_iter().zip(["0.00", "0", "0"]) {
        watcher.check(&mut h, &[(name, expected)]);
    }
}

thread_local! {
    static CLOCK_NS: Cell<u64> = const { Cell::new(0) };
}

#[test]
fn looking_for_expired_keys_takes_time_that_is_told() {
    let (mut h, mut watcher) = watched();
    h.engine.hooks.clock_ns = || {
        CLOCK_NS.set(CLOCK_NS.get() + 7_000_000);
        CLOCK_NS.get()
    };
    h.check("CONFIG SET latency-monitor-threshold 5", "+OK");
    h.check("SET short v PX 10", "+OK");
    h.check("SET long v PX 100000", "+OK");
    h.advance_ms(20);
    h.tick();
    watcher.check(&mut h, &[("expired_stale_perc", "2.50"), ("expire_cycle_cpu_milliseconds", "7")]);
    let latest = h.send("LATENCY LATEST").to_string();
    assert!(latest.contains("[\"expire-cycle\", :1700000000, :7, :7]"), "{latest}");
    h.check("CONFIG RESETSTAT", "+OK");
    watcher.check(&mut h, &[("expired_stale_perc", "0.00"), ("expire_cycle_cpu_milliseconds", "0")]);
}

#[test]
fn listeners_are_named_by_kind() {
    let mut config = Config::default();
    config.overwrite("unixsocket", b"/run/a.sock").expect("a directive");
    let mut h = Harness::with_config(config);
    h.engine.server.tcp_port = 6379;
    let mut watcher = Watcher(h.connect());
    watcher.check(&mut h, &[("listener0", "name=tcp,bind=*,bind=-::*,port=6379")]);
    watcher.check(&mut h, &[("listener1", "name=unix,bind=/run/a.sock")]);
}
