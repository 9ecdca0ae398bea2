//! The init system that started us: told how the start, a resync and the end go, in the words that Redis tells it.
//!
//! systemd listens on a datagram socket that NOTIFY_SOCKET names (sd_notify(3)); upstart wants us to stop once, as a
//! sign that we are ready.

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use crate::config::Supervision;

/// Who supervises this process.
#[derive(Clone, Debug, Default)]
pub enum Supervisor {
    #[default]
    Nobody,
    Upstart,
    Systemd {
        socket: OsString,
    },
}

impl Supervisor {
    /// Presents us to the init system that the directive `supervised` names. Must come before any thread is started.
    pub fn greet(wanted: Supervision) -> Supervisor {
        match wanted {
            Supervision::No => Supervisor::Nobody,
            Supervision::Systemd => Supervisor::greet_systemd(),
            Supervision::Upstart => Supervisor::greet_upstart(),
            Supervision::Auto if env::var_os("UPSTART_JOB").is_some() => {
                tracing::debug!("Upstart supervision detected.");
                Supervisor::greet_upstart()
            }
            Supervision::Auto if env::var_os("NOTIFY_SOCKET").is_some() => {
                tracing::debug!("Systemd supervision detected.");
                Supervisor::greet_systemd()
            }
            Supervision::Auto => Supervisor::Nobody,
        }
    }

    fn greet_systemd() -> Supervisor {
        let Some(socket) = env::var_os("NOTIFY_SOCKET") else {
            tracing::warn!("systemd supervision error: NOTIFY_SOCKET not found!");
            return Supervisor::Nobody;
        };
        let systemd = Supervisor::Systemd { socket };
        if !systemd.tell("STATUS=Redis is loading...\n") {
            return Supervisor::Nobody;
        }
        tracing::info!(
            "Supervised by systemd. Please make sure you set appropriate values for TimeoutStartSec and \
             TimeoutStopSec in your service unit."
        );
        systemd
    }

    fn greet_upstart() -> Supervisor {
        if env::var_os("UPSTART_JOB").is_none() {
            tracing::warn!("upstart supervision requested, but UPSTART_JOB not found!");
            return Supervisor::Nobody;
        }
        tracing::info!("supervised by upstart, will stop to signal readiness.");
        // SAFETY: a signal to ourselves; no other thread runs that could read the environment while it changes.
        unsafe {
            libc::raise(libc::SIGSTOP);
            env::remove_var("UPSTART_JOB");
        }
        Supervisor::Upstart
    }

    /// Its name, as INFO shows it.
    pub fn name(&self) -> &'static str {
        match self {
            Supervisor::Nobody => "no",
            Supervisor::Upstart => "upstart",
            Supervisor::Systemd { .. } => "systemd",
        }
    }

    /// Whether there is one, so that going to the background would hide us from it.
    pub fn is_present(&self) -> bool {
        !matches!(self, Supervisor::Nobody)
    }

    /// A message to systemd; nobody else listens. Answers whether it went out.
    pub fn tell(&self, message: &str) -> bool {
        let Supervisor::Systemd { socket } = self else { return false };
        let sent =
            address(socket).and_then(|address| UnixDatagram::unbound()?.send_to_addr(message.as_bytes(), &address));
        match sent {
            Ok(_) => true,
            Err(error) => {
                let code = error.raw_os_error().unwrap_or(libc::EINVAL);
                tracing::warn!("systemd supervision error: sd_notify: -{code}");
                false
            }
        }
    }
}

/// A path, or with `@` in front a name in the abstract namespace.
fn address(socket: &OsString) -> io::Result<SocketAddr> {
    match socket.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        [b'/', ..] => SocketAddr::from_pathname(socket),
        _ => Err(io::Error::from_raw_os_error(libc::EAFNOSUPPORT)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systemd_hears_us_on_an_abstract_socket() {
        let name = format!("tandem-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let listener = UnixDatagram::bind_addr(&address).unwrap();
        let systemd = Supervisor::Systemd { socket: format!("@{name}").into() };
        assert!(systemd.tell("READY=1\n"));
        let mut buffer = [0; 64];
        let length = listener.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"READY=1\n");
    }

    #[test]
    fn a_socket_without_a_listener_is_no_supervisor() {
        for socket in ["/nonexistent/notify", "relative", "@tandem-nobody"] {
            assert!(!Supervisor::Systemd { socket: socket.into() }.tell("READY=1\n"), "{socket}");
        }
    }
}
