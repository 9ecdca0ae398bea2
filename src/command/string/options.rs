//! The options that SET, MSETEX and GETEX share: a condition, GET, and what becomes of the expiry.
//!
//! An option may be repeated, the last one counts; options that contradict each other are a syntax error, as in Redis.

use crate::command::{Args, CommandError, UnixTime};

/// What a key must be for the request to change it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Condition {
    #[default]
    Always,
    /// NX
    IfMissing,
    /// XX
    IfPresent,
    /// IFEQ: the string must equal word `word`.
    IfEqual { word: usize },
}

/// What becomes of the expiry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ttl {
    /// SET: none. GETEX: as it was.
    #[default]
    Unsaid,
    /// KEEPTTL
    Keep,
    /// PERSIST
    Clear,
    /// EX, PX, EXAT, PXAT: the time stands at word `word`.
    At { word: usize, time: UnixTime },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub condition: Condition,
    /// GET
    pub answers_old: bool,
    pub ttl: Ttl,
}

impl Options {
    /// Of `SET key value ...`.
    pub fn of_set(args: &Args<'_>) -> Result<Options, CommandError> {
        let mut options = Options::default();
        let mut index = 3;
        while index < args.len() {
            let word = args.at(index);
            let known = match word.len() {
                3 if word.eq_ignore_ascii_case(b"GET") => {
                    options.answers_old = true;
                    true
                }
                4 if word.eq_ignore_ascii_case(b"IFEQ") && index + 1 < args.len() => {
                    index += 1;
                    options.set_condition(Condition::IfEqual { word: index })
                }
                _ => options.take_common(args, &mut index),
            };
            if !known {
                return Err(CommandError::SYNTAX);
            }
            index += 1;
        }
        Ok(options)
    }

    /// Of `MSETEX numkeys key value ...`, from word `index` on.
    pub fn of_msetex(args: &Args<'_>, mut index: usize) -> Result<Options, CommandError> {
        let mut options = Options::default();
        while index < args.len() {
            if !options.take_common(args, &mut index) {
                return Err(CommandError::SYNTAX);
            }
            index += 1;
        }
        Ok(options)
    }

    /// Of `GETEX key ...`.
    pub fn of_getex(args: &Args<'_>) -> Result<Options, CommandError> {
        let mut options = Options::default();
        let mut index = 2;
        while index < args.len() {
            let known = match args.is(index, "PERSIST") {
                true => options.set_ttl(Ttl::Clear),
                false => options.take_time(args, &mut index),
            };
            if !known {
                return Err(CommandError::SYNTAX);
            }
            index += 1;
        }
        Ok(options)
    }

    /// One of NX, XX, KEEPTTL, or a time, which moves `index` to it.
    fn take_common(&mut self, args: &Args<'_>, index: &mut usize) -> bool {
        let word = args.at(*index);
        match word.len() {
            2 if word.eq_ignore_ascii_case(b"NX") => self.set_condition(Condition::IfMissing),
            2 if word.eq_ignore_ascii_case(b"XX") => self.set_condition(Condition::IfPresent),
            7 if word.eq_ignore_ascii_case(b"KEEPTTL") => self.set_ttl(Ttl::Keep),
            _ => self.take_time(args, index),
        }
    }

    fn set_condition(&mut self, condition: Condition) -> bool {
        let fits = self.condition == Condition::Always || self.condition == condition;
        self.condition = condition;
        fits
    }

    /// One of EX, PX, EXAT, PXAT with its time; moves `index` to the time.
    fn take_time(&mut self, args: &Args<'_>, index: &mut usize) -> bool {
        let Some(time) = UnixTime::of_option(args.at(*index)) else { return false };
        *index += 1;
        *index < args.len() && self.set_ttl(Ttl::At { word: *index, time })
    }

    fn set_ttl(&mut self, ttl: Ttl) -> bool {
        let fits = match (self.ttl, ttl) {
            (Ttl::Unsaid, _) => true,
            (Ttl::At { time: before, .. }, Ttl::At { time, .. }) => before == time,
            (before, now) => before == now,
        };
        self.ttl = ttl;
        fits
    }
}
