//! XADD and XTRIM: entries come at the end and go at the front.
//!
//! How much an approximate trim takes depends on how entries lie in memory, so it enters the stream as the exact trim
//! that does the same; and an ID that was left to the server as what it became.

use crate::command::{Args, CommandError, Context, Origin, Outcome};
use crate::config::EventClasses;
use crate::keyspace::{Keep, StreamId, StreamRef};

use super::id::{self, Wanted};

const BOTH: CommandError =
    CommandError::fixed("ERR syntax error, MAXLEN and MINID options at the same time are not compatible");
const BAD_MAXLEN: CommandError = CommandError::fixed("ERR The MAXLEN argument must be >= 0.");
const BAD_LIMIT: CommandError = CommandError::fixed("ERR The LIMIT argument must be >= 0.");
const LIMIT_ALONE: CommandError =
    CommandError::fixed("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");
const NO_STRATEGY: CommandError =
    CommandError::fixed("ERR syntax error, XTRIM must be called with a trimming strategy");
const LIMIT_EXACT: CommandError =
    CommandError::fixed("ERR syntax error, LIMIT cannot be used without the special ~ option");
const ZERO_ID: CommandError = CommandError::fixed("ERR The ID specified in XADD must be greater than 0-0");
const SMALL_ID: CommandError =
    CommandError::fixed("ERR The ID specified in XADD is equal or smaller than the target stream top item");
const EXHAUSTED: CommandError =
    CommandError::fixed("ERR The stream has exhausted the last possible ID, unable to add more items");
const TOO_LARGE: CommandError = CommandError::fixed("ERR Elements are too large to be stored");

/// Bytes of an entry.
const ENTRY_MAX: usize = 1 << 30;
/// Without LIMIT, an approximate trim takes the entries of so many chunks at most.
const CHUNKS_MAX: usize = 100;
const LIMIT_IF_UNBOUNDED: u64 = 10_000;
const LIMIT_MAX: u64 = 1_000_000;

/// MAXLEN or MINID.
struct Trim {
    keep: Keep,
    by_chunks: bool,
    /// 0 is none.
    limit: u64,
    /// The word with the threshold.
    threshold_at: usize,
}

/// The options of a request.
struct Options {
    trim: Option<Trim>,
    no_mkstream: bool,
    /// Where they end: the word with the ID.
    end: usize,
}

impl Options {
    fn parse(cx: &Context<'_>, args: &Args<'_>, is_xadd: bool) -> Result<Options, CommandError> {
        let mut options = Options { trim: None, no_mkstream: false, end: 2 };
        let mut limit = None;
        while options.end < args.len() {
            let (at, has_more) = (options.end, options.end + 1 < args.len());
            if is_xadd && args.at(at) == b"*" {
                break;
            } else if (args.is(at, "MAXLEN") || args.is(at, "MINID")) && has_more {
                let trim = Trim::parse(args, at, options.trim.is_some())?;
                options.end = trim.threshold_at;
                options.trim = Some(trim);
            } else if args.is(at, "LIMIT") && has_more {
                limit = Some(u64::try_from(args.int(at + 1)?).map_err(|_| BAD_LIMIT)?);
                options.end += 1;
            } else if is_xadd && args.is(at, "NOMKSTREAM") {
                options.no_mkstream = true;
            } else if is_xadd {
                id::wanted(args.at(at))?;
                break;
            } else {
                return Err(CommandError::SYNTAX);
            }
            options.end += 1;
        }
        options.set_limit(cx, limit, is_xadd)?;
        Ok(options)
    }

    fn set_limit(&mut self, cx: &Context<'_>, limit: Option<u64>, is_xadd: bool) -> Result<(), CommandError> {
        let Some(trim) = &mut self.trim else {
            return match limit {
                Some(1..) => Err(LIMIT_ALONE),
                _ if !is_xadd => Err(NO_STRATEGY),
                _ => Ok(()),
            };
        };
        trim.limit = match limit {
            // What a master trims is exact, and was limited there.
            _ if cx.origin == Origin::Master => 0,
            Some(_) if !trim.by_chunks => return Err(LIMIT_EXACT),
            Some(limit) => limit,
            None if !trim.by_chunks => 0,
            None => match (cx.config.collections.stream_chunk_entries as u64).saturating_mul(CHUNKS_MAX as u64) {
                0 => LIMIT_IF_UNBOUNDED,
                limit => limit.min(LIMIT_MAX),
            },
        };
        Ok(())
    }
}

impl Trim {
    fn parse(args: &Args<'_>, at: usize, is_second: bool) -> Result<Trim, CommandError> {
        if is_second {
            return Err(BOTH);
        }
        let has_operator = at + 2 < args.len() && matches!(args.at(at + 1), b"~" | b"=");
        let threshold_at = at + 1 + usize::from(has_operator);
        let keep = if args.is(at, "MAXLEN") {
            Keep::Last(u64::try_from(args.int(threshold_at)?).map_err(|_| BAD_MAXLEN)?)
        } else {
            Keep::From(id::strict(args.at(threshold_at), 0)?)
        };
        let by_chunks = has_operator && args.at(at + 1) == b"~";
        Ok(Trim { keep, by_chunks, limit: 0, threshold_at })
    }

    /// The threshold that says in exact form what was done.
    fn result(&self, stream: &StreamRef<'_>) -> Vec<u8> {
        match self.keep {
            Keep::Last(_) => id::digits(stream.len() as i64),
            Keep::From(_) if stream.is_empty() => id::text(StreamId::MAX),
            Keep::From(_) => id::text(stream.first_id()),
        }
    }
}

pub(super) fn xadd(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let options = Options::parse(cx, args, true)?;
    let fields_at = options.end + 1;
    if args.len() < fields_at + 2 || (args.len() - fields_at) % 2 == 1 {
        return Err(CommandError::wrong_arity("xadd"));
    }
    let wanted = id::wanted(args.at(options.end))?;
    if wanted == Wanted::Exactly(StreamId::MIN) {
        return Err(ZERO_ID);
    }
    let key = args.key(1);
    let last_id = match cx.db.write_stream(key)? {
        Some(stream) => stream.last_id(),
        None if options.no_mkstream => {
            cx.reply.null();
            return Ok(Outcome::Done);
        }
        None => StreamId::MIN,
    };
    let id = next_id(wanted, last_id, cx.now.unix_ms())?;
    if args.rest(fields_at).map(<[u8]>::len).sum::<usize>() > ENTRY_MAX {
        return Err(TOO_LARGE);
    }
    let limits = cx.config.collections;
    cx.db.change_stream(key, &limits, |stream| stream.append(id, args.rest(fields_at), &limits));
    cx.db.changed(key, 1);
    cx.db.notify(EventClasses::STREAM, "xadd", key);
    if let Some(trim) = &options.trim {
        let removed = cx.db.change_stream(key, &limits, |stream| stream.trim(trim.keep, trim.by_chunks, trim.limit));
        if removed > 0 {
            cx.db.notify(EventClasses::STREAM, "xtrim", key);
        }
    }
    let text = id::text(id);
    cx.reply.bulk(&text);
    let given = (!matches!(wanted, Wanted::Exactly(_))).then_some((options.end, text));
    propagate(cx, args, options.trim.as_ref(), given)?;
    Ok(Outcome::Done)
}

fn next_id(wanted: Wanted, last: StreamId, now_ms: i64) -> Result<StreamId, CommandError> {
    let next = last.next().ok_or(EXHAUSTED)?;
    let id = match wanted {
        Wanted::Any => next.max(StreamId { ms: u64::try_from(now_ms).unwrap_or(0), seq: 0 }),
        Wanted::Within(ms) if ms == last.ms && next.ms == ms => next,
        Wanted::Within(ms) => StreamId { ms, seq: 0 },
        Wanted::Exactly(id) => id,
    };
    if id > last { Ok(id) } else { Err(SMALL_ID) }
}

/// The request with the ID that the entry got, and an exact trim, if it came with others.
fn propagate(
    cx: &mut Context<'_>,
    args: &Args<'_>,
    trim: Option<&Trim>,
    id: Option<(usize, Vec<u8>)>,
) -> Result<(), CommandError> {
    let approximate = trim.filter(|trim| trim.by_chunks);
    if !cx.db.effects.is_recording || (approximate.is_none() && id.is_none()) {
        return Ok(());
    }
    let threshold = match (approximate, cx.db.write_stream(args.key(1))?) {
        (Some(trim), Some(stream)) => Some((trim.threshold_at, trim.result(&stream))),
        _ => None,
    };
    let mut words = args.to_vec();
    if let Some((at, text)) = &threshold {
        words[at - 1] = b"=";
        words[*at] = text;
    }
    if let Some((at, text)) = &id {
        words[*at] = text;
    }
    cx.db.propagate_as(&words);
    Ok(())
}

pub(super) fn xtrim(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let options = Options::parse(cx, args, false)?;
    let Some(trim) = &options.trim else { return Err(NO_STRATEGY) };
    let key = args.key(1);
    let mut removed = 0;
    if cx.db.write_stream(key)?.is_some() {
        let limits = cx.config.collections;
        removed = cx.db.change_stream(key, &limits, |stream| stream.trim(trim.keep, trim.by_chunks, trim.limit));
    }
    if removed > 0 {
        cx.db.changed(key, removed as usize);
        cx.db.notify(EventClasses::STREAM, "xtrim", key);
        propagate(cx, args, Some(trim), None)?;
    }
    cx.reply.int(removed as i64);
    Ok(Outcome::Done)
}
