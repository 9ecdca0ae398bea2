//! `cargo bench --bench huge`: the first write to a huge value while a snapshot holds it, in CPU time of the thread under
//! the lock, counted inside the server (DEBUG HOLDS). No peer counts that, so these figures stand alone.

// Only a part of it is for us.
#[allow(dead_code)]
#[path = "compare/load.rs"]
mod load;
#[path = "../tests/support/mod.rs"]
mod support;

use load::{Load, Numbers, Requests, Until};
use support::server::Launch;

const ELEMENTS: u64 = 5_000_000;

/// A huge value, the requests that make it, and one that writes to it.
struct Case {
    name: &'static str,
    fill: Option<(&'static str, u8, usize)>,
    before: &'static [&'static str],
    write: &'static str,
}

const CASES: &[Case] = &[
    Case { name: "list, LSET", fill: Some(LIST), before: &[], write: "LSET key 2500000 changed" },
    Case { name: "list, LPUSH", fill: Some(LIST), before: &[], write: "LPUSH key changed" },
    Case { name: "hash, HSET", fill: Some(HASH), before: &[], write: "HSET key field-000002500000 changed" },
    Case { name: "hash, HDEL", fill: Some(HASH), before: &[], write: "HDEL key field-000002500000" },
    Case { name: "set, SADD", fill: Some(SET), before: &[], write: "SADD key changed" },
    Case { name: "set, SREM", fill: Some(SET), before: &[], write: "SREM key member000002500000" },
    Case { name: "sorted set, ZADD", fill: Some(ZSET), before: &[], write: "ZADD key 7 member000002500000" },
    Case { name: "stream, XADD", fill: Some(STREAM), before: &[], write: "XADD key * f changed" },
    Case { name: "stream, XDEL", fill: Some(STREAM), before: &[], write: "XDEL key 2500000-1" },
    Case { name: "string, SETBIT", fill: None, before: STRING, write: "SETBIT key 2147483648 1" },
    Case { name: "string, SETRANGE", fill: None, before: STRING, write: "SETRANGE key 268435456 changed" },
    Case { name: "string, APPEND", fill: None, before: SHORTER_STRING, write: "APPEND key changed" },
];

const LIST: (&str, u8, usize) = ("RPUSH key elem############", b':', 1);
const HASH: (&str, u8, usize) = ("HSET key field-############ value", b':', 1);
const SET: (&str, u8, usize) = ("SADD key member############", b':', 1);
const ZSET: (&str, u8, usize) = ("ZADD key ############ member############", b':', 1);
const STREAM: (&str, u8, usize) = ("XADD key ############-1 f value", b'$', 2);
const STRING: &[&str] = &["SETRANGE key 536870911 x"];
const SHORTER_STRING: &[&str] = &["SETRANGE key 536000000 x"];

fn main() {
    println!("{:<20} {:>14} {:>16}", "first write to a", "longest hold", "the same without");
    for case in CASES {
        let (with, without) = (case.longest_hold_us(true), case.longest_hold_us(false));
        println!("{:<20} {with:>11.0} us {without:>13.0} us", case.name);
    }
}

impl Case {
    /// Of the holds from the snapshot on, that of the write among them.
    fn longest_hold_us(&self, snapshot: bool) -> f64 {
        let server = Launch::tandem().start();
        if let Some((line, reply_start, lines)) = self.fill {
            // From 1 on, since a stream has no entry 0-0, and by one connection, since its IDs rise.
            let numbers = Numbers::Sequential { next: 1, below: u64::MAX };
            let mut requests = Requests::new(line, numbers, reply_start, lines);
            let filled =
                Load::connect(server.port, 1, 1000).and_then(|mut load| load.run(&mut requests, Until::Sent(ELEMENTS)));
            filled.unwrap_or_else(|error| panic!("{error}\n{}", server.log()));
        }
        let mut client = server.client();
        self.before.iter().for_each(|line| drop(client.call(line)));
        client.call("DEBUG HOLDS ON");
        if snapshot {
            client.call("BGSAVE");
        }
        client.call(self.write);
        let alive = client.info("rdb_bgsave_in_progress").expect("INFO says so");
        assert_eq!(alive, u8::from(snapshot).to_string(), "{}: the snapshot lives during the write", self.name);
        let figures = client.call("DEBUG HOLDS").to_string();
        let words: Vec<&str> = figures.split_whitespace().collect();
        let at = words.iter().position(|word| word.contains("hold_cpu_ns_max")).expect("a figure of that name");
        words[at + 1].parse::<f64>().expect("nanoseconds") / 1000.0
    }
}
