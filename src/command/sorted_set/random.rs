//! ZRANDMEMBER: members that chance chooses.

use crate::command::{Args, CommandError, Context, Outcome, sample};

use super::range::{begin_pairs, put_pair};

pub(super) fn zrandmember(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let options = sample::Options::parse(args, "WITHSCORES")?;
    let limit_bytes = cx.reply_limit_bytes();
    let Some(set) = cx.db.read_sorted_set(args.key(1))? else {
        if options.is_some() {
            cx.reply.array(0)
        } else {
            cx.reply.null()
        }
        return Ok(Outcome::Done);
    };
    let Some(sample::Options { count, with_values }) = options else {
        set.random(cx.rng).into_iter().for_each(|(member, _)| cx.reply.bulk(&member));
        return Ok(Outcome::Done);
    };
    if count < 0 {
        let count = count.unsigned_abs() as usize;
        begin_pairs(&mut cx.reply, count, with_values);
        for _ in 0..count {
            if cx.reply.buffer.len() > limit_bytes {
                break;
            }
            let drawn = set.random(cx.rng);
            drawn.into_iter().for_each(|(member, score)| put_pair(&mut cx.reply, &member, score, with_values));
        }
        return Ok(Outcome::Done);
    }
    let (count, all) = (set.len().min(count as usize), || set.iter().collect());
    let drawn = sample::distinct(cx.rng, (count, set.len()), all, |rng| set.random(rng), |(member, _)| member.to_vec());
    begin_pairs(&mut cx.reply, drawn.len(), with_values);
    drawn.iter().for_each(|(member, score)| put_pair(&mut cx.reply, member, *score, with_values));
    Ok(Outcome::Done)
}
