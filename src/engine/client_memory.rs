//! maxmemory-clients: what clients take together is kept below a limit, by closing the largest.
//!
//! Each client is counted at the end of its own turns; what others wrote to it meanwhile is found by the tick.

use crate::metrics::Event;
use crate::session::{ClientKind, Closing, Token};
use crate::time::Now;

use super::Engine;

impl Engine {
    /// Counts a client's memory at the end of its turn, and closes the largest clients if all together take too much.
    pub fn hold_client_memory(&mut self, now: Now, token: Token) {
        self.sessions.count_memory(token);
        self.close_largest_clients(now);
    }

    /// Counts all clients anew.
    pub(super) fn count_client_memory(&mut self, now: Now) {
        if self.config.client_memory_limit() == 0 {
            return;
        }
        let tokens: Vec<Token> = self.sessions.iter().map(|(token, _)| token).collect();
        tokens.into_iter().for_each(|token| self.sessions.count_memory(token));
        self.close_largest_clients(now);
    }

    fn close_largest_clients(&mut self, now: Now) {
        let limit_bytes = self.config.client_memory_limit();
        if limit_bytes == 0 || (self.sessions.counted_bytes as u64) < limit_bytes {
            return;
        }
        let evictable = self.sessions.iter().filter(|(_, session)| {
            session.kind == ClientKind::Normal && !session.no_evict && session.closing != Closing::Now
        });
        let mut largest: Vec<(usize, Token)> =
            evictable.map(|(token, session)| (session.counted_bytes, token)).collect();
        largest.sort_unstable();
        self.timed(now, Event::ClientEviction, |engine| engine.close_down_to(now, limit_bytes, largest));
    }

    fn close_down_to(&mut self, now: Now, limit_bytes: u64, mut largest: Vec<(usize, Token)>) {
        while self.sessions.counted_bytes as u64 >= limit_bytes {
            let Some((_, token)) = largest.pop() else {
                return self.warning("Over client maxmemory after evicting all evictable clients");
            };
            let line = self.describe_client(now.mono, token);
            self.notice(format!("Evicting client: {line}"));
            self.close_client(token, Closing::Now);
            self.sessions.doom(token);
            self.stats.evicted_clients += 1;
        }
    }
}
