//! Which key goes next: a pool of the best candidates seen so far, fed by samples.
//!
//! A few keys are sampled, and the pool keeps the sixteen that are most worth evicting over all samples so far; that
//! comes close to the true order at little cost (Redis's documents call it approximated LRU). A candidate is
//! its place in the ranking and the hash of its key, so the pool neither allocates nor borrows. A key that was used
//! after it had been sampled is ranked anew before it is taken.

use super::access::{ACCESS_BITS, decayed, idle_min, idle_s, lfu_clock};
use super::{Entry, Keyspace};

/// Candidates kept.
const POOL_KEYS: usize = 16;

/// What makes a key worth evicting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ranking {
    /// The longest time without use.
    Lru,
    /// The fewest uses, after `decay_min` (see [`super::access::Frequency`]); among equals the longest time without use.
    Lfu { decay_min: u32 },
    /// The nearest expiry.
    Ttl,
}

/// Rank of a key: the lowest goes first. Comparable over time, but for LFU's decay.
type Rank = i64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Candidate {
    rank: Rank,
    db: usize,
    hash: u64,
}

/// The best candidates, the very best last.
#[derive(Debug)]
pub struct Victims {
    ranking: Ranking,
    pool: Vec<Candidate>,
}

impl Ranking {
    fn rank(self, entry: &Entry<'_>, unix_s: i64) -> Rank {
        match self {
            // The second of the last access.
            Ranking::Lru => unix_s - i64::from(idle_s(entry.access(), unix_s as u32 & ACCESS_BITS)),
            Ranking::Lfu { decay_min } => {
                let clock_min = lfu_clock(unix_s);
                let counter = decayed(entry.access(), clock_min, decay_min);
                i64::from(counter) << 16 | i64::from(u16::MAX - idle_min(entry.access(), clock_min))
            }
            Ranking::Ttl => entry.expire_at().unwrap_or(i64::MAX),
        }
    }
}

impl Victims {
    pub fn new(ranking: Ranking) -> Victims {
        Victims { ranking, pool: Vec::with_capacity(POOL_KEYS + 1) }
    }

    /// Another ranking makes the old ranks meaningless.
    pub fn rank_by(&mut self, ranking: Ranking) {
        if self.ranking != ranking {
            self.pool.clear();
            self.ranking = ranking;
        }
    }

    /// Samples about so many keys of each database, only those with an expiry if `volatile`, into the pool.
    pub fn sample(
        &mut self,
        keyspace: &Keyspace,
        rng: &mut dyn rand::Rng,
        volatile: bool,
        samples: usize,
        unix_s: i64,
    ) {
        for index in 0..keyspace.databases() {
            let db = keyspace.db(index);
            db.sample(rng, volatile, samples, &mut |entry| {
                let rank = self.ranking.rank(&entry, unix_s);
                if self.takes(rank) {
                    let hash = keyspace.hasher().hash(entry.key());
                    self.offer(Candidate { rank, db: index, hash });
                }
            });
        }
    }

    fn takes(&self, rank: Rank) -> bool {
        self.pool.len() < POOL_KEYS || self.pool.first().is_some_and(|worst| rank < worst.rank)
    }

    fn offer(&mut self, new: Candidate) {
        self.pool.retain(|old| (old.db, old.hash) != (new.db, new.hash));
        let at = self.pool.partition_point(|old| old.rank > new.rank);
        self.pool.insert(at, new);
        if self.pool.len() > POOL_KEYS {
            self.pool.remove(0);
        }
    }

    /// Takes the best candidate out of the pool: its database and its key as it is stored. `None` once the pool is
    /// empty. A candidate that is gone is passed over, so is one that no longer expires if `volatile`; one that was
    /// used meanwhile is ranked anew.
    pub fn take<'a>(&mut self, keyspace: &'a Keyspace, volatile: bool, unix_s: i64) -> Option<(usize, Entry<'a>)> {
        while let Some(best) = self.pool.pop() {
            let found = keyspace.db(best.db).by_hash(best.hash);
            let Some(entry) = found.filter(|entry| !volatile || entry.expire_at().is_some()) else { continue };
            let rank = self.ranking.rank(&entry, unix_s);
            if rank <= best.rank || self.pool.last().is_none_or(|next| rank <= next.rank) {
                return Some((best.db, entry));
            }
            self.offer(Candidate { rank, ..best });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    use super::super::{KeyHasher, NewValue};
    use super::*;

    fn keyspace(keys: u32, access: impl Fn(u32) -> u32, expire_at: impl Fn(u32) -> Option<i64>) -> Keyspace {
        let mut keyspace = Keyspace::new(2, KeyHasher::new((1, 2)));
        for number in 0..keys {
            let name = number.to_string();
            let key = keyspace.hasher().key(name.as_bytes());
            keyspace.db_mut(number as usize % 2).insert(key, NewValue::String(b"v"), expire_at(number), access(number));
        }
        keyspace
    }

    /// Evicts `count` keys, and answers their numbers.
    fn evict(keyspace: &mut Keyspace, ranking: Ranking, volatile: bool, count: usize, unix_s: i64) -> Vec<u32> {
        let mut rng = SmallRng::seed_from_u64(9);
        let mut victims = Victims::new(ranking);
        let mut evicted = Vec::new();
        for _ in 0..count {
            victims.sample(keyspace, &mut rng, volatile, 5, unix_s);
            let (db, key) = victims
                .take(keyspace, volatile, unix_s)
                .map(|(db, entry)| (db, entry.key().to_vec()))
                .expect("a victim");
            let hashed = keyspace.hasher().key(&key);
            assert!(keyspace.db_mut(db).remove(hashed));
            evicted.push(std::str::from_utf8(&key).unwrap().parse().unwrap());
        }
        evicted
    }

    /// How many of the victims are among the `count` keys that should go, which have the lowest numbers.
    fn right(victims: &[u32]) -> usize {
        victims.iter().filter(|number| (**number as usize) < victims.len()).count()
    }

    #[test]
    fn the_longest_idle_the_least_used_and_the_nearest_expiry_go_first() {
        let mut by_clock = keyspace(10_000, |number| 1000 + number, |_| None);
        assert!(right(&evict(&mut by_clock, Ranking::Lru, false, 5_000, 20_000)) > 4_300);
        let mut by_count = keyspace(10_000, |number| number * 255 / 10_000, |_| None);
        assert!(right(&evict(&mut by_count, Ranking::Lfu { decay_min: 0 }, false, 5_000, 0)) > 4_300);
        let mut by_ttl = keyspace(10_000, |_| 0, |number| Some(i64::from(number)));
        assert!(right(&evict(&mut by_ttl, Ranking::Ttl, true, 5_000, 0)) > 4_300);
    }

    #[test]
    fn all_keys_with_an_expiry_go_and_no_other() {
        let mut keyspace = keyspace(2_000, |_| 0, |number| (number % 100 == 7).then_some(1));
        let mut victims = evict(&mut keyspace, Ranking::Lru, true, 20, 0);
        victims.sort_unstable();
        assert_eq!(victims, (0..20).map(|n| n * 100 + 7).collect::<Vec<_>>());
        let mut rng = SmallRng::seed_from_u64(9);
        let mut pool = Victims::new(Ranking::Lru);
        pool.sample(&keyspace, &mut rng, true, 5, 0);
        assert!(pool.take(&keyspace, true, 0).is_none());
    }

    #[test]
    fn a_candidate_that_was_used_meanwhile_is_not_taken_before_others() {
        let keyspace = keyspace(2, |number| 100 + number, |_| None);
        let mut victims = Victims::new(Ranking::Lru);
        victims.sample(&keyspace, &mut SmallRng::seed_from_u64(9), false, 5, 500);
        let oldest = keyspace.db(0).get(keyspace.hasher().key(b"0")).unwrap();
        oldest.set_access(500);
        assert_eq!(victims.take(&keyspace, false, 500).unwrap().1.key(), b"1");
        assert_eq!(victims.take(&keyspace, false, 500).unwrap().1.key(), b"0");
    }

    #[test]
    fn the_pool_keeps_the_best_sixteen_each_once() {
        let mut victims = Victims::new(Ranking::Lru);
        for rank in (0..100).rev().chain(0..100) {
            victims.offer(Candidate { rank, db: 0, hash: rank as u64 });
        }
        let ranks: Vec<Rank> = victims.pool.iter().map(|candidate| candidate.rank).collect();
        assert_eq!(ranks, (0..16).rev().collect::<Vec<_>>());
    }
}
