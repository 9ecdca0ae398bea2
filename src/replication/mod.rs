//! Replication without IO: histories and positions, the link to a master, the peers that follow us.
//!
//! Two machines carry the protocol: `MasterLink` (I follow) and `ReplicaPeer` (I am followed); a third, `Failover`, makes
//! the first of the second. Each takes an event and the time, and puts out actions; sockets, files, keys and commands are
//! somebody else's. A payload is bytes between a begin and an end, a stream is bytes at offsets: what they mean, the
//! engine knows.
//! Around them stand pure decisions: may this request continue (`History`), when does which full resync start
//! (`Admission`), who has acknowledged what (`quorum`), who is too far behind (`OutputLimit`).
//!
//! # The machines
#![doc = include_str!("diagrams.md")]

mod admission;
mod announced;
mod backoff;
#[cfg(test)]
mod diagrams;
mod failover;
mod handshake;
mod heartbeat;
mod history;
mod line;
mod link;
mod node;
mod output_limit;
mod payload;
mod peer;
mod position;
pub mod quorum;

pub use self::admission::{Admission, Waiting};
pub use self::announced::{Announced, ReplconfError, ReplconfOption};
pub use self::failover::{Address, Failover, FailoverAction, FailoverEvent, FailoverRequest};
pub use self::heartbeat::Heartbeat;
pub use self::history::{FullResyncReason, History, Verdict};
pub use self::link::{LinkAction, LinkConfig, LinkEvent, LinkStatus, MasterLink, SyncProgress};
pub use self::node::Node;
pub use self::output_limit::{OutputLimit, OverLimit};
pub use self::payload::EndMark;
pub use self::peer::{Introduction, PeerAction, PeerConfig, PeerEvent, PeerState, PeerStatus, ReplicaPeer};
pub use self::position::{Position, PsyncRequest, ReplId};

pub use crate::log::Offset;

/// How much a log line matters, in Redis's four levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Debug,
    Verbose,
    Notice,
    Warning,
}
