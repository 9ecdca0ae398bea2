//! What `redis.call` was given, as a request in canonical form: the form of the stream, so that what is propagated as
//! it came is one copy.

use super::error::push_error;
use super::number;
use super::stack::{Kind, Raised, Stack};
use crate::resp::CommandBuffer;

/// The request under construction; its memory is used again.
pub type Request = CommandBuffer;

/// Memory beyond this is given back after a call.
const KEPT_BYTES: usize = 64 * 1024;

/// Takes all arguments off the stack. The error is on top then.
pub fn take<'s>(stack: Stack<'s>) -> Result<&'s mut Request, Raised> {
    let count = stack.top();
    if count == 0 {
        push_error(stack, "Please specify at least one argument for this redis lib call");
        return Err(Raised);
    }
    let request = stack.state().request.borrow();
    request.begin(count as usize, KEPT_BYTES);
    for index in 1..=count {
        match stack.kind(index) {
            Kind::String => request.push(stack.bytes(index).unwrap_or_default()),
            // Lua's own form would lose digits.
            Kind::Number => number::with_g(stack.number(index), 17, |digits| request.push(digits)),
            _ => {
                stack.set_top(0);
                push_error(stack, "Lua redis lib command arguments must be strings or integers");
                return Err(Raised);
            }
        }
    }
    stack.set_top(0);
    Ok(request)
}
