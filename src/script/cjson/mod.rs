//! The library `cjson`: JSON to and from Lua's values, with its settings.

mod decode;
mod encode;

use std::ffi::{CStr, c_int};

use super::redis::set_function;
use super::stack::{Answer, Kind, Raised, Stack};

/// What to do with numbers that JSON has no form for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InvalidNumbers {
    Refuse,
    Write,
    Null,
}

/// How values are converted; kept until the interpreter is made anew.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    sparse_is_object: bool,
    sparse_ratio: i64,
    sparse_safe: i64,
    encode_depth_max: i64,
    decode_depth_max: i64,
    encode_invalid: InvalidNumbers,
    decode_invalid: bool,
    precision: i64,
    keeps_buffer: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            sparse_is_object: false,
            sparse_ratio: 2,
            sparse_safe: 10,
            encode_depth_max: 1000,
            decode_depth_max: 1000,
            encode_invalid: InvalidNumbers::Refuse,
            decode_invalid: true,
            precision: 14,
            keeps_buffer: true,
        }
    }
}

/// Nesting that is never exceeded, whatever is set: each level takes some of the processor's stack.
const DEPTH_MAX: i64 = 4_000;

/// Pushes the library.
pub fn push_table(stack: Stack<'_>) {
    stack.push_table(0, 16);
    set_function(stack, "encode", encode::encode);
    set_function(stack, "decode", decode::decode);
    set_function(stack, "encode_sparse_array", encode_sparse_array);
    set_function(stack, "encode_max_depth", |stack| depth(stack, |settings| &mut settings.encode_depth_max));
    set_function(stack, "decode_max_depth", |stack| depth(stack, |settings| &mut settings.decode_depth_max));
    set_function(stack, "encode_number_precision", |stack| {
        arguments(stack, 1)?;
        integer(stack, 1, &mut stack.state().json.borrow().precision, 1, 14)
    });
    set_function(stack, "encode_keep_buffer", |stack| {
        arguments(stack, 1)?;
        on_off(stack, 1, &mut stack.state().json.borrow().keeps_buffer)
    });
    set_function(stack, "encode_invalid_numbers", encode_invalid_numbers);
    set_function(stack, "decode_invalid_numbers", |stack| {
        arguments(stack, 1)?;
        on_off(stack, 1, &mut stack.state().json.borrow().decode_invalid)
    });
    set_function(stack, "new", |stack| {
        push_table(stack);
        Ok(1)
    });
    stack.push_light_userdata(std::ptr::null_mut());
    stack.set_raw_field(-2, b"null");
    for (name, value) in [(b"_NAME".as_slice(), "cjson"), (b"_VERSION", "2.1.0")] {
        stack.push_bytes(value.as_bytes());
        stack.set_raw_field(-2, name);
    }
}

/// Raises if there are more than `count` arguments; missing ones are nil then.
fn arguments(stack: Stack<'_>, count: c_int) -> Result<(), Raised> {
    if stack.top() > count {
        return Err(stack.argument_error(count + 1, c"found too many arguments"));
    }
    stack.set_top(count);
    Ok(())
}

/// Sets a number unless the argument is nil; answers it.
fn integer(stack: Stack<'_>, index: c_int, setting: &mut i64, min: i64, max: i64) -> Answer {
    if !stack.is_nil(index) {
        let value = stack.check_int(index);
        if !(min..=max).contains(&value) {
            stack.push_bytes(format!("expected integer between {min} and {max}").as_bytes());
            let text = stack.bytes_with_zero(-1).unwrap_or(b"\0");
            return Err(stack.argument_error(1, CStr::from_bytes_until_nul(text).unwrap_or_default()));
        }
        *setting = value;
    }
    stack.push_number(*setting as f64);
    Ok(1)
}

fn depth(stack: Stack<'_>, of: fn(&mut Settings) -> &mut i64) -> Answer {
    arguments(stack, 1)?;
    integer(stack, 1, of(stack.state().json.borrow()), 1, i32::MAX.into())
}

/// Sets a switch unless the argument is nil; answers it.
fn on_off(stack: Stack<'_>, index: c_int, setting: &mut bool) -> Answer {
    match stack.kind(index) {
        Kind::Nil => {}
        Kind::Boolean => *setting = stack.bool(index),
        _ => *setting = option(stack, index, &["off", "on"])? == 1,
    }
    stack.push_bool(*setting);
    Ok(1)
}

/// Which of the words the argument is.
fn option(stack: Stack<'_>, index: c_int, words: &[&str]) -> Result<usize, Raised> {
    let given = stack.check_bytes(index);
    words.iter().position(|word| word.as_bytes() == given).ok_or_else(|| {
        stack.push_bytes(&[b"invalid option '", given, b"'"].concat());
        let text = stack.bytes_with_zero(-1).unwrap_or(b"\0");
        stack.argument_error(index, CStr::from_bytes_until_nul(text).unwrap_or_default())
    })
}

fn encode_sparse_array(stack: Stack<'_>) -> Answer {
    arguments(stack, 3)?;
    let settings = stack.state().json.borrow();
    on_off(stack, 1, &mut settings.sparse_is_object)?;
    integer(stack, 2, &mut settings.sparse_ratio, 0, i32::MAX.into())?;
    integer(stack, 3, &mut settings.sparse_safe, 0, i32::MAX.into())?;
    Ok(3)
}

fn encode_invalid_numbers(stack: Stack<'_>) -> Answer {
    arguments(stack, 1)?;
    let setting = &mut stack.state().json.borrow().encode_invalid;
    match stack.kind(1) {
        Kind::Nil => {}
        Kind::Boolean if stack.bool(1) => *setting = InvalidNumbers::Write,
        Kind::Boolean => *setting = InvalidNumbers::Refuse,
        _ => {
            let values = [InvalidNumbers::Refuse, InvalidNumbers::Write, InvalidNumbers::Null];
            *setting = values[option(stack, 1, &["off", "on", "null"])?];
        }
    }
    match setting {
        InvalidNumbers::Refuse => stack.push_bool(false),
        InvalidNumbers::Write => stack.push_bool(true),
        InvalidNumbers::Null => stack.push_bytes(b"null"),
    }
    Ok(1)
}
