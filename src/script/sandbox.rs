//! What a script sees: the globals that are safe, and none that it could change.
//!
//! Lua 5.1 has no read-only tables. So scripts get empty ones in their place, which find everything in the real ones by
//! their metatable and refuse what is set. What would go past a metatable (`rawset`, `next`, `table.insert`, ...) is
//! wrapped. Some of Lua's own functions are replaced or bounded: those that read files or compiled code, that could
//! take the whole stack of the processor, or that go on after the script was killed.

use std::ffi::c_int;

use super::number;
use super::random::Random;
use super::redis::{self, set_function};
use super::stack::{ALL_RESULTS, Answer, GLOBALS, Kind, Raised, Stack, upvalue};
use super::{bit, cjson, cmsgpack, structs};

/// A pattern takes some of the processor's stack for each of its items.
const PATTERN_BYTES_MAX: usize = 10_000;

const READONLY: &str = "Attempt to modify a readonly table";

/// Where the interpreter keeps what it needs again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Places {
    /// The real globals, where KEYS and ARGV are set.
    pub globals: c_int,
    /// The metatable of what scripts have as their globals.
    pub lookup: c_int,
    /// The globals of a library that is being loaded.
    pub load_globals: c_int,
    pub error_handler: c_int,
}

/// Fills an empty state; answers the places as numbers, in their order.
pub fn set_up(stack: Stack<'_>) -> Answer {
    stack.open_libraries();
    for name in ["dofile", "loadfile", "print", "newproxy", "getfenv", "setfenv"] {
        stack.push_nil();
        stack.set_raw_field(GLOBALS, name.as_bytes());
    }
    set_globals(stack);
    wrap_library(stack, "table", &["insert", "remove", "sort", "setn"], guarded);
    wrap_library(stack, "string", &["find", "match", "gmatch", "gsub"], with_bounded_pattern);
    replace_in_library(stack);
    seal(stack)
}

/// The places out of the numbers on the stack.
pub fn places(stack: Stack<'_>) -> Places {
    let place = |index| stack.number(index) as c_int;
    Places { globals: place(1), lookup: place(2), load_globals: place(3), error_handler: place(4) }
}

fn set_globals(stack: Stack<'_>) {
    let libraries: [(&[u8], fn(Stack<'_>)); 5] = [
        (b"redis", redis::push_table),
        (b"bit", bit::push_table),
        (b"cjson", cjson::push_table),
        (b"cmsgpack", cmsgpack::push_table),
        (b"struct", structs::push_table),
    ];
    for (name, push) in libraries {
        push(stack);
        stack.set_raw_field(GLOBALS, name);
    }
    stack.push_copy(GLOBALS);
    wrap(stack, "rawset", guarded);
    wrap(stack, "setmetatable", guarded);
    wrap(stack, "rawget", on_real_table);
    wrap(stack, "next", on_real_table);
    wrap_pairs(stack);
    wrap(stack, "unpack", unpack);
    wrap(stack, "xpcall", xpcall);
    wrap(stack, "collectgarbage", collectgarbage);
    set_function(stack, "pcall", pcall);
    set_function(stack, "load", load);
    set_function(stack, "loadstring", loadstring);
    stack.pop(1);
}

/// Puts `function`, with the field's value as its first upvalue, in place of the field `name` of the table on top.
fn wrap<F>(stack: Stack<'_>, name: &str, function: F)
where
    F: Fn(Stack<'_>) -> Answer + Copy + 'static,
{
    stack.raw_field(-1, name.as_bytes());
    stack.push_function(function, 1);
    stack.set_raw_field(-2, name.as_bytes());
}

fn wrap_library<F>(stack: Stack<'_>, library: &str, names: &[&str], function: F)
where
    F: Fn(Stack<'_>) -> Answer + Copy + 'static,
{
    stack.raw_field(GLOBALS, library.as_bytes());
    names.iter().for_each(|name| wrap(stack, name, function));
    stack.pop(1);
}

fn replace_in_library(stack: Stack<'_>) {
    stack.raw_field(GLOBALS, b"string");
    set_function(stack, "rep", rep);
    stack.pop(1);
    stack.raw_field(GLOBALS, b"math");
    set_function(stack, "random", random);
    set_function(stack, "randomseed", randomseed);
    stack.pop(1);
    stack.raw_field(GLOBALS, b"coroutine");
    wrap(stack, "resume", resume);
    stack.raw_field(-1, b"resume");
    stack.raw_field(-2, b"create");
    stack.push_function(coroutine_wrap, 2);
    stack.set_raw_field(-2, b"wrap");
    stack.pop(1);
}

/// Hides the real tables behind faces.
fn seal(stack: Stack<'_>) -> Answer {
    // What `getmetatable` answers for what is protected.
    stack.push_table(0, 0);
    stack.push_bool(false);
    protect(stack);
    let shown = stack.top();
    stack.push_bytes(b"");
    if stack.has_metatable(-1) {
        stack.push_copy(shown);
        stack.set_raw_field(-2, b"__metatable");
        stack.pop(1);
    }
    stack.pop(1);
    for library in ["string", "table", "math", "coroutine", "redis", "bit", "cjson", "cmsgpack", "struct"] {
        stack.raw_field(GLOBALS, library.as_bytes());
        stack.push_copy(shown);
        protect(stack);
        stack.set_raw_field(GLOBALS, library.as_bytes());
    }
    stack.push_copy(GLOBALS);
    complain_of_missing(stack);
    stack.push_copy(GLOBALS);
    let globals = stack.keep();
    stack.push_copy(shown);
    protect(stack);
    stack.push_copy(-1);
    stack.set_raw_field(GLOBALS, b"_G");
    stack.has_metatable(-1);
    let lookup = stack.keep();
    let load_globals = keep_load_globals(stack, shown);
    stack.replace(GLOBALS);
    stack.push_function(super::error::handle, 0);
    let error_handler = stack.keep();
    let places = [globals, lookup, load_globals, error_handler];
    places.iter().for_each(|place| stack.push_number((*place).into()));
    Ok(places.len() as c_int)
}

fn keep_load_globals(stack: Stack<'_>, shown: c_int) -> c_int {
    stack.push_table(0, 1);
    redis::push_load_table(stack);
    complain_of_missing(stack);
    stack.push_copy(shown);
    protect(stack);
    stack.set_raw_field(-2, b"redis");
    complain_of_missing(stack);
    stack.keep()
}

/// Lets the table on top raise an error where it has no such field.
fn complain_of_missing(stack: Stack<'_>) {
    stack.push_table(0, 1);
    stack.push_function(missing, 0);
    stack.set_raw_field(-2, b"__index");
    stack.set_metatable(-2);
}

/// Replaces a table, with what `getmetatable` is to answer for it on top, by its read-only face.
fn protect(stack: Stack<'_>) {
    stack.push_table(0, 0);
    stack.push_table(0, 3);
    stack.push_copy(-3);
    stack.set_raw_field(-2, b"__metatable");
    stack.push_copy(-4);
    stack.set_raw_field(-2, b"__index");
    stack.push_function(|stack| Err(stack.error(READONLY)), 0);
    stack.set_raw_field(-2, b"__newindex");
    stack.state().protecting.borrow().push(stack.identity(-1));
    stack.set_metatable(-2);
    stack.replace(-3);
    stack.pop(1);
}

/// Whether the value at `index` is the face of a protected table. Its metatable is on top then.
fn is_protected(stack: Stack<'_>, index: c_int) -> bool {
    if stack.kind(index) != Kind::Table || !stack.has_metatable(index) {
        return false;
    }
    let is_protected = stack.state().protecting.borrow().contains(&stack.identity(-1));
    if !is_protected {
        stack.pop(1);
    }
    is_protected
}

fn missing(stack: Stack<'_>) -> Answer {
    if !matches!(stack.kind(2), Kind::String | Kind::Number) {
        return Err(stack.error("Second argument to luaProtectedTableError must be a string or number"));
    }
    let name = String::from_utf8_lossy(stack.bytes(2).unwrap_or_default()).into_owned();
    Err(stack.error(&format!("Script attempted to access nonexistent global variable '{name}'")))
}

/// A function that changes its first argument.
fn guarded(stack: Stack<'_>) -> Answer {
    if is_protected(stack, 1) {
        return Err(stack.error(READONLY));
    }
    Ok(stack.call_native(upvalue(1)))
}

/// A function that reads its first argument: of a face, what is behind it.
fn on_real_table(stack: Stack<'_>) -> Answer {
    if is_protected(stack, 1) {
        stack.raw_field(-1, b"__index");
        stack.replace(1);
        stack.pop(1);
    }
    Ok(stack.call_native(upvalue(1)))
}

/// `pairs` of a face goes on with the `next` that looks behind it, without showing what is there.
fn wrap_pairs(stack: Stack<'_>) {
    stack.raw_field(-1, b"pairs");
    stack.raw_field(-2, b"next");
    // Lua's own `pairs` has the plain `next` with it, so it is called as a value.
    stack.push_function(
        |stack| {
            if is_protected(stack, 1) {
                stack.push_copy(upvalue(2));
                stack.push_copy(1);
                stack.push_nil();
                return Ok(3);
            }
            stack.check_table(1);
            stack.set_top(1);
            stack.push_copy(upvalue(1));
            stack.insert(1);
            stack.call(1, 3);
            Ok(3)
        },
        2,
    );
    stack.set_raw_field(-2, b"pairs");
}

fn with_bounded_pattern(stack: Stack<'_>) -> Answer {
    let is_long = stack.kind(2) == Kind::String && stack.len(2) > PATTERN_BYTES_MAX;
    let has_specials = || stack.bytes(2).unwrap_or_default().iter().any(|byte| b"^$*+?.([%-".contains(byte));
    if is_long && has_specials() {
        return Err(stack.error("pattern too complex"));
    }
    Ok(stack.call_native(upvalue(1)))
}

/// Lua counts in 32 bits, and would take a span of them all for a small one.
fn unpack(stack: Stack<'_>) -> Answer {
    let first = stack.optional_int(2, 1);
    let last = if stack.is_nil(3) { stack.len(1) as i64 } else { stack.check_int(3) };
    if last.saturating_sub(first) >= 8_000 {
        return Err(stack.error("too many results to unpack"));
    }
    Ok(stack.call_native(upvalue(1)))
}

/// Scripts share one heap: how it is collected is not theirs to say.
fn collectgarbage(stack: Stack<'_>) -> Answer {
    let steers = [b"stop".as_slice(), b"restart", b"setpause", b"setstepmul"];
    if stack.kind(1) == Kind::String && steers.contains(&stack.bytes(1).unwrap_or_default()) {
        stack.push_number(0.0);
        return Ok(1);
    }
    Ok(stack.call_native(upvalue(1)))
}

/// As Lua's, but an error of a command is its text.
fn pcall(stack: Stack<'_>) -> Answer {
    if stack.top() == 0 {
        return Err(stack.argument_error(1, c"value expected"));
    }
    let arguments = stack.top() - 1;
    let result = stack.try_call(arguments, ALL_RESULTS, 0);
    // As many results as there was room for may have come.
    if !stack.has_room(2) {
        return Err(stack.error("stack overflow"));
    }
    if result.is_err() && stack.kind(-1) == Kind::Table {
        if matches!(stack.raw_field(-1, b"err"), Kind::String | Kind::Number) {
            stack.replace(-2);
        } else {
            stack.pop(1);
        }
    }
    stack.push_bool(result.is_ok());
    stack.insert(1);
    Ok(stack.top())
}

/// As Lua's, but what was killed has no more to say.
fn xpcall(stack: Stack<'_>) -> Answer {
    if stack.top() < 2 {
        return Err(stack.argument_error(2, c"value expected"));
    }
    stack.set_top(2);
    stack.push_function(
        |stack| {
            if !stack.state().is_killed() {
                stack.push_copy(upvalue(1));
                stack.insert(1);
                stack.call(stack.top() - 1, 1);
            }
            Ok(1)
        },
        1,
    );
    Ok(stack.call_native(upvalue(1)))
}

/// The pieces that a function answers, until there are no more, as one text.
fn load(stack: Stack<'_>) -> Answer {
    if stack.kind(1) != Kind::Function {
        stack.check_function(1);
    }
    stack.set_top(2);
    stack.push_table(0, 0);
    for piece in 1.. {
        stack.push_copy(1);
        if stack.try_call(0, 1, 0).is_err() {
            return answer_nil_and_error(stack);
        }
        match stack.kind(-1) {
            Kind::Nil => break,
            Kind::String if stack.len(-1) == 0 => break,
            Kind::String | Kind::Number => stack.set_raw_item(3, piece),
            _ => {
                stack.push_bytes(b"reader function must return a string");
                return answer_nil_and_error(stack);
            }
        }
    }
    stack.set_top(3);
    let source = stack.state().scratch.borrow();
    source.clear();
    for piece in 1.. {
        if stack.raw_item(3, piece) == Kind::Nil {
            break;
        }
        source.extend_from_slice(stack.bytes(-1).unwrap_or_default());
        stack.pop(1);
    }
    compile(stack, source, c"=(load)")
}

fn loadstring(stack: Stack<'_>) -> Answer {
    let source = stack.check_bytes(1);
    // Without a name of its own, a text is named by itself.
    let name = if stack.is_nil(2) { stack.bytes_with_zero(1) } else { None };
    let name = name.and_then(|text| std::ffi::CStr::from_bytes_until_nul(text).ok());
    compile(stack, source, name.unwrap_or(c"=(load)"))
}

/// Under the name that is the second argument, if it is one.
fn compile(stack: Stack<'_>, source: &[u8], name: &std::ffi::CStr) -> Answer {
    let given = if stack.is_nil(2) { None } else { stack.bytes_with_zero(2) };
    let given = given.and_then(|text| std::ffi::CStr::from_bytes_until_nul(text).ok());
    match stack.load(source, given.unwrap_or(name)) {
        Ok(()) => Ok(1),
        Err(_) => answer_nil_and_error(stack),
    }
}

fn answer_nil_and_error(stack: Stack<'_>) -> Answer {
    stack.push_nil();
    stack.insert(-2);
    Ok(2)
}

fn rep(stack: Stack<'_>) -> Answer {
    let text = stack.check_bytes(1);
    let count = usize::try_from(stack.check_int(2) as i32).unwrap_or(0);
    if text.len().saturating_mul(count) > super::state::MEMORY_MAX_BYTES / 2 {
        return Err(stack.error("resulting string too large"));
    }
    let repeated = stack.state().scratch.borrow();
    repeated.clear();
    // Twice as much with each step.
    if text.len() * count > 0 {
        repeated.extend_from_slice(text);
        while repeated.len() < text.len() * count {
            let more = repeated.len().min(text.len() * count - repeated.len());
            repeated.extend_from_within(..more);
        }
    }
    stack.push_bytes(repeated);
    if repeated.capacity() > 64 * 1024 {
        *repeated = Vec::new();
    }
    Ok(1)
}

fn random(stack: Stack<'_>) -> Answer {
    let state = stack.state();
    let mut random = state.random.get();
    let drawn = random.draw();
    state.random.set(random);
    let int = |index| stack.check_int(index) as i32;
    let number = match stack.top() {
        0 => drawn,
        1 => {
            let upper = int(1);
            if upper < 1 {
                return Err(stack.argument_error(1, c"interval is empty"));
            }
            (drawn * f64::from(upper)).floor() + 1.0
        }
        2 => {
            let (lower, upper) = (int(1), int(2));
            if lower > upper {
                return Err(stack.argument_error(2, c"interval is empty"));
            }
            let span = upper.wrapping_sub(lower).wrapping_add(1);
            (drawn * f64::from(span)).floor() + f64::from(lower)
        }
        _ => return Err(stack.error("wrong number of arguments")),
    };
    stack.push_number(number);
    Ok(1)
}

fn randomseed(stack: Stack<'_>) -> Answer {
    let seed = number::to_i64(stack.check_number(1)) as i32;
    stack.state().random.set(Random::seeded(seed));
    Ok(0)
}

/// Lua's own, at the first upvalue; whose coroutine runs is noted, and what was killed goes no further.
fn resume(stack: Stack<'_>) -> Answer {
    let state = stack.state();
    let Some(coroutine) = stack.thread(1) else { return Ok(stack.call_native(upvalue(1))) };
    let before = state.run_on(coroutine);
    stack.push_copy(upvalue(1));
    stack.insert(1);
    let result = stack.try_call(stack.top() - 1, ALL_RESULTS, 0);
    state.run_on(before);
    if state.is_killed() {
        return Err(state.raise_last_words(stack));
    }
    if result.is_err() { Err(Raised) } else { Ok(stack.top()) }
}

/// `resume` and Lua's `create` are its upvalues.
fn coroutine_wrap(stack: Stack<'_>) -> Answer {
    stack.push_copy(upvalue(1));
    stack.push_copy(upvalue(2));
    stack.push_copy(1);
    stack.call(1, 1);
    stack.push_function(wrapped, 2);
    Ok(1)
}

/// Goes on with the coroutine that is the second upvalue, by the first; an error in there is raised here.
fn wrapped(stack: Stack<'_>) -> Answer {
    stack.push_copy(upvalue(1));
    stack.insert(1);
    stack.push_copy(upvalue(2));
    stack.insert(2);
    stack.call(stack.top() - 1, ALL_RESULTS);
    if stack.bool(1) {
        stack.remove(1);
        return Ok(stack.top());
    }
    if stack.kind(-1) == Kind::String {
        stack.push_place();
        stack.insert(-2);
        stack.concat(2);
    }
    Err(Raised)
}
