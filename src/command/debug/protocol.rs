//! DEBUG PROTOCOL: one reply of each kind, for authors of clients.

use crate::command::{Args, CommandError, Context, Outcome};
use crate::resp::{Protocol, Reply};

pub(super) fn protocol(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let reply = &mut cx.reply;
    match args.at(2).to_ascii_lowercase().as_slice() {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.int(12345),
        b"double" => reply.double("3.141"),
        b"bignum" => reply.big_number("1234567999999999999999999999999999999"),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|number| reply.int(number));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|number| reply.int(number));
        }
        b"map" => map(reply),
        b"attrib" => attribute(reply),
        b"push" => push(reply)?,
        b"verbatim" => reply.verbatim("txt", b"This is a verbatim\nstring"),
        b"true" => reply.bool(true),
        b"false" => reply.bool(false),
        _ => {
            return Err(CommandError::fixed(
                "ERR Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(Outcome::Done)
}

fn map(reply: &mut Reply) {
    reply.map(3);
    for number in 0..3 {
        reply.int(number);
        reply.bool(number == 1);
    }
}

/// Attributes are no reply of their own: one follows. RESP2 knows none.
fn attribute(reply: &mut Reply) {
    if reply.protocol == Protocol::Resp3 {
        reply.attribute(1);
        reply.bulk(b"key-popularity");
        reply.array(2);
        reply.bulk(b"key:123");
        reply.int(90);
    }
    reply.bulk(b"Some real reply following the attribute");
}

/// A push is out of band: the reply proper follows.
fn push(reply: &mut Reply) -> Result<(), CommandError> {
    if reply.protocol == Protocol::Resp2 {
        return Err(CommandError::fixed("ERR RESP2 is not supported by this command"));
    }
    reply.push(2);
    reply.bulk(b"server-cpu-usage");
    reply.int(42);
    reply.bulk(b"Some real reply following the push reply");
    Ok(())
}
