//! Client-side caching (Redis document "Client-side caching"): which clients may hold a copy of which key, and so are
//! to be told when it changes.
//!
//! Keys count by name, whatever their database. Who has read a key is told once of its change and must read again; who
//! listens to a prefix is told of every change, of all that changed since the last time in one message.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::session::Token;

/// Clients that listen to one prefix, and what has changed below it: each key with whoever changed it last.
#[derive(Debug, Default)]
struct Prefix {
    clients: BTreeSet<Token>,
    changed: BTreeMap<Box<[u8]>, Option<Token>>,
}

/// Keys changed below one prefix, and who is to be told.
#[derive(Debug)]
pub struct Broadcast {
    pub clients: Vec<Token>,
    /// Each with whoever changed it last; `None` is the server.
    pub keys: Vec<(Box<[u8]>, Option<Token>)>,
}

/// All that clients may hold copies of.
#[derive(Debug, Default)]
pub struct TrackedKeys {
    readers: BTreeMap<Box<[u8]>, BTreeSet<Token>>,
    items: usize,
    /// The last key that was given up.
    given_up: Box<[u8]>,
    prefixes: BTreeMap<Box<[u8]>, Prefix>,
    /// Clients that track in any way.
    pub clients: usize,
}

impl TrackedKeys {
    /// A client has read a key.
    pub fn remember(&mut self, key: &[u8], client: Token) {
        let readers = self.readers.entry(key.into()).or_default();
        self.items += usize::from(readers.insert(client));
    }

    /// Gives up a key where there are more than `max` (0: no limit): its readers are to be told as if it had changed.
    /// Keys take turns in their order, which is as fair as chance, and the same in every run.
    pub fn give_up_one(&mut self, max: usize) -> Option<(Box<[u8]>, BTreeSet<Token>)> {
        if max == 0 || self.readers.len() <= max {
            return None;
        }
        let behind = self.readers.range::<[u8], _>((Bound::Excluded(&*self.given_up), Bound::Unbounded)).next();
        let (key, _) = behind.or_else(|| self.readers.first_key_value())?;
        self.given_up = key.clone();
        let key = key.clone();
        let readers = self.take_readers(&key);
        Some((key, readers))
    }

    /// A key has changed: those who have read it, each of whom is told once.
    pub fn take_readers(&mut self, key: &[u8]) -> BTreeSet<Token> {
        let readers = self.readers.remove(key).unwrap_or_default();
        self.items -= readers.len();
        readers
    }

    /// A key has changed: notes it below each prefix that it begins with.
    pub fn note_change(&mut self, key: &[u8], by: Option<Token>) {
        if self.prefixes.is_empty() {
            return;
        }
        for len in 0..=key.len() {
            if let Some(prefix) = self.prefixes.get_mut(&key[..len]) {
                prefix.changed.insert(key.into(), by);
            }
        }
    }

    /// What has changed below prefixes since the last time.
    pub fn take_broadcasts(&mut self) -> Vec<Broadcast> {
        let changed = self.prefixes.values_mut().filter(|prefix| !prefix.changed.is_empty());
        let broadcast = |prefix: &mut Prefix| Broadcast {
            clients: prefix.clients.iter().copied().collect(),
            keys: std::mem::take(&mut prefix.changed).into_iter().collect(),
        };
        changed.map(broadcast).collect()
    }

    pub fn listen(&mut self, prefix: &[u8], client: Token) {
        self.prefixes.entry(prefix.into()).or_default().clients.insert(client);
    }

    /// The client listens to these prefixes no more. What it has read is forgotten with the keys' next change.
    pub fn leave<'p>(&mut self, prefixes: impl IntoIterator<Item = &'p [u8]>, client: Token) {
        for name in prefixes {
            let Some(prefix) = self.prefixes.get_mut(name) else { continue };
            prefix.clients.remove(&client);
            if prefix.clients.is_empty() {
                self.prefixes.remove(name);
            }
        }
    }

    /// All keys are others now.
    pub fn forget_readers(&mut self) {
        self.readers.clear();
        self.items = 0;
    }

    /// Keys that are remembered.
    pub fn keys(&self) -> usize {
        self.readers.len()
    }

    /// Pairs of a key and a client.
    pub fn items(&self) -> usize {
        self.items
    }

    pub fn prefixes(&self) -> usize {
        self.prefixes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Endpoint, Sessions};
    use crate::time::Millis;

    fn clients() -> [Token; 2] {
        let mut sessions = Sessions::default();
        [(); 2].map(|()| sessions.open(Endpoint::default(), Millis(0)))
    }

    #[test]
    fn a_reader_is_told_once() {
        let [ann, bob] = clients();
        let mut tracked = TrackedKeys::default();
        for client in [ann, bob, ann] {
            tracked.remember(b"k", client);
        }
        assert_eq!((tracked.keys(), tracked.items()), (1, 2));
        assert_eq!(tracked.take_readers(b"k").into_iter().collect::<Vec<_>>(), [ann, bob]);
        assert!(tracked.take_readers(b"k").is_empty());
        assert_eq!((tracked.keys(), tracked.items()), (0, 0));
    }

    #[test]
    fn beyond_the_limit_keys_are_given_up_in_turn() {
        let [ann, _] = clients();
        let mut tracked = TrackedKeys::default();
        [b"a", b"b", b"c"].into_iter().for_each(|key| tracked.remember(key, ann));
        assert!(tracked.give_up_one(0).is_none() && tracked.give_up_one(3).is_none());
        for expected in [b"a", b"b"] {
            let (key, readers) = tracked.give_up_one(1).unwrap();
            assert_eq!((&*key, readers.len()), (&expected[..], 1));
        }
        assert!(tracked.give_up_one(1).is_none());
        tracked.remember(b"a", ann);
        assert_eq!(&*tracked.give_up_one(1).unwrap().0, b"c", "each has its turn");
    }

    #[test]
    fn listeners_get_all_changes_below_their_prefix_at_once() {
        let [ann, bob] = clients();
        let mut tracked = TrackedKeys::default();
        tracked.listen(b"a:", ann);
        tracked.listen(b"", bob);
        for (key, by) in [(&b"a:1"[..], Some(ann)), (b"b:1", None), (b"a:1", None)] {
            tracked.note_change(key, by);
        }
        let broadcasts = tracked.take_broadcasts();
        assert_eq!(broadcasts.len(), 2);
        assert_eq!((&broadcasts[0].clients[..], broadcasts[0].keys.len()), (&[bob][..], 2));
        assert_eq!(
            (&broadcasts[1].clients[..], &broadcasts[1].keys[..]),
            (&[ann][..], &[(b"a:1"[..].into(), None)][..])
        );
        assert!(tracked.take_broadcasts().is_empty());
        tracked.leave([&b"a:"[..]], ann);
        assert_eq!(tracked.prefixes(), 1);
    }
}
