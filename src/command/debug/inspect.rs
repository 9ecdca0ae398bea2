//! DEBUG DIGEST, DIGEST-VALUE, OBJECT, JMAP: looking at data without touching it. Logically expired keys show too.

use crate::command::{Args, CommandError, Context, Outcome};
use crate::keyspace::{Encoding, Entry, Value};
use crate::persistence::rdb::dump_payload;

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
    let line = describe(&entry, cx.db.access_clock, cx.config.rdbcompression);
    cx.reply.simple(&line);
    Ok(Outcome::Done)
}

fn describe(entry: &Entry<'_>, clock: u32, compression: bool) -> String {
    let Value::String(string) = entry.value();
    let bytes = string.to_cow();
    let (encoding, refcount) = match string.encoding() {
        Encoding::Int if is_shared(&bytes) => ("int", SHARED_REFCOUNT),
        Encoding::Int => ("int", 1),
        Encoding::Embstr => ("embstr", 1),
        Encoding::Raw => ("raw", 1),
    };
    let address = string.chunks().next().map_or(std::ptr::null(), <[u8]>::as_ptr);
    let serialized_bytes = dump_payload(&entry.value(), compression).len() - DUMP_FRAME_BYTES;
    let idle_s = clock.wrapping_sub(entry.access()) & 0xff_ffff;
    format!(
        "Value at:{address:p} refcount:{refcount} encoding:{encoding} serializedlength:{serialized_bytes} lru:{} \
         lru_seconds_idle:{idle_s}",
        entry.access()
    )
}

fn is_shared(digits: &[u8]) -> bool {
    crate::resp::parse_i64(digits).is_some_and(|number| (0..SHARED_INTEGERS).contains(&number))
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
    let (mut strings, mut bytes) = (0usize, 0usize);
    for index in 0..cx.db.keyspace.databases() {
        cx.db.keyspace.db(index).for_each(&mut |entry| match entry.value() {
            Value::String(_) => {
                strings += 1;
                bytes += entry.size_bytes();
            }
        });
    }
    let text = format!("{:>16} {:>20} {}\n{strings:>16} {bytes:>20} string\n", "keys", "bytes", "type");
    cx.reply.verbatim("txt", text.as_bytes());
    Ok(Outcome::Done)
}
