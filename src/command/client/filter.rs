//! Which clients CLIENT KILL and CLIENT LIST mean: every criterion that is given must agree. One that begins with NOT-
//! must disagree.

use crate::resp;
use crate::session::{ClientKind, Session, Token, UserId};

use super::Type;
use super::kill::{known_user, max_age, positive};
use super::line::flags;
use crate::command::{Args, CommandError, Context};

/// One thing that a client is asked for.
enum Criterion<'a> {
    Ids(Vec<u64>),
    Kind(Type),
    Addr(&'a [u8]),
    LocalAddr(&'a [u8]),
    /// The address without its port.
    Ip(&'a [u8]),
    User(UserId),
    Name(&'a [u8]),
    LibName(&'a [u8]),
    LibVersion(&'a [u8]),
    /// All of these letters stand in its field `flags`.
    Flags(&'a [u8]),
    /// Nobody's capabilities matter, so nobody has any.
    Capabilities,
    Db(usize),
    /// Seconds since it connected, at least.
    Age(u64),
    /// Seconds since its last request, at least.
    Idle(u64),
}

/// What a client must be, and what it must not be.
pub(super) struct Filter<'a> {
    criteria: Vec<(Criterion<'a>, bool)>,
    skips_me: bool,
}

impl<'a> Filter<'a> {
    /// The client of this address, whoever asks.
    pub fn of_addr(addr: &'a [u8]) -> Filter<'a> {
        Filter { criteria: vec![(Criterion::Addr(addr), true)], skips_me: false }
    }

    /// Names and values from word `from` on; `skips_me` unless they say otherwise.
    pub fn parse(cx: &Context<'_>, args: &Args<'a>, from: usize, skips_me: bool) -> Result<Filter<'a>, CommandError> {
        let mut filter = Filter { criteria: Vec::new(), skips_me };
        let mut at = from;
        while at < args.len() {
            let Some(value) = (at + 1 < args.len()).then(|| args.at(at + 1)) else { return Err(CommandError::SYNTAX) };
            let name = args.at(at).to_ascii_lowercase();
            at += 2;
            if name == b"skipme" {
                filter.skips_me = yes_or_no(value)?;
                continue;
            }
            let (name, is_wanted) = name.strip_prefix(b"not-").map_or((&name[..], true), |name| (name, false));
            let mut criterion = Criterion::parse(cx, name, value)?;
            if let Criterion::Ids(ids) = &mut criterion {
                // Further numbers are further clients.
                while at < args.len() && resp::parse_i64(args.at(at)).is_some() {
                    ids.push(client_id(args.at(at))?);
                    at += 1;
                }
            }
            filter.criteria.push((criterion, is_wanted));
        }
        Ok(filter)
    }

    pub fn matches(&self, cx: &Context<'_>, token: Token) -> bool {
        let fits = |(criterion, is_wanted): &(Criterion<'_>, bool)| criterion.fits(cx, token) == *is_wanted;
        !(self.skips_me && token == cx.client) && self.criteria.iter().all(fits)
    }
}

impl<'a> Criterion<'a> {
    fn parse(cx: &Context<'_>, name: &[u8], value: &'a [u8]) -> Result<Criterion<'a>, CommandError> {
        Ok(match name {
            b"id" => Criterion::Ids(vec![client_id(value)?]),
            b"type" => Criterion::Kind(Type::named(value)?),
            b"addr" => Criterion::Addr(value),
            b"laddr" => Criterion::LocalAddr(value),
            b"ip" => Criterion::Ip(value),
            b"user" => Criterion::User(known_user(cx, value)?),
            b"name" => Criterion::Name(value),
            b"lib-name" => Criterion::LibName(value),
            b"lib-ver" => Criterion::LibVersion(value),
            b"flags" => Criterion::Flags(value),
            b"capa" => Criterion::Capabilities,
            b"db" => Criterion::Db(database(value)?),
            b"maxage" => Criterion::Age(max_age(value)?),
            b"idle" => Criterion::Idle(positive(value, "ERR idle should be greater than 0")?),
            _ => return Err(CommandError::SYNTAX),
        })
    }

    fn fits(&self, cx: &Context<'_>, token: Token) -> bool {
        let session: &Session = &cx.sessions[token];
        match self {
            Criterion::Ids(ids) => ids.contains(&session.id),
            Criterion::Kind(kind) => *kind == Type::of(session),
            Criterion::Addr(addr) => *addr == session.endpoint.peer_addr.as_bytes(),
            Criterion::LocalAddr(addr) => *addr == session.endpoint.local_addr.as_bytes(),
            Criterion::Ip(ip) => *ip == without_port(&session.endpoint.peer_addr).as_bytes(),
            Criterion::User(user) => *user == session.user.id && session.kind != ClientKind::Master,
            Criterion::Name(name) => *name == session.name,
            Criterion::LibName(name) => *name == session.lib_name,
            Criterion::LibVersion(version) => *version == session.lib_version,
            Criterion::Flags(letters) => {
                let shown = flags(session, cx.sessions.monitors.contains(&token));
                letters.iter().all(|letter| shown.as_bytes().contains(letter))
            }
            Criterion::Capabilities => false,
            Criterion::Db(db) => *db == session.db,
            Criterion::Age(seconds) => cx.now.mono.seconds_since(session.created_at) >= *seconds,
            Criterion::Idle(seconds) => cx.now.mono.seconds_since(session.last_interaction) >= *seconds,
        }
    }
}

fn client_id(value: &[u8]) -> Result<u64, CommandError> {
    positive(value, "ERR client-id should be greater than 0")
}

fn database(value: &[u8]) -> Result<usize, CommandError> {
    let number = resp::parse_i64(value).and_then(|number| usize::try_from(number).ok());
    number.ok_or(CommandError::fixed("ERR DB number should be between 0 and the number of databases"))
}

fn yes_or_no(value: &[u8]) -> Result<bool, CommandError> {
    match value.to_ascii_lowercase().as_slice() {
        b"yes" => Ok(true),
        b"no" => Ok(false),
        _ => Err(CommandError::SYNTAX),
    }
}

/// IPv6 addresses stand in brackets.
fn without_port(addr: &str) -> &str {
    let host = addr.rsplit_once(':').map_or(addr, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}
