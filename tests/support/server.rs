//! A server in a process of its own: Tandem, or any other program that starts from a redis.conf.
//!
//! It has a free port, a folder that goes with it, and a log. It ends when its value is dropped, by its own pid.

use super::client::Client;
use super::eventually;
use std::fs::{self, File};
use std::io::{self, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const START_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// Between choosing a port and listening on it another process may take it.
const START_ATTEMPTS: usize = 5;

/// What every server gets, equal on both sides of a comparison; a launch may say otherwise.
const DIRECTIVES: &[(&str, &str)] = &[
    ("bind", "127.0.0.1"),
    ("save", "\"\""),
    ("appendonly", "no"),
    ("repl-diskless-sync", "yes"),
    ("repl-diskless-sync-delay", "0"),
    ("enable-debug-command", "yes"),
];

/// How to start a server: which program, with which directives, on which core.
#[derive(Clone)]
pub struct Launch {
    program: PathBuf,
    directives: Vec<(String, String)>,
    arguments: Vec<String>,
    core: Option<usize>,
}

impl Launch {
    /// The binary of this build, or the one that TANDEM_BIN names.
    pub fn tandem() -> Launch {
        Launch::program(std::env::var_os("TANDEM_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_tandem").into()))
    }

    /// Debian's redis-server 7.0.15.
    pub fn redis() -> Launch {
        let found = Command::new("redis-server").arg("--version").output();
        assert!(found.is_ok(), "redis-server is missing: apt-get install redis-server");
        Launch::program("redis-server")
    }

    pub fn program(path: impl Into<PathBuf>) -> Launch {
        let directives = DIRECTIVES.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        Launch { program: path.into(), directives, arguments: Vec::new(), core: None }
    }

    /// One line of the configuration file; the value is quoted as that file needs it.
    pub fn with(mut self, name: &str, value: &str) -> Launch {
        self.directives.retain(|(other, _)| other != name);
        self.directives.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A word of the command line, behind the configuration file.
    pub fn argument(mut self, word: &str) -> Launch {
        self.arguments.push(word.to_owned());
        self
    }

    /// All threads of the server run on this core.
    pub fn on_core(mut self, core: usize) -> Launch {
        self.core = Some(core);
        self
    }

    /// The program, and what it says of its version.
    pub fn version(&self) -> String {
        let output = Command::new(&self.program).arg("--version").output();
        let output = output.unwrap_or_else(|error| panic!("{}: {error}", self.program.display()));
        format!("{}: {}", self.program.display(), String::from_utf8_lossy(&output.stdout).trim())
    }

    /// Starts it and waits until it answers.
    pub fn start(self) -> Server {
        for attempt in 1.. {
            match Server::spawn(self.clone()) {
                Ok(server) => return server,
                Err(error) => {
                    let port_taken = error.kind() == io::ErrorKind::AddrInUse;
                    assert!(port_taken && attempt < START_ATTEMPTS, "{}: {error}", self.program.display());
                }
            }
        }
        unreachable!("the last attempt returns or panics")
    }

    fn command(&self, config: &Path) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(core) = self.core {
            // taskset becomes the program it starts, so the pid is the server's.
            command = Command::new("taskset");
            command.arg("-c").arg(core.to_string()).arg(&self.program);
        }
        command.arg(config).args(&self.arguments);
        command
    }
}

pub struct Server {
    launch: Launch,
    pub port: u16,
    folder: PathBuf,
    child: Child,
}

impl Server {
    fn spawn(launch: Launch) -> io::Result<Server> {
        let port = free_port()?;
        let folder = fresh_folder()?;
        let mut config = File::create(folder.join("redis.conf"))?;
        writeln!(config, "port {port}\ndir {}", folder.display())?;
        for (name, value) in &launch.directives {
            writeln!(config, "{name} {value}")?;
        }
        let child = run(&launch, &folder)?;
        let mut server = Server { launch, port, folder, child };
        server.await_ready()?;
        Ok(server)
    }

    /// Ready once it answers a PING, be it that it wants a password first.
    fn await_ready(&mut self) -> io::Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let reply = Client::connect(self.port).and_then(|mut client| client.request(&["PING"]));
            let answer = reply.map_or_else(|error| error.to_string(), |reply| reply.to_string());
            if answer == "PONG" || answer.starts_with("NOAUTH") {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(self.start_error(format!("ended before it answered, with {status}")));
            }
            if Instant::now() > deadline {
                return Err(self.start_error(format!("still answers \"{answer}\" after {START_LIMIT:?}")));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn start_error(&self, what: String) -> io::Error {
        let log = self.log_tail();
        let port_taken = log.contains("Failed listening on port");
        let kind = if port_taken { io::ErrorKind::AddrInUse } else { io::ErrorKind::Other };
        io::Error::new(kind, format!("{what}:\n{log}"))
    }

    pub fn client(&self) -> Client {
        Client::connect(self.port).unwrap_or_else(|error| panic!("port {}: {error}\n{}", self.port, self.log_tail()))
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end as an operator would (SIGTERM), waits for that, and starts it again on its port and data.
    pub fn restart(&mut self) {
        self.stop();
        self.start_again();
    }

    /// SIGTERM, and its end.
    pub fn stop(&mut self) {
        self.signal(libc::SIGTERM);
        let child = &mut self.child;
        eventually(STOP_LIMIT, "the server ends after SIGTERM", || matches!(child.try_wait(), Ok(Some(_))));
    }

    /// Waits until it ends by itself, or of what was done to it: its exit code, or the signal that ended it.
    pub fn await_end(&mut self) -> (Option<i32>, Option<i32>) {
        let (child, mut status) = (&mut self.child, None);
        eventually(STOP_LIMIT, "the server ends", || {
            status = child.try_wait().expect("our child");
            status.is_some()
        });
        let status = status.expect("it has ended");
        (status.code(), std::os::unix::process::ExitStatusExt::signal(&status))
    }

    /// Starts what was stopped, expecting it to end by itself: answers its exit code.
    pub fn refused_start(&mut self) -> Option<i32> {
        self.child = run(&self.launch, &self.folder).expect("the program is there");
        let (child, mut status) = (&mut self.child, None);
        eventually(STOP_LIMIT, "the server refuses to start", || {
            status = child.try_wait().expect("our child");
            status.is_some()
        });
        status.and_then(|status| status.code())
    }

    /// Starts what was stopped or refused to start.
    pub fn start_again(&mut self) {
        self.child = run(&self.launch, &self.folder).expect("the server starts again");
        self.await_ready().expect("the server answers again");
    }

    /// Starts what was stopped, without waiting for an answer to PING: it may load for a while.
    pub fn start_loading(&mut self) {
        self.child = run(&self.launch, &self.folder).expect("the server starts again");
    }

    /// A file in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn signal(&self, signal: libc::c_int) {
        // SAFETY: kill(2) touches no memory of ours; the pid is our child's, which is not reaped while `self` lives.
        let result = unsafe { libc::kill(self.pid() as libc::pid_t, signal) };
        assert_eq!(result, 0, "kill: {}", io::Error::last_os_error());
    }

    /// Attaches it to a master and waits until the link is up.
    pub fn replicate_from(&self, port: u16) {
        self.client().call(&format!("REPLICAOF 127.0.0.1 {port}"));
        self.await_link();
    }

    pub fn await_link(&self) {
        let mut client = self.client();
        eventually(Duration::from_secs(60), "master_link_status:up", || {
            client.info("master_link_status").as_deref() == Some("up")
        });
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // What cannot be stopped or removed has gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- log of {} at port {}\n{}", self.launch.program.display(), self.port, self.log_tail());
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn run(launch: &Launch, folder: &Path) -> io::Result<Child> {
    let log = File::options().create(true).append(true).open(folder.join("log"))?;
    launch.command(&folder.join("redis.conf")).stdout(log.try_clone()?).stderr(log).spawn()
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn fresh_folder() -> io::Result<PathBuf> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("tandem-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let folder = std::env::temp_dir().join(name);
    fs::create_dir(&folder)?;
    Ok(folder)
}
