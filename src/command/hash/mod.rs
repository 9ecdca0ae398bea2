//! Hash commands: a key holds fields, each with a string.

mod count;
mod exchange;
mod expire;
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

const READ_AND_DELETED: &[KeySpec] = &[KeySpec::at(1).read_write(&["access", "delete"])];

const ANY_ORDER: &[&str] = &["nondeterministic_output_order"];
const VARYING: &[&str] = &["nondeterministic_output"];

const fn row(name: &'static str, handler: super::Handler, syntax: &'static str) -> Command {
    Command::new(name, handler, syntax).since("2.0.0")
}

const fn whole(name: &'static str, handler: super::Handler) -> Command {
    row(name, handler, "key").complexity("O(N)").arity(2).flags(READ).keys(READ_KEY).tips(ANY_ORDER)
}

const fn expiring(name: &'static str, handler: super::Handler, syntax: &'static str) -> Command {
    row(name, handler, syntax).since("7.4.0").complexity("O(N)").arity(-6).flags(WRITE_FAST).keys(UPDATED_KEY)
}

const fn expiry(name: &'static str, handler: super::Handler) -> Command {
    row(name, handler, "key FIELDS fields=(numfields:integer field...)")
        .since("7.4.0")
        .complexity("O(N)")
        .arity(-5)
        .flags(READ_FAST)
        .keys(READ_KEY)
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
    row("hscan", read::hscan, "key cursor:integer [MATCH pattern:pattern] [COUNT count:integer] [NOVALUES]@7.4.0")
        .about("Walks through the fields of a hash, a few with each call.")
        .since("2.8.0")
        .complexity("O(1) for every call. O(N) for a complete iteration.")
        .arity(-3)
        .flags(READ)
        .keys(READ_KEY)
        .tips(VARYING),
    expiring(
        "hexpire",
        expire::hexpire,
        "key seconds:integer condition=[NX | XX | GT | LT] FIELDS fields=(numfields:integer field...)",
    )
    .about("Lets fields of a hash expire some seconds from now."),
    expiring(
        "hpexpire",
        expire::hpexpire,
        "key milliseconds:integer condition=[NX | XX | GT | LT] FIELDS fields=(numfields:integer field...)",
    )
    .about("Lets fields of a hash expire some milliseconds from now."),
    expiring(
        "hexpireat",
        expire::hexpireat,
        "key unix-time-seconds:unix-time condition=[NX | XX | GT | LT] FIELDS fields=(numfields:integer field...)",
    )
    .about("Lets fields of a hash expire at a Unix time in seconds."),
    expiring(
        "hpexpireat",
        expire::hpexpireat,
        "key unix-time-milliseconds:unix-time condition=[NX | XX | GT | LT] FIELDS fields=(numfields:integer field...)",
    )
    .about("Lets fields of a hash expire at a Unix time in milliseconds."),
    expiry("httl", expire::httl).about("Answers how many seconds fields have to live.").tips(VARYING),
    expiry("hpttl", expire::hpttl).about("Answers how many milliseconds fields have to live.").tips(VARYING),
    expiry("hexpiretime", expire::hexpiretime).about("Answers the Unix times in seconds at which fields expire."),
    expiry("hpexpiretime", expire::hpexpiretime)
        .about("Answers the Unix times in milliseconds at which fields expire."),
    expiry("hpersist", expire::hpersist)
        .about("Takes the expiries of fields away.")
        .flags(WRITE_FAST)
        .keys(UPDATED_KEY),
    expiry("hgetdel", exchange::hgetdel)
        .about("Answers the values of fields and deletes them.")
        .since("8.0.0")
        .flags(WRITE_FAST)
        .keys(READ_AND_DELETED),
    row(
        "hgetex",
        exchange::hgetex,
        "key expiration=[EX seconds:integer | PX milliseconds:integer | EXAT unix-time-seconds:unix-time \
         | PXAT unix-time-milliseconds:unix-time | PERSIST] FIELDS fields=(numfields:integer field...)",
    )
    .about("Answers the values of fields, and lets them expire or live on if asked to.")
    .since("8.0.0")
    .complexity("O(N)")
    .arity(-5)
    .flags(WRITE_FAST)
    .keys(COUNTED_KEY),
    row(
        "hsetex",
        exchange::hsetex,
        "key condition=[FNX | FXX] expiration=[EX seconds:integer | PX milliseconds:integer \
         | EXAT unix-time-seconds:unix-time | PXAT unix-time-milliseconds:unix-time | KEEPTTL] \
         FIELDS fields=(numfields:integer data=(field value)...)",
    )
    .about("Gives fields of a hash their values, and lets them expire if asked to.")
    .since("8.0.0")
    .complexity("O(N)")
    .arity(-6)
    .flags(WRITE_GROWING_FAST)
    .keys(UPDATED_KEY),
];
