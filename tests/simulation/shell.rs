//! The shell's part: carries out what engines wish, and brings them what arrives.

use bytes::Bytes;
use rand::RngExt;
use tandem::engine::{Action, LinkId, LoadedPayload, Turn};
use tandem::replication::{LinkEvent, PeerEvent};
use tandem::session::{Closing, Endpoint};

use crate::network::{ConnectionId, Phase};
use crate::node::{Load, Node, Save, Sending, Served, moment, read_rdb, write_rdb};
use crate::world::World;

/// Requests of one turn.
const TURN_REQUESTS: usize = 64;

impl World {
    /// After a call into an engine: its wishes, its output, and what must hold.
    pub fn settle(&mut self, node: usize) {
        self.carry_out(node);
        let ids: Vec<ConnectionId> = self.nodes[node].served.keys().copied().collect();
        for id in ids {
            self.serve(node, id);
        }
        self.observe(node);
    }

    fn carry_out(&mut self, node: usize) {
        loop {
            let actions = self.nodes[node].engine.take_actions();
            if actions.is_empty() {
                return;
            }
            for action in actions {
                self.act(node, action);
            }
        }
    }

    fn act(&mut self, node: usize, action: Action) {
        let now = self.now;
        match action {
            Action::Dial { link, host, .. } => {
                self.network.dial(now, &mut self.rng, node, Node::index_of(&host), link);
            }
            Action::LinkSend { link, bytes } => {
                if let Some(id) = self.network.by_link(node, link) {
                    let due = self.network.due(now, &mut self.rng, id);
                    let connection = self.network.connections.get_mut(&id).expect("just found");
                    // Behind a cut nothing arrives.
                    if connection.phase != Phase::Ending {
                        connection.up.send(due, bytes.to_vec());
                    }
                }
            }
            Action::LinkClose { link } => {
                if let Some(id) = self.network.by_link(node, link) {
                    self.network.close(id);
                }
            }
            Action::LoadBegin { link } => {
                self.nodes[node].load = Some(Load { link, bytes: Vec::new(), done_at: None });
            }
            Action::LoadChunk { bytes, .. } => self.take_payload(node, &bytes),
            Action::LoadEnd { .. } => {
                let done_at = now.plus(self.rng.random_range(0..1_500));
                self.nodes[node].load.as_mut().expect("it was begun").done_at = Some(done_at);
            }
            Action::LoadAbandon { .. } => self.nodes[node].load = None,
            Action::FullSync { peer, payload } => {
                let due = now.plus(self.rng.random_range(0..400));
                let served = self.nodes[node].served.values_mut().find(|served| served.token == peer);
                let sending = Sending { due, unwritten: Some(payload), pieces: Default::default() };
                served.expect("a peer is served").payload = Some(sending);
            }
            Action::SendFile { peer } => {
                self.from_file += 1;
                let bytes = Bytes::from(self.nodes[node].file.clone().expect("it was just written"));
                let piece_bytes = self.rng.random_range(20..2_000);
                let sized = PeerEvent::PayloadSized { payload_bytes: bytes.len() as u64 };
                let pieces = [sized].into_iter().chain(pieces(&bytes, piece_bytes)).collect();
                let served = self.nodes[node].served.values_mut().find(|served| served.token == peer);
                served.expect("a peer is served").payload = Some(Sending { due: now, unwritten: None, pieces });
            }
            Action::AbandonPayload { peer } => {
                let served = self.nodes[node].served.values_mut().find(|served| served.token == peer);
                if let Some(served) = served {
                    served.payload = None;
                }
            }
            Action::Save { snapshot, position, purpose, .. } => {
                let done_at = now.plus(self.rng.random_range(0..800));
                self.nodes[node].save = Some(Save { snapshot, position, purpose, done_at });
            }
            Action::CancelSave => self.nodes[node].save = None,
            Action::Exit { .. } => self.stop(node),
            // Of use to processes only.
            Action::RoleChanged { .. } | Action::Tell(_) => {}
            Action::Log(_, line) => {
                self.handed_over += u64::from(line.starts_with("MASTER MODE enabled (failover"));
                self.trace(node, &line);
            }
            Action::Load { .. } | Action::Migrate(_) | Action::ConfigChanged => {}
        }
    }

    /// Bytes of a payload; now and then the disk or the network spoils one.
    fn take_payload(&mut self, node: usize, bytes: &[u8]) {
        let spoils = self.is_unlucky() && self.rng.random_range(0..40) == 0;
        let load = self.nodes[node].load.as_mut().expect("it was begun");
        load.bytes.extend_from_slice(bytes);
        if spoils && let Some(last) = load.bytes.last_mut() {
            *last = !*last;
        }
    }

    /// One turn of an accepted connection: execute, feed, write.
    fn serve(&mut self, node: usize, id: ConnectionId) {
        let now = self.now;
        for _ in 0..TURN_REQUESTS {
            let room = self.network.connections.get(&id).map_or(0, |connection| connection.down.room());
            let Node { engine, served, .. } = &mut self.nodes[node];
            let Some(served) = served.get_mut(&id) else { return };
            served.input.parse();
            let waits = engine.sessions.get(served.token).is_none_or(|session| session.is_blocked());
            let turn = if waits || !served.input.is_ready() {
                Turn::Done
            } else {
                engine.execute(moment(now), served.token, &mut served.input, TURN_REQUESTS)
            };
            if engine.node.is_peer(served.token) && served.unsent.is_empty() && room > 0 {
                engine.peer_writable(moment(now), served.token, room);
            }
            let closing = take_output(engine, served);
            served.input.compact();
            self.write(node, id);
            self.carry_out(node);
            if closing != Closing::No {
                return self.hang_up(node, id);
            }
            if !matches!(turn, Turn::More | Turn::Reparse) {
                return;
            }
        }
    }

    /// Gives the pipe what it takes.
    fn write(&mut self, node: usize, id: ConnectionId) {
        if !self.network.connections.contains_key(&id) {
            return;
        }
        let due = self.network.due(self.now, &mut self.rng, id);
        let connection = self.network.connections.get_mut(&id).expect("just seen");
        let Some(served) = self.nodes[node].served.get_mut(&id) else { return };
        if connection.phase == Phase::Ending {
            served.unsent.clear();
            return;
        }
        let fits = served.unsent.len().min(connection.down.room());
        connection.down.send(due, served.unsent.drain(..fits).collect());
    }

    /// The acceptor closes a connection.
    fn hang_up(&mut self, node: usize, id: ConnectionId) {
        self.network.close(id);
        self.forget_served(node, id);
    }

    fn forget_served(&mut self, node: usize, id: ConnectionId) {
        if let Some(served) = self.nodes[node].served.remove(&id) {
            let now = moment(self.now);
            self.nodes[node].engine.disconnect(now, served.token);
            self.carry_out(node);
        }
    }

    /// Everything on one connection whose time has come.
    pub fn advance_connection(&mut self, id: ConnectionId) {
        if !self.network.connections.contains_key(&id) || self.network.is_stalled(self.now, id) {
            return;
        }
        match self.network.connections[&id].phase {
            Phase::Dialling { due } if due <= self.now => self.establish(id),
            Phase::Dialling { .. } => {}
            Phase::Open | Phase::Ending => {
                self.deliver_up(id);
                self.deliver_down(id);
                self.finish(id);
            }
        }
    }

    fn establish(&mut self, id: ConnectionId) {
        let connection = self.network.connections.get_mut(&id).expect("it is there");
        let (dialler, acceptor, link) = (connection.dialler, connection.acceptor, connection.link);
        connection.phase = Phase::Open;
        let now = moment(self.now);
        let endpoint = Endpoint { is_local: true, peer_addr: format!("10.0.0.{dialler}:1"), ..Endpoint::default() };
        let target = &mut self.nodes[acceptor];
        let event = if target.is_alive {
            let token = target.engine.connect(now, endpoint).expect("there is room");
            let input = target.engine.input();
            target.served.insert(id, Served { token, input, unsent: Vec::new(), payload: None });
            LinkEvent::Connected
        } else {
            self.network.connections.remove(&id);
            LinkEvent::ConnectFailed("Connection refused".to_owned())
        };
        self.tell_dialler(dialler, link, event);
    }

    fn deliver_up(&mut self, id: ConnectionId) {
        let max_bytes = self.read_size();
        let connection = self.network.connections.get_mut(&id).expect("it is there");
        let acceptor = connection.acceptor;
        let Some(bytes) = connection.up.receive(self.now, max_bytes) else { return };
        if let Some(served) = self.nodes[acceptor].served.get_mut(&id) {
            served.input.buffer_mut().extend_from_slice(&bytes);
            let token = served.token;
            self.nodes[acceptor].engine.peer_event(moment(self.now), token, PeerEvent::SignOfLife);
            self.settle(acceptor);
        }
    }

    fn deliver_down(&mut self, id: ConnectionId) {
        let read_bytes = self.read_size();
        let Some(connection) = self.network.connections.get_mut(&id) else { return };
        let dialler = connection.dialler;
        let is_slow = self.nodes[dialler].slow_until > self.now;
        let max_bytes = if is_slow { read_bytes.min(100) } else { read_bytes };
        let Some(link) = connection.link else {
            connection.down.cut(0);
            return;
        };
        if !self.nodes[dialler].engine.link_wants_bytes(link) && connection.phase == Phase::Open {
            return;
        }
        let Some(bytes) = connection.down.receive(self.now, max_bytes) else { return };
        self.tell_dialler(dialler, Some(link), LinkEvent::Bytes(Bytes::from(bytes)));
    }

    /// An event of a connection, to the process that dialled it, if that still runs.
    fn tell_dialler(&mut self, dialler: usize, link: Option<LinkId>, event: LinkEvent) {
        if let Some(link) = link {
            self.nodes[dialler].engine.link_event(moment(self.now), link, event);
            self.settle(dialler);
        }
    }

    /// A connection that has ended is seen to have ended once all that could arrive has.
    fn finish(&mut self, id: ConnectionId) {
        let Some(connection) = self.network.connections.get(&id) else { return };
        if connection.phase != Phase::Ending || !connection.up.is_empty() || !connection.down.is_empty() {
            return;
        }
        let connection = self.network.connections.remove(&id).expect("it is there");
        self.forget_served(connection.acceptor, id);
        self.observe(connection.acceptor);
        self.tell_dialler(connection.dialler, connection.link, LinkEvent::Closed);
    }

    /// Reads are cut anywhere.
    fn read_size(&mut self) -> usize {
        match self.rng.random_range(0..10) {
            0 => 1,
            1..4 => self.rng.random_range(1..200),
            _ => 16 * 1024,
        }
    }

    /// A server's own work whose time has come: snapshots out, payloads in, files, ticks.
    pub fn advance_node(&mut self, node: usize) {
        self.send_pieces(node);
        self.finish_load(node);
        self.finish_save(node);
        if self.nodes[node].is_alive && self.nodes[node].next_tick <= self.now {
            let now = moment(self.now);
            let target = &mut self.nodes[node];
            target.engine.tick(now);
            target.next_tick = target.engine.next_timeout(now).max(self.now.plus(1));
        }
        self.settle(node);
    }

    fn send_pieces(&mut self, node: usize) {
        let ids: Vec<ConnectionId> = self.nodes[node].served.keys().copied().collect();
        for id in ids {
            let room = self.network.connections.get(&id).map_or(0, |connection| connection.down.room());
            let now = self.now;
            let served = self.nodes[node].served.get_mut(&id).expect("it is served");
            let token = served.token;
            let Some(sending) = served.payload.as_mut().filter(|sending| sending.due <= now) else { continue };
            if room == 0 || !served.unsent.is_empty() {
                continue;
            }
            if let Some(payload) = sending.unwritten.take() {
                let bytes = Bytes::from(write_rdb(now, payload.snapshot, Some(&payload.position)));
                let piece_bytes = self.rng.random_range(20..2_000);
                sending.pieces.extend(pieces(&bytes, piece_bytes));
            }
            match sending.pieces.pop_front() {
                Some(piece) => self.nodes[node].engine.peer_event(moment(now), token, piece),
                None => served.payload = None,
            }
            self.carry_out(node);
        }
    }

    fn finish_load(&mut self, node: usize) {
        let now = self.now;
        let is_due = |load: &mut Load| load.done_at.is_some_and(|done_at| done_at <= now);
        let Some(load) = self.nodes[node].load.take_if(is_due) else { return };
        let engine = &mut self.nodes[node].engine;
        match read_rdb(engine, now, &load.bytes, false) {
            Ok((keyspace, loaded)) => {
                let stream_db = loaded.aux.repl_stream_db.and_then(|db| usize::try_from(db).ok());
                engine.link_loaded(
                    moment(now),
                    load.link,
                    LoadedPayload { keyspace, libraries: Default::default(), stream_db },
                );
                self.histories.forget(node);
            }
            Err(error) => {
                self.failed_loads += 1;
                engine.link_event(moment(now), load.link, LinkEvent::LoadFailed(error.to_string()));
            }
        }
        self.settle(node);
    }

    fn finish_save(&mut self, node: usize) {
        let now = self.now;
        let Some(save) = self.nodes[node].save.take_if(|save| save.done_at <= now) else { return };
        self.nodes[node].file = Some(write_rdb(now, save.snapshot, save.position.as_ref()));
        self.nodes[node].engine.saved(moment(now), save.purpose, Ok(()));
        self.carry_out(node);
    }
}

/// A payload in pieces, and its end.
fn pieces(bytes: &Bytes, piece_bytes: usize) -> impl Iterator<Item = PeerEvent> {
    let starts = (0..bytes.len()).step_by(piece_bytes);
    let piece = move |start| PeerEvent::PayloadChunk(bytes.slice(start..bytes.len().min(start + piece_bytes)));
    starts.map(piece).chain([PeerEvent::PayloadEnded])
}

/// Takes what the engine wrote; answers how the connection is to go on.
fn take_output(engine: &mut tandem::engine::Engine, served: &mut Served) -> Closing {
    match engine.sessions.get_mut(served.token) {
        Some(session) => {
            served.unsent.append(&mut session.outbox);
            session.closing
        }
        None => Closing::Now,
    }
}
