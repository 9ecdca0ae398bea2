//! MONITOR: clients that are shown every request as it has run.

use crate::command::{Args, CommandId, Flags};
use crate::resp::Reply;
use crate::session::Token;
use crate::time::Now;
use crate::words::quote;

use super::Engine;

impl Engine {
    /// `by` has run a request. What its own connection is shown stands behind the reply.
    #[cold]
    pub(super) fn feed_monitors(&mut self, now: Now, by: Token, id: CommandId, args: &Args<'_>, reply: &mut Reply) {
        if !self.table.entry(id).has(Flags::SKIP_MONITOR | Flags::ADMIN) {
            self.show_monitors(now, by, id, args, reply);
        }
    }

    /// As `feed_monitors`, of any command: those that run code show before what the code does.
    #[cold]
    pub(super) fn show_monitors(&mut self, now: Now, by: Token, id: CommandId, args: &Args<'_>, reply: &mut Reply) {
        let line = self.monitor_line(now, by, id, args);
        for monitor in self.sessions.monitors.clone() {
            if monitor == by && !self.is_running_inside() {
                reply.buffer.extend_from_slice(&line);
            } else {
                self.sessions.deliver(monitor, &line);
            }
        }
    }

    fn monitor_line(&self, now: Now, by: Token, id: CommandId, args: &Args<'_>) -> Vec<u8> {
        let session = &self.sessions[by];
        let address = if self.is_running_inside() {
            "lua".to_owned()
        } else if session.endpoint.is_unix_socket {
            format!("unix:{}", session.endpoint.peer_addr.trim_end_matches(":0"))
        } else {
            session.endpoint.peer_addr.clone()
        };
        let (seconds, micros) = (now.unix_us / 1_000_000, now.unix_us % 1_000_000);
        let mut line = format!("+{seconds}.{micros:06} [{} {address}]", session.db).into_bytes();
        for (index, word) in args.words.iter().enumerate() {
            let is_secret = (self.table.entry(id).command.secrets)(args, index);
            line.push(b' ');
            line.extend(quote(if is_secret { b"(redacted)" } else { word }));
        }
        line.extend_from_slice(b"\r\n");
        line
    }
}
