//! CLIENT KILL: the old form names one address, the new form filters.

use crate::resp;
use crate::session::{ClientKind, Closing, Sessions, Token, UserId};

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

pub(super) fn known_user(cx: &Context<'_>, name: &[u8]) -> Result<UserId, CommandError> {
    let unknown = || CommandError::new(format!("ERR No such user '{}'", String::from_utf8_lossy(name)));
    cx.acl.find(name).ok_or_else(unknown)
}

pub(super) fn kill(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let filter = if args.len() == 3 { Filter::of_addr(args.at(2)) } else { Filter::parse(cx, args, 2, true)? };
    let all = cx.sessions.iter().map(|(token, _)| token);
    let killed: Vec<Token> = all.filter(|token| filter.matches(cx, *token)).collect();
    if args.len() > 3 {
        cx.reply.int(killed.len() as i64);
    } else if killed.is_empty() {
        return Err(CommandError::fixed("ERR No such client"));
    } else {
        cx.reply.ok();
    }
    let is_master = |token: &Token| cx.sessions[*token].kind == ClientKind::Master;
    let outcome = if killed.iter().any(is_master) { Outcome::CutMasterLink } else { Outcome::Done };
    close_clients(cx.sessions, killed, cx.client);
    Ok(outcome)
}

/// Closes clients, whoever asks for it once that is answered; the link to our master is the engine's to cut.
pub fn close_clients(sessions: &mut Sessions, clients: Vec<Token>, me: Token) {
    for token in clients {
        let session = &mut sessions[token];
        if session.kind != ClientKind::Master {
            session.closing = if token == me { Closing::AfterOutput } else { Closing::Now };
            session.wake();
        }
    }
}
