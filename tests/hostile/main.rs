//! Bad input against a real process: whatever comes in by a socket or a file, the answer is a clear error or a closed
//! link. Everybody else is served as before, the data stay as they were, and the memory comes back.
//!
//! Each test has its own server and a witness beside the attack. Input is generated, from a seed where it is random;
//! nothing waits for a time, only for a condition with a deadline.

mod arguments;
mod attacker;
mod engine_link;
mod files;
mod lifetime;
mod login;
mod master;
mod replica;
mod requests;
mod rights;
mod scripts;
#[path = "../support/mod.rs"]
mod support;
mod witness;
