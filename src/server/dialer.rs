//! The connection to our master, and the loader that its payload goes to.
//!
//! It carries bytes between the socket and the link's machine, and knows nothing of what they mean. While the loader
//! is behind, the master waits: reading stops.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use socket2::{Domain, Protocol, SockRef, Socket as RawSocket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::config_file::reason;
use super::jobs::Loader;
use super::shared::{Shared, log};
use crate::config::Settings;
use crate::engine::{Action, LinkId};
use crate::replication::{Level, LinkEvent};

/// What one read may bring.
const READ_BYTES: usize = 256 * 1024;
/// How often a reader that must wait looks again.
const RETRY: Duration = Duration::from_millis(1);

/// The one connection to a master.
pub struct LinkHandle {
    pub id: LinkId,
    task: JoinHandle<()>,
    output: mpsc::UnboundedSender<Bytes>,
    loader: Option<Loader>,
    /// The connection's own descriptor: by it the other end learns at once that we are gone.
    socket: Option<RawSocket>,
}

impl LinkHandle {
    pub fn send(&self, bytes: Bytes) {
        // Without a connection there is nobody to tell; the machine hears of the end by itself.
        let _ = self.output.send(bytes);
    }

    pub fn begin_load(&mut self, shared: &Arc<Shared>) {
        self.loader = Some(Loader::start(shared, self.id));
    }

    pub fn load_chunk(&mut self, bytes: Bytes) {
        if let Some(loader) = &self.loader {
            loader.push(bytes);
        }
    }

    pub fn end_load(&mut self) {
        if let Some(loader) = self.loader.take() {
            loader.finish();
        }
    }

    pub fn abandon_load(&mut self) {
        self.loader = None;
    }

    fn is_loader_behind(&self) -> bool {
        self.loader.as_ref().is_some_and(Loader::is_behind)
    }
}

impl Drop for LinkHandle {
    fn drop(&mut self) {
        // It may be closed already.
        let _ = self.socket.as_ref().map(|socket| socket.shutdown(Shutdown::Both));
        self.task.abort();
    }
}

/// Connects for the attempt `link`, in place of any older one.
pub fn dial(shared: &Arc<Shared>, link: LinkId, host: String, port: u16) {
    let (output, pending) = mpsc::unbounded_channel();
    let task = shared.spawn(follow(shared.clone(), link, host, port, pending));
    *shared.link.lock() = Some(LinkHandle { id: link, task, output, loader: None, socket: None });
}

/// The server is to stand still: the connections that it gave up before end first.
pub fn close_before(link: &Mutex<Option<LinkHandle>>, wishes: &[Action]) {
    let gave_up = |id: LinkId| wishes.iter().any(|wish| matches!(wish, Action::LinkClose { link } if *link == id));
    drop(link.lock().take_if(|handle| gave_up(handle.id)));
}

/// Ends the attempt `link`.
pub fn close(shared: &Arc<Shared>, link: LinkId) {
    let mut handle = shared.link.lock();
    if handle.as_ref().is_some_and(|handle| handle.id == link) {
        *handle = None;
    }
}

async fn follow(shared: Arc<Shared>, link: LinkId, host: String, port: u16, output: mpsc::UnboundedReceiver<Bytes>) {
    let way = shared.turn(|engine, _| Way::of(&engine.config));
    let stream = match way.connect(&host, port).await {
        Ok(stream) => stream,
        Err(error) => return event(&shared, link, LinkEvent::ConnectFailed(error.to_string())),
    };
    // Costs latency of acknowledgements at most.
    let _ = stream.set_nodelay(true);
    let socket = SockRef::from(&stream).try_clone().ok();
    if let Some(handle) = shared.link.lock().as_mut().filter(|handle| handle.id == link) {
        handle.socket = socket;
    }
    let (reader, writer) = stream.into_split();
    event(&shared, link, LinkEvent::Connected);
    tokio::select! {
        _ = read(&shared, link, reader) => {}
        _ = write(writer, output) => {}
    }
    event(&shared, link, LinkEvent::Closed);
}

/// How the directives want connections to be made.
pub(super) struct Way {
    source: Option<String>,
    mark: u32,
    protocol: Option<Protocol>,
}

impl Way {
    pub(super) fn of(settings: &Settings) -> Way {
        Way {
            source: settings.bind_source_addr.clone(),
            mark: settings.socket_mark_id,
            protocol: settings.repl_mptcp.then_some(Protocol::MPTCP),
        }
    }

    /// Tries the addresses of `host` one after the other; the error is that of the last.
    pub(super) async fn connect(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        let mut last = io::ErrorKind::AddrNotAvailable.into();
        for address in lookup_host((host, port)).await? {
            match self.connect_to(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn connect_to(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let socket = RawSocket::new(Domain::for_address(address), Type::STREAM, self.protocol)?;
        socket.set_nonblocking(true)?;
        if self.mark > 0
            && let Err(error) = socket.set_mark(self.mark)
        {
            log(Level::Warning, &format!("Failed setting the mark of a socket: {}", reason(&error)));
        }
        if let Some(source) = &self.source {
            // As in Redis a wish: without it the system chooses.
            let bound = lookup_host((source.as_str(), 0)).await.map(|mut found| found.next());
            if let Ok(Some(source)) = bound {
                let _ = socket.bind(&source.into());
            }
        }
        TcpSocket::from_std_stream(socket.into()).connect(address).await
    }
}

fn event(shared: &Arc<Shared>, link: LinkId, event: LinkEvent) {
    shared.turn(|engine, now| engine.link_event(now, link, event));
}

async fn read(shared: &Arc<Shared>, link: LinkId, mut reader: OwnedReadHalf) -> io::Result<()> {
    let mut buffer = BytesMut::new();
    loop {
        while must_wait(shared, link) {
            tokio::time::sleep(RETRY).await;
        }
        buffer.reserve(READ_BYTES);
        if reader.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        event(shared, link, LinkEvent::Bytes(buffer.split().freeze()));
    }
}

fn must_wait(shared: &Arc<Shared>, link: LinkId) -> bool {
    let behind = shared.link.lock().as_ref().is_some_and(|handle| handle.id == link && handle.is_loader_behind());
    behind || !shared.turn(|engine, _| engine.link_wants_bytes(link))
}

async fn write(mut writer: OwnedWriteHalf, mut output: mpsc::UnboundedReceiver<Bytes>) -> io::Result<()> {
    while let Some(bytes) = output.recv().await {
        writer.write_all(&bytes).await?;
    }
    Ok(())
}
