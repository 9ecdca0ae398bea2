//! Times as clients give them: in seconds or milliseconds, from now on or since 1970. All become Unix milliseconds.

use crate::keyspace::UnixMs;

use super::{Args, CommandError};

/// How a number is to be read as a point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnixTime {
    pub is_seconds: bool,
    pub is_relative: bool,
}

impl UnixTime {
    pub const SECONDS_FROM_NOW: UnixTime = UnixTime { is_seconds: true, is_relative: true };
    pub const MILLIS_FROM_NOW: UnixTime = UnixTime { is_seconds: false, is_relative: true };
    pub const SECONDS: UnixTime = UnixTime { is_seconds: true, is_relative: false };
    pub const MILLIS: UnixTime = UnixTime { is_seconds: false, is_relative: false };

    /// What the options EX, PX, EXAT and PXAT announce.
    pub fn of_option(word: &[u8]) -> Option<UnixTime> {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        match word.len() {
            2 if is("EX") => Some(UnixTime::SECONDS_FROM_NOW),
            2 if is("PX") => Some(UnixTime::MILLIS_FROM_NOW),
            4 if is("EXAT") => Some(UnixTime::SECONDS),
            4 if is("PXAT") => Some(UnixTime::MILLIS),
            _ => None,
        }
    }

    /// The point in time; `None` if 64 bits cannot hold it.
    pub fn resolve(self, number: i64, now_ms: UnixMs) -> Option<UnixMs> {
        let ms = if self.is_seconds { number.checked_mul(1000)? } else { number };
        if self.is_relative { ms.checked_add(now_ms) } else { Some(ms) }
    }

    /// Word `index` as a time to live or a deadline that must be positive, as SET and GETEX want it.
    pub fn positive(
        self,
        args: &Args<'_>,
        index: usize,
        now_ms: UnixMs,
        command: &str,
    ) -> Result<UnixMs, CommandError> {
        let number = args.int(index)?;
        let at = self.resolve(number, now_ms).filter(|&at| number > 0 && at > 0);
        at.ok_or_else(|| CommandError::invalid_expire(command))
    }
}
