//! SUBSCRIBE and its kin: both directions, the client's own list and who is subscribed to a name, change together.

use crate::command::{Args, CommandError, Context, Outcome};
use crate::pubsub::{PubSub, Topic};
use crate::session::{Names, ReplyMode, Session, Sessions, Subscriptions, Token};

/// A client is gone, or is as it was when it came (RESET): it is subscribed to nothing.
pub fn unsubscribe_all(pubsub: &mut PubSub, sessions: &mut Sessions, client: Token) {
    let Some(session) = sessions.get_mut(client).filter(|session| session.is_subscriber) else { return };
    for topic in [Topic::Channel, Topic::Pattern, Topic::ShardChannel] {
        for name in std::mem::take(names(session, topic)) {
            pubsub.unsubscribe(topic, &name, client);
        }
    }
    session.subscriptions.names_bytes = 0;
    session.is_subscriber = false;
}

pub(super) fn subscribe(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    add(cx, args, Topic::Channel, "subscribe")
}

pub(super) fn psubscribe(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    add(cx, args, Topic::Pattern, "psubscribe")
}

pub(super) fn ssubscribe(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    add(cx, args, Topic::ShardChannel, "ssubscribe")
}

pub(super) fn unsubscribe(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    remove(cx, args, Topic::Channel, "unsubscribe")
}

pub(super) fn punsubscribe(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    remove(cx, args, Topic::Pattern, "punsubscribe")
}

pub(super) fn sunsubscribe(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    remove(cx, args, Topic::ShardChannel, "sunsubscribe")
}

fn add(cx: &mut Context<'_>, args: &Args<'_>, topic: Topic, verb: &str) -> Result<Outcome, CommandError> {
    for name in args.rest(1) {
        cx.pubsub.subscribe(topic, name, cx.client);
        let session = cx.session();
        if names(session, topic).insert(name.into()) {
            session.subscriptions.names_bytes += Subscriptions::bytes_of(name);
        }
        session.is_subscriber = true;
        confirm(cx, topic, verb, Some(name));
    }
    Ok(Outcome::Done)
}

/// Without names: all, or a confirmation of nothing if there are none.
fn remove(cx: &mut Context<'_>, args: &Args<'_>, topic: Topic, verb: &str) -> Result<Outcome, CommandError> {
    let named: Vec<Box<[u8]>> = match args.len() {
        1 => names(cx.session(), topic).iter().cloned().collect(),
        _ => args.rest(1).map(Box::from).collect(),
    };
    for name in &named {
        cx.pubsub.unsubscribe(topic, name, cx.client);
        let session = cx.session();
        if names(session, topic).remove(name) {
            session.subscriptions.names_bytes -= Subscriptions::bytes_of(name);
        }
        confirm(cx, topic, verb, Some(name));
    }
    if named.is_empty() {
        confirm(cx, topic, verb, None);
    }
    let session = cx.session();
    session.is_subscriber = !session.subscriptions.is_empty();
    Ok(Outcome::Done)
}

fn names(session: &mut Session, topic: Topic) -> &mut Names {
    match topic {
        Topic::Channel => &mut session.subscriptions.channels,
        Topic::Pattern => &mut session.subscriptions.patterns,
        Topic::ShardChannel => &mut session.subscriptions.shard_channels,
    }
}

fn confirm(cx: &mut Context<'_>, topic: Topic, verb: &str, name: Option<&[u8]>) {
    let subscriptions = &cx.sessions[cx.client].subscriptions;
    let count = match topic {
        Topic::ShardChannel => subscriptions.shard_channels.len(),
        Topic::Channel | Topic::Pattern => subscriptions.count(),
    };
    let start = cx.reply.buffer.len();
    cx.reply.push(3);
    cx.reply.bulk(verb.as_bytes());
    match name {
        Some(name) => cx.reply.bulk(name),
        None => cx.reply.null(),
    }
    cx.reply.int(count as i64);
    // A confirmation is a message, which CLIENT REPLY does not silence.
    let session = &mut cx.sessions[cx.client];
    if session.reply_mode != ReplyMode::On {
        session.outbox.extend(cx.reply.buffer.drain(start..));
    }
}
