//! maxmemory: room is made before a request runs, each eviction a unit of its own.

use crate::alloc;
use crate::config::MaxmemoryPolicy;
use crate::time::Now;

use super::Engine;

/// Keys evicted for one request at most: a bound on what one client can make another wait for.
const EVICTIONS_PER_REQUEST: usize = 1_000;

impl Engine {
    /// What counts against maxmemory: what is used, less what is dead but still seen, less the log beyond its size.
    pub fn counted_bytes(&self) -> u64 {
        let uncounted = self.node.log.memory().uncounted_bytes as u64;
        (alloc::used_bytes() as u64).saturating_sub(self.keyspace.retired_bytes() as u64).saturating_sub(uncounted)
    }

    pub(super) fn is_over_maxmemory(&self) -> bool {
        self.over_maxmemory
    }

    /// Evicts until the counted memory fits. Each victim counts with its own size, never with the counter's change:
    /// a live snapshot holds victims' memory, and must not make eviction run away.
    pub(super) fn evict_to_fit(&mut self, now: Now) {
        let settings = &*self.config;
        let limit = settings.maxmemory;
        let policy = settings.maxmemory_policy;
        let exempt = self.node.is_replica() && settings.replica_ignore_maxmemory;
        self.over_maxmemory = false;
        if limit == 0 || exempt {
            return;
        }
        let mut excess = self.counted_bytes() as i64 - limit as i64;
        if excess <= 0 {
            return;
        }
        if policy == MaxmemoryPolicy::AllkeysRandom {
            for _ in 0..EVICTIONS_PER_REQUEST {
                let Some(freed) = self.evict_one(now) else { break };
                excess -= freed as i64;
                if excess <= 0 {
                    return;
                }
            }
        }
        self.over_maxmemory = excess > 0;
    }

    /// Evicts a random key of a random database that has any; answers its size.
    fn evict_one(&mut self, now: Now) -> Option<usize> {
        let databases = self.keyspace.databases();
        let start = rand::RngExt::random_range(&mut self.rng, 0..databases);
        let db = (0..databases).map(|step| (start + step) % databases).find(|&db| !self.keyspace.db(db).is_empty())?;
        let (key, size) = {
            let victim = self.keyspace.db(db).random(&mut self.rng)?;
            (victim.key().to_vec(), victim.size_bytes())
        };
        let hashed = self.keyspace.hasher().key(&key);
        let mut database = self.internal_database(now, db);
        database.remove(hashed);
        database.effects.also_propagate(db, &[b"DEL", &key]);
        self.stats.evicted_keys += 1;
        self.close_unit(now);
        Some(size)
    }
}
