//! String commands: a key holds one binary-safe value.
//!
//! The rows stand here, the handlers in one file per kind of work. Bitmaps, which work on the same values, are a
//! family of their own.

mod counter;
mod lcs;
pub(super) mod long_double;
mod options;
mod range;
mod read;
mod write;

use super::{Command, Flags, KeySpec};

const WRITE: Flags = Flags::WRITE;
const WRITE_GROWING: Flags = Flags::WRITE.with(Flags::DENYOOM);
const WRITE_GROWING_FAST: Flags = WRITE_GROWING.with(Flags::FAST);
const READ: Flags = Flags::READONLY;
const READ_FAST: Flags = Flags::READONLY.with(Flags::FAST);

const READ_KEY: &[KeySpec] = &[KeySpec::at(1).read_only(&["access"])];
const UPDATE_KEY: &[KeySpec] = &[KeySpec::at(1).read_write(&["access", "update"])];
const OVERWRITE_KEY: &[KeySpec] = &[KeySpec::at(1).overwrite(&["update"])];

pub(super) const COMMANDS: &[Command] = &[
    Command::new("get", read::get, "key")
        .about("Answers the string of a key.")
        .arity(2)
        .flags(READ_FAST)
        .keys(READ_KEY),
    Command::new(
        "set",
        write::set,
        "key value condition=[NX@2.6.12 | XX@2.6.12 | IFEQ comparison-value@8.1.0] [GET]@6.2.0 expiration=[EX seconds:integer@2.6.12 \
         | PX milliseconds:integer@2.6.12 | EXAT unix-time-seconds:unix-time@6.2.0 \
         | PXAT unix-time-milliseconds:unix-time@6.2.0 | KEEPTTL@6.0.0]",
    )
    .about("Gives a key a string in place of whatever it held, and a time to live if asked to.")
    .arity(-3)
    .flags(WRITE_GROWING)
    .keys(&[KeySpec::at(1).read_write(&["access", "update", "variable_flags"]).reading_only_with("GET")])
    .history(&[
        ("2.6.12", "Options EX, PX, NX, XX."),
        ("6.0.0", "Option KEEPTTL."),
        ("6.2.0", "Options GET, EXAT, PXAT."),
        ("7.0.0", "NX and GET may stand together."),
        ("8.1.0", "Option IFEQ."),
    ]),
    Command::new("setnx", write::setnx, "key value")
        .about("Gives a key a string unless it holds something.")
        .arity(3)
        .flags(WRITE_GROWING_FAST)
        .keys(&[KeySpec::at(1).overwrite(&["insert"])]),
    Command::new("setex", write::setex, "key seconds:integer value")
        .about("Gives a key a string and a time to live in seconds.")
        .since("2.0.0")
        .arity(4)
        .flags(WRITE_GROWING)
        .keys(OVERWRITE_KEY),
    Command::new("psetex", write::psetex, "key milliseconds:integer value")
        .about("Gives a key a string and a time to live in milliseconds.")
        .since("2.6.0")
        .arity(4)
        .flags(WRITE_GROWING)
        .keys(OVERWRITE_KEY),
    Command::new("getset", write::getset, "key value")
        .about("Gives a key a string and answers the one it had.")
        .arity(3)
        .flags(WRITE_GROWING_FAST)
        .keys(UPDATE_KEY)
        .deprecated("6.2.0", "`SET` with `GET`"),
    Command::new("getdel", write::getdel, "key")
        .about("Answers the string of a key and deletes the key.")
        .since("6.2.0")
        .arity(2)
        .flags(WRITE.with(Flags::FAST))
        .keys(&[KeySpec::at(1).read_write(&["access", "delete"])]),
    Command::new("delifeq", write::delifeq, "key value")
        .about("Deletes a key if its string equals the given one.")
        .since("9.0.0")
        .arity(3)
        .flags(WRITE.with(Flags::FAST))
        .keys(&[KeySpec::at(1).remove(&["delete"])]),
    Command::new(
        "getex",
        write::getex,
        "key expiration=[EX seconds:integer | PX milliseconds:integer | EXAT unix-time-seconds:unix-time \
         | PXAT unix-time-milliseconds:unix-time | PERSIST]",
    )
    .about("Answers the string of a key and sets or clears the key's expiry.")
    .since("6.2.0")
    .arity(-2)
    .flags(WRITE.with(Flags::FAST))
    .keys(UPDATE_KEY),
    Command::new("mget", read::mget, "key...")
        .about("Answers the strings of several keys.")
        .complexity("O(N)")
        .arity(-2)
        .flags(READ_FAST)
        .keys(&[KeySpec::range(1, -1, 1).read_only(&["access"])])
        .tips(&["request_policy:multi_shard"]),
    Command::new("mset", write::mset, "key_value=(key value)...")
        .about("Gives several keys their strings, all at once.")
        .since("1.0.1")
        .complexity("O(N)")
        .arity(-3)
        .flags(WRITE_GROWING)
        .keys(&[KeySpec::range(1, -1, 2).overwrite(&["update"])])
        .tips(&["request_policy:multi_shard", "response_policy:all_succeeded"]),
    Command::new("msetnx", write::msetnx, "key_value=(key value)...")
        .about("Gives several keys their strings, all at once, unless any of them holds something.")
        .since("1.0.1")
        .complexity("O(N)")
        .arity(-3)
        .flags(WRITE_GROWING)
        .keys(&[KeySpec::range(1, -1, 2).overwrite(&["insert"])])
        .tips(&["request_policy:multi_shard", "response_policy:agg_min"]),
    Command::new(
        "msetex",
        write::msetex,
        "numkeys:integer data=(key value)... condition=[NX | XX] expiration=[EX seconds:integer \
         | PX milliseconds:integer | EXAT unix-time-seconds:unix-time | PXAT unix-time-milliseconds:unix-time | KEEPTTL]",
    )
    .about("Gives several keys their strings and one time to live, all at once.")
    .since("9.1.0")
    .complexity("O(N)")
    .arity(-4)
    .flags(WRITE_GROWING)
    .keys(&[KeySpec::count_at(1).step(2).overwrite(&["update"])])
    .tips(&["request_policy:multi_shard", "response_policy:all_succeeded"]),
    Command::new("append", range::append, "key value")
        .about("Adds to the end of a string; a missing key counts as the empty one.")
        .since("2.0.0")
        .arity(3)
        .flags(WRITE_GROWING_FAST)
        .keys(&[KeySpec::at(1).read_write(&["insert"])]),
    Command::new("strlen", read::strlen, "key")
        .about("Answers the length of a string in bytes.")
        .since("2.2.0")
        .arity(2)
        .flags(READ_FAST)
        .keys(&[KeySpec::at(1).read_only(&[])]),
    Command::new("incr", counter::incr, "key")
        .about("Adds one to an integer; a missing key counts as 0.")
        .arity(2)
        .flags(WRITE_GROWING_FAST)
        .keys(UPDATE_KEY),
    Command::new("decr", counter::decr, "key")
        .about("Takes one from an integer; a missing key counts as 0.")
        .arity(2)
        .flags(WRITE_GROWING_FAST)
        .keys(UPDATE_KEY),
    Command::new("incrby", counter::incrby, "key increment:integer")
        .about("Adds to an integer; a missing key counts as 0.")
        .arity(3)
        .flags(WRITE_GROWING_FAST)
        .keys(UPDATE_KEY),
    Command::new("decrby", counter::decrby, "key decrement:integer")
        .about("Takes from an integer; a missing key counts as 0.")
        .arity(3)
        .flags(WRITE_GROWING_FAST)
        .keys(UPDATE_KEY),
    Command::new("incrbyfloat", counter::incrbyfloat, "key increment:double")
        .about("Adds to a number with a fraction; a missing key counts as 0.")
        .since("2.6.0")
        .arity(3)
        .flags(WRITE_GROWING_FAST)
        .keys(UPDATE_KEY),
    Command::new("getrange", range::getrange, "key start:integer end:integer")
        .about("Answers a part of a string, both ends included.")
        .since("2.4.0")
        .complexity("O(N)")
        .arity(4)
        .flags(READ)
        .keys(READ_KEY),
    Command::new("substr", range::getrange, "key start:integer end:integer")
        .about("Answers a part of a string, both ends included.")
        .complexity("O(N)")
        .arity(4)
        .flags(READ)
        .keys(READ_KEY)
        .deprecated("2.0.0", "`GETRANGE`"),
    Command::new("setrange", range::setrange, "key offset:integer value")
        .about("Overwrites a part of a string, after zero bytes where it is too short.")
        .since("2.2.0")
        .complexity("O(M)")
        .arity(4)
        .flags(WRITE_GROWING)
        .keys(&[KeySpec::at(1).read_write(&["update"])]),
    Command::new("lcs", lcs::lcs, "key1:key key2:key [LEN] [IDX] [MINMATCHLEN len:integer] [WITHMATCHLEN]")
        .about("Answers the longest common subsequence of two strings.")
        .since("7.0.0")
        .complexity("O(N*M)")
        .arity(-3)
        .flags(READ)
        .keys(&[KeySpec::range(1, 1, 1).read_only(&["access"])]),
];
