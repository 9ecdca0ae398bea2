//! Set commands: a key holds distinct members, in no order.

mod algebra;
mod random;
mod read;
mod write;

use super::{Command, Flags, KeySpec};

const READ: Flags = Flags::READONLY;
const READ_FAST: Flags = READ.with(Flags::FAST);
const WRITE_FAST: Flags = Flags::WRITE.with(Flags::FAST);
const WRITE_GROWING: Flags = Flags::WRITE.with(Flags::DENYOOM);

const READ_KEY: &[KeySpec] = &[KeySpec::at(1).read_only(&["access"])];
const READ_KEYS: &[KeySpec] = &[KeySpec::range(1, -1, 1).read_only(&["access"])];
const LOOKED_AT: &[KeySpec] = &[KeySpec::at(1).read_only(&[])];
const STORED_AND_READ: &[KeySpec] =
    &[KeySpec::at(1).overwrite(&["update"]), KeySpec::range(2, -1, 1).read_only(&["access"])];

const ANY_ORDER: &[&str] = &["nondeterministic_output_order"];
const VARYING: &[&str] = &["nondeterministic_output"];
const SEVERAL: &[(&str, &str)] = &[("2.4.0", "Several members.")];

const fn combining(name: &'static str, handler: super::Handler) -> Command {
    Command::new(name, handler, "key...").complexity("O(N)").arity(-2).flags(READ).keys(READ_KEYS).tips(ANY_ORDER)
}

const fn storing(name: &'static str, handler: super::Handler) -> Command {
    Command::new(name, handler, "destination:key key...")
        .complexity("O(N)")
        .arity(-3)
        .flags(WRITE_GROWING)
        .keys(STORED_AND_READ)
}

pub(super) const COMMANDS: &[Command] = &[
    Command::new("sadd", write::sadd, "key member...")
        .about("Adds members to a set.")
        .complexity("O(N)")
        .arity(-3)
        .flags(WRITE_FAST.with(Flags::DENYOOM))
        .keys(&[KeySpec::at(1).read_write(&["insert"])])
        .history(SEVERAL),
    Command::new("srem", write::srem, "key member...")
        .about("Takes members out of a set.")
        .complexity("O(N)")
        .arity(-3)
        .flags(WRITE_FAST)
        .keys(&[KeySpec::at(1).read_write(&["delete"])])
        .history(SEVERAL),
    Command::new("smove", write::smove, "source:key destination:key member")
        .about("Takes a member out of one set and adds it to another.")
        .arity(4)
        .flags(WRITE_FAST)
        .keys(&[KeySpec::at(1).read_write(&["access", "delete"]), KeySpec::at(2).read_write(&["insert"])]),
    Command::new("scard", read::scard, "key")
        .about("Answers how many members a set has.")
        .arity(2)
        .flags(READ_FAST)
        .keys(LOOKED_AT),
    Command::new("sismember", read::sismember, "key member")
        .about("Answers whether a set has a member.")
        .arity(3)
        .flags(READ_FAST)
        .keys(LOOKED_AT),
    Command::new("smismember", read::smismember, "key member...")
        .about("Answers for several members whether a set has them.")
        .since("6.2.0")
        .complexity("O(N)")
        .arity(-3)
        .flags(READ_FAST)
        .keys(READ_KEY),
    Command::new("smembers", read::smembers, "key")
        .about("Answers all members of a set.")
        .complexity("O(N)")
        .arity(2)
        .flags(READ)
        .keys(READ_KEY)
        .tips(ANY_ORDER),
    Command::new("sscan", read::sscan, "key cursor:integer [MATCH pattern:pattern] [COUNT count:integer]")
        .about("Walks through the members of a set, a few with each call.")
        .since("2.8.0")
        .complexity("O(1) for every call. O(N) for a complete iteration.")
        .arity(-3)
        .flags(READ)
        .keys(READ_KEY)
        .tips(VARYING),
    Command::new("spop", random::spop, "key [count:integer]@3.2.0")
        .about("Takes members out of a set that chance chooses, and answers them.")
        .complexity("O(N)")
        .arity(-2)
        .flags(WRITE_FAST)
        .keys(&[KeySpec::at(1).read_write(&["access", "delete"])])
        .tips(VARYING)
        .history(&[("3.2.0", "Argument count.")]),
    Command::new("srandmember", random::srandmember, "key [count:integer]@2.6.0")
        .about("Answers members of a set that chance chooses.")
        .complexity("O(N)")
        .arity(-2)
        .flags(READ)
        .keys(READ_KEY)
        .tips(VARYING)
        .history(&[("2.6.0", "Argument count.")]),
    combining("sinter", algebra::sinter).about("Answers the members that all sets have."),
    combining("sunion", algebra::sunion).about("Answers the members that any of the sets has."),
    combining("sdiff", algebra::sdiff).about("Answers the members that the first set has and none of the others."),
    storing("sinterstore", algebra::sinterstore)
        .about("Stores the members that all sets have.")
        .keys(&[KeySpec::at(1).read_write(&["update"]), KeySpec::range(2, -1, 1).read_only(&["access"])]),
    storing("sunionstore", algebra::sunionstore).about("Stores the members that any of the sets has."),
    storing("sdiffstore", algebra::sdiffstore)
        .about("Stores the members that the first set has and none of the others."),
    Command::new("sintercard", algebra::sintercard, "numkeys:integer key... [LIMIT limit:integer]")
        .about("Counts the members that all sets have.")
        .since("7.0.0")
        .complexity("O(N*M)")
        .arity(-3)
        .flags(READ.with(Flags::MOVABLEKEYS))
        .keys(&[KeySpec::count_at(1).read_only(&["access"])]),
];
