//! Listeners: TCP on every `bind`, a Unix socket if one is named.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, SockRef, Socket as RawSocket, TcpKeepalive, Type};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, UnixListener};

use super::connection;
use super::shared::{Shared, log};
use super::socket::Socket;
use crate::config::Config;
use crate::replication::Level;
use crate::session::Endpoint;

/// What the server listens at.
pub struct Listeners {
    pub tcp: Vec<TcpListener>,
    pub unix: Option<UnixListener>,
}

impl Listeners {
    /// Binds to all that the configuration names.
    pub fn bind(config: &Config) -> Result<Listeners, String> {
        let mut listeners = Listeners::bind_tcp(config)?;
        listeners.unix = config.unixsocket.as_deref().map(|path| bind_unix(path, config)).transpose()?;
        Ok(listeners)
    }

    /// Binds to each TCP address. One with a leading `-` may be missing on this machine.
    pub fn bind_tcp(config: &Config) -> Result<Listeners, String> {
        let mut tcp = Vec::new();
        if config.port != 0 {
            for address in &config.bind {
                bind_address(address, config, &mut tcp)?;
            }
            if tcp.is_empty() {
                return Err(format!("Failed listening on port {} (TCP), aborting.", config.port));
            }
        }
        Ok(Listeners { tcp, unix: None })
    }

    /// The port in use, also if any free one was asked for.
    pub fn port(&self) -> u16 {
        self.tcp.first().and_then(|listener| listener.local_addr().ok()).map_or(0, |address| address.port())
    }

    /// Accepts connections here, and no more where we listened before.
    pub fn serve(self, shared: &Arc<Shared>) {
        let tasks = self.tcp.into_iter().map(|listener| tokio::spawn(accept_tcp(shared.clone(), listener))).collect();
        if let Some(listener) = self.unix {
            tokio::spawn(accept_unix(shared.clone(), listener));
        }
        // The Unix socket stays where it is when TCP moves.
        let mut running = shared.running.lock();
        for old in std::mem::replace(&mut running.listeners, tasks) {
            old.abort();
        }
    }
}

fn bind_address(address: &str, config: &Config, listeners: &mut Vec<TcpListener>) -> Result<(), String> {
    let (optional, name) = address.strip_prefix('-').map_or((false, address), |name| (true, name));
    let name = match name {
        "*" => "0.0.0.0",
        "::*" => "::",
        other => other,
    };
    match resolve(name, config.port).and_then(|address| listen(address, config.tcp_backlog)) {
        Ok(listener) => listeners.push(listener),
        Err(error) if optional && is_not_available(&error) => {}
        Err(error) => {
            let port = config.port;
            log(
                Level::Warning,
                &format!("Warning: Could not create server TCP listening socket {name}:{port}: {error}"),
            );
            return Err(format!("Failed listening on port {port} (TCP), aborting."));
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

fn is_not_available(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT))
}

fn listen(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = RawSocket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(backlog as i32)?;
    TcpListener::from_std(socket.into())
}

fn bind_unix(path: &Path, config: &Config) -> Result<UnixListener, String> {
    let failed = |error: io::Error| format!("Failed opening Unix socket: bind: {error}");
    // A socket that an earlier process left behind is in the way.
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path).map_err(failed)?;
    if config.unixsocketperm != 0 {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(config.unixsocketperm);
        std::fs::set_permissions(path, mode).map_err(failed)?;
    }
    Ok(listener)
}

async fn accept_tcp(shared: Arc<Shared>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Options that cannot be set cost speed, not service.
                let _ = stream.set_nodelay(true);
                let keepalive_s = shared.turn(|engine, _| engine.config.tcp_keepalive_s);
                if keepalive_s > 0 {
                    let _ = SockRef::from(&stream).set_tcp_keepalive(&keepalive(keepalive_s));
                }
                let local_addr = stream.local_addr().map(|address| address.to_string()).unwrap_or_default();
                let is_local = peer.ip().to_canonical().is_loopback();
                let fd = stream.as_raw_fd();
                let endpoint =
                    Endpoint { peer_addr: peer.to_string(), local_addr, fd, is_unix_socket: false, is_local };
                admit(&shared, Socket::Tcp(stream), endpoint);
            }
            Err(error) => pause_after(&error).await,
        }
    }
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
    log(Level::Warning, &format!("Accepting client connection: {error}"));
    tokio::time::sleep(Duration::from_millis(10)).await;
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
