//! What the server knows of each client: one `Session` per connection, all of them in `Sessions`.
//!
//! It holds data only. Sockets live in the shell, which is told through `Wake` that a client has output, may go on
//! or must go; what a request does is the engine's.

mod identity;
mod queue;
mod sessions;
mod subscriptions;
mod tracking;
mod watch;

use std::task::Waker;

use crate::config::ClientClass;
use crate::resp::Protocol;
use crate::time::Millis;

pub use identity::{Identity, UserId};
pub use queue::{QueuedRequest, Transaction};
pub use sessions::{Sessions, Token};
pub use subscriptions::{Names, Subscriptions};
pub use tracking::{Tracking, TrackingMode};
pub use watch::{KeyState, Watches};

/// Where a connection comes from, as CLIENT LIST shows it.
#[derive(Clone, Debug, Default)]
pub struct Endpoint {
    pub peer_addr: String,
    pub local_addr: String,
    pub fd: i32,
    pub is_unix_socket: bool,
    /// The peer is on this machine (loopback or unix socket): protected mode lets it in.
    pub is_local: bool,
}

/// What kind of client this is: it decides output limits, CLIENT LIST's flags and CLIENT KILL's TYPE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ClientKind {
    #[default]
    Normal,
    /// Follows us.
    Replica,
    /// The link to the server that we follow.
    Master,
}

/// CLIENT REPLY.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyMode {
    #[default]
    On,
    Off,
    /// The next reply is left out; `SKIP` itself answers nothing.
    SkipNext,
    /// The request now executed was asked to be silent.
    Skipping,
}

/// Why a client's requests wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Blocked {
    #[default]
    No,
    /// A reply is held: WAIT until peers have acknowledged, SAVE until the file is there.
    Held { has_timeout: bool },
    /// BLPOP and its like: until something comes on a key.
    OnKeys,
    /// SHUTDOWN: until the end, or until it is called off.
    Shutdown,
    /// CLIENT PAUSE: the request is executed once the pause ends.
    Paused,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Closing {
    #[default]
    No,
    /// What is in the outbox is sent first.
    AfterOutput,
    /// At once.
    Now,
}

/// What is known of the buffer that a client's requests are read into. It lies with the connection, outside the lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueryBuffer {
    /// Bytes read that are not done with: the request under execution is among them.
    pub bytes: usize,
    pub capacity_bytes: usize,
    /// The most bytes at once since the peak was last looked at.
    pub peak_bytes: usize,
    /// The connection is asked to give back what it has beyond this.
    pub keep_bytes: Option<usize>,
}

impl QueryBuffer {
    /// Unused room below this is not worth giving back.
    const SPARE_BYTES: usize = 4 * 1024;
    /// A buffer of a client that is not idle is left alone up to this size.
    const COMMON_BYTES: usize = 32 * 1024;
    const IDLE_S: u64 = 2;

    pub fn note(&mut self, bytes: usize, capacity_bytes: usize) {
        self.bytes = bytes;
        self.capacity_bytes = capacity_bytes;
        self.peak_bytes = self.peak_bytes.max(bytes);
    }

    pub fn free_bytes(&self) -> usize {
        self.capacity_bytes.saturating_sub(self.bytes)
    }

    /// Looks at the peak, once in a while: whether the connection is asked to give back room now.
    pub fn trim(&mut self, idle_s: u64) -> bool {
        let peak_bytes = std::mem::replace(&mut self.peak_bytes, self.bytes);
        self.keep_bytes = if self.free_bytes() <= QueryBuffer::SPARE_BYTES {
            None
        } else if idle_s > QueryBuffer::IDLE_S {
            Some(self.bytes)
        } else {
            let is_large = self.capacity_bytes > QueryBuffer::COMMON_BYTES && self.capacity_bytes / 2 > peak_bytes;
            is_large.then_some(peak_bytes.max(self.bytes))
        };
        self.keep_bytes.is_some()
    }
}

/// The data of one client.
pub struct Session {
    /// Grows by one per connection; what CLIENT ID answers.
    pub id: u64,
    pub endpoint: Endpoint,
    pub kind: ClientKind,
    pub db: usize,
    pub protocol: Protocol,
    pub user: Identity,
    pub authenticated: bool,
    pub name: Vec<u8>,
    pub lib_name: Vec<u8>,
    pub lib_version: Vec<u8>,
    pub created_at: Millis,
    pub last_interaction: Millis,
    /// Full name of the last command, lower case.
    pub last_command: &'static str,
    pub reply_mode: ReplyMode,
    pub no_evict: bool,
    pub no_touch: bool,
    /// CLIENT TRACKING.
    pub tracking: Option<Box<Tracking>>,
    pub transaction: Option<Transaction>,
    /// A key that WATCH named was touched: EXEC will abort.
    pub watch_broken: bool,
    pub subscriptions: Subscriptions,
    /// Memory of the keys that it watches.
    pub watched_bytes: usize,
    /// Has any of them.
    pub is_subscriber: bool,
    pub blocked: Blocked,
    pub closing: Closing,
    /// Replies and pushes in order, not yet handed to the socket.
    pub outbox: Vec<u8>,
    /// Bytes handed to the socket that it has not taken yet.
    pub unsent_bytes: usize,
    /// Memory that holds them.
    pub unsent_capacity_bytes: usize,
    /// Memory that the outbox has grown by for what others wrote, since the client's task last had its turn.
    pub delivered_bytes: usize,
    pub query: QueryBuffer,
    /// What this client counts for among all clients' memory, by the last look.
    pub counted_bytes: usize,
    /// What it took when it was closed for that.
    pub doomed_bytes: usize,
    /// When the soft output limit was first exceeded without a break.
    pub soft_limit_since: Option<Millis>,
    pub commands: u64,
    pub net_input_bytes: u64,
    pub net_output_bytes: u64,
    /// Calls the connection's task.
    pub waker: Option<Waker>,
}

impl Session {
    pub fn new(id: u64, endpoint: Endpoint, now: Millis) -> Session {
        Session {
            id,
            endpoint,
            kind: ClientKind::Normal,
            db: 0,
            protocol: Protocol::Resp2,
            user: Identity::default(),
            authenticated: false,
            name: Vec::new(),
            lib_name: Vec::new(),
            lib_version: Vec::new(),
            created_at: now,
            last_interaction: now,
            last_command: "NULL",
            reply_mode: ReplyMode::On,
            no_evict: false,
            no_touch: false,
            tracking: None,
            transaction: None,
            watch_broken: false,
            subscriptions: Subscriptions::default(),
            watched_bytes: 0,
            is_subscriber: false,
            blocked: Blocked::No,
            closing: Closing::No,
            outbox: Vec::new(),
            unsent_bytes: 0,
            unsent_capacity_bytes: 0,
            delivered_bytes: 0,
            query: QueryBuffer::default(),
            counted_bytes: 0,
            doomed_bytes: 0,
            soft_limit_since: None,
            commands: 0,
            net_input_bytes: 0,
            net_output_bytes: 0,
            waker: None,
        }
    }

    pub fn is_blocked(&self) -> bool {
        self.blocked != Blocked::No
    }

    /// Which output limit holds for this client.
    pub fn class(&self) -> ClientClass {
        match self.kind {
            ClientKind::Replica => ClientClass::Replica,
            _ if self.is_subscriber => ClientClass::Pubsub,
            _ => ClientClass::Normal,
        }
    }

    pub fn is_closing(&self) -> bool {
        self.closing != Closing::No
    }

    /// Memory that this client takes, all together.
    pub fn memory_bytes(&self) -> usize {
        let queue_bytes = self.transaction.as_ref().map_or(0, |transaction| transaction.size_bytes);
        let names_bytes = self.name.capacity() + self.lib_name.capacity() + self.lib_version.capacity();
        let interests_bytes = self.watched_bytes
            + self.subscriptions.names_bytes
            + self.tracking.as_ref().map_or(0, |tracking| tracking.prefixes_bytes());
        size_of::<Session>()
            + names_bytes
            + interests_bytes
            + self.query.capacity_bytes
            + self.output_capacity_bytes()
            + queue_bytes
    }

    /// Memory of what is to be sent.
    pub fn output_capacity_bytes(&self) -> usize {
        self.outbox.capacity() + self.unsent_capacity_bytes
    }

    /// Back to the state of a fresh connection (RESET), but for what was already answered, and for its user.
    pub fn reset(&mut self) {
        self.db = 0;
        self.protocol = Protocol::Resp2;
        self.name.clear();
        self.reply_mode = ReplyMode::On;
        self.no_evict = false;
        self.no_touch = false;
        self.tracking = None;
        self.transaction = None;
        self.watch_broken = false;
    }

    /// Makes the connection's task look at its session again.
    pub fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}
