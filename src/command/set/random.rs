//! SPOP, SRANDMEMBER: members that chance chooses. What SPOP took enters the stream by name.

use crate::command::collections::{NOT_POSITIVE, at_least};
use crate::command::{Args, CommandError, Context, Outcome, sample};
use crate::config::EventClasses;
use crate::keyspace::{Key, SetRef, Strings};

/// Members of one SREM in the stream.
const PROPAGATED: usize = 1024;

pub(super) fn spop(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    if args.len() > 3 {
        return Err(CommandError::SYNTAX);
    }
    let key = args.key(1);
    if args.len() == 3 {
        let count = at_least(args, 2, 0, NOT_POSITIVE)? as usize;
        return spop_many(cx, key, count);
    }
    match cx.db.write_set(key)?.and_then(|set| set.random(cx.rng)).map(|member| member.to_vec()) {
        Some(member) => {
            cx.db.remove_member(key, &member);
            cx.db.notify(EventClasses::SET, "spop", key);
            cx.db.propagate_as(&[b"SREM", key.bytes, &member]);
            cx.db.drop_if_empty(key);
            cx.reply.bulk(&member);
        }
        None => cx.reply.null(),
    }
    Ok(Outcome::Done)
}

fn spop_many(cx: &mut Context<'_>, key: Key<'_>, count: usize) -> Result<Outcome, CommandError> {
    let Some(set) = cx.db.write_set(key)?.filter(|_| count > 0) else {
        cx.reply.set(0);
        return Ok(Outcome::Done);
    };
    let is_all = count >= set.len();
    let popped = distinct(cx.rng, &set, count);
    cx.reply.set(popped.len());
    popped.iter().for_each(|member| cx.reply.bulk(member));
    if !is_all {
        for member in popped.iter() {
            cx.db.remove_member(key, member);
        }
        cx.db.notify(EventClasses::SET, "spop", key);
        let members: Vec<&[u8]> = popped.iter().collect();
        for members in members.chunks(PROPAGATED) {
            cx.db.propagate_as(&[&[&b"SREM"[..], key.bytes], members].concat());
        }
        return Ok(Outcome::Done);
    }
    cx.db.notify(EventClasses::SET, "spop", key);
    cx.db.remove(key);
    cx.db.effects.changes += popped.len() as u64 - 1;
    cx.db.propagate_as(&[b"DEL", key.bytes]);
    Ok(Outcome::Done)
}

fn distinct(rng: &mut rand::rngs::SmallRng, set: &SetRef<'_>, count: usize) -> Strings {
    let all = || set.iter().collect();
    let drawn = sample::distinct(rng, (count, set.len()), all, |rng| set.random(rng), |member| member.to_vec());
    drawn.iter().collect()
}

pub(super) fn srandmember(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    if args.len() > 3 {
        return Err(CommandError::SYNTAX);
    }
    let count = if args.len() == 3 { Some(args.int(2)?) } else { None };
    if count == Some(i64::MIN) {
        return Err(CommandError::out_of_range(-i64::MAX, i64::MAX));
    }
    let limit_bytes = cx.reply_limit_bytes();
    let Some(set) = cx.db.read_set(args.key(1))? else {
        if count.is_some() {
            cx.reply.array(0)
        } else {
            cx.reply.null()
        }
        return Ok(Outcome::Done);
    };
    match count {
        None => set.random(cx.rng).into_iter().for_each(|member| cx.reply.bulk(&member)),
        Some(count) if count < 0 => {
            cx.reply.array(count.unsigned_abs() as usize);
            for _ in 0..count.unsigned_abs() {
                if cx.reply.buffer.len() > limit_bytes {
                    break;
                }
                set.random(cx.rng).into_iter().for_each(|member| cx.reply.bulk(&member));
            }
        }
        Some(count) => {
            let drawn = distinct(cx.rng, &set, count as usize);
            cx.reply.array(drawn.len());
            drawn.iter().for_each(|member| cx.reply.bulk(member));
        }
    }
    Ok(Outcome::Done)
}
