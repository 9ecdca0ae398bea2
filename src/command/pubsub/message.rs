//! PUBLISH and SPUBLISH: a message is written into the sessions of its receivers, in each one's protocol.

use crate::command::{Args, CommandError, Context, Outcome};
use crate::pubsub::{PubSub, Topic};
use crate::resp::{Protocol, Reply};
use crate::session::{Sessions, Token};

/// One message in the two protocols, written when the first receiver needs it.
struct Message<'a> {
    parts: &'a [&'a [u8]],
    written: [Option<Vec<u8>>; 2],
}

impl Message<'_> {
    fn in_protocol(&mut self, protocol: Protocol) -> &[u8] {
        self.written[protocol as usize].get_or_insert_with(|| {
            let mut reply = Reply::new(protocol);
            reply.push(self.parts.len());
            self.parts.iter().for_each(|part| reply.bulk(part));
            reply.buffer
        })
    }
}

/// Who runs the command that publishes, and the reply that it writes: a message for itself stands before that.
type Publisher<'a> = Option<(Token, &'a mut Reply)>;

/// Sends a message to the subscribers of its channel and of matching patterns; answers how many there were.
pub fn publish(
    pubsub: &PubSub,
    sessions: &mut Sessions,
    mut publisher: Publisher<'_>,
    channel: &[u8],
    text: &[u8],
) -> usize {
    let mut message = Message { parts: &[b"message", channel, text], written: [None, None] };
    let mut receivers = send(sessions, &mut publisher, pubsub.subscribers(Topic::Channel, channel), &mut message);
    for (pattern, client) in pubsub.matching(channel) {
        let mut message = Message { parts: &[b"pmessage", pattern, channel, text], written: [None, None] };
        receivers += send(sessions, &mut publisher, std::iter::once(client), &mut message);
    }
    receivers
}

fn send(
    sessions: &mut Sessions,
    publisher: &mut Publisher<'_>,
    clients: impl Iterator<Item = Token>,
    message: &mut Message<'_>,
) -> usize {
    let mut receivers = 0;
    for client in clients {
        let Some(protocol) = sessions.get(client).map(|session| session.protocol) else { continue };
        let bytes = message.in_protocol(protocol);
        match publisher {
            Some((token, reply)) if *token == client => reply.buffer.extend_from_slice(bytes),
            _ => sessions.deliver(client, bytes),
        }
        receivers += 1;
    }
    receivers
}

pub(super) fn publish_message(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let publisher = Some((cx.client, &mut cx.reply));
    let receivers = publish(cx.pubsub, cx.sessions, publisher, args.at(1), args.at(2));
    cx.reply.int(receivers as i64);
    cx.db.effects.force();
    Ok(Outcome::Done)
}

pub(super) fn spublish(cx: &mut Context<'_>, args: &Args<'_>) -> Result<Outcome, CommandError> {
    let mut message = Message { parts: &[b"smessage", args.at(1), args.at(2)], written: [None, None] };
    let subscribers = cx.pubsub.subscribers(Topic::ShardChannel, args.at(1));
    let receivers = send(cx.sessions, &mut Some((cx.client, &mut cx.reply)), subscribers, &mut message);
    cx.reply.int(receivers as i64);
    cx.db.effects.force();
    Ok(Outcome::Done)
}
