//! PFADD, PFCOUNT, PFMERGE.

use crate::command::{Args, CommandError, Context, Outcome};
use crate::config::EventClasses;
use crate::keyspace::{Key, NewValue};

use super::estimate::cardinality;
use super::hash::{Observation, REGISTERS};
use super::sketch::{CACHE_AT, Corrupted, Draft, Encoding, Registers, Sketch};

pub(super) const NOT_A_SKETCH: CommandError =
    CommandError::fixed("WRONGTYPE Key is not a valid HyperLogLog string value.");

impl From<Corrupted> for CommandError {
    fn from(_: Corrupted) -> CommandError {
        CommandError::fixed("INVALIDOBJ Corrupted HLL object detected")
    }
}

pub(super) fn pfadd(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let key = args.key(1);
    let sparse_bytes_max = cx.config.hll_sparse_max_bytes;
    let (mut updates, mut draft) = (0, None);
    match cx.db.write_string(key)? {
        None => (updates, draft) = (1, Some(Draft::empty())),
        Some(string) => {
            let bytes = string.to_cow();
            let sketch = Sketch::of(&bytes).ok_or(NOT_A_SKETCH)?;
            // Most elements change nothing, and then nothing is copied.
            for element in args.rest(2) {
                if sketch.is_raised_by(Observation::of(element))? {
                    draft = Some(Draft::of(sketch));
                    break;
                }
            }
        }
    }
    if let Some(draft) = &mut draft {
        for element in args.rest(2) {
            updates += u64::from(draft.observe(Observation::of(element), sparse_bytes_max)?);
        }
        store(cx, key, draft, updates);
    }
    cx.reply.int((updates > 0).into());
    Ok(Outcome::Done)
}

/// Stores a HyperLogLog to which something was added.
fn store(cx: &mut Context<'_>, key: Key<'_>, draft: &mut Draft, updates: u64) {
    draft.invalidate();
    replace(cx, key, draft, updates);
    cx.db.notify(EventClasses::STRING, "pfadd", key);
}

/// Stores a HyperLogLog; a present key keeps its expiry.
pub(super) fn replace(cx: &mut Context<'_>, key: Key<'_>, draft: &Draft, changes: u64) {
    let before = cx.db.effects.changes;
    let expire_at = cx.db.write(key).and_then(|entry| entry.expire_at());
    cx.db.set(key, NewValue::RawString(&draft.to_bytes()), expire_at);
    cx.db.count_changes(before, changes);
}

pub(super) fn pfcount(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let count = if args.len() == 2 { count_one(cx, args.key(1))? } else { count_union(cx, args)? };
    cx.reply.int(count as i64);
    Ok(Outcome::Done)
}

/// The cached cardinality; or it is computed, and kept for the next time.
fn count_one(cx: &mut Context<'_>, key: Key<'_>) -> Result<u64, CommandError> {
    let Some(string) = cx.db.read_string(key)? else { return Ok(0) };
    let bytes = string.to_cow();
    let sketch = Sketch::of(&bytes).ok_or(NOT_A_SKETCH)?;
    if let Some(cached) = sketch.cached() {
        return Ok(cached);
    }
    let count = sketch.cardinality()?;
    // Also on a replica, which passes nothing on: its master's next PFCOUNT writes the same.
    cx.db.patch(key, CACHE_AT, &count.to_le_bytes());
    Ok(count)
}

fn count_union(cx: &mut Context<'_>, args: &Args<'_>) -> Result<u64, CommandError> {
    let (registers, _) = merged(cx, args)?;
    let mut histogram = [0; 64];
    registers.iter().for_each(|&register| histogram[usize::from(register)] += 1);
    Ok(cardinality(&histogram))
}

pub(super) fn pfmerge(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let (registers, has_dense) = merged(cx, args)?;
    let mut draft = match cx.db.write_string(args.key(1))? {
        None => Draft::empty(),
        Some(string) => Draft::of(Sketch::of(&string.to_cow()).ok_or(NOT_A_SKETCH)?),
    };
    if has_dense {
        draft.make_dense()?;
    }
    for (register, &run) in registers.iter().enumerate().filter(|(_, run)| **run > 0) {
        draft.observe(Observation { register, run }, cx.config.hll_sparse_max_bytes)?;
    }
    store(cx, args.key(1), &mut draft, 1);
    cx.reply.ok();
    Ok(Outcome::Done)
}

/// The highest of each register over all keys of the request, and whether any of them is dense.
fn merged(cx: &mut Context<'_>, args: &Args<'_>) -> Result<(Box<Registers>, bool), CommandError> {
    let mut registers = Box::new([0; REGISTERS]);
    let mut has_dense = false;
    for index in 1..args.len() {
        if let Some(string) = cx.db.read_string(args.key(index))? {
            let bytes = string.to_cow();
            let sketch = Sketch::of(&bytes).ok_or(NOT_A_SKETCH)?;
            has_dense |= sketch.encoding() == Encoding::Dense;
            sketch.merge_into(&mut registers)?;
        }
    }
    Ok((registers, has_dense))
}
