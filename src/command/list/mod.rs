//! List commands: a key holds a sequence of strings, which grows and shrinks at its ends.

mod blocking;
mod edit;
mod pop;
mod push;
mod read;
mod rotate;

use super::{Args, Command, CommandError, Flags, KeySpec};

/// As TYPE says it.
const TYPE_NAME: &str = "list";

const READ: Flags = Flags::READONLY;
const WRITE: Flags = Flags::WRITE;
const WRITE_WAITING: Flags = WRITE.with(Flags::NOSCRIPT).with(Flags::BLOCKING);
const WRITE_GROWING: Flags = WRITE.with(Flags::DENYOOM);
const WRITE_GROWING_FAST: Flags = WRITE_GROWING.with(Flags::FAST);

const READ_KEY: &[KeySpec] = &[KeySpec::at(1).read_only(&["access"])];
const INSERTED_KEY: &[KeySpec] = &[KeySpec::at(1).read_write(&["insert"])];
const POPPED_KEY: &[KeySpec] = &[KeySpec::at(1).read_write(&["access", "delete"])];
const CUT_KEY: &[KeySpec] = &[KeySpec::at(1).read_write(&["delete"])];
const MOVED_KEYS: &[KeySpec] =
    &[KeySpec::at(1).read_write(&["access", "delete"]), KeySpec::at(2).read_write(&["insert"])];

const SEVERAL: &[(&str, &str)] = &[("2.4.0", "Several elements.")];
const FRACTION: &[(&str, &str)] = &[("6.0.0", "Fractions of seconds.")];
const COUNT: &[(&str, &str)] = &[("6.2.0", "Argument count.")];

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Left,
    Right,
}

impl End {
    /// LEFT or RIGHT, at word `index`.
    fn parse(args: &Args<'_>, index: usize) -> Result<End, CommandError> {
        match () {
            _ if args.is(index, "LEFT") => Ok(End::Left),
            _ if args.is(index, "RIGHT") => Ok(End::Right),
            _ => Err(CommandError::SYNTAX),
        }
    }

    /// What pushing here is called in key events.
    fn push_event(self) -> &'static str {
        if self == End::Left { "lpush" } else { "rpush" }
    }

    fn pop_event(self) -> &'static str {
        if self == End::Left { "lpop" } else { "rpop" }
    }
}

/// An index from the start, of one that may count from the end.
fn absolute(index: i64, len: usize) -> i64 {
    if index < 0 { index.saturating_add(len as i64) } else { index }
}

/// `start..=stop` as a half-open range within the length.
fn clamp(start: i64, stop: i64, len: usize) -> (usize, usize) {
    let from = absolute(start, len).max(0);
    let to = absolute(stop, len).saturating_add(1).min(len as i64);
    if from < to { (from as usize, to as usize) } else { (0, 0) }
}

const fn pushing(name: &'static str, handler: super::Handler) -> Command {
    Command::new(name, handler, "key element...")
        .complexity("O(N)")
        .arity(-3)
        .flags(WRITE_GROWING_FAST)
        .keys(INSERTED_KEY)
}

const fn popping(name: &'static str, handler: super::Handler) -> Command {
    Command::new(name, handler, "key [count:integer]@6.2.0")
        .complexity("O(N)")
        .arity(-2)
        .flags(WRITE.with(Flags::FAST))
        .keys(POPPED_KEY)
        .history(COUNT)
}

pub(super) const COMMANDS: &[Command] = &[
    pushing("lpush", push::lpush)
        .about("Puts elements before the first one, each before the last put.")
        .history(SEVERAL),
    pushing("rpush", push::rpush).about("Puts elements behind the last one.").history(SEVERAL),
    pushing("lpushx", push::lpushx)
        .about("Puts elements before the first one of a list that exists.")
        .since("2.2.0")
        .history(&[("4.0.0", "Several elements.")]),
    pushing("rpushx", push::rpushx)
        .about("Puts elements behind the last one of a list that exists.")
        .since("2.2.0")
        .history(&[("4.0.0", "Several elements.")]),
    popping("lpop", pop::lpop).about("Takes the first elements out and answers them."),
    popping("rpop", pop::rpop).about("Takes the last elements out and answers them."),
    Command::new("lmpop", pop::lmpop, "numkeys:integer key... where=(LEFT | RIGHT) [COUNT count:integer]")
        .about("Takes elements out of the first of several lists that has any.")
        .since("7.0.0")
        .complexity("O(N+M)")
        .arity(-4)
        .flags(WRITE.with(Flags::MOVABLEKEYS))
        .keys(&[KeySpec::count_at(1).read_write(&["access", "delete"])]),
    Command::new("blpop", blocking::blpop, "key... timeout:double")
        .about("Takes the first element out of the first of several lists that has any, and waits for one if none has.")
        .since("2.0.0")
        .complexity("O(N)")
        .arity(-3)
        .flags(WRITE_WAITING)
        .keys(&[KeySpec::range(1, -2, 1).read_write(&["access", "delete"])])
        .history(FRACTION),
    Command::new("brpop", blocking::brpop, "key... timeout:double")
        .about("Takes the last element out of the first of several lists that has any, and waits for one if none has.")
        .since("2.0.0")
        .complexity("O(N)")
        .arity(-3)
        .flags(WRITE_WAITING)
        .keys(&[KeySpec::range(1, -2, 1).read_write(&["access", "delete"])])
        .history(FRACTION),
    Command::new(
        "blmpop",
        blocking::blmpop,
        "timeout:double numkeys:integer key... where=(LEFT | RIGHT) [COUNT count:integer]",
    )
    .about("Takes elements out of the first of several lists that has any, and waits for some if none has.")
    .since("7.0.0")
    .complexity("O(N+M)")
    .arity(-5)
    .flags(Flags::WRITE.with(Flags::BLOCKING).with(Flags::MOVABLEKEYS))
    .keys(&[KeySpec::count_at(2).read_write(&["access", "delete"])]),
    Command::new("llen", read::llen, "key")
        .about("Answers the length of a list.")
        .arity(2)
        .flags(READ.with(Flags::FAST))
        .keys(&[KeySpec::at(1).read_only(&[])]),
    Command::new("lindex", read::lindex, "key index:integer")
        .about("Answers one element by its index.")
        .complexity("O(log(N))")
        .arity(3)
        .flags(READ)
        .keys(READ_KEY),
    Command::new("lrange", read::lrange, "key start:integer stop:integer")
        .about("Answers the elements of a range, both ends included.")
        .complexity("O(log(N)+M)")
        .arity(4)
        .flags(READ)
        .keys(READ_KEY),
    Command::new(
        "lpos",
        read::lpos,
        "key element [RANK rank:integer] [COUNT num-matches:integer] [MAXLEN len:integer]",
    )
    .about("Answers where elements equal to one stand.")
    .since("6.0.6")
    .complexity("O(N)")
    .arity(-3)
    .flags(READ)
    .keys(READ_KEY),
    Command::new("lset", edit::lset, "key index:integer element")
        .about("Puts an element in the place of another.")
        .complexity("O(log(N))")
        .arity(4)
        .flags(WRITE_GROWING)
        .keys(&[KeySpec::at(1).read_write(&["update"])]),
    Command::new("linsert", edit::linsert, "key where=(BEFORE | AFTER) pivot element")
        .about("Puts an element before or behind the first one that equals another.")
        .since("2.2.0")
        .complexity("O(N)")
        .arity(5)
        .flags(WRITE_GROWING)
        .keys(INSERTED_KEY),
    Command::new("lrem", edit::lrem, "key count:integer element")
        .about("Takes elements out that equal one.")
        .complexity("O(N)")
        .arity(4)
        .flags(WRITE)
        .keys(CUT_KEY),
    Command::new("ltrim", edit::ltrim, "key start:integer stop:integer")
        .about("Takes all elements out but those of a range.")
        .complexity("O(N)")
        .arity(4)
        .flags(WRITE)
        .keys(CUT_KEY),
    Command::new("lmove", rotate::lmove, "source:key destination:key wherefrom=(LEFT | RIGHT) whereto=(LEFT | RIGHT)")
        .about("Takes an element out of a list, puts it into another and answers it.")
        .since("6.2.0")
        .arity(5)
        .flags(WRITE_GROWING)
        .keys(MOVED_KEYS),
    Command::new(
        "blmove",
        blocking::blmove,
        "source:key destination:key wherefrom=(LEFT | RIGHT) whereto=(LEFT | RIGHT) timeout:double",
    )
    .about("Takes an element out of a list, puts it into another and answers it; waits for one if there is none.")
    .since("6.2.0")
    .arity(6)
    .flags(WRITE_WAITING.with(Flags::DENYOOM))
    .keys(MOVED_KEYS),
    Command::new("brpoplpush", blocking::brpoplpush, "source:key destination:key timeout:double")
        .about(
            "Takes the last element out of a list and puts it before another's first; waits for one if there is none.",
        )
        .since("2.2.0")
        .arity(4)
        .flags(WRITE_WAITING.with(Flags::DENYOOM))
        .keys(MOVED_KEYS)
        .history(FRACTION)
        .deprecated("6.2.0", "`BLMOVE` with the `RIGHT` and `LEFT` arguments"),
    Command::new("rpoplpush", rotate::rpoplpush, "source:key destination:key")
        .about("Takes the last element out of a list, puts it before another's first and answers it.")
        .since("1.2.0")
        .arity(3)
        .flags(WRITE_GROWING)
        .keys(MOVED_KEYS)
        .deprecated("6.2.0", "`LMOVE` with the `RIGHT` and `LEFT` arguments"),
];

#[cfg(test)]
mod tests {
    use super::clamp;

    #[test]
    fn ranges_are_clamped_to_the_list() {
        for (start, stop, len, expected) in [
            (0, -1, 5, (0, 5)),
            (1, 2, 5, (1, 3)),
            (-2, 100, 5, (3, 5)),
            (-100, 1, 5, (0, 2)),
            (3, 2, 5, (0, 0)),
            (5, 9, 5, (0, 0)),
            (0, -9, 5, (0, 0)),
            (i64::MIN, i64::MAX, 5, (0, 5)),
        ] {
            assert_eq!(clamp(start, stop, len), expected, "{start} {stop} of {len}");
        }
    }
}
