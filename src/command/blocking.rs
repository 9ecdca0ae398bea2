//! What a command waits for that finds nothing to do: keys on which something may come, and a deadline.
//!
//! When it comes, the command is executed once more, on the key where it came.

use crate::keyspace::Value;
use crate::resp::parse_i64;
use crate::time::Millis;

use super::{Args, CommandError, Context, Origin, Outcome};

const NO_FLOAT: CommandError = CommandError::fixed("ERR timeout is not a float or out of range");
const NO_INTEGER: CommandError = CommandError::fixed("ERR timeout is not an integer or out of range");
const NEGATIVE: CommandError = CommandError::fixed("ERR timeout is negative");
const TOO_LONG: CommandError = CommandError::fixed("ERR timeout is out of range");

const GROUP_GONE: &str = "NOGROUP the consumer group this client was blocked on no longer exists";
const STREAM_GONE: &str = "UNBLOCKED the stream key no longer exists";

/// What a touched key is to a client that waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    Nothing,
    /// The request can be tried.
    Ready,
    /// What the client waits for cannot come any more: it is answered with this error.
    Gone(&'static str),
}

/// What a client waits for.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockOn {
    pub keys: Vec<Box<[u8]>>,
    /// What follows each key in the request, where something does.
    pub key_words: Vec<Box<[u8]>>,
    /// The consumer group that the client reads for: without it, there is nothing to wait for.
    pub group: Option<Box<[u8]>>,
    /// A value of this type, as TYPE names it, is what may come there.
    pub type_name: &'static str,
    /// The request that is executed in the end: these words, the key, and those after it.
    pub before: Vec<Box<[u8]>>,
    pub after: Vec<Box<[u8]>>,
    pub deadline: Option<Millis>,
    /// The answer if nothing comes in time is the null of an array.
    pub null_is_array: bool,
}

impl BlockOn {
    /// Until one of the keys holds a value of this type.
    pub fn on_type(
        type_name: &'static str,
        keys: Vec<Box<[u8]>>,
        before: Vec<Box<[u8]>>,
        after: Vec<Box<[u8]>>,
        deadline: Option<Millis>,
        null_is_array: bool,
    ) -> BlockOn {
        BlockOn { keys, key_words: Vec::new(), group: None, type_name, before, after, deadline, null_is_array }
    }

    /// The words of the request, once something has come on this key.
    pub fn request<'a>(&'a self, key: &'a [u8]) -> Vec<&'a [u8]> {
        let word = |word: &'a Box<[u8]>| &word[..];
        let index = self.keys.iter().position(|other| **other == *key);
        let key_word = index.and_then(|index| self.key_words.get(index)).map(word);
        self.before.iter().map(word).chain([key]).chain(key_word).chain(self.after.iter().map(word)).collect()
    }

    /// What a key that was touched is to the client, now that it holds this value.
    pub fn readiness(&self, value: Option<Value<'_>>) -> Readiness {
        match (value, &self.group) {
            (Some(Value::Stream(stream)), Some(group)) => match stream.group(group) {
                None => Readiness::Gone(GROUP_GONE),
                Some(group) if group.last_id() >= stream.last_id() => Readiness::Nothing,
                Some(_) => Readiness::Ready,
            },
            (_, Some(_)) => Readiness::Gone(STREAM_GONE),
            (Some(value), None) if value.type_name() == self.type_name => Readiness::Ready,
            _ => Readiness::Nothing,
        }
    }
}

/// Words to keep.
pub(super) fn owned<'w>(words: impl IntoIterator<Item = &'w [u8]>) -> Vec<Box<[u8]>> {
    words.into_iter().map(Box::from).collect()
}

/// A timeout in seconds, at word `index`, as a deadline; 0 is none.
pub(super) fn deadline(cx: &Context<'_>, args: &Args<'_>, index: usize) -> Result<Option<Millis>, CommandError> {
    let seconds: f64 = std::str::from_utf8(args.at(index)).ok().and_then(|text| text.parse().ok()).ok_or(NO_FLOAT)?;
    if !seconds.is_finite() {
        return Err(NO_FLOAT);
    }
    if seconds < 0.0 {
        return Err(NEGATIVE);
    }
    let ms = (seconds * 1000.0).ceil();
    if ms > (i64::MAX - cx.now.unix_ms()) as f64 {
        return Err(TOO_LONG);
    }
    Ok((ms > 0.0).then(|| cx.now.mono.plus(ms as u64)))
}

/// A timeout in milliseconds, at word `index`, as a deadline; 0 is none.
pub(super) fn deadline_ms(cx: &Context<'_>, args: &Args<'_>, index: usize) -> Result<Option<Millis>, CommandError> {
    let ms = parse_i64(args.at(index)).ok_or(NO_INTEGER)?;
    let ms = u64::try_from(ms).map_err(|_| NEGATIVE)?;
    if ms > (i64::MAX - cx.now.unix_ms()) as u64 {
        return Err(TOO_LONG);
    }
    Ok((ms > 0).then(|| cx.now.mono.plus(ms)))
}

/// Waits, where a client may: a transaction and the master's stream go on at once, as if the time were over.
pub(super) fn block(cx: &mut Context<'_>, on: BlockOn) -> Outcome {
    if !cx.in_unit && cx.origin == Origin::Client {
        return Outcome::Block(Box::new(on));
    }
    if on.null_is_array {
        cx.reply.null_array()
    } else {
        cx.reply.null()
    }
    Outcome::Done
}
