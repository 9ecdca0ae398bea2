//! WATCH: which clients abort their transaction if a key is touched.

use std::collections::{HashMap, HashSet};

use super::Token;

/// (database, key), as a watcher names it.
type WatchedKey = (usize, Box<[u8]>);

/// One client's interest in one key.
#[derive(Clone, Copy, Debug)]
struct Watcher {
    client: Token,
    /// The key was there when it was watched, but had expired: its deletion changes nothing for this client.
    saw_expired: bool,
}

/// What a touched key is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    Missing,
    /// There, but its time has come.
    Expired,
    Live,
}

/// Keys watched by any client.
#[derive(Debug, Default)]
pub struct Watches {
    watchers: HashMap<WatchedKey, Vec<Watcher>>,
    watched: HashMap<Token, HashSet<WatchedKey>>,
}

impl Watches {
    pub fn is_empty(&self) -> bool {
        self.watchers.is_empty()
    }

    /// `saw_expired`: the key is there now, but has expired. Answers the memory that this takes, which is none if the
    /// client watches the key already.
    pub fn watch(&mut self, client: Token, db: usize, key: &[u8], saw_expired: bool) -> usize {
        let key: WatchedKey = (db, key.into());
        if !self.watched.entry(client).or_default().insert(key.clone()) {
            return 0;
        }
        let bytes = 2 * (size_of::<WatchedKey>() + key.1.len()) + size_of::<Watcher>();
        self.watchers.entry(key).or_default().push(Watcher { client, saw_expired });
        bytes
    }

    pub fn unwatch(&mut self, client: Token) {
        for key in self.watched.remove(&client).unwrap_or_default() {
            if let Some(watchers) = self.watchers.get_mut(&key) {
                watchers.retain(|watcher| watcher.client != client);
                if watchers.is_empty() {
                    self.watchers.remove(&key);
                }
            }
        }
    }

    /// A key was touched and is `state` now: adds those whose transaction will abort to `broken`.
    pub fn touch(&mut self, db: usize, key: Box<[u8]>, state: KeyState, broken: &mut Vec<Token>) {
        for watcher in self.watchers.get_mut(&(db, key)).into_iter().flatten() {
            match state {
                KeyState::Missing if watcher.saw_expired => watcher.saw_expired = false,
                KeyState::Expired if watcher.saw_expired => {}
                _ => broken.push(watcher.client),
            }
        }
    }

    /// A key that was missing is one that has expired now: to its watchers the same.
    pub fn note_expired(&mut self, db: usize, key: &[u8]) {
        for watcher in self.watchers.get_mut(&(db, key.into())).into_iter().flatten() {
            watcher.saw_expired = true;
        }
    }

    /// Keys whose expiry aborts this client's transaction: those that it watches and did not see expired.
    pub fn expirable_keys_of(&self, client: Token) -> impl Iterator<Item = (usize, &[u8])> {
        let saw_live = move |key: &&WatchedKey| {
            let watchers = self.watchers.get(*key).into_iter().flatten();
            watchers.into_iter().any(|watcher| watcher.client == client && !watcher.saw_expired)
        };
        self.watched.get(&client).into_iter().flatten().filter(saw_live).map(|(db, key)| (*db, &**key))
    }

    /// All watched keys of one database.
    pub fn keys_in(&self, db: usize) -> impl Iterator<Item = &[u8]> {
        self.watchers.keys().filter(move |(of, _)| *of == db).map(|(_, key)| &**key)
    }

    pub fn watching_clients(&self) -> usize {
        self.watched.len()
    }

    pub fn watched_keys(&self) -> usize {
        self.watchers.len()
    }
}
