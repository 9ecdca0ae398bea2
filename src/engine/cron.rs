//! What happens with time: expiry, heartbeats, timeouts, save points. Driven by `tick`, never by a clock.

use crate::keyspace::ExpireCursor;
use crate::metrics::Event;
use crate::replication::Heartbeat;
use crate::time::{Millis, Now};

use super::Engine;

/// Segments that one tick looks at per database: bounded work, whatever the size.
const EXPIRE_SEGMENTS_PER_TICK: usize = 400;
/// Keys that one tick expires at most: the rest goes on with the next.
const EXPIRE_KEYS_PER_TICK: usize = 2_000;
/// As many fields of hashes.
const EXPIRE_FIELDS_PER_TICK: usize = 2_000;

/// What the latest look counts for in the running average of keys that were found expired.
const STALE_SHARE_WEIGHT: f64 = 0.05;

/// Where periodic work goes on.
pub(super) struct Cron {
    heartbeat: Heartbeat,
    expire: Vec<ExpireCursor>,
    last_second: Millis,
    /// Totals of a second ago: requests, then bytes in and out of clients, in and out of replication.
    sampled: [u64; 5],
}

impl Cron {
    pub fn new(now: Now) -> Cron {
        Cron { heartbeat: Heartbeat::new(now.mono), expire: Vec::new(), last_second: now.mono, sampled: [0; 5] }
    }
}

impl Engine {
    /// To be called `hz` times a second, and at `next_timeout`.
    pub fn tick(&mut self, now: Now) {
        if self.is_running_inside() {
            // Who asked for the end is not kept waiting by a script that has none.
            if self.is_ending() {
                self.release_held(now);
            }
            return;
        }
        self.tick_link(now);
        self.tick_peers(now);
        self.tick_failover(now);
        self.node.log.release();
        self.release_held(now);
        self.end_overdue_waits(now);
        self.end_pause_if_over(now);
        if self.server.cron_paused {
            return self.end_turn(now);
        }
        self.begin_asked_shutdown(now);
        self.expire_cycle(now);
        if self.conditions.maxmemory_set() {
            self.evict_to_fit(now);
        }
        self.look_at_some_clients(now.mono);
        if self.cron.heartbeat.is_due(now.mono, u64::from(self.config.repl_ping_replica_period_s) * 1000) {
            self.feed_ping();
        }
        if now.mono.since(self.cron.last_second) >= 1000 {
            self.each_second(now);
        }
        self.end_turn(now);
    }

    /// When a tick is needed at the latest.
    pub fn next_timeout(&self, now: Now) -> Millis {
        let tick = now.mono.plus(1000 / u64::from(self.config.hz.max(1)));
        if self.is_running_inside() {
            return tick;
        }
        let pause = self.server.pause.map(|pause| pause.until);
        let eviction = self.is_evicting().then(|| now.mono.plus(1));
        let held = [self.held.next_deadline(), self.waiting.next_deadline()].into_iter().flatten().min();
        [self.link_timeout(), self.failover_timeout(), held, pause, eviction]
            .into_iter()
            .flatten()
            .fold(tick, Millis::min)
    }

    fn each_second(&mut self, now: Now) {
        let passed_ms = now.mono.since(self.cron.last_second).max(1);
        self.cron.last_second = now.mono;
        self.sample_rates(passed_ms);
        self.close_idle_clients(now);
        self.count_client_memory(now);
        self.save_if_due(now);
        self.free_backlog_if_idle(now);
        self.refresh_conditions(now);
    }

    fn sample_rates(&mut self, passed_ms: u64) {
        let stats = &self.stats;
        let totals = [
            stats.commands_processed,
            stats.net_input_bytes,
            stats.net_output_bytes,
            stats.net_repl_input_bytes,
            stats.net_repl_output_bytes,
        ];
        let before = std::mem::replace(&mut self.cron.sampled, totals);
        let grown = |index: usize| totals[index].saturating_sub(before[index]);
        let kbps = |index| grown(index) as f64 / 1024.0 * 1000.0 / passed_ms as f64;
        self.server.ops_per_second = grown(0) * 1000 / passed_ms;
        self.server.input_kbps = kbps(1);
        self.server.output_kbps = kbps(2);
        self.server.input_repl_kbps = kbps(3);
        self.server.output_repl_kbps = kbps(4);
    }

    fn expire_cycle(&mut self, now: Now) {
        if self.server.active_expire_off || self.holds_writers() {
            return;
        }
        if self.node.is_replica() {
            return self.expire_own(now);
        }
        let began_ns = (self.hooks.clock_ns)();
        self.expire_due(now);
        self.expire_due_fields(now);
        let took_ns = (self.hooks.clock_ns)().saturating_sub(began_ns);
        self.stats.expire_cycle_ns += took_ns;
        self.metrics.latency.observe(Event::ExpireCycle, took_ns, now.unix_s());
    }

    /// Deletes keys whose time has come, each as a unit of its own.
    fn expire_due(&mut self, now: Now) {
        self.effects.own_expiries.clear();
        self.cron.expire.resize(self.keyspace.databases(), ExpireCursor::default());
        let (mut volatile, mut stale) = (0, 0);
        for db in 0..self.keyspace.databases() {
            if self.keyspace.db(db).expires_len() == 0 {
                continue;
            }
            volatile += self.keyspace.db(db).expires_len();
            let mut due: Vec<Box<[u8]>> = Vec::new();
            let cursor = &mut self.cron.expire[db];
            self.keyspace.db(db).expired(cursor, now.unix_ms(), EXPIRE_SEGMENTS_PER_TICK, &mut |key| {
                stale += 1;
                if due.len() < EXPIRE_KEYS_PER_TICK {
                    due.push(key.into());
                }
            });
            for key in due {
                self.expire_key(now, db, &key);
                self.close_unit(now);
            }
        }
        let share = if volatile == 0 { 0.0 } else { stale as f64 / volatile as f64 };
        let average = &mut self.server.expired_stale_share;
        *average += (share - *average) * STALE_SHARE_WEIGHT;
    }

    /// Deletes fields whose time has come; those of one hash are a unit.
    fn expire_due_fields(&mut self, now: Now) {
        for db in 0..self.keyspace.databases() {
            let mut left = EXPIRE_FIELDS_PER_TICK;
            while left > 0 {
                let Some(key) = self.keyspace.db(db).first_due_hash(now.unix_ms()) else { break };
                let key = self.keyspace.hasher().key(&key);
                let deleted = self.internal_database(now, db).delete_expired_fields(key, left);
                self.close_unit(now);
                // A look that found nothing counts too.
                left = left.saturating_sub(deleted.max(1));
            }
        }
    }

    /// A writable replica deletes what its own clients let expire; its master will not.
    fn expire_own(&mut self, now: Now) {
        let keys = std::mem::take(&mut self.effects.own_expiries);
        for (db, key) in keys {
            let hashed = self.keyspace.hasher().key(&key);
            match self.keyspace.db(db).get(hashed).and_then(|entry| entry.expire_at()) {
                Some(at) if at < now.unix_ms() => {
                    self.internal_database(now, db).delete_expired(hashed);
                    self.close_unit(now);
                }
                Some(_) => drop(self.effects.own_expiries.insert((db, key))),
                None => {}
            }
        }
    }

    /// A master without peers gives its backlog up after `repl-backlog-ttl`, and its history with it.
    fn free_backlog_if_idle(&mut self, now: Now) {
        let ttl_s = self.config.repl_backlog_ttl_s;
        if self.node.is_replica() || !self.node.peers.is_empty() {
            return;
        }
        if self.node.log.expire(now.mono, (ttl_s > 0).then_some(ttl_s * 1000)) {
            self.notice(format!("Replication backlog freed after {ttl_s} seconds without connected replicas."));
            self.effects.is_recording = false;
            self.change_replid();
            self.node.has_history = false;
        }
    }
}
