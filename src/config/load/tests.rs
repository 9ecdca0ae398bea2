//! The grammar of files and arguments, against files in memory.

use super::*;
use std::collections::BTreeMap;

/// A file system of texts; folders exist if their name ends with a slash.
#[derive(Default)]
struct Texts {
    texts: BTreeMap<String, String>,
    stdin: String,
    dir: PathBuf,
}

impl Files for Texts {
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, String> {
        let text = self.texts.get(path.to_str().unwrap()).or_else(|| self.texts.get(self.dir.join(path).to_str()?));
        text.map(|text| text.clone().into_bytes()).ok_or_else(|| "No such file or directory".to_owned())
    }

    fn read_stdin(&mut self) -> Result<Vec<u8>, String> {
        Ok(std::mem::take(&mut self.stdin).into_bytes())
    }

    fn expand(&mut self, pattern: &Path) -> Vec<PathBuf> {
        let pattern = pattern.to_str().unwrap().as_bytes();
        let matching = self.texts.keys().filter(|path| crate::config::glob::matches(pattern, path.as_bytes(), false));
        matching.map(PathBuf::from).collect()
    }

    fn change_dir(&mut self, dir: &Path) -> Result<PathBuf, String> {
        if !self.texts.contains_key(&format!("{}/", dir.display())) {
            return Err("No such file or directory".to_owned());
        }
        self.dir = dir.to_owned();
        Ok(dir.to_owned())
    }

    fn check_appendable(&mut self, path: &Path) -> Result<(), String> {
        if path.starts_with("/forbidden") { Err("Permission denied".to_owned()) } else { Ok(()) }
    }

    fn absolute(&mut self, path: &Path) -> PathBuf {
        let here = if self.dir.as_os_str().is_empty() { Path::new("/here") } else { &self.dir };
        here.join(path.strip_prefix("./").unwrap_or(path)).components().collect()
    }
}

fn load_with(arguments: &[&str], texts: &[(&str, &str)], stdin: &str) -> Result<Config, String> {
    let texts = texts.iter().map(|(path, text)| (path.to_string(), text.to_string())).collect();
    let mut files = Texts { texts, stdin: stdin.to_owned(), dir: PathBuf::new() };
    let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    Config::load(&arguments, &mut files).map_err(|error| error.to_string())
}

fn load(text: &str) -> Result<Config, String> {
    load_with(&["/redis.conf"], &[("/redis.conf", text), ("/data/", "")], "")
}

fn load_arguments(arguments: &[&str]) -> Result<Config, String> {
    load_with(arguments, &[("/redis.conf", "port 7000\nsave 5 5"), ("/data/", "")], "timeout 9\nport 7001")
}

fn value(config: &Config, name: &str) -> String {
    String::from_utf8(config.value(name).unwrap()).unwrap()
}

#[test]
fn nothing_given_means_defaults() {
    let config = load_arguments(&[]).unwrap();
    assert_eq!((config.port, config.file.clone()), (6379, None));
    assert_eq!(value(&config, "dir"), "/here");
}

#[test]
fn files_have_comments_blanks_quotes_and_old_names() {
    let config = load(
        "# comment\n\n  \t\r\n  PORT   7000\r\nslave-read-only no\nrequirepass \"a b\\x41\"\nslaveof 127.0.0.1 6379\n\
         client-output-buffer-limit normal 1mb 0 0\nclient-output-buffer-limit slave 2mb 0 0\nunixsocketperm 700\n\
         list-max-ziplist-entries 5\nbind 127.0.0.1 ::1\ndir /data\nuser bob on >x\nrename-command CONFIG \"\"",
    )
    .unwrap();
    assert_eq!((config.port, config.replica_read_only), (7000, false));
    assert_eq!(config.requirepass.as_deref(), Some(&b"a bA"[..]));
    assert_eq!(config.replicaof.as_ref().map(|master| master.port), Some(6379));
    assert_eq!(
        value(&config, "client-output-buffer-limit"),
        "normal 1048576 0 0 slave 2097152 0 0 pubsub 33554432 8388608 60"
    );
    assert_eq!(config.unixsocketperm, 0o700);
    assert_eq!(value(&config, "bind"), "127.0.0.1 ::1");
    assert_eq!(value(&config, "dir"), "/data");
    assert_eq!(config.users, [[b"bob".to_vec(), b"on".to_vec(), b">x".to_vec()]]);
    assert_eq!(config.renamed_commands, [(b"CONFIG".to_vec(), Vec::new())]);
    assert_eq!(config.file, Some(PathBuf::from("/redis.conf")));
}

#[test]
fn save_lines_add_up_until_an_empty_one() {
    let saves = |text: &str| value(&load(text).unwrap(), "save");
    assert_eq!(saves("port 1"), "3600 1 300 100 60 10000");
    assert_eq!(saves("save 900 1"), "900 1");
    assert_eq!(saves("save 900 1 5 5\nsave 1 2"), "900 1 5 5 1 2");
    assert_eq!(saves("save \"900 1\""), "900 1");
    assert_eq!(saves("save \"\""), "");
    assert_eq!(saves("save 900 1\nsave \"\"\nsave 1 2"), "1 2");
}

#[test]
fn bad_lines_stop_the_start_with_place_and_reason() {
    let table = [
        ("port 1\nfoo bar", 2, "foo bar", "Bad directive or wrong number of arguments"),
        ("  foo\t", 1, "foo", "Bad directive or wrong number of arguments"),
        ("port 1 2", 1, "port 1 2", "wrong number of arguments"),
        ("port", 1, "port", "wrong number of arguments"),
        ("port x", 1, "port x", "argument couldn't be parsed into an integer"),
        ("port 70000", 1, "port 70000", "argument must be between 0 and 65535 inclusive"),
        ("requirepass \"x", 1, "requirepass \"x", "Unbalanced quotes in configuration line"),
        ("save \"'9 1\"", 1, "save \"'9 1\"", "Unbalanced quotes in configuration line"),
        ("unixsocketperm 1000", 1, "unixsocketperm 1000", "argument must be between 0 and 777 inclusive"),
        ("unixsocketperm 8", 1, "unixsocketperm 8", "argument couldn't be parsed as an octal number"),
        ("replicaof x", 1, "replicaof x", "wrong number of arguments"),
        ("replicaof x 65536", 1, "replicaof x 65536", "Invalid master port"),
        ("dir /missing", 1, "dir /missing", "No such file or directory"),
        ("appendfilename \"\"", 1, "appendfilename \"\"", "appendfilename can't be empty"),
        ("appenddirname a/b", 1, "appenddirname a/b", "appenddirname can't be a path, just a dirname"),
        ("include", 1, "include", "Bad directive or wrong number of arguments"),
        ("user", 1, "user", "Bad directive or wrong number of arguments"),
        ("rename-command x", 1, "rename-command x", "Bad directive or wrong number of arguments"),
        ("sentinel x", 1, "sentinel x", "sentinel directive while not in sentinel mode"),
        ("loadmodule x.so", 1, "loadmodule x.so", "modules are not supported"),
        ("mod.x", 1, "mod.x", "Module config specified without value"),
    ];
    for (text, number, line, reason) in table {
        let expected = format!(
            "\n*** FATAL CONFIG FILE ERROR (Redis 8.0.6) ***\nReading the configuration file, at line {number} of \
             /redis.conf\n>>> '{line}'\n{reason}"
        );
        assert_eq!(load(text).err(), Some(expected), "{text}");
    }
}

#[test]
fn what_lines_cannot_check_alone_is_checked_at_the_end() {
    let error = load("logfile /forbidden/x").unwrap_err();
    assert_eq!(error, "\n*** FATAL CONFIG FILE ERROR (Redis 8.0.6) ***\nCan't open the log file: Permission denied");
    let error = load("cluster-enabled yes\nreplicaof x 1").unwrap_err();
    assert!(error.ends_with("replicaof directive not allowed in cluster mode"), "{error}");
}

#[test]
fn includes_are_read_in_place() {
    let texts = [
        ("/redis.conf", "port 1\ninclude /conf.d/*.conf\ninclude /none/*.conf\ninclude extra\ntimeout 3"),
        ("/conf.d/a.conf", "port 2\ntimeout 1"),
        ("/conf.d/b.conf", "port 3"),
        ("/conf.d/c.txt", "port 4"),
        ("extra", "hz 50"),
    ];
    let config = load_with(&["/redis.conf"], &texts, "").unwrap();
    assert_eq!((config.port, config.timeout_s, config.hz), (3, 3, 50));
}

#[test]
fn included_files_must_exist_and_name_their_own_lines() {
    let error = load("include /missing").unwrap_err();
    assert_eq!(error, "Fatal error, can't open config file '/missing': No such file or directory");
    let texts = [("/redis.conf", "include /a"), ("/a", "\n\nhz x")];
    let error = load_with(&["/redis.conf"], &texts, "").unwrap_err();
    assert!(error.contains("at line 3 of /a\n>>> 'hz x'"), "{error}");
}

#[test]
fn files_that_include_themselves_end() {
    let error = load("include /redis.conf").unwrap_err();
    assert!(error.contains("too many files included"), "{error}");
    // Twice in each file: without a bound on their number, 2^16 files.
    let error = load("include /redis.conf\ninclude /redis.conf").unwrap_err();
    assert!(error.contains("too many files included"), "{error}");
    let texts = [("/redis.conf", "include /wide*"), ("/wide1", "include /wide*"), ("/wide2", "include /wide*")];
    let error = load_with(&["/redis.conf"], &texts, "").unwrap_err();
    assert!(error.contains("too many files included"), "{error}");
}

#[test]
fn arguments_read_like_lines_after_the_file() {
    let table: &[(&[&str], &str, &str)] = &[
        (&["/redis.conf"], "port", "7000"),
        (&["/redis.conf", "--port", "7002"], "port", "7002"),
        (&["--port", "7002", "--port", "7003"], "port", "7003"),
        (&["--port 7002"], "port", "7002"),
        (&["--PORT ", "7002"], "port", "7002"),
        (&["--bind", "127.0.0.1", "::1", "--port", "1"], "bind", "127.0.0.1 ::1"),
        (&["--bind 127.0.0.1", "::1"], "bind", "127.0.0.1 ::1"),
        (&["--requirepass", "--secret"], "requirepass", "--secret"),
        (&["--requirepass", "a \"b\n"], "requirepass", "a \"b\n"),
        (&["--save", "900", "1"], "save", "900 1"),
        (&["--save", "900 1 5 5"], "save", "900 1 5 5"),
        (&["--save", ""], "save", ""),
        (&["--save"], "save", ""),
        (&["--save", "--port", "5"], "save", ""),
        (&["--save", "--port", "5"], "port", "5"),
        (&["/redis.conf", "--save", "1", "1"], "save", "5 5 1 1"),
        (
            &["--client-output-buffer-limit", "normal 1 2 3"],
            "client-output-buffer-limit",
            "normal 1 2 3 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
        ),
        (&["-"], "port", "7001"),
        (&["/redis.conf", "-"], "port", "7001"),
        (&["-", "--port", "5"], "port", "5"),
        (&["/redis.conf", "--hz", "5", "-"], "timeout", "9"),
        (&["--replicaof", "no", "one"], "replicaof", ""),
        (&["--shutdown-on-sigint", "nosave force"], "shutdown-on-sigint", "nosave force"),
    ];
    for (arguments, name, expected) in table {
        let config = load_arguments(arguments).unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
        assert_eq!(value(&config, name), *expected, "{arguments:?}");
    }
}

#[test]
fn bad_arguments_stop_the_start() {
    let table: &[(&[&str], &str)] = &[
        (
            &["--foo", "bar"],
            "at line 1 of the arguments\n>>> 'foo \"bar\"'\nBad directive or wrong number of arguments",
        ),
        (
            &["--port", "1", "--foo"],
            "at line 2 of the arguments\n>>> 'foo'\nBad directive or wrong number of arguments",
        ),
        (&["--port"], ">>> 'port'\nwrong number of arguments"),
        (&["--port", "--hz", "5"], ">>> 'port \"--hz\" \"5\"'\nwrong number of arguments"),
        (&["-x"], ">>> '\"-x\"'\nBad directive or wrong number of arguments"),
        (&["--sentinel"], "sentinel mode is not supported"),
        (&["/none.conf"], "can't open config file '/none.conf': No such file or directory"),
        (&["--bad", "-", "--port", "1"], ">>> 'bad \"-\"'"),
    ];
    for (arguments, expected) in table {
        let error = load_arguments(arguments).err().unwrap_or_else(|| panic!("{arguments:?} was accepted"));
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
}

#[test]
fn stdin_is_named_in_errors() {
    let error = load_with(&["-"], &[], "port 1\nfoo").unwrap_err();
    assert!(error.contains("at line 2 of standard input\n>>> 'foo'"), "{error}");
}

#[test]
fn any_bytes_are_loaded_or_refused() {
    proptest::proptest!(|(text: Vec<u8>)| {
        let mut files = Texts::default();
        let mut loader =
            Loader { config: Config::default(), files: &mut files, has_save_line: false, depth: 0, included_files: 0 };
        let _ = loader.load_text(&text, &Origin::Stdin);
    });
}

#[test]
fn the_example_loads_to_the_defaults() {
    let config =
        load_with(&["/redis.conf"], &[("/redis.conf", &crate::config::example()), ("./", ""), (".//", "")], "")
            .unwrap();
    let default = Config::default();
    for row in table::rows().filter(|row| row.name != "dir") {
        assert_eq!(config.value(row.name), default.value(row.name), "{}", row.name);
    }
}
