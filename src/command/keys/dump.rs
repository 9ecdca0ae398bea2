//! DUMP and RESTORE: a value as a payload that other servers understand.

use crate::command::{Args, CommandError, Context, Outcome};
use crate::config::EventClasses;
use crate::keyspace::access;
use crate::persistence::rdb::{RdbValue, dump_payload, restore_payload, restore_unverified, storable};

const BUSY_KEY: CommandError = CommandError::fixed("BUSYKEY Target key name already exists.");
const BAD_TTL: CommandError = CommandError::fixed("ERR Invalid TTL value, must be >= 0");
const BAD_IDLE_TIME: CommandError = CommandError::fixed("ERR Invalid IDLETIME value, must be >= 0");
const BAD_FREQUENCY: CommandError = CommandError::fixed("ERR Invalid FREQ value, must be >= 0 and <= 255");

pub(super) fn dump(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let compression = cx.config.rdbcompression;
    match cx.db.read(args.key(1)).map(|entry| dump_payload(&entry.value(), compression)) {
        Some(payload) => cx.reply.bulk(&payload),
        None => cx.reply.null(),
    }
    Ok(Outcome::Done)
}

pub(super) fn restore(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let options = Options::parse(args)?;
    let key = args.key(1);
    let is_taken = cx.db.write(key).is_some();
    if is_taken && !options.replaces {
        return Err(BUSY_KEY);
    }
    let ttl = args.int(2)?;
    if ttl < 0 {
        return Err(BAD_TTL);
    }
    let expire_at = match ttl {
        0 => None,
        _ if options.is_absolute => Some(ttl),
        _ => Some(ttl.saturating_add(cx.db.now_ms)),
    };
    let is_over = expire_at.is_some_and(|at| cx.db.is_over(at));
    let limits = cx.config.collections;
    let skips_checksum = cx.server.skips_checksums;
    let store = |value: &RdbValue<'_>| match storable(value, &limits) {
        Some(value) => {
            if !is_over {
                cx.db.set(key, value, expire_at);
                cx.db.notify(EventClasses::GENERIC, "restore", key);
            }
            Ok(())
        }
        None => Err(CommandError::new(format!("ERR Values of type {} are not supported yet", value.type_name()))),
    };
    let stored = match skips_checksum {
        true => restore_unverified(args.at(3), store),
        false => restore_payload(args.at(3), store),
    };
    stored.unwrap_or_else(|error| Err(CommandError::new(format!("ERR {error}"))))?;
    match is_over {
        true if is_taken => {
            cx.db.remove(key);
            cx.db.propagate_as(&[b"DEL", key.bytes]);
        }
        true => {}
        false => finish(cx, args, &options, expire_at),
    }
    cx.reply.ok();
    Ok(Outcome::Done)
}

/// The key is there: its access clock, and its form in the stream.
fn finish(cx: &mut Context<'_>, args: &Args<'_>, options: &Options, expire_at: Option<i64>) {
    // Also where it replaces another, a restored key is a new one.
    let bits = options.access(cx).unwrap_or_else(|| cx.db.access.stored(None));
    if let Some(entry) = cx.db.peek(args.key(1)) {
        entry.set_access(bits);
    }
    let Some(at) = expire_at.filter(|_| !options.is_absolute) else { return };
    let mut digits = itoa::Buffer::new();
    let mut words = args.to_vec();
    words[2] = digits.format(at).as_bytes();
    words.push(b"ABSTTL");
    cx.db.propagate_as(&words);
}

#[derive(Default)]
struct Options {
    replaces: bool,
    is_absolute: bool,
    idle_s: Option<i64>,
    frequency: Option<i64>,
}

impl Options {
    fn parse(args: &Args<'_>) -> Result<Options, CommandError> {
        let mut options = Options::default();
        let mut index = 4;
        while index < args.len() {
            let has_more = index + 1 < args.len();
            if args.is(index, "REPLACE") {
                options.replaces = true;
            } else if args.is(index, "ABSTTL") {
                options.is_absolute = true;
            } else if args.is(index, "IDLETIME") && has_more && options.frequency.is_none() {
                index += 1;
                options.idle_s = Some(checked(args.int(index)?, 0..=i64::MAX, BAD_IDLE_TIME)?);
            } else if args.is(index, "FREQ") && has_more && options.idle_s.is_none() {
                index += 1;
                options.frequency = Some(checked(args.int(index)?, 0..=255, BAD_FREQUENCY)?);
            } else {
                return Err(CommandError::SYNTAX);
            }
            index += 1;
        }
        Ok(options)
    }
}

impl Options {
    /// The access bits that the options ask for, if the policy in force knows what they say.
    fn access(&self, cx: &Context<'_>) -> Option<u32> {
        let unix_s = cx.now.unix_s();
        if cx.config.maxmemory_policy.counts_uses() {
            return self.frequency.map(|counter| u32::from(access::lfu_clock(unix_s)) << 8 | counter as u32);
        }
        let idle_s = self.idle_s?.min(access::ACCESS_BITS.into());
        Some(access::lru_clock(unix_s - idle_s))
    }
}

fn checked(number: i64, range: std::ops::RangeInclusive<i64>, error: CommandError) -> Result<i64, CommandError> {
    if range.contains(&number) { Ok(number) } else { Err(error) }
}
