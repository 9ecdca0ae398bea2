//! Connections come and go.

use thiserror::Error;

use crate::command::{describe_client, stop_tracking, unsubscribe_all};
use crate::config::Config;
use crate::replication::Level;
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
        if settings.protected_mode && self.acl.default_user().needs_no_password() && !endpoint.is_local {
            self.stats.rejected_connections += 1;
            return Err(Refused::ProtectedMode);
        }
        let token = self.sessions.open(endpoint, now.mono);
        self.acl.begin(&mut self.sessions[token]);
        Ok(token)
    }

    /// The connection is gone.
    pub fn disconnect(&mut self, now: Now, token: Token) {
        self.forget_peer(now, token);
        self.held.forget(token);
        self.waiting.forget(token);
        unsubscribe_all(&mut self.pubsub, &mut self.sessions, token);
        stop_tracking(&mut self.pubsub, &mut self.sessions, token);
        self.sessions.close(token);
        self.refresh_tracking();
    }

    /// Marks a client for closing; its task sees it when it wakes.
    pub fn close_client(&mut self, token: Token, how: Closing) {
        if let Some(session) = self.sessions.get_mut(token) {
            session.closing = how;
            session.wake();
            self.has_closed = true;
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
                && !session.is_subscriber
                && !session.is_blocked()
                && now.mono.seconds_since(session.last_interaction) > limit_s
        };
        let idle: Vec<Token> =
            self.sessions.iter().filter(|(_, session)| is_idle(session)).map(|(token, _)| token).collect();
        for token in idle {
            self.log(Level::Verbose, "Closing idle client");
            self.close_client(token, Closing::Now);
        }
    }

    /// A client as CLIENT LIST shows it, for the log.
    pub fn describe_client(&self, now: Millis, token: Token) -> String {
        let is_here = self.sessions.get(token).is_some();
        if is_here { describe_client(&self.node, &self.sessions, now, token) } else { String::new() }
    }

    /// The client has closed its connection.
    pub fn log_end(&mut self, now: Millis, token: Token) {
        let client = self.describe_client(now, token);
        self.log(Level::Verbose, format!("Client closed connection {client}"));
    }

    /// Closes those whose output exceeds its hard limit by what others wrote.
    pub(super) fn close_overflowed(&mut self, now: Millis) {
        for token in std::mem::take(&mut self.sessions.overflowed) {
            self.check_output_limit(now, token);
        }
    }

    /// Closes a client whose output exceeds its limit, as soon as a turn has given it more.
    pub(super) fn check_output_limit(&mut self, now: Millis, token: Token) {
        let Some(session) = self.sessions.get_mut(token) else { return };
        if is_over_limit(&self.config, now, session) {
            self.close_for_output(now, token, "scheduled to be closed ASAP");
        }
    }

    fn close_for_output(&mut self, now: Millis, token: Token, how: &str) {
        let client = self.describe_client(now, token);
        self.stats.output_limit_disconnections += 1;
        self.warning(format!("Client {client} {how} for overcoming of output buffer limits."));
        self.close_client(token, Closing::Now);
    }

    /// Looks at some clients, at each within a second: whether they let too much output wait (replicas have their limit
    /// in their machine), and whether their query buffers hold what they do not need.
    pub(super) fn look_at_some_clients(&mut self, now: Millis) {
        let (config, mut over) = (&self.config, Vec::new());
        self.sessions.visit_part(config.hz.max(1) as usize, |token, session| {
            if session.query.trim(now.seconds_since(session.last_interaction)) {
                session.wake();
            }
            if is_over_limit(config, now, session) {
                over.push(token);
            }
        });
        for token in over {
            self.close_for_output(now, token, "closed");
        }
    }

    /// A client that sends too much without letting it be done with is closed: an endless request, an endless MULTI.
    pub fn refuse_query_buffer(&mut self, now: Millis, token: Token, start: &[u8]) {
        let (client, start) = (self.describe_client(now, token), quoted(&start[..start.len().min(64)]));
        self.stats.query_limit_disconnections += 1;
        self.warning(format!(
            "Closing client that reached max query buffer length: {client} (qbuf initial bytes: {start})"
        ));
        self.close_client(token, Closing::Now);
    }
}

/// Replies up to this size count against no limit.
pub(super) const UNLIMITED_OUTPUT_BYTES: usize = 16 * 1024;

/// Whether a client's unread replies are more than its class may have, by now or for too long.
fn is_over_limit(config: &Config, now: Millis, session: &mut Session) -> bool {
    if session.kind != ClientKind::Normal {
        return false;
    }
    let limit = config.output_limit(session.class());
    let bytes = session.outbox.len() + session.unsent_bytes;
    let reaches = |limit: u64| limit > 0 && bytes > UNLIMITED_OUTPUT_BYTES && bytes as u64 >= limit;
    if !reaches(limit.soft_bytes) {
        session.soft_limit_since = None;
        return reaches(limit.hard_bytes) && !session.is_closing();
    }
    let since = *session.soft_limit_since.get_or_insert(now);
    (reaches(limit.hard_bytes) || now.since(since) > limit.soft_seconds * 1000) && !session.is_closing()
}

/// Bytes as the log quotes them.
fn quoted(bytes: &[u8]) -> String {
    format!("\"{}\"", bytes.escape_ascii())
}
