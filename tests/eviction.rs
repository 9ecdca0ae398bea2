//! Eviction while a snapshot lives: what the snapshot still sees must not make eviction run away.
//!
//! One test in a process of its own, since memory is counted for the whole process.

use tandem::alloc;
use tandem::config::Config;
use tandem::engine::{Engine, Input};
use tandem::session::{Endpoint, Token};
use tandem::time::{Millis, Now};

const KEYS: usize = 50_000;
const SETS: usize = 100_000;

struct Server {
    engine: Engine,
    client: Token,
    input: Input,
    sets: u64,
}

impl Server {
    /// Filled with `KEYS` keys, and maxmemory at what that takes.
    fn full() -> Server {
        let mut engine = Engine::new(Config::default(), 7, now());
        let endpoint = Endpoint { is_local: true, ..Endpoint::default() };
        let client = engine.connect(now(), endpoint).expect("room for a client");
        let input = engine.input();
        let mut server = Server { engine, client, input, sets: 0 };
        server.set_new_keys(KEYS);
        let limit = alloc::used_bytes().to_string();
        server.ask(format!("CONFIG SET maxmemory {limit} maxmemory-policy allkeys-random\r\n").as_bytes());
        server
    }

    fn set_new_keys(&mut self, count: usize) {
        for _ in 0..count {
            self.sets += 1;
            let request = format!("SET key:{:012} {:064}\r\n", self.sets, self.sets);
            self.ask(request.as_bytes());
        }
    }

    fn ask(&mut self, request: &[u8]) {
        self.input.buffer_mut().extend_from_slice(request);
        self.input.parse();
        self.engine.execute(now(), self.client, &mut self.input, 10);
        self.input.compact();
        self.engine.take_actions();
        let reply = std::mem::take(&mut self.engine.sessions[self.client].outbox);
        assert_eq!(reply, b"+OK\r\n", "{}", String::from_utf8_lossy(request));
    }

    fn keys(&self) -> usize {
        self.engine.keyspace.db(0).len()
    }
}

fn now() -> Now {
    Now { mono: Millis(0), unix_us: 1_700_000_000_000_000 }
}

#[test]
fn a_live_snapshot_changes_the_number_of_keys_by_at_most_five_percent() {
    let mut plain = Server::full();
    plain.set_new_keys(SETS);
    let without = plain.keys();
    drop(plain);

    let mut server = Server::full();
    let snapshot = server.engine.keyspace.snapshot();
    server.set_new_keys(SETS);
    let with = server.keys();
    drop(snapshot);

    let ratio = with as f64 / without as f64;
    assert!((0.95..=1.05).contains(&ratio), "{with} keys with a snapshot, {without} without: {ratio:.3}");
    assert!(without > KEYS / 2, "eviction keeps what fits: {without}");
}
