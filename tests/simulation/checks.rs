//! What must hold after every call into an engine.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use tandem::keyspace::Keyspace;
use tandem::persistence::rdb::dump_payload;
use tandem::replication::{Offset, ReplId};

use crate::node::Node;

/// What is known of all histories so far: the data at each place that any server has been at.
#[derive(Default)]
pub struct Histories {
    digests: BTreeMap<(String, Offset), u64>,
    /// Where each server stood when it was looked at last.
    last_seen: BTreeMap<usize, (ReplId, Offset)>,
}

impl Histories {
    /// Looks at a server after a call into it.
    pub fn observe(&mut self, node: &mut Node) -> Result<(), String> {
        has_timeouts(node)?;
        applies_all(node)?;
        let place = &node.engine.node;
        if !place.has_history || !place.log.is_active() {
            self.forget(node.index);
            return Ok(());
        }
        let (replid, offset) = (*place.history.replid(), place.offset());
        let last = self.last_seen.insert(node.index, (replid, offset));
        if last == Some((replid, offset)) {
            return Ok(());
        }
        if let Some((last_replid, last_offset)) = last
            && last_replid == replid
            && last_offset > offset
        {
            return Err(format!("node{} fell from offset {last_offset} to {offset} of {replid}", node.index));
        }
        self.compare(node, replid, offset)
    }

    /// The server's data was replaced as a whole, or it was restarted: it may stand further back than before.
    pub fn forget(&mut self, node: usize) {
        self.last_seen.remove(&node);
    }

    fn compare(&mut self, node: &mut Node, replid: ReplId, offset: Offset) -> Result<(), String> {
        let previous = node.engine.node.history.previous().copied();
        let digest = digest(&mut node.engine.keyspace);
        let mut names = vec![replid];
        names.extend(previous.filter(|(_, agreed)| offset <= *agreed).map(|(previous, _)| previous));
        for name in names {
            let known = *self.digests.entry((name.to_string(), offset)).or_insert(digest);
            if known != digest {
                return Err(format!("node{} has other data than was seen at ({name}, {offset})", node.index));
            }
        }
        Ok(())
    }
}

/// No machine may wait for ever.
fn has_timeouts(node: &Node) -> Result<(), String> {
    let silent = node.engine.node.peers.values().any(|peer| !peer.is_closed() && peer.next_timeout().is_none());
    if silent { Err(format!("node{} has a peer without a timeout", node.index)) } else { Ok(()) }
}

/// What a master could do its replicas can.
fn applies_all(node: &Node) -> Result<(), String> {
    let errors = node.engine.stats.unexpected_error_replies;
    if errors > 0 {
        Err(format!("node{} could not apply a command of its master's stream", node.index))
    } else {
        Ok(())
    }
}

/// All data, whatever its order and encoding.
pub fn digest(keyspace: &mut Keyspace) -> u64 {
    let mut sum = 0u64;
    let mut walker = keyspace.snapshot().walk();
    while let Some(entry) = walker.next() {
        let mut hasher = DefaultHasher::new();
        (entry.db, entry.key, entry.expire_at, dump_payload(&entry.value, false)).hash(&mut hasher);
        sum = sum.wrapping_add(hasher.finish());
    }
    sum
}
