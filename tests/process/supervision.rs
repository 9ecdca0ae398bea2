//! What the system sees of a server: init system, process list, limits, scores, files that come and go.

use super::daemon::{Folder, LIMIT, await_pong, await_replication, cli, free_port, program};
use super::support::eventually;
use super::support::server::Launch;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};

/// A server that is our child, ended with its value.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Running {
        Running(command.stdout(Stdio::null()).spawn().expect("the program starts"))
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{name}", self.0.id())).unwrap_or_default()
    }

    fn title(&self) -> String {
        self.file("cmdline").trim_end_matches('\0').to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Gone already, or it goes now.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The messages that came in, one after the other.
struct Init(UnixDatagram);

impl Init {
    fn listen(folder: &Folder) -> Init {
        let socket = UnixDatagram::bind(folder.path("notify")).expect("a socket for the messages");
        socket.set_read_timeout(Some(LIMIT)).expect("a timeout");
        Init(socket)
    }

    fn hear(&self) -> String {
        let mut buffer = [0; 512];
        let length = self.0.recv(&mut buffer).expect("a message");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }
}

#[test]
fn systemd_is_told_of_start_resync_and_end() {
    let folder = Folder::new();
    let init = Init::listen(&folder);
    let master = Launch::tandem().start();
    let port = free_port();
    let mut command = folder.tandem();
    command.args(["--supervised", "systemd", "--daemonize", "yes", "--port", &port.to_string()]);
    command.args(["--logfile", "log", "--replicaof", "127.0.0.1", &master.port.to_string()]);
    let replica = Running::start(command.env("NOTIFY_SOCKET", folder.path("notify")));
    assert_eq!(init.hear(), "STATUS=Redis is loading...\n");
    let waiting = "STATUS=Ready to accept connections in read-only mode. Waiting for MASTER <-> REPLICA sync\n";
    assert_eq!(init.hear(), waiting);
    assert_eq!(init.hear(), "READY=1\n");
    let synced =
        "STATUS=MASTER <-> REPLICA sync: Finished with success. Ready to accept connections in read-write mode.\n";
    assert_eq!(init.hear(), synced);
    assert!(cli(port, "info server").contains("\nprocess_supervised:systemd\n"));
    await_replication(port, "master_link_status:up");
    assert_eq!(cli(port, "shutdown"), "");
    assert_eq!(init.hear(), "STOPPING=1\n");
    assert_eq!(init.hear(), "STATUS=Saving the final RDB snapshot\n");
    let log = folder.read("log");
    assert!(log.contains("Supervised by systemd. Please make sure you set appropriate values"), "{log}");
    drop(replica);
}

#[test]
fn an_init_system_that_is_not_there_is_told_in_the_log() {
    let folder = Folder::new();
    let port = free_port().to_string();
    let mut command = folder.tandem();
    command.args(["--port", &port, "--logfile", "log", "--supervised", "systemd"]).env_remove("NOTIFY_SOCKET");
    let server = Running::start(&mut command);
    folder.await_text("log", "# systemd supervision error: NOTIFY_SOCKET not found!\n");
    await_pong(port.parse().expect("a number"));
    drop(server);
}

#[test]
fn upstart_sees_us_stop_once() {
    let folder = Folder::new();
    let port = free_port();
    let mut command = folder.tandem();
    command.args(["--port", &port.to_string(), "--supervised", "auto", "--save", ""]);
    let server = Running::start(command.env("UPSTART_JOB", "tandem").env_remove("NOTIFY_SOCKET"));
    eventually(LIMIT, "the server stops itself", || server.file("status").contains("\nState:\tT"));
    // SAFETY: a signal touches no memory; the process is our child.
    assert_eq!(unsafe { libc::kill(server.0.id() as i32, libc::SIGCONT) }, 0);
    await_pong(port);
    assert!(cli(port, "info server").contains("\nprocess_supervised:upstart\n"));
}

#[test]
fn process_lists_show_address_and_template() {
    let folder = Folder::new();
    let port = free_port();
    let mut command = folder.tandem();
    let server = Running::start(command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]));
    await_pong(port);
    assert_eq!(server.title(), format!("{} 127.0.0.1:{port}", program().display()));
    let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut reply = [0; 5];
    for template in ["{port} short", "{config-file} a title that is much longer than the arguments were {port}"] {
        // Whoever has the reply sees the title.
        client.write_all(format!("config set proc-title-template \"{template}\"\r\n").as_bytes()).unwrap();
        client.read_exact(&mut reply).unwrap();
        assert_eq!(&reply, b"+OK\r\n");
        assert_eq!(server.title(), template.replace("{port}", &port.to_string()).replace("{config-file}", "-"));
    }
    let error = cli(port, "config set proc-title-template {nosuch}");
    assert!(error.contains("template format is invalid or contains unknown variables"), "{error}");
}

#[test]
fn pid_file_and_unix_socket_go_with_the_process() {
    let folder = Folder::new();
    let port = free_port().to_string();
    let mut command = folder.tandem();
    command.args(["--port", &port, "--pidfile", "own.pid", "--unixsocket", "s", "--unixsocketgroup", "root"]);
    let mut server = Running::start(command.args(["--unixsocketperm", "750", "--logfile", "log", "--save", ""]));
    let port = port.parse().expect("a number");
    await_pong(port);
    assert_eq!(folder.pid("own.pid"), Some(server.0.id() as i32));
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(folder.path("s")).expect("a socket").permissions());
    assert_eq!(mode & 0o777, 0o750);
    // A second one does not come up, and leaves the files of the first alone.
    let second = folder.tandem().args(["--port", &port.to_string(), "--pidfile", "own.pid"]).output().expect("a start");
    assert_eq!(second.status.code(), Some(1));
    assert_eq!(folder.pid("own.pid"), Some(server.0.id() as i32));
    assert_eq!(cli(port, "shutdown"), "");
    assert!(server.0.wait().expect("our child").success());
    assert!(!folder.path("own.pid").exists() && !folder.path("s").exists());
    let log = folder.read("log");
    let end =
        ["* Removing the pid file.", "* Removing the unix socket file.", "# Redis is now ready to exit, bye bye..."];
    let last: Vec<&str> = log.lines().rev().take(3).collect();
    for (line, expected) in last.into_iter().rev().zip(end) {
        assert!(line.ends_with(expected), "{log}");
    }
}

#[test]
fn few_open_files_are_few_clients() {
    let folder = Folder::new();
    let port = free_port();
    let mut command = folder.command("sh".as_ref());
    let start = format!("ulimit -n 200; exec {} --port {port} --maxclients 500 --logfile log", program().display());
    let server = Running::start(command.args(["-c", &start]));
    await_pong(port);
    let log = folder.read("log");
    for line in [
        "# You requested maxclients of 500 requiring at least 532 max file descriptors.",
        "# Server can't set maximum open files to 532 because of OS error: Operation not permitted.",
        "# Current maximum open files is 200. maxclients has been reduced to 168 to compensate for low ulimit.",
    ] {
        // Who may raise any limit gets what was asked for.
        assert!(log.contains(line) || log.contains("Increased maximum number of open files to 532"), "{log}");
    }
    if log.contains("has been reduced") {
        assert_eq!(cli(port, "config get maxclients"), "maxclients\n168");
        let error = cli(port, "config set maxclients 400");
        let expected = "The operating system is not able to handle the specified number of clients, try with 168";
        assert!(error.contains(expected), "{error}");
        assert_eq!(cli(port, "config get maxclients"), "maxclients\n168");
    }
    drop(server);
}

#[test]
fn a_replica_is_killed_before_its_master() {
    let folder = Folder::new();
    let port = free_port();
    let mut command = folder.tandem();
    command.args(["--port", &port.to_string(), "--oom-score-adj", "absolute", "--oom-score-adj-values", "7 70 700"]);
    let server = Running::start(&mut command);
    await_pong(port);
    assert_eq!(server.file("oom_score_adj"), "7\n");
    assert_eq!(cli(port, "replicaof 127.0.0.1 1"), "OK");
    assert_eq!(server.file("oom_score_adj"), "70\n");
    assert_eq!(cli(port, "replicaof no one"), "OK");
    assert_eq!(server.file("oom_score_adj"), "7\n");
    assert_eq!(cli(port, "config set oom-score-adj no"), "OK");
    assert_eq!(server.file("oom_score_adj"), "0\n");
}

#[test]
fn new_addresses_are_taken_or_the_old_ones_kept() {
    let server = Launch::tandem().start();
    let port = server.port;
    assert_eq!(cli(port, "config set bind 127.0.0.1"), "OK");
    await_pong(port);
    let error = cli(port, "config set maxmemory 1000000 bind 192.0.2.1");
    assert_eq!(
        error,
        "ERR CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to specified addresses."
    );
    assert_eq!(cli(port, "config get bind"), "bind\n127.0.0.1");
    assert_eq!(cli(port, "config get maxmemory"), "maxmemory\n0");
    let other = free_port();
    assert_eq!(cli(port, &format!("config set port {other}")), "OK");
    await_pong(other);
    assert!(cli(other, "info server").contains(&format!("\ntcp_port:{other}\n")));
}

#[test]
fn programs_that_are_not_here_say_so() {
    let folder = Folder::new();
    let name = "redis-sentinel";
    std::os::unix::fs::symlink(program(), folder.path(name)).expect("a link");
    let output = folder.command(&folder.path(name)).arg("sentinel.conf").output().expect("the program runs");
    assert_eq!(output.status.code(), Some(1));
    let error = super::daemon::text(&output.stderr);
    assert!(error.starts_with(&format!("{name}: Sentinel is not a part of Tandem")), "{error}");
    std::os::unix::fs::symlink(program(), folder.path("redis-server")).expect("a link");
    let output = folder.command(&folder.path("redis-server")).arg("--version").output().expect("the program runs");
    assert!(output.status.success());
}

#[test]
fn names_of_commands_that_cannot_be_had_stop_the_start() {
    let folder = Folder::new();
    folder.write("redis.conf", "port 0\nrename-command nosuch other\n");
    let output = folder.tandem().arg("redis.conf").output().expect("the program runs");
    assert_eq!(output.status.code(), Some(1));
    let error = super::daemon::text(&output.stderr);
    assert!(error.ends_with(">>> 'rename-command nosuch other'\nNo such command in rename-command"), "{error}");
}
