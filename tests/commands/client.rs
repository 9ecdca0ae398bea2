//! CLIENT TRACKING and its like, UNBLOCK, bounds on what one client may hold; CLUSTER, MODULE, LOLWUT.
//!
//! Errors and refusals that redis-server answers, too, stand in `oracle_requests.txt`.

use tandem::config::Config;
use tandem::engine::Action;

use crate::harness::Harness;

fn with(settings: &[(&str, &str)]) -> Harness {
    let mut config = Config::default();
    for (name, value) in settings {
        config.overwrite(name, value.as_bytes()).unwrap();
    }
    Harness::with_config(config)
}

/// A harness whose client tracks with these options.
fn tracking(options: &str) -> Harness {
    let mut h = Harness::new();
    h.check(&format!("CLIENT TRACKING ON {options}"), "+OK");
    h
}

/// The warnings since the last look.
fn warnings(h: &mut Harness) -> Vec<String> {
    let line = |action| if let Action::Log(_, line) = action { Some(line) } else { None };
    h.engine.take_actions().into_iter().filter_map(line).collect()
}

#[test]
fn what_is_tracked_is_told_and_switched_consistently() {
    let switched = "before disabling tracking for this client, and then re-enabling it with a different mode.";
    let mut h = tracking("OPTIN");
    h.check("CLIENT TRACKINGINFO", "[\"flags\", [\"on\", \"optin\"], \"redirect\", :0, \"prefixes\", []]");
    h.check("CLIENT CACHING NO", "-ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.");
    h.check("CLIENT CACHING yes", "+OK");
    h.check("CLIENT CACHING x", "-ERR syntax error");
    h.check(
        "CLIENT TRACKINGINFO",
        "[\"flags\", [\"on\", \"optin\", \"caching-yes\"], \"redirect\", :0, \"prefixes\", []]",
    );
    h.check("CLIENT TRACKING ON OPTOUT", &format!("-ERR You can't switch OPTIN/OPTOUT mode {switched}"));
    h.check("CLIENT TRACKING ON BCAST", &format!("-ERR You can't switch BCAST mode on/off {switched}"));
    let line = h.send("CLIENT INFO").to_string();
    assert!(line.contains(" flags=t ") && line.contains(" redir=0 "), "{line}");
    h.check("CLIENT TRACKING OFF", "+OK");
    h.check("CLIENT GETREDIR", ":-1");

    let mut h = tracking("OPTOUT");
    h.check("CLIENT CACHING YES", "-ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.");
    h.check("CLIENT CACHING NO", "+OK");
    h.check(
        "CLIENT TRACKINGINFO",
        "[\"flags\", [\"on\", \"optout\", \"caching-no\"], \"redirect\", :0, \"prefixes\", []]",
    );

    let mut h = tracking("BCAST PREFIX foo");
    h.check("CLIENT TRACKINGINFO", "[\"flags\", [\"on\", \"bcast\"], \"redirect\", :0, \"prefixes\", [\"foo\"]]");
    let overlap = "Prefixes for a single client must not overlap.";
    h.check(
        "CLIENT TRACKING ON BCAST PREFIX bar PREFIX fo",
        &format!("-ERR Prefix 'fo' overlaps with an existing prefix 'foo'. {overlap}"),
    );
    assert!(h.send("CLIENT INFO").to_string().contains(" flags=tB "));
    h.check("RESET", "+RESET");
    h.check("CLIENT GETREDIR", ":-1");
}

#[test]
fn a_wait_is_ended_by_somebody_else() {
    let mut h = Harness::new();
    let mut other = h.connect();
    for (how, answer) in [("", ":0\r\n"), (" ERROR", "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n")] {
        std::mem::swap(&mut h.main, &mut other);
        assert!(h.execute(&[b"WAIT", b"1", b"0"]).is_empty());
        std::mem::swap(&mut h.main, &mut other);
        assert!(h.send("INFO clients").to_string().contains("blocked_clients:1"));
        h.check(&format!("CLIENT UNBLOCK 2{how}"), ":1");
        h.check("CLIENT UNBLOCK 2", ":0");
        assert!(h.send("INFO clients").to_string().contains("blocked_clients:0"));
        std::mem::swap(&mut h.main, &mut other);
        assert_eq!(h.execute_raw(b""), answer.as_bytes());
        std::mem::swap(&mut h.main, &mut other);
    }
    h.check("CLIENT UNBLOCK 1", ":0");
}

#[test]
fn a_paused_client_is_not_unblocked() {
    let mut h = Harness::new();
    let mut other = h.connect();
    h.check("CLIENT PAUSE 1000 WRITE", "+OK");
    std::mem::swap(&mut h.main, &mut other);
    assert!(h.execute(&[b"SET", b"k", b"v"]).is_empty());
    std::mem::swap(&mut h.main, &mut other);
    h.check("CLIENT UNBLOCK 2", ":0");
    h.check("CLIENT UNPAUSE", "+OK");
}

#[test]
fn a_pause_keeps_expired_keys_and_hides_them() {
    let mut h = Harness::new();
    h.check("SET k v PX 10", "+OK");
    h.check("CLIENT PAUSE 1000 WRITE", "+OK");
    h.advance_ms(11);
    h.check_stream("GET k", "nil", "");
    h.tick();
    h.check("DBSIZE", ":1");
    h.check("CLIENT UNPAUSE", "+OK");
    h.check_stream("GET k", "nil", "DEL k");
    assert_eq!(h.stats().expired_keys, 1);
}

#[test]
fn the_query_buffer_and_the_queue_are_shown_and_shrink() {
    let mut h = Harness::new();
    assert!(h.send("CLIENT INFO").to_string().contains(" qbuf=26 "), "the request under execution");
    h.check("MULTI", "+OK");
    h.check("SET k 0123456789", "+QUEUED");
    let mut other = h.connect();
    let line = h.send_by(&mut other, "CLIENT LIST ID 1").to_string();
    let held: usize = line.split("multi-mem=").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!(line.contains(" multi=1 ") && (40..400).contains(&held), "{line}");
    h.check("DISCARD", "+OK");

    let query = |h: &mut Harness| h.engine.sessions.iter().next().unwrap().1.query;
    h.execute(&[b"SET", b"k", &[b'x'; 300_000]]);
    h.check("PING", "+PONG");
    assert!(query(&mut h).capacity_bytes > 300_000);
    h.tick();
    assert_eq!(query(&mut h).keep_bytes, None, "it was needed a moment ago");
    h.tick();
    assert!(query(&mut h).keep_bytes.is_some_and(|bytes| bytes > 0 && bytes < 100));
    h.advance_ms(3_000);
    h.tick();
    assert!(query(&mut h).keep_bytes.is_some(), "nothing is needed by who is silent");
}

#[test]
fn a_client_that_does_not_read_is_closed_above_its_limit() {
    let mut h = with(&[("client-output-buffer-limit", "normal 100000 0 0")]);
    h.request(&[b"SET", b"k", &[b'x'; 60_000]]);
    assert_eq!(h.execute(&[b"GET", b"k"]).len(), 60_010);
    h.engine.take_actions();
    assert_eq!(h.execute_raw(b"GET k\r\nGET k\r\n").len(), 120_020);
    let log = warnings(&mut h).join("\n");
    assert!(log.starts_with("Client id=1 addr=127.0.0.1:1 "), "{log}");
    assert!(log.ends_with("scheduled to be closed ASAP for overcoming of output buffer limits."), "{log}");
    assert_eq!(h.stats().output_limit_disconnections, 1);
    assert!(h.execute(&[b"PING"]).is_empty());
}

#[test]
fn the_soft_limit_is_one_over_time_and_small_replies_count_against_none() {
    let mut h = with(&[("client-output-buffer-limit", "normal 10 20000 3")]);
    h.check("PING 0123456789", "\"0123456789\"");
    h.check("CONFIG SET client-output-buffer-limit \"normal 0 20000 3\"", "+OK");
    h.tick();
    let (_, session) = h.engine.sessions.iter_mut().next().unwrap();
    session.unsent_bytes = 20_000;
    for (passed_ms, closed) in [(1_000, 0), (3_000, 0), (1_000, 1)] {
        h.advance_ms(passed_ms);
        h.tick();
        assert_eq!(h.stats().output_limit_disconnections, closed);
    }
}

#[test]
fn idle_clients_are_closed_by_timeout_but_for_those_that_wait() {
    let mut h = with(&[("timeout", "2")]);
    let mut other = h.connect();
    std::mem::swap(&mut h.main, &mut other);
    assert!(h.execute(&[b"WAIT", b"1", b"0"]).is_empty());
    std::mem::swap(&mut h.main, &mut other);
    h.advance_ms(3_000);
    h.tick();
    assert_eq!(warnings(&mut h), ["Closing idle client"]);
    assert!(h.execute(&[b"PING"]).is_empty());
    std::mem::swap(&mut h.main, &mut other);
    assert!(!h.engine.sessions.iter().nth(1).unwrap().1.is_closing());
}

#[test]
fn types_of_clients_are_told_apart() {
    let mut h = Harness::new();
    let (mut other, mut monitor) = (h.connect(), h.connect());
    h.send_by(&mut other, "SUBSCRIBE a");
    h.send_by(&mut other, "PSUBSCRIBE b*");
    h.check_by(&mut monitor, "MONITOR", "+OK");
    assert!(h.send("CLIENT LIST ID 3").to_string().contains(" flags=O "));
    let line = h.send("CLIENT LIST TYPE pubsub").to_string();
    assert!(line.starts_with("\"id=2 ") && line.contains(" flags=P db=0 sub=1 psub=1 ssub=0 "), "{line}");
    h.check("CLIENT KILL TYPE normal", ":1");
    h.check("CLIENT KILL TYPE pubsub", ":1");
}

#[test]
fn modules_are_refused_and_where_that_is_allowed_the_log_says_why() {
    let mut h = Harness::new();
    for line in ["MODULE LOAD /x", "MODULE LOADEX /x", "MODULE UNLOAD x"] {
        h.check(
            line,
            "-ERR MODULE command not allowed. If the enable-module-command option is set to \"local\", you can run it \
             from a local connection, otherwise you need to set this option in the configuration file, and then \
             restart the server.",
        );
    }
    h.check("MODULE LIST", "[]");
    let mut h = with(&[("enable-module-command", "local")]);
    h.engine.take_actions();
    h.check("MODULE LOAD /x", "-ERR Error loading the extension. Please check the server logs.");
    assert_eq!(warnings(&mut h), ["Module /x failed to load: this server has no interface for modules"]);
    h.check("MODULE UNLOAD x", "-ERR Error unloading module: no such module with that name");
}

#[test]
fn lolwut_draws_the_same_for_the_same_arguments_and_names_the_version() {
    let mut h = Harness::new();
    let picture = |h: &mut Harness, line: &str| String::from_utf8(h.send(line).bytes().to_vec()).unwrap();
    let first = picture(&mut h, "LOLWUT");
    assert_eq!(picture(&mut h, "lolwut version 5"), first);
    assert_eq!(picture(&mut h, "LOLWUT 40 7"), first);
    assert_ne!(picture(&mut h, "LOLWUT 40 8"), first);
    let version = format!("\n\nRedis ver. {}\n", tandem::config::REDIS_VERSION);
    assert!(first.ends_with(&version), "{first}");
    for line in ["LOLWUT 0 0", "LOLWUT 100000 100000", "LOLWUT VERSION 9 -5 -5"] {
        let lines: Vec<usize> = picture(&mut h, line).lines().map(|line| line.chars().count()).collect();
        assert!(lines[0] >= 10 && lines[0] <= 160, "{line}");
    }
    h.check("LOLWUT x", "-ERR value is not an integer or out of range");
    h.check("LOLWUT VERSION x", "-ERR value is not an integer or out of range");
}

#[test]
fn clients_may_say_what_they_can_do() {
    let mut h = Harness::new();
    h.check("CLIENT CAPA redirect nosuch", "+OK");
    h.check("CLIENT IMPORT-SOURCE OFF", "+OK");
    h.check("CLIENT IMPORT-SOURCE ON", "-ERR Server is not in import mode");
    h.check("CLIENT IMPORT-SOURCE maybe", "-ERR syntax error");
}

#[test]
fn clients_are_listed_and_closed_by_what_they_are_and_are_not() {
    let mut h = Harness::new();
    let mut other = h.connect();
    h.check_by(&mut other, "CLIENT SETNAME worker", "+OK");
    h.check_by(&mut other, "CLIENT SETINFO LIB-NAME lib", "+OK");
    h.check_by(&mut other, "SELECT 3", "+OK");
    h.advance_ms(5000);
    h.check("PING", "+PONG");
    let mut listed = |filter: &str| {
        let text = h.send(&format!("CLIENT LIST {filter}")).bytes().to_vec();
        let lines = String::from_utf8(text).unwrap();
        lines
            .lines()
            .map(|line| if line.contains("name=worker") { "worker" } else { "me" })
            .collect::<Vec<_>>()
            .join(" ")
    };
    let table = [
        ("", "me worker"),
        ("NAME worker", "worker"),
        ("NOT-NAME worker", "me"),
        ("DB 3", "worker"),
        ("NOT-DB 3 TYPE normal", "me"),
        ("LIB-NAME lib", "worker"),
        ("IDLE 5", "worker"),
        ("NOT-IDLE 5", "me"),
        ("IP 127.0.0.1", "me worker"),
        ("NOT-IP 127.0.0.1", ""),
        ("FLAGS N", "me worker"),
        ("FLAGS x", ""),
        ("SKIPME YES", "worker"),
        ("USER default MAXAGE 5", "me worker"),
        ("CAPA r", ""),
    ];
    for (filter, expected) in table {
        assert_eq!(listed(filter), expected, "{filter}");
    }
    h.check("CLIENT LIST NAME", "-ERR syntax error");
    h.check("CLIENT LIST DB x", "-ERR DB number should be between 0 and the number of databases");
    h.check("CLIENT KILL NAME nobody", ":0");
    h.check("CLIENT KILL NOT-NAME worker", ":0");
    h.check("CLIENT KILL NAME worker DB 3", ":1");
}
