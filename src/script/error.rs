//! Errors as Lua sees them, tables with a field `err`, and as clients do.

use super::stack::{Answer, Kind, Stack};
use super::state::place_of_error;

/// Why code cannot be taken, or run: the text of the reply, without `ERR ` where that is the code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ScriptError(pub String);

impl ScriptError {
    pub fn new(text: impl Into<String>) -> ScriptError {
        ScriptError(text.into())
    }
}

/// Pushes the error of a text: with a leading `-` its first word is the code, else the code is ERR.
pub fn push_error(stack: Stack<'_>, text: &str) {
    push_error_bytes(stack, text.as_bytes());
}

pub fn push_error_bytes(stack: Stack<'_>, text: &[u8]) {
    stack.has_room(4);
    stack.push_table(0, 4);
    let (code, message): (&[u8], &[u8]) = match text.strip_prefix(b"-") {
        None => (b"ERR", text),
        Some(line) => match memchr::memchr(b' ', line) {
            None => (b"ERR", line),
            Some(space) => (&line[..space], &line[space + 1..]),
        },
    };
    let message = message.trim_ascii_end_of_line();
    let scratch = stack.state().scratch.borrow();
    scratch.clear();
    for part in [code, b" ", message] {
        scratch.extend_from_slice(part);
    }
    stack.push_bytes(scratch);
    stack.set_raw_field(-2, b"err");
}

trait EndOfLine {
    fn trim_ascii_end_of_line(&self) -> &[u8];
}

impl EndOfLine for [u8] {
    /// Without line ends on either side.
    fn trim_ascii_end_of_line(&self) -> &[u8] {
        let is_text = |byte: &u8| !matches!(byte, b'\r' | b'\n');
        let start = self.iter().position(is_text).unwrap_or(self.len());
        let end = self.iter().rposition(is_text).map_or(start, |last| last + 1);
        &self[start..end]
    }
}

/// As `push_error`, of what was counted when it happened.
pub fn push_counted_error(stack: Stack<'_>, text: &[u8]) {
    push_error_bytes(stack, text);
    stack.push_bool(true);
    stack.set_raw_field(-2, b"ignore_error_stats_update");
}

/// What handles an error where it is raised: makes it a table that says where that was.
pub fn handle(stack: Stack<'_>) -> Answer {
    let place = place_of_error(stack);
    if stack.kind(-1) != Kind::Table {
        let text = match stack.bytes(-1) {
            Some(bytes) => bytes.to_vec(),
            None => stack.kind_name(-1).as_bytes().to_vec(),
        };
        stack.push_table(0, 4);
        stack.push_bytes(&[b"ERR ", &text[..]].concat());
        stack.set_raw_field(-2, b"err");
    }
    if let Some(place) = place {
        stack.push_bytes(&place.source);
        stack.set_raw_field(-2, b"source");
        stack.push_number(place.line.into());
        stack.set_raw_field(-2, b"line");
    }
    Ok(1)
}

/// What an error value says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorInfo {
    pub message: Vec<u8>,
    pub source: Option<Vec<u8>>,
    pub line: Option<Vec<u8>>,
    /// It was counted when it happened.
    pub is_counted: bool,
}

impl ErrorInfo {
    /// Of the value on top. Fields are read as they lie: no code of the script runs.
    pub fn of(stack: Stack<'_>) -> ErrorInfo {
        if stack.kind(-1) != Kind::Table {
            let text = stack.bytes(-1).unwrap_or(b"unknown error");
            return ErrorInfo { message: [b"ERR ", text].concat(), ..ErrorInfo::default() };
        }
        let text = |name: &[u8]| {
            stack.raw_field(-1, name);
            let text = stack.bytes(-1).map(<[u8]>::to_vec);
            stack.pop(1);
            text
        };
        let (message, source, line) = (text(b"err"), text(b"source"), text(b"line"));
        let is_counted = stack.raw_field(-1, b"ignore_error_stats_update") == Kind::Boolean && stack.bool(-1);
        stack.pop(1);
        ErrorInfo { message: message.unwrap_or_else(|| b"ERR unknown error".to_vec()), source, line, is_counted }
    }
}
