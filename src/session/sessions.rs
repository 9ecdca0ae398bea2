//! All clients, in small stable slots.

use std::ops::{Index, IndexMut};

use slab::Slab;

use super::{ClientKind, Closing, Endpoint, Session, Watches};
use crate::config::BufferLimit;
use crate::time::Millis;

/// Names a session while it lives. The id guards against a slot that was given to somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token {
    slot: usize,
    id: u64,
}

impl Token {
    /// What CLIENT ID answers.
    pub fn id(self) -> u64 {
        self.id
    }
}

/// Every client of this server.
#[derive(Default)]
pub struct Sessions {
    slots: Slab<Session>,
    last_id: u64,
    /// The slot that `visit_part` goes on from.
    next_visited: usize,
    pub watches: Watches,
    /// Sum of what ordinary clients count for.
    pub counted_bytes: usize,
    /// Memory of clients that were closed for it and are not gone yet.
    pub doomed_bytes: usize,
    /// Memory of what others wrote to clients whose tasks have not had their turn since.
    pub delivered_bytes: usize,
    /// Clients that are shown all requests (MONITOR).
    pub monitors: Vec<Token>,
    /// By class of client; 0 is no limit.
    pub output_limits: [BufferLimit; 3],
    /// Clients whose output has come to exceed its hard limit by what others wrote; the engine closes them.
    pub overflowed: Vec<Token>,
}

impl Sessions {
    pub fn open(&mut self, endpoint: Endpoint, now: Millis) -> Token {
        self.last_id += 1;
        let slot = self.slots.insert(Session::new(self.last_id, endpoint, now));
        Token { slot, id: self.last_id }
    }

    /// Forgets a client; `None` if it is gone already.
    pub fn close(&mut self, token: Token) -> Option<Session> {
        self.get(token)?;
        self.watches.unwatch(token);
        self.counted_bytes -= self.slots[token.slot].counted_bytes;
        self.doomed_bytes -= self.slots[token.slot].doomed_bytes;
        self.delivered_bytes -= self.slots[token.slot].delivered_bytes;
        self.monitors.retain(|monitor| *monitor != token);
        Some(self.slots.remove(token.slot))
    }

    pub fn get(&self, token: Token) -> Option<&Session> {
        self.slots.get(token.slot).filter(|session| session.id == token.id)
    }

    pub fn get_mut(&mut self, token: Token) -> Option<&mut Session> {
        self.slots.get_mut(token.slot).filter(|session| session.id == token.id)
    }

    /// Brings what a client counts for up to date. Replicas and our master have limits of their own.
    pub fn count_memory(&mut self, token: Token) {
        let Some(session) = self.get_mut(token) else { return };
        let is_counted = session.kind == ClientKind::Normal && session.closing != Closing::Now;
        let bytes = if is_counted { session.memory_bytes() } else { 0 };
        let before = std::mem::replace(&mut session.counted_bytes, bytes);
        self.counted_bytes = self.counted_bytes + bytes - before;
    }

    /// The client is to be closed for its memory, which counts for nothing from now on.
    pub fn doom(&mut self, token: Token) {
        let Some(session) = self.get_mut(token) else { return };
        let bytes = session.memory_bytes();
        session.doomed_bytes = bytes;
        self.doomed_bytes += bytes;
        self.count_memory(token);
    }

    /// By the number that CLIENT ID answers.
    pub fn by_id(&self, id: u64) -> Option<(Token, &Session)> {
        self.iter().find(|(_, session)| session.id == id)
    }

    /// Clients whose requests wait.
    pub fn blocked(&self) -> usize {
        self.iter().filter(|(_, session)| session.is_blocked()).count()
    }

    /// Puts bytes of somebody else (a message, MONITOR's lines) behind what the client is sent already, and calls its
    /// task. Who does not read loses the connection at its hard limit, before it costs others the memory.
    pub fn deliver(&mut self, to: Token, bytes: &[u8]) {
        let limits = self.output_limits;
        let Some(session) = self.get_mut(to).filter(|session| !session.is_closing()) else { return };
        let before = session.outbox.capacity();
        session.outbox.extend_from_slice(bytes);
        let grown = session.outbox.capacity() - before;
        session.delivered_bytes += grown;
        session.wake();
        let hard_bytes = limits[session.class() as usize].hard_bytes;
        let overflows = hard_bytes > 0 && (session.outbox.len() + session.unsent_bytes) as u64 > hard_bytes;
        self.delivered_bytes += grown;
        if overflows {
            self.overflowed.push(to);
        }
    }

    /// The client's task has taken its output.
    pub fn settle(&mut self, token: Token) {
        let Some(session) = self.get_mut(token) else { return };
        let delivered_bytes = std::mem::take(&mut session.delivered_bytes);
        self.delivered_bytes -= delivered_bytes;
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// In the order of their slots.
    pub fn iter(&self) -> impl Iterator<Item = (Token, &Session)> {
        self.slots.iter().map(|(slot, session)| (Token { slot, id: session.id }, session))
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Token, &mut Session)> {
        self.slots.iter_mut().map(|(slot, session)| (Token { slot, id: session.id }, session))
    }

    /// Visits one part in so many of all sessions, from where the last call ended, and a few at least.
    pub fn visit_part(&mut self, parts: usize, mut visit: impl FnMut(Token, &mut Session)) {
        const VISITS_MIN: usize = 8;
        let slots = self.slots.capacity();
        for _ in 0..slots.div_ceil(parts).max(VISITS_MIN).min(slots) {
            self.next_visited = (self.next_visited + 1) % slots;
            if let Some(session) = self.slots.get_mut(self.next_visited) {
                visit(Token { slot: self.next_visited, id: session.id }, session);
            }
        }
    }

    /// In the order in which they came: the order of CLIENT LIST.
    pub fn by_age(&self) -> Vec<(Token, &Session)> {
        let mut list: Vec<_> = self.iter().collect();
        list.sort_by_key(|(_, session)| session.id);
        list
    }
}

impl Index<Token> for Sessions {
    type Output = Session;

    /// # Panics
    /// If the session is closed: callers hold tokens of live clients only.
    fn index(&self, token: Token) -> &Session {
        self.get(token).expect("a live session")
    }
}

impl IndexMut<Token> for Sessions {
    fn index_mut(&mut self, token: Token) -> &mut Session {
        self.get_mut(token).expect("a live session")
    }
}
