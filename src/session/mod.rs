//! What the server knows of each client: one `Session` per connection, all of them in `Sessions`.
//!
//! It holds data only. Sockets live in the shell, which is told through `Wake` that a client has output, may go on
//! or must go; what a request does is the engine's.

mod queue;
mod sessions;
mod subscriptions;
mod watch;

use std::sync::Arc;
use std::task::Waker;

use crate::config::ClientClass;
use crate::resp::Protocol;
use crate::time::Millis;

pub use queue::{QueuedRequest, Transaction};
pub use sessions::{Sessions, Token};
pub use subscriptions::{Names, Subscriptions};
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
    Held,
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

/// The data of one client.
pub struct Session {
    /// Grows by one per connection; what CLIENT ID answers.
    pub id: u64,
    pub endpoint: Endpoint,
    pub kind: ClientKind,
    pub db: usize,
    pub protocol: Protocol,
    pub user: Arc<str>,
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
    pub transaction: Option<Transaction>,
    /// A key that WATCH named was touched: EXEC will abort.
    pub watch_broken: bool,
    pub subscriptions: Subscriptions,
    /// Has any of them.
    pub is_subscriber: bool,
    pub blocked: Blocked,
    pub closing: Closing,
    /// Replies and pushes in order, not yet handed to the socket.
    pub outbox: Vec<u8>,
    /// Bytes handed to the socket that it has not taken yet.
    pub unsent_bytes: usize,
    /// Bytes read and not yet executed, and the capacity of their buffer.
    pub query_bytes: usize,
    pub query_capacity_bytes: usize,
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
            user: Arc::from("default"),
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
            transaction: None,
            watch_broken: false,
            subscriptions: Subscriptions::default(),
            is_subscriber: false,
            blocked: Blocked::No,
            closing: Closing::No,
            outbox: Vec::new(),
            unsent_bytes: 0,
            query_bytes: 0,
            query_capacity_bytes: 0,
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

    /// Back to the state of a fresh connection (RESET), but for what was already answered.
    pub fn reset(&mut self, authenticated: bool) {
        self.db = 0;
        self.protocol = Protocol::Resp2;
        self.user = Arc::from("default");
        self.authenticated = authenticated;
        self.name.clear();
        self.reply_mode = ReplyMode::On;
        self.no_evict = false;
        self.no_touch = false;
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
