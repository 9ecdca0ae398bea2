//! Hash commands: a key holds fields, each with a string.

mod count;
mod random;
mod read;
mod write;

use super::{Command, Flags, KeySpec};

const READ: Flags = Flags::READONLY;
const READ_FAST: Flags = READ.with(Flags::FAST);
const WRITE_FAST: Flags = Flags::WRITE.with(Flags::FAST);
const WRITE_GROWING_FAST: Flags = WRITE_FAST.with(Flags::DENYOOM);

const READ_KEY: &[KeySpec] = &[KeySpec::at(1).read_only(&["access"])];
const LOOKED_AT: &[KeySpec] = &[KeySpec::at(1).read_only(&[])];
const UPDATED_KEY: &[KeySpec] = &[KeySpec::at(1).read_write(&["update"])];
const COUNTED_KEY: &[KeySpec] = &[KeySpec::at(1).read_write(&["access", "update"])];

const ANY_ORDER: &[&str] = &["nondeterministic_output_order"];
const VARYING: &[&str] = &["nondeterministic_output"];

const fn row(name: &'static str, handler: super::Handler, syntax: &'static str) -> Command {
    Command::new(name, handler, syntax).since("2.0.0")
}

const fn whole(name: &'static str, handler: super::Handler) -> Command {
    row(name, handler, "key").complexity("O(N)").arity(2).flags(READ).keys(READ_KEY).tips(ANY_ORDER)
}

pub(super) const COMMANDS: &[Command] = &[
    row("hset", write::hset, "key field_value=(field value)...")
        .about("Gives fields of a hash their values.")
        .complexity("O(N)")
        .arity(-4)
        .flags(WRITE_GROWING_FAST)
        .keys(UPDATED_KEY)
        .history(&[("4.0.0", "Several fields.")]),
    row("hmset", write::hmset, "key field_value=(field value)...")
        .about("Gives fields of a hash their values.")
        .complexity("O(N)")
        .arity(-4)
        .flags(WRITE_GROWING_FAST)
        .keys(UPDATED_KEY)
        .deprecated("4.0.0", "`HSET` with multiple field-value pairs"),
    row("hsetnx", write::hsetnx, "key field value")
        .about("Gives a field of a hash a value unless it has one.")
        .arity(4)
        .flags(WRITE_GROWING_FAST)
        .keys(&[KeySpec::at(1).read_write(&["insert"])]),
    row("hdel", write::hdel, "key field...")
        .about("Deletes fields of a hash.")
        .complexity("O(N)")
        .arity(-3)
        .flags(WRITE_FAST)
        .keys(&[KeySpec::at(1).read_write(&["delete"])])
        .history(&[("2.4.0", "Several fields.")]),
    row("hincrby", count::hincrby, "key field increment:integer")
        .about("Adds to the integer of a field; a missing field counts as 0.")
        .arity(4)
        .flags(WRITE_GROWING_FAST)
        .keys(COUNTED_KEY),
    row("hincrbyfloat", count::hincrbyfloat, "key field increment:double")
        .about("Adds to the number with a fraction of a field; a missing field counts as 0.")
        .since("2.6.0")
        .arity(4)
        .flags(WRITE_GROWING_FAST)
        .keys(COUNTED_KEY),
    row("hget", read::hget, "key field")
        .about("Answers the value of a field.")
        .arity(3)
        .flags(READ_FAST)
        .keys(READ_KEY),
    row("hmget", read::hmget, "key field...")
        .about("Answers the values of several fields.")
        .complexity("O(N)")
        .arity(-3)
        .flags(READ_FAST)
        .keys(READ_KEY),
    row("hlen", read::hlen, "key")
        .about("Answers how many fields a hash has.")
        .arity(2)
        .flags(READ_FAST)
        .keys(LOOKED_AT),
    row("hexists", read::hexists, "key field")
        .about("Answers whether a hash has a field.")
        .arity(3)
        .flags(READ_FAST)
        .keys(LOOKED_AT),
    row("hstrlen", read::hstrlen, "key field")
        .about("Answers the length of a field's value in bytes.")
        .since("3.2.0")
        .arity(3)
        .flags(READ_FAST)
        .keys(LOOKED_AT),
    whole("hgetall", read::hgetall).about("Answers all fields of a hash with their values."),
    whole("hkeys", read::hkeys).about("Answers all fields of a hash."),
    whole("hvals", read::hvals).about("Answers the values of all fields of a hash."),
    row("hrandfield", random::hrandfield, "key options=[count:integer [WITHVALUES]]")
        .about("Answers fields of a hash that chance chooses.")
        .since("6.2.0")
        .complexity("O(N)")
        .arity(-2)
        .flags(READ)
        .keys(READ_KEY)
        .tips(VARYING),
    row("hscan", read::hscan, "key cursor:integer [MATCH pattern:pattern] [COUNT count:integer]")
        .about("Walks through the fields of a hash, a few with each call.")
        .since("2.8.0")
        .complexity("O(1) for every call. O(N) for a complete iteration.")
        .arity(-3)
        .flags(READ)
        .keys(READ_KEY)
        .tips(VARYING),
];
