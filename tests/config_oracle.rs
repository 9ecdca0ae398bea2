//! The configuration beside the real redis-server 7.0.15: names, defaults, what CONFIG SET takes and how it refuses,
//! how bad arguments stop the start.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tandem::config::{Caller, Config, Files};
use tandem::words;

/// What we have that Redis 7.0.15 refuses, takes otherwise, or cannot apply here: names, reason.
const DIFFERENCES: &[(&[&str], &str)] = &[
    (&["activedefrag"], "Debian's allocator cannot"),
    (&["dir"], "changing it is up to the server"),
    (&["loglevel"], "knows one more level"),
    (&["repl-diskless-load"], "one mode more, as in Valkey"),
    (&["maxmemory-clients"], "a size above 2^63 is refused, not wrapped to a percentage"),
    (&["shutdown-on-sigint", "shutdown-on-sigterm"], "an option given twice"),
];

fn install(package: &str, error: &std::io::Error) -> ! {
    panic!("{error}: this test needs {package}; `tests/run` or `apt-get install {package}` installs it")
}

fn run(program: &str, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new("timeout")
        .args(["20", program])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| install("redis-tools redis-server", &error));
    // Fed from a thread: with both pipes full, neither side would go on.
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
    let feeder = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    // A program that does not read what it is given says so by its output.
    let _ = feeder.join().unwrap();
    output
}

/// A redis-server on a Unix socket, killed at the end.
struct Redis {
    child: Child,
    dir: PathBuf,
}

impl Redis {
    fn start() -> Redis {
        let dir = std::env::temp_dir().join(format!("tandem-oracle-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let child = Command::new("redis-server")
            .args(["--port", "0", "--unixsocket"])
            .arg(dir.join("s"))
            .arg("--dir")
            .arg(&dir)
            .args(["--enable-protected-configs", "yes", "--maxclients", "100"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| install("redis-server", &error));
        let redis = Redis { child, dir };
        let deadline = Instant::now() + Duration::from_secs(10);
        while redis.ask(b"PING\n") != "PONG\n" {
            assert!(Instant::now() < deadline, "redis-server did not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        redis
    }

    fn ask(&self, commands: &[u8]) -> String {
        let socket = self.dir.join("s");
        let output = run("redis-cli", &["-s", socket.to_str().unwrap()], commands);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The same configuration of ours.
    fn twin(&self) -> Config {
        let socket = self.dir.join("s");
        let arguments = ["--port", "0", "--unixsocket", socket.to_str().unwrap(), "--dir", self.dir.to_str().unwrap()]
            .into_iter()
            .chain(["--enable-protected-configs", "yes", "--maxclients", "100"]);
        let arguments: Vec<OsString> = arguments.map(OsString::from).collect();
        Config::load(&arguments, &mut SameFolder).unwrap()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Reads real files, but leaves the test's working folder alone.
struct SameFolder;

impl Files for SameFolder {
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, String> {
        fs::read(path).map_err(|error| error.to_string())
    }

    fn read_stdin(&mut self) -> Result<Vec<u8>, String> {
        Ok(Vec::new())
    }

    fn expand(&mut self, _: &Path) -> Vec<PathBuf> {
        Vec::new()
    }

    fn change_dir(&mut self, dir: &Path) -> Result<PathBuf, String> {
        if dir.exists() { Ok(dir.to_owned()) } else { Err("No such file or directory".to_owned()) }
    }

    fn check_appendable(&mut self, _: &Path) -> Result<(), String> {
        Ok(())
    }

    fn absolute(&mut self, path: &Path) -> PathBuf {
        path.to_owned()
    }
}

fn all_of(redis: &Redis) -> BTreeMap<String, String> {
    let answer = redis.ask(b"CONFIG GET *\n");
    let lines: Vec<_> = answer.lines().collect();
    lines.chunks_exact(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect()
}

fn is_different(name: &str) -> bool {
    DIFFERENCES.iter().any(|(names, _)| names.contains(&name))
}

/// What each directive is set to, one after the other, its own value last.
const VALUES: &[&str] = &[
    "x",
    "",
    "-1",
    "0",
    "1",
    "7",
    "007",
    "+5",
    "1mb",
    "1k",
    "5%",
    "101%",
    "yes",
    "NO",
    "1 2",
    "2 1 4 5",
    "normal 1 2 3",
    "1.50 99",
    "99999999999999999999",
    "KEA",
    "a/b",
    "nosave",
    "127.0.0.1",
];

/// Replies that come from doing, not from reading the value.
fn is_from_applying(reply: &str) -> bool {
    ["Check server logs", "Failed to", "operating system"].iter().any(|part| reply.contains(part))
}

#[test]
fn names_and_defaults_are_those_of_redis() {
    let redis = Redis::start();
    let config = redis.twin();
    for (name, expected) in all_of(&redis) {
        let value = config.value(&name).unwrap_or_else(|| panic!("{name} is unknown"));
        assert_eq!(String::from_utf8_lossy(&value), expected, "{name}");
    }
}

#[test]
fn config_set_takes_and_refuses_as_redis_does() {
    let redis = Redis::start();
    let mut config = redis.twin();
    let defaults = all_of(&redis);
    let cases: Vec<(&String, &str)> = defaults
        .iter()
        .filter(|(name, _)| !is_different(name) && *name != "bind" && *name != "requirepass" && *name != "port")
        .flat_map(|(name, own)| VALUES.iter().copied().chain([own.as_str()]).map(move |value| (name, value)))
        .collect();
    let mut script = Vec::new();
    for (name, value) in &cases {
        let quoted = String::from_utf8(words::quote(value.as_bytes())).unwrap();
        writeln!(script, "CONFIG SET {name} {quoted}\nCONFIG GET {name}").unwrap();
    }
    let answer = redis.ask(&script);
    let mut replies = answer.split('\n');
    let mut compared = 0;
    let mut findings = Vec::new();
    for (name, value) in cases {
        let reply = replies.next().unwrap().to_owned();
        // An error is followed by an empty line.
        if reply != "OK" {
            assert_eq!(replies.next(), Some(""), "{name} {value}: {reply}");
        }
        assert_eq!(replies.next(), Some(name.as_str()), "{name} {value}: {reply}");
        let current = replies.next().unwrap();
        let ours = match config.set_many(&[(name.as_bytes(), value.as_bytes())], Caller::default()) {
            Ok(_) => "OK".to_owned(),
            Err(error) => format!("ERR {error}"),
        };
        if is_from_applying(&reply) {
            config.overwrite(name, current.as_bytes()).unwrap();
            continue;
        }
        let now = String::from_utf8_lossy(&config.value(name).unwrap()).into_owned();
        if ours != reply || now != current {
            findings.push(format!("CONFIG SET {name} {value:?}: {ours} ({now}) instead of {reply} ({current})"));
        }
        compared += 1;
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
    assert!(compared > 3_000, "only {compared} replies were compared");
}

#[test]
fn bad_arguments_stop_both_with_the_same_words() {
    let table: &[&[&str]] = &[
        &["--foo", "bar"],
        &["--port"],
        &["--port", "--bla", "--loglevel", "verbose"],
        &["--port", "65536"],
        &["--port", "6 3"],
        &["--save", "900"],
        &["--save", "900 1", "--port", "x"],
        &["--maxmemory", "1x"],
        &["--unixsocketperm", "888"],
        &["--replicaof", "x"],
        &["--replicaof", "x", "70000"],
        &["--client-output-buffer-limit", "wrong 1 1 1"],
        &["--appendfilename", ""],
        &["--dir", "/nonexistent"],
        &["--notify-keyspace-events", "Q"],
        &["--shutdown-on-sigint", "save nosave"],
        &["--include"],
        &["--user"],
        &["--rename-command", "a"],
        &["--mod.x"],
        &["-x"],
        &["--oom-score-adj-values", "1", "2"],
        &["--tcp-keepalive", "--port", "1"],
    ];
    for arguments in table {
        let output = run("redis-server", arguments, b"");
        let theirs = String::from_utf8_lossy(&output.stderr).into_owned();
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        let ours = Config::load(&arguments, &mut SameFolder).unwrap_err().to_string();
        let reason =
            |text: &str| text.lines().skip_while(|line| !line.starts_with(">>> ")).map(str::to_owned).collect();
        let (ours, theirs): (Vec<String>, Vec<String>) = (reason(&ours), reason(&theirs));
        assert_eq!(ours, theirs, "{arguments:?}");
        assert_eq!(ours.len(), 2, "{arguments:?}");
    }
}

#[test]
fn debians_configuration_loads_unchanged() {
    let path = "/etc/redis/redis.conf";
    if let Err(error) = fs::read(path) {
        install("redis-server (and leave to read its configuration)", &error);
    }
    let mut config = Config::load(&[path.into()], &mut SameFolder).unwrap();
    assert_eq!(config.bind, ["127.0.0.1", "-::1"]);
    assert_eq!(config.dir, Path::new("/var/lib/redis"));
    assert!(config.daemonize);
    assert_eq!(config.take_notices(), [], "nothing in it is off the defaults that waits for a feature");
}
