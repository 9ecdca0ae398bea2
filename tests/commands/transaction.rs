//! MULTI, EXEC, DISCARD, WATCH, UNWATCH.

use crate::harness::Harness;

#[test]
fn a_transaction_is_one_unit_of_the_stream() {
    let mut server = Harness::new();
    server.check("MULTI", "+OK");
    server.check("SET a 1", "+QUEUED");
    server.check("GET a", "+QUEUED");
    server.check("INCR a", "+QUEUED");
    server.check_stream("EXEC", "[+OK, \"1\", :2]", "MULTI; SET a 1; INCR a; EXEC");
    server.check("MULTI", "+OK");
    server.check("SET a 1", "+QUEUED");
    server.check_stream("EXEC", "[+OK]", "SET a 1");
    server.check("MULTI", "+OK");
    server.check_stream("EXEC", "[]", "");
}

#[test]
fn an_error_in_a_handler_does_not_stop_the_rest() {
    let mut server = Harness::new();
    server.check("SET s text", "+OK");
    server.check("MULTI", "+OK");
    server.check("INCR s", "+QUEUED");
    server.check("SET a 1", "+QUEUED");
    server.check("EXEC", "[-ERR value is not an integer or out of range, +OK]");
}

#[test]
fn a_refused_request_spoils_the_transaction() {
    let mut server = Harness::new();
    server.check("MULTI", "+OK");
    server.check("SET a", "-ERR wrong number of arguments for 'set' command");
    server.check("SET a 1", "+QUEUED");
    server.check_stream("EXEC", "-EXECABORT Transaction discarded because of previous errors.", "");
    server.check("EXEC", "-ERR EXEC without MULTI");
    server.check("MULTI", "+OK");
    server.check("NOSUCH", "-ERR unknown command 'NOSUCH', with args beginning with: ");
    server.check("DISCARD", "+OK");
    server.check("GET a", "nil");
}

#[test]
fn an_exec_that_is_itself_refused_ends_the_transaction() {
    let mut server = Harness::new();
    server.check("MULTI", "+OK");
    let reason = "wrong number of arguments for 'exec' command";
    server.check("EXEC now", &format!("-EXECABORT Transaction discarded because of: {reason}"));
    server.check("EXEC", "-ERR EXEC without MULTI");
}

#[test]
fn misplaced_commands() {
    let mut server = Harness::new();
    server.check("DISCARD", "-ERR DISCARD without MULTI");
    server.check("MULTI", "+OK");
    server.check("MULTI", "-ERR MULTI calls can not be nested");
    server.check("WATCH a", "-ERR WATCH inside MULTI is not allowed");
    server.check("UNWATCH", "+QUEUED");
    server.check("EXEC", "[+OK]");
}

#[test]
fn a_touched_key_aborts_who_watches_it() {
    let mut server = Harness::new();
    let mut other = server.connect();
    server.check("WATCH a b", "+OK");
    server.check_by(&mut other, "SET b 1", "+OK");
    server.check("MULTI", "+OK");
    server.check("SET c 1", "+QUEUED");
    server.check("EXEC", "nil");
    server.check("EXISTS c", ":0");
    // Watched no more.
    server.check_by(&mut other, "SET b 2", "+OK");
    server.check("MULTI", "+OK");
    server.check("EXEC", "[]");
}

#[test]
fn unwatch_and_discard_forget() {
    let mut server = Harness::new();
    for forget in [["UNWATCH", "MULTI"], ["MULTI", "DISCARD"]] {
        server.check("WATCH a", "+OK");
        server.check("SET a 1", "+OK");
        for line in forget {
            server.check(line, "+OK");
        }
        if forget[0] == "MULTI" {
            server.check("MULTI", "+OK");
        }
        server.check("EXEC", "[]");
    }
}

#[test]
fn what_counts_as_a_touch() {
    for (prepare, touch, expected) in [
        ("SET k v", "SET k v", "nil"),
        ("SET k v", "EXPIRE k 100", "nil"),
        ("SET k v", "GET k", "[]"),
        ("SET k v", "SET other v", "[]"),
        ("SET k v", "FLUSHALL", "nil"),
        ("SET other v", "FLUSHALL", "[]"),
        ("SET k v", "FLUSHDB", "nil"),
        ("SET k v", "SWAPDB 0 1", "nil"),
        ("SET other v", "SWAPDB 0 1", "[]"),
        ("SET k v", "SWAPDB 1 2", "[]"),
        ("SET other v", "RENAME other k", "nil"),
        ("SET k v", "DEL k", "nil"),
        ("SET other v", "DEL k", "[]"),
        ("SET k v", "INCRBYFLOAT k x", "[]"),
    ] {
        let mut server = Harness::new();
        let mut other = server.connect();
        server.check("CONFIG SET save \"\"", "+OK");
        server.check(prepare, "+OK");
        server.check("WATCH k", "+OK");
        server.send_by(&mut other, touch);
        server.check("MULTI", "+OK");
        server.check("EXEC", expected);
    }
}

#[test]
fn a_watched_key_that_expires_counts_as_touched() {
    let mut server = Harness::new();
    server.check("SET k v PX 10", "+OK");
    server.check("WATCH k", "+OK");
    server.advance_ms(11);
    server.check("MULTI", "+OK");
    server.check("EXEC", "nil");
}

#[test]
fn a_key_that_had_expired_when_it_was_watched_changes_only_by_a_write() {
    for (touch, expected) in [(None, "[]"), (Some("DEL k"), "[]"), (Some("FLUSHDB"), "[]"), (Some("SET k v"), "nil")] {
        let mut server = Harness::new();
        let mut other = server.connect();
        server.check("SET k v PX 10", "+OK");
        server.advance_ms(11);
        server.check("WATCH k", "+OK");
        if let Some(touch) = touch {
            server.send_by(&mut other, touch);
        }
        server.check("MULTI", "+OK");
        server.check("EXEC", expected);
    }
}
