//! WAIT: who is told that so many replicas have a write can rely on it.

use rand::RngExt;
use tandem::replication::{Offset, ReplId};

use crate::node::Node;
use crate::world::World;

/// A WAIT under way.
#[derive(Clone, Copy)]
pub struct Waited {
    replicas: usize,
    /// The history of the write, and its name before if the write is of both.
    names: [ReplId; 2],
    offset: Offset,
    /// Starts of processes until then: what a process has acknowledged goes with it.
    restarts: u64,
}

impl World {
    /// A client waits until some replicas have all that is written so far.
    pub fn begin_wait(&mut self, node: usize) {
        let place = &self.nodes[node].engine.node;
        if self.nodes[node].waited.is_some() || !place.log.is_active() {
            return;
        }
        let replicas = self.rng.random_range(1..3);
        let (replid, offset) = (*place.history.replid(), place.offset());
        let previous = place.history.previous().filter(|(_, agreed)| offset <= *agreed).map(|(replid, _)| *replid);
        let names = [replid, previous.unwrap_or(replid)];
        self.nodes[node].waited = Some(Waited { replicas, names, offset, restarts: self.restarts });
        let waiter = self.nodes[node].waiter;
        let reply = self.request_by(node, waiter, &["WAIT", &replicas.to_string(), "5000"]);
        self.judge_wait(node, &reply);
    }

    /// Looks whether it was answered by now.
    pub fn check_wait(&mut self, node: usize) {
        if self.nodes[node].waited.is_some() {
            let reply = self.nodes[node].take_wait_reply();
            self.judge_wait(node, &reply);
        }
    }

    /// Whether the answer, if there is one, is true.
    fn judge_wait(&mut self, node: usize, reply: &[u8]) {
        if reply.is_empty() {
            return;
        }
        let Some(waited) = self.nodes[node].waited.take() else { return };
        let number = std::str::from_utf8(reply).ok().and_then(|reply| reply.strip_prefix(':')?.trim_end().parse().ok());
        // An error: the server has another role now.
        let Some(told) = number.filter(|told: &usize| *told >= waited.replicas) else { return };
        let others = || (0..self.nodes.len()).filter(|other| *other != node).map(|other| &self.nodes[other]);
        // Who has lost its data since, by a restart or for those of another full resync, may have been among them.
        let lost = (self.restarts - waited.restarts) as usize + others().filter(|other| !is_whole(other)).count();
        let have = others().filter(|other| waited.names.iter().any(|name| has(other, *name, waited.offset))).count();
        if have + lost < told {
            self.fail(&format!("WAIT of node{node} was answered {told}, but {have} replicas have the write"));
        }
        self.waits += 1;
    }
}

fn is_whole(node: &Node) -> bool {
    node.is_alive && node.engine.node.has_history
}

fn has(node: &Node, replid: ReplId, offset: Offset) -> bool {
    let history = &node.engine.node.history;
    let is_ours = *history.replid() == replid && node.engine.node.offset() >= offset;
    let was_ours = history.previous().is_some_and(|(previous, agreed)| *previous == replid && *agreed >= offset);
    is_whole(node) && (is_ours || was_ours)
}
