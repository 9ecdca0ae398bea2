//! XREAD and XREADGROUP: entries behind an ID, of several streams; both can wait for some.
//!
//! What a group's consumer reads becomes pending; that enters the stream entry by entry, as XCLAIM.

use crate::command::blocking::{BlockOn, block, deadline_ms, owned};
use crate::command::{Args, CommandError, Context, Outcome};
use crate::keyspace::{StreamId, StreamRef};
use crate::resp::Protocol;
use crate::time::Millis;

use super::deliver::{Reader, deliver_new, show_history};
use super::range::answer_all;
use super::{TYPE_NAME, id};

const UNBALANCED: CommandError =
    CommandError::fixed("ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.");
const GROUP_OF_XREAD: CommandError =
    CommandError::fixed("ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.");
const NOACK_OF_XREAD: CommandError =
    CommandError::fixed("ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.");
const NO_GROUP: CommandError = CommandError::fixed("ERR Missing GROUP option for XREADGROUP");
const LAST_IN_GROUP: CommandError = CommandError::fixed(
    "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by \
     specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.",
);
const NEW_OF_XREAD: CommandError = CommandError::fixed(
    "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
);

/// Who waited without COUNT gets no more at once.
const COUNT_AFTER_WAIT: &[u8] = b"1000";

/// A request without its positions.
struct Request<'a> {
    reader: Option<Reader<'a>>,
    /// 0 is all.
    count: usize,
    /// The word with the count.
    count_at: Option<usize>,
    /// BLOCK, and until when.
    block: Option<Option<Millis>>,
    /// The word with the first key.
    keys_at: usize,
    /// Number of the keys.
    keys: usize,
}

/// Where reading one of the streams begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    After(StreamId),
    /// What no consumer of the group has got.
    New,
    /// What the consumer has got and not acknowledged.
    Pending(StreamId),
}

pub(super) fn xread(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    read(cx, args, false)
}

pub(super) fn xreadgroup(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    cx.db.effects.propagate_nothing();
    read(cx, args, true)
}

impl<'a> Request<'a> {
    fn parse(cx: &Context<'_>, args: &Args<'a>, is_group: bool) -> Result<Request<'a>, CommandError> {
        let mut request = Request { reader: None, count: 0, count_at: None, block: None, keys_at: 0, keys: 0 };
        let (mut no_ack, mut at) = (false, 1);
        while at < args.len() && request.keys_at == 0 {
            let more = args.len() - at - 1;
            if args.is(at, "BLOCK") && more >= 1 {
                request.block = Some(deadline_ms(cx, args, at + 1)?);
                at += 1;
            } else if args.is(at, "COUNT") && more >= 1 {
                request.count = usize::try_from(args.int(at + 1)?).unwrap_or(0);
                request.count_at = Some(at + 1).filter(|_| request.count > 0);
                at += 1;
            } else if args.is(at, "STREAMS") && more >= 1 {
                request.keys_at = at + 1;
                request.keys = more / 2;
                if more % 2 != 0 {
                    return Err(UNBALANCED);
                }
            } else if args.is(at, "GROUP") && more >= 2 {
                if !is_group {
                    return Err(GROUP_OF_XREAD);
                }
                request.reader = Some(Reader { group: args.at(at + 1), consumer: args.at(at + 2), no_ack: false });
                at += 2;
            } else if args.is(at, "NOACK") {
                if !is_group {
                    return Err(NOACK_OF_XREAD);
                }
                no_ack = true;
            } else {
                return Err(CommandError::SYNTAX);
            }
            at += 1;
        }
        match &mut request.reader {
            _ if request.keys_at == 0 => return Err(CommandError::SYNTAX),
            None if is_group => return Err(NO_GROUP),
            Some(reader) => reader.no_ack = no_ack,
            None => {}
        }
        Ok(request)
    }

    /// Where to begin in the stream `index`.
    fn from(&self, cx: &mut Context<'_>, args: &Args<'_>, index: usize) -> Result<From, CommandError> {
        let (key, text) = (args.key(self.keys_at + index), args.at(self.keys_at + self.keys + index));
        let stream = cx.db.read_stream(key)?;
        let Some(reader) = &self.reader else {
            let last_entry = || stream.and_then(|stream| last_entry(&stream)?.previous());
            return match text {
                b"$" => Ok(From::After(stream.map_or(StreamId::MIN, |stream| stream.last_id()))),
                b"+" => Ok(From::After(last_entry().unwrap_or(StreamId::MIN))),
                b">" => Err(NEW_OF_XREAD),
                text => id::strict(text, 0).map(From::After),
            };
        };
        if stream.and_then(|stream| stream.group(reader.group)).is_none() {
            let (key, group) = (String::from_utf8_lossy(key.bytes), String::from_utf8_lossy(reader.group));
            let text =
                format!("NOGROUP No such key '{key}' or consumer group '{group}' in XREADGROUP with GROUP option");
            return Err(CommandError::new(text));
        }
        match text {
            b"$" => Err(LAST_IN_GROUP),
            b">" => Ok(From::New),
            text => id::strict(text, 0).map(From::Pending),
        }
    }

    /// Where to begin now in the stream `index`, if it has something.
    fn ready(&self, cx: &mut Context<'_>, args: &Args<'_>, index: usize, from: From) -> Option<From> {
        let stream = cx.db.read_stream(args.key(self.keys_at + index)).ok()??;
        let after = match from {
            From::Pending(_) => return Some(from),
            From::After(id) => id,
            From::New => stream.group(self.reader.as_ref()?.group)?.last_id(),
        };
        (last_entry(&stream)? > after).then_some(From::After(after))
    }
}

fn last_entry(stream: &StreamRef<'_>) -> Option<StreamId> {
    stream.range_back(StreamId::MIN, StreamId::MAX).next().map(|entry| entry.id)
}

fn read(cx: &mut Context<'_>, args: &Args<'_>, is_group: bool) -> Result<Outcome, CommandError> {
    let request = Request::parse(cx, args, is_group)?;
    let from: Vec<From> = (0..request.keys).map(|index| request.from(cx, args, index)).collect::<Result<_, _>>()?;
    // How many are answered is known afterwards only: a group may have read on by then.
    let before = std::mem::take(&mut cx.reply.buffer);
    let mut served = 0;
    for (index, from) in from.iter().enumerate() {
        if let Some(from) = request.ready(cx, args, index, *from) {
            serve(cx, args, &request, index, from);
            served += 1;
        }
    }
    let answers = std::mem::replace(&mut cx.reply.buffer, before);
    if served > 0 {
        // A map, or an array of pairs.
        if cx.reply.protocol == Protocol::Resp3 {
            cx.reply.map(served)
        } else {
            cx.reply.array(served)
        }
        cx.reply.buffer.extend_from_slice(&answers);
        return Ok(Outcome::Done);
    }
    if let Some(deadline) = request.block {
        return Ok(block(cx, wait(args, &request, &from, deadline)));
    }
    cx.reply.null_array();
    Ok(Outcome::Done)
}

/// Answers a key and its entries.
fn serve(cx: &mut Context<'_>, args: &Args<'_>, request: &Request<'_>, index: usize, from: From) {
    let key = args.key(request.keys_at + index);
    if cx.reply.protocol == Protocol::Resp2 {
        cx.reply.array(2);
    }
    cx.reply.bulk(key.bytes);
    let most = if request.count == 0 { usize::MAX } else { request.count };
    match (from, &request.reader) {
        (From::Pending(id), Some(reader)) => show_history(cx, key, reader, id, most),
        (From::After(id), Some(reader)) => deliver_new(cx, key, reader, id, most),
        (From::After(id), None) => {
            let stream = super::peek(&mut cx.db, key);
            let entries = stream.zip(id.next()).map(|(stream, from)| stream.range(from, StreamId::MAX));
            answer_all(&mut cx.reply, entries.into_iter().flatten().take(most));
        }
        _ => cx.reply.array(0),
    }
}

/// The request for the one key where something comes, with the positions as they are now.
fn wait(args: &Args<'_>, request: &Request<'_>, from: &[From], deadline: Option<Millis>) -> BlockOn {
    let count = request.count_at.map_or(COUNT_AFTER_WAIT, |at| args.at(at));
    let mut before = owned([args.at(0)]);
    if let Some(reader) = &request.reader {
        before.extend(owned([&b"GROUP"[..], reader.group, reader.consumer]));
        if reader.no_ack {
            before.extend(owned([&b"NOACK"[..]]));
        }
    }
    before.extend(owned([&b"COUNT"[..], count, b"BLOCK", b"0", b"STREAMS"]));
    let key_words = from.iter().map(|from| match from {
        From::After(id) | From::Pending(id) => id::text(*id).into(),
        From::New => Box::from(&b">"[..]),
    });
    BlockOn {
        keys: owned(args.rest(request.keys_at).take(request.keys)),
        key_words: key_words.collect(),
        group: request.reader.as_ref().map(|reader| reader.group.into()),
        type_name: TYPE_NAME,
        before,
        after: Vec::new(),
        deadline,
        null_is_array: true,
    }
}
