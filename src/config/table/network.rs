//! Sockets that clients connect to.

use crate::config::directive::{Directive, rows::*};
use crate::config::value::{Kind, Value};

pub(super) const ROWS: &[Directive] = &[
    special(
        "bind",
        Kind::Addresses,
        "* -::*",
        "Addresses to listen on; one that starts with - may be missing on this machine.",
    )
    .store(|s, v| s.bind = addresses(v)),
    int("port", (0, 65535), "6379", "TCP port to accept connections on; 0 opens none.").store(|s, v| s.port = v.int()),
    yes_no("protected-mode", "yes", "Refuses clients of other machines while the default user has no password.")
        .store(|s, v| s.protected_mode = v.bool()),
    int(
        "tcp-backlog",
        (0, INT_MAX),
        "511",
        "Connections that may wait to be accepted; the kernel's somaxconn caps it.",
    )
    .immutable()
    .store(|s, v| s.tcp_backlog = v.int()),
    int("tcp-keepalive", (0, INT_MAX), "300", "Seconds between probes of an idle connection; 0 sends none.")
        .store(|s, v| s.tcp_keepalive_s = v.int()),
    int("timeout", (0, INT_MAX), "0", "Seconds after which an idle client is closed; 0 keeps it for ever.")
        .store(|s, v| s.timeout_s = v.int()),
    text("unixsocket", "", "Path of a Unix socket to listen on; empty opens none.")
        .immutable()
        .store(|s, v| s.unixsocket = v.path_if_any()),
    special(
        "unixsocketperm",
        Kind::Octal { max: 0o777 },
        "0",
        "Mode of the Unix socket, octal; 0 leaves it to the umask.",
    )
    .immutable()
    .store(|s, v| s.unixsocketperm = v.int()),
    text("unixsocketgroup", "", "Group that shall own the Unix socket.")
        .immutable()
        .store(|s, v| s.unixsocketgroup = v.string_if_any()),
    text("bind-source-addr", "", "Local address from which this server connects to its master.")
        .store(|s, v| s.bind_source_addr = v.string_if_any()),
    int("socket-mark-id", (0, u32::MAX as i128), "0", "Mark that the kernel's packet filters see on every socket.")
        .immutable()
        .store(|s, v| s.socket_mark_id = v.int()),
    int("max-new-connections-per-cycle", (1, 1000), "10", "New connections taken before other work gets its turn.")
        .store(|s, v| s.max_new_connections_per_cycle = v.int()),
    int(
        "max-new-tls-connections-per-cycle",
        (1, 1000),
        "1",
        "New TLS connections taken before other work gets its turn.",
    )
    .waits("TLS"),
    yes_no("mptcp", "no", "Accepts Multipath TCP connections.").immutable().store(|s, v| s.mptcp = v.bool()),
    yes_no("repl-mptcp", "no", "Connects to the master by Multipath TCP.")
        .immutable()
        .store(|s, v| s.repl_mptcp = v.bool()),
    special("rdma-bind", Kind::Addresses, "", "Addresses to listen on by RDMA.").no_effect(),
    int("rdma-port", (0, 65535), "0", "RDMA port.").no_effect(),
    memory("rdma-rx-size", (64 << 10, 16 << 20), "1048576", "Receive buffer of an RDMA connection.")
        .immutable()
        .no_effect(),
    int("rdma-completion-vector", (-1, 1024), "-1", "Completion vector of RDMA connections.").immutable().no_effect(),
];

fn addresses(value: &Value) -> Vec<String> {
    let Value::Words(words) = value else { return Vec::new() };
    words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}
