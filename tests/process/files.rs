//! check-rdb and check-aof beside Redis's own tools: the same files, the same output, the same exit code. And inspect.

use super::daemon::{Folder, program};
use super::support::server::Launch;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const TOOLS: [&str; 2] = ["redis-check-rdb", "redis-check-aof"];

/// What a tool prints in a folder, and its exit code.
fn output(folder: &Folder, program: &Path, arguments: &[&str], answer: &str) -> (String, Option<i32>) {
    let mut command = folder.command(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("redis-check-* must be installed: apt-get install redis-tools");
    // A tool that asks nothing reads nothing.
    let _ = child.stdin.take().expect("it is piped").write_all(answer.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().expect("it ends");
    let text = [stdout, stderr].concat();
    let text = String::from_utf8_lossy(&text).replace(&program.display().to_string(), "PROGRAM");
    (text.lines().map(without_rubbish).collect::<Vec<_>>().join("\n"), status.code())
}

/// Where a file ends in the middle of a number, Redis's tool tells what its buffer held behind it.
fn without_rubbish(line: &str) -> &str {
    match line.split_once(": Expected \\r\\n, got: ") {
        Some(_) => &line[..line.len() - 4],
        None => line,
    }
}

/// A folder with files of a real server, and our binary under the old names.
fn files_of_redis() -> Folder {
    let folder = Folder::new();
    for name in TOOLS {
        std::os::unix::fs::symlink(program(), folder.path(name)).expect("a link");
    }
    let server = Launch::redis().with("appendonly", "yes").with("aof-timestamp-enabled", "yes").start();
    let mut client = server.client();
    for request in [
        "SET expired x PXAT 1000000000000",
        "SET volatile x EX 100000",
        "RPUSH list a b c",
        "ZADD zset 1 a 2.5 b",
        "SELECT 7",
        "HSET hash f v",
        "SAVE",
        "BGREWRITEAOF",
    ] {
        client.call(request);
    }
    super::support::eventually(super::daemon::LIMIT, "the log is rewritten", || {
        client.count("aof_rewrite_in_progress") == 0 && client.count("aof_rewrite_scheduled") == 0
    });
    for request in ["SET after 1", "MULTI", "SET in multi", "SET in again", "EXEC"] {
        client.call(request);
    }
    client.call("CONFIG SET appendfsync always");
    client.call("SET last 1");
    copy(&server.path("appendonlydir"), &folder.path("aof"));
    fs::copy(server.path("dump.rdb"), folder.path("dump.rdb")).expect("the file");
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a folder");
    for file in fs::read_dir(from).expect("the folder").flatten() {
        fs::copy(file.path(), to.join(file.file_name())).expect("the file");
    }
}

/// The only file in the folder of the log whose name ends so.
fn part(folder: &Folder, end: &str) -> String {
    let names = fs::read_dir(folder.path("aof")).expect("the folder").flatten();
    let mut names = names.filter_map(|file| file.file_name().into_string().ok());
    format!("aof/{}", names.find(|name| name.ends_with(end)).expect("the part"))
}

/// Both print the same; answers what.
fn assert_same(folder: &Folder, tool: &str, arguments: &[&str], answer: &str) -> String {
    let named: Vec<_> = arguments.iter().filter(|word| folder.path(word).is_file()).collect();
    let before: Vec<_> = named.iter().map(|name| fs::read(folder.path(name)).expect("the file")).collect();
    let expected = output(folder, Path::new(tool), arguments, answer);
    let after: Vec<_> = named.iter().map(|name| fs::read(folder.path(name)).expect("the file")).collect();
    named.iter().zip(before).for_each(|(name, bytes)| fs::write(folder.path(name), bytes).expect("as before"));
    let ours = output(folder, &folder.path(tool), arguments, answer);
    assert_eq!(ours, expected, "{tool} {arguments:?}");
    for (name, bytes) in named.iter().zip(after) {
        assert_eq!(fs::read(folder.path(name)).expect("the file"), bytes, "what {tool} leaves of {name}");
    }
    ours.0
}

#[test]
fn check_rdb_prints_what_redis_prints() {
    let folder = files_of_redis();
    assert!(assert_same(&folder, TOOLS[0], &["dump.rdb"], "").contains("[info] 5 keys read"));
    let bytes = fs::read(folder.path("dump.rdb")).expect("the file");
    fs::write(folder.path("signature.rdb"), b"RADIS0010").expect("a file");
    fs::write(folder.path("version.rdb"), b"REDIS0099").expect("a file");
    fs::write(folder.path("checksum.rdb"), [&bytes[..bytes.len() - 8], b"foobar00"].concat()).expect("a file");
    for (name, what) in [
        ("signature.rdb", "[offset 9] Wrong signature trying to load DB from file"),
        ("version.rdb", "[offset 9] Can't handle RDB format version 99"),
        ("checksum.rdb", "RDB CRC error"),
    ] {
        let (text, code) = output(&folder, &folder.path(TOOLS[0]), &[name], "");
        assert!(text.contains("--- RDB ERROR DETECTED ---\n") && text.contains(what), "{text}");
        assert_eq!(code, Some(1), "{text}");
        assert!(output(&folder, Path::new(TOOLS[0]), &[name], "").0.contains(what));
    }
}

#[test]
fn a_bad_rdb_file_is_bad_for_check_rdb_wherever_it_is_cut() {
    let folder = files_of_redis();
    let bytes = fs::read(folder.path("dump.rdb")).expect("the file");
    for length in (0..bytes.len()).step_by(7) {
        fs::write(folder.path("cut.rdb"), &bytes[..length]).expect("a file");
        let (text, code) = output(&folder, &folder.path(TOOLS[0]), &["cut.rdb"], "");
        assert!(text.contains("Unexpected EOF reading RDB file") && code == Some(1), "cut at {length}: {text}");
    }
}

#[test]
fn check_aof_prints_what_redis_prints() {
    let folder = files_of_redis();
    let (base, incremental, manifest) =
        (part(&folder, ".base.rdb"), part(&folder, ".incr.aof"), part(&folder, ".manifest"));
    for file in [&base, &incremental] {
        assert_same(&folder, TOOLS[1], &[file], "");
    }
    assert!(assert_same(&folder, TOOLS[1], &[&manifest], "").ends_with("All AOF files and manifest are valid"));
    for arguments in [&[][..], &["nosuch"], &["--fix"], &["--what", "a"], &["--truncate-to-timestamp", "x", "a"]] {
        assert_same(&folder, TOOLS[1], arguments, "");
    }
    assert_same(&folder, TOOLS[1], &["--truncate-to-timestamp", "1", &incremental], "");
    assert_same(&folder, TOOLS[1], &["--truncate-to-timestamp", "99999999999", &incremental], "");
}

#[test]
fn check_aof_cuts_where_redis_cuts() {
    let folder = files_of_redis();
    let (incremental, manifest) = (part(&folder, ".incr.aof"), part(&folder, ".manifest"));
    let whole = fs::read(folder.path(&incremental)).expect("the file");
    for length in (1..whole.len()).rev().step_by(5) {
        // A line of time that is cut itself passes for whole with Redis, whose next record then is lost in it.
        let is_torn_note =
            whole[..length].rsplit(|byte| *byte == b'\n').next().is_some_and(|line| line.starts_with(b"#"));
        if is_torn_note {
            continue;
        }
        fs::write(folder.path(&incremental), &whole[..length]).expect("a file");
        assert_same(&folder, TOOLS[1], &[&incremental], "");
        fs::write(folder.path(&incremental), &whole[..length]).expect("a file");
        assert_same(&folder, TOOLS[1], &["--fix", &incremental], "n\n");
        assert_same(&folder, TOOLS[1], &["--fix", &incremental], "y\n");
        fs::write(folder.path(&incremental), &whole[..length]).expect("a file");
        assert_eq!(output(&folder, &folder.path(TOOLS[1]), &["--fix", &manifest], "y\n").1, Some(0));
        let valid = output(&folder, Path::new(TOOLS[1]), &[&manifest], "");
        assert_eq!(valid.1, Some(0), "cut at {length}: {}", valid.0);
    }
}

#[test]
fn inspect_tells_what_a_file_holds() {
    let folder = files_of_redis();
    let inspect = |form: &[&str]| {
        let arguments = [&["inspect"], form, &["dump.rdb"]].concat();
        let (text, code) = output(&folder, &program(), &arguments, "");
        assert_eq!(code, Some(0), "{text}");
        text
    };
    let table = inspect(&[]);
    assert!(table.starts_with("dump.rdb: RDB version 10, written by version 7.0.15, "), "{table}");
    for word in ["string", "list", "zset", "hash", "largest keys", "over", "up to a week"] {
        assert!(table.contains(word), "no {word:?} in\n{table}");
    }
    assert!(inspect(&["--bars"]).contains("█"));
    assert!(inspect(&["--json", "--largest", "2"]).contains("\"written_by\": \"7.0.15\""));
    let (text, code) = output(&folder, &program(), &["inspect", "redis-check-rdb"], "");
    assert!(text.contains("wrong signature") && code == Some(1), "{text}");
}

#[test]
fn the_new_names_stand_as_first_argument() {
    let folder = files_of_redis();
    let run = |arguments: &[&str]| Command::new(program()).current_dir(folder.path("")).args(arguments).output();
    let checked = run(&["check-rdb", "dump.rdb"]).expect("it runs");
    assert!(checked.status.success() && String::from_utf8_lossy(&checked.stdout).contains("RDB looks OK!"));
    let checked = run(&["check-aof", &part(&folder, ".manifest")]).expect("it runs");
    assert!(checked.status.success() && String::from_utf8_lossy(&checked.stdout).contains("are valid"));
}
