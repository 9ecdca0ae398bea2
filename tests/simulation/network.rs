//! The connections between servers, and what is wrong with them.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt;
use rand::rngs::SmallRng;
use tandem::engine::LinkId;
use tandem::time::Millis;

use crate::pipe::Pipe;

pub type ConnectionId = u64;

/// Where a connection stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The dialler waits for it until then at least.
    Dialling {
        due: Millis,
    },
    Open,
    /// Cut or closed: what still arrives, arrives, then both ends see the end.
    Ending,
}

/// From a replica (the dialler) to the server that it follows.
pub struct Connection {
    pub dialler: usize,
    pub acceptor: usize,
    /// None once the dialler's process has ended.
    pub link: Option<LinkId>,
    pub phase: Phase,
    /// From the dialler to the acceptor, and back.
    pub up: Pipe,
    pub down: Pipe,
    latency_ms: u64,
}

impl Connection {
    pub fn joins(&self, node: usize) -> bool {
        self.dialler == node || self.acceptor == node
    }
}

#[derive(Default)]
pub struct Network {
    pub connections: BTreeMap<ConnectionId, Connection>,
    /// Pairs of servers between which nothing arrives until then.
    stalled: BTreeMap<(usize, usize), Millis>,
    last_id: ConnectionId,
    pub cuts: u64,
}

impl Network {
    pub fn dial(&mut self, now: Millis, rng: &mut SmallRng, dialler: usize, acceptor: usize, link: LinkId) {
        self.last_id += 1;
        let latency_ms = rng.random_range(1..30);
        let phase = Phase::Dialling { due: now.plus(2 * latency_ms) };
        let (up, down) = (Pipe::default(), Pipe::default());
        self.connections
            .insert(self.last_id, Connection { dialler, acceptor, link: Some(link), phase, up, down, latency_ms });
    }

    /// When bytes sent now arrive.
    pub fn due(&self, now: Millis, rng: &mut SmallRng, id: ConnectionId) -> Millis {
        now.plus(self.connections[&id].latency_ms + rng.random_range(0..10))
    }

    pub fn is_stalled(&self, now: Millis, id: ConnectionId) -> bool {
        let connection = &self.connections[&id];
        self.stalled.get(&pair(connection.dialler, connection.acceptor)).is_some_and(|until| *until > now)
    }

    /// Nothing arrives between two servers until `until`.
    pub fn stall(&mut self, a: usize, b: usize, until: Millis) {
        self.stalled.insert(pair(a, b), until);
    }

    pub fn heal(&mut self) {
        self.stalled.clear();
    }

    /// Ends a connection; each direction still delivers a random part of what is on its way.
    pub fn cut(&mut self, rng: &mut SmallRng, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        for pipe in [&mut connection.up, &mut connection.down] {
            let kept = rng.random_range(0..=pipe.in_flight_bytes());
            pipe.cut(kept);
        }
        connection.phase = Phase::Ending;
        self.cuts += 1;
    }

    /// Ends a connection in good order: what is on its way arrives.
    pub fn close(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.phase = Phase::Ending;
        }
    }

    /// Cuts all connections of a server whose process ends.
    pub fn isolate(&mut self, rng: &mut SmallRng, node: usize) {
        let ids: BTreeSet<ConnectionId> =
            self.connections.iter().filter(|(_, connection)| connection.joins(node)).map(|(id, _)| *id).collect();
        for id in ids {
            self.cut(rng, id);
        }
        for connection in self.connections.values_mut().filter(|connection| connection.dialler == node) {
            connection.link = None;
        }
    }

    pub fn by_link(&self, dialler: usize, link: LinkId) -> Option<ConnectionId> {
        let is_it = |connection: &Connection| connection.dialler == dialler && connection.link == Some(link);
        self.connections.iter().find(|(_, connection)| is_it(connection)).map(|(id, _)| *id)
    }

    pub fn ids(&self) -> Vec<ConnectionId> {
        self.connections.keys().copied().collect()
    }
}

fn pair(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}
