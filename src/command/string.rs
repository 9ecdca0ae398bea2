//! String commands: a key holds one binary-safe value.

use crate::keyspace::NewValue;

use super::{Args, Command, CommandError, Context, Flags, KeySpec, Outcome};

pub(super) const COMMANDS: &[Command] = &[
    Command::new("get", get, "key")
        .about("Answers the string a key holds.")
        .arity(2)
        .flags(Flags::READONLY.with(Flags::FAST))
        .keys(&[KeySpec::at(1).read_only(&["ACCESS"])]),
    Command::new("set", set, "key value")
        .about("Sets a key to a string, whatever it held.")
        .arity(-3)
        .flags(Flags::WRITE.with(Flags::DENYOOM))
        .keys(&[KeySpec::at(1).overwrite(&["UPDATE"])]),
];

fn get(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    match cx.db.read_string(args.key(1))? {
        Some(string) => cx.reply.bulk_chunks(string.len(), string.chunks()),
        None => cx.reply.null(),
    }
    Ok(Outcome::Done)
}

fn set(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.db.set(args.key(1), NewValue::String(args.at(2)), None);
    cx.reply.ok();
    Ok(Outcome::Done)
}
