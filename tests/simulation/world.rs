//! A handful of servers, their network, and the one clock that all of them see.

use rand::rngs::SmallRng;
use rand::{Rng, RngExt, SeedableRng};
use tandem::command::ShutdownOptions;
use tandem::resp::Reply;
use tandem::session::Token;
use tandem::time::Millis;

use crate::checks::{Histories, digest};
use crate::load;
use crate::network::Network;
use crate::node::{Node, moment};

const STEP_MS: u64 = 10;
/// How long things go wrong, and how long all may take to be well again.
const RUN_MS: u64 = 12_000;
const HEAL_MS: u64 = 30_000;

#[derive(Clone, Copy)]
pub struct Plan {
    pub changes_roles: bool,
}

/// What a run has seen, so that runs that see nothing do not pass for good ones.
#[derive(Debug, Default)]
pub struct Tally {
    pub full: u64,
    pub partial: u64,
    pub cuts: u64,
    pub failed_loads: u64,
    pub restarts: u64,
    pub renamed: u64,
    /// Full resyncs from a file, and roles that were handed over.
    pub from_file: u64,
    pub handed_over: u64,
    pub waits: u64,
}

impl Tally {
    pub fn add(&mut self, other: &Tally) {
        self.full += other.full;
        self.partial += other.partial;
        self.cuts += other.cuts;
        self.failed_loads += other.failed_loads;
        self.restarts += other.restarts;
        self.renamed += other.renamed;
        self.from_file += other.from_file;
        self.handed_over += other.handed_over;
        self.waits += other.waits;
    }

    /// Everything that the simulation is for has happened.
    pub fn check(&self, changes_roles: bool) {
        let seen = [self.full, self.partial, self.cuts, self.failed_loads, self.restarts, self.from_file, self.waits];
        assert!(seen.iter().all(|count| *count > 10), "too little happened: {seen:?}");
        assert!(!changes_roles || self.renamed > 10, "too few histories went on under a new name: {}", self.renamed);
        assert!(!changes_roles || self.handed_over > 10, "too few roles were handed over: {}", self.handed_over);
    }
}

pub struct World {
    pub seed: u64,
    pub plan: Plan,
    pub now: Millis,
    pub rng: SmallRng,
    pub nodes: Vec<Node>,
    pub network: Network,
    pub histories: Histories,
    pub failed_loads: u64,
    pub from_file: u64,
    pub handed_over: u64,
    /// Answers of WAIT that were looked at.
    pub waits: u64,
    pub restarts: u64,
    gone: Tally,
    is_healing: bool,
    traces: bool,
}

impl World {
    /// Two to seven servers: a master, and replicas that follow it or one another.
    pub fn new(seed: u64, plan: Plan) -> World {
        let mut rng = SmallRng::seed_from_u64(seed);
        let count = [2, 3, 3, 4, 4, 5, 7][rng.random_range(0..7)];
        let nodes = (0..count)
            .map(|index| {
                let master = (index > 0).then(|| rng.random_range(0..index));
                Node::start(index, rng.next_u64(), Millis(0), None, master)
            })
            .collect();
        let traces = std::env::var_os("TANDEM_TRACE").is_some();
        World {
            seed,
            plan,
            now: Millis(0),
            rng,
            nodes,
            network: Network::default(),
            histories: Histories::default(),
            failed_loads: 0,
            from_file: 0,
            handed_over: 0,
            waits: 0,
            restarts: 0,
            gone: Tally::default(),
            is_healing: false,
            traces,
        }
    }

    /// Commands and misfortunes.
    pub fn run(&mut self) {
        while self.now < Millis(RUN_MS) {
            self.visit();
            self.misfortune();
            self.step();
        }
    }

    /// Nothing goes wrong any more: all must come to agree with one master.
    pub fn heal(&mut self) {
        self.is_healing = true;
        self.network.heal();
        for node in 0..self.nodes.len() {
            self.revive(node);
        }
        self.await_shutdowns();
        self.gather();
        let deadline = self.now.plus(HEAL_MS);
        while let Err(reason) = self.agreement() {
            if self.now > deadline {
                self.fail(&format!("not healed: {reason}"));
            }
            self.step();
        }
    }

    /// Whoever is about to end does so, and comes again: only then can it be told whom to follow.
    fn await_shutdowns(&mut self) {
        let deadline = self.now.plus(HEAL_MS);
        while self.nodes.iter().any(|node| node.is_ending || !node.is_alive) {
            if self.now > deadline {
                self.fail("a shutdown does not end");
            }
            self.step();
        }
    }

    pub fn tally(&self) -> Tally {
        let mut tally = Tally { cuts: self.network.cuts, failed_loads: self.failed_loads, ..Tally::default() };
        tally.restarts = self.restarts;
        tally.from_file = self.from_file;
        tally.handed_over = self.handed_over;
        tally.waits = self.waits;
        tally.add(&self.gone);
        for node in &self.nodes {
            tally.add(&tally_of(node));
        }
        tally
    }

    fn step(&mut self) {
        self.now = self.now.plus(STEP_MS);
        for id in self.network.ids() {
            self.advance_connection(id);
        }
        for node in 0..self.nodes.len() {
            if self.nodes[node].is_alive {
                self.advance_node(node);
                self.check_wait(node);
            } else if self.nodes[node].revives_at.is_some_and(|at| at <= self.now) {
                self.revive(node);
            }
        }
    }

    /// A client comes to a master.
    fn visit(&mut self) {
        if self.rng.random_range(0..3) != 0 {
            return;
        }
        let masters = self.masters();
        if masters.is_empty() {
            return;
        }
        let node = masters[self.rng.random_range(0..masters.len())];
        for request in load::requests(&mut self.rng) {
            let words: Vec<&str> = request.iter().map(String::as_str).collect();
            self.request_by(node, self.nodes[node].client, &words);
        }
        if self.rng.random_range(0..10) == 0 {
            self.begin_wait(node);
        }
    }

    /// Those who live and follow nobody.
    pub fn masters(&self) -> Vec<usize> {
        (0..self.nodes.len()).filter(|node| self.nodes[*node].is_alive && self.nodes[*node].is_master()).collect()
    }

    /// An operator's request to a server.
    pub fn request(&mut self, node: usize, words: &[&str]) -> Vec<u8> {
        self.request_by(node, self.nodes[node].operator, words)
    }

    /// No reply if the server is dead.
    pub fn request_by(&mut self, node: usize, by: Token, words: &[&str]) -> Vec<u8> {
        if !self.nodes[node].is_alive {
            return Vec::new();
        }
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let reply = self.nodes[node].request(self.now, by, &words);
        self.settle(node);
        reply
    }

    /// A request that the server grants, now or when it is done with what keeps it from that.
    fn insist(&mut self, node: usize, words: &[&str]) {
        let deadline = self.now.plus(HEAL_MS);
        while !self.request(node, words).starts_with(b"+") {
            if self.now > deadline {
                self.fail(&format!("node{node} will not {words:?}"));
            }
            self.step();
        }
    }

    pub fn follow(&mut self, node: usize, master: usize) {
        self.trace(node, &format!("is told to follow node{master}"));
        self.request(node, &["REPLICAOF", &Node::host(master), &(7_000 + master).to_string()]);
    }

    /// Whether `node` follows `other`, directly or not.
    pub fn follows(&self, node: usize, other: usize) -> bool {
        let mut at = node;
        for _ in 0..self.nodes.len() {
            match self.nodes[at].master() {
                Some(master) if master == other => return true,
                Some(master) => at = master,
                None => return false,
            }
        }
        true
    }

    pub fn crash(&mut self, node: usize, keeps_file: bool) {
        if !self.nodes[node].is_alive {
            return;
        }
        self.trace(node, "crashes");
        if !keeps_file {
            self.nodes[node].file = None;
        }
        self.stop(node);
    }

    /// SHUTDOWN SAVE, without waiting for replicas.
    pub fn shut_down(&mut self, node: usize) {
        if !self.nodes[node].is_alive {
            return;
        }
        let options = ShutdownOptions { save: Some(true), now: true, ..ShutdownOptions::default() };
        let now = moment(self.now);
        self.nodes[node].engine.shutdown(now, options, None, &mut Reply::default());
        self.nodes[node].is_ending = true;
        self.settle(node);
    }

    /// The process ends; it comes again after a while.
    pub fn stop(&mut self, node: usize) {
        self.network.isolate(&mut self.rng, node);
        self.gone.add(&tally_of(&self.nodes[node]));
        let revives_at = self.now.plus(self.rng.random_range(50..4_000));
        let target = &mut self.nodes[node];
        target.is_alive = false;
        target.revives_at = Some(revives_at);
        target.served.clear();
        target.load = None;
        target.save = None;
        self.histories.forget(node);
    }

    fn revive(&mut self, node: usize) {
        if self.nodes[node].is_alive {
            return;
        }
        self.trace(node, "starts again");
        self.restarts += 1;
        let (file, master) = (self.nodes[node].file.take(), self.nodes[node].master());
        self.nodes[node] = Node::start(node, self.rng.next_u64(), self.now, file, master);
        self.settle(node);
    }

    /// All follow one master, in a star or in a chain.
    fn gather(&mut self) {
        for node in 0..self.nodes.len() {
            self.request(node, &["FAILOVER", "ABORT"]);
        }
        let master = (0..self.nodes.len()).find(|node| self.nodes[*node].is_master()).unwrap_or(0);
        self.insist(master, &["REPLICAOF", "NO", "ONE"]);
        let in_chain = self.rng.random_range(0..2) == 0;
        let mut followed = master;
        for node in (0..self.nodes.len()).filter(|node| *node != master).collect::<Vec<_>>() {
            if self.nodes[node].master() != Some(followed) {
                self.insist(node, &["REPLICAOF", &Node::host(followed), &(7_000 + followed).to_string()]);
            }
            if in_chain {
                followed = node;
            }
        }
    }

    /// Whether all servers have one history, one offset, one state of the data; else what is not so.
    fn agreement(&mut self) -> Result<(), String> {
        let positions: Vec<_> = self.nodes.iter().map(|node| node.engine.node.position()).collect();
        for (index, node) in self.nodes.iter().enumerate() {
            if !node.is_master() && !node.engine.node.is_link_up() {
                let state = node.engine.node.link.as_ref().map(|link| link.status().state);
                return Err(format!("node{index} has no link to its master ({state:?})"));
            }
            if (positions[index].replid, positions[index].offset) != (positions[0].replid, positions[0].offset) {
                return Err(format!("node{index} is at {:?}, node0 at {:?}", positions[index], positions[0]));
            }
        }
        let digests: Vec<u64> = self.nodes.iter_mut().map(|node| digest(&mut node.engine.keyspace)).collect();
        if digests.iter().any(|digest| *digest != digests[0]) {
            return Err(format!("digests differ: {digests:x?}"));
        }
        Ok(())
    }

    pub fn is_unlucky(&self) -> bool {
        !self.is_healing
    }

    pub fn observe(&mut self, node: usize) {
        if !self.nodes[node].is_alive {
            return;
        }
        if let Err(reason) = self.histories.observe(&mut self.nodes[node]) {
            self.fail(&reason);
        }
    }

    pub fn fail(&self, reason: &str) -> ! {
        panic!("seed {} at {} ms: {reason}", self.seed, self.now.0)
    }

    pub fn trace(&self, node: usize, line: &str) {
        if self.traces {
            println!("{:>6} node{node} {line}", self.now.0);
        }
    }
}

fn tally_of(node: &Node) -> Tally {
    let (stats, history) = (&node.engine.stats, &node.engine.node.history);
    Tally {
        full: stats.sync_full,
        partial: stats.sync_partial_ok,
        renamed: u64::from(history.previous().is_some()),
        ..Tally::default()
    }
}
