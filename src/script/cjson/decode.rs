//! JSON as Lua's values. As in the library's own, a zero byte is the end.

use super::{DEPTH_MAX, Settings};
use crate::script::number::strtod;
use crate::script::stack::{Answer, Raised, Stack};

/// A buffer of strings that grew beyond this is given back.
const KEPT_BYTES: usize = 64 * 1024;

pub(super) fn decode(stack: Stack<'_>) -> Answer {
    if stack.top() != 1 {
        return Err(stack.argument_error(1, c"expected 1 argument"));
    }
    stack.check_bytes(1);
    let text = stack.bytes_with_zero(1).unwrap_or(b"\0");
    if text.len() > 2 && (text[0] == 0 || text[1] == 0) {
        return Err(stack.error("JSON parser does not support UTF-16 or UTF-32"));
    }
    let settings = *stack.state().json.borrow();
    let mut decoder = Decoder { stack, text, at: 0, token_at: 0, depth: 0, settings };
    let first = decoder.next();
    decoder.push_value(first)?;
    match decoder.next() {
        Token::End => {}
        token => return Err(decoder.unexpected("the end", token)),
    }
    let scratch = stack.state().scratch.borrow();
    if scratch.capacity() > KEPT_BYTES {
        *scratch = Vec::new();
    }
    Ok(1)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Token {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    Colon,
    Comma,
    /// Its text is in the scratch buffer.
    String,
    Number(f64),
    Boolean(bool),
    Null,
    End,
    Error(&'static str),
}

impl Token {
    fn name(self) -> &'static str {
        match self {
            Token::ObjectBegin => "T_OBJ_BEGIN",
            Token::ObjectEnd => "T_OBJ_END",
            Token::ArrayBegin => "T_ARR_BEGIN",
            Token::ArrayEnd => "T_ARR_END",
            Token::Colon => "T_COLON",
            Token::Comma => "T_COMMA",
            Token::String => "T_STRING",
            Token::Number(_) => "T_NUMBER",
            Token::Boolean(_) => "T_BOOLEAN",
            Token::Null => "T_NULL",
            Token::End => "T_END",
            Token::Error(text) => text,
        }
    }
}

struct Decoder<'a> {
    stack: Stack<'a>,
    /// Ends with a zero byte.
    text: &'a [u8],
    at: usize,
    /// Where the latest token began, or went wrong.
    token_at: usize,
    depth: i64,
    settings: Settings,
}

impl Decoder<'_> {
    /// The byte at `at`; behind the end there are zeros.
    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    fn next(&mut self) -> Token {
        while matches!(self.byte(self.at), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        self.token_at = self.at;
        let single = match self.byte(self.at) {
            b'{' => Token::ObjectBegin,
            b'}' => Token::ObjectEnd,
            b'[' => Token::ArrayBegin,
            b']' => Token::ArrayEnd,
            b',' => Token::Comma,
            b':' => Token::Colon,
            0 => return Token::End,
            b'"' => return self.string(),
            b'-' | b'0'..=b'9' if !self.settings.decode_invalid && self.is_invalid_number() => {
                return Token::Error("invalid number");
            }
            b'-' | b'0'..=b'9' => return self.number(),
            b'f' | b'i' | b'I' | b'n' | b'N' | b't' | b'+' => return self.word(),
            _ => return Token::Error("invalid token"),
        };
        self.at += 1;
        single
    }

    fn word(&mut self) -> Token {
        let words =
            [(b"true".as_slice(), Token::Boolean(true)), (b"false", Token::Boolean(false)), (b"null", Token::Null)];
        if let Some((word, token)) = words.iter().find(|(word, _)| self.text[self.at..].starts_with(word)) {
            self.at += word.len();
            return *token;
        }
        if self.settings.decode_invalid && self.is_invalid_number() {
            return self.number();
        }
        Token::Error("invalid token")
    }

    /// What C reads as a number, but JSON does not: a sign +, leading zeros, hex digits, inf, nan.
    fn is_invalid_number(&self) -> bool {
        let mut at = self.at;
        if self.byte(at) == b'+' {
            return true;
        }
        at += usize::from(self.byte(at) == b'-');
        match self.byte(at) {
            b'0' => matches!(self.byte(at + 1), b'x' | b'X' | b'0'..=b'9'),
            first if first <= b'9' => false,
            _ => {
                let word = self.text[at..].get(..3).unwrap_or_default();
                word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"nan")
            }
        }
    }

    fn number(&mut self) -> Token {
        let (number, len) = strtod(&self.text[self.at..]);
        self.at += len;
        if len == 0 { Token::Error("invalid number") } else { Token::Number(number) }
    }

    fn fail_here(&mut self, text: &'static str) -> Token {
        self.token_at = self.at;
        Token::Error(text)
    }

    /// Into the scratch buffer.
    fn string(&mut self) -> Token {
        let out = self.stack.state().scratch.borrow();
        out.clear();
        self.at += 1;
        loop {
            let plain = self.text[self.at..].iter().position(|byte| matches!(byte, b'"' | b'\\' | 0)).unwrap_or(0);
            out.extend_from_slice(&self.text[self.at..self.at + plain]);
            self.at += plain;
            match self.byte(self.at) {
                b'"' => break,
                0 => return self.fail_here("unexpected end of string"),
                _ => {}
            }
            let escaped = match self.byte(self.at + 1) {
                byte @ (b'"' | b'\\' | b'/') => byte,
                b'b' => b'\x08',
                b't' => b'\t',
                b'n' => b'\n',
                b'f' => b'\x0c',
                b'r' => b'\r',
                b'u' => match self.unicode() {
                    Some((character, len)) => {
                        put_utf8(out, character);
                        self.at += len;
                        continue;
                    }
                    None => return self.fail_here("invalid unicode escape code"),
                },
                _ => return self.fail_here("invalid escape code"),
            };
            out.push(escaped);
            self.at += 2;
        }
        self.at += 1;
        Token::String
    }

    /// The character that the escape at hand stands for, with its length: two escapes where it is a pair.
    fn unicode(&self) -> Option<(u32, usize)> {
        let high = self.hex4(self.at + 2)?;
        match high {
            0xd800..=0xdbff => {
                if self.byte(self.at + 6) != b'\\' || self.byte(self.at + 7) != b'u' {
                    return None;
                }
                let low = self.hex4(self.at + 8).filter(|low| (0xdc00..=0xdfff).contains(low))?;
                Some((0x1_0000 + ((high & 0x3ff) << 10 | low & 0x3ff), 12))
            }
            0xdc00..=0xdfff => None,
            _ => Some((high, 6)),
        }
    }

    fn hex4(&self, at: usize) -> Option<u32> {
        (at..at + 4).try_fold(0, |number, at| Some(number << 4 | char::from(self.byte(at)).to_digit(16)?))
    }

    fn unexpected(&self, expected: &str, found: Token) -> Raised {
        let text = format!("Expected {expected} but found {} at character {}", found.name(), self.token_at + 1);
        self.stack.error(&text)
    }

    fn push_value(&mut self, token: Token) -> Result<(), Raised> {
        let stack = self.stack;
        match token {
            Token::String => stack.push_bytes(stack.state().scratch.borrow()),
            Token::Number(number) => stack.push_number(number),
            Token::Boolean(truth) => stack.push_bool(truth),
            Token::ObjectBegin => self.push_object()?,
            Token::ArrayBegin => self.push_array()?,
            // A field that is nil would not be there.
            Token::Null => stack.push_light_userdata(std::ptr::null_mut()),
            other => return Err(self.unexpected("value", other)),
        }
        Ok(())
    }

    fn descend(&mut self) -> Result<(), Raised> {
        self.depth += 1;
        if self.depth <= self.settings.decode_depth_max.min(DEPTH_MAX) && self.stack.has_room(6) {
            return Ok(());
        }
        let (depth, at) = (self.depth, self.at);
        Err(self.stack.error(&format!("Found too many nested data structures ({depth}) at character {at}")))
    }

    fn push_object(&mut self) -> Result<(), Raised> {
        self.descend()?;
        self.stack.push_table(0, 0);
        let mut token = self.next();
        if token == Token::ObjectEnd {
            self.depth -= 1;
            return Ok(());
        }
        loop {
            if token != Token::String {
                return Err(self.unexpected("object key string", token));
            }
            self.push_value(token)?;
            match self.next() {
                Token::Colon => {}
                other => return Err(self.unexpected("colon", other)),
            }
            let value = self.next();
            self.push_value(value)?;
            self.stack.set_raw(-3);
            match self.next() {
                Token::ObjectEnd => break,
                Token::Comma => token = self.next(),
                other => return Err(self.unexpected("comma or object end", other)),
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn push_array(&mut self) -> Result<(), Raised> {
        self.descend()?;
        self.stack.push_table(0, 0);
        let mut token = self.next();
        if token == Token::ArrayEnd {
            self.depth -= 1;
            return Ok(());
        }
        for item in 1.. {
            self.push_value(token)?;
            self.stack.set_raw_item(-2, item);
            match self.next() {
                Token::ArrayEnd => break,
                Token::Comma => token = self.next(),
                other => return Err(self.unexpected("comma or array end", other)),
            }
        }
        self.depth -= 1;
        Ok(())
    }
}

/// Halves of pairs do not come here alone, but zero does.
fn put_utf8(out: &mut Vec<u8>, character: u32) {
    let character = char::from_u32(character).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}
