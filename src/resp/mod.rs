//! The wire: requests cut out of a buffer as slices, replies written into one.
//!
//! Implements RESP2, RESP3 and inline commands (Redis document "Redis serialization protocol specification")
//! from the server's side. It knows no command, no key and no connection.

mod buffer;
mod double;
mod error;
mod reply;
mod request;

pub use buffer::CommandBuffer;
pub use double::{DoubleText, parse_f64, parse_f64_leniently};
pub use error::ProtocolError;
pub use reply::{Protocol, Reply};
pub use request::{Args, Limits, OwnedArgs, Parser, Request, parse_i64};

/// Appends one command in the canonical multi-bulk form: the form of the replication stream and of the AOF.
pub fn encode_command(out: &mut Vec<u8>, args: &[&[u8]]) {
    let mut digits = itoa::Buffer::new();
    out.push(b'*');
    out.extend_from_slice(digits.format(args.len()).as_bytes());
    out.extend_from_slice(b"\r\n");
    for arg in args {
        out.push(b'$');
        out.extend_from_slice(digits.format(arg.len()).as_bytes());
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
}
