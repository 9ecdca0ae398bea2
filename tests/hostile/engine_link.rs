//! The payload of a full resync, cut at its every byte and changed in its every byte, on a bare engine: no socket and no
//! clock, so thousands of attempts take no time. What few real connections show is in `master`.

use bytes::Bytes;
use tandem::command::keyspace_digest;
use tandem::config::Config;
use tandem::engine::{Action, Engine, LinkId, LoadedPayload};
use tandem::keyspace::Keyspace;
use tandem::persistence::rdb::{
    self, AccessInfo, FreshAccess, LoadError, LoadOptions, Preamble, Reader, ReplicationInfo, WriterOptions,
};
use tandem::replication::LinkEvent;
use tandem::session::Endpoint;
use tandem::time::{Millis, Now};

const REPLID: &str = "0123456789abcdef0123456789abcdef01234567";
const START_MS: i64 = 1_700_000_000_000;
/// Longer than any wait before a dial.
const RETRY_MS: u64 = 9_000;

/// An engine that follows whoever answers, and the little shell that it needs.
struct Replica {
    engine: Engine,
    now: Now,
    link: LinkId,
    load: Vec<u8>,
    dials: u32,
    /// Says that the data are loaded as soon as they are.
    is_hasty: bool,
}

impl Replica {
    fn new() -> Replica {
        let now = Now { mono: Millis(0), unix_us: START_MS * 1000 };
        let mut engine = Engine::new(Config::default(), 1, now);
        fill(&mut engine, now, "old");
        engine.follow(now, "master".into(), 6379);
        Replica { engine, now, link: LinkId::default(), load: Vec::new(), dials: 0, is_hasty: false }
    }

    /// One attempt: the master answers the handshake, says `wire` to PSYNC in pieces, and is gone.
    fn attempt(&mut self, wire: &[u8], piece_bytes: usize) {
        let dials = self.dials;
        self.now.mono = self.now.mono.plus(RETRY_MS);
        self.engine.tick(self.now);
        self.obey();
        assert_eq!(self.dials, dials + 1, "the link is tried again");
        for reply in ["+PONG\r\n", "+OK\r\n", "+OK\r\n", "+OK\r\n"] {
            self.event(LinkEvent::Bytes(Bytes::from_static(reply.as_bytes())));
        }
        for piece in wire.chunks(piece_bytes) {
            if self.engine.link_wants_bytes(self.link) {
                self.event(LinkEvent::Bytes(Bytes::copy_from_slice(piece)));
            }
        }
        self.event(LinkEvent::Closed);
    }

    fn event(&mut self, event: LinkEvent) {
        self.engine.link_event(self.now, self.link, event);
        self.obey();
    }

    fn obey(&mut self) {
        for _ in 0..100 {
            let actions = self.engine.take_actions();
            if actions.is_empty() {
                return;
            }
            actions.into_iter().for_each(|action| self.act(action));
        }
        panic!("the engine does not come to rest");
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Dial { link, .. } => {
                self.link = link;
                self.dials += 1;
                self.engine.link_event(self.now, link, LinkEvent::Connected);
            }
            Action::LoadBegin { .. } | Action::LoadAbandon { .. } => self.load.clear(),
            Action::LoadChunk { link, bytes } => {
                self.load.extend_from_slice(&bytes);
                if self.is_hasty {
                    self.finish_load(link);
                }
            }
            Action::LoadEnd { link } => self.finish_load(link),
            _ => {}
        }
    }

    fn finish_load(&mut self, link: LinkId) {
        let bytes = self.load.clone();
        let mut keyspace = Keyspace::new(self.engine.keyspace.databases(), self.engine.keyspace.hasher());
        let access = FreshAccess::Lru { clock_s: 0 };
        let options = LoadOptions {
            drops_expired: false,
            skips_module_aux: true,
            access,
            limits: tandem::config::CollectionLimits::DEFAULT,
        };
        let loaded = Reader::new(&bytes[..], true)
            .map_err(LoadError::from)
            .and_then(|mut reader| rdb::load_into(&mut reader, &mut keyspace, self.now.unix_ms(), options));
        match loaded {
            Ok(_) => self.engine.link_loaded(
                self.now,
                link,
                LoadedPayload { keyspace, libraries: Default::default(), stream_db: None },
            ),
            Err(error) => self.engine.link_event(self.now, link, LinkEvent::LoadFailed(error.to_string())),
        }
    }

    fn digest(&self) -> String {
        digest(&self.engine)
    }
}

fn digest(engine: &Engine) -> String {
    keyspace_digest(&engine.keyspace).to_string()
}

fn fill(engine: &mut Engine, now: Now, value: &str) {
    let endpoint = Endpoint { is_local: true, peer_addr: "127.0.0.1:1".into(), ..Endpoint::default() };
    let token = engine.connect(now, endpoint).expect("room for a client");
    let long = value.repeat(60);
    let mut input = engine.input();
    let lines = format!(
        "SET plain {value}\r\nSET number 70000\r\nSET long {long}\r\nSET volatile x EX 5000\r\nSELECT 3\r\nSET {value} 1\r\n"
    );
    input.buffer_mut().extend_from_slice(lines.as_bytes());
    input.parse();
    engine.execute(now, token, &mut input, 100);
    engine.disconnect(now, token);
}

/// What a master of other data sends after PSYNC, and the digest of its data.
fn honest(marked: bool) -> (Vec<u8>, String) {
    let now = Now { mono: Millis(0), unix_us: START_MS * 1000 };
    let mut engine = Engine::new(Config::default(), 2, now);
    fill(&mut engine, now, "new");
    let preamble = Preamble {
        redis_version: "7.0.15",
        created_s: now.unix_s(),
        used_memory_bytes: 0,
        replication: Some(ReplicationInfo { stream_db: 0, replid: REPLID, offset: 500 }),
        is_aof_base: false,
    };
    let options = WriterOptions { compression: true, checksum: true, access: AccessInfo::Omit };
    let mut payload = Vec::new();
    rdb::write_snapshot(engine.keyspace.snapshot(), &preamble, &[], options, &mut payload).expect("a Vec takes all");
    let head = format!("+FULLRESYNC {REPLID} 500\r\n");
    let wire = if marked {
        [head.as_bytes(), b"$EOF:", &[b'e'; 40], b"\r\n", &payload, &[b'e'; 40]].concat()
    } else {
        [head.as_bytes(), format!("${}\r\n", payload.len()).as_bytes(), &payload].concat()
    };
    (wire, digest(&engine))
}

/// After any number of failed attempts an honest one succeeds, and only it changes the data.
fn check(wires: impl Iterator<Item = (String, Vec<u8>)>, honest: (Vec<u8>, String)) {
    let mut replica = Replica::new();
    let old = replica.digest();
    let mut attempts = 0;
    for (what, wire) in wires {
        attempts += 1;
        replica.attempt(&wire, [1_000, 7, 64][attempts % 3]);
        assert_eq!(replica.digest(), old, "{what}");
        assert!(!replica.engine.node.is_link_up(), "{what}");
    }
    assert!(attempts > 200, "{attempts} attempts");
    let (wire, new) = honest;
    assert_ne!(old, new);
    replica.attempt(&wire, 1_000);
    assert_eq!(replica.digest(), new);
    assert_eq!(replica.engine.node.offset().0, 500);
}

#[test]
fn a_master_that_dies_at_every_byte_of_a_payload_with_a_length() {
    let honest = honest(false);
    let wire = honest.0.clone();
    check((0..wire.len()).map(|length| (format!("dead at {length}"), wire[..length].to_vec())), honest);
}

#[test]
fn a_master_that_dies_at_every_byte_of_a_payload_with_a_mark() {
    let honest = honest(true);
    let wire = honest.0.clone();
    check((0..wire.len()).map(|length| (format!("dead at {length}"), wire[..length].to_vec())), honest);
}

/// A loader sees the end of the data before the link sees the end of the payload.
#[test]
fn data_whose_payload_is_not_whole_are_not_taken() {
    let (wire, _) = honest(false);
    let mut replica = Replica::new();
    let old = replica.digest();
    replica.is_hasty = true;
    for length in 0..wire.len() {
        replica.attempt(&wire[..length], 1_000);
        assert_eq!(replica.digest(), old, "dead at {length}");
    }
    let longer = String::from_utf8_lossy(&wire).find("\r\n$").expect("a length");
    let more = [&wire[..longer + 3], b"9", &wire[longer + 3..]].concat();
    replica.attempt(&more, 1_000);
    assert_eq!(replica.digest(), old, "more was announced");
    assert!(replica.engine.node.offset().0 == 0, "no history was adopted");
}

#[test]
fn every_byte_of_a_payload_changed() {
    let honest = honest(false);
    let wire = honest.0.clone();
    let head_bytes = wire.iter().position(|byte| *byte == b'$').expect("a length");
    let start = head_bytes + wire[head_bytes..].iter().position(|byte| *byte == b'\n').expect("its end") + 1;
    let changes = (start..wire.len()).flat_map(|at| [0x01, 0x80].map(|bit| (at, bit)));
    let spoilt = changes.map(|(at, bit)| {
        let mut bad = wire.clone();
        bad[at] ^= bit;
        (format!("byte {at} changed by {bit:#x}"), bad)
    });
    check(spoilt, honest);
}
