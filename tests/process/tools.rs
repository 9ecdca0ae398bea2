//! The modes of redis-cli, and redis-benchmark: what operators run against any Redis.

use super::daemon::{Folder, text};
use super::support::server::{Launch, Server};
use std::io::Write;
use std::process::{Command, Stdio};

/// One run of a tool.
struct Row {
    tool: &'static str,
    arguments: &'static [&'static str],
    input: &'static str,
    /// Each of these stands in what it prints.
    prints: &'static [&'static str],
    /// Without an end of its own: stopped after two seconds.
    is_endless: bool,
}

const fn row(arguments: &'static [&'static str], prints: &'static [&'static str]) -> Row {
    Row { tool: "redis-cli", arguments, input: "", prints, is_endless: false }
}

const ROWS: &[Row] = &[
    Row {
        input: "*3\r\n$3\r\nSET\r\n$5\r\npiped\r\n$3\r\nyes\r\nGET piped\r\nNOSUCH\r\n",
        ..row(
            &["--pipe"],
            &["Last reply received from server.", "errors: 1, replies: 3", "ERR unknown command 'NOSUCH'"],
        )
    },
    row(&["GET", "piped"], &["yes"]),
    row(&["--rdb", "out.rdb"], &["Transfer finished with success after "]),
    row(&["--functions-rdb", "functions.rdb"], &["Transfer finished with success after "]),
    row(
        &["--bigkeys"],
        &[
            "Biggest string found '\"key:3\"' has 3000 bytes",
            "Sampled 5 keys in the keyspace!",
            "5 strings with 6006 bytes (100.00% of keys, avg size 1201.20)",
        ],
    ),
    row(&["--memkeys"], &["Sampled 5 keys in the keyspace!", "Biggest string found '\"key:3\"' has "]),
    row(&["--memkeys", "--memkeys-samples", "2"], &["Sampled 5 keys in the keyspace!"]),
    row(&["--scan", "--pattern", "key:*"], &["key:1", "key:2", "key:3"]),
    row(&["-3", "HELLO"], &["server", "redis", "proto", "3"]),
    row(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lfu"], &["OK"]),
    row(&["-r", "100", "GET", "single"], &["123\n123"]),
    row(
        &["--hotkeys"],
        &[
            "Hot key '\"single\"' found so far with counter ",
            "Sampled 5 keys in the keyspace!",
            "hot key found with counter: ",
        ],
    ),
    row(&["CONFIG", "SET", "maxmemory-policy", "noeviction"], &["OK"]),
    row(&["-r", "3", "-i", "0.01", "INCR", "counter"], &["1\n2\n3"]),
    row(&["DEL", "counter"], &["1"]),
    Row {
        is_endless: true,
        ..row(&["--stat", "-i", "0.1"], &["------- data ------ ", "keys       mem      clients", "\n5 "])
    },
    // Away from a terminal it measures for a second: least, greatest, average in milliseconds, samples.
    row(&["--latency"], &["0 "]),
    row(&["RPUSH", "list", "a", "b", "c"], &["3"]),
    row(&["HSET", "hash", "a", "1", "b", "2"], &["2"]),
    row(&["SADD", "set", "a", "b", "c", "d"], &["4"]),
    row(
        &["--bigkeys"],
        &[
            "Biggest   list found '\"list\"' has 3 items",
            "Biggest   hash found '\"hash\"' has 2 fields",
            "Biggest    set found '\"set\"' has 4 members",
            "1 lists with 3 items",
            "1 hashs with 2 fields",
            "1 sets with 4 members",
        ],
    ),
    row(
        &["--memkeys"],
        &[
            "Biggest   list found '\"list\"' has ",
            "Biggest   hash found '\"hash\"' has ",
            "Biggest    set found '\"set\"' has ",
        ],
    ),
    Row {
        tool: "redis-benchmark",
        ..row(
            &["-n", "200", "-t", "ping,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,lrange,mset", "-q"],
            &[
                "PING_INLINE: ",
                "PING_MBULK: ",
                "SET: ",
                "GET: ",
                "INCR: ",
                "LPUSH: ",
                "RPUSH: ",
                "LPOP: ",
                "RPOP: ",
                "SADD: ",
                "HSET: ",
                "SPOP: ",
                "LRANGE_100 (first 100 elements): ",
                "LRANGE_600 (first 600 elements): ",
                "MSET (10 keys): ",
                " requests per second",
            ],
        )
    },
    Row {
        tool: "redis-benchmark",
        ..row(&["-n", "200", "-P", "16", "-r", "10", "-q", "SET", "k:__rand_int__", "v"], &["SET k:__rand_int__ v: "])
    },
];

#[test]
fn tools_work_as_against_redis() {
    let (server, folder) = (Launch::tandem().start(), Folder::new());
    let mut client = server.client();
    client.call("SET single 123");
    for (key, size) in [("key:1", 1_000), ("key:2", 2_000), ("key:3", 3_000)] {
        client.call(&format!("SET {key} {}", "x".repeat(size)));
    }
    for row in ROWS {
        let printed = run(row, &server, &folder);
        let missing: Vec<_> = row.prints.iter().filter(|part| !printed.contains(**part)).collect();
        assert!(missing.is_empty(), "{} {:?}: no {missing:?} in\n{printed}", row.tool, row.arguments);
    }
    let check = folder.command("redis-check-rdb".as_ref()).arg("out.rdb").output().expect("redis-check-rdb runs");
    assert!(text(&check.stdout).contains("5 keys read"), "{}", text(&check.stdout));
}

/// What it prints, errors too. Line by line, so that what is stopped has said what it knew.
fn run(row: &Row, server: &Server, folder: &Folder) -> String {
    let limit = if row.is_endless { "2" } else { "30" };
    let mut command = Command::new("timeout");
    command.args([limit, "stdbuf", "-oL", row.tool, "-p", &server.port.to_string()]).args(row.arguments);
    command.current_dir(folder.path("")).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("timeout and stdbuf are coreutils");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(row.input.as_bytes()).expect("the tool takes its input");
    drop(stdin);
    let output = child.wait_with_output().expect("the tool ends");
    assert!(row.is_endless || output.status.code() != Some(124), "{:?} does not end", row.arguments);
    format!("{}\n{}", text(&output.stdout), text(&output.stderr))
}
