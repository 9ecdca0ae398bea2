//! DEBUG POPULATE and RELOAD: many keys at once, and all keys through the file and back.

use crate::command::{Args, CommandError, Context, Outcome};
use crate::keyspace::NewValue;
use crate::resp;

use super::unknown;

/// Makes keys for this server alone: nothing is propagated, and no change counts towards a save.
pub(super) fn populate(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    if args.len() > 5 {
        return Err(unknown(args));
    }
    let count = positive(args.at(2))?;
    let prefix: &[u8] = if args.len() > 3 { args.at(3) } else { b"key" };
    let size = if args.len() > 4 { positive(args.at(4))? } else { 0 };
    let changes = cx.db.effects.changes;
    let mut key = prefix.to_vec();
    for number in 0..count {
        key.truncate(prefix.len());
        key.extend_from_slice(format!(":{number}").as_bytes());
        let mut value = format!("value:{number}").into_bytes();
        if size > 0 {
            value.resize(size, 0);
        }
        if cx.db.write(args.key_of(&key)).is_none() {
            cx.db.set(args.key_of(&key), NewValue::String(&value), None);
        }
    }
    cx.db.effects.changes = changes;
    cx.reply.ok();
    Ok(Outcome::Done)
}

fn positive(text: &[u8]) -> Result<usize, CommandError> {
    let number = resp::parse_i64(text).and_then(|number| usize::try_from(number).ok());
    number.ok_or(CommandError::fixed("ERR value is out of range, must be positive"))
}

/// MERGE lets the file's keys win over present ones, and there are none: what is loaded replaces all data. NOFLUSH,
/// which keeps them, is not supported.
pub(super) fn reload(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    if cx.in_unit {
        return Err(CommandError::fixed("ERR DEBUG RELOAD is not allowed inside a transaction"));
    }
    let mut save = true;
    for option in args.rest(2) {
        match option.to_ascii_lowercase().as_slice() {
            b"nosave" => save = false,
            b"merge" => {}
            b"noflush" => return Err(CommandError::fixed("ERR DEBUG RELOAD NOFLUSH is not supported")),
            _ => {
                return Err(CommandError::fixed(
                    "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.",
                ));
            }
        }
    }
    Ok(Outcome::Reload { save })
}
