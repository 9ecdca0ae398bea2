//! Stream commands: a key holds entries of fields and values in the order of their IDs, and groups of consumers that
//! share the work on them.

mod add;
mod claim;
mod deliver;
mod edit;
mod group;
mod id;
mod info;
mod pending;
mod range;
mod read;

use crate::keyspace::{Key, StreamRef, Value};

use super::{Args, Command, CommandError, Context, Database, Flags, KeySpec};

/// As TYPE says it.
const TYPE_NAME: &str = "stream";

const READ: Flags = Flags::READONLY;
const WRITE: Flags = Flags::WRITE;
const WRITE_FAST: Flags = WRITE.with(Flags::FAST);
const WRITE_GROWING: Flags = WRITE.with(Flags::DENYOOM);
const WRITE_GROWING_FAST: Flags = WRITE_GROWING.with(Flags::FAST);
const ANYTIME: Flags = Flags::LOADING.with(Flags::STALE);

const READ_KEY: &[KeySpec] = &[KeySpec::at(1).read_only(&["access"])];
const CHANGED_KEY: &[KeySpec] = &[KeySpec::at(1).read_write(&["update"])];
const CUT_KEY: &[KeySpec] = &[KeySpec::at(1).read_write(&["delete"])];
const GROUP_READ: &[KeySpec] = &[KeySpec::at(2).read_only(&["access"])];
const GROUP_MADE: &[KeySpec] = &[KeySpec::at(2).read_write(&["insert"])];
const GROUP_CHANGED: &[KeySpec] = &[KeySpec::at(2).read_write(&["update"])];
const GROUP_CUT: &[KeySpec] = &[KeySpec::at(2).read_write(&["delete"])];

const VARYING: &[&str] = &["nondeterministic_output"];
const ENTRIES_READ: &[(&str, &str)] = &[("7.0.0", "Option ENTRIESREAD.")];
const OPEN_RANGES: &[(&str, &str)] = &[("6.2.0", "Intervals without their ends.")];

/// The stream at a key, for somebody who has looked already.
fn peek<'d>(db: &'d mut Database<'_>, key: Key<'_>) -> Option<StreamRef<'d>> {
    match db.peek(key)?.value() {
        Value::Stream(stream) => Some(stream),
        _ => None,
    }
}

/// Options that a subcommand does not know.
fn unknown_subcommand_of(container: &str, args: &Args<'_>) -> CommandError {
    let name = String::from_utf8_lossy(&args.at(1)[..args.at(1).len().min(128)]);
    CommandError::new(format!(
        "ERR unknown subcommand or wrong number of arguments for '{name}'. Try {container} HELP."
    ))
}

fn unknown_subcommand(_: &Context<'_>, args: &Args<'_>) -> CommandError {
    unknown_subcommand_of("XGROUP", args)
}

/// Keys, then as many IDs, behind the word STREAMS.
const fn behind_streams(from: i32) -> KeySpec {
    KeySpec::after("STREAMS", from).up_to(-1).limit(2).read_only(&["access"])
}

const fn ranging(name: &'static str, handler: super::Handler, syntax: &'static str) -> Command {
    Command::new(name, handler, syntax)
        .since("5.0.0")
        .complexity("O(N)")
        .arity(-4)
        .flags(READ)
        .keys(READ_KEY)
        .history(OPEN_RANGES)
}

const GROUP_COMMANDS: &[Command] = &[
    Command::new(
        "create",
        group::create,
        "key groupname id=(id | new_id=$) [MKSTREAM] [ENTRIESREAD entries_read:integer]",
    )
    .about("Makes a group that begins behind an ID.")
    .since("5.0.0")
    .arity(-5)
    .flags(WRITE_GROWING)
    .keys(GROUP_MADE)
    .history(ENTRIES_READ),
    Command::new("createconsumer", group::create_consumer, "key groupname consumername")
        .about("Makes a consumer.")
        .since("6.2.0")
        .arity(5)
        .flags(WRITE_GROWING)
        .keys(GROUP_MADE),
    Command::new("delconsumer", group::delete_consumer, "key groupname consumername")
        .about("Takes a consumer out with its pending entries.")
        .since("5.0.0")
        .arity(5)
        .flags(WRITE)
        .keys(GROUP_CUT),
    Command::new("destroy", group::destroy, "key groupname")
        .about("Takes a group out with all its consumers.")
        .since("5.0.0")
        .complexity("O(N)")
        .arity(4)
        .flags(WRITE)
        .keys(GROUP_CUT),
    Command::new("help", group::help, "").about("Prints this help.").since("5.0.0").arity(2).flags(ANYTIME),
    Command::new("setid", group::set_id, "key groupname id=(id | new_id=$) [ENTRIESREAD entries_read:integer]")
        .about("Sets which entry the group has read last.")
        .since("5.0.0")
        .arity(-5)
        .flags(WRITE)
        .keys(GROUP_CHANGED)
        .history(ENTRIES_READ),
];

const INFO_COMMANDS: &[Command] = &[
    Command::new("consumers", info::consumers, "key groupname")
        .about("Answers the consumers of a group.")
        .since("5.0.0")
        .arity(4)
        .flags(READ)
        .keys(GROUP_READ)
        .tips(VARYING)
        .history(&[("7.2.0", "Field `inactive`.")]),
    Command::new("groups", info::groups, "key")
        .about("Answers the groups of a stream.")
        .since("5.0.0")
        .arity(3)
        .flags(READ)
        .keys(GROUP_READ)
        .history(&[("7.0.0", "Fields `entries-read` and `lag`.")]),
    Command::new("help", info::help, "").about("Prints this help.").since("5.0.0").arity(2).flags(ANYTIME),
    Command::new("stream", info::stream, "key [FULL full=([COUNT count:integer])]")
        .about("Answers what a stream says of itself.")
        .since("5.0.0")
        .arity(-3)
        .flags(READ)
        .keys(GROUP_READ)
        .history(&[
            ("6.0.0", "Option FULL."),
            (
                "7.0.0",
                "Fields `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, `entries-read`, `lag`.",
            ),
        ]),
];

pub(super) const COMMANDS: &[Command] = &[
    Command::new("xack", pending::xack, "key group id...")
        .about("Acknowledges entries: they are pending no more.")
        .since("5.0.0")
        .arity(-4)
        .flags(WRITE_FAST)
        .keys(CHANGED_KEY),
    Command::new(
        "xadd",
        add::xadd,
        "key [NOMKSTREAM]@6.2.0 trim=[strategy=(MAXLEN | MINID@6.2.0) operator=[equal== | approximately=~] threshold \
         [LIMIT count:integer]@6.2.0] id_or_auto=(auto_id=* | id) field_value=(field value)...",
    )
    .about("Adds an entry; makes the stream if it is missing.")
    .since("5.0.0")
    .arity(-5)
    .flags(WRITE_GROWING_FAST)
    .keys(CHANGED_KEY)
    .tips(VARYING)
    .history(&[("6.2.0", "Options NOMKSTREAM, MINID and LIMIT."), ("7.0.0", "IDs of the form `<ms>-*`.")]),
    Command::new(
        "xautoclaim",
        claim::xautoclaim,
        "key group consumer min-idle-time start [COUNT count:integer] [JUSTID]",
    )
    .about("Hands pending entries of a group to a consumer, one after the other.")
    .since("6.2.0")
    .arity(-6)
    .flags(WRITE_FAST)
    .keys(CUT_KEY)
    .tips(VARYING)
    .history(&[("7.0.0", "Answers IDs of entries that are gone, too.")]),
    Command::new(
        "xclaim",
        claim::xclaim,
        "key group consumer min-idle-time id... [IDLE ms:integer] [TIME unix-time-milliseconds:unix-time] \
         [RETRYCOUNT count:integer] [FORCE] [JUSTID] [LASTID id]",
    )
    .about("Hands pending entries of a group to a consumer.")
    .since("5.0.0")
    .complexity("O(log N)")
    .arity(-6)
    .flags(WRITE_FAST)
    .keys(CHANGED_KEY)
    .tips(VARYING),
    Command::new("xdel", edit::xdel, "key id...")
        .about("Takes entries out.")
        .since("5.0.0")
        .arity(-3)
        .flags(WRITE_FAST)
        .keys(CUT_KEY),
    Command::container("xgroup", GROUP_COMMANDS).about("Commands about consumer groups.").since("5.0.0"),
    Command::container("xinfo", INFO_COMMANDS).about("Commands that look at streams.").since("5.0.0"),
    Command::new("xlen", range::xlen, "key")
        .about("Answers the number of entries.")
        .since("5.0.0")
        .arity(2)
        .flags(READ.with(Flags::FAST))
        .keys(&[KeySpec::at(1).read_only(&[])]),
    Command::new(
        "xpending",
        pending::xpending,
        "key group filters=[[IDLE min-idle-time:integer]@6.2.0 start end count:integer [consumer]]",
    )
    .about("Answers the pending entries of a group, or a summary.")
    .since("5.0.0")
    .complexity("O(N)")
    .arity(-3)
    .flags(READ)
    .keys(READ_KEY)
    .tips(VARYING)
    .history(&[("6.2.0", "Option IDLE and intervals without their ends.")]),
    ranging("xrange", range::xrange, "key start end [COUNT count:integer]")
        .about("Answers the entries of an interval."),
    Command::new(
        "xread",
        read::xread,
        "[COUNT count:integer] [BLOCK milliseconds:integer] STREAMS streams=(key... id...)",
    )
    .about("Answers entries behind an ID, of several streams; waits for some if it is told to.")
    .since("5.0.0")
    .complexity("O(N)")
    .arity(-4)
    .flags(READ.with(Flags::BLOCKING).with(Flags::MOVABLEKEYS))
    .keys(&[behind_streams(1)]),
    Command::new(
        "xreadgroup",
        read::xreadgroup,
        "GROUP group_consumer=(group consumer) [COUNT count:integer] [BLOCK milliseconds:integer] [NOACK] \
         STREAMS streams=(key... id...)",
    )
    .about("Answers entries that a group has not read yet, or a consumer's pending ones; waits if it is told to.")
    .since("5.0.0")
    .complexity("O(M)")
    .arity(-7)
    .flags(WRITE.with(Flags::BLOCKING).with(Flags::MOVABLEKEYS))
    .keys(&[behind_streams(4)]),
    ranging("xrevrange", range::xrevrange, "key end start [COUNT count:integer]")
        .about("Answers the entries of an interval, the last one first."),
    Command::new(
        "xsetid",
        edit::xsetid,
        "key last-id [ENTRIESADDED entries_added:integer]@7.0.0 [MAXDELETEDID max_deleted_entry_id]@7.0.0",
    )
    .about("Sets what a stream says of itself; for replication.")
    .since("5.0.0")
    .arity(-3)
    .flags(WRITE_GROWING_FAST)
    .keys(CHANGED_KEY)
    .history(&[("7.0.0", "Options ENTRIESADDED and MAXDELETEDID.")]),
    Command::new(
        "xtrim",
        add::xtrim,
        "key trim=(strategy=(MAXLEN | MINID@6.2.0) operator=[equal== | approximately=~] threshold [LIMIT \
         count:integer]@6.2.0)",
    )
    .about("Takes entries out at the front.")
    .since("5.0.0")
    .complexity("O(N)")
    .arity(-4)
    .flags(WRITE)
    .keys(CUT_KEY)
    .tips(VARYING)
    .history(&[("6.2.0", "Options MINID and LIMIT.")]),
];
