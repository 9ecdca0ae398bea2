//! `redis.register_function`: how a library says what it has.

use std::ffi::c_int;

use super::error::push_error;
use super::flags::ScriptFlags;
use super::library::{BAD_NAME, is_name};
use super::stack::{Answer, Kind, Raised, Stack};

/// A function that a library under way has registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    pub name: Vec<u8>,
    pub description: Option<Vec<u8>>,
    pub flags: ScriptFlags,
    /// Where the interpreter keeps it.
    pub callback: c_int,
}

pub fn register_function(stack: Stack<'_>) -> Answer {
    match read(stack).and_then(|registration| add(stack, registration)) {
        Ok(()) => Ok(0),
        Err(text) => {
            push_error(stack, text);
            Err(Raised)
        }
    }
}

fn read(stack: Stack<'_>) -> Result<Registration, &'static str> {
    if stack.state().registrations.borrow().is_none() {
        return Err("redis.register_function can only be called on FUNCTION LOAD command");
    }
    match stack.top() {
        1 => read_named(stack),
        2 => read_positional(stack),
        _ => Err("wrong number of arguments to redis.register_function"),
    }
}

fn read_positional(stack: Stack<'_>) -> Result<Registration, &'static str> {
    let name = stack.bytes(1).ok_or("first argument to redis.register_function must be a string")?.to_vec();
    if stack.kind(2) != Kind::Function {
        return Err("second argument to redis.register_function must be a function");
    }
    Ok(Registration { name, description: None, flags: ScriptFlags::default(), callback: stack.keep() })
}

fn read_named(stack: Stack<'_>) -> Result<Registration, &'static str> {
    if stack.kind(1) != Kind::Table {
        return Err("calling redis.register_function with a single argument is only applicable to Lua table \
                    (representing named arguments).");
    }
    let (mut name, mut description, mut callback) = (None, None, None);
    let mut flags = ScriptFlags::default();
    stack.push_nil();
    while stack.next(1) {
        // Turning a number into a string would lose the place in the table: the key is read as a copy.
        stack.push_copy(-2);
        let key = stack.bytes(-1).map(<[u8]>::to_ascii_lowercase);
        stack.pop(1);
        let key = key.ok_or("named argument key given to redis.register_function is not a string")?;
        let text = |error| stack.bytes(-1).map(<[u8]>::to_vec).ok_or(error);
        match key.as_slice() {
            b"function_name" => {
                name = Some(text("function_name argument given to redis.register_function must be a string")?);
            }
            b"description" => {
                description = Some(text("description argument given to redis.register_function must be a string")?);
            }
            b"callback" if stack.kind(-1) != Kind::Function => {
                return Err("callback argument given to redis.register_function must be a function");
            }
            b"callback" => {
                stack.push_copy(-1);
                callback = Some(stack.keep());
            }
            b"flags" if stack.kind(-1) != Kind::Table => {
                return Err("flags argument to redis.register_function must be a table representing function flags");
            }
            b"flags" => flags = read_flags(stack).ok_or("unknown flag given")?,
            _ => return Err("unknown argument given to redis.register_function"),
        }
        stack.pop(1);
    }
    let name = name.ok_or("redis.register_function must get a function name argument")?;
    let callback = callback.ok_or("redis.register_function must get a callback argument")?;
    Ok(Registration { name, description, flags, callback })
}

/// Of the list on top.
fn read_flags(stack: Stack<'_>) -> Option<ScriptFlags> {
    let mut flags = ScriptFlags::default();
    for item in 1.. {
        if stack.raw_item(-1, item) == Kind::Nil {
            stack.pop(1);
            break;
        }
        let flag = stack.bytes(-1).and_then(|name| ScriptFlags::named(&name.to_ascii_lowercase()));
        stack.pop(1);
        flags = flags.with(flag?);
    }
    Some(flags)
}

fn add(stack: Stack<'_>, registration: Registration) -> Result<(), &'static str> {
    if !is_name(&registration.name) {
        return Err(BAD_NAME);
    }
    let Some(registered) = stack.state().registrations.borrow() else { return Ok(()) };
    if registered.iter().any(|other| other.name == registration.name) {
        return Err("Function already exists in the library");
    }
    registered.push(registration);
    Ok(())
}
