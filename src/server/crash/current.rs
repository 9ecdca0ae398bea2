//! The request that this thread is executing, for the report of a crash in its midst.

use std::cell::Cell;

use crate::engine::Input;
use crate::session::Token;

thread_local! {
    static CURRENT: Cell<Option<Request>> = const { Cell::new(None) };
}

/// A client's input while the engine works on it.
#[derive(Clone, Copy)]
pub struct Request {
    client: Token,
    input: *const Input,
}

/// How many bytes of an argument a report shows.
const SHOWN_BYTES: usize = 128;
const SHOWN_WORDS: usize = 32;

impl Request {
    /// Runs `work`; should it crash, the report tells that it was for this client.
    pub fn during<T>(client: Token, input: &mut Input, work: impl FnOnce(&mut Input) -> T) -> T {
        CURRENT.set(Some(Request { client, input }));
        let result = work(input);
        CURRENT.set(None);
        result
    }

    pub fn of_this_thread() -> Option<Request> {
        CURRENT.get()
    }

    pub fn client(&self) -> Token {
        self.client
    }

    /// The words of the request, cut to a length that can be read.
    pub fn words(&self) -> Vec<Vec<u8>> {
        // SAFETY: `during` was not left: its caller's frame, which holds the input, is still on this very stack, and
        // nothing else on it runs any more. The process is about to end.
        let input = unsafe { &*self.input };
        let words = input.current_words();
        let cut = |word: &[u8]| word[..word.len().min(SHOWN_BYTES)].to_vec();
        words.take(SHOWN_WORDS).map(cut).collect()
    }
}
