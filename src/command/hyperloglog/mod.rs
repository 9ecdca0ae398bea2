//! HyperLogLog commands: how many different elements were added to a string of at most 12 KB, within about 0.8 %.
//!
//! The strings are Redis's to the byte, so that they pass between servers in payloads and streams: [`sketch`] says how
//! they are made up. Nothing of what a client may have put into such a string is trusted.

mod dense;
mod estimate;
mod hash;
mod inspect;
mod sketch;
mod sparse;
mod update;

use super::{Command, Flags, KeySpec};

const READ_WRITE: &[KeySpec] = &[KeySpec::at(2).read_write(&["access"])];

pub(super) const COMMANDS: &[Command] = &[
    Command::new("pfadd", update::pfadd, "key [element...]")
        .about("Adds elements to a HyperLogLog; answers whether its estimate may have changed.")
        .since("2.8.9")
        .arity(-2)
        .flags(Flags::WRITE.with(Flags::DENYOOM).with(Flags::FAST))
        .keys(&[KeySpec::at(1).read_write(&["insert"])]),
    Command::new("pfcount", update::pfcount, "key...")
        .about("Estimates how many different elements were added to one or several HyperLogLogs.")
        .since("2.8.9")
        .arity(-2)
        .flags(Flags::READONLY.with(Flags::MAY_REPLICATE))
        .keys(&[KeySpec::range(1, -1, 1).read_write(&["access"])]),
    Command::new("pfmerge", update::pfmerge, "destkey:key [sourcekey:key...]")
        .about("Adds to a HyperLogLog all that was added to others.")
        .since("2.8.9")
        .complexity("O(N)")
        .arity(-2)
        .flags(Flags::WRITE.with(Flags::DENYOOM))
        .keys(&[KeySpec::at(1).read_write(&["access", "insert"]), KeySpec::range(2, -1, 1).read_only(&["access"])]),
    Command::new("pfdebug", inspect::pfdebug, "subcommand key")
        .about("Shows, or changes, how a HyperLogLog is encoded.")
        .since("2.8.9")
        .arity(3)
        .flags(Flags::WRITE.with(Flags::DENYOOM).with(Flags::ADMIN))
        .keys(READ_WRITE),
    Command::new("pfselftest", inspect::pfselftest, "")
        .about("Tests registers, encodings and the error of estimates on random elements.")
        .since("2.8.9")
        .arity(1)
        .flags(Flags::ADMIN),
];
