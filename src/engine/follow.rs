//! I follow: the link's machine is fed and obeyed, its payload becomes our data, its stream is applied.

use crate::command::Origin;
use crate::config::PropagationErrors;
use crate::keyspace::Keyspace;
use crate::log::Offset;
use crate::replication::{FailoverEvent, LinkAction, LinkConfig, LinkEvent, MasterLink, Position, ReplId};
use crate::resp::{Limits, Reply};
use crate::script::Libraries;
use crate::session::{ClientKind, Endpoint, Token};
use crate::time::{Millis, Now};

use super::busy::Deferred;
use super::{Action, Engine, Input, LinkId};

/// What the init system shows of us once we have our master's data.
const FULLY_SYNCED: &str = "STATUS=MASTER <-> REPLICA sync: Finished with success. Ready to accept connections in \
                            read-write mode.\n";
const PARTIALLY_SYNCED: &str = "STATUS=MASTER <-> REPLICA sync: Partial Resynchronization accepted. Ready to accept \
                                connections in read-write mode.\n";

const FORMER_MASTER: &str = "Before turning into a replica, using my own master parameters to synthesize a cached \
                             master: I may be able to synchronize with the new master with just a partial transfer.";

/// What the engine keeps beside the link's machine.
#[derive(Default)]
pub(super) struct Follower {
    id: LinkId,
    /// The dialled connection is not closed yet: what it says counts.
    is_listening: bool,
    /// A loader is at work for this link.
    is_loading: bool,
    /// The link as a client, for CLIENT LIST; there while the stream flows.
    session: Option<Token>,
    stream: Option<Input>,
    /// Bytes of the unit under way: they enter our own log when it ends.
    unit: Vec<u8>,
    /// What the stream had selected where it stopped.
    db: usize,
}

/// Of the stream so much is kept that a pause lets us not apply; then the master's socket waits.
const UNAPPLIED_BYTES_MAX: u64 = 1024 * 1024;

/// What loading a payload gave.
pub struct LoadedPayload {
    pub keyspace: Keyspace,
    pub libraries: Libraries,
    /// The database that the stream has selected, by the payload's own word.
    pub stream_db: Option<usize>,
}

impl Engine {
    /// Follows a master from now on, in place of whomever we followed.
    pub fn follow(&mut self, now: Now, host: String, port: u16) {
        if !self.node.is_replica() && self.node.has_history {
            self.notice(FORMER_MASTER);
        }
        self.stop_following(now);
        self.unblock_all(
            "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
        );
        self.note_master(&format!("{host} {port}"));
        self.follower.id.0 += 1;
        let config = self.link_config(host, port);
        let seed = rand::Rng::next_u64(&mut self.rng);
        self.node.link = Some(MasterLink::new(config, seed, now.mono));
        self.actions.push(Action::RoleChanged { is_replica: true });
        self.effects.is_recording = false;
        self.refresh_conditions(now);
    }

    /// Follows nobody: our history goes on alone, our peers stay.
    pub fn promote(&mut self, now: Now) {
        if !self.node.is_replica() {
            return;
        }
        self.stop_following(now);
        self.note_master("no one");
        let fresh = ReplId::random(&mut self.rng);
        let offset = self.node.offset();
        self.node.history.promote(fresh, offset);
        self.node.has_history = true;
        self.actions.push(Action::RoleChanged { is_replica: false });
        let line = self.node.history.promotion_line();
        self.warning(line);
        // Peers know only the old name: they ask again and continue.
        self.drop_peers(now);
        self.node.stream_db = None;
        self.effects.is_recording = self.node.log.is_active();
        self.refresh_conditions(now);
    }

    /// Changes the replication ID (DEBUG CHANGE-REPL-ID): whoever asks for the old one is fully resynchronized.
    pub fn change_replid(&mut self) {
        let fresh = ReplId::random(&mut self.rng);
        self.node.history.renew(fresh);
    }

    /// CONFIG GET and REWRITE tell the present master. A host that a file could not hold is not written into one.
    fn note_master(&mut self, value: &str) {
        let _ = self.config.overwrite("replicaof", value.as_bytes());
    }

    fn stop_following(&mut self, now: Now) {
        let Some(link) = self.node.link.take() else { return };
        let mut out = Vec::new();
        link.stop(&mut out);
        for action in out {
            self.link_action(now, action);
        }
        self.end_stream(now);
    }

    pub(super) fn link_config(&self, host: String, port: u16) -> LinkConfig {
        let settings = &*self.config;
        let announced = settings.replica_announce_port;
        LinkConfig {
            host,
            port,
            user: settings.masteruser.clone(),
            password: settings.masterauth.clone(),
            listening_port: if announced > 0 { announced } else { self.server.tcp_port },
            announce_ip: settings.replica_announce_ip.clone(),
            version: crate::config::REDIS_VERSION.to_owned(),
            payload_target: "to parser",
            timeout_ms: u64::from(settings.repl_timeout_s) * 1000,
            hands_over: self.node.failover.is_handing_over(),
        }
    }

    /// Takes changed directives over into the machines.
    pub(super) fn reconfigure_link(&mut self) {
        let Some(link) = &self.node.link else { return };
        let (host, port) = (link.config().host.clone(), link.config().port);
        let config = self.link_config(host, port);
        if let Some(link) = &mut self.node.link {
            link.configure(config);
        }
    }

    /// When the link's machine wants to be ticked.
    pub(super) fn link_timeout(&self) -> Option<Millis> {
        self.node.link.as_ref().map(MasterLink::next_timeout)
    }

    /// Whether the shell should go on reading from the master.
    pub fn link_wants_bytes(&self, id: LinkId) -> bool {
        // While code runs inside, the stream waits.
        !self.is_running_inside()
            // A command under way may be of any size; what a pause lets pile up may not.
            && (self.server.pause.is_none() || self.node.unapplied_bytes < UNAPPLIED_BYTES_MAX)
            && id == self.follower.id
            && self.node.link.as_ref().is_some_and(MasterLink::wants_bytes)
    }

    /// An event of the connection that `id` names; an older connection is not listened to.
    pub fn link_event(&mut self, now: Now, id: LinkId, event: LinkEvent) {
        if self.is_running_inside() {
            return self.defer(Deferred::Link(id, event));
        }
        let counts = match event {
            LinkEvent::LoadFailed(_) => std::mem::take(&mut self.follower.is_loading),
            _ => self.follower.is_listening,
        };
        if id == self.follower.id && counts {
            self.feed_link(now, event);
        }
        self.end_turn(now);
    }

    /// The payload is loaded: its keyspace becomes ours.
    pub fn link_loaded(&mut self, now: Now, id: LinkId, loaded: LoadedPayload) {
        if self.is_running_inside() {
            return self.defer(Deferred::Loaded(id, loaded));
        }
        if id != self.follower.id || !std::mem::take(&mut self.follower.is_loading) {
            return;
        }
        // A payload of which more is to come is no data yet, whatever its loader says: the link calls that an error.
        if self.node.link.as_ref().is_some_and(|link| !link.wants_bytes()) {
            self.keyspace = loaded.keyspace;
            self.scripts.set_libraries(loaded.libraries);
            self.touch_everything();
            self.follower.db = loaded.stream_db.unwrap_or(0);
            self.node.stream_db = loaded.stream_db;
        }
        self.feed_link(now, LinkEvent::Loaded);
        self.end_turn(now);
    }

    pub(super) fn tick_link(&mut self, now: Now) {
        if self.link_timeout().is_some_and(|at| at <= now.mono) {
            self.feed_link(now, LinkEvent::Tick);
        }
    }

    fn feed_link(&mut self, now: Now, event: LinkEvent) {
        let own = self.node.has_history.then(|| self.node.position());
        let Some(link) = &mut self.node.link else { return };
        let was_up = link.status().is_up;
        let mut out = Vec::new();
        link.handle(now.mono, own.as_ref(), event, &mut out);
        for action in out {
            self.link_action(now, action);
        }
        if was_up != self.node.is_link_up() {
            if was_up {
                self.end_stream(now);
            }
            self.refresh_conditions(now);
        }
    }

    fn link_action(&mut self, now: Now, action: LinkAction) {
        let link = self.follower.id;
        match action {
            LinkAction::Dial { host, port } => {
                self.follower.id.0 += 1;
                self.follower.is_listening = true;
                let link = self.follower.id;
                self.actions.push(Action::Dial { link, host, port });
            }
            LinkAction::Send(bytes) => self.actions.push(Action::LinkSend { link, bytes }),
            LinkAction::Close => {
                self.end_stream(now);
                self.follower.is_listening = false;
                self.actions.push(Action::LinkClose { link });
            }
            LinkAction::BeginPayload { position, size_bytes } => {
                self.begin_payload(now, position, size_bytes);
                self.follower.is_loading = true;
                self.actions.push(Action::LoadBegin { link });
            }
            LinkAction::Payload(bytes) => {
                self.note_loaded(bytes.len() as u64);
                self.actions.push(Action::LoadChunk { link, bytes });
            }
            LinkAction::EndPayload => self.actions.push(Action::LoadEnd { link }),
            LinkAction::AbandonPayload => {
                self.follower.is_loading = false;
                self.end_payload(now);
                self.actions.push(Action::LoadAbandon { link });
            }
            LinkAction::Adopt { position } => {
                self.adopt(now, position);
                self.actions.push(Action::Tell(FULLY_SYNCED));
            }
            LinkAction::Continue { replid } => {
                self.continue_history(now, replid);
                self.actions.push(Action::Tell(PARTIALLY_SYNCED));
            }
            LinkAction::HandOverAnswered { accepted } => {
                let event = if accepted { FailoverEvent::Accepted } else { FailoverEvent::Refused };
                self.failover_event(now, event);
            }
            LinkAction::Stream(bytes) => self.apply_stream(now, &bytes),
            LinkAction::Log(level, line) => self.log(level, line),
        }
    }

    /// After a full resync: the master's history is ours, our peers must come again.
    fn adopt(&mut self, now: Now, position: Option<Position>) {
        self.end_payload(now);
        self.drop_peers(now);
        match position {
            Some(position) => {
                self.node.history.adopt(position.replid);
                self.node.log.reset(position.offset);
                self.node.has_history = true;
            }
            // The master knows no positions: this history is nobody else's.
            None => {
                self.node.history.adopt(ReplId::random(&mut self.rng));
                self.node.log.reset(Offset::ZERO);
                self.node.has_history = false;
            }
        }
        self.begin_stream(now);
    }

    /// The master goes on where we are, perhaps under a new name.
    fn continue_history(&mut self, now: Now, replid: Option<ReplId>) {
        let offset = self.node.offset();
        if replid.is_some_and(|replid| self.node.history.continue_with(replid, offset)) {
            self.notice("Master replication ID changed to ".to_owned() + self.node.history.replid().as_str());
            self.drop_peers(now);
        }
        if !self.node.log.is_active() {
            self.node.log.activate();
        }
        self.follower.db = self.node.stream_db.unwrap_or(0);
        self.begin_stream(now);
    }

    fn begin_stream(&mut self, now: Now) {
        self.end_stream(now);
        let Some(link) = &self.node.link else { return };
        let peer_addr = format!("{}:{}", link.config().host, link.config().port);
        let endpoint = Endpoint { peer_addr, ..Endpoint::default() };
        let token = self.sessions.open(endpoint, now.mono);
        let session = &mut self.sessions[token];
        session.kind = ClientKind::Master;
        session.authenticated = true;
        session.db = self.follower.db;
        let mut input = self.input();
        input.limits = Limits { authenticated: true, is_from_master: true, ..self.limits() };
        self.follower.session = Some(token);
        self.follower.stream = Some(input);
        self.follower.unit.clear();
    }

    /// The stream stops: what is not a whole unit was never applied, and will be sent again.
    fn end_stream(&mut self, now: Now) {
        self.follower.stream = None;
        self.follower.unit.clear();
        self.node.unapplied_bytes = 0;
        if let Some(token) = self.follower.session.take() {
            self.disconnect(now, token);
        }
    }

    /// GETACK in the stream.
    pub(super) fn acknowledge_master(&mut self, now: Now) {
        self.feed_link(now, LinkEvent::AckWanted);
    }

    /// CLIENT KILL of the link: it is closed and dialled again.
    pub(super) fn cut_link(&mut self, now: Now) {
        self.feed_link(now, LinkEvent::Closed);
    }

    /// CLIENT PAUSE holds the stream back, too: our data, and so our offset, stand still.
    fn apply_stream(&mut self, now: Now, bytes: &[u8]) {
        self.stats.net_repl_input_bytes += bytes.len() as u64;
        let (Some(token), Some(mut input)) = (self.follower.session, self.follower.stream.take()) else { return };
        self.sessions[token].last_interaction = now.mono;
        input.buffer_mut().extend_from_slice(bytes);
        input.parse();
        let mut reply = Reply::default();
        self.read_clock();
        while input.next < input.requests() && self.follower.session == Some(token) && self.server.pause.is_none() {
            self.apply_request(now, token, &input, &mut reply);
            input.next += 1;
        }
        if let Some(error) = input.error().filter(|_| input.next == input.requests()) {
            self.warning(format!("Protocol error from master: {error}"));
            // What we hold may have gone astray with the stream, and what comes after it would be the same again.
            self.node.has_history = false;
            self.follower.stream = Some(input);
            self.cut_link(now);
            return;
        }
        if self.follower.session == Some(token) {
            input.compact();
            self.node.unapplied_bytes = (input.unexecuted_len() + self.follower.unit.len()) as u64;
            self.follower.stream = Some(input);
        }
    }

    /// CLIENT PAUSE has ended: what the master has sent meanwhile is applied.
    pub(super) fn resume_stream(&mut self, now: Now) {
        if self.node.unapplied_bytes > 0 {
            self.apply_stream(now, &[]);
            self.end_turn(now);
        }
    }

    /// One command of the stream. The offset moves when its unit is whole.
    fn apply_request(&mut self, now: Now, token: Token, input: &Input, reply: &mut Reply) {
        let resolved = input.resolved(input.next);
        let args = input.args(&resolved);
        reply.buffer.clear();
        if args.len() > 0 {
            self.run_from_master(now, token, resolved.command, &args, reply);
        }
        if reply.buffer.first() == Some(&b'-') {
            self.report_divergence(&args, &reply.buffer);
        }
        let Some(session) = self.sessions.get(token) else { return };
        let db = session.db;
        if session.transaction.is_some() {
            self.follower.unit.extend_from_slice(input.raw(&resolved));
            return;
        }
        if self.follower.unit.is_empty() {
            self.node.log.append(input.raw(&resolved));
        } else {
            self.follower.unit.extend_from_slice(input.raw(&resolved));
            self.node.log.append(&self.follower.unit);
            self.follower.unit.clear();
        }
        self.log_grew = true;
        self.follower.db = db;
        self.node.stream_db = Some(db);
        self.close_unit(now);
    }

    fn run_from_master(
        &mut self,
        now: Now,
        token: Token,
        command: Option<crate::command::CommandId>,
        args: &crate::command::Args<'_>,
        reply: &mut Reply,
    ) {
        let Some(id) = command.filter(|id| self.table.entry(*id).command.accepts(args.len())) else {
            reply.error("ERR unknown command or wrong number of arguments");
            return;
        };
        let entry = self.table.entry(id);
        let in_multi = self.sessions[token].transaction.is_some();
        if in_multi && !matches!(entry.full_name, "exec" | "discard" | "multi") {
            let flags = entry.command.flags.0;
            let request = crate::session::QueuedRequest { args: args.words.to_owned_args(), command: id, flags };
            if let Some(transaction) = &mut self.sessions[token].transaction {
                transaction.push(request);
            }
            return;
        }
        let begun = self.begin_request(reply);
        let outcome = self.call(now, token, Origin::Master, id, args, reply);
        self.perform_from_master(now, token, outcome, args, reply);
        self.account(now, token, id, args, begun, reply);
    }

    /// An error while applying the stream means that we differ from our master.
    fn report_divergence(&mut self, args: &crate::command::Args<'_>, reply: &[u8]) {
        self.stats.unexpected_error_replies += 1;
        let error = String::from_utf8_lossy(&reply[1..]).trim_end().to_owned();
        let raw = args.words.raw();
        let shown = match self.config.hide_user_data_from_log {
            true => "*redacted*".to_owned(),
            false => raw[..raw.len().min(256)].escape_ascii().to_string(),
        };
        self.warning(format!(
            "== CRITICAL == This replica is sending an error to its master: '{error}' after processing the command \
             '{shown}'"
        ));
        let is_tolerant = self.config.propagation_errors == PropagationErrors::Ignore;
        if !is_tolerant && self.config.replica_read_only {
            let name = args.at(0).to_ascii_lowercase().escape_ascii().to_string();
            panic!("This replica panicked sending an error to its master after processing the command '{name}'");
        }
    }

    /// Every key may be another now: who watches one will abort.
    pub(super) fn touch_everything(&mut self) {
        for db in 0..self.keyspace.databases() {
            for key in self.sessions.watches.keys_in(db) {
                self.effects.mark(db, key);
            }
        }
        self.effects.is_flushed = self.effects.has_trackers;
    }
}
