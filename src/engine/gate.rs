//! The gate: whether a request may run, one visible list, each row a pure question.
//!
//! A row is asked only while its condition is among the present `Conditions`, so an ordinary request on an
//! ordinary server passes them all with one look. The slot row joins here with its feature.

use crate::acl::Denied;
use crate::command::{Args, CommandError, CommandId, Entry, Flags};
use crate::session::{ClientKind, Session};

use super::Engine;

/// What may be the matter with the server, the client or the command. A set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions(u32);

impl Conditions {
    pub const NONE: Conditions = Conditions(0);
    pub const UNAUTHENTICATED: Conditions = Conditions(1 << 0);
    pub const IN_MULTI: Conditions = Conditions(1 << 1);
    pub const MAXMEMORY: Conditions = Conditions(1 << 2);
    pub const DISK_ERROR: Conditions = Conditions(1 << 3);
    pub const FEW_REPLICAS: Conditions = Conditions(1 << 4);
    pub const READ_ONLY: Conditions = Conditions(1 << 5);
    pub const STALE: Conditions = Conditions(1 << 6);
    pub const LOADING: Conditions = Conditions(1 << 7);
    pub const BUSY: Conditions = Conditions(1 << 8);
    pub const REPLICA_CLIENT: Conditions = Conditions(1 << 9);
    pub const PAUSED: Conditions = Conditions(1 << 10);
    pub const PROTECTED: Conditions = Conditions(1 << 11);
    pub const SUBSCRIBER: Conditions = Conditions(1 << 12);
    pub const RESTRICTED: Conditions = Conditions(1 << 13);
    pub const ASYNC_LOADING: Conditions = Conditions(1 << 14);

    pub fn with(self, more: Conditions) -> Conditions {
        Conditions(self.0 | more.0)
    }

    pub fn when(self, is_so: bool, more: Conditions) -> Conditions {
        if is_so { self.with(more) } else { self }
    }

    pub fn maxmemory_set(self) -> bool {
        self.has(Conditions::MAXMEMORY)
    }

    pub(super) fn has(self, any: Conditions) -> bool {
        self.0 & any.0 != 0
    }
}

/// What is to become of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Run,
    /// Answer this; a transaction under way is spoiled.
    Refuse(CommandError),
    /// The client's user may not; it is refused, and that is remembered.
    Deny(Denied),
    /// Keep it for EXEC.
    Queue,
    /// Not now: the client waits until the pause ends.
    Hold,
}

/// A request before the gate.
pub struct Call<'a> {
    pub engine: &'a Engine,
    pub session: &'a Session,
    pub id: CommandId,
    pub entry: &'a Entry,
    /// Those of the row, or what the code says of itself that it runs.
    pub flags: Flags,
    /// The words, for the few rows that look at them.
    pub args: &'a Args<'a>,
}

pub const MASTER_DOWN: CommandError =
    CommandError::fixed("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.");
pub const FEW_REPLICAS: CommandError = CommandError::fixed("NOREPLICAS Not enough good replicas to write.");
pub const OUT_OF_MEMORY: CommandError = CommandError::fixed("OOM command not allowed when used memory > 'maxmemory'.");
const READ_ONLY: CommandError = CommandError::fixed("READONLY You can't write against a read only replica.");
const DISK_ERROR: CommandError = CommandError::fixed(
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that \
     may modify the data set are disabled, because this instance is configured to report errors during writes if RDB \
     snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB \
     error.",
);

/// Whether the server takes writes: what code inside is asked before its first one.
pub fn check_writer(conditions: Conditions) -> Result<(), CommandError> {
    let refusals = [
        (Conditions::READ_ONLY, READ_ONLY),
        (Conditions::DISK_ERROR, DISK_ERROR),
        (Conditions::FEW_REPLICAS, FEW_REPLICAS),
    ];
    match refusals.into_iter().find(|(condition, _)| conditions.has(*condition)) {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}

const LOADING: &str = "LOADING Redis is loading the dataset in memory";

type Check = fn(&Call<'_>) -> Option<Verdict>;

/// The order is Redis's: the first row with an answer decides.
const ROWS: &[(Conditions, Check)] = &[
    (Conditions::PROTECTED, protected),
    (Conditions::UNAUTHENTICATED, unauthenticated),
    (Conditions::IN_MULTI, not_in_multi),
    (Conditions::RESTRICTED, not_permitted),
    (Conditions::MAXMEMORY, out_of_memory),
    (Conditions::DISK_ERROR, disk_error),
    (Conditions::FEW_REPLICAS, few_replicas),
    (Conditions::READ_ONLY, read_only),
    (Conditions::SUBSCRIBER, subscriber),
    (Conditions::STALE, stale),
    (Conditions::LOADING, loading),
    (Conditions::ASYNC_LOADING, async_loading),
    (Conditions::BUSY, busy),
    (Conditions::REPLICA_CLIENT, replica_client),
    (Conditions::PAUSED, paused),
    (Conditions::IN_MULTI, queue),
];

/// Decides over a known command of acceptable length.
#[inline]
pub fn decide(conditions: Conditions, call: &Call<'_>) -> Verdict {
    let conditions = conditions.when(call.entry.has(Flags::PROTECTED), Conditions::PROTECTED);
    if conditions == Conditions::NONE {
        return Verdict::Run;
    }
    let asked = ROWS.iter().filter(|(on, _)| conditions.has(*on));
    asked.into_iter().find_map(|(_, check)| check(call)).unwrap_or(Verdict::Run)
}

fn refuse(text: &'static str) -> Option<Verdict> {
    Some(Verdict::Refuse(CommandError::fixed(text)))
}

fn protected(call: &Call<'_>) -> Option<Verdict> {
    if !call.entry.has(Flags::PROTECTED) {
        return None;
    }
    let (config, family) = (&call.engine.config, call.entry.family());
    let allowed = if family == "module" { config.enable_module_command } else { config.enable_debug_command };
    if allowed.allows(call.session.endpoint.is_local) {
        return None;
    }
    let name = family.to_uppercase();
    Some(Verdict::Refuse(CommandError::new(format!(
        "ERR {name} command not allowed. If the enable-{family}-command option is set to \"local\", you can run it from \
         a local connection, otherwise you need to set this option in the configuration file, and then restart the \
         server."
    ))))
}

fn unauthenticated(call: &Call<'_>) -> Option<Verdict> {
    if call.entry.has(Flags::NO_AUTH) { None } else { refuse("NOAUTH Authentication required.") }
}

fn not_in_multi(call: &Call<'_>) -> Option<Verdict> {
    if call.entry.has(Flags::NO_MULTI) { refuse("ERR Command not allowed inside a transaction") } else { None }
}

fn not_permitted(call: &Call<'_>) -> Option<Verdict> {
    call.engine.permits(call.session.user.id, call.id, call.args).err().map(Verdict::Deny)
}

/// Asked after the engine has evicted what it could.
fn out_of_memory(call: &Call<'_>) -> Option<Verdict> {
    // A queue, too, takes memory.
    let denied = call.flags.has(Flags::DENYOOM) || is_exec_with(call, Flags::DENYOOM) || is_queued(call);
    if denied && call.engine.is_over_maxmemory() {
        return Some(Verdict::Refuse(OUT_OF_MEMORY));
    }
    None
}

fn disk_error(call: &Call<'_>) -> Option<Verdict> {
    if !writes(call) {
        return None;
    }
    Some(Verdict::Refuse(DISK_ERROR))
}

fn few_replicas(call: &Call<'_>) -> Option<Verdict> {
    writes(call).then_some(Verdict::Refuse(FEW_REPLICAS))
}

fn read_only(call: &Call<'_>) -> Option<Verdict> {
    writes(call).then_some(Verdict::Refuse(READ_ONLY))
}

/// In RESP2 a subscriber could not tell replies from messages.
fn subscriber(call: &Call<'_>) -> Option<Verdict> {
    let name = call.entry.full_name;
    let is_allowed = matches!(
        name,
        "ping"
            | "quit"
            | "reset"
            | "subscribe"
            | "ssubscribe"
            | "psubscribe"
            | "unsubscribe"
            | "sunsubscribe"
            | "punsubscribe"
    );
    (!is_allowed).then(|| {
        Verdict::Refuse(CommandError::new(format!(
            "ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in \
             this context"
        )))
    })
}

fn stale(call: &Call<'_>) -> Option<Verdict> {
    if allows(call, Flags::STALE) {
        return None;
    }
    Some(Verdict::Refuse(MASTER_DOWN))
}

fn loading(call: &Call<'_>) -> Option<Verdict> {
    if allows(call, Flags::LOADING) { None } else { refuse(LOADING) }
}

/// The old data are still shown; what would change them or who we are waits.
fn async_loading(call: &Call<'_>) -> Option<Verdict> {
    let is_denied = call.entry.has(Flags::NO_ASYNC_LOADING) || is_exec_with(call, Flags::NO_ASYNC_LOADING);
    if is_denied { refuse(LOADING) } else { None }
}

fn busy(call: &Call<'_>) -> Option<Verdict> {
    if call.entry.has(Flags::ALLOW_BUSY) || is_shutdown_nosave(call) {
        return None;
    }
    let kind = call.engine.scripts.running.as_ref()?.kind;
    Some(Verdict::Refuse(crate::command::busy_with(kind)))
}

fn is_shutdown_nosave(call: &Call<'_>) -> bool {
    call.entry.full_name == "shutdown" && call.args.is(1, "nosave")
}

fn replica_client(call: &Call<'_>) -> Option<Verdict> {
    let touches_data = Flags::WRITE | Flags::READONLY | Flags::MAY_REPLICATE;
    if call.flags.has(touches_data) { refuse("ERR Replica can't interact with the keyspace") } else { None }
}

/// Acknowledgements are never held: a pause often waits for them.
fn paused(call: &Call<'_>) -> Option<Verdict> {
    if call.session.kind == ClientKind::Replica {
        return None;
    }
    let all = call.engine.server.pause.is_some_and(|pause| pause.all);
    let may_change = Flags::WRITE | Flags::MAY_REPLICATE;
    let held = all || call.flags.has(may_change) || is_exec_with(call, may_change);
    (held && !is_queued(call)).then_some(Verdict::Hold)
}

fn queue(call: &Call<'_>) -> Option<Verdict> {
    is_queued(call).then_some(Verdict::Queue)
}

fn is_queued(call: &Call<'_>) -> bool {
    let runs_at_once = matches!(call.entry.full_name, "exec" | "discard" | "multi" | "watch" | "quit" | "reset");
    call.session.transaction.is_some() && !runs_at_once
}

fn writes(call: &Call<'_>) -> bool {
    call.flags.has(Flags::WRITE) || is_exec_with(call, Flags::WRITE)
}

/// EXEC is as its queue: whether any request in it has one of `flags`.
fn is_exec_with(call: &Call<'_>, flags: Flags) -> bool {
    queued_flags(call).is_some_and(|mut queued| queued.any(|queued| queued.has(flags)))
}

/// Whether the command, and for EXEC all of its queue, has `flag`.
fn allows(call: &Call<'_>, flag: Flags) -> bool {
    call.flags.has(flag) && queued_flags(call).is_none_or(|mut queued| queued.all(|queued| queued.has(flag)))
}

fn queued_flags<'a>(call: &'a Call<'_>) -> Option<impl Iterator<Item = Flags>> {
    if call.entry.full_name != "exec" {
        return None;
    }
    let transaction = call.session.transaction.as_ref()?;
    Some(transaction.requests.iter().map(|request| Flags(request.flags)))
}
