//! The table `redis`: commands, replies, the log, and how the script's effects spread.

use super::arguments;
use super::convert::push_reply;
use super::error::{push_counted_error, push_error, push_error_bytes};
use super::sha1::sha1_hex;
use super::stack::{Answer, Kind, Raised, Stack};
use super::state::State;
use super::{Propagation, register};
use crate::config::REDIS_VERSION;
use crate::resp::{Protocol, Reply};

const REPL_NONE: u8 = 0;
const REPL_AOF: u8 = 1;
const REPL_REPLICA: u8 = 2;

/// A reply buffer that grew beyond this is given back.
const KEPT_REPLY_BYTES: usize = 64 * 1024;

/// Pushes the table.
pub fn push_table(stack: Stack<'_>) {
    stack.push_table(0, 32);
    set_function(stack, "call", call);
    set_function(stack, "pcall", pcall);
    set_function(stack, "sha1hex", sha1hex);
    set_function(stack, "error_reply", error_reply);
    set_function(stack, "status_reply", status_reply);
    set_function(stack, "setresp", setresp);
    set_function(stack, "set_repl", set_repl);
    set_function(stack, "acl_check_cmd", acl_check_cmd);
    set_function(stack, "replicate_commands", |stack| answer_bool(stack, true));
    set_function(stack, "breakpoint", |stack| answer_bool(stack, false));
    set_function(stack, "debug", |_| Ok(0));
    let targets = [("NONE", 0), ("AOF", REPL_AOF), ("SLAVE", REPL_REPLICA), ("REPLICA", REPL_REPLICA), ("ALL", 3)];
    targets.iter().for_each(|(name, value)| set_number(stack, &format!("REPL_{name}"), (*value).into()));
    set_log_and_version(stack);
}

/// Pushes the table that a library sees while it is loaded.
pub fn push_load_table(stack: Stack<'_>) {
    stack.push_table(0, 8);
    set_function(stack, "register_function", register::register_function);
    set_log_and_version(stack);
}

fn set_log_and_version(stack: Stack<'_>) {
    set_function(stack, "log", log);
    for (level, name) in ["DEBUG", "VERBOSE", "NOTICE", "WARNING"].iter().enumerate() {
        set_number(stack, &format!("LOG_{name}"), level as f64);
    }
    let parts = REDIS_VERSION.split('.').map(|part| part.parse::<u32>().unwrap_or_default());
    set_number(stack, "REDIS_VERSION_NUM", parts.fold(0, |number, part| number << 8 | part).into());
    stack.push_bytes(REDIS_VERSION.as_bytes());
    stack.set_raw_field(-2, b"REDIS_VERSION");
}

pub fn set_function<F>(stack: Stack<'_>, name: &str, function: F)
where
    F: Fn(Stack<'_>) -> Answer + Copy + 'static,
{
    stack.push_function(function, 0);
    stack.set_raw_field(-2, name.as_bytes());
}

fn set_number(stack: Stack<'_>, name: &str, number: f64) {
    stack.push_number(number);
    stack.set_raw_field(-2, name.as_bytes());
}

fn answer_bool(stack: Stack<'_>, truth: bool) -> Answer {
    stack.push_bool(truth);
    Ok(1)
}

fn raise(stack: Stack<'_>, text: &str) -> Answer {
    push_error(stack, text);
    Err(Raised)
}

/// Outside of a run there is nobody to call.
fn is_running(state: &State) -> bool {
    state.registrations.borrow().is_none() && state.host().is_some()
}

fn call(stack: Stack<'_>) -> Answer {
    execute(stack)?;
    // An error is the only reply that is a table with this field.
    if stack.state().reply.borrow().buffer.first() != Some(&b'-') { Ok(1) } else { Err(Raised) }
}

fn pcall(stack: Stack<'_>) -> Answer {
    match execute(stack) {
        Err(Raised) if !is_running(stack.state()) => Err(Raised),
        _ => Ok(1),
    }
}

/// Executes a command and pushes its reply; raises if it was not executed.
fn execute(stack: Stack<'_>) -> Answer {
    let state = stack.state();
    let Some(host) = state.host().filter(|_| is_running(state)) else {
        return raise(stack, "redis.call/pcall can only be called inside a script invocation");
    };
    let request = arguments::take(stack)?;
    let reply = state.reply.borrow();
    clear(reply);
    match host.call(request.args(), reply) {
        Ok(()) => {
            push_reply(stack, &reply.buffer);
            Ok(1)
        }
        Err(text) => {
            push_counted_error(stack, text.as_bytes());
            Err(Raised)
        }
    }
}

fn clear(reply: &mut Reply) {
    reply.buffer.clear();
    if reply.buffer.capacity() > KEPT_REPLY_BYTES {
        reply.buffer = Vec::new();
    }
}

fn sha1hex(stack: Stack<'_>) -> Answer {
    if stack.top() != 1 {
        return raise(stack, "wrong number of arguments");
    }
    let hex = sha1_hex(stack.bytes(1).unwrap_or_default());
    stack.push_bytes(&hex);
    Ok(1)
}

fn has_one_string(stack: Stack<'_>) -> bool {
    stack.top() == 1 && stack.kind(1) == Kind::String
}

fn error_reply(stack: Stack<'_>) -> Answer {
    if !has_one_string(stack) {
        push_error(stack, "wrong number or type of arguments");
        return Ok(1);
    }
    let text = stack.bytes(1).unwrap_or_default();
    match text.first() {
        Some(b'-') => push_error_bytes(stack, text),
        _ => push_error_bytes(stack, &[b"-", text].concat()),
    }
    Ok(1)
}

fn status_reply(stack: Stack<'_>) -> Answer {
    if !has_one_string(stack) {
        push_error(stack, "wrong number or type of arguments");
        return Ok(1);
    }
    stack.push_table(0, 1);
    stack.push_copy(1);
    stack.set_raw_field(-2, b"ok");
    Ok(1)
}

fn setresp(stack: Stack<'_>) -> Answer {
    if !is_running(stack.state()) {
        return raise(stack, "redis.setresp can only be called inside a script invocation");
    }
    if stack.top() != 1 {
        return raise(stack, "redis.setresp() requires one argument.");
    }
    let protocol = match stack.number(1).trunc() {
        2.0 => Protocol::Resp2,
        3.0 => Protocol::Resp3,
        _ => return raise(stack, "RESP version must be 2 or 3."),
    };
    stack.state().reply.borrow().protocol = protocol;
    Ok(0)
}

fn set_repl(stack: Stack<'_>) -> Answer {
    let state = stack.state();
    let Some(host) = state.host().filter(|_| is_running(state)) else {
        return raise(stack, "redis.set_repl can only be called inside a script invocation");
    };
    if stack.top() != 1 {
        return raise(stack, "redis.set_repl() requires two arguments.");
    }
    match stack.number(1).trunc() {
        flags @ 0.0..=3.0 => {
            let has = |flag: u8| flags as u8 & flag != REPL_NONE;
            host.set_propagation(Propagation { to_file: has(REPL_AOF), to_replicas: has(REPL_REPLICA) });
            Ok(0)
        }
        _ => raise(stack, "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE."),
    }
}

fn acl_check_cmd(stack: Stack<'_>) -> Answer {
    let state = stack.state();
    let Some(host) = state.host().filter(|_| is_running(state)) else {
        return raise(stack, "redis.acl_check_cmd can only be called inside a script invocation");
    };
    match host.may_call(arguments::take(stack)?.args()) {
        Some(truth) => answer_bool(stack, truth),
        None => raise(stack, "Invalid command passed to redis.acl_check_cmd()"),
    }
}

fn log(stack: Stack<'_>) -> Answer {
    let count = stack.top();
    if count < 2 {
        return raise(stack, "redis.log() requires two arguments or more.");
    }
    if !stack.is_number(1) {
        return raise(stack, "First argument must be a number (log level).");
    }
    let level = match stack.number(1).trunc() {
        level @ 0.0..=3.0 => level as u8,
        _ => return raise(stack, "Invalid debug level."),
    };
    let line = stack.state().scratch.borrow();
    line.clear();
    for index in 2..=count {
        if index > 2 {
            line.push(b' ');
        }
        line.extend_from_slice(stack.bytes(index).unwrap_or_default());
    }
    if let Some(host) = stack.state().host() {
        host.log(level, line);
    }
    Ok(0)
}
