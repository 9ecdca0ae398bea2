//! CLIENT KILL: the old form names one address, the new form filters.

use crate::resp;
use crate::session::{ClientKind, Closing, Session, Sessions, Token, UserId};
use crate::time::Millis;

use super::Type;
use crate::command::{Args, CommandError, Context, Outcome};

/// Which clients go; each part that is given must agree.
struct Filter<'a> {
    id: Option<u64>,
    kind: Option<Type>,
    addr: Option<&'a [u8]>,
    laddr: Option<&'a [u8]>,
    user: Option<UserId>,
    age_s: Option<u64>,
    skips_me: bool,
}

impl<'a> Filter<'a> {
    const ALL_OTHERS: Filter<'static> =
        Filter { id: None, kind: None, addr: None, laddr: None, user: None, age_s: None, skips_me: true };

    fn parse(cx: &Context<'_>, args: &Args<'a>) -> Result<Filter<'a>, CommandError> {
        if args.len() == 3 {
            return Ok(Filter { addr: Some(args.at(2)), skips_me: false, ..Filter::ALL_OTHERS });
        }
        let mut filter: Filter<'a> = Filter::ALL_OTHERS;
        for at in (2..args.len()).step_by(2) {
            if at + 1 == args.len() {
                return Err(CommandError::SYNTAX);
            }
            filter.option(cx, args.at(at), args.at(at + 1))?;
        }
        Ok(filter)
    }

    fn option(&mut self, cx: &Context<'_>, name: &[u8], value: &'a [u8]) -> Result<(), CommandError> {
        match name.to_ascii_lowercase().as_slice() {
            b"id" => self.id = Some(positive(value, "ERR client-id should be greater than 0")?),
            b"type" => self.kind = Some(Type::named(value)?),
            b"addr" => self.addr = Some(value),
            b"laddr" => self.laddr = Some(value),
            b"user" => self.user = Some(known_user(cx, value)?),
            b"maxage" => self.age_s = Some(max_age(value)?),
            b"skipme" if value.eq_ignore_ascii_case(b"yes") => self.skips_me = true,
            b"skipme" if value.eq_ignore_ascii_case(b"no") => self.skips_me = false,
            _ => return Err(CommandError::SYNTAX),
        }
        Ok(())
    }

    fn matches(&self, now: Millis, session: &Session) -> bool {
        self.id.is_none_or(|id| id == session.id)
            && self.kind.is_none_or(|kind| kind == Type::of(session))
            && self.addr.is_none_or(|addr| addr == session.endpoint.peer_addr.as_bytes())
            && self.laddr.is_none_or(|laddr| laddr == session.endpoint.local_addr.as_bytes())
            && self.user.is_none_or(|user| user == session.user.id && session.kind != ClientKind::Master)
            && self.age_s.is_none_or(|age_s| now.seconds_since(session.created_at) >= age_s)
    }
}

fn positive(value: &[u8], error: &'static str) -> Result<u64, CommandError> {
    let number = resp::parse_i64(value).and_then(|number| u64::try_from(number).ok());
    number.filter(|&number| number > 0).ok_or(CommandError::fixed(error))
}

fn max_age(value: &[u8]) -> Result<u64, CommandError> {
    if resp::parse_i64(value).is_none() {
        return Err(CommandError::fixed("ERR maxage is not an integer or out of range"));
    }
    positive(value, "ERR maxage should be greater than 0")
}

fn known_user(cx: &Context<'_>, name: &[u8]) -> Result<UserId, CommandError> {
    let unknown = || CommandError::new(format!("ERR No such user '{}'", String::from_utf8_lossy(name)));
    cx.acl.find(name).ok_or_else(unknown)
}

pub(super) fn kill(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let filter = Filter::parse(cx, args)?;
    let is_wanted = |(token, session): &(Token, &Session)| {
        filter.matches(cx.now.mono, session) && !(filter.skips_me && *token == cx.client)
    };
    let killed: Vec<Token> = cx.sessions.iter().filter(is_wanted).map(|(token, _)| token).collect();
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
