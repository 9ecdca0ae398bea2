//! ACL SETUSER and DELUSER: users change, and with them what their connections may go on with.

use crate::acl::{User, is_one_word};
use crate::command::{Args, CommandError, Context, Outcome, close_clients};
use crate::session::{Session, Token, UserId};

pub(super) fn setuser(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let name = args.at(2);
    if !is_one_word(name) {
        return Err(CommandError::fixed("ERR Usernames can't contain spaces or null characters"));
    }
    let rules: Vec<&[u8]> = args.rest(3).collect();
    let user = cx.acl.changed(name, &rules).map_err(|error| CommandError::new(format!("ERR {error}")))?;
    if let Some(id) = cx.acl.find(name) {
        close_lost_subscribers(cx, id, &user);
    }
    cx.acl.put(name, user);
    cx.acl.refresh(cx.sessions);
    cx.reply.ok();
    Ok(Outcome::Done)
}

/// Whoever is subscribed to what its user may hear no longer loses the connection.
fn close_lost_subscribers(cx: &mut Context<'_>, id: UserId, user: &User) {
    if !user.lost_channels_of(&cx.acl.user(id).rights) {
        return;
    }
    let is_lost = |session: &Session| {
        let names = &session.subscriptions;
        let mut channels = names.channels.iter().chain(&names.shard_channels);
        !names.patterns.iter().all(|name| user.may_hear(name, true)) || !channels.all(|name| user.may_hear(name, false))
    };
    let subscribers = cx.sessions.iter().filter(|(_, session)| session.user.id == id && session.is_subscriber);
    let lost: Vec<Token> = subscribers.filter(|(_, session)| is_lost(session)).map(|(token, _)| token).collect();
    close_clients(cx.sessions, lost, cx.client);
}

pub(super) fn deluser(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    if args.rest(2).any(|name| cx.acl.find(name) == Some(UserId::DEFAULT)) {
        return Err(CommandError::fixed("ERR The 'default' user cannot be removed"));
    }
    let mut deleted = 0;
    for name in args.rest(2) {
        if let Some(gone) = cx.acl.remove(name) {
            let strangers = cx.acl.log_out(cx.sessions, |user| user == gone);
            close_clients(cx.sessions, strangers, cx.client);
            deleted += 1;
        }
    }
    cx.reply.int(deleted);
    Ok(Outcome::Done)
}
