//! GEOPOS, GEOHASH, GEODIST: where members are.

use crate::command::{Args, CommandError, Context, Outcome};

use super::{cell, position_of, put_distance, put_position, unit_m};

pub(super) fn geopos(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let set = cx.db.read_sorted_set(args.key(1))?;
    cx.reply.array(args.len() - 2);
    for member in args.rest(2) {
        match set.and_then(|set| position_of(&set, member)) {
            Some(position) => put_position(&mut cx.reply, position),
            None => cx.reply.null_array(),
        }
    }
    Ok(Outcome::Done)
}

pub(super) fn geohash(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let set = cx.db.read_sorted_set(args.key(1))?;
    cx.reply.array(args.len() - 2);
    for member in args.rest(2) {
        match set.and_then(|set| set.score(member)) {
            Some(score) => cx.reply.bulk(&cell::text(score)),
            None => cx.reply.null(),
        }
    }
    Ok(Outcome::Done)
}

pub(super) fn geodist(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let unit_m = match args.len() {
        4 => 1.0,
        5 => unit_m(args, 4)?,
        _ => return Err(CommandError::SYNTAX),
    };
    let set = cx.db.read_sorted_set(args.key(1))?;
    let positions = set.and_then(|set| Some((position_of(&set, args.at(2))?, position_of(&set, args.at(3))?)));
    match positions {
        Some((from, to)) => put_distance(&mut cx.reply, from.distance_m(to) / unit_m),
        None => cx.reply.null(),
    }
    Ok(Outcome::Done)
}
