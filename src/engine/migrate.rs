//! MIGRATE: until the other server has answered, writers wait, so that what is deleted here is what has arrived there.

use crate::command::Migration;
use crate::session::{Blocked, Token};
use crate::time::Now;

use super::{Action, Engine};

/// The keys that are on their way.
pub(super) struct Migrating {
    client: Token,
    db: usize,
    copies: bool,
    keys: Vec<Box<[u8]>>,
    was_replica: bool,
}

/// What came of a migration.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Migrated {
    /// Keys that the other server has now, by their places.
    pub arrived: Vec<usize>,
    /// What the client is told, if not all have arrived.
    pub error: Option<String>,
}

impl Engine {
    pub(super) fn migrate(&mut self, now: Now, client: Token, migration: Migration) {
        let session = &mut self.sessions[client];
        session.blocked = Blocked::Held { has_timeout: false };
        self.migrating = Some(Migrating {
            client,
            db: session.db,
            copies: migration.copies,
            keys: migration.keys.iter().map(|packed| packed.key.clone()).collect(),
            was_replica: self.node.is_replica(),
        });
        self.refresh_conditions(now);
        self.actions.push(Action::Migrate(migration));
    }

    pub fn migrated(&mut self, now: Now, result: Migrated) {
        let Some(migrating) = self.migrating.take() else { return };
        // Who follows a master since has its data, or waits for them.
        if !migrating.copies && migrating.was_replica == self.node.is_replica() {
            self.delete_arrived(now, &migrating, &result.arrived);
        }
        match result.error {
            None => self.answer_with(migrating.client, b"+OK\r\n"),
            Some(error) => self.answer_error(migrating.client, &error),
        }
        self.end_pause_if_over(now);
        self.end_turn(now);
    }

    fn delete_arrived(&mut self, now: Now, migrating: &Migrating, arrived: &[usize]) {
        let mut words: Vec<&[u8]> = vec![b"DEL"];
        for key in arrived.iter().filter_map(|index| migrating.keys.get(*index)) {
            let hashed = self.keyspace.hasher().key(key);
            if self.internal_database(now, migrating.db).remove(hashed) {
                words.push(key);
            }
        }
        if words.len() > 1 {
            self.effects.also_propagate(migrating.db, &words);
        }
        self.close_unit(now);
    }
}
