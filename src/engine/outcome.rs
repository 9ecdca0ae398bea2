//! What handlers cannot do themselves: the engine acts on their outcomes.

use crate::command::{Origin, Outcome, ShutdownOptions};
use crate::config::{Changed, Rewrite};
use crate::log::Offset;
use crate::replication::PsyncRequest;
use crate::resp::Reply;
use crate::session::{Blocked, Closing, Token};
use crate::time::{Millis, Now};

use super::feed::Ask;
use super::held::{Held, Release};
use super::{Action, Engine, SavePurpose};

/// Where the end of the process stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Ending {
    #[default]
    No,
    /// Peers are given time to take the stream up to here.
    AwaitingPeers(ShutdownOptions, Option<Token>, Offset),
    /// The last save runs.
    Saving(ShutdownOptions, Option<Token>),
}

impl Engine {
    /// Acts on an outcome. True if the batch ends here.
    pub(super) fn perform(&mut self, now: Now, token: Token, outcome: Outcome, reply: &mut Reply) -> bool {
        match outcome {
            Outcome::Done => {
                return self.sessions[token].protocol != reply.protocol && self.take_protocol(token, reply);
            }
            Outcome::EndBatch => {
                self.take_protocol(token, reply);
                self.refresh_conditions(now);
            }
            Outcome::Close => self.sessions[token].closing = Closing::AfterOutput,
            Outcome::Exec => return self.exec(now, token, Origin::Client, reply),
            Outcome::Unwatch => {
                self.unwatch(token);
                return false;
            }
            Outcome::WatchAdded => {
                self.effects.is_tracking = true;
                return false;
            }
            Outcome::Wait { replicas, deadline } => self.wait(now, token, replicas, deadline, reply),
            Outcome::Psync(request) => self.psync(now, token, &request, reply),
            Outcome::Sync => self.sync(now, token, reply),
            Outcome::PeerAcked(offset) => {
                self.peer_event(now, token, crate::replication::PeerEvent::Acked(offset));
                return false;
            }
            Outcome::AckWanted => {}
            Outcome::ReplicaOf(master) => self.replica_of(now, master),
            Outcome::ConfigChanged(changes) => self.config_changed(now, changes, reply),
            Outcome::ConfigRewrite(how_much) => self.rewrite_config(how_much, reply),
            Outcome::Save => self.save_in_foreground(now, token, reply),
            Outcome::BackgroundSave => self.save_in_background(now),
            Outcome::Reload { save } => self.reload(now, token, save),
            Outcome::Shutdown(options) => self.shutdown(now, options, Some(token), reply),
            Outcome::Sleep(duration) => (self.hooks.sleep)(duration),
            Outcome::Crash => (self.hooks.crash)(),
            Outcome::PauseChanged => self.end_pause_if_over(now),
            Outcome::ChangeReplid => {
                self.change_replid();
                return false;
            }
            Outcome::CutMasterLink => self.cut_link(now),
        }
        true
    }

    /// The protocol that HELLO or RESET chose holds from the next reply on.
    fn take_protocol(&mut self, token: Token, reply: &mut Reply) -> bool {
        reply.protocol = self.sessions[token].protocol;
        true
    }

    /// Acts on an outcome of the master's stream: there is nobody to answer.
    pub(super) fn perform_from_master(&mut self, now: Now, token: Token, outcome: Outcome, reply: &mut Reply) {
        match outcome {
            Outcome::Exec => {
                self.exec(now, token, Origin::Master, reply);
            }
            Outcome::AckWanted => self.acknowledge_master(now),
            _ => {}
        }
    }

    /// WAIT counts acknowledgements of what this client has seen written.
    fn wait(&mut self, now: Now, token: Token, replicas: usize, deadline: Option<Millis>, reply: &mut Reply) {
        self.close_unit(now);
        let offset = self.node.offset();
        let acknowledged = self.node.acknowledged(offset);
        if acknowledged >= replicas || self.sessions[token].transaction.is_some() {
            reply.int(acknowledged as i64);
            return;
        }
        self.sessions[token].blocked = Blocked::Held;
        self.held.push(Held { offset, replicas, deadline, release: Release::Answer(token) });
        self.server.blocked_clients = self.held.len();
        self.feed_getack();
    }

    fn psync(&mut self, now: Now, token: Token, request: &PsyncRequest, reply: &mut Reply) {
        if let Some(error) = self.cannot_feed() {
            return self.fail(reply, error);
        }
        self.become_peer(now, token, Ask::Psync(request));
    }

    fn sync(&mut self, now: Now, token: Token, reply: &mut Reply) {
        if let Some(error) = self.cannot_feed() {
            return self.fail(reply, error);
        }
        self.become_peer(now, token, Ask::Sync);
    }

    /// A replica that has not got its master's data has nothing to pass on.
    fn cannot_feed(&self) -> Option<&'static str> {
        let cut_off = self.node.is_replica() && !self.node.is_link_up();
        cut_off.then_some("NOMASTERLINK Can't SYNC while not connected with my master")
    }

    fn replica_of(&mut self, now: Now, master: Option<(String, u16)>) {
        match master {
            None if self.node.is_replica() => {
                self.promote(now);
                self.notice("MASTER MODE enabled (user request)");
            }
            None => {}
            Some((host, port)) => {
                self.notice(format!("REPLICAOF {host}:{port} enabled (user request)"));
                self.follow(now, host, port);
            }
        }
    }

    fn config_changed(&mut self, now: Now, changes: Vec<Changed>, reply: &mut Reply) {
        let names: Vec<&'static str> = changes.iter().map(|change| change.name).collect();
        if let Err(error) = (self.hooks.reconfigure)(&mut self.config, &names) {
            self.config.undo(changes);
            return self.fail(reply, &format!("ERR {error}"));
        }
        reply.ok();
        for notice in self.config.take_notices() {
            self.warning(notice.to_string());
        }
        self.node.log.resize(self.config.repl_backlog_size);
        self.reconfigure_link();
        self.reconfigure_peers();
        self.configure();
        self.refresh_conditions(now);
        self.actions.push(Action::ConfigChanged(names));
    }

    /// Lets waiting clients go on once neither CLIENT PAUSE nor a shutdown holds them.
    pub(super) fn end_pause_if_over(&mut self, now: Now) {
        if self.server.pause.is_some_and(|pause| pause.until <= now.mono) {
            self.server.pause = None;
        }
        self.refresh_conditions(now);
        if self.holds_writers() {
            return;
        }
        for (_, session) in self.sessions.iter_mut().filter(|(_, session)| session.blocked == Blocked::Paused) {
            session.blocked = Blocked::No;
            session.wake();
        }
    }

    /// Whether writers wait: by CLIENT PAUSE, or because the end is near.
    pub(super) fn holds_writers(&self) -> bool {
        self.server.pause.is_some() || self.ending != Ending::No
    }

    fn rewrite_config(&mut self, how_much: Rewrite, reply: &mut Reply) {
        match (self.hooks.rewrite_config)(&self.config, how_much) {
            Ok(()) => {
                self.notice("CONFIG REWRITE executed with success.");
                reply.ok();
            }
            Err(error) => {
                self.warning(format!("CONFIG REWRITE failed: {error}"));
                self.fail(reply, &format!("ERR {error}"));
            }
        }
    }

    /// SHUTDOWN, SIGTERM: gives lagging peers time, saves, ends.
    pub fn shutdown(&mut self, now: Now, options: ShutdownOptions, client: Option<Token>, reply: &mut Reply) {
        if options.abort {
            return self.abort_shutdown(now, reply);
        }
        if self.ending != Ending::No {
            return;
        }
        self.warning("User requested shutdown...");
        self.actions.push(Action::Tell("STOPPING=1\n"));
        let offset = self.node.offset();
        self.ending = Ending::AwaitingPeers(options, client, offset);
        let lagging = self.node.statuses().iter().filter(|status| status.acked < offset).count();
        let timeout_s = u64::from(self.config.shutdown_timeout_s);
        if lagging == 0 || options.now || timeout_s == 0 || self.node.is_replica() {
            return self.finish_shutdown(now);
        }
        self.notice(format!("Waiting for replicas before shutting down. {lagging} of them are lagging."));
        // Writers wait, so that the peers can reach the end; the client that asked waits for it too.
        self.refresh_conditions(now);
        if let Some(session) = client.and_then(|client| self.sessions.get_mut(client)) {
            session.blocked = Blocked::Held;
        }
        let (replicas, deadline) = (self.node.peers.len(), Some(now.mono.plus(timeout_s * 1000)));
        self.held.push(Held { offset, replicas, deadline, release: Release::Shutdown });
        self.feed_getack();
    }

    fn abort_shutdown(&mut self, now: Now, reply: &mut Reply) {
        if !self.held.cancel_shutdown() {
            return self.fail(reply, "ERR No shutdown in progress.");
        }
        self.notice("Shutdown manually aborted.");
        if let Ending::AwaitingPeers(_, client, _) = std::mem::take(&mut self.ending) {
            self.answer_failed_shutdown(client);
        }
        self.end_pause_if_over(now);
        reply.ok();
    }

    fn answer_failed_shutdown(&mut self, client: Option<Token>) {
        if let Some(client) = client {
            self.answer_with(client, b"-ERR Errors trying to SHUTDOWN. Check logs.\r\n");
        }
    }

    /// The peers have what they can get: save if asked to, then end.
    pub(super) fn finish_shutdown(&mut self, now: Now) {
        let Ending::AwaitingPeers(options, client, offset) = std::mem::take(&mut self.ending) else { return };
        let statuses = self.node.statuses();
        let in_sync = statuses.iter().filter(|status| status.acked >= offset).count();
        if !statuses.is_empty() {
            self.notice(format!("{in_sync} of {} replicas are in sync when shutting down.", statuses.len()));
        }
        if self.server.save.running_since.is_some() {
            self.warning("There is a child saving an .rdb. Killing it!");
            self.actions.push(Action::CancelSave);
        }
        // Half of a data set must not take the place of the whole one.
        let save = self.server.loading.is_none() && options.save.unwrap_or(!self.config.save_points.is_empty());
        if !save {
            return self.exit(0);
        }
        self.notice("Saving the final RDB snapshot before exiting.");
        self.actions.push(Action::Tell("STATUS=Saving the final RDB snapshot\n"));
        self.ending = Ending::Saving(options, client);
        self.start_save(now, SavePurpose::Shutdown);
    }

    /// The last save has ended.
    pub(super) fn shutdown_saved(&mut self, now: Now, ok: bool) {
        let Ending::Saving(options, client) = std::mem::take(&mut self.ending) else { return };
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
        self.answer_failed_shutdown(client);
        self.end_pause_if_over(now);
    }

    /// Whether the server is about to end.
    pub fn is_ending(&self) -> bool {
        self.ending != Ending::No
    }

    fn exit(&mut self, code: i32) {
        self.actions.push(Action::Exit { code });
    }
}
