//! Values across the border: a command's reply becomes Lua's values, what a script answers becomes a reply.

use super::Host;
use super::error::{ErrorInfo, push_counted_error};
use super::number;
use super::stack::{Kind, Stack};
use crate::resp::{Protocol, Reply};

/// Pushes the value of the reply at the head of `bytes`, and answers what is behind it. The reply is our own: what is
/// no reply ends it.
pub fn push_reply<'b>(stack: Stack<'_>, bytes: &'b [u8]) -> &'b [u8] {
    stack.has_room(8);
    let Some((line, rest)) = split_line(bytes) else {
        stack.push_nil();
        return &[];
    };
    let text = &line[1..];
    match line[0] {
        b'$' => return push_text(stack, text, rest, |stack, text| stack.push_bytes(text)),
        b':' => stack.push_number(integer(text) as f64),
        b'+' => push_field(stack, b"ok", |stack| stack.push_bytes(text)),
        b'-' => push_counted_error(stack, line),
        b'*' | b'>' => return push_array(stack, text, rest),
        b'%' => return push_inside(stack, b"map", |stack| push_map(stack, text, rest)),
        b'~' => return push_inside(stack, b"set", |stack| push_set(stack, text, rest)),
        b'#' => stack.push_bool(text == b"t"),
        b',' => push_field(stack, b"double", |stack| stack.push_number(double(text))),
        b'(' => push_field(stack, b"big_number", |stack| stack.push_bytes(text)),
        b'=' => return push_text(stack, text, rest, push_verbatim),
        b'|' => return push_reply(stack, skip(2 * length(text).unwrap_or(0), rest)),
        _ => stack.push_nil(),
    }
    rest
}

fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b'\r', bytes).filter(|end| *end > 0)?;
    Some((&bytes[..end], bytes.get(end + 2..).unwrap_or_default()))
}

fn integer(text: &[u8]) -> i64 {
    crate::resp::parse_i64(text).unwrap_or_default()
}

fn length(text: &[u8]) -> Option<usize> {
    usize::try_from(integer(text)).ok()
}

fn double(text: &[u8]) -> f64 {
    number::strtod(&[text, b"\0"].concat()).0
}

fn push_field(stack: Stack<'_>, name: &[u8], push: impl FnOnce(Stack<'_>)) {
    stack.push_table(0, 1);
    push(stack);
    stack.set_raw_field(-2, name);
}

/// A table whose field `name` is what `push` pushes.
fn push_inside<'b>(stack: Stack<'_>, name: &[u8], push: impl FnOnce(Stack<'_>) -> &'b [u8]) -> &'b [u8] {
    stack.push_table(0, 1);
    let rest = push(stack);
    stack.set_raw_field(-2, name);
    rest
}

fn push_text<'b>(stack: Stack<'_>, len: &[u8], rest: &'b [u8], push: fn(Stack<'_>, &[u8])) -> &'b [u8] {
    let Some(len) = length(len) else {
        stack.push_bool(false);
        return rest;
    };
    push(stack, &rest[..len.min(rest.len())]);
    rest.get(len + 2..).unwrap_or_default()
}

fn push_verbatim(stack: Stack<'_>, text: &[u8]) {
    let (format, text) = text.split_at(text.len().min(4));
    push_field(stack, b"verbatim_string", |stack| {
        stack.push_table(0, 2);
        stack.push_bytes(text);
        stack.set_raw_field(-2, b"string");
        stack.push_bytes(&format[..format.len().min(3)]);
        stack.set_raw_field(-2, b"format");
    });
}

fn push_array<'b>(stack: Stack<'_>, len: &[u8], mut rest: &'b [u8]) -> &'b [u8] {
    let Some(len) = length(len) else {
        stack.push_bool(false);
        return rest;
    };
    stack.push_table(len, 0);
    for item in 1..=len {
        rest = push_reply(stack, rest);
        stack.set_raw_item(-2, item);
    }
    rest
}

fn push_map<'b>(stack: Stack<'_>, len: &[u8], mut rest: &'b [u8]) -> &'b [u8] {
    let pairs = length(len).unwrap_or(0);
    // Without room ahead: in which order entries come depends on how a table has grown.
    stack.push_table(0, 0);
    for _ in 0..pairs {
        rest = push_reply(stack, rest);
        rest = push_reply(stack, rest);
        set_entry(stack);
    }
    rest
}

fn push_set<'b>(stack: Stack<'_>, len: &[u8], mut rest: &'b [u8]) -> &'b [u8] {
    let members = length(len).unwrap_or(0);
    stack.push_table(0, 0);
    for _ in 0..members {
        rest = push_reply(stack, rest);
        stack.push_bool(true);
        set_entry(stack);
    }
    rest
}

/// A null is no key of a table.
fn set_entry(stack: Stack<'_>) {
    if stack.is_nil(-2) { stack.pop(2) } else { stack.set_raw(-3) }
}

/// Passes over so many replies.
fn skip(count: usize, mut bytes: &[u8]) -> &[u8] {
    for _ in 0..count {
        let Some((line, rest)) = split_line(bytes) else { return &[] };
        let text = &line[1..];
        bytes = match line[0] {
            b'$' | b'=' => length(text).map_or(rest, |len| rest.get(len + 2..).unwrap_or_default()),
            b'*' | b'~' | b'>' => skip(length(text).unwrap_or(0), rest),
            b'%' => skip(2 * length(text).unwrap_or(0), rest),
            _ => rest,
        };
    }
    bytes
}

/// Where a script's answer goes.
pub struct Answerer<'a> {
    pub reply: &'a mut Reply,
    pub host: &'a mut dyn Host,
    /// What the script itself speaks decides what its booleans are.
    pub script_protocol: Protocol,
}

impl Answerer<'_> {
    /// Takes the value on top and answers it.
    pub fn answer(&mut self, stack: Stack<'_>) {
        if !stack.has_room(5) {
            self.fail("ERR reached lua stack limit");
            return stack.pop(1);
        }
        match stack.kind(-1) {
            Kind::String => self.reply.bulk(stack.bytes(-1).unwrap_or_default()),
            Kind::Number => self.reply.int(number::to_i64(stack.number(-1))),
            Kind::Boolean => self.answer_bool(stack.bool(-1)),
            Kind::Table => self.answer_table(stack),
            _ => self.reply.null(),
        }
        stack.pop(1);
    }

    fn fail(&mut self, line: &str) {
        self.host.note_error(line, false);
        self.reply.error(line);
    }

    /// Answers the error on top, which `place` goes behind. Leaves it there.
    pub fn answer_error(&mut self, error: &ErrorInfo, place: &str) {
        let line = format!("{}{place}", String::from_utf8_lossy(&error.message));
        self.host.note_error(line.trim_end(), error.is_counted);
        self.reply.error(line.trim_end());
    }

    fn answer_bool(&mut self, truth: bool) {
        match (self.script_protocol, truth) {
            (Protocol::Resp3, _) => self.reply.bool(truth),
            (Protocol::Resp2, true) => self.reply.int(1),
            (Protocol::Resp2, false) => self.reply.null(),
        }
    }

    /// Some tables stand for what Lua has no type for. A field that makes it so is looked for in Redis's order.
    fn answer_table(&mut self, stack: Stack<'_>) {
        let top = stack.top();
        let is = |name: &[u8], kind: Kind| {
            stack.set_top(top);
            stack.raw_field(-1, name) == kind
        };
        match () {
            _ if is(b"err", Kind::String) => {
                stack.set_top(top);
                self.answer_error(&ErrorInfo::of(stack), "");
            }
            _ if is(b"ok", Kind::String) => self.reply.simple(&line_of(stack)),
            _ if is(b"double", Kind::Number) => {
                let reply = &mut *self.reply;
                number::with_g(stack.number(-1), 17, |text| reply.double(&String::from_utf8_lossy(text)));
            }
            _ if is(b"big_number", Kind::String) => self.reply.big_number(&line_of(stack)),
            _ if is(b"verbatim_string", Kind::Table) && self.answer_verbatim(stack) => {}
            _ if is(b"map", Kind::Table) => self.answer_map(stack),
            _ if is(b"set", Kind::Table) => self.answer_set(stack),
            _ => {
                stack.set_top(top);
                self.answer_array(stack);
            }
        }
        stack.set_top(top);
    }

    fn answer_verbatim(&mut self, stack: Stack<'_>) -> bool {
        let has_both = stack.raw_field(-1, b"format") == Kind::String && stack.raw_field(-2, b"string") == Kind::String;
        if !has_both {
            return false;
        }
        // RESP3 has room for three letters.
        let mut format = *b"   ";
        let given = stack.bytes(-2).unwrap_or_default();
        given.iter().zip(&mut format).for_each(|(from, to)| *to = from.to_ascii_lowercase());
        self.reply.verbatim(&String::from_utf8_lossy(&format), stack.bytes(-1).unwrap_or_default());
        true
    }

    fn answer_map(&mut self, stack: Stack<'_>) {
        self.reply.map(count_entries(stack));
        stack.push_nil();
        while stack.next(-2) {
            // The key is needed for the next step.
            stack.push_copy(-2);
            self.answer(stack);
            self.answer(stack);
        }
    }

    fn answer_set(&mut self, stack: Stack<'_>) {
        self.reply.set(count_entries(stack));
        stack.push_nil();
        while stack.next(-2) {
            stack.pop(1);
            stack.push_copy(-1);
            self.answer(stack);
        }
    }

    /// Up to the first nil.
    fn answer_array(&mut self, stack: Stack<'_>) {
        let mut len = stack.len(-1);
        let has = |item: usize| {
            let kind = stack.raw_item(-1, item);
            stack.pop(1);
            kind != Kind::Nil
        };
        // A length that Lua finds may lie behind a hole.
        if let Some(hole) = (1..=len).find(|item| !has(*item)) {
            len = hole - 1;
        } else {
            while has(len + 1) {
                len += 1;
            }
        }
        self.reply.array(len);
        for item in 1..=len {
            stack.raw_item(-1, item);
            self.answer(stack);
        }
    }
}

fn count_entries(stack: Stack<'_>) -> usize {
    let mut count = 0;
    stack.push_nil();
    while stack.next(-2) {
        stack.pop(1);
        count += 1;
    }
    count
}

/// The string on top as one line.
fn line_of(stack: Stack<'_>) -> String {
    let text = String::from_utf8_lossy(stack.bytes(-1).unwrap_or_default());
    text.replace(['\r', '\n'], " ")
}
