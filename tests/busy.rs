//! Code that runs inside, made up: it holds the lock past `busy-reply-threshold`, and the server answers all the same.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use tandem::config::Config;
use tandem::engine::{Access, Engine, Inside};
use tandem::script::{Host, Tick};
use tandem::session::{Endpoint, Token};
use tandem::time::{Millis, Now};

const LIMIT: Duration = Duration::from_secs(20);

struct Server {
    engine: Mutex<Engine>,
    start: Instant,
}

impl Server {
    fn start(threshold_ms: &[u8]) -> Arc<Server> {
        let mut config = Config::default();
        config.set_many(&[(b"busy-reply-threshold", threshold_ms)], Default::default()).expect("a directive");
        let start = Instant::now();
        Arc::new(Server { engine: Mutex::new(Engine::new(config, 1, at(start))), start })
    }

    fn connect(&self) -> Token {
        let endpoint = Endpoint { is_local: true, ..Endpoint::default() };
        self.engine.lock().connect(at(self.start), endpoint).expect("room for a client")
    }

    /// One request over a connection, answered by whoever has the lock next.
    fn ask(&self, client: Token, request: &str) -> String {
        let mut engine = self.engine.lock();
        let mut input = engine.input();
        input.buffer_mut().extend_from_slice(request.as_bytes());
        input.buffer_mut().extend_from_slice(b"\r\n");
        input.parse();
        engine.execute(at(self.start), client, &mut input, 10);
        String::from_utf8(std::mem::take(&mut engine.sessions[client].outbox)).expect("text")
    }
}

fn at(start: Instant) -> Now {
    Now { mono: Millis(start.elapsed().as_millis() as u64), unix_us: 1_700_000_000_000_000 }
}

/// As the shell has it: a guard that is given up for a moment.
struct Held<'a> {
    guard: MutexGuard<'a, Engine>,
    start: Instant,
}

impl Access for Held<'_> {
    fn engine(&mut self) -> &mut Engine {
        &mut self.guard
    }

    fn mono(&mut self) -> Millis {
        at(self.start).mono
    }

    fn let_others_in(&mut self) {
        MutexGuard::unlocked_fair(&mut self.guard, || std::thread::sleep(Duration::from_micros(100)));
    }
}

/// A script without end: writes, then spins until it is stopped.
fn run_endless(server: &Server, client: Token) {
    let guard = server.engine.lock();
    let mut inside = Inside::begin(Held { guard, start: server.start }, at(server.start), client);
    assert_eq!(inside.call(&[b"SET", b"a", b"1"]), b"+OK\r\n");
    assert_eq!(inside.call(&[b"INCR", b"a"]), b":2\r\n");
    assert_eq!(inside.call(&[b"NOSUCH"]), b"-ERR Unknown command called from script\r\n");
    let deadline = Instant::now() + LIMIT;
    while inside.tick() == Tick::GoOn {
        assert!(Instant::now() < deadline, "nobody stopped the script");
    }
}

#[test]
fn others_are_answered_busy_and_can_end_the_script() {
    let server = Server::start(b"30");
    let (runner, other) = (server.connect(), server.connect());
    assert_eq!(server.ask(other, "SET gone x PX 1"), "+OK\r\n");
    let script = std::thread::spawn({
        let server = server.clone();
        move || run_endless(&server, runner)
    });
    let deadline = Instant::now() + LIMIT;
    while !server.engine.lock().is_busy() {
        assert!(Instant::now() < deadline, "the script never became busy");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(server.ask(other, "GET a").starts_with("-BUSY "));
    assert!(server.ask(other, "PING").starts_with("-BUSY "));
    // Allowed, and it must not end the unit under way.
    assert_eq!(server.ask(other, "RESET"), "+RESET\r\n");
    // Time is frozen: nothing expires.
    server.engine.lock().tick(Now { mono: Millis(60_000), unix_us: 1_800_000_000_000_000 });
    assert_eq!(server.engine.lock().keyspace.db(0).len(), 2);
    assert!(server.engine.lock().kill_running());
    script.join().expect("the script to end");
    assert_eq!(server.ask(other, "GET a"), "$1\r\n2\r\n");
    assert!(!server.engine.lock().kill_running(), "nothing runs any more");
}

#[test]
fn a_script_below_the_threshold_lets_nobody_in() {
    let server = Server::start(b"60000");
    let client = server.connect();
    let guard = server.engine.lock();
    let mut inside = Inside::begin(Held { guard, start: server.start }, at(server.start), client);
    for _ in 0..1000 {
        assert_eq!(inside.tick(), Tick::GoOn);
        assert!(server.engine.try_lock().is_none(), "the unit is under the lock");
    }
    drop(inside);
    assert_eq!(server.ask(client, "PING"), "+PONG\r\n");
}
