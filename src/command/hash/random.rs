//! HRANDFIELD: fields that chance chooses.

use crate::command::sample::{self, Options};
use crate::command::{Args, CommandError, Context, Outcome};
use crate::keyspace::{HashRef, Text};
use crate::resp::{Protocol, Reply};

type Pair<'a> = (Text<'a>, Text<'a>);

pub(super) fn hrandfield(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let options = Options::parse(args, "WITHVALUES")?;
    let limit_bytes = cx.reply_limit_bytes();
    let Some(hash) = cx.db.read_hash(args.key(1))? else {
        if options.is_some() {
            cx.reply.array(0)
        } else {
            cx.reply.null()
        }
        return Ok(Outcome::Done);
    };
    match options {
        None => hash.random(cx.rng).into_iter().for_each(|(field, _)| cx.reply.bulk(&field)),
        Some(Options { count, with_values }) if count < 0 => {
            let count = count.unsigned_abs() as usize;
            begin(&mut cx.reply, count, with_values);
            for _ in 0..count {
                if cx.reply.buffer.len() > limit_bytes {
                    break;
                }
                hash.random(cx.rng).into_iter().for_each(|pair| put(&mut cx.reply, &pair, with_values));
            }
        }
        Some(Options { count, with_values }) => {
            let count = hash.len().min(count as usize);
            let pairs = distinct(cx.rng, &hash, count);
            begin(&mut cx.reply, pairs.len(), with_values);
            pairs.iter().for_each(|pair| put(&mut cx.reply, pair, with_values));
        }
    }
    Ok(Outcome::Done)
}

fn distinct<'a>(rng: &mut rand::rngs::SmallRng, hash: &HashRef<'a>, count: usize) -> Vec<Pair<'a>> {
    let all = || hash.iter().collect();
    sample::distinct(rng, (count, hash.len()), all, |rng| hash.random(rng), |(field, _)| field.to_vec())
}

/// Pairs are flat in RESP2.
fn begin(reply: &mut Reply, count: usize, with_values: bool) {
    let is_flat = with_values && reply.protocol == Protocol::Resp2;
    reply.array(if is_flat { 2 * count } else { count });
}

fn put(reply: &mut Reply, (field, value): &Pair<'_>, with_values: bool) {
    if with_values && reply.protocol == Protocol::Resp3 {
        reply.array(2);
    }
    reply.bulk(field);
    if with_values {
        reply.bulk(value);
    }
}
