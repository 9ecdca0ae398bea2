//! Bitmap commands: a string as a row of bits, the first byte's highest bit first.
//!
//! What is read is read in pieces and what is written is a few bytes of a range: the length of a string costs nothing
//! where only some of its bits are asked for.

mod bit;
mod combine;
mod count;
mod field;
mod field_type;

use super::{Args, Command, CommandError, Context, Flags, KeySpec, Origin};

const READ_KEY: &[KeySpec] = &[KeySpec::at(1).read_only(&["access"])];

pub(super) const COMMANDS: &[Command] = &[
    Command::new("setbit", bit::setbit, "key offset:integer value:integer")
        .about("Sets or clears one bit of a string, after zero bits where it is too short; answers what it was.")
        .since("2.2.0")
        .arity(4)
        .flags(Flags::WRITE.with(Flags::DENYOOM))
        .keys(&[KeySpec::at(1).read_write(&["access", "update"])]),
    Command::new("getbit", bit::getbit, "key offset:integer")
        .about("Answers one bit of a string; behind its end there are zeros.")
        .since("2.2.0")
        .arity(3)
        .flags(Flags::READONLY.with(Flags::FAST))
        .keys(READ_KEY),
    Command::new("bitcount", count::bitcount, "key index=[start:integer end:integer index_unit=[BYTE | BIT]@7.0.0]")
        .about("Counts the ones of a string or of a part of it.")
        .since("2.6.0")
        .complexity("O(N)")
        .arity(-2)
        .flags(Flags::READONLY)
        .keys(READ_KEY)
        .history(&[("7.0.0", "BYTE and BIT.")]),
    Command::new(
        "bitpos",
        count::bitpos,
        "key bit:integer index=[start:integer end_index=[end:integer index_unit=[BYTE | BIT]@7.0.0]]",
    )
    .about("Answers where the first one, or the first zero, of a string stands.")
    .since("2.8.7")
    .complexity("O(N)")
    .arity(-3)
    .flags(Flags::READONLY)
    .keys(READ_KEY)
    .history(&[("7.0.0", "BYTE and BIT.")]),
    Command::new("bitop", combine::bitop, "operation destkey:key key...")
        .about("Combines strings bit by bit and stores the result.")
        .since("2.6.0")
        .complexity("O(N)")
        .arity(-4)
        .flags(Flags::WRITE.with(Flags::DENYOOM))
        .keys(&[KeySpec::at(2).overwrite(&["update"]), KeySpec::range(3, -1, 1).read_only(&["access"])]),
    Command::new(
        "bitfield",
        field::bitfield,
        "key operation=[GET encoding_offset=(encoding offset:integer) \
         | write=([OVERFLOW wrap_sat_fail=(WRAP | SAT | FAIL)] \
         write_operation=(SET encoding_offset_value=(encoding offset:integer value:integer) \
         | INCRBY encoding_offset_increment=(encoding offset:integer increment:integer)))]...",
    )
    .about("Reads and changes integers of any width within a string.")
    .since("3.2.0")
    .arity(-2)
    .flags(Flags::WRITE.with(Flags::DENYOOM))
    .keys(&[KeySpec::at(1).read_write(&["access", "update", "variable_flags"]).writing_only_with(&["SET", "INCRBY"])]),
    Command::new("bitfield_ro", field::bitfield_ro, "key [GET encoding_offset=(encoding offset:integer)]...")
        .about("Reads integers of any width within a string.")
        .since("6.0.0")
        .arity(-2)
        .flags(Flags::READONLY.with(Flags::FAST))
        .keys(READ_KEY),
];

const BAD_OFFSET: CommandError = CommandError::fixed("ERR bit offset is not an integer or out of range");

/// The bit that a text names, its number taken `unit` times.
///
/// What a master has stored, its replica stores too, whatever its own limit.
fn bit_offset(cx: &Context<'_>, text: &[u8], unit: i64) -> Result<u64, CommandError> {
    let number = crate::resp::parse_i64(text).and_then(|number| number.checked_mul(unit));
    let offset = number.and_then(|number| u64::try_from(number).ok()).ok_or(BAD_OFFSET)?;
    let fits = offset >> 3 < cx.config.proto_max_bulk_len as u64 || cx.origin == Origin::Master;
    if fits { Ok(offset) } else { Err(BAD_OFFSET) }
}

/// The unit that a range is given in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Byte,
    Bit,
}

impl Unit {
    /// Word `index`, BYTE if there is none.
    fn parse(args: &Args<'_>, index: usize) -> Result<Unit, CommandError> {
        match args.len() > index {
            true if args.is(index, "BIT") => Ok(Unit::Bit),
            true if !args.is(index, "BYTE") => Err(CommandError::SYNTAX),
            _ => Ok(Unit::Byte),
        }
    }
}
