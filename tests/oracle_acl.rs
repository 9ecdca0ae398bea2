//! ACL beside the real redis-server 7.0.15: categories, rules and how they are told back, refusals.
//!
//! Redis tells single commands in the order of a hash table, so words are compared without their order.

#[allow(dead_code)]
#[path = "commands/harness.rs"]
mod harness;
#[allow(dead_code)]
#[path = "support/oracle.rs"]
mod oracle;
#[allow(dead_code)]
#[path = "support/mod.rs"]
mod support;
#[allow(dead_code)]
#[path = "commands/value.rs"]
mod value;

use std::collections::BTreeSet;

use harness::Harness;
use oracle::Oracle;
use tandem::words::split_words;
use value::Value;

fn names(list: &Value) -> BTreeSet<String> {
    list.items().iter().map(|name| String::from_utf8_lossy(name.bytes()).into_owned()).collect()
}

/// Of commands that both know, each is in the same categories.
#[test]
fn categories_hold_the_commands_that_they_hold_in_redis() {
    let (mut ours, mut oracle) = (Harness::new(), Oracle::start());
    let all = (names(&ours.send("COMMAND LIST")), names(&oracle.send(&["COMMAND", "LIST"])));
    // Redis lists no subcommands there, so names stand for what is below them.
    let is_known = |name: &String| {
        let family = name.split('|').next().unwrap_or_default();
        all.0.contains(family) && all.1.contains(family)
    };
    let subcommands = |name: &str, ours: &Value, theirs: &Value| {
        let differing: Vec<String> = names(ours).symmetric_difference(&names(theirs)).cloned().collect();
        let differing = differing.into_iter().filter(is_known);
        let newer = ["client|capa", "client|import-source", "client|no-touch", "client|setinfo", "script|show"];
        let wrong: Vec<String> = differing.filter(|command| !newer.contains(&command.as_str())).collect();
        assert!(wrong.is_empty(), "{name}: {wrong:?}");
    };
    let categories = names(&oracle.send(&["ACL", "CAT"]));
    assert_eq!(names(&ours.send("ACL CAT")), categories);
    for category in &categories {
        let (mine, theirs) = (ours.send(&format!("ACL CAT {category}")), oracle.send(&["ACL", "CAT", category]));
        subcommands(category, &mine, &theirs);
    }
}

/// The words of a reply, in order of the alphabet.
fn words(reply: &Value) -> Vec<String> {
    let text = reply.to_string();
    let is_part = |c: char| c == ' ' || c == '"' || c == '[' || c == ']' || c == ',' || c == '(' || c == ')';
    let mut words: Vec<String> = text.split(is_part).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    words.sort();
    words
}

#[test]
fn rules_are_taken_refused_and_told_back_as_by_redis() {
    let (mut ours, mut oracle) = (Harness::new(), Oracle::start());
    for line in include_str!("oracle_acl.txt").lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let rules = split_words(line.as_bytes()).expect("balanced quotes");
        let mut ask = |request: &[&[u8]], in_order: bool| {
            let (mine, theirs) = (ours.request(request), oracle.request(request));
            if in_order {
                assert_eq!(mine.to_string(), theirs.to_string(), "{line}");
            } else {
                assert_eq!(words(&mine), words(&theirs), "{line}");
            }
        };
        let setuser: Vec<&[u8]> =
            [&b"ACL"[..], b"SETUSER", b"u"].into_iter().chain(rules.iter().map(Vec::as_slice)).collect();
        ask(&setuser, true);
        ask(&[b"ACL", b"GETUSER", b"u"], false);
        ask(&[b"ACL", b"LIST"], false);
        for request in
            ["GET k", "SET k v", "MGET a b", "CONFIG GET x", "SELECT 0", "PUBLISH c m", "PSUBSCRIBE c*", "EXISTS a"]
        {
            let dryrun: Vec<&[u8]> =
                [&b"ACL"[..], b"DRYRUN", b"u"].into_iter().chain(request.split(' ').map(str::as_bytes)).collect();
            ask(&dryrun, true);
        }
        ask(&[b"ACL", b"DELUSER", b"u"], true);
    }
}

/// Each line is a request of a user with few rights.
#[test]
fn refusals_equal_those_of_redis() {
    const REQUESTS: &[&str] = &[
        "ACL SETUSER u on >p +get +set +config|get +select|0 +multi +exec +publish +subscribe +client %R~r* %W~w* ~a* &c*",
        "AUTH u wrong",
        "AUTH nobody p",
        "AUTH u p",
        "AUTH",
        "AUTH a b c",
        "GET r1",
        "GET w1",
        "GET none",
        "SET w1 v",
        "SET w1 v GET",
        "SET w1 v EX get",
        "SET a1 v GET",
        "SET r1 v",
        "DEL a1",
        "CONFIG GET maxmemory",
        "CONFIG SET maxmemory 0",
        "CONFIG RESETSTAT",
        "SELECT 0",
        "SELECT 1",
        "PUBLISH c1 m",
        "PUBLISH d m",
        "CLIENT ID",
        "ACL WHOAMI",
        "PING",
        "MULTI",
        "GET r1",
        "DEL a1",
        "EXEC",
        "MULTI",
        "PUBLISH d m",
        "EXEC",
        "CLIENT KILL USER nobody",
        "AUTH default x",
        "ACL WHOAMI",
        "ACL DRYRUN u GET w1",
        "ACL DRYRUN u GET r1 more",
        "ACL DRYRUN u CONFIG SET a b",
        "ACL DRYRUN nobody GET a",
        "ACL DRYRUN u NOTHING a",
        "ACL CAT nothing",
        "ACL GENPASS 0",
        "ACL GENPASS 4097",
        "ACL GENPASS a b",
        "ACL LOG nothing",
        "ACL LOG 0 0",
        "ACL LOAD",
        "ACL SAVE",
        "ACL USERS",
        "ACL USERS more",
        "ACL SETUSER",
        "ACL NOTHING",
        "ACL DELUSER default u",
        "ACL DELUSER u u nobody",
        "AUTH x",
    ];
    let (mut ours, mut oracle) = (Harness::new(), Oracle::start());
    for line in REQUESTS {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let (mine, theirs) = (ours.request(&words).to_string(), oracle.request(&words).to_string());
        // The number of a connection is its server's own.
        assert!(mine == theirs || *line == "CLIENT ID", "{line}: {mine}, not {theirs}");
    }
}

/// What both remember of refusals, but for the client and times.
#[test]
fn the_log_equals_that_of_redis() {
    let (mut ours, mut oracle) = (Harness::new(), Oracle::start());
    for line in [
        "ACL SETUSER u on nopass +set +multi +exec +publish ~k",
        "AUTH u x",
        "GET a",
        "GET b",
        "CONFIG GET x",
        "SET x v",
        "SET x v",
        "SET y v",
        "PUBLISH c m",
        "MULTI",
        "GET a",
        "EXEC",
        "AUTH v x",
        "HELLO 2 AUTH v x",
        "AUTH default x",
    ] {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        ours.request(&words);
        oracle.request(&words);
    }
    let shown = |log: Value| -> Vec<String> {
        let entry = |entry: &Value| entry.items()[..10].iter().map(Value::to_string).collect::<Vec<_>>().join(" ");
        log.items().iter().map(entry).collect()
    };
    assert_eq!(shown(ours.send("ACL LOG 100")), shown(oracle.send(&["ACL", "LOG", "100"])));
}
