//! The program: arguments become a configuration, the log begins, the server runs.

use clap::Parser;
use std::ffi::OsString;
use std::process::ExitCode;
use tandem::config::{Config, REDIS_VERSION, StartError};
use tandem::server::logging::Log;
use tandem::server::process::{Process, ProcessTitle, Supervisor, daemonize};
use tandem::server::{self, config_file, logging};
use tandem::tools::Tool;

/// A Redis-compatible server with built-in replication.
///
/// Without arguments it listens on port 6379. Every directive of a configuration file can be given as an argument, which
/// then overrides the file: --port 6380. Values follow it up to the next argument that begins with two dashes.
/// redis.conf.example lists all directives.
#[derive(Parser)]
#[command(
    name = "tandem",
    override_usage = "tandem [redis.conf] [--directive value ...] [-]",
    after_help = "Examples:\n  tandem /etc/redis/redis.conf\n  tandem --port 6380 --replicaof 127.0.0.1 6379\n  \
                  echo 'maxmemory 128mb' | tandem -\n\nFiles:\n  tandem check-rdb dump.rdb\n  \
                  tandem check-aof [--fix | --truncate-to-timestamp T] appendonly.aof.manifest\n  \
                  tandem inspect [--bars | --json] dump.rdb"
)]
struct About {
    /// Configuration file; "-" as the first or last argument reads more of it from standard input
    #[arg(value_name = "redis.conf")]
    file: Option<OsString>,
    /// Print the version
    #[arg(short = 'v', long)]
    version: bool,
}

/// Names by which we may be called that stand for another program.
const OTHER_PROGRAMS: &[(&str, &str)] = &[("redis-sentinel", "Sentinel")];

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let program = arguments.next().unwrap_or_default().to_string_lossy().into_owned();
    let arguments: Vec<OsString> = arguments.collect();
    let name = program.rsplit('/').next().unwrap_or_default();
    if let Some((other, what)) = OTHER_PROGRAMS.iter().find(|(other, _)| name.contains(other)) {
        eprintln!("{other}: {what} is not a part of Tandem {} yet", env!("CARGO_PKG_VERSION"));
        return ExitCode::FAILURE;
    }
    if let Some((tool, call)) = Tool::find(&program, &arguments) {
        return tool.run(&call);
    }
    // Directives have Redis's own grammar; only these flags are clap's.
    match arguments.first().and_then(|first| first.to_str()) {
        Some("-h" | "--help" | "-v" | "--version") => tell_about(&arguments[0]),
        _ => match config_file::load(&arguments) {
            Ok(config) => start(config, program, arguments.is_empty()),
            Err(error) => refuse(&error),
        },
    }
}

/// The version reads like redis-server's, so that scripts find the `v=` they look for.
fn tell_about(flag: &OsString) -> ExitCode {
    if About::parse_from([&OsString::from("tandem"), flag]).version {
        let version = env!("CARGO_PKG_VERSION");
        println!("Tandem server v={REDIS_VERSION} tandem={version} malloc=jemalloc bits={}", usize::BITS);
    }
    ExitCode::SUCCESS
}

/// A file that cannot be read is told as a log line, a bad configuration in Redis's three lines.
fn refuse(error: &StartError) -> ExitCode {
    if let StartError::Unreadable { .. } = error {
        logging::init(&Config::default());
        tracing::error!("{error}");
    } else {
        eprintln!("{error}");
    }
    ExitCode::FAILURE
}

fn start(mut config: Config, program: String, is_bare: bool) -> ExitCode {
    let log = logging::init(&config);
    let supervisor = Supervisor::greet(config.supervised);
    // An init system that waits for us must not see us go.
    let is_daemon = config.daemonize && !supervisor.is_present();
    let daemonized = if is_daemon { daemonize() } else { Ok(()) };
    announce(&mut config, &program, is_bare);
    if let Err(error) = daemonized {
        tracing::error!("Can't go to the background: {}", config_file::reason(&error));
        return ExitCode::FAILURE;
    }
    run(config, log, Process { program, is_daemon, supervisor, title: ProcessTitle::claim() })
}

fn announce(config: &mut Config, program: &str, is_bare: bool) {
    tracing::warn!("oO0OoO0OoO0Oo Tandem is starting oO0OoO0OoO0Oo");
    let (version, pid) = (env!("CARGO_PKG_VERSION"), std::process::id());
    tracing::warn!(
        "Tandem version={version}, Redis version={REDIS_VERSION}, bits={}, pid={pid}, just started",
        usize::BITS
    );
    if is_bare {
        tracing::warn!(
            "Warning: no config file specified, using the default config. \
             In order to specify a config file use {program} /path/to/redis.conf"
        );
    } else {
        tracing::warn!("Configuration loaded");
    }
    for notice in config.take_notices() {
        tracing::warn!("{notice}");
    }
}

fn run(config: Config, log: Log, process: Process) -> ExitCode {
    match server::run(config, log, process) {
        Ok(code) => ExitCode::from(code as u8),
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
