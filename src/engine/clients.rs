//! Connections come and go.

use thiserror::Error;

use crate::command::unsubscribe_all;
use crate::session::{ClientKind, Closing, Endpoint, Session, Token};
use crate::time::{Millis, Now};

use super::Engine;

/// Why a connection is not let in; the text is sent before it is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    #[error("ERR max number of clients reached")]
    TooManyClients,
    #[error(
        "DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the \
         default user. In this mode connections are only accepted from the loopback interface. If you want to connect \
         from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode \
         sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from \
         the same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you \
         do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected \
         mode by editing the Redis configuration file, and setting the protected mode option to 'no', and then \
         restarting the server. 3) If you started the server manually just for testing, restart it with the \
         '--protected-mode no' option. 4) Set up an authentication password for the default user. NOTE: You only need \
         to do one of the above things in order for the server to start accepting connections from the outside."
    )]
    ProtectedMode,
}

impl Engine {
    /// Lets a connection in.
    pub fn connect(&mut self, now: Now, endpoint: Endpoint) -> Result<Token, Refused> {
        self.stats.connections_received += 1;
        if self.sessions.len() >= self.config.maxclients {
            self.stats.rejected_connections += 1;
            return Err(Refused::TooManyClients);
        }
        let settings = &*self.config;
        if settings.protected_mode && settings.requirepass.is_none() && !endpoint.is_local {
            self.stats.rejected_connections += 1;
            return Err(Refused::ProtectedMode);
        }
        let authenticated = settings.requirepass.is_none();
        let token = self.sessions.open(endpoint, now.mono);
        self.sessions[token].authenticated = authenticated;
        Ok(token)
    }

    /// The connection is gone.
    pub fn disconnect(&mut self, now: Now, token: Token) {
        self.forget_peer(now, token);
        self.held.forget(token);
        unsubscribe_all(&mut self.pubsub, &mut self.sessions, token);
        self.server.blocked_clients = self.held.len();
        self.sessions.close(token);
        self.effects.is_tracking = !self.sessions.watches.is_empty();
    }

    /// Marks a client for closing; its task sees it when it wakes.
    pub fn close_client(&mut self, token: Token, how: Closing) {
        if let Some(session) = self.sessions.get_mut(token) {
            session.closing = how;
            session.wake();
        }
    }

    /// Closes ordinary clients that have been silent for longer than `timeout`.
    pub(super) fn close_idle_clients(&mut self, now: Now) {
        let limit_s = u64::from(self.config.timeout_s);
        if limit_s == 0 {
            return;
        }
        let is_idle = |session: &Session| {
            session.kind == ClientKind::Normal
                && !session.is_blocked()
                && now.mono.seconds_since(session.last_interaction) > limit_s
        };
        let idle: Vec<Token> =
            self.sessions.iter().filter(|(_, session)| is_idle(session)).map(|(token, _)| token).collect();
        for token in idle {
            self.log(crate::replication::Level::Verbose, "Closing idle client");
            self.close_client(token, Closing::Now);
        }
    }

    /// Closes clients whose output exceeds their limit. Replicas have theirs in their machine.
    pub(super) fn close_over_output_limit(&mut self, now: Millis) {
        let limits = self.config.client_output_buffer_limits;
        let mut over = Vec::new();
        for (token, session) in self.sessions.iter_mut().filter(|(_, session)| session.kind == ClientKind::Normal) {
            let limit = limits[session.class() as usize];
            let bytes = (session.outbox.len() + session.unsent_bytes) as u64;
            let is_soft = limit.soft_bytes > 0 && bytes > limit.soft_bytes;
            session.soft_limit_since = if is_soft { session.soft_limit_since.or(Some(now)) } else { None };
            let soft_for = session.soft_limit_since.map_or(0, |since| now.seconds_since(since));
            if (limit.hard_bytes > 0 && bytes > limit.hard_bytes) || (is_soft && soft_for > limit.soft_seconds) {
                over.push(token);
            }
        }
        for token in over {
            self.close_over_limit(token);
        }
    }

    /// Closes those whose output exceeds its hard limit by what others wrote.
    pub(super) fn close_overflowed(&mut self) {
        for token in std::mem::take(&mut self.sessions.overflowed) {
            if self.sessions.get(token).is_some_and(|session| !session.is_closing()) {
                self.close_over_limit(token);
            }
        }
    }

    fn close_over_limit(&mut self, token: Token) {
        self.stats.output_limit_disconnections += 1;
        self.warning("Client closed for overcoming of output buffer limits.");
        self.close_client(token, Closing::Now);
    }
}
