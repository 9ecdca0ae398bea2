//! What a command waits for that finds nothing to do: keys on which something may come, and a deadline.
//!
//! When it comes, the command is executed once more, on the key where it came.

use crate::time::Millis;

use super::{Args, CommandError, Context, Origin, Outcome};

const NO_FLOAT: CommandError = CommandError::fixed("ERR timeout is not a float or out of range");
const NEGATIVE: CommandError = CommandError::fixed("ERR timeout is negative");
const TOO_LONG: CommandError = CommandError::fixed("ERR timeout is out of range");

/// What a client waits for.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockOn {
    pub keys: Vec<Box<[u8]>>,
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
    /// The words of the request, once something has come on this key.
    pub fn request<'a>(&'a self, key: &'a [u8]) -> Vec<&'a [u8]> {
        let word = |word: &'a Box<[u8]>| &word[..];
        self.before.iter().map(word).chain([key]).chain(self.after.iter().map(word)).collect()
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
