//! The library `struct`: packs values into bytes as C lays out structures, and takes them out again.
//!
//! Formats: `<` `>` endianness, `!n` alignment, `b B h H l L T` integers, `i In` of n bytes, `f d`, `s` text with a
//! zero, `cn` n bytes, `x` padding.

use super::number::{to_i64, to_u64};
use super::redis::set_function;
use super::stack::{Answer, Raised, Stack};

const INT_BYTES_MAX: usize = 32;
const DEFAULT_ALIGN: usize = 8;

/// Pushes the library.
pub fn push_table(stack: Stack<'_>) {
    stack.push_table(0, 3);
    set_function(stack, "pack", pack);
    set_function(stack, "unpack", unpack);
    set_function(stack, "size", size);
}

/// The rest of a format, and what its options have set so far.
struct Format<'f> {
    stack: Stack<'f>,
    rest: &'f [u8],
    is_big_endian: bool,
    align: usize,
}

impl<'f> Format<'f> {
    fn of(stack: Stack<'f>) -> Format<'f> {
        let rest = stack.check_bytes(1);
        // As in C, a zero byte ends it.
        let end = memchr::memchr(0, rest).unwrap_or(rest.len());
        Format { stack, rest: &rest[..end], is_big_endian: false, align: 1 }
    }

    /// The next option and its size.
    fn next(&mut self) -> Result<Option<(u8, usize)>, Raised> {
        let Some((&option, rest)) = self.rest.split_first() else { return Ok(None) };
        self.rest = rest;
        let size = match option {
            b'B' | b'b' | b'x' => 1,
            b'H' | b'h' => 2,
            b'L' | b'l' | b'T' | b'd' => 8,
            b'f' => 4,
            b'c' => self.number(1)?,
            b'i' | b'I' => {
                let size = self.number(4)?;
                if size > INT_BYTES_MAX {
                    let text = format!("integral size {size} is larger than limit of {INT_BYTES_MAX}");
                    return Err(self.stack.error(&text));
                }
                size
            }
            _ => 0,
        };
        Ok(Some((option, size)))
    }

    fn number(&mut self, default: usize) -> Result<usize, Raised> {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return Ok(default);
        }
        let (text, rest) = self.rest.split_at(digits);
        self.rest = rest;
        let parsed = std::str::from_utf8(text).ok().and_then(|text| text.parse::<i32>().ok());
        parsed.map(|number| number as usize).ok_or_else(|| self.stack.error("integral size overflow"))
    }

    /// Bytes to be left out before a value of this size at `position`.
    fn padding(&self, position: usize, option: u8, size: usize) -> usize {
        if size == 0 || option == b'c' {
            return 0;
        }
        let size = size.min(self.align);
        // Sizes that are no power of two align as C's bit tricks have it.
        size.wrapping_sub(position & (size - 1)) & (size - 1)
    }

    /// An option that is no value.
    fn control(&mut self, option: u8) -> Result<(), Raised> {
        match option {
            b' ' => {}
            b'>' => self.is_big_endian = true,
            b'<' => self.is_big_endian = false,
            b'!' => {
                let align = self.number(DEFAULT_ALIGN)?;
                if !align.is_power_of_two() {
                    return Err(self.stack.error(&format!("alignment {align} is not a power of 2")));
                }
                self.align = align;
            }
            _ => {
                let text = format!("invalid format option '{}'\0", option as char);
                return Err(argument_error(self.stack, 1, text));
            }
        }
        Ok(())
    }
}

/// `text` ends with a zero byte. Lua copies it first, so that it can be dropped before the error is raised.
fn argument_error(stack: Stack<'_>, index: i32, text: String) -> Raised {
    stack.push_bytes(text.trim_end_matches('\0').as_bytes());
    drop(text);
    let kept = stack.bytes_with_zero(-1).unwrap_or(b"\0");
    stack.argument_error(index, std::ffi::CStr::from_bytes_until_nul(kept).unwrap_or_default())
}

fn pack(stack: Stack<'_>) -> Answer {
    let mut format = Format::of(stack);
    // An argument that is missing is nil, as in Redis.
    stack.push_nil();
    let packed = stack.state().scratch.borrow();
    packed.clear();
    let mut argument = 2;
    let mut total = 0;
    while let Some((option, mut size)) = format.next()? {
        let padding = format.padding(total, option, size);
        packed.resize(packed.len() + padding, 0);
        total += padding;
        match option {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                put_integer(packed, stack.check_number(argument), size, format.is_big_endian);
            }
            b'x' => packed.push(0),
            b'f' => put_bytes(packed, &(stack.check_number(argument) as f32).to_le_bytes(), format.is_big_endian),
            b'd' => put_bytes(packed, &stack.check_number(argument).to_le_bytes(), format.is_big_endian),
            b'c' | b's' => {
                let text = stack.check_bytes(argument);
                let wanted = if size == 0 { text.len() } else { size };
                let Some(text) = text.get(..wanted) else {
                    return Err(stack.argument_error(argument + 1, c"string too short"));
                };
                packed.extend_from_slice(text);
                size = wanted;
                if option == b's' {
                    packed.push(0);
                    size += 1;
                }
            }
            _ => format.control(option)?,
        }
        argument += i32::from(is_value(option) && option != b'x');
        total += size;
    }
    stack.push_bytes(packed);
    Ok(1)
}

fn is_value(option: u8) -> bool {
    matches!(option, b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' | b'x' | b'f' | b'd' | b'c' | b's')
}

fn put_integer(packed: &mut Vec<u8>, number: f64, size: usize, is_big_endian: bool) {
    let value = if number < 0.0 { to_i64(number) as u64 } else { to_u64(number) };
    let mut bytes = [0; INT_BYTES_MAX];
    bytes[..8].copy_from_slice(&value.to_le_bytes());
    put_bytes(packed, &bytes[..size], is_big_endian);
}

/// Bytes that stand with the least first.
fn put_bytes(packed: &mut Vec<u8>, bytes: &[u8], is_big_endian: bool) {
    if is_big_endian { packed.extend(bytes.iter().rev()) } else { packed.extend_from_slice(bytes) }
}

fn unpack(stack: Stack<'_>) -> Answer {
    let mut format = Format::of(stack);
    let data = stack.check_bytes(2);
    let first = stack.optional_int(3, 1);
    if first == 0 {
        return Err(stack.argument_error(3, c"offset must be 1 or greater"));
    }
    // A negative one is far behind the end.
    let (mut position, mut results) = ((first as usize).wrapping_sub(1), 0);
    while let Some((option, mut size)) = format.next()? {
        position = position.wrapping_add(format.padding(position, option, size));
        let has = |size: usize| position.checked_add(size).is_some_and(|end| end <= data.len());
        if !has(size) {
            return Err(stack.argument_error(2, c"data string too short"));
        }
        if !stack.has_room(2) {
            return Err(stack.error("stack overflow (too many results)"));
        }
        let bytes = &data[position..position + size];
        match option {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                stack.push_number(integer(bytes, option.is_ascii_lowercase(), format.is_big_endian));
            }
            b'f' => stack.push_number(f32::from_le_bytes(ordered(bytes, format.is_big_endian)).into()),
            b'd' => stack.push_number(f64::from_le_bytes(ordered(bytes, format.is_big_endian))),
            b'c' if size == 0 => {
                size = previous_size(stack, results)?;
                results -= 1;
                if !has(size) {
                    return Err(stack.argument_error(2, c"data string too short"));
                }
                stack.push_bytes(&data[position..position + size]);
            }
            b'c' => stack.push_bytes(bytes),
            b's' => size = push_text(stack, &data[position..])?,
            b'x' => {}
            _ => format.control(option)?,
        }
        results += i32::from(is_value(option) && option != b'x');
        position += size;
    }
    stack.push_number((position + 1) as f64);
    Ok(results + 1)
}

/// The size that was unpacked just before, taken off the stack.
fn previous_size(stack: Stack<'_>, results: i32) -> Result<usize, Raised> {
    if results == 0 || !stack.is_number(-1) {
        return Err(stack.error("format 'c0' needs a previous size"));
    }
    let size = to_u64(stack.number(-1)) as usize;
    stack.pop(1);
    Ok(size)
}

/// Pushes what ends with a zero byte, and answers its size with that.
fn push_text(stack: Stack<'_>, data: &[u8]) -> Result<usize, Raised> {
    let len = memchr::memchr(0, data).ok_or_else(|| stack.error("unfinished string in data"))?;
    stack.push_bytes(&data[..len]);
    Ok(len + 1)
}

fn integer(bytes: &[u8], is_signed: bool, is_big_endian: bool) -> f64 {
    let add = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    let value = if is_big_endian { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) };
    let bits = 8 * bytes.len() as u32;
    if !is_signed {
        return value as f64;
    }
    match 64u32.checked_sub(bits) {
        Some(unused) if bits > 0 => ((value << unused) as i64 >> unused) as f64,
        _ => value as i64 as f64,
    }
}

/// With the least byte first.
fn ordered<const N: usize>(bytes: &[u8], is_big_endian: bool) -> [u8; N] {
    let mut ordered = [0; N];
    ordered.copy_from_slice(bytes);
    if is_big_endian {
        ordered.reverse();
    }
    ordered
}

fn size(stack: Stack<'_>) -> Answer {
    let mut format = Format::of(stack);
    let mut position = 0usize;
    while let Some((option, size)) = format.next()? {
        position += format.padding(position, option, size);
        match option {
            b's' => return Err(stack.argument_error(1, c"option 's' has no fixed size")),
            b'c' if size == 0 => return Err(stack.argument_error(1, c"option 'c0' has no fixed size")),
            _ if !option.is_ascii_alphanumeric() => format.control(option)?,
            _ => {}
        }
        position += size;
    }
    stack.push_number(position as f64);
    Ok(1)
}
