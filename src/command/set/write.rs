//! SADD, SREM, SMOVE: members come and go.

use crate::command::{Args, CommandError, Context, Outcome};
use crate::config::EventClasses;

pub(super) fn sadd(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let key = args.key(1);
    cx.db.write_set(key)?;
    let added = args.rest(2).filter(|member| cx.db.add_member(key, member, &cx.config.collections)).count();
    if added > 0 {
        cx.db.notify(EventClasses::SET, "sadd", key);
    }
    cx.reply.int(added as i64);
    Ok(Outcome::Done)
}

pub(super) fn srem(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let key = args.key(1);
    let mut removed = 0;
    if cx.db.write_set(key)?.is_some() {
        removed = args.rest(2).filter(|member| cx.db.remove_member(key, member)).count();
    }
    if removed > 0 {
        cx.db.notify(EventClasses::SET, "srem", key);
        cx.db.drop_if_empty(key);
    }
    cx.reply.int(removed as i64);
    Ok(Outcome::Done)
}

pub(super) fn smove(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let (source, destination, member) = (args.key(1), args.key(2), args.at(3));
    // Looked up first, as the destination's type counts only where there is a source.
    let is_member = cx.db.write_set(source)?.map(|set| set.contains(member));
    if is_member.is_some() {
        cx.db.write_set(destination)?;
    }
    let is_member = is_member.unwrap_or(false);
    if is_member && source.bytes != destination.bytes {
        cx.db.remove_member(source, member);
        cx.db.notify(EventClasses::SET, "srem", source);
        cx.db.drop_if_empty(source);
        if cx.db.add_member(destination, member, &cx.config.collections) {
            cx.db.notify(EventClasses::SET, "sadd", destination);
        }
    }
    cx.reply.int(is_member.into());
    Ok(Outcome::Done)
}
