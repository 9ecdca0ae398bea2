//! The end of the process: SHUTDOWN and SIGTERM give lagging peers time, save, and end; until then it can be called off.

use crate::command::ShutdownOptions;
use crate::log::Offset;
use crate::resp::Reply;
use crate::session::{Blocked, Token};
use crate::time::Now;

use super::held::{Held, Release};
use super::{Action, Engine, SavePurpose};

/// Where the end of the process stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Ending {
    #[default]
    No,
    /// A signal asked for it while periodic work rests (DEBUG PAUSE-CRON): it begins with that.
    Asked(ShutdownOptions),
    /// Peers are given time to take the stream up to here.
    AwaitingPeers(ShutdownOptions, Offset),
    /// The last save runs.
    Saving(ShutdownOptions),
}

impl Engine {
    /// SIGTERM, SIGINT.
    pub fn shutdown_by_signal(&mut self, now: Now, options: ShutdownOptions) {
        if (self.server.cron_paused || self.is_running_inside()) && self.ending == Ending::No {
            self.ending = Ending::Asked(options);
        } else {
            self.shutdown(now, options, None, &mut Reply::default());
        }
    }

    /// Periodic work goes on, and with it what a signal asked for.
    pub(super) fn begin_asked_shutdown(&mut self, now: Now) {
        if let Ending::Asked(options) = self.ending {
            self.shutdown(now, options, None, &mut Reply::default());
        }
    }

    /// Whether the end is near: peers are waited for, or the last save.
    pub fn is_ending(&self) -> bool {
        matches!(self.ending, Ending::AwaitingPeers(..) | Ending::Saving(_))
    }

    /// SHUTDOWN, SIGTERM. Who asks for it waits for the end, and is answered only if that does not come.
    pub fn shutdown(&mut self, now: Now, options: ShutdownOptions, client: Option<Token>, reply: &mut Reply) {
        if options.abort {
            return self.abort_shutdown(now, reply);
        }
        if let Some(session) = client.and_then(|client| self.sessions.get_mut(client)) {
            session.blocked = Blocked::Shutdown;
        }
        if self.is_ending() {
            return;
        }
        self.warning("User requested shutdown...");
        self.actions.push(Action::Tell("STOPPING=1\n"));
        let offset = self.node.offset();
        self.ending = Ending::AwaitingPeers(options, offset);
        let all_there = self.node.statuses().iter().all(|status| status.acked >= offset);
        let timeout_s = u64::from(self.config.shutdown_timeout_s);
        if all_there || options.now || timeout_s == 0 || self.node.is_replica() {
            return self.finish_shutdown(now);
        }
        self.notice("Waiting for replicas before shutting down.");
        // Writers wait, so that the peers can reach the end.
        self.refresh_conditions(now);
        let (replicas, deadline) = (self.node.peers.len(), Some(now.mono.plus(timeout_s * 1000)));
        self.server.shutdown_at = deadline;
        self.held.push(Held { offset, replicas, deadline, release: Release::Shutdown });
        self.feed_getack();
    }

    fn abort_shutdown(&mut self, now: Now, reply: &mut Reply) {
        if self.ending == Ending::No {
            return self.fail(reply, "ERR No shutdown in progress.");
        }
        self.held.cancel_shutdown();
        // Redis does not listen while it saves for the last time; we do.
        if let Ending::Saving(_) = self.ending {
            self.call_save_off(now);
        }
        self.call_shutdown_off(now);
        self.notice("Shutdown manually aborted.");
        reply.ok();
    }

    /// There is no end: who waited for it is told, writers go on.
    fn call_shutdown_off(&mut self, now: Now) {
        self.ending = Ending::No;
        self.server.shutdown_at = None;
        let asked = |(token, session): (Token, &crate::session::Session)| {
            (session.blocked == Blocked::Shutdown).then_some(token)
        };
        for client in self.sessions.iter().filter_map(asked).collect::<Vec<_>>() {
            self.answer_error(client, "ERR Errors trying to SHUTDOWN. Check logs.");
        }
        self.end_pause_if_over(now);
    }

    /// The peers have what they can get: save if asked to, then end.
    pub(super) fn finish_shutdown(&mut self, now: Now) {
        let Ending::AwaitingPeers(options, offset) = std::mem::take(&mut self.ending) else { return };
        self.report_peers_at_the_end(now, offset);
        if self.server.save.running_since.is_some() {
            self.warning("There is a child saving an .rdb. Killing it!");
            self.call_save_off(now);
        }
        // Half of a data set must not take the place of the whole one.
        let save = self.server.loading.is_none() && options.save.unwrap_or(!self.config.save_points.is_empty());
        if !save {
            return self.exit(0);
        }
        self.notice("Saving the final RDB snapshot before exiting.");
        self.actions.push(Action::Tell("STATUS=Saving the final RDB snapshot\n"));
        self.ending = Ending::Saving(options);
        self.start_save(now, SavePurpose::Shutdown);
        // What is written from now on would not be in the file: writers wait.
        self.refresh_conditions(now);
    }

    fn report_peers_at_the_end(&mut self, now: Now, offset: Offset) {
        let peers: Vec<_> = self.node.peers.values().filter(|peer| !peer.is_closed()).collect();
        let (all, mut lagging) = (peers.len(), Vec::new());
        for peer in peers {
            let status = peer.status(&self.node.log);
            if status.acked < offset {
                let (name, behind) = (&peer.introduction().name, offset.since(status.acked));
                let (lag_s, state) = (status.lag_s(now.mono), status.state.as_str());
                lagging.push(format!(
                    "Lagging replica {name} reported offset {behind} behind master, lag={lag_s}, state={state}."
                ));
            }
        }
        let in_sync = all - lagging.len();
        lagging.into_iter().for_each(|line| self.warning(line));
        if all > 0 {
            self.notice(format!("{in_sync} of {all} replicas are in sync when shutting down."));
        }
    }

    /// The last save has ended.
    pub(super) fn shutdown_saved(&mut self, now: Now, ok: bool) {
        let Ending::Saving(options) = std::mem::take(&mut self.ending) else { return };
        if ok {
            return self.exit(0);
        }
        if options.force {
            self.warning("Error trying to save the DB. Exit anyway.");
            return self.exit(0);
        }
        self.warning("Error trying to save the DB, can't exit.");
        self.actions.push(Action::Tell("STATUS=Error trying to save the DB, can't exit.\n"));
        self.warning("Errors trying to shut down the server. Check the logs for more information.");
        self.call_shutdown_off(now);
    }

    fn exit(&mut self, code: i32) {
        self.actions.push(Action::Exit { code });
    }
}
