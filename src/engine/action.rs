//! What the engine wants of the world: the shell (or the simulator) does it after the lock is released.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;

use crate::command::Migration;
use crate::keyspace::Snapshot;
use crate::replication::{Level, Position};
use crate::session::Token;

/// Names one attempt to follow a master: what an older attempt still says is not listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct LinkId(pub u64);

/// One wish.
pub enum Action {
    /// Connect to the master for this attempt.
    Dial {
        link: LinkId,
        host: String,
        port: u16,
    },
    /// Bytes to the master.
    LinkSend {
        link: LinkId,
        bytes: Bytes,
    },
    LinkClose {
        link: LinkId,
    },
    /// A payload begins: start a loader that builds a keyspace beside the present one.
    LoadBegin {
        link: LinkId,
    },
    LoadChunk {
        link: LinkId,
        bytes: Bytes,
    },
    /// The payload is whole: finish, and say `link_loaded` or `link_load_failed`.
    LoadEnd {
        link: LinkId,
    },
    LoadAbandon {
        link: LinkId,
    },
    /// Write this snapshot as an RDB stream: its pieces are the peer's `PayloadChunk` events.
    FullSync {
        peer: Token,
        payload: Payload,
    },
    /// Send the file of the `SavePurpose::FullSync` that has just ended, its length first: `PayloadSized`, then chunks.
    SendFile {
        peer: Token,
    },
    /// Stop writing it.
    AbandonPayload {
        peer: Token,
    },
    /// Write this snapshot to the RDB file, then say `saved`.
    Save {
        snapshot: Snapshot,
        /// Texts of the function libraries.
        functions: Vec<Arc<[u8]>>,
        position: Option<Position>,
        purpose: SavePurpose,
        /// Counts the keys that are written.
        written: Arc<AtomicU64>,
    },
    /// Cancel a background save.
    CancelSave,
    /// Load the RDB file, then say `reloaded` (DEBUG RELOAD).
    Load {
        client: Token,
    },
    /// Send these keys to another server, then say `migrated`.
    Migrate(Migration),
    /// A directive of the shell was set.
    ConfigChanged,
    /// A master from now on, or a replica.
    RoleChanged {
        is_replica: bool,
    },
    /// A message to the init system that supervises us.
    Tell(&'static str),
    Log(Level, String),
    /// Stop the process.
    Exit {
        code: i32,
    },
}

/// The data of a full resync.
pub struct Payload {
    pub snapshot: Snapshot,
    /// Texts of the function libraries.
    pub functions: Vec<Arc<[u8]>>,
    pub position: Position,
}

/// Who waits for a save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SavePurpose {
    /// SAVE: this client's answer.
    Foreground(Token),
    Background,
    /// The file goes to peers.
    FullSync,
    /// FLUSHALL: this client's answer, whether it could be written or not.
    Flush(Token),
    /// The last save before the end.
    Shutdown,
    /// DEBUG RELOAD: load it again.
    Reload(Token),
}

/// Why there is no new file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SaveError {
    /// `Action::CancelSave`.
    CalledOff,
    Failed(String),
}
