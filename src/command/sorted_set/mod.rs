//! Sorted set commands: a key holds distinct members, each with a score, in the order of scores, then of members.

mod add;
mod algebra;
mod blocking;
mod bounds;
mod pop;
mod random;
mod range;
mod read;
mod remove;

use super::{Command, Flags, KeySpec};

pub(super) use add::{Options as AddOptions, add};
pub(super) use range::store;

/// As TYPE says it.
const TYPE_NAME: &str = "zset";

const READ: Flags = Flags::READONLY;
const READ_FAST: Flags = READ.with(Flags::FAST);
const READ_MANY: Flags = READ.with(Flags::MOVABLEKEYS);
const WRITE_FAST: Flags = Flags::WRITE.with(Flags::FAST);
const WRITE_GROWING: Flags = Flags::WRITE.with(Flags::DENYOOM);
const WRITE_WAITING: Flags = WRITE_FAST.with(Flags::NOSCRIPT).with(Flags::BLOCKING);

const READ_KEY: &[KeySpec] = &[KeySpec::at(1).read_only(&["access"])];
const READ_KEYS: &[KeySpec] = &[KeySpec::count_at(1).read_only(&["access"])];
const LOOKED_AT: &[KeySpec] = &[KeySpec::at(1).read_only(&[])];
const CUT_KEY: &[KeySpec] = &[KeySpec::at(1).read_write(&["delete"])];
const POPPED_KEY: &[KeySpec] = &[KeySpec::at(1).read_write(&["access", "delete"])];
const WAITED_KEYS: &[KeySpec] = &[KeySpec::range(1, -2, 1).read_write(&["access", "delete"])];
const STORED_AND_READ: &[KeySpec] = &[KeySpec::at(1).overwrite(&["update"]), KeySpec::at(2).read_only(&["access"])];
const STORED_AND_READ_MANY: &[KeySpec] =
    &[KeySpec::at(1).overwrite(&["update"]), KeySpec::count_at(2).read_only(&["access"])];

const VARYING: &[&str] = &["nondeterministic_output"];
const SEVERAL: &[(&str, &str)] = &[("2.4.0", "Several members.")];
const FRACTION: &[(&str, &str)] = &[("6.0.0", "Fractions of seconds.")];

const COMBINED: &str =
    "numkeys:integer key... [WEIGHTS weight:integer...] [AGGREGATE aggregate=(SUM | MIN | MAX)] [WITHSCORES]";
const COMBINED_STORED: &str =
    "destination:key numkeys:integer key... [WEIGHTS weight:integer...] [AGGREGATE aggregate=(SUM | MIN | MAX)]";

const fn counting(name: &'static str, handler: super::Handler, syntax: &'static str) -> Command {
    Command::new(name, handler, syntax).complexity("O(log(N))").arity(4).flags(READ_FAST).keys(READ_KEY)
}

const fn ranking(name: &'static str, handler: super::Handler) -> Command {
    Command::new(name, handler, "key member [WITHSCORE]@7.2.0")
        .since("2.0.0")
        .complexity("O(log(N))")
        .arity(-3)
        .flags(READ_FAST)
        .keys(READ_KEY)
        .history(&[("7.2.0", "Option WITHSCORE.")])
}

const fn ranging(name: &'static str, handler: super::Handler, syntax: &'static str) -> Command {
    Command::new(name, handler, syntax).complexity("O(log(N)+M)").arity(-4).flags(READ).keys(READ_KEY)
}

const fn removing(name: &'static str, handler: super::Handler, syntax: &'static str) -> Command {
    Command::new(name, handler, syntax).complexity("O(log(N)+M)").arity(4).flags(Flags::WRITE).keys(CUT_KEY)
}

const fn popping(name: &'static str, handler: super::Handler) -> Command {
    Command::new(name, handler, "key [count:integer]")
        .since("5.0.0")
        .complexity("O(log(N)*M)")
        .arity(-2)
        .flags(WRITE_FAST)
        .keys(POPPED_KEY)
}

const fn popping_waiting(name: &'static str, handler: super::Handler) -> Command {
    Command::new(name, handler, "key... timeout:double")
        .since("5.0.0")
        .complexity("O(log(N))")
        .arity(-3)
        .flags(WRITE_WAITING)
        .keys(WAITED_KEYS)
        .history(FRACTION)
}

const fn combining(name: &'static str, handler: super::Handler, syntax: &'static str) -> Command {
    Command::new(name, handler, syntax)
        .since("6.2.0")
        .complexity("O(N)+O(M*log(M))")
        .arity(-3)
        .flags(READ_MANY)
        .keys(READ_KEYS)
}

const fn storing(name: &'static str, handler: super::Handler, syntax: &'static str) -> Command {
    Command::new(name, handler, syntax)
        .since("2.0.0")
        .complexity("O(N)+O(M*log(M))")
        .arity(-4)
        .flags(WRITE_GROWING.with(Flags::MOVABLEKEYS))
        .keys(STORED_AND_READ_MANY)
}

pub(super) const COMMANDS: &[Command] = &[
    Command::new(
        "zadd",
        add::zadd,
        "key condition=[NX | XX]@3.0.2 comparison=[GT | LT]@6.2.0 [change=CH]@3.0.2 [increment=INCR]@3.0.2 \
         score_member=(score:double member)...",
    )
    .about("Gives members of a sorted set their scores; adds those that are new.")
    .since("1.2.0")
    .complexity("O(log(N))")
    .arity(-4)
    .flags(WRITE_GROWING.with(Flags::FAST))
    .keys(&[KeySpec::at(1).read_write(&["update"])])
    .history(&[
        ("2.4.0", "Several members."),
        ("3.0.2", "Options XX, NX, CH and INCR."),
        ("6.2.0", "Options GT and LT."),
    ]),
    Command::new("zincrby", add::zincrby, "key increment:integer member")
        .about("Adds to a member's score; a new one begins at 0.")
        .since("1.2.0")
        .complexity("O(log(N))")
        .arity(4)
        .flags(WRITE_GROWING.with(Flags::FAST))
        .keys(&[KeySpec::at(1).read_write(&["access", "update"])]),
    Command::new("zrem", remove::zrem, "key member...")
        .about("Takes members out of a sorted set.")
        .since("1.2.0")
        .complexity("O(M*log(N))")
        .arity(-3)
        .flags(WRITE_FAST)
        .keys(CUT_KEY)
        .history(SEVERAL),
    removing("zremrangebyscore", remove::zremrangebyscore, "key min:double max:double")
        .about("Takes the members out whose scores lie in a range.")
        .since("1.2.0"),
    removing("zremrangebyrank", remove::zremrangebyrank, "key start:integer stop:integer")
        .about("Takes the members out whose ranks lie in a range.")
        .since("2.0.0"),
    removing("zremrangebylex", remove::zremrangebylex, "key min max")
        .about("Takes the members out that lie in a range, where all scores are equal.")
        .since("2.8.9"),
    Command::new("zcard", read::zcard, "key")
        .about("Answers how many members a sorted set has.")
        .since("1.2.0")
        .arity(2)
        .flags(READ_FAST)
        .keys(LOOKED_AT),
    Command::new("zscore", read::zscore, "key member")
        .about("Answers a member's score.")
        .since("1.2.0")
        .arity(3)
        .flags(READ_FAST)
        .keys(READ_KEY),
    Command::new("zmscore", read::zmscore, "key member...")
        .about("Answers the scores of several members.")
        .since("6.2.0")
        .complexity("O(N)")
        .arity(-3)
        .flags(READ_FAST)
        .keys(READ_KEY),
    counting("zcount", read::zcount, "key min:double max:double")
        .about("Counts the members whose scores lie in a range.")
        .since("2.0.0"),
    counting("zlexcount", read::zlexcount, "key min max")
        .about("Counts the members that lie in a range, where all scores are equal.")
        .since("2.8.9"),
    ranking("zrank", read::zrank).about("Answers how many members come before one."),
    ranking("zrevrank", read::zrevrank).about("Answers how many members come behind one."),
    ranging(
        "zrange",
        range::zrange,
        "key start stop sortby=[BYSCORE | BYLEX]@6.2.0 [REV]@6.2.0 \
         [LIMIT offset_count=(offset:integer count:integer)]@6.2.0 [WITHSCORES]",
    )
    .about("Answers the members of a range of ranks, scores or members.")
    .since("1.2.0")
    .history(&[("6.2.0", "Options REV, BYSCORE, BYLEX and LIMIT.")]),
    Command::new(
        "zrangestore",
        range::zrangestore,
        "dst:key src:key min max sortby=[BYSCORE | BYLEX] [REV] [LIMIT offset_count=(offset:integer count:integer)]",
    )
    .about("Stores the members of a range of ranks, scores or members.")
    .since("6.2.0")
    .complexity("O(log(N)+M)")
    .arity(-5)
    .flags(WRITE_GROWING)
    .keys(STORED_AND_READ),
    ranging(
        "zrangebyscore",
        range::zrangebyscore,
        "key min:double max:double [WITHSCORES]@2.0.0 [LIMIT offset_count=(offset:integer count:integer)]",
    )
    .about("Answers the members whose scores lie in a range.")
    .since("1.0.5")
    .history(&[("2.0.0", "Option WITHSCORES.")])
    .deprecated("6.2.0", "`ZRANGE` with the `BYSCORE` argument"),
    ranging(
        "zrevrangebyscore",
        range::zrevrangebyscore,
        "key max:double min:double [WITHSCORES] [LIMIT offset_count=(offset:integer count:integer)]",
    )
    .about("Answers the members whose scores lie in a range, the last one first.")
    .since("2.2.0")
    .history(&[("2.1.6", "Bounds may be excluded.")])
    .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYSCORE` arguments"),
    ranging("zrangebylex", range::zrangebylex, "key min max [LIMIT offset_count=(offset:integer count:integer)]")
        .about("Answers the members of a range, where all scores are equal.")
        .since("2.8.9")
        .deprecated("6.2.0", "`ZRANGE` with the `BYLEX` argument"),
    ranging("zrevrangebylex", range::zrevrangebylex, "key max min [LIMIT offset_count=(offset:integer count:integer)]")
        .about("Answers the members of a range, where all scores are equal, the last one first.")
        .since("2.8.9")
        .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYLEX` arguments"),
    ranging("zrevrange", range::zrevrange, "key start:integer stop:integer [WITHSCORES]")
        .about("Answers the members of a range of ranks, the last one first.")
        .since("1.2.0")
        .deprecated("6.2.0", "`ZRANGE` with the `REV` argument"),
    popping("zpopmin", pop::zpopmin).about("Takes the members with the lowest scores out and answers them."),
    popping("zpopmax", pop::zpopmax).about("Takes the members with the highest scores out and answers them."),
    Command::new("zmpop", pop::zmpop, "numkeys:integer key... where=(MIN | MAX) [COUNT count:integer]")
        .about("Takes members out of the first of several sorted sets that has any.")
        .since("7.0.0")
        .complexity("O(K) + O(M*log(N))")
        .arity(-4)
        .flags(Flags::WRITE.with(Flags::MOVABLEKEYS))
        .keys(&[KeySpec::count_at(1).read_write(&["access", "delete"])]),
    popping_waiting("bzpopmin", blocking::bzpopmin)
        .about("Takes the member with the lowest score out of the first sorted set that has any; waits for one."),
    popping_waiting("bzpopmax", blocking::bzpopmax)
        .about("Takes the member with the highest score out of the first sorted set that has any; waits for one."),
    Command::new(
        "bzmpop",
        blocking::bzmpop,
        "timeout:double numkeys:integer key... where=(MIN | MAX) [COUNT count:integer]",
    )
    .about("Takes members out of the first of several sorted sets that has any, and waits for some if none has.")
    .since("7.0.0")
    .complexity("O(K) + O(M*log(N))")
    .arity(-5)
    .flags(Flags::WRITE.with(Flags::BLOCKING).with(Flags::MOVABLEKEYS))
    .keys(&[KeySpec::count_at(2).read_write(&["access", "delete"])]),
    combining("zunion", algebra::zunion, COMBINED).about("Answers the members that any of the sorted sets has."),
    storing("zunionstore", algebra::zunionstore, COMBINED_STORED)
        .about("Stores the members that any of the sorted sets has."),
    combining("zinter", algebra::zinter, COMBINED).about("Answers the members that all sorted sets have."),
    storing("zinterstore", algebra::zinterstore, COMBINED_STORED)
        .about("Stores the members that all sorted sets have."),
    combining("zdiff", algebra::zdiff, "numkeys:integer key... [WITHSCORES]")
        .about("Answers the members that the first sorted set has and none of the others."),
    storing("zdiffstore", algebra::zdiffstore, "destination:key numkeys:integer key...")
        .about("Stores the members that the first sorted set has and none of the others.")
        .since("6.2.0"),
    combining("zintercard", algebra::zintercard, "numkeys:integer key... [LIMIT limit:integer]")
        .about("Counts the members that all sorted sets have.")
        .since("7.0.0")
        .complexity("O(N*K)"),
    Command::new("zrandmember", random::zrandmember, "key options=[count:integer [WITHSCORES]]")
        .about("Answers members of a sorted set that chance chooses.")
        .since("6.2.0")
        .complexity("O(N)")
        .arity(-2)
        .flags(READ)
        .keys(READ_KEY)
        .tips(VARYING),
    Command::new("zscan", read::zscan, "key cursor:integer [MATCH pattern:pattern] [COUNT count:integer]")
        .about("Walks through the members of a sorted set and their scores, a few with each call.")
        .since("2.8.0")
        .complexity("O(1) for every call. O(N) for a complete iteration.")
        .arity(-3)
        .flags(READ)
        .keys(READ_KEY)
        .tips(VARYING),
];
