//! Row commands: what a request of each type costs the server's processor.

use crate::Options;
use crate::load::{Load, Numbers, Requests, Until, fill};
use crate::process::{cpu_s, pin_thread};
use crate::report::Figures;
use crate::support::server::Launch;
use std::io;

const CONNECTIONS: usize = 50;
const PIPELINE: usize = 16;
/// So many collections share the load.
const KEYS: u64 = 10_000;
/// Elements of each collection that is read.
const ELEMENTS: u64 = 100;
const REQUESTS: u64 = 2_000_000;
const LONG_REQUESTS: u64 = 200_000;

/// One request, and what lies there before it is measured.
struct Case {
    name: &'static str,
    /// How it gets there, how often, over how many keys.
    before: Option<(&'static str, u64, u64)>,
    request: fn() -> Requests,
    count: u64,
}

fn over_keys(line: &str, reply_start: u8, reply_lines: usize) -> Requests {
    Requests::new(line, Numbers::sequential(KEYS), reply_start, reply_lines)
}

const CASES: &[Case] = &[
    Case {
        name: "LPUSH",
        before: None,
        request: || over_keys("LPUSH list:############ v:############", b':', 1),
        count: REQUESTS,
    },
    Case {
        name: "LPOP",
        // What LPUSH left is there; warming up takes some of it.
        before: Some(("LPUSH list:############ v:############", REQUESTS / 2, KEYS)),
        request: || over_keys("LPOP list:############", b'$', 2),
        count: REQUESTS,
    },
    Case {
        name: "SADD",
        before: None,
        request: || over_keys("SADD set:############ m:############", b':', 1),
        count: REQUESTS,
    },
    Case {
        name: "HSET",
        before: None,
        request: || over_keys("HSET hash:############ f:############ vvvvvvvvvvvvvvvv", b':', 1),
        count: REQUESTS,
    },
    Case {
        name: "ZADD",
        before: None,
        request: || over_keys("ZADD zset:############ ############ m:############", b':', 1),
        count: REQUESTS,
    },
    Case {
        name: "XADD",
        before: None,
        request: || over_keys("XADD stream:############ * field vvvvvvvvvvvvvvvv", b'$', 2),
        count: REQUESTS,
    },
    Case {
        name: "INCR",
        before: None,
        request: || Requests::new("INCR counter:############", Numbers::random(1_000_000), b':', 1),
        count: REQUESTS,
    },
    Case {
        name: "LRANGE of 100",
        before: Some(("RPUSH lrange:############ v:############", KEYS * ELEMENTS, KEYS)),
        request: || {
            Requests::new("LRANGE lrange:############ 0 99", Numbers::random(KEYS), b'*', 1 + 2 * ELEMENTS as usize)
        },
        count: LONG_REQUESTS,
    },
    Case {
        name: "ZRANGEBYSCORE of 100",
        before: Some(("ZADD zrange:############ ############ m:############", KEYS * ELEMENTS, KEYS)),
        request: || {
            let lines = 1 + 2 * ELEMENTS as usize;
            Requests::new("ZRANGEBYSCORE zrange:############ -inf +inf", Numbers::random(KEYS), b'*', lines)
        },
        count: LONG_REQUESTS,
    },
    Case {
        name: "ZRANGEBYSCORE of 100 in 1M",
        before: Some(("ZADD one ############ m:############", 1_000_000, 1_000_000)),
        request: || {
            let line = "ZRANGEBYSCORE one ############ +inf LIMIT 0 100";
            Requests::new(line, Numbers::random(999_900), b'*', 1 + 2 * ELEMENTS as usize)
        },
        count: LONG_REQUESTS,
    },
    Case {
        name: "MSET of 10",
        before: None,
        request: || {
            let line = format!("MSET{}", " key:############ vvvvvvvvvvvvvvvv".repeat(10));
            Requests::of_keys_only(&line, Numbers::random(1_000_000), b'+', 1)
        },
        count: LONG_REQUESTS,
    },
];

pub fn measure(launch: &Launch, options: &Options) -> Figures {
    let server = launch.clone().on_core(options.server_core).start();
    let run = || -> io::Result<Figures> {
        pin_thread(options.load_core);
        let wanted = |case: &&Case| {
            options.requests.is_empty() || options.requests.iter().any(|name| case.name.starts_with(name))
        };
        CASES
            .iter()
            .filter(wanted)
            .map(|case| Ok((format!("{} CPU us", case.name), case.cpu_us(server.port, server.pid())?)))
            .collect()
    };
    let figures = std::thread::scope(|scope| scope.spawn(run).join().expect("the load does not panic"));
    figures.unwrap_or_else(|error| panic!("{error}\n{}", server.log()))
}

impl Case {
    /// Of one request.
    fn cpu_us(&self, port: u16, pid: u32) -> io::Result<f64> {
        if let Some((line, count, keys)) = self.before {
            fill(port, Requests::new(line, Numbers::sequential(keys), b':', 1), count)?;
        }
        let mut load = Load::connect(port, CONNECTIONS, PIPELINE)?;
        let mut requests = (self.request)();
        load.run(&mut requests, Until::Sent(self.count / 10))?;
        let before_s = cpu_s(pid);
        let outcome = load.run(&mut requests, Until::Sent(self.count))?;
        Ok((cpu_s(pid) - before_s) * 1e6 / outcome.requests as f64)
    }
}
