//! Listeners: TCP on every `bind`, a Unix socket if one is named.

use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr, ToSocketAddrs};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket as RawSocket, TcpKeepalive, Type};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::task::JoinHandle;

use super::config_file::reason;
use super::connection;
use super::process::group_id;
use super::shared::{Shared, log};
use super::socket::Socket;
use crate::config::Config;
use crate::replication::Level;
use crate::session::Endpoint;

/// How long a listener rests that cannot accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// Sockets that listen and are not served yet.
pub struct Listeners {
    tcp: Vec<TcpListener>,
    unix: Option<UnixListener>,
}

/// A listening socket and the task that accepts its connections.
pub struct Served {
    listener: Arc<TcpListener>,
    task: JoinHandle<()>,
}

impl Listeners {
    /// Binds to all that the configuration names; what is refused stands in the log.
    pub fn bind(config: &Config) -> Result<Listeners, String> {
        let mut listeners = Listeners::bind_tcp(config)?;
        listeners.unix = config.unixsocket.as_deref().map(|path| bind_unix(path, config)).transpose()?;
        if listeners.tcp.is_empty() && listeners.unix.is_none() {
            return Err("Configured to not listen anywhere, exiting.".to_owned());
        }
        Ok(listeners)
    }

    /// Binds to each TCP address. One with a leading `-` may be missing on this machine.
    pub fn bind_tcp(config: &Config) -> Result<Listeners, String> {
        let mut tcp = Vec::new();
        if config.port != 0 {
            for address in &config.bind {
                bind_address(address, config, &mut tcp)?;
            }
        }
        Ok(Listeners { tcp, unix: None })
    }

    pub fn has_tcp(&self) -> bool {
        !self.tcp.is_empty()
    }

    /// Accepts connections here, and no more at the TCP sockets of before. The Unix socket stays where it is.
    pub fn serve(self, shared: &Arc<Shared>) {
        let serve = |listener: TcpListener| {
            let listener = Arc::new(listener);
            let task = shared.spawn(accept_tcp(shared.clone(), listener.clone()));
            Served { listener, task }
        };
        let served = self.tcp.into_iter().map(serve).collect();
        if let Some(listener) = self.unix {
            shared.spawn(accept_unix(shared.clone(), listener));
        }
        let old = std::mem::replace(&mut shared.running.lock().served, served);
        old.iter().for_each(|served| served.task.abort());
    }
}

impl Served {
    /// Listens no more, but keeps the socket: another one may take its place, or `resume` takes it back.
    pub fn suspend(&self) {
        // Not listening is what is wanted: a socket that does not listen already cannot fail to stop.
        let _ = SockRef::from(&*self.listener).shutdown(Shutdown::Both);
    }

    pub fn resume(&self, backlog: u32) {
        if let Err(error) = SockRef::from(&*self.listener).listen(backlog as i32) {
            log(Level::Warning, &format!("Could not listen again: {}", reason(&error)));
        }
    }
}

fn bind_address(address: &str, config: &Config, listeners: &mut Vec<TcpListener>) -> Result<(), String> {
    let (optional, name) = address.strip_prefix('-').map_or((false, address), |name| (true, name));
    let resolved = match name {
        "*" => "0.0.0.0",
        "::*" => "::",
        other => other,
    };
    match resolve(resolved, config.port).and_then(|address| listen(address, config)) {
        Ok(listener) => listeners.push(listener),
        Err(error) => {
            let (port, reason) = (config.port, reason(&error));
            // The resolver's own words are enough.
            let reason = reason.replace("failed to lookup address information: ", "");
            let what = if error.raw_os_error().is_some() { "bind: " } else { "" };
            log(
                Level::Warning,
                &format!("Warning: Could not create server TCP listening socket {name}:{port}: {what}{reason}"),
            );
            if !is_unknown_protocol(&error) && !(optional && error.kind() == io::ErrorKind::AddrNotAvailable) {
                return Err(format!("Failed listening on port {port} (TCP), aborting."));
            }
        }
    }
    Ok(())
}

fn resolve(name: &str, port: u16) -> io::Result<SocketAddr> {
    if let Ok(ip) = name.parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, port));
    }
    (name, port).to_socket_addrs()?.next().ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}

/// A kernel without this family of addresses.
fn is_unknown_protocol(error: &io::Error) -> bool {
    let codes =
        [libc::ENOPROTOOPT, libc::EPROTONOSUPPORT, libc::ESOCKTNOSUPPORT, libc::EPFNOSUPPORT, libc::EAFNOSUPPORT];
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

fn listen(address: SocketAddr, config: &Config) -> io::Result<TcpListener> {
    let protocol = config.mptcp.then_some(Protocol::MPTCP);
    let socket = RawSocket::new(Domain::for_address(address), Type::STREAM, protocol)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(config.tcp_backlog as i32)?;
    if config.socket_mark_id > 0
        && let Err(error) = socket.set_mark(config.socket_mark_id)
    {
        log(Level::Warning, &format!("Failed setting the mark of a socket: {}", reason(&error)));
    }
    TcpListener::from_std(socket.into())
}

fn bind_unix(path: &Path, config: &Config) -> Result<UnixListener, String> {
    // A socket that an earlier process left behind is in the way.
    let _ = std::fs::remove_file(path);
    let failed = |error: io::Error| format!("Failed opening Unix socket: bind: {}", reason(&error));
    let listener = UnixListener::bind(path).map_err(failed)?;
    if config.unixsocketperm != 0 {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(config.unixsocketperm);
        std::fs::set_permissions(path, mode).map_err(failed)?;
    }
    if let Some(group) = &config.unixsocketgroup {
        let id = group_id(group).ok_or(format!("Failed opening Unix socket: no group '{group}'"))?;
        let failed = |error: io::Error| format!("Failed opening Unix socket: chown: {}", reason(&error));
        std::os::unix::fs::chown(path, None, Some(id)).map_err(failed)?;
    }
    Ok(listener)
}

async fn accept_tcp(shared: Arc<Shared>, listener: Arc<TcpListener>) {
    let mut in_a_row = 0;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let settings = |config: &Config| (config.tcp_keepalive_s, config.max_new_connections_per_cycle);
                let (keepalive_s, cycle) = shared.turn(|engine, _| settings(&engine.config));
                admit_tcp(&shared, stream, peer, keepalive_s);
                in_a_row += 1;
                if in_a_row >= cycle {
                    in_a_row = 0;
                    tokio::task::yield_now().await;
                }
            }
            // Suspended, while other addresses are tried.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => tokio::time::sleep(ACCEPT_PAUSE).await,
            Err(error) => pause_after(&error).await,
        }
    }
}

fn admit_tcp(shared: &Arc<Shared>, stream: TcpStream, peer: SocketAddr, keepalive_s: u32) {
    // Options that cannot be set cost speed, not service.
    let _ = stream.set_nodelay(true);
    if keepalive_s > 0 {
        let _ = SockRef::from(&stream).set_tcp_keepalive(&keepalive(keepalive_s));
    }
    let local_addr = stream.local_addr().map(|address| address.to_string()).unwrap_or_default();
    let is_local = peer.ip().to_canonical().is_loopback();
    let fd = stream.as_raw_fd();
    let endpoint = Endpoint { peer_addr: peer.to_string(), local_addr, fd, is_unix_socket: false, is_local };
    admit(shared, Socket::Tcp(stream), endpoint);
}

async fn accept_unix(shared: Arc<Shared>, listener: UnixListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let path = shared.turn(|engine, _| engine.config.unixsocket.clone()).unwrap_or_default();
                let address = format!("{}:0", path.display());
                let fd = stream.as_raw_fd();
                let endpoint = Endpoint {
                    peer_addr: address.clone(),
                    local_addr: address,
                    fd,
                    is_unix_socket: true,
                    is_local: true,
                };
                admit(&shared, Socket::Unix(stream), endpoint);
            }
            Err(error) => pause_after(&error).await,
        }
    }
}

fn keepalive(seconds: u32) -> TcpKeepalive {
    let interval = (seconds / 3).max(1);
    TcpKeepalive::new()
        .with_time(Duration::from_secs(seconds.into()))
        .with_interval(Duration::from_secs(interval.into()))
        .with_retries(3)
}

/// Too many open files, or a connection that was gone already: neither ends the listener.
async fn pause_after(error: &io::Error) {
    log(Level::Warning, &format!("Accepting client connection: {}", reason(error)));
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

fn admit(shared: &Arc<Shared>, socket: Socket, endpoint: Endpoint) {
    let admitted = shared.turn(|engine, now| engine.connect(now, endpoint).map(|token| (token, engine.input())));
    match admitted {
        Ok((token, input)) => {
            tokio::spawn(connection::serve(shared.clone(), socket, token, input));
        }
        Err(refused) => {
            tokio::spawn(async move {
                let mut socket = socket;
                let line = format!("-{refused}\r\n");
                // Told if it can be told; the connection is closed either way.
                let _ = tokio::time::timeout(Duration::from_secs(1), socket.write_all(line.as_bytes())).await;
            });
        }
    }
}
