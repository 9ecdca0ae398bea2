//! Client-side caching: who tracks keys is told that its copies count no more.
//!
//! Readers of a key are told as the unit ends that changed it, listeners to prefixes as the turn ends, so that one
//! message names all that a pipeline changed. A message may be sent to another client than the one that tracks.

use crate::command::{Args, CommandId, Flags, Group, Touched};
use crate::resp::{Protocol, Reply};
use crate::session::{Token, Tracking, TrackingMode};

use super::Engine;

/// Keys given up in one turn: more than a turn's requests read, so the table cannot outgrow its limit for long.
const GIVEN_UP_PER_TURN: usize = 10_000;
/// Where clients of RESP2 subscribe, to be sent the invalidations of others.
const CHANNEL: &[u8] = b"__redis__:invalidate";

impl Engine {
    /// A client that tracks has run a request: what it read is remembered.
    #[cold]
    pub(super) fn remember_reads(&mut self, token: Token, id: CommandId, args: &Args<'_>) {
        // What changed earlier in this unit is no news to who reads now.
        self.invalidate();
        let entry = self.table.entry(id);
        // Code that reads is remembered by the keys that it was given: see `remember_declared`.
        if entry.group != Group::Scripting && !self.is_running_inside() {
            self.remember(token, id, args, entry.has(Flags::READONLY));
        }
    }

    /// Code inside has read something: what was declared as its keys is remembered.
    #[cold]
    pub(super) fn remember_declared(&mut self, token: Token, args: &Args<'_>) {
        if let Some(id) = self.table.find(args.at(0)) {
            self.remember(token, id, args, true);
        }
    }

    fn remember(&mut self, token: Token, id: CommandId, args: &Args<'_>, reads: bool) {
        let entry = self.table.entry(id);
        let in_unit = self.is_running_inside() || self.sessions[token].transaction.is_some();
        let session = &mut self.sessions[token];
        let Some(tracking) = session.tracking.as_deref_mut() else { return };
        let remembers = match tracking.mode {
            TrackingMode::Reads => true,
            TrackingMode::OptIn => tracking.caching,
            TrackingMode::OptOut => !tracking.caching,
            TrackingMode::Broadcast(_) => false,
        };
        // CLIENT CACHING holds for the next request, or for the whole transaction that it begins.
        tracking.caching &= in_unit || entry.full_name.starts_with("client|");
        if !remembers || !reads {
            return;
        }
        let request = args.to_vec();
        let specs = entry.command.keys.iter().filter(|spec| spec.names_keys());
        let positions: Vec<usize> = specs.filter_map(|spec| spec.positions(&request)).flatten().collect();
        positions.into_iter().for_each(|position| self.pubsub.tracked.remember(request[position], token));
    }

    /// Keeps the number of remembered keys below its limit, by steps: so much of it in one turn.
    fn give_up_surplus(&mut self) {
        for _ in 0..GIVEN_UP_PER_TURN {
            let surplus = self.pubsub.tracked.give_up_one(self.config.tracking_table_max_keys);
            let Some((key, readers)) = surplus else { return };
            readers.into_iter().for_each(|reader| self.tell_reader(reader, &key));
        }
    }

    /// Keys have changed: their readers are told now, listeners to prefixes at the turn's end.
    pub(super) fn invalidate(&mut self) {
        if self.pubsub.tracked.clients == 0 {
            return;
        }
        for Touched { key, by_server, .. } in self.effects.newly_touched() {
            let by = (!by_server).then_some(self.caller).flatten();
            for reader in self.pubsub.tracked.take_readers(&key) {
                if by != Some(reader) || !self.skips_own(reader) {
                    self.tell_reader(reader, &key);
                }
            }
            self.pubsub.tracked.note_change(&key, by);
        }
    }

    /// Messages for the client whose requests run stand where they belong among its replies.
    #[inline]
    pub(super) fn put_own_messages(&mut self, token: Token, reply: &mut Reply) {
        if self.effects.has_trackers
            && let Some(session) = self.sessions.get_mut(token)
        {
            reply.buffer.append(&mut session.outbox);
        }
    }

    /// What changed below prefixes in this turn, and what is remembered no more.
    pub(super) fn end_tracked_turn(&mut self) {
        self.give_up_surplus();
        for broadcast in self.pubsub.tracked.take_broadcasts() {
            for client in broadcast.clients {
                let skips_own = self.skips_own(client);
                let is_news = |by: &Option<Token>| !(skips_own && *by == Some(client));
                let news = broadcast.keys.iter().filter(|(_, by)| is_news(by)).map(|(key, _)| &**key);
                let keys: Vec<&[u8]> = news.collect();
                if !keys.is_empty() {
                    self.tell(client, Some(&keys));
                }
            }
        }
    }

    /// All keys are others now.
    pub(super) fn invalidate_everything(&mut self) {
        if self.pubsub.tracked.clients == 0 {
            return;
        }
        self.pubsub.tracked.forget_readers();
        let tracking = self.sessions.iter().filter(|(_, session)| session.tracking.is_some());
        let clients: Vec<Token> = tracking.map(|(token, _)| token).collect();
        clients.into_iter().for_each(|client| self.tell(client, None));
    }

    fn skips_own(&self, client: Token) -> bool {
        self.tracking(client).is_some_and(|tracking| tracking.noloop)
    }

    fn tracking(&self, client: Token) -> Option<&Tracking> {
        self.sessions.get(client)?.tracking.as_deref()
    }

    /// A reader may have left, or have gone over to prefixes, since it read.
    fn tell_reader(&mut self, reader: Token, key: &[u8]) {
        if self.tracking(reader).is_some_and(|tracking| !tracking.is_broadcast()) {
            self.tell(reader, Some(&[key]));
        }
    }

    /// `None`: all keys.
    fn tell(&mut self, client: Token, keys: Option<&[&[u8]]>) {
        let Some(tracking) = self.tracking(client) else { return };
        let redirect = tracking.redirect;
        let receiver = redirect.unwrap_or(client);
        let Some(session) = self.sessions.get(receiver).filter(|session| !session.is_closing()) else {
            return self.tell_broken(client, receiver);
        };
        let mut message = Reply::new(session.protocol);
        match session.protocol {
            Protocol::Resp3 => {
                message.push(2);
                message.bulk(b"invalidate");
            }
            Protocol::Resp2 if redirect.is_some() && session.is_subscriber => {
                message.push(3);
                message.bulk(b"message");
                message.bulk(CHANNEL);
            }
            // There is no way to tell it.
            Protocol::Resp2 => return,
        }
        match keys {
            Some(keys) => {
                message.array(keys.len());
                keys.iter().for_each(|key| message.bulk(key));
            }
            None => message.null(),
        }
        self.sessions.deliver(receiver, &message.buffer);
    }

    /// The client that is redirected to is gone: whoever relied on it must not trust its copies any more.
    fn tell_broken(&mut self, client: Token, receiver: Token) {
        let Some(session) = self.sessions.get_mut(client) else { return };
        if let Some(tracking) = session.tracking.as_deref_mut() {
            tracking.is_broken = true;
        }
        if session.protocol == Protocol::Resp3 {
            let mut message = Reply::new(Protocol::Resp3);
            message.push(2);
            message.bulk(b"tracking-redir-broken");
            message.int(receiver.id() as i64);
            self.sessions.deliver(client, &message.buffer);
        }
    }
}
