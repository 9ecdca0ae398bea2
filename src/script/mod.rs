//! Code that runs inside the server, seen from the interpreter: it calls commands and says now and then that time
//! passes. The engine implements the trait; what runs here imports nothing above it.
//!
//! The interpreters themselves (Lua, functions) are not here yet.

/// What the running code is told when it says that time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tick {
    GoOn,
    /// It was killed: it must end.
    Stop,
}

/// The server, as the running code sees it.
pub trait Host {
    /// Executes a command as part of the unit under way; answers its reply in RESP.
    fn call(&mut self, args: &[&[u8]]) -> Vec<u8>;

    /// To be called every few thousand steps. Others may be let in meanwhile, so it can take a moment.
    fn tick(&mut self) -> Tick;
}
