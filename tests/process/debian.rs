//! Debian's own configuration of redis-server 7.0.15, unchanged, beside the real one.

use super::daemon::{Folder, await_pong, free_port, redis_cli, text};
use super::support::server::Launch;
use std::collections::BTreeSet;
use std::fs;

const CONFIG: &str = "/etc/redis/redis.conf";

/// Names that CONFIG GET answers.
fn names(port: u16) -> BTreeSet<String> {
    let answer = text(&redis_cli(port, &["--raw", "config", "get", "*"]).stdout);
    let lines: Vec<&str> = answer.split('\n').collect();
    lines.iter().step_by(2).map(|name| (*name).to_owned()).collect()
}

#[test]
fn config_get_knows_all_that_redis_knows() {
    let (ours, theirs) = (Launch::tandem().start(), Launch::redis().start());
    let (ours, theirs) = (names(ours.port), names(theirs.port));
    assert!(theirs.len() > 180, "{theirs:?}");
    let missing: Vec<_> = theirs.difference(&ours).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Its paths are the system's, so only what says where files and port are is overridden, by arguments as its unit does.
#[test]
fn debians_configuration_starts_us_unchanged() {
    let config = fs::read_to_string(CONFIG).expect("redis-server is missing: apt-get install redis-server");
    let folder = Folder::new();
    folder.write("redis.conf", &config);
    let port = free_port();
    let own = |name: &str| folder.path(name).display().to_string();
    let mut command = folder.tandem();
    command.arg("redis.conf").args(["--port", &port.to_string(), "--dir", &own("")]);
    command.args(["--pidfile", &own("redis.pid"), "--logfile", &own("redis.log")]);
    let status = command.status().expect("the program starts");
    assert_eq!(status.code(), Some(0), "{}", folder.read("redis.log"));
    await_pong(port);
    assert!(folder.pid("redis.pid").is_some());
    let log = folder.read("redis.log");
    assert!(log.contains("Ready to accept connections") && !log.contains("not yet in effect"), "{log}");
    assert_eq!(super::daemon::cli(port, "config rewrite"), "OK");
    let comments = |text: &str| {
        text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim().to_owned()).collect::<Vec<_>>()
    };
    let rewritten = folder.read("redis.conf");
    assert!(comments(&rewritten).starts_with(&comments(&config)), "comments stay in their order");
}
