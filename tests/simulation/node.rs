//! One simulated server: an engine, and what its shell keeps beside it.

use std::collections::{BTreeMap, VecDeque};

use tandem::config::Config;
use tandem::engine::{Engine, Input, LinkId, Payload, SavePurpose};
use tandem::keyspace::{Keyspace, Snapshot};
use tandem::persistence::rdb::{
    self, AccessInfo, FreshAccess, LoadError, LoadOptions, Loaded, Preamble, Reader, ReplicationInfo, WriterOptions,
};
use tandem::replication::{Offset, Position, ReplId};
use tandem::session::{Endpoint, Token};
use tandem::time::{Millis, Now};

use crate::network::ConnectionId;
use crate::waits::Waited;

/// Unix time when a simulation begins, in microseconds.
const EPOCH_US: i64 = 1_700_000_000_000_000;

pub fn moment(mono: Millis) -> Now {
    Now { mono, unix_us: EPOCH_US + mono.0 as i64 * 1_000 }
}

/// A connection that a server has accepted.
pub struct Served {
    pub token: Token,
    pub input: Input,
    /// Written by the engine, not yet taken by the pipe.
    pub unsent: Vec<u8>,
    pub payload: Option<Sending>,
}

/// A snapshot on its way to a peer: walked only when its first piece is due, so that writes meet it alive.
pub struct Sending {
    pub due: Millis,
    pub unwritten: Option<Payload>,
    pub pieces: VecDeque<tandem::replication::PeerEvent>,
}

/// A payload on its way in, and when its loading will be done.
pub struct Load {
    pub link: LinkId,
    pub bytes: Vec<u8>,
    pub done_at: Option<Millis>,
}

/// A snapshot that is written to the file when its time comes.
pub struct Save {
    pub snapshot: Snapshot,
    pub position: Option<Position>,
    pub purpose: SavePurpose,
    pub done_at: Millis,
}

pub struct Node {
    pub index: usize,
    pub engine: Engine,
    pub is_alive: bool,
    /// SHUTDOWN was asked for: what it is told now is lost with the process.
    pub is_ending: bool,
    pub revives_at: Option<Millis>,
    /// The RDB file.
    pub file: Option<Vec<u8>>,
    /// A local client's connection, and an operator's, who is never kept waiting with the writers.
    pub client: Token,
    pub operator: Token,
    /// Who says WAIT, and what it waits for.
    pub waiter: Token,
    pub waited: Option<Waited>,
    pub served: BTreeMap<ConnectionId, Served>,
    pub load: Option<Load>,
    pub save: Option<Save>,
    pub next_tick: Millis,
    /// Until then it reads little at a time.
    pub slow_until: Millis,
}

impl Node {
    pub fn host(index: usize) -> String {
        format!("node{index}")
    }

    /// The server that a host name means.
    pub fn index_of(host: &str) -> usize {
        host.trim_start_matches("node").parse().expect("a name of ours")
    }

    /// A fresh server; with a file it restores what is there. `master` is whom its configuration names.
    pub fn start(index: usize, seed: u64, now: Millis, file: Option<Vec<u8>>, master: Option<usize>) -> Node {
        let mut engine = Engine::new(config(index, master, seed), seed, moment(now));
        engine.server.tcp_port = 7_000 + index as u16;
        if let Some(bytes) = &file {
            restore(&mut engine, now, bytes, master.is_some());
        }
        engine.begin(moment(now));
        let endpoint = Endpoint { is_local: true, peer_addr: "127.0.0.1:1".to_owned(), ..Endpoint::default() };
        let client = engine.connect(moment(now), endpoint.clone()).expect("the first client is let in");
        let operator = engine.connect(moment(now), endpoint.clone()).expect("the second client is let in");
        let waiter = engine.connect(moment(now), endpoint).expect("the third client is let in");
        Node {
            index,
            engine,
            is_alive: true,
            is_ending: false,
            revives_at: None,
            file,
            client,
            operator,
            waiter,
            waited: None,
            served: BTreeMap::new(),
            load: None,
            save: None,
            next_tick: now,
            slow_until: now,
        }
    }

    pub fn is_master(&self) -> bool {
        !self.engine.node.is_replica()
    }

    /// The server that this one follows.
    pub fn master(&self) -> Option<usize> {
        self.engine.node.link.as_ref().map(|link| Node::index_of(&link.config().host))
    }

    /// What WAIT was answered; nothing as long as it waits.
    pub fn take_wait_reply(&mut self) -> Vec<u8> {
        self.engine.sessions.get_mut(self.waiter).map(|session| std::mem::take(&mut session.outbox)).unwrap_or_default()
    }

    /// Runs a request of one of them; answers its reply.
    pub fn request(&mut self, now: Millis, by: Token, words: &[&[u8]]) -> Vec<u8> {
        let mut input = self.engine.input();
        input.buffer_mut().extend_from_slice(&encode(words));
        input.parse();
        self.engine.execute(moment(now), by, &mut input, 1);
        self.engine.sessions.get_mut(by).map(|session| std::mem::take(&mut session.outbox)).unwrap_or_default()
    }
}

/// The seed decides how full resyncs are done on this server, on both ends.
fn config(index: usize, master: Option<usize>, seed: u64) -> Config {
    let mut config = Config::default();
    let mut set = |name: &str, value: &str| config.overwrite(name, value.as_bytes()).expect("a directive of ours");
    set("save", "");
    set("repl-timeout", "8");
    set("repl-ping-replica-period", "2");
    set("repl-diskless-sync-delay", "0");
    set("repl-backlog-size", "16kb");
    set("replica-announce-ip", &Node::host(index));
    set("repl-diskless-sync", if seed.is_multiple_of(3) { "no" } else { "yes" });
    let loads = ["disabled", "disabled", "on-empty-db", "swapdb", "flush-before-load"];
    set("repl-diskless-load", loads[(seed >> 8) as usize % loads.len()]);
    if let Some(master) = master {
        set("replicaof", &format!("{} {}", Node::host(master), 7_000 + master));
    }
    config
}

pub fn encode(words: &[&[u8]]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// A snapshot as an RDB payload.
pub fn write_rdb(now: Millis, snapshot: Snapshot, position: Option<&Position>) -> Vec<u8> {
    let replication = position.map(|position| ReplicationInfo {
        stream_db: position.db.map_or(-1, |db| db as i64),
        replid: position.replid.as_str(),
        offset: position.offset.0 as i64,
    });
    let preamble = Preamble {
        redis_version: tandem::config::REDIS_VERSION,
        created_s: moment(now).unix_s(),
        used_memory_bytes: 0,
        replication,
        is_aof_base: false,
    };
    let options = WriterOptions { compression: true, checksum: true, access: AccessInfo::Omit };
    let mut bytes = Vec::new();
    rdb::write_snapshot(snapshot, &preamble, &[], options, &mut bytes).expect("memory takes all");
    bytes
}

/// A payload as a keyspace.
pub fn read_rdb(
    engine: &Engine,
    now: Millis,
    bytes: &[u8],
    drops_expired: bool,
) -> Result<(Keyspace, Loaded), LoadError> {
    let mut keyspace = Keyspace::new(engine.keyspace.databases(), engine.keyspace.hasher());
    let options = LoadOptions {
        drops_expired,
        skips_module_aux: true,
        access: FreshAccess::Lru { clock_s: 0 },
        limits: tandem::config::CollectionLimits::DEFAULT,
    };
    let mut reader = Reader::new(bytes, true)?;
    let loaded = rdb::load_into(&mut reader, &mut keyspace, moment(now).unix_ms(), options)?;
    Ok((keyspace, loaded))
}

fn restore(engine: &mut Engine, now: Millis, bytes: &[u8], is_replica: bool) {
    let (keyspace, loaded) = read_rdb(engine, now, bytes, !is_replica).expect("our own file can be read");
    let aux = &loaded.aux;
    let replid = aux.repl_id.as_ref().and_then(|replid| ReplId::parse(replid.as_bytes()));
    let position = replid.zip(aux.repl_offset).map(|(replid, offset)| Position {
        replid,
        offset: Offset(offset as u64),
        db: aux.repl_stream_db.and_then(|db| usize::try_from(db).ok()),
    });
    engine.restore(keyspace, Default::default(), position);
    engine.drop_expired(loaded.expired);
}
