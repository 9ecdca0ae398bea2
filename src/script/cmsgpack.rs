//! The library `cmsgpack`: MessagePack. Tables nested deeper than a bound are packed as nil, and not unpacked.

use super::number::to_i64;
use super::redis::set_function;
use super::stack::{Answer, Kind, Raised, Stack};

/// Tables deeper than this are packed as nil.
const PACKED_DEPTH_MAX: usize = 16;
/// What is deeper than this is refused: each level takes some of the processor's stack.
const UNPACKED_DEPTH_MAX: usize = 1000;

/// Pushes the library.
pub fn push_table(stack: Stack<'_>) {
    stack.push_table(0, 8);
    set_function(stack, "pack", pack);
    set_function(stack, "unpack", |stack| unpack(stack, None));
    set_function(stack, "unpack_one", |stack| {
        let offset = stack.optional_int(2, 0);
        unpack(stack, Some((1, offset)))
    });
    set_function(stack, "unpack_limit", |stack| {
        let limit = stack.check_int(2);
        let offset = stack.optional_int(3, 0);
        unpack(stack, Some((limit, offset)))
    });
    let facts: [(&[u8], &[u8]); 4] = [
        (b"_NAME", b"cmsgpack"),
        (b"_VERSION", b"lua-cmsgpack 0.4.0"),
        (b"_COPYRIGHT", b"Copyright (C) 2012, Salvatore Sanfilippo"),
        (b"_DESCRIPTION", b"MessagePack C implementation for Lua"),
    ];
    for (name, value) in facts {
        stack.push_bytes(value);
        stack.set_raw_field(-2, name);
    }
}

fn pack(stack: Stack<'_>) -> Answer {
    let count = stack.top();
    if count == 0 {
        return Err(stack.argument_error(0, c"MessagePack pack needs input."));
    }
    if !stack.has_room(count) {
        return Err(stack.argument_error(0, c"Too many arguments for MessagePack pack."));
    }
    let out = stack.state().scratch.borrow();
    out.clear();
    for index in 1..=count {
        stack.push_copy(index);
        pack_value(stack, out, 0)?;
    }
    stack.push_bytes(out);
    Ok(1)
}

/// Takes the value on top.
fn pack_value(stack: Stack<'_>, out: &mut Vec<u8>, depth: usize) -> Result<(), Raised> {
    match stack.kind(-1) {
        Kind::String => pack_bytes(out, stack.bytes(-1).unwrap_or_default()),
        Kind::Boolean => out.push(if stack.bool(-1) { 0xc3 } else { 0xc2 }),
        Kind::Number => pack_number(out, stack.number(-1)),
        Kind::Table if depth < PACKED_DEPTH_MAX => pack_table(stack, out, depth)?,
        _ => out.push(0xc0),
    }
    stack.pop(1);
    Ok(())
}

fn pack_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    match bytes.len() {
        len @ 0..=31 => out.push(0xa0 | len as u8),
        len @ 32..=0xff => out.extend_from_slice(&[0xd9, len as u8]),
        len => pack_length(out, len, 0xda),
    }
    out.extend_from_slice(bytes);
}

/// A length of 16 bits behind `code`, or of 32 behind the code after it.
fn pack_length(out: &mut Vec<u8>, len: usize, code: u8) {
    match u16::try_from(len) {
        Ok(len) => {
            out.push(code);
            out.extend_from_slice(&len.to_be_bytes());
        }
        Err(_) => {
            out.push(code + 1);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
    }
}

fn pack_number(out: &mut Vec<u8>, number: f64) {
    if number.is_finite() && to_i64(number) as f64 == number {
        return pack_integer(out, to_i64(number));
    }
    let short = number as f32;
    if f64::from(short) == number {
        out.push(0xca);
        out.extend_from_slice(&short.to_be_bytes());
    } else {
        out.push(0xcb);
        out.extend_from_slice(&number.to_be_bytes());
    }
}

fn pack_integer(out: &mut Vec<u8>, number: i64) {
    // The last bytes of the number behind a code.
    let (code, bytes) = match number {
        -32..=127 => return out.push(number as u8),
        128..=0xff => (0xcc, 1),
        0x100..=0xffff => (0xcd, 2),
        0x1_0000..=0xffff_ffff => (0xce, 4),
        0x1_0000_0000.. => (0xcf, 8),
        -128..=-33 => (0xd0, 1),
        -32_768..=-129 => (0xd1, 2),
        -2_147_483_648..=-32_769 => (0xd2, 4),
        _ => (0xd3, 8),
    };
    out.push(code);
    out.extend_from_slice(&number.to_be_bytes()[8 - bytes..]);
}

/// A table with the keys 1 to n is an array, any other a map.
fn pack_table(stack: Stack<'_>, out: &mut Vec<u8>, depth: usize) -> Result<(), Raised> {
    if !stack.has_room(4) {
        return Err(stack.error("stack overflow (in function mp_encode_lua_table)"));
    }
    let (entries, is_array) = survey(stack);
    if is_array {
        let len = stack.len(-1);
        if len < 16 {
            out.push(0x90 | len as u8)
        } else {
            pack_length(out, len, 0xdc)
        }
        for item in 1..=len {
            stack.push_number(item as f64);
            stack.value_of_key(-2);
            pack_value(stack, out, depth + 1)?;
        }
        return Ok(());
    }
    if entries < 16 {
        out.push(0x80 | entries as u8)
    } else {
        pack_length(out, entries, 0xde)
    }
    stack.push_nil();
    while stack.next(-2) {
        stack.push_copy(-2);
        pack_value(stack, out, depth + 1)?;
        pack_value(stack, out, depth + 1)?;
    }
    Ok(())
}

/// Number of entries of the table on top, and whether their keys are 1 to that number.
fn survey(stack: Stack<'_>) -> (usize, bool) {
    let (mut entries, mut largest, mut all_indices) = (0, 0.0, true);
    stack.push_nil();
    while stack.next(-2) {
        stack.pop(1);
        entries += 1;
        let key = if stack.kind(-1) == Kind::Number { stack.number(-1) } else { 0.0 };
        all_indices &= key > 0.0 && key == f64::from(key as i32);
        largest = f64::max(largest, key);
    }
    (entries, all_indices && largest == entries as f64)
}

/// What is left of packed bytes.
struct Cursor<'b> {
    stack: Stack<'b>,
    rest: &'b [u8],
}

impl<'b> Cursor<'b> {
    fn take(&mut self, count: usize) -> Result<&'b [u8], Raised> {
        match self.rest.split_at_checked(count) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(self.stack.error("Missing bytes in input.")),
        }
    }

    /// An unsigned number of so many bytes.
    fn unsigned(&mut self, bytes: usize) -> Result<u64, Raised> {
        Ok(self.take(bytes)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn signed(&mut self, bytes: usize) -> Result<i64, Raised> {
        let unused = 64 - 8 * bytes as u32;
        Ok((self.unsigned(bytes)? << unused) as i64 >> unused)
    }

    /// Pushes the next value.
    fn push_value(&mut self, depth: usize) -> Result<(), Raised> {
        let stack = self.stack;
        if !stack.has_room(4) {
            let text = "stack overflow (too many return values at once; use unpack_one or unpack_limit instead.)";
            return Err(stack.error(text));
        }
        let code = self.take(1)?[0];
        match code {
            0x00..=0x7f => stack.push_number(code.into()),
            0x80..=0x8f => return self.push_map(usize::from(code & 15), depth),
            0x90..=0x9f => return self.push_array(usize::from(code & 15), depth),
            0xa0..=0xbf => stack.push_bytes(self.take(usize::from(code & 31))?),
            0xc0 => stack.push_nil(),
            0xc2 | 0xc3 => stack.push_bool(code == 0xc3),
            0xca => stack.push_number(f32::from_bits(self.unsigned(4)? as u32).into()),
            0xcb => stack.push_number(f64::from_bits(self.unsigned(8)?)),
            // Redis takes the largest of them for negative ones.
            0xcc..=0xcf => stack.push_number(self.unsigned(1 << (code - 0xcc))? as i64 as f64),
            0xd0..=0xd3 => stack.push_number(self.signed(1 << (code - 0xd0))? as f64),
            0xd9..=0xdb => {
                let len = self.unsigned(1 << (code - 0xd9))? as usize;
                stack.push_bytes(self.take(len)?);
            }
            0xdc | 0xdd => {
                let len = self.unsigned(2 << (code - 0xdc))? as usize;
                return self.push_array(len, depth);
            }
            0xde | 0xdf => {
                let len = self.unsigned(2 << (code - 0xde))? as usize;
                return self.push_map(len, depth);
            }
            0xe0..=0xff => stack.push_number((code as i8).into()),
            _ => return Err(stack.error("Bad data format in input.")),
        }
        Ok(())
    }

    fn descend(&self, depth: usize) -> Result<usize, Raised> {
        if depth < UNPACKED_DEPTH_MAX { Ok(depth + 1) } else { Err(self.stack.error("Bad data format in input.")) }
    }

    /// Stated lengths are not believed: the table grows with what is there.
    fn push_array(&mut self, len: usize, depth: usize) -> Result<(), Raised> {
        let depth = self.descend(depth)?;
        self.stack.push_table(len.min(self.rest.len()).min(64), 0);
        for item in 1..=len {
            self.push_value(depth)?;
            self.stack.set_raw_item(-2, item);
        }
        Ok(())
    }

    fn push_map(&mut self, pairs: usize, depth: usize) -> Result<(), Raised> {
        let depth = self.descend(depth)?;
        // Without room ahead: in which order entries come depends on how a table has grown.
        self.stack.push_table(0, 0);
        for _ in 0..pairs {
            self.push_value(depth)?;
            self.push_value(depth)?;
            self.stack.set_value_of_key(-3);
        }
        Ok(())
    }
}

/// `part`: how many values from which offset; then the offset behind them is answered first, -1 at the end.
fn unpack(stack: Stack<'_>, part: Option<(i64, i64)>) -> Answer {
    let bytes = stack.check_bytes(1);
    let (limit, offset) = part.unwrap_or((0, 0));
    stack.set_top(1);
    if offset < 0 || limit < 0 {
        let text = format!("Invalid request to unpack with offset of {offset} and limit of {}.", bytes.len());
        return Err(stack.error(&text));
    }
    let Some(rest) = bytes.get(offset as usize..) else {
        let text = format!("Start offset {offset} greater than input length {}.", bytes.len());
        return Err(stack.error(&text));
    };
    // Neither limit nor offset: all of it.
    let is_whole = limit == 0 && offset == 0;
    let limit = if is_whole { i32::MAX.into() } else { limit };
    let mut cursor = Cursor { stack, rest };
    let mut values = 0;
    while !cursor.rest.is_empty() && i64::from(values) < limit {
        cursor.push_value(0)?;
        values += 1;
    }
    if !is_whole {
        if !stack.has_room(1) {
            return Err(stack.error("stack overflow (in function mp_unpack_full)"));
        }
        let next = bytes.len() - cursor.rest.len();
        stack.push_number(if cursor.rest.is_empty() { -1.0 } else { next as f64 });
        stack.insert(2);
        values += 1;
    }
    Ok(values)
}
