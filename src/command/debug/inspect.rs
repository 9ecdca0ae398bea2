//! DEBUG DIGEST, DIGEST-VALUE, OBJECT, JMAP: looking at data without touching it. Logically expired keys show too.

use std::collections::BTreeMap;

use crate::command::{Args, CommandError, Context, Outcome};
use crate::keyspace::{Encoding, Entry, Value, access};
use crate::persistence::rdb::dump_payload;
use crate::resp::parse_i64;

use super::{Digest, keyspace_digest};

/// What a dumped value carries beside its own bytes: a type before them, version and checksum behind.
const DUMP_FRAME_BYTES: usize = 1 + 2 + 8;
/// Redis shares the objects of so many small integers, and shows it.
const SHARED_INTEGERS: i64 = 10_000;
const SHARED_REFCOUNT: i32 = i32::MAX;

pub(super) fn digest(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.reply.simple(&keyspace_digest(cx.db.keyspace).to_string());
    Ok(Outcome::Done)
}

pub(super) fn digest_value(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.reply.array(args.len() - 2);
    for index in 2..args.len() {
        let entry = cx.db.keyspace.db(cx.db.index).get(args.key(index));
        let digest = entry.map(|entry| Digest::of_value(&entry)).unwrap_or_default();
        cx.reply.simple(&digest.to_string());
    }
    Ok(Outcome::Done)
}

pub(super) fn object(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let entry = cx.db.keyspace.db(cx.db.index).get(args.key(2)).ok_or(CommandError::NO_SUCH_KEY)?;
    let line = describe(&entry, access::lru_clock(cx.now.unix_s()), cx.config.rdbcompression);
    cx.reply.simple(&line);
    Ok(Outcome::Done)
}

fn describe(entry: &Entry<'_>, clock: u32, compression: bool) -> String {
    let value = entry.value();
    let encoding = value.encoding().name();
    let refcount = if is_shared(&value) { SHARED_REFCOUNT } else { 1 };
    let address = entry.key().as_ptr();
    let serialized_bytes = dump_payload(&value, compression).len() - DUMP_FRAME_BYTES;
    let idle_s = access::idle_s(entry.access(), clock);
    format!(
        "Value at:{address:p} refcount:{refcount} encoding:{encoding} serializedlength:{serialized_bytes} lru:{} \
         lru_seconds_idle:{idle_s}",
        entry.access()
    )
}

fn is_shared(value: &Value<'_>) -> bool {
    let Value::String(string) = value else { return false };
    let is_integer = string.encoding() == Encoding::Int;
    is_integer && parse_i64(&string.to_cow()).is_some_and(|number| (0..SHARED_INTEGERS).contains(&number))
}

/// Each is a refusal as long as no value is stored that way; that there is a key is asked first.
fn not_stored_as(cx: &mut Context<'_>, args: &Args<'_>, error: &'static str) -> Result<Outcome, CommandError> {
    cx.db.peek(args.key(2)).ok_or(CommandError::NO_SUCH_KEY)?;
    Err(CommandError::fixed(error))
}

pub(super) fn listpack(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    not_stored_as(cx, args, "ERR Not a listpack encoded object.")
}

pub(super) fn quicklist(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    if args.len() > 4 {
        return Err(super::unknown(args));
    }
    not_stored_as(cx, args, "ERR Not a quicklist encoded object.")
}

pub(super) fn htstats_key(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    not_stored_as(cx, args, "ERR The value stored at the specified key is not represented using an hash table")
}

/// A table has no buckets that chains would hang from, so there is no more to tell than how much is in it.
pub(super) fn htstats(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let index = usize::try_from(args.int(2)?).ok().filter(|index| *index < cx.db.keyspace.databases());
    let db = cx.db.keyspace.db(index.ok_or(CommandError::fixed("ERR Out of range database"))?);
    let part = |title: &str, elements: usize| match elements {
        0 => format!("[{title} HT]\nNo stats available for empty dictionaries\n"),
        _ => format!("[{title} HT]\n number of elements: {elements}\n"),
    };
    let text = part("Dictionary", db.len()) + &part("Expires", db.expires_len());
    cx.reply.verbatim("txt", text.as_bytes());
    Ok(Outcome::Done)
}

/// A histogram of the heap by type.
pub(super) fn jmap(cx: &mut Context<'_>, _args: &Args<'_>) -> Result<Outcome, CommandError> {
    let mut types: BTreeMap<&str, (usize, usize)> = BTreeMap::from([("string", (0, 0))]);
    for index in 0..cx.db.keyspace.databases() {
        cx.db.keyspace.db(index).for_each(&mut |entry| {
            let (keys, bytes) = types.entry(entry.value().type_name()).or_default();
            *keys += 1;
            *bytes += entry.size_bytes();
        });
    }
    let mut text = format!("{:>16} {:>20} type\n", "keys", "bytes");
    for (name, (keys, bytes)) in types {
        text += &format!("{keys:>16} {bytes:>20} {name}\n");
    }
    cx.reply.verbatim("txt", text.as_bytes());
    Ok(Outcome::Done)
}
