//! SETBIT and GETBIT.

use crate::command::{Args, CommandError, Context, Outcome};
use crate::config::EventClasses;

use super::bit_offset;

const BAD_BIT: CommandError = CommandError::fixed("ERR bit is not an integer or out of range");

pub(super) fn setbit(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let offset = bit_offset(cx, args.at(2), 1)?;
    let bit = match args.int(3) {
        Ok(0) => 0,
        Ok(1) => mask(offset),
        _ => return Err(BAD_BIT),
    };
    let (key, at) = (args.key(1), byte(offset));
    let present = cx.db.write_string(key)?.filter(|string| at < string.len());
    let old = present.map(|string| string.window::<1>(at)[0]);
    let new = old.unwrap_or(0) & !mask(offset) | bit;
    if old != Some(new) {
        cx.db.patch(key, at, &[new]);
        cx.db.notify(EventClasses::STRING, "setbit", key);
    }
    cx.reply.int((old.unwrap_or(0) & mask(offset) != 0).into());
    Ok(Outcome::Done)
}

pub(super) fn getbit(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let offset = bit_offset(cx, args.at(2), 1)?;
    let string = cx.db.read_string(args.key(1))?;
    let [found] = string.map_or([0], |string| string.window(byte(offset)));
    cx.reply.int((found & mask(offset) != 0).into());
    Ok(Outcome::Done)
}

fn byte(offset: u64) -> usize {
    (offset >> 3) as usize
}

fn mask(offset: u64) -> u8 {
    0x80 >> (offset & 7)
}
