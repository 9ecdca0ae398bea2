//! Errors that a request is answered with: code and text as Redis has them.

use std::borrow::Cow;

/// The whole error line without `-`, code first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandError(pub Cow<'static, str>);

impl CommandError {
    pub const SYNTAX: CommandError = CommandError::fixed("ERR syntax error");
    pub const NOT_AN_INTEGER: CommandError = CommandError::fixed("ERR value is not an integer or out of range");
    pub const NOT_A_FLOAT: CommandError = CommandError::fixed("ERR value is not a valid float");
    pub const OUT_OF_RANGE: CommandError = CommandError::fixed("ERR value is out of range");
    pub const NO_SUCH_KEY: CommandError = CommandError::fixed("ERR no such key");
    pub const WRONG_TYPE: CommandError =
        CommandError::fixed("WRONGTYPE Operation against a key holding the wrong kind of value");

    pub const fn fixed(text: &'static str) -> CommandError {
        CommandError(Cow::Borrowed(text))
    }

    pub fn new(text: impl Into<String>) -> CommandError {
        CommandError(Cow::Owned(text.into()))
    }

    /// `ERR invalid expire time in 'set' command`.
    pub fn invalid_expire(command: &str) -> CommandError {
        CommandError::new(format!("ERR invalid expire time in '{command}' command"))
    }

    /// A number outside what is allowed.
    pub fn out_of_range(min: i64, max: i64) -> CommandError {
        CommandError::new(format!("ERR value is out of range, value must between {min} and {max}"))
    }

    pub fn wrong_arity(full_name: &str) -> CommandError {
        CommandError::new(format!("ERR wrong number of arguments for '{full_name}' command"))
    }
}
