//! maxmemory: room is made before a request runs, each eviction a unit of its own.
//!
//! What one request waits for is bounded (maxmemory-eviction-tenacity); ticks go on with the rest. The limit is held
//! against the sum over all threads only when this thread may have used up half of the room that was left, or after
//! some requests: others take and give memory, too, but seldom much.

use rand::{Rng, RngExt};

use crate::alloc;
use crate::command::{noted_access, uncounted_bytes};
use crate::config::MaxmemoryPolicy;
use crate::keyspace::{Access, Ranking, Victims};
use crate::metrics::Event;
use crate::session::Token;
use crate::time::Now;

use super::Engine;

/// Keys evicted for one request at most, at the default tenacity: where no clock bounds the work.
const EVICTIONS_PER_REQUEST: u32 = 1_000;
/// Between two looks at the clock.
const EVICTIONS_PER_LOOK: u32 = 16;
/// Requests after which the limit is held against the whole sum again.
const REQUESTS_PER_SUM: u32 = 64;

/// Where memory stands, by the last look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pressure {
    #[default]
    Fits,
    /// There is more to evict than one request may wait for.
    Evicting,
    /// Above the limit, and nothing left to evict.
    Full,
}

/// Eviction's state between requests.
#[derive(Debug)]
pub(super) struct Eviction {
    victims: Victims,
    pressure: Pressure,
    room: Room,
}

/// What is known to be free below the limit: a thread's balance when the sum was taken, and what it may grow by.
#[derive(Debug, Default)]
struct Room {
    thread: usize,
    balance: isize,
    growth: isize,
    requests: u32,
}

/// What one request may still spend on evictions.
struct Budget {
    evictions: u32,
    done: u32,
    deadline_ns: u64,
}

impl Default for Eviction {
    fn default() -> Eviction {
        Eviction { victims: Victims::new(Ranking::Lru), pressure: Pressure::Fits, room: Room::default() }
    }
}

impl Eviction {
    /// What was known of the room may be wrong now.
    pub fn look_anew(&mut self) {
        self.room = Room::default();
    }
}

impl Room {
    fn of(free_bytes: i64) -> Room {
        let (thread, balance) = alloc::own_balance().unwrap_or_default();
        Room { thread, balance, growth: free_bytes as isize / 2, requests: REQUESTS_PER_SUM }
    }

    /// Whether what is allocated still fits, for all that is known.
    #[inline]
    fn suffices(&mut self) -> bool {
        if self.requests == 0 {
            return false;
        }
        self.requests -= 1;
        alloc::own_balance().is_some_and(|(thread, now)| thread == self.thread && now - self.balance < self.growth)
    }
}

impl Budget {
    /// Redis's document on `maxmemory-eviction-tenacity` says 0 is the least delay, 10 the default, 100 any delay. Here
    /// up to 10 each step is 50 us, then each is 15 % more.
    fn of(tenacity: u32, now_ns: u64) -> Budget {
        let limit_ns = match tenacity {
            0..=10 => 50_000 * u64::from(tenacity),
            11..100 => (500_000.0 * 1.15_f64.powi(tenacity as i32 - 10)) as u64,
            _ => return Budget { evictions: u32::MAX, done: 0, deadline_ns: u64::MAX },
        };
        let evictions = (u64::from(EVICTIONS_PER_REQUEST) * limit_ns / 500_000).max(u64::from(EVICTIONS_PER_LOOK));
        Budget { evictions: evictions as u32, done: 0, deadline_ns: now_ns.saturating_add(limit_ns) }
    }

    fn is_spent(&mut self, clock_ns: fn() -> u64) -> bool {
        self.done += 1;
        self.done >= self.evictions || self.done.is_multiple_of(EVICTIONS_PER_LOOK) && clock_ns() > self.deadline_ns
    }
}

impl Engine {
    /// What counts against maxmemory: what is used, less what does not (see [`crate::command::uncounted_bytes`]).
    pub fn counted_bytes(&self) -> u64 {
        let uncounted = uncounted_bytes(&self.keyspace, &self.node, &self.sessions);
        (alloc::used_bytes() as u64).saturating_sub(uncounted)
    }

    /// Above the limit with nothing left to evict.
    pub(super) fn is_over_maxmemory(&self) -> bool {
        self.eviction.pressure == Pressure::Full
    }

    /// More is to be evicted soon.
    pub(super) fn is_evicting(&self) -> bool {
        self.eviction.pressure == Pressure::Evicting && self.conditions.maxmemory_set()
    }

    /// Evicts until the counted memory fits, as far as the budget goes. Asked only while maxmemory is set and holds for
    /// us.
    #[inline]
    pub(super) fn evict_to_fit(&mut self, now: Now) {
        if !self.eviction.room.suffices() {
            self.evict_what_exceeds(now);
        }
    }

    /// While the data set stands still (a pause, a load, code inside), nothing is evicted and nothing refused.
    fn evict_what_exceeds(&mut self, now: Now) {
        let stands_still = self.is_running_inside() || self.server.loading.is_some() || self.holds_writers();
        let free_bytes = self.config.maxmemory as i64 - self.counted_bytes() as i64;
        let pressure = if free_bytes >= 0 || stands_still {
            self.eviction.room = Room::of(free_bytes);
            Pressure::Fits
        } else {
            self.timed(now, Event::EvictionCycle, |engine| engine.evict_bytes(now, -free_bytes))
        };
        self.eviction.pressure = pressure;
        self.note_excess(now, pressure != Pressure::Fits);
    }

    /// Each victim counts with its own size, never with the counter's change: a live snapshot holds victims' memory,
    /// and must not make eviction run away.
    fn evict_bytes(&mut self, now: Now, excess_bytes: i64) -> Pressure {
        let clock_ns = self.hooks.clock_ns;
        let mut budget = Budget::of(self.config.maxmemory_eviction_tenacity, clock_ns());
        let mut excess_bytes = excess_bytes;
        while excess_bytes > 0 {
            let Some(freed_bytes) = self.evict_one(now) else { return Pressure::Full };
            excess_bytes -= freed_bytes as i64;
            if excess_bytes > 0 && budget.is_spent(clock_ns) {
                return Pressure::Evicting;
            }
        }
        Pressure::Fits
    }

    fn note_excess(&mut self, now: Now, exceeds: bool) {
        let since = &mut self.server.over_maxmemory_since;
        if exceeds {
            since.get_or_insert(now.mono);
        } else if let Some(since) = since.take() {
            self.stats.eviction_exceeded_ms += now.mono.since(since);
        }
    }

    /// Evicts one key; answers its size. `None` if the policy has none to give.
    fn evict_one(&mut self, now: Now) -> Option<usize> {
        let (db, key, size_bytes) = self.victim(now)?;
        let (hashed, lazy) = (self.keyspace.hasher().key(&key), self.config.lazyfree_lazy_eviction);
        self.timed(now, Event::EvictionDel, |engine| engine.internal_database(now, db).evict(hashed, lazy));
        self.close_unit(now);
        Some(size_bytes)
    }

    /// The next victim: its database, its key, its size.
    fn victim(&mut self, now: Now) -> Option<(usize, Box<[u8]>, usize)> {
        let settings = &*self.config;
        let (policy, samples) = (settings.maxmemory_policy, settings.maxmemory_samples);
        let ranking = match policy {
            MaxmemoryPolicy::Noeviction => return None,
            MaxmemoryPolicy::AllkeysRandom | MaxmemoryPolicy::VolatileRandom => return self.random_victim(policy),
            MaxmemoryPolicy::AllkeysLru | MaxmemoryPolicy::VolatileLru => Ranking::Lru,
            MaxmemoryPolicy::AllkeysLfu | MaxmemoryPolicy::VolatileLfu => {
                Ranking::Lfu { decay_min: settings.lfu_decay_time_min }
            }
            MaxmemoryPolicy::VolatileTtl => Ranking::Ttl,
        };
        let (volatile, unix_s) = (policy.is_volatile(), now.unix_s());
        let Eviction { victims, .. } = &mut self.eviction;
        victims.rank_by(ranking);
        // A pool full of keys that are gone takes no others: then it is empty now, and filled anew.
        for _ in 0..2 {
            victims.sample(&self.keyspace, &mut self.rng, volatile, samples, unix_s);
            if let Some((db, entry)) = victims.take(&self.keyspace, volatile, unix_s) {
                return Some((db, entry.key().into(), entry.size_bytes()));
            }
        }
        None
    }

    /// A random key of the first database, from a random one on, that has any.
    fn random_victim(&mut self, policy: MaxmemoryPolicy) -> Option<(usize, Box<[u8]>, usize)> {
        let databases = self.keyspace.databases();
        let start = self.rng.random_range(0..databases);
        (start..start + databases).map(|db| db % databases).find_map(|index| {
            let db = self.keyspace.db(index);
            let found = if policy.is_volatile() { db.random_volatile(&mut self.rng) } else { db.random(&mut self.rng) };
            found.map(|entry| (index, entry.key().into(), entry.size_bytes()))
        })
    }

    /// How a client's request notes its lookups.
    pub(super) fn access(&mut self, now: Now, client: Token) -> Access {
        let access = noted_access(&self.config, now, || self.rng.next_u64());
        if self.sessions[client].no_touch { access.without_trace() } else { access }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenacity_bounds_what_a_request_waits_for() {
        let limits = [(0, 0), (1, 50_000), (10, 500_000), (11, 575_000), (100, u64::MAX)];
        for (tenacity, limit_ns) in limits {
            assert_eq!(Budget::of(tenacity, 0).deadline_ns, limit_ns, "tenacity {tenacity}");
        }
        let mut least = Budget::of(0, 7);
        let evictions = (1..).find(|_| least.is_spent(|| 0)).unwrap();
        assert_eq!(evictions, EVICTIONS_PER_LOOK);
    }
}
