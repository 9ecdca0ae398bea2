//! What handlers cannot do themselves: the engine acts on their outcomes.

use crate::command::{Args, Origin, Outcome};
use crate::config::Changed;
use crate::replication::{FailoverEvent, PsyncRequest};
use crate::resp::Reply;
use crate::session::{Blocked, Closing, Token};
use crate::time::{Millis, Now};

use super::feed::Ask;
use super::held::{Held, Release};
use super::{Action, Engine};

impl Engine {
    /// Acts on an outcome. True if the batch ends here.
    pub(super) fn perform(
        &mut self,
        now: Now,
        token: Token,
        outcome: Outcome,
        args: &Args<'_>,
        reply: &mut Reply,
    ) -> bool {
        match outcome {
            Outcome::RunScript(run) => self.run_script(now, token, Origin::Client, run, args, reply),
            Outcome::Done => {
                return self.sessions[token].protocol != reply.protocol && self.take_protocol(token, reply);
            }
            Outcome::Exec => return self.exec(now, token, Origin::Client, reply),
            Outcome::Unwatch => self.unwatch(token),
            Outcome::Swapped => self.waiting.touch_all(),
            Outcome::WatchAdded => self.effects.is_tracking = true,
            Outcome::PeerAcked(offset) => {
                self.peer_event(now, token, crate::replication::PeerEvent::Acked(offset));
            }
            Outcome::ChangeReplid => self.change_replid(),
            Outcome::Log { line, error } => {
                self.warning(line);
                error.into_iter().for_each(|error| self.fail(reply, error));
            }
            Outcome::Unblock { client, with_error } => reply.int(self.unblock(client, with_error).into()),
            other => {
                self.perform_last(now, token, other, reply);
                return true;
            }
        }
        false
    }

    /// Acts on an outcome of a request inside EXEC.
    pub(super) fn perform_for(
        &mut self,
        now: Now,
        token: Token,
        origin: Origin,
        outcome: Outcome,
        args: &Args<'_>,
        reply: &mut Reply,
    ) -> bool {
        match outcome {
            Outcome::RunScript(run) => {
                self.run_script(now, token, origin, run, args, reply);
                false
            }
            other => self.perform(now, token, other, args, reply),
        }
    }

    /// Acts on an outcome after which nothing more of its batch is executed.
    fn perform_last(&mut self, now: Now, token: Token, outcome: Outcome, reply: &mut Reply) {
        match outcome {
            Outcome::EndBatch => {
                self.take_protocol(token, reply);
                self.refresh_conditions(now);
            }
            Outcome::Close => self.sessions[token].closing = Closing::AfterOutput,
            Outcome::Wait { replicas, deadline } => self.wait(now, token, replicas, deadline, reply),
            Outcome::Block(on) => self.wait_on_keys(token, *on),
            Outcome::Psync { request, takes_over } => self.psync(now, token, &request, takes_over, reply),
            Outcome::Sync => self.sync(now, token, reply),
            Outcome::Failover(request) => self.fail_over(now, request),
            Outcome::AbortFailover => self.failover_event(now, FailoverEvent::Abort),
            Outcome::Migrate(migration) => self.migrate(now, token, *migration),
            Outcome::ReplicaOf(master) => self.replica_of(now, master),
            Outcome::ConfigChanged(changes) => self.config_changed(now, changes, reply),
            Outcome::ConfigRewrite { all } => self.rewrite_config(all, reply),
            Outcome::Save => self.save_in_foreground(now, token, reply),
            Outcome::SaveFlushed => {
                self.waiting.touch_all();
                self.save_flushed(now, token, reply)
            }
            Outcome::BackgroundSave => self.save_in_background(now),
            Outcome::CallSaveOff => {
                self.notice("Background saving will be aborted due to user request");
                self.call_save_off(now);
            }
            Outcome::Reload { save } => self.reload(now, token, save),
            Outcome::Shutdown(options) => self.shutdown(now, options, Some(token), reply),
            Outcome::Sleep(duration) => {
                (self.hooks.sleep)(duration, &self.actions);
                self.slept += duration;
            }
            Outcome::Crash => (self.hooks.crash)(),
            Outcome::PauseChanged => self.end_pause_if_over(now),
            Outcome::CutMasterLink => self.cut_link(now),
            Outcome::AclLoad => self.load_users(token, reply),
            Outcome::AclSave => self.save_users(reply),
            Outcome::Password { digits } => self.answer_password(digits, reply),
            // Our own master asks for it, and is answered elsewhere.
            Outcome::AckWanted => {}
            Outcome::Done | Outcome::Exec | Outcome::Unwatch | Outcome::WatchAdded | Outcome::PeerAcked(_) => {}
            Outcome::ChangeReplid | Outcome::Log { .. } | Outcome::Unblock { .. } | Outcome::Swapped => {}
            Outcome::RunScript(_) => {}
        }
    }

    /// The protocol that HELLO or RESET chose holds from the next reply on.
    fn take_protocol(&mut self, token: Token, reply: &mut Reply) -> bool {
        reply.protocol = self.sessions[token].protocol;
        true
    }

    /// Acts on an outcome of the master's stream: there is nobody to answer.
    pub(super) fn perform_from_master(
        &mut self,
        now: Now,
        token: Token,
        outcome: Outcome,
        args: &Args<'_>,
        reply: &mut Reply,
    ) {
        match outcome {
            Outcome::RunScript(run) => self.run_script(now, token, Origin::Master, run, args, reply),
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
        self.sessions[token].blocked = Blocked::Held { has_timeout: deadline.is_some() };
        self.held.push(Held { offset, replicas, deadline, release: Release::Answer(token) });
        self.feed_getack();
    }

    fn psync(&mut self, now: Now, token: Token, request: &PsyncRequest, takes_over: bool, reply: &mut Reply) {
        if takes_over && !self.take_over(now, token, request, reply) {
            return;
        }
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

    /// A replica that has not got its master's data has nothing to pass on; who changes roles is nobody's master.
    fn cannot_feed(&self) -> Option<&'static str> {
        if self.node.failover.is_active() {
            return Some("NOMASTERLINK Can't SYNC while failing over");
        }
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
        self.users_configured(&names);
        self.refresh_conditions(now);
        self.count_client_memory(now);
        self.actions.push(Action::ConfigChanged);
    }

    /// Lets waiting clients go on once nothing holds them any more.
    pub(super) fn end_pause_if_over(&mut self, now: Now) {
        if self.server.pause.is_some_and(|pause| pause.until <= now.mono) {
            self.server.pause = None;
        }
        self.refresh_conditions(now);
        if self.server.pause.is_none() {
            self.resume_stream(now);
        }
        if self.holds_writers() {
            return;
        }
        for (_, session) in self.sessions.iter_mut().filter(|(_, session)| session.blocked == Blocked::Paused) {
            session.blocked = Blocked::No;
            session.wake();
        }
    }

    /// Whether writers wait: by CLIENT PAUSE, for a change of roles, while keys move, or because the end is near.
    pub(super) fn holds_writers(&self) -> bool {
        self.server.pause.is_some() || self.is_ending() || self.node.failover.is_active() || self.migrating.is_some()
    }

    fn rewrite_config(&mut self, all: bool, reply: &mut Reply) {
        self.note_users_in_config();
        match (self.hooks.rewrite_config)(&self.config, all) {
            Ok(()) => {
                self.warning("CONFIG REWRITE executed with success.");
                reply.ok();
            }
            Err(error) => {
                self.warning(format!("CONFIG REWRITE failed: {error}"));
                self.fail(reply, &format!("ERR {error}"));
            }
        }
    }
}
