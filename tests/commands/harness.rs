//! A bare engine under test, and a second one that follows it: after each request the propagated stream is applied
//! there and both must hold the same data. So every test of a command is a test of its replication too.
//!
//! No sockets, no clock: time stands still until `advance_ms`.

use std::collections::{BTreeMap, BTreeSet};

use tandem::command::Stats;
use tandem::config::Config;
use tandem::engine::{Action, Engine, Input, LinkId, LoadedPayload};
use tandem::keyspace::{Field, Keyspace, StreamId, StreamRef, Value as Stored};
use tandem::log::Offset;
use tandem::replication::{Level, LinkEvent};
use tandem::resp::encode_command;
use tandem::session::{Endpoint, Token};
use tandem::time::{Millis, Now};
use tandem::words::split_words;

use crate::value::Value;

/// 2023-11-14 22:13:20 UTC.
pub const START_MS: i64 = 1_700_000_000_000;
const REQUESTS_MAX: usize = 1_000;

/// (database, key) -> (bytes, expiry).
type Data = BTreeMap<(usize, Vec<u8>), (Vec<u8>, Option<i64>)>;

/// One client's connection.
pub struct Connection {
    token: Token,
    input: Input,
}

/// A master and its follower.
pub struct Harness {
    pub engine: Engine,
    now: Now,
    pub main: Connection,
    follower: Follower,
    seen: Offset,
}

impl Harness {
    pub fn new() -> Harness {
        Harness::with_config(Config::default())
    }

    pub fn with_config(config: Config) -> Harness {
        Harness::with_seed(config, 1)
    }

    pub fn with_seed(config: Config, seed: u64) -> Harness {
        let now = Now { mono: Millis(0), unix_us: START_MS * 1000 };
        let mut engine = Engine::new(config, seed, now);
        engine.activate_log();
        engine.node.stream_db = Some(0);
        engine.take_actions();
        let follower = Follower::attach(now, &engine);
        let main = connect(&mut engine, now);
        let seen = engine.node.offset();
        Harness { engine, now, main, follower, seen }
    }

    /// Time passes; nothing else happens.
    pub fn advance_ms(&mut self, ms: i64) {
        self.now.mono = self.now.mono.plus(ms as u64);
        self.now.unix_us += ms * 1000;
    }

    /// Another client.
    pub fn connect(&mut self) -> Connection {
        connect(&mut self.engine, self.now)
    }

    /// Sends a line of words, quoted as in redis-cli, and expects this reply.
    #[track_caller]
    pub fn check(&mut self, line: &str, expected: &str) {
        let reply = self.send(line).to_string();
        assert_eq!(reply, expected, "{line}");
    }

    /// As `check`; afterwards exactly these commands were propagated, separated by `; `.
    #[track_caller]
    pub fn check_stream(&mut self, line: &str, expected: &str, stream: &str) {
        let before = self.engine.node.offset();
        self.check(line, expected);
        assert_eq!(self.stream_since(before), stream, "the stream after {line}");
    }

    /// As `check`, by another client.
    #[track_caller]
    pub fn check_by(&mut self, client: &mut Connection, line: &str, expected: &str) {
        assert_eq!(self.send_by(client, line).to_string(), expected, "{line}");
    }

    /// As `send`, by another client.
    #[track_caller]
    pub fn send_by(&mut self, client: &mut Connection, line: &str) -> Value {
        std::mem::swap(&mut self.main, client);
        let reply = self.send(line);
        std::mem::swap(&mut self.main, client);
        reply
    }

    /// The reply to a line of words.
    #[track_caller]
    pub fn send(&mut self, line: &str) -> Value {
        let words = split_words(line.as_bytes()).expect("balanced quotes");
        self.request(&words.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    /// The reply to a request; the follower has applied what it changed.
    #[track_caller]
    pub fn request(&mut self, args: &[&[u8]]) -> Value {
        let reply = self.execute(args);
        self.replicate();
        let (value, rest) = Value::decode(&reply).unwrap_or_else(|| panic!("no whole reply to {args:?}: {reply:?}"));
        assert!(rest.is_empty(), "more than one reply to {:?}: {:?}", shown(args), rest.escape_ascii().to_string());
        value
    }

    /// The reply's bytes, empty if there is none.
    pub fn execute(&mut self, args: &[&[u8]]) -> Vec<u8> {
        let mut request = Vec::new();
        encode_command(&mut request, args);
        self.execute_raw(&request)
    }

    /// The bytes that are answered to bytes; no replication, no decoding.
    pub fn execute_raw(&mut self, bytes: &[u8]) -> Vec<u8> {
        let Connection { token, input } = &mut self.main;
        input.buffer_mut().extend_from_slice(bytes);
        input.parse();
        self.engine.execute(self.now, *token, input, REQUESTS_MAX);
        input.compact();
        std::mem::take(&mut self.engine.sessions[*token].outbox)
    }

    /// The reply to the main client's request, and whatever else it was sent in the same breath; no replication.
    #[track_caller]
    pub fn check_all(&mut self, line: &str, expected: &str) {
        let words = split_words(line.as_bytes()).expect("balanced quotes");
        let bytes = self.execute(&words.iter().map(Vec::as_slice).collect::<Vec<_>>());
        assert_eq!(decode_all(&bytes), expected, "{line}");
    }

    /// As `check_all`, by another client.
    #[track_caller]
    pub fn check_all_by(&mut self, client: &mut Connection, line: &str, expected: &str) {
        std::mem::swap(&mut self.main, client);
        self.check_all(line, expected);
        std::mem::swap(&mut self.main, client);
    }

    /// What a client was sent that it did not ask for now.
    pub fn received(&mut self, client: &Connection) -> String {
        decode_all(&std::mem::take(&mut self.engine.sessions[client.token].outbox))
    }

    /// The client's connection ends.
    pub fn disconnect(&mut self, client: Connection) {
        self.engine.disconnect(self.now, client.token);
    }

    /// The server's periodic work.
    #[track_caller]
    pub fn tick(&mut self) {
        self.engine.tick(self.now);
        self.replicate();
    }

    pub fn now(&self) -> Now {
        self.now
    }

    pub fn stats(&self) -> &Stats {
        &self.engine.stats
    }

    /// Changes since the last save.
    pub fn dirty(&self) -> u64 {
        self.engine.server.save.changes_since_save
    }

    /// Feeds the follower what is new in the log, and compares.
    #[track_caller]
    fn replicate(&mut self) {
        let bytes = self.log_since(self.seen);
        self.seen = self.engine.node.offset();
        if bytes.is_empty() {
            return;
        }
        let shown = bytes.escape_ascii().to_string();
        self.follower.feed(self.now, bytes);
        let (ours, theirs) = (data(&self.engine), data(&self.follower.engine));
        assert!(ours == theirs, "the follower differs after {shown}: {}", difference(&ours, &theirs));
        let libraries = |engine: &Engine| engine.scripts.libraries().clone();
        assert_eq!(libraries(&self.engine), libraries(&self.follower.engine), "libraries differ after {shown}");
        assert_eq!(self.engine.node.offset(), self.follower.engine.node.offset(), "offsets differ after {shown}");
    }

    fn log_since(&self, from: Offset) -> Vec<u8> {
        let (log, mut from) = (&self.engine.node.log, from);
        let mut bytes = Vec::new();
        while from < log.appended() {
            let piece = log.read(from, usize::MAX).expect("the log holds what was just appended");
            from = from.plus(piece.len() as u64);
            bytes.extend_from_slice(&piece);
        }
        bytes
    }

    /// Commands propagated since `from`, each as its words.
    pub fn stream_since(&self, from: Offset) -> String {
        let bytes = self.log_since(from);
        let mut rest = bytes.as_slice();
        let mut commands = Vec::new();
        while !rest.is_empty() {
            let (command, after) = Value::decode(rest).expect("whole commands");
            let words = command.items().iter().map(|word| word.bytes().escape_ascii().to_string());
            commands.push(words.collect::<Vec<_>>().join(" "));
            rest = after;
        }
        commands.join("; ")
    }
}

fn connect(engine: &mut Engine, now: Now) -> Connection {
    let endpoint = Endpoint { peer_addr: "127.0.0.1:1".into(), is_local: true, ..Endpoint::default() };
    let token = engine.connect(now, endpoint).expect("room for a client");
    Connection { token, input: engine.input() }
}

/// Values one after the other, separated by `; `.
fn decode_all(mut bytes: &[u8]) -> String {
    let mut values = Vec::new();
    while !bytes.is_empty() {
        let (value, rest) = Value::decode(bytes).expect("whole values");
        values.push(value.to_string());
        bytes = rest;
    }
    values.join("; ")
}

fn shown(args: &[&[u8]]) -> Vec<String> {
    args.iter().map(|arg| arg.escape_ascii().to_string()).collect()
}

fn data(engine: &Engine) -> Data {
    let mut data = Data::new();
    for index in 0..engine.keyspace.databases() {
        engine.keyspace.db(index).for_each(&mut |entry| {
            let bytes = match entry.value() {
                Stored::String(string) => string.to_cow().into_owned(),
                Stored::List(list) => shown_all("list", list.iter().map(|text| vec![text.to_vec()]).collect()),
                Stored::Hash(hash) => {
                    let shown = |field: Field<'_>| {
                        vec![field.name.to_vec(), field.value.to_vec(), format!("{:?}", field.expire_at).into_bytes()]
                    };
                    let mut pairs: Vec<_> = hash.fields().map(shown).collect();
                    pairs.sort();
                    shown_all("hash", pairs)
                }
                Stored::Set(set) => {
                    let mut members: Vec<_> = set.iter().map(|text| vec![text.to_vec()]).collect();
                    members.sort();
                    shown_all("set", members)
                }
                Stored::SortedSet(set) => {
                    // The sign of a zero depends on the configured limits.
                    let score = |score: f64| (score + 0.0).to_le_bytes().to_vec();
                    shown_all("zset", set.iter().map(|(member, at)| vec![member.to_vec(), score(at)]).collect())
                }
                Stored::Stream(stream) => shown_stream(stream),
                _ => panic!("a type that the harness does not know"),
            };
            data.insert((index, entry.key().to_vec()), (bytes, entry.expire_at()));
        });
    }
    data
}

/// Keys that differ, as both have them.
fn difference(ours: &Data, theirs: &Data) -> String {
    let shown = |data: &Data, key| data.get(key).map(|(bytes, at)| format!("{} {at:?}", bytes.escape_ascii()));
    let keys: BTreeSet<&(usize, Vec<u8>)> = ours.keys().chain(theirs.keys()).collect();
    let differing = keys.into_iter().filter(|key| ours.get(*key) != theirs.get(*key));
    let lines = differing.map(|key| {
        format!("\n{} in {}:\n{:?}\n{:?}", key.1.escape_ascii(), key.0, shown(ours, key), shown(theirs, key))
    });
    lines.collect()
}

/// Entries, and groups with what is pending. When a consumer was seen last is its server's own; how many entries a
/// group has read, and that a consumer read its pending ones again, reaches no follower, as with Redis.
fn shown_stream(stream: StreamRef<'_>) -> Vec<u8> {
    let entries = stream.range(StreamId::MIN, StreamId::MAX).map(|entry| {
        let pairs = entry.pairs().flat_map(|(field, value)| [field.to_vec(), value.to_vec()]);
        [format!("{:?}", entry.id).into_bytes()].into_iter().chain(pairs).collect()
    });
    let mut parts: Vec<Vec<Vec<u8>>> = entries.collect();
    let counters = (stream.last_id(), stream.max_deleted_id(), stream.entries_added());
    parts.push(vec![format!("{counters:?}").into_bytes()]);
    for group in stream.groups() {
        parts.push(vec![group.name().to_vec(), format!("{:?}", group.last_id()).into_bytes()]);
        parts.extend(
            group
                .pending_from(StreamId::MIN)
                .map(|delivery| vec![format!("{:?}", delivery.id).into_bytes(), group.owner(&delivery).to_vec()]),
        );
        parts.extend(group.consumers().map(|consumer| vec![consumer.name().to_vec()]));
    }
    shown_all("stream", parts)
}

/// A collection as bytes.
fn shown_all(kind: &str, parts: Vec<Vec<Vec<u8>>>) -> Vec<u8> {
    let parts = parts.iter().map(|part| part.join(&b' ')).collect::<Vec<_>>().join(&b'|');
    [kind.as_bytes(), b" ", &parts].concat()
}

/// An engine that follows by the real link machine, over a wire without a socket.
struct Follower {
    engine: Engine,
    link: LinkId,
}

impl Follower {
    /// Goes through the handshake and an empty full resync.
    fn attach(now: Now, master: &Engine) -> Follower {
        let mut engine = Engine::new(Config::default(), 2, now);
        engine.follow(now, "master".into(), 6379);
        let mut follower = Follower { engine, link: LinkId::default() };
        let replies: &[String] = &[
            "+PONG\r\n".into(),
            format!("+FULLRESYNC {} {}\r\n", master.node.history.replid(), master.node.offset().0),
        ];
        for _ in 0..100 {
            follower.engine.tick(now);
            for action in follower.engine.take_actions() {
                follower.obey(now, action, replies);
            }
            if follower.engine.node.is_link_up() {
                follower.engine.take_actions();
                return follower;
            }
        }
        panic!("the follower does not come up");
    }

    fn obey(&mut self, now: Now, action: Action, replies: &[String]) {
        match action {
            Action::Dial { link, .. } => {
                self.link = link;
                self.event(now, LinkEvent::Connected);
            }
            Action::LinkSend { bytes, .. } => {
                let request = String::from_utf8_lossy(&bytes).into_owned();
                if request.contains("PSYNC") {
                    self.event(now, LinkEvent::Bytes(replies[1].clone().into()));
                    self.event(now, LinkEvent::Bytes("$3\r\nRDB".into()));
                } else {
                    let reply = if request.contains("PING") { replies[0].clone() } else { "+OK\r\n".to_owned() };
                    // The capabilities go out in one write, a reply to each comes back.
                    for _ in 0..request.matches('*').count() {
                        self.event(now, LinkEvent::Bytes(reply.clone().into()));
                    }
                }
            }
            Action::LoadEnd { link } => {
                let keyspace = Keyspace::new(self.engine.keyspace.databases(), self.engine.keyspace.hasher());
                self.engine.link_loaded(
                    now,
                    link,
                    LoadedPayload { keyspace, libraries: Default::default(), stream_db: Some(0) },
                );
            }
            _ => {}
        }
    }

    fn event(&mut self, now: Now, event: LinkEvent) {
        let link = self.link;
        self.engine.link_event(now, link, event);
    }

    /// Applies a piece of the stream; an error in it is a divergence.
    #[track_caller]
    fn feed(&mut self, now: Now, bytes: Vec<u8>) {
        self.event(now, LinkEvent::Bytes(bytes.into()));
        for action in self.engine.take_actions() {
            if let Action::Log(Level::Warning, line) = action {
                panic!("the follower warns: {line}");
            }
        }
    }
}
