//! Scripts that run past the threshold, on a bare engine behind a lock: the server answers all the same.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use tandem::config::Config;
use tandem::engine::{Action, Engine};
use tandem::keyspace::Keyspace;
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
        let server = Arc::new(Server { engine: Mutex::new(Engine::new(config, 1, at(start))), start });
        let mut engine = server.engine.lock();
        engine.activate_log();
        engine.hooks.clock_ns = clock_ns;
        let held = Arc::downgrade(&server);
        engine.hooks.let_others_in = Arc::new(move |_| let_others_in(&held));
        drop(engine);
        server
    }

    fn connect(&self) -> Token {
        let endpoint = Endpoint { is_local: true, ..Endpoint::default() };
        self.engine.lock().connect(at(self.start), endpoint).expect("room for a client")
    }

    /// One request over a connection, answered by whoever has the lock next.
    fn ask(&self, client: Token, words: &[&str]) -> String {
        let mut engine = self.engine.lock();
        let mut input = engine.input();
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        tandem::resp::encode_command(input.buffer_mut(), &words);
        input.parse();
        engine.execute(at(self.start), client, &mut input, 10);
        String::from_utf8(std::mem::take(&mut engine.sessions[client].outbox)).expect("text")
    }

    fn await_busy(&self) {
        let deadline = Instant::now() + LIMIT;
        while !self.engine.lock().is_busy() {
            assert!(Instant::now() < deadline, "the script never became busy");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn at(start: Instant) -> Now {
    Now { mono: Millis(start.elapsed().as_millis() as u64), unix_us: 1_700_000_000_000_000 }
}

fn clock_ns() -> u64 {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    START.elapsed().as_nanos() as u64
}

/// As the shell has it: the lock that this thread holds is given up for a moment.
fn let_others_in(server: &Weak<Server>) {
    let Some(server) = server.upgrade() else { return };
    // SAFETY: the thread that ticks holds the lock, and nobody up its stack touches the engine meanwhile.
    let guard = unsafe { server.engine.make_guard_unchecked(Default::default()) };
    let mut guard = std::mem::ManuallyDrop::new(guard);
    MutexGuard::unlocked_fair(&mut guard, || std::thread::sleep(Duration::from_micros(100)));
}

/// Runs a script on a thread of its own, with the stack that the shell's threads have.
fn run(server: &Arc<Server>, client: Token, words: &'static [&'static str]) -> std::thread::JoinHandle<String> {
    let server = server.clone();
    std::thread::Builder::new().stack_size(8 << 20).spawn(move || server.ask(client, words)).expect("a thread")
}

#[test]
fn others_are_answered_busy_and_can_end_the_script() {
    let server = Server::start(b"30");
    let (runner, other) = (server.connect(), server.connect());
    assert_eq!(server.ask(other, &["SET", "gone", "x", "PX", "1"]), "+OK\r\n");
    let script = run(&server, runner, &["EVAL", "redis.call('get', 'gone') while true do end", "0"]);
    server.await_busy();
    assert!(server.ask(other, &["GET", "a"]).starts_with("-BUSY "));
    assert!(server.ask(other, &["PING"]).starts_with("-BUSY "));
    assert!(server.ask(other, &["FUNCTION", "KILL"]).starts_with("-BUSY "));
    // Allowed, and it must not end the unit under way.
    assert_eq!(server.ask(other, &["RESET"]), "+RESET\r\n");
    // Time is frozen: nothing expires.
    server.engine.lock().tick(Now { mono: Millis(60_000), unix_us: 1_800_000_000_000_000 });
    assert_eq!(server.engine.lock().keyspace.db(0).len(), 1);
    assert_eq!(server.ask(other, &["SCRIPT", "KILL"]), "+OK\r\n");
    let reply = script.join().expect("the script to end");
    assert!(reply.starts_with("-ERR Script killed by user with SCRIPT KILL... script: "), "{reply}");
    assert_eq!(server.ask(other, &["GET", "a"]), "$-1\r\n");
    assert!(server.ask(other, &["SCRIPT", "KILL"]).starts_with("-NOTBUSY "));
}

#[test]
fn what_has_written_is_one_unit_and_cannot_be_killed() {
    let server = Server::start(b"30");
    let (runner, other) = (server.connect(), server.connect());
    let code = "redis.call('set', 'a', 1) redis.call('incr', 'a') local n = 0 while n < 3e7 do n = n + 1 end \
                redis.call('incr', 'a') return redis.call('get', 'a')";
    let before = server.engine.lock().node.offset();
    let script = run(&server, runner, Vec::leak(vec!["EVAL", code, "0"]));
    server.await_busy();
    assert!(server.ask(other, &["SCRIPT", "KILL"]).starts_with("-UNKILLABLE "));
    assert_eq!(server.ask(other, &["MULTI"]), "+OK\r\n");
    assert!(server.ask(other, &["GET", "a"]).starts_with("-BUSY "));
    assert!(server.ask(other, &["EXEC"]).starts_with("-EXECABORT "));
    assert_eq!(server.engine.lock().node.offset(), before, "nothing is appended before the unit's end");
    assert_eq!(script.join().expect("the script to end"), "$1\r\n3\r\n");
    let engine = server.engine.lock();
    let piece = engine.node.log.read(before, usize::MAX).expect("what was appended");
    let stream = String::from_utf8_lossy(&piece).replace("\r\n", " ");
    assert!(stream.starts_with("*2 $6 SELECT $1 0 *1 $5 MULTI *3 $3 set "), "{stream}");
    assert!(stream.ends_with("*1 $4 EXEC "), "{stream}");
}

#[test]
fn a_function_is_killed_by_its_own_command() {
    let server = Server::start(b"30");
    let (runner, other) = (server.connect(), server.connect());
    let library = "#!lua name=lib\nredis.register_function{function_name='spin', flags={'no-writes'}, \
                   callback=function() while true do end end}";
    assert_eq!(server.ask(other, &["FUNCTION", "LOAD", library]), "$3\r\nlib\r\n");
    let script = run(&server, runner, &["FCALL", "spin", "0"]);
    server.await_busy();
    assert!(server.ask(other, &["GET", "a"]).contains("FUNCTION KILL"));
    assert!(server.ask(other, &["SCRIPT", "KILL"]).starts_with("-BUSY "));
    let stats = server.ask(other, &["FUNCTION", "STATS"]);
    assert!(stats.contains("running_script\r\n*6\r\n$4\r\nname\r\n$4\r\nspin\r\n"), "{stats}");
    assert_eq!(server.ask(other, &["FUNCTION", "KILL"]), "+OK\r\n");
    assert!(script.join().expect("the function to end").starts_with("-ERR Script killed by user"));
}

#[test]
fn a_script_below_the_threshold_lets_nobody_in() {
    let server = Server::start(b"60000");
    let client = server.connect();
    server.engine.lock().hooks.let_others_in = Arc::new(|_| panic!("the unit is under the lock"));
    let code = "local n = 0 while n < 1e6 do n = n + 1 end return n";
    assert_eq!(server.ask(client, &["EVAL", code, "0"]), ":1000000\r\n");
}

/// Spins for as long as the key says so, with what it saw of another before and after.
const WATCHING: &str = "local before = redis.call('get', 'k') local n = 0 while n < 3e7 do n = n + 1 end return {before, \
                        redis.call('get', 'k')}";

#[test]
fn nothing_takes_the_data_away_under_a_script() {
    let server = Server::start(b"30");
    let (runner, other) = (server.connect(), server.connect());
    assert_eq!(server.ask(other, &["SET", "k", "v"]), "+OK\r\n");
    let script = run(&server, runner, &["EVAL", WATCHING, "0"]);
    server.await_busy();
    assert!(server.ask(other, &["REPLICAOF", "127.0.0.1", "1"]).starts_with("-BUSY "));
    {
        let mut engine = server.engine.lock();
        let fresh = Keyspace::new(engine.keyspace.databases(), engine.keyspace.hasher());
        engine.reloaded(at(server.start), other, Ok((fresh, Default::default())));
        assert_eq!(engine.keyspace.db(0).len(), 1, "the script still runs on it");
    }
    assert_eq!(script.join().expect("the script to end"), "*2\r\n$1\r\nv\r\n$1\r\nv\r\n");
    server.ask(runner, &["PING"]);
    assert_eq!(server.ask(runner, &["GET", "k"]), "$-1\r\n");
}

#[test]
fn a_signal_to_end_waits_for_the_script() {
    let server = Server::start(b"30");
    let (runner, other) = (server.connect(), server.connect());
    assert_eq!(server.ask(other, &["SET", "k", "v"]), "+OK\r\n");
    let script = run(&server, runner, &["EVAL", WATCHING, "0"]);
    server.await_busy();
    let saves = |engine: &mut Engine| engine.take_actions().iter().any(|wish| matches!(wish, Action::Save { .. }));
    {
        let mut engine = server.engine.lock();
        engine.shutdown_by_signal(at(server.start), Default::default());
        engine.tick(at(server.start));
        assert!(!saves(&mut engine), "a snapshot in the midst of a unit");
    }
    script.join().expect("the script to end");
    let mut engine = server.engine.lock();
    engine.tick(at(server.start));
    assert!(saves(&mut engine), "the end goes on");
}
