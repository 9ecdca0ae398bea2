//! Tandem: a Redis-compatible server with built-in replication, in one binary. This page is its map.
//!
//! # Five concepts
//! - **Unit** ([`engine`]): what runs without interruption and ends in at most one append to the log: a request, an
//!   EXEC, an expiry, an eviction, a command of the master's stream. Its end is one function, which propagates, moves
//!   the offset, marks watched keys and publishes key events.
//! - **Position** ([`replication::Position`]): (replid, offset, selected db), of a snapshot, in the RDB, in PSYNC.
//!   PSYNC asks for the next byte; that +1 lives in the offset type and nowhere else.
//! - **Log** ([`log`]): every propagated byte once, in shared blocks with absolute offsets. The backlog is its tail, a
//!   peer a cursor in it. Three watermarks: appended >= written >= durable.
//! - **Snapshot** ([`keyspace::Snapshot`]): the keyspace at a position, immutable, taken in microseconds by its root
//!   and an epoch. RDB files, full resyncs and digests all read one.
//! - **Machine** ([`replication`]): `handle(now, event, &mut actions)`, `next_timeout()`, an enum of states that own
//!   their data. `MasterLink`: I follow. `ReplicaPeer`: I am followed. `Failover`: we change places. Sockets and the
//!   simulator drive the same code; [`replication`] has their diagrams.
//!
//! # Layers
//! Imports run downward only; a test checks it.
//! ```text
//! main       arguments, configuration, log
//! server     the shell: sockets, timers, files, signals. The only place with tokio, clocks and system calls
//! engine     the core behind one lock: gate, units, outcomes, held replies, both roles of replication, time
//! command    one typed row beside each handler; what a handler cannot do it returns as an outcome
//! replication persistence script acl pubsub   bytes and positions; files; code inside; who may do what; who is
//!            subscribed. None knows commands, replication no keys
//! log keyspace session metrics   the stream's bytes; the data; what is known of a client; what is counted
//! resp config                  the wire; the directives
//! alloc time words             the counting allocator; points in time, always arguments; quoted words
//! ```
//!
//! # Invariants
//! - Below `server` nothing asks for the time, a random number or a file. The same seed and the same events give the
//!   same run.
//! - Lock order is write order is stream order. Replies are written after the lock is released.
//! - All bytes for a connection go through its session's outbox, in order; what others send it (messages, MONITOR's
//!   lines) by `Sessions::deliver`, within its output limit.
//! - The clock is read once per request and decides nothing: it is for statistics, the slow log and latency events.
//! - A handler notes every change through [`command::Database`], so nothing changes without being propagated and
//!   without breaking the watches on it.
//! - What is reachable from a snapshot's root is immutable; see [`keyspace`].
//! - The log's bytes on a replica are its master's bytes, raw: chains stay at equal offsets.
//! - Nothing is given up before what replaces it is known good: a payload is loaded beside the old data.
//!
//! # Life of `SET k v EX 10`
//! A connection's task reads into its buffer; [`resp`] cuts requests into slices; [`engine::Input`] finds their rows
//! and hashes their first keys. Then the lock: buckets and blobs are prefetched over the batch; the gate asks its
//! rows; the handler writes through the database and says how it propagates (`SET k v PXAT ms`); the unit's end
//! appends that to the log, with SELECT if the database differs, with MULTI and EXEC around several effects. The
//! connection takes its outbox, releases the lock and writes; peers are woken and read on from their cursors.
//!
//! # Life of `EVAL`
//! The handler finds the script by the SHA-1 of its text, or compiles it, and returns it as an outcome. The engine
//! checks what it may do and lends itself to the interpreter as its [`script::Host`]: each `redis.call` is a request
//! that is gated, executed and accounted, in the unit that stays open, so that all its effects are one append. The
//! interpreter ticks every few thousand steps. Past `busy-reply-threshold` a tick gives up the lock for a moment, and
//! the gate answers the others BUSY; what would change the data waits until the script has ended.
//!
//! # Life of a PSYNC
//! The handler parses it, the engine makes the client a peer and asks [`replication::History::can_continue`], a pure
//! function of the request, the history and the log. *Continue*: the peer's cursor is attached and the stream flows.
//! *Full resync*: admission lets it start, a snapshot is taken at the log's end, the cursor is pinned there, and a
//! thread of low priority walks the snapshot and encodes it, piece by piece, as fast as the peer's socket takes it;
//! then the stream flows from the cursor. On the other side `MasterLink` frames the payload, a loader builds a
//! keyspace beside the present one, and one hold of the lock swaps them and adopts the history.

pub mod acl;
pub mod alloc;
pub mod command;
pub mod config;
pub mod engine;
pub mod keyspace;
pub mod log;
pub mod metrics;
pub mod persistence;
pub mod pubsub;
pub mod replication;
pub mod resp;
pub mod script;
pub mod server;
pub mod session;
pub mod time;
pub mod words;
