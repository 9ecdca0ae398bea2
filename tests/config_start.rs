//! The program's first steps: what it tells about itself, and how a bad configuration ends it.

use std::process::{Command, Output};

fn tandem(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tandem")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_version_reads_like_redis() {
    for flag in ["-v", "--version"] {
        let output = tandem(&[flag]);
        assert!(output.status.success());
        let expected = format!("Tandem server v=8.0.6 tandem={} ", env!("CARGO_PKG_VERSION"));
        assert!(text(&output.stdout).starts_with(&expected), "{}", text(&output.stdout));
    }
}

#[test]
fn help_shows_the_grammar() {
    for flag in ["-h", "--help"] {
        let output = tandem(&[flag]);
        assert!(output.status.success());
        assert!(text(&output.stdout).contains("tandem [redis.conf] [--directive value ...] [-]"));
    }
}

#[test]
fn a_bad_directive_ends_the_start_with_place_and_reason() {
    let output = tandem(&["--foo", "bar"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        text(&output.stderr),
        "\n*** FATAL CONFIG FILE ERROR (Redis 8.0.6) ***\nReading the configuration file, at line 1 of the arguments\n\
         >>> 'foo \"bar\"'\nBad directive or wrong number of arguments\n"
    );
}

#[test]
fn a_missing_file_is_told_as_a_log_line() {
    let output = tandem(&["/nonexistent/redis.conf"]);
    assert_eq!(output.status.code(), Some(1));
    let line = text(&output.stdout);
    let expected = " # Fatal error, can't open config file '/nonexistent/redis.conf': No such file or directory\n";
    assert!(line.contains(":C ") && line.ends_with(expected), "{line}");
}
