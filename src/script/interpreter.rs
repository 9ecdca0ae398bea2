//! One Lua state in its sandbox: compiles, runs, answers.

use std::ffi::{CStr, c_int};

use super::convert::Answerer;
use super::error::ErrorInfo;
use super::flags::shown;
use super::register::Registration;
use super::sandbox::{self, Places};
use super::stack::{Failed, Stack};
use super::state::{MEMORY_MAX_BYTES, Owned};
use super::{Host, ScriptError};
use crate::resp::{Args, Reply};

/// Memory that garbage may take before all of it is collected after a run, beside as much as is in use.
const GARBAGE_BYTES: usize = 2 << 20;

const KILLED: &str = "Script killed by user with SCRIPT KILL...";
const LOAD_TIMEOUT: &str = "FUNCTION LOAD timeout";

/// A state, and what is kept in it.
pub struct Interpreter {
    state: Owned,
    places: Places,
    /// In use after the latest full collection.
    used_bytes: usize,
}

/// What is to be run.
#[derive(Clone, Copy)]
pub struct Run<'r> {
    /// As it is kept here.
    pub function: c_int,
    /// As errors tell of it.
    pub name: &'r str,
    pub words: Args<'r>,
    /// The first of the words that are keys, then arguments.
    pub first: usize,
    pub keys: usize,
    /// Keys and arguments are globals, KEYS and ARGV; else they are what the function is called with.
    pub is_script: bool,
}

impl Default for Interpreter {
    fn default() -> Interpreter {
        Interpreter::new()
    }
}

impl Interpreter {
    pub fn new() -> Interpreter {
        Interpreter::with_memory(MEMORY_MAX_BYTES)
    }

    /// With a bound of its own for what it may hold while code runs.
    pub fn with_memory(max_bytes: usize) -> Interpreter {
        let state = Owned::open(max_bytes);
        let set_up = state.protected(&mut (), 0, 4, |stack, ()| sandbox::set_up(stack));
        set_up.expect("memory for an interpreter");
        let places = sandbox::places(state.stack());
        state.stack().set_top(0);
        let used_bytes = state.memory_bytes();
        Interpreter { state, places, used_bytes }
    }

    pub fn memory_bytes(&self) -> usize {
        self.state.memory_bytes()
    }

    /// Compiles the text of a script; answers where the function is kept.
    pub fn compile(&mut self, text: &[u8], name: &CStr) -> Result<c_int, ScriptError> {
        let mut compiled = Compiled { text, name, kept: 0, error: None };
        let result = self.state.protected(&mut compiled, 0, 0, |stack, compiled| {
            match stack.load(compiled.text, compiled.name) {
                Ok(()) => compiled.kept = stack.keep(),
                Err(_) => compiled.error = Some(shown(stack.bytes(-1).unwrap_or_default())),
            }
            Ok(0)
        });
        self.state.stack().set_top(0);
        match compiled.error {
            None if result.is_ok() => Ok(compiled.kept),
            error => Err(ScriptError(error.unwrap_or_else(|| "not enough memory".to_owned()))),
        }
    }

    /// Gives up a function that is kept.
    pub fn release(&mut self, function: c_int) {
        self.state.stack().release(function);
    }

    /// Runs, and answers what comes of it.
    pub fn run(&mut self, host: &mut dyn Host, run: Run<'_>, reply: &mut Reply) {
        self.state.last_words.set(KILLED);
        self.state.reply.borrow().protocol = crate::resp::Protocol::Resp2;
        let start = reply.buffer.len();
        // Whoever runs calls the host, and the answer counts errors with it, but never both at once.
        let mut lent = Lent { places: self.places, run, reply };
        let state = &self.state;
        let result = state.with_host(host, || {
            state.protected(&mut lent, self.places.error_handler, 0, |stack, lent| {
                enter(stack, lent);
                Ok(0)
            })
        });
        if let Err(failed) = result {
            reply.buffer.truncate(start);
            self.answer_failure(host, failed, run.name, reply);
        }
        self.state.stack().set_top(0);
        self.tidy_up();
    }

    fn answer_failure(&self, host: &mut dyn Host, failed: Failed, name: &str, reply: &mut Reply) {
        let stack = self.state.stack();
        let script_protocol = self.state.reply.borrow().protocol;
        let error = ErrorInfo::of(stack);
        let mut answerer = Answerer { reply, host, script_protocol };
        if failed == Failed::Memory {
            let message = format!("ERR Error running script {name}, not enough memory").into_bytes();
            return answerer.answer_error(&ErrorInfo { message, ..ErrorInfo::default() }, "");
        }
        let place = match (&error.source, &error.line) {
            (Some(source), Some(line)) => format!(" script: {name}, on {}:{}.", shown(source), shown(line)),
            _ => String::new(),
        };
        answerer.answer_error(&error, &place);
    }

    /// Runs the code of a library; answers what it has registered.
    pub fn load_library(&mut self, host: &mut dyn Host, code: &[u8]) -> Result<Vec<Registration>, ScriptError> {
        let function = self
            .compile(code, c"@user_function")
            .map_err(|error| ScriptError(format!("Error compiling function: {error}")))?;
        self.state.last_words.set(LOAD_TIMEOUT);
        *self.state.registrations.borrow() = Some(Vec::new());
        self.set_lookup(self.places.load_globals);
        let state = &self.state;
        let mut lent = function;
        let result = state.with_host(host, || {
            state.protected(&mut lent, 0, 0, |stack, function| {
                stack.push_kept(*function);
                stack.call(0, 0);
                Ok(0)
            })
        });
        let error = result.is_err().then(|| ErrorInfo::of(self.state.stack()).message);
        self.set_lookup(self.places.globals);
        self.release(function);
        let registered = self.state.registrations.borrow().take().unwrap_or_default();
        let Some(message) = error else { return Ok(registered) };
        registered.into_iter().for_each(|registration| self.release(registration.callback));
        self.tidy_up();
        Err(ScriptError(format!("Error registering functions: {}", shown(&message))))
    }

    /// Lets the globals that code sees be looked up in what is kept at `globals`.
    fn set_lookup(&self, globals: c_int) {
        let stack = self.state.stack();
        stack.set_top(0);
        stack.push_kept(self.places.lookup);
        stack.push_kept(globals);
        stack.set_raw_field(-2, b"__index");
        stack.set_top(0);
    }

    /// What a large script has left behind is given back at once.
    fn tidy_up(&mut self) {
        if self.memory_bytes() > 2 * self.used_bytes + GARBAGE_BYTES {
            self.state.collect_garbage();
            // Lua's own buffers shrink by half with each collection.
            let mut before_bytes = usize::MAX;
            while self.memory_bytes() < before_bytes / 4 * 3 {
                before_bytes = self.memory_bytes();
                self.state.collect_garbage();
            }
            self.used_bytes = self.memory_bytes();
        }
    }
}

struct Compiled<'t> {
    text: &'t [u8],
    name: &'t CStr,
    kept: c_int,
    error: Option<String>,
}

struct Lent<'a, 'r> {
    places: Places,
    run: Run<'r>,
    reply: &'a mut Reply,
}

fn enter(stack: Stack<'_>, lent: &mut Lent<'_, '_>) {
    let Run { words, first, keys, .. } = lent.run;
    let push_words = |from: usize, to: usize| {
        stack.push_table(to - from, 0);
        for index in from..to {
            stack.push_bytes(words.at(index));
            stack.set_raw_item(-2, index - from + 1);
        }
    };
    stack.push_kept(lent.run.function);
    if lent.run.is_script {
        stack.push_kept(lent.places.globals);
        push_words(first, first + keys);
        stack.set_raw_field(-2, b"KEYS");
        push_words(first + keys, words.len());
        stack.set_raw_field(-2, b"ARGV");
        stack.pop(1);
        stack.call(0, 1);
    } else {
        push_words(first, first + keys);
        push_words(first + keys, words.len());
        stack.call(2, 1);
    }
    let state = stack.state();
    let script_protocol = state.reply.borrow().protocol;
    let Some(host) = state.host() else { return };
    Answerer { reply: lent.reply, host, script_protocol }.answer(stack);
}
