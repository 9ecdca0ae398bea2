//! Lua's values as JSON.

use super::{DEPTH_MAX, InvalidNumbers, Settings};
use crate::script::number;
use crate::script::stack::{Answer, Kind, Raised, Stack};

/// Texts longer than this leave no buffer behind.
const KEPT_BYTES: usize = 64 * 1024;

pub(super) fn encode(stack: Stack<'_>) -> Answer {
    if stack.top() != 1 {
        return Err(stack.argument_error(1, c"expected 1 argument"));
    }
    let text = stack.state().scratch.borrow();
    text.clear();
    let settings = *stack.state().json.borrow();
    let mut encoder = Encoder { stack, settings, text };
    encoder.value(0)?;
    stack.push_bytes(encoder.text);
    if encoder.text.capacity() > KEPT_BYTES {
        *encoder.text = Vec::new();
    }
    Ok(1)
}

struct Encoder<'a> {
    stack: Stack<'a>,
    settings: Settings,
    text: &'a mut Vec<u8>,
}

impl Encoder<'_> {
    /// Appends the value on top, and leaves it there.
    fn value(&mut self, depth: i64) -> Result<(), Raised> {
        let stack = self.stack;
        match stack.kind(-1) {
            Kind::String => self.string(-1),
            Kind::Number => self.number(-1)?,
            Kind::Boolean if stack.bool(-1) => self.text.extend_from_slice(b"true"),
            Kind::Boolean => self.text.extend_from_slice(b"false"),
            Kind::Table => self.table(depth + 1)?,
            Kind::Nil => self.text.extend_from_slice(b"null"),
            Kind::LightUserdata if stack.light_userdata(-1).is_null() => self.text.extend_from_slice(b"null"),
            _ => return Err(self.refuse(-1, "type not supported")),
        }
        Ok(())
    }

    fn refuse(&self, index: i32, reason: &str) -> Raised {
        self.stack.error(&format!("Cannot serialise {}: {reason}", self.stack.kind_name(index)))
    }

    fn string(&mut self, index: i32) {
        self.text.push(b'"');
        for &byte in self.stack.bytes(index).unwrap_or_default() {
            match byte {
                b'"' | b'\\' | b'/' => self.text.extend_from_slice(&[b'\\', byte]),
                b'\x08' => self.text.extend_from_slice(b"\\b"),
                b'\t' => self.text.extend_from_slice(b"\\t"),
                b'\n' => self.text.extend_from_slice(b"\\n"),
                b'\x0c' => self.text.extend_from_slice(b"\\f"),
                b'\r' => self.text.extend_from_slice(b"\\r"),
                0..=31 | 127 => {
                    const DIGITS: &[u8; 16] = b"0123456789abcdef";
                    let (high, low) = (DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]);
                    self.text.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
                }
                _ => self.text.push(byte),
            }
        }
        self.text.push(b'"');
    }

    fn number(&mut self, index: i32) -> Result<(), Raised> {
        let number = self.stack.number(index);
        match self.settings.encode_invalid {
            InvalidNumbers::Refuse if !number.is_finite() => return Err(self.refuse(index, "must not be NaN or Inf")),
            InvalidNumbers::Write if number.is_nan() => self.text.extend_from_slice(b"nan"),
            InvalidNumbers::Null if !number.is_finite() => self.text.extend_from_slice(b"null"),
            _ => number::with_g(number, self.settings.precision as i32, |digits| self.text.extend_from_slice(digits)),
        }
        Ok(())
    }

    /// An array if its keys are positive integers, else an object.
    fn table(&mut self, depth: i64) -> Result<(), Raised> {
        let is_bounded = depth <= self.settings.encode_depth_max.min(DEPTH_MAX);
        if !is_bounded || !self.stack.has_room(6) {
            return Err(self.stack.error(&format!("Cannot serialise, excessive nesting ({depth})")));
        }
        match self.array_len()? {
            Some(len) if len > 0 => self.array(len, depth),
            _ => self.object(depth),
        }
    }

    /// The largest index, if there are no other keys.
    fn array_len(&self) -> Result<Option<usize>, Raised> {
        let stack = self.stack;
        let (mut largest, mut items) = (0i64, 0i64);
        stack.push_nil();
        while stack.next(-2) {
            let key = if stack.kind(-2) == Kind::Number { stack.number(-2) } else { 0.0 };
            if key < 1.0 || key.floor() != key {
                stack.pop(2);
                return Ok(None);
            }
            largest = largest.max(key as i64);
            items += 1;
            stack.pop(1);
        }
        let settings = &self.settings;
        let is_sparse = settings.sparse_ratio > 0
            && largest > items.saturating_mul(settings.sparse_ratio)
            && largest > settings.sparse_safe;
        match is_sparse {
            true if settings.sparse_is_object => Ok(None),
            true => Err(self.refuse(-1, "excessively sparse array")),
            // Where any array is dense enough, its holes still have to fit.
            false => Ok(Some(largest.min(i32::MAX.into()) as usize)),
        }
    }

    fn array(&mut self, len: usize, depth: i64) -> Result<(), Raised> {
        self.text.push(b'[');
        for item in 1..=len {
            if item > 1 {
                self.text.push(b',');
            }
            self.stack.raw_item(-1, item);
            self.value(depth)?;
            self.stack.pop(1);
        }
        self.text.push(b']');
        Ok(())
    }

    fn object(&mut self, depth: i64) -> Result<(), Raised> {
        let stack = self.stack;
        self.text.push(b'{');
        let mut is_first = true;
        stack.push_nil();
        while stack.next(-2) {
            if !std::mem::replace(&mut is_first, false) {
                self.text.push(b',');
            }
            match stack.kind(-2) {
                Kind::Number => {
                    self.text.push(b'"');
                    self.number(-2)?;
                    self.text.push(b'"');
                }
                Kind::String => self.string(-2),
                _ => return Err(self.refuse(-2, "table key must be a number or string")),
            }
            self.text.push(b':');
            self.value(depth)?;
            stack.pop(1);
        }
        self.text.push(b'}');
        Ok(())
    }
}
