//! Code that runs inside the server: Lua 5.1, for scripts and for libraries of functions.
//!
//! An [`Interpreter`] is one Lua state in its sandbox; it compiles, runs and is killed, and reaches the server only
//! through [`Host`], which the engine implements: nothing here imports what is above. [`Libraries`] is what FUNCTION
//! LOAD has brought, as plain data. `stack` and `state` are the only files that touch Lua's C interface; all others
//! are written on their safe face.
//!
//! Lua raises errors by longjmp. So what Lua calls keeps nothing that needs dropping across a call that may raise:
//! long-lived buffers lie with the state, and own errors are returned ([`Raised`]) and raised once all is dropped.

mod arguments;
mod bit;
mod cjson;
mod cmsgpack;
mod convert;
mod error;
mod flags;
mod interpreter;
mod library;
mod number;
mod random;
mod redis;
mod register;
mod sandbox;
mod scripts;
mod sha1;
mod stack;
mod state;
mod structs;

#[cfg(test)]
mod tests;

use crate::resp::{Args, Reply};

pub use error::ScriptError;
pub use flags::{ScriptFlags, shebang_of};
pub use interpreter::{Interpreter, Run};
pub use library::{Function, Libraries, Library, Policy};
pub use scripts::{Cached, Kind, Running, Scripts};
pub use sha1::{Sha1Hex, sha1_hex};

/// What the running code is told when it says that time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tick {
    GoOn,
    /// It was killed: it must end.
    Stop,
}

/// Where the effects of commands go (`redis.set_repl`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Propagation {
    pub to_file: bool,
    pub to_replicas: bool,
}

impl Propagation {
    pub const ALL: Propagation = Propagation { to_file: true, to_replicas: true };
}

/// The server, as the running code sees it.
pub trait Host {
    /// Executes a command as part of the unit under way; its reply is appended in the protocol that `reply` has. The
    /// error is why it was not executed; it is counted already.
    fn call(&mut self, args: Args<'_>, reply: &mut Reply) -> Result<(), String>;

    /// Whether the user whose code runs may call this; `None` if there is no such command.
    fn may_call(&mut self, args: Args<'_>) -> Option<bool>;

    /// A line for the server's log, at Redis's level: 0 debug to 3 warning.
    fn log(&mut self, level: u8, line: &[u8]);

    /// Where the effects of the commands to come go.
    fn set_propagation(&mut self, propagation: Propagation);

    /// The code answers an error; `is_counted` if that of a command, which was counted when it happened.
    fn note_error(&mut self, line: &str, is_counted: bool);

    /// To be called every few thousand steps. Others may be let in meanwhile, so it can take a moment.
    fn tick(&mut self) -> Tick;
}
