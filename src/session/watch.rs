//! WATCH: which clients abort their transaction if a key is touched.

use std::collections::{HashMap, HashSet};

use super::Token;

/// (database, key), as a watcher names it.
type WatchedKey = (usize, Box<[u8]>);

/// Keys watched by any client.
#[derive(Debug, Default)]
pub struct Watches {
    watchers: HashMap<WatchedKey, Vec<Token>>,
    watched: HashMap<Token, HashSet<WatchedKey>>,
}

impl Watches {
    pub fn is_empty(&self) -> bool {
        self.watchers.is_empty()
    }

    pub fn watch(&mut self, client: Token, db: usize, key: &[u8]) {
        let key: WatchedKey = (db, key.into());
        if self.watched.entry(client).or_default().insert(key.clone()) {
            self.watchers.entry(key).or_default().push(client);
        }
    }

    pub fn unwatch(&mut self, client: Token) {
        for key in self.watched.remove(&client).unwrap_or_default() {
            if let Some(clients) = self.watchers.get_mut(&key) {
                clients.retain(|&other| other != client);
                if clients.is_empty() {
                    self.watchers.remove(&key);
                }
            }
        }
    }

    /// Clients that watch this key.
    pub fn of(&self, db: usize, key: &[u8]) -> &[Token] {
        // A borrowed pair cannot be looked up; watched keys are few, and this runs only while there are any.
        self.watchers.get(&(db, Box::from(key)) as &WatchedKey).map_or(&[], Vec::as_slice)
    }

    /// Keys that this client watches.
    pub fn keys_of(&self, client: Token) -> impl Iterator<Item = (usize, &[u8])> {
        self.watched.get(&client).into_iter().flatten().map(|(db, key)| (*db, &**key))
    }

    /// All watched keys of one database.
    pub fn keys_in(&self, db: usize) -> impl Iterator<Item = (&[u8], &[Token])> {
        self.watchers
            .iter()
            .filter(move |((of, _), _)| *of == db)
            .map(|((_, key), clients)| (&**key, clients.as_slice()))
    }

    pub fn watching_clients(&self) -> usize {
        self.watched.len()
    }

    pub fn watched_keys(&self) -> usize {
        self.watchers.len()
    }
}
