//! LLEN, LINDEX, LRANGE, LPOS: what only looks.

use crate::command::collections::at_least;
use crate::command::{Args, CommandError, Context, Outcome};
use crate::keyspace::ListRef;

use super::{absolute, clamp};

const ZERO_RANK: CommandError = CommandError::fixed(
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from \
     the end of the list",
);
const BAD_COUNT: CommandError = CommandError::fixed("ERR COUNT can't be negative");
const BAD_MAXLEN: CommandError = CommandError::fixed("ERR MAXLEN can't be negative");

pub(super) fn llen(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let len = cx.db.read_list(args.key(1))?.map_or(0, |list| list.len());
    cx.reply.int(len as i64);
    Ok(Outcome::Done)
}

pub(super) fn lindex(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let Some(list) = cx.db.read_list(args.key(1))? else {
        cx.reply.null();
        return Ok(Outcome::Done);
    };
    let index = absolute(args.int(2)?, list.len());
    match usize::try_from(index).ok().and_then(|index| list.at(index)) {
        Some(element) => cx.reply.bulk(&element),
        None => cx.reply.null(),
    }
    Ok(Outcome::Done)
}

pub(super) fn lrange(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let (start, stop) = (args.int(2)?, args.int(3)?);
    let Some(list) = cx.db.read_list(args.key(1))? else {
        cx.reply.array(0);
        return Ok(Outcome::Done);
    };
    let (from, to) = clamp(start, stop, list.len());
    cx.reply.array(to - from);
    list.iter_from(from).take(to - from).for_each(|element| cx.reply.bulk(&element));
    Ok(Outcome::Done)
}

pub(super) fn lpos(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let search = Search::parse(args)?;
    let element = args.at(2);
    let found = cx.db.read_list(args.key(1))?.map(|list| search.run(&list, element)).unwrap_or_default();
    match (search.count, found.first()) {
        (Some(_), _) => {
            cx.reply.array(found.len());
            found.iter().for_each(|index| cx.reply.int(*index as i64));
        }
        (None, Some(index)) => cx.reply.int(*index as i64),
        (None, None) => cx.reply.null(),
    }
    Ok(Outcome::Done)
}

/// What LPOS looks for.
struct Search {
    from_end: bool,
    /// Matches to pass over.
    passed: usize,
    /// 0 is all of them.
    count: Option<usize>,
    /// Elements to look at; 0 is all of them.
    max_len: usize,
}

impl Search {
    fn parse(args: &Args<'_>) -> Result<Search, CommandError> {
        let mut search = Search { from_end: false, passed: 0, count: None, max_len: 0 };
        let mut index = 3;
        while index < args.len() {
            let has_more = index + 1 < args.len();
            if args.is(index, "RANK") && has_more {
                let rank = args.int(index + 1)?;
                if rank == 0 {
                    return Err(ZERO_RANK);
                }
                search.from_end = rank < 0;
                search.passed = rank.unsigned_abs() as usize - 1;
            } else if args.is(index, "COUNT") && has_more {
                search.count = Some(at_least(args, index + 1, 0, BAD_COUNT)? as usize);
            } else if args.is(index, "MAXLEN") && has_more {
                search.max_len = at_least(args, index + 1, 0, BAD_MAXLEN)? as usize;
            } else {
                return Err(CommandError::SYNTAX);
            }
            index += 2;
        }
        Ok(search)
    }

    /// Indexes of matches, in the order of the search.
    fn run(&self, list: &ListRef<'_>, element: &[u8]) -> Vec<usize> {
        let wanted = match self.count {
            None => 1,
            Some(0) => usize::MAX,
            Some(count) => count,
        };
        let looked_at = if self.max_len == 0 { list.len() } else { self.max_len.min(list.len()) };
        let first = if self.from_end { list.len() - looked_at } else { 0 };
        let matches = list.iter_from(first).take(looked_at).enumerate();
        let matches = matches.filter(|(_, text)| **text == *element).map(|(index, _)| first + index);
        if !self.from_end {
            return matches.skip(self.passed).take(wanted).collect();
        }
        // Elements can be walked forward only.
        let all: Vec<usize> = matches.collect();
        all.into_iter().rev().skip(self.passed).take(wanted).collect()
    }
}
