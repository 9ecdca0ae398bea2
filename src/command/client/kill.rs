//! CLIENT KILL: the old form names one address, the new form filters.

use crate::resp;
use crate::session::{ClientKind, Closing, Token};

use super::filter::Filter;
use crate::command::{Args, CommandError, Context, Outcome};

pub(super) fn positive(value: &[u8], error: &'static str) -> Result<u64, CommandError> {
    let number = resp::parse_i64(value).and_then(|number| u64::try_from(number).ok());
    number.filter(|&number| number > 0).ok_or(CommandError::fixed(error))
}

pub(super) fn max_age(value: &[u8]) -> Result<u64, CommandError> {
    if resp::parse_i64(value).is_none() {
        return Err(CommandError::fixed("ERR maxage is not an integer or out of range"));
    }
    positive(value, "ERR maxage should be greater than 0")
}

/// All clients are the one user's, so USER filters nobody out.
pub(super) fn only_known_user(name: &[u8]) -> Result<(), CommandError> {
    if name == b"default" {
        return Ok(());
    }
    Err(CommandError::new(format!("ERR No such user '{}'", String::from_utf8_lossy(name))))
}

pub(super) fn kill(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let filter = if args.len() == 3 { Filter::of_addr(args.at(2)) } else { Filter::parse(args, 2, true)? };
    let all = cx.sessions.iter().map(|(token, _)| token);
    let killed: Vec<Token> = all.filter(|token| filter.matches(cx, *token)).collect();
    if args.len() > 3 {
        cx.reply.int(killed.len() as i64);
    } else if killed.is_empty() {
        return Err(CommandError::fixed("ERR No such client"));
    } else {
        cx.reply.ok();
    }
    let mut outcome = Outcome::Done;
    for token in killed {
        if close(cx, token) == ClientKind::Master {
            outcome = Outcome::CutMasterLink;
        }
    }
    Ok(outcome)
}

/// Closes a client; the link to our master is the engine's to cut.
fn close(cx: &mut Context<'_>, token: Token) -> ClientKind {
    let is_me = token == cx.client;
    let session = &mut cx.sessions[token];
    if session.kind != ClientKind::Master {
        session.closing = if is_me { Closing::AfterOutput } else { Closing::Now };
        session.wake();
    }
    session.kind
}
