//! Servers as an operator runs them: a folder of files, the program by its name and arguments, redis-cli.

use super::support::eventually;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub const LIMIT: Duration = Duration::from_secs(30);

/// A folder of its own; daemons whose pid files lie in it end with it.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("tandem-operator-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a folder for the test");
        Folder(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file for the test");
    }

    /// What stands in a file; nothing if there is none.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// The process whose id stands in a file.
    pub fn pid(&self, name: &str) -> Option<i32> {
        self.read(name).trim().parse().ok()
    }

    /// The server's program, to be started in this folder.
    pub fn tandem(&self) -> Command {
        self.command(&program())
    }

    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.0);
        command
    }

    /// Waits until a file holds this text.
    pub fn await_text(&self, name: &str, text: &str) {
        eventually(LIMIT, &format!("{name} says {text}"), || self.read(name).contains(text));
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        for file in fs::read_dir(&self.0).into_iter().flatten().flatten() {
            let name = file.file_name().into_string().unwrap_or_default();
            if let Some(pid) = self.pid(&name).filter(|_| name.ends_with(".pid")) {
                // SAFETY: a signal touches no memory; the id is that of a daemon which removes its file when it ends.
                unsafe { libc::kill(pid, libc::SIGKILL) };
            }
        }
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub fn program() -> PathBuf {
    std::env::var_os("TANDEM_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_tandem").into()).into()
}

pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a free port").port()
}

/// What redis-cli prints, as at a terminal or in a script: without decoration.
pub fn cli(port: u16, words: &str) -> String {
    let output = redis_cli(port, &words.split(' ').collect::<Vec<_>>());
    text(&output.stdout)
}

pub fn redis_cli(port: u16, words: &[&str]) -> Output {
    let output = Command::new("redis-cli").args(["-p", &port.to_string()]).args(words).output();
    output.expect("redis-cli is missing: apt-get install redis-tools")
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace("\r\n", "\n").trim_end().to_owned()
}

pub fn await_pong(port: u16) {
    eventually(LIMIT, "the server answers PING", || cli(port, "ping") == "PONG");
}

/// Waits until INFO REPLICATION says this line.
pub fn await_replication(port: u16, line: &str) {
    eventually(LIMIT, &format!("port {port} says {line}"), || {
        cli(port, "info replication").lines().any(|said| said == line)
    });
}

pub fn is_alive(pid: i32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}
