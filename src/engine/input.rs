//! One connection's input: its buffer, the requests cut out of it, and which rows and keys they name.
//!
//! Filled and parsed outside the lock: when the engine takes the lock, commands are resolved and first keys hashed.

use std::sync::Arc;

use crate::command::{Args, CommandId, CommandTable};
use crate::keyspace::KeyHasher;
use crate::resp::{Limits, Parser, ProtocolError, Request};

/// No row has this number.
const UNKNOWN: CommandId = CommandId::MAX;

/// What is known of a request before the lock is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resolved {
    pub request: Request,
    /// `None` for an unknown command.
    pub command: Option<CommandId>,
    /// Word of the first key and its hash; (usize::MAX, 0) if there is none at a fixed place.
    pub first_key: (usize, u64),
}

/// Bytes of one connection that are not executed yet.
pub struct Input {
    pub(super) buffer: Vec<u8>,
    pub(super) parser: Parser,
    resolved: Vec<(CommandId, u64)>,
    pub(super) next: usize,
    table: Arc<CommandTable>,
    hasher: KeyHasher,
    /// What the reader may send; the engine refreshes it at each turn.
    pub limits: Limits,
}

impl Input {
    pub fn new(table: Arc<CommandTable>, hasher: KeyHasher, limits: Limits) -> Input {
        Input { buffer: Vec::new(), parser: Parser::default(), resolved: Vec::new(), next: 0, table, hasher, limits }
    }

    /// Where the socket reads into, at the end.
    pub fn buffer_mut(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// What is in the buffer.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// Bytes not executed yet.
    pub fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Bytes that the buffer can hold.
    pub fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    /// Bytes behind what was executed.
    pub(super) fn unexecuted_len(&self) -> usize {
        let next = self.parser.requests().get(self.next);
        self.buffer.len() - next.map_or(0, |request| request.bytes().start)
    }

    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Whether complete requests wait, or an error that is to be answered.
    pub fn is_ready(&self) -> bool {
        self.next < self.parser.requests().len() || self.parser.error().is_some()
    }

    /// Whether the parser has been through all of it; before AUTH it stops behind each request.
    pub(super) fn is_parsed(&self) -> bool {
        self.parser.parsed_len() == self.buffer.len()
    }

    /// The words of the request that is next, or under way.
    pub fn current_words(&self) -> impl Iterator<Item = &[u8]> {
        let request = self.parser.requests().get(self.next);
        request.into_iter().flat_map(|request| self.parser.args(request, &self.buffer).iter())
    }

    /// Length that the buffer will have once the argument under way is complete, if that is known.
    pub fn wanted_len(&self) -> Option<usize> {
        self.parser.wanted_len()
    }

    /// Cuts out what is complete, and resolves it.
    pub fn parse(&mut self) {
        self.parser.parse(&mut self.buffer, self.limits);
        for request in &self.parser.requests()[self.resolved.len()..] {
            let words = self.parser.args(request, &self.buffer);
            let command = match words.len() {
                0 => None,
                1 => self.table.resolve(words.at(0), None),
                _ => self.table.resolve(words.at(0), Some(words.at(1))),
            };
            let key = command.map_or(0, |id| self.table.entry(id).first_key);
            let hash = if key > 0 && key < words.len() { self.hasher.hash(words.at(key)) } else { 0 };
            self.resolved.push((command.unwrap_or(UNKNOWN), hash));
        }
    }

    /// Number of requests cut out.
    pub(super) fn requests(&self) -> usize {
        self.parser.requests().len()
    }

    #[inline]
    pub(super) fn resolved(&self, index: usize) -> Resolved {
        let (command, hash) = self.resolved[index];
        if command == UNKNOWN {
            return Resolved { request: self.parser.requests()[index], command: None, first_key: (usize::MAX, 0) };
        }
        let key = self.table.entry(command).first_key;
        let first_key = if key > 0 { (key, hash) } else { (usize::MAX, 0) };
        Resolved { request: self.parser.requests()[index], command: Some(command), first_key }
    }

    pub(super) fn first_hash(&self, index: usize) -> Option<u64> {
        self.resolved.get(index).map(|&(_, hash)| hash).filter(|&hash| hash != 0)
    }

    pub(super) fn args<'a>(&'a self, resolved: &Resolved) -> Args<'a> {
        Args::hashed(self.parser.args(&resolved.request, &self.buffer), self.hasher, resolved.first_key)
    }

    /// The bytes of a request as they came.
    pub(super) fn raw(&self, resolved: &Resolved) -> &[u8] {
        &self.buffer[resolved.request.bytes()]
    }

    pub(super) fn error(&self) -> Option<ProtocolError> {
        self.parser.error()
    }

    /// After a turn: drops what was executed, once all of it was.
    pub fn compact(&mut self) {
        if self.next < self.parser.requests().len() {
            return;
        }
        self.next = 0;
        self.resolved.clear();
        self.resolved.shrink_to(KEPT_REQUESTS);
        let executed = self.parser.consume();
        if executed == self.buffer.len() {
            self.buffer.clear();
        } else {
            self.buffer.drain(..executed);
        }
        if self.buffer.is_empty() && self.buffer.capacity() > KEPT_CAPACITY_BYTES {
            self.buffer = Vec::new();
        }
    }

    /// Gives back what the buffer has beyond `keep_bytes`, of which a request under way may need more.
    pub fn trim(&mut self, keep_bytes: usize) {
        self.buffer.shrink_to(keep_bytes.max(self.wanted_len().unwrap_or(0)));
    }
}

/// Requests of one read, for which memory is kept.
const KEPT_REQUESTS: usize = 4 * 1024;
/// A buffer that grew for a large request is given back once it is empty, not only when it is looked at next.
const KEPT_CAPACITY_BYTES: usize = 1024 * 1024;
