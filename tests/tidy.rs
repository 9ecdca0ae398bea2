//! The rules of this code base that a machine can check: layers, clocks and files only in the shell, sizes, docs, words.
//!
//! Every exception stands in a list here, with its reason; a list that names something that is no longer there fails.
//! To write `redis.conf.example` anew after a change of the table: `TANDEM_BLESS=1 cargo test --test tidy`.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules from the top down. A module may import those of lower lines only.
const LAYERS: &[&[&str]] = &[
    &["main"],
    &["server", "tools"],
    &["engine"],
    &["command"],
    &["replication", "persistence", "script", "acl", "pubsub"],
    &["log", "keyspace", "session", "metrics"],
    &["resp", "config"],
    &["alloc", "time", "words"],
];

/// Imports between two modules of one line, or that a rule of its own forbids: from, to, reason.
const LAYER_EXCEPTIONS: &[(&str, &str, &str)] = &[];

/// Forbidden though it would be downward: replication knows bytes and positions, never keys.
const NEVER: &[(&str, &str)] = &[("replication", "keyspace")];

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 50;

/// Path, reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// Path, function, reason.
const LONG_FUNCTIONS: &[(&str, &str, &str)] = &[];

/// Files, or folders with a slash at the end, whose purpose needs `unsafe`: path, reason.
const UNSAFE: &[(&str, &str)] = &[
    ("src/alloc.rs", "the global allocator"),
    ("src/keyspace/", "tagged pointers, epochs and in-place writes behind a safe face"),
    ("src/server/connection.rs", "reads into spare capacity"),
    ("src/script/number.rs", "printf and strtod of the C library: numbers to the digit"),
    ("src/script/stack.rs", "Lua's C interface, behind a face without it"),
    ("src/script/state.rs", "allocator and hook of a Lua state, what it is lent while code runs"),
    ("src/server/handover.rs", "gives up the engine's lock in the midst of a turn"),
    ("src/server/crash/", "signal handlers, the last look at an engine that nobody will use again"),
    ("src/server/jobs.rs", "priority of a background thread"),
    ("src/server/usage.rs", "resource figures of the operating system"),
    ("src/server/logging/", "local time and syslog of the C library"),
    (
        "src/server/process/",
        "what the C library and the kernel keep of a process: daemon(3), limits, groups, its title",
    ),
];

/// Only the shell may name these; the core is given time, seeds and bytes.
const SHELL_ONLY: &[&str] = &[
    "tokio::",
    "std::net",
    "std::fs",
    "std::env",
    "Instant::now",
    "SystemTime::now",
    "rand::rng(",
    "rand::random",
    "thread_rng",
    "from_os_rng",
];

/// Unfinished work and empty names. Split so that this file does not contain them.
const FORBIDDEN: &[&str] = &[
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("dbg", "!("),
    concat!("#[", "ignore"),
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("fn ", "get_"),
    concat!("Manager", " "),
    concat!("Helper", " "),
    concat!("Util", " "),
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
];

/// A source file; paths are relative to the repository.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Lines before the tests, without comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let tests =
            ["#[cfg(test)]\nmod ", "#[cfg(test)]\npub mod "].iter().filter_map(|mark| self.text.find(mark)).min();
        let code = &self.text[..tests.unwrap_or(self.text.len())];
        code.lines()
            .enumerate()
            .map(|(at, line)| (at + 1, line))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    fn is_test(&self) -> bool {
        !self.path.starts_with("src/") || self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// `server` of `src/server/logging.rs`; none for lib.rs, which declares all.
    fn module(&self) -> Option<&str> {
        let path = self.path.strip_prefix("src/")?;
        let name = path.split('/').next()?;
        Some(name.strip_suffix(".rs").unwrap_or(name)).filter(|name| *name != "lib")
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let mut paths = Vec::new();
    for dir in ["src", "tests", "benches"] {
        collect(&root().join(dir), &mut paths);
    }
    let relative = |path: &Path| path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
    let mut sources: Vec<_> = paths
        .into_iter()
        .map(|path| Source { path: relative(&path), text: fs::read_to_string(&path).unwrap() })
        .collect();
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(sources.len() > 30, "the sources were not found");
    sources
}

fn collect(dir: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.file_name().is_some_and(|name| name.to_str().unwrap().starts_with('.')) {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

/// Fails with all findings at once, each on its line.
fn report(rule: &str, findings: Vec<String>) {
    assert!(findings.is_empty(), "{rule}:\n  {}\n", findings.join("\n  "));
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|modules| modules.contains(&module))
}

#[test]
fn every_file_begins_with_a_doc() {
    let bare = sources().into_iter().filter(|source| !source.text.starts_with("//! ")).map(|source| source.path);
    report("files that do not say what they are in a `//!` at their top", bare.collect());
}

#[test]
fn imports_run_downward() {
    let mut findings = Vec::new();
    for source in sources() {
        let Some(from) = source.module() else { continue };
        if layer(from).is_none() {
            findings.push(format!("{}: module {from} has no place among the layers", source.path));
        }
        for (number, line) in source.code() {
            if line.contains("use crate::{") {
                findings.push(format!("{}:{number}: imports of one module go on one line", source.path));
            }
            let imported = line.split("crate::").skip(1).map(|rest| rest.split(|c: char| !is_word(c)).next().unwrap());
            for to in imported.filter(|to| !may_import(from, to)) {
                findings.push(format!("{}:{number}: {from} imports {to}", source.path));
            }
        }
    }
    report("imports that do not run downward", findings);
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn may_import(from: &str, to: &str) -> bool {
    let is_downward = match (layer(from), layer(to)) {
        (Some(from), Some(to)) => from < to,
        // Macros and items of lib.rs; an unknown module is found by its own file.
        _ => true,
    };
    from == to
        || is_downward && !NEVER.contains(&(from, to))
        || LAYER_EXCEPTIONS.iter().any(|(a, b, _)| (*a, *b) == (from, to))
}

#[test]
fn only_the_shell_sees_clocks_sockets_and_files() {
    let mut findings = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        if matches!(source.module(), Some("server" | "tools" | "main")) {
            continue;
        }
        for (number, line) in source.code() {
            for word in SHELL_ONLY.iter().filter(|word| line.contains(**word)) {
                findings.push(format!("{}:{number}: {word}", source.path));
            }
        }
    }
    report("code below the shell that does not take time, seeds or bytes as arguments", findings);
}

#[test]
fn files_are_short() {
    let mut findings = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        let tests = source.text.find("#[cfg(test)]\nmod ").unwrap_or(source.text.len());
        let lines = source.text[..tests].lines().count();
        let is_excepted = LONG_FILES.iter().any(|(path, _)| *path == source.path);
        if (lines > FILE_LINES_MAX) != is_excepted {
            findings.push(format!(
                "{}: {lines} lines{}",
                source.path,
                if is_excepted { ", needs no exception" } else { "" }
            ));
        }
    }
    report("files above 500 lines", findings);
}

#[test]
fn functions_are_short() {
    let mut findings = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        for (name, lines) in functions(source) {
            let is_excepted =
                LONG_FUNCTIONS.iter().any(|(path, function, _)| *path == source.path && *function == name);
            if (lines > FUNCTION_LINES_MAX) != is_excepted && (lines > FUNCTION_LINES_MAX || is_excepted) {
                findings.push(format!("{}: {name} has {lines} lines", source.path));
            }
        }
    }
    report("functions above 50 lines", findings);
}

/// Names and lengths, by the indentation that rustfmt gives.
fn functions(source: &Source) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let mut open: Vec<(String, usize, usize)> = Vec::new();
    for (number, line) in source.code() {
        let indent = line.len() - line.trim_start().len();
        if open.last().is_some_and(|(_, _, at)| *at == indent) && line.trim_end() == format!("{}}}", " ".repeat(indent))
        {
            let (name, start, _) = open.pop().unwrap();
            found.push((name, number - start + 1));
        }
        let before_fn = line.split("fn ").next().unwrap_or_default();
        let is_fn = line.contains("fn ") && before_fn.split_whitespace().all(is_qualifier);
        if is_fn && !line.trim_end().ends_with([';', '}']) {
            let name = line.split("fn ").nth(1).unwrap().split(|c| !is_word(c)).next().unwrap();
            open.push((name.to_owned(), number, indent));
        }
    }
    found
}

fn is_qualifier(word: &str) -> bool {
    matches!(word, "const" | "unsafe" | "async" | "extern" | "\"C\"") || word.starts_with("pub")
}

#[test]
fn no_file_has_forbidden_words() {
    let mut findings = Vec::new();
    for source in sources() {
        for (number, line) in source.text.lines().enumerate() {
            // The counterpart of `get` that Rust itself names so.
            let line = line.replace("fn get_mut", "fn mut");
            for word in FORBIDDEN.iter().filter(|word| line.contains(**word)) {
                findings.push(format!("{}:{}: {word}", source.path, number + 1));
            }
        }
    }
    report("words that stand for unfinished work, empty names or a single machine", findings);
}

#[test]
fn unsafe_stays_where_it_is_needed_and_argues() {
    let mut findings = Vec::new();
    let is_listed = |source: &Source| UNSAFE.iter().any(|(path, _)| source.path.starts_with(path));
    for source in sources().iter().filter(|source| !source.is_test()) {
        let lines: Vec<_> = source.text.lines().collect();
        for (number, _) in source.code().filter(|(_, line)| has_unsafe(line)) {
            if !is_listed(source) {
                findings.push(format!("{}:{number}: a file without leave", source.path));
            } else if !argues(&lines[..number]) {
                findings.push(format!("{}:{number}: no SAFETY argument", source.path));
            }
        }
    }
    report("unsafe code", findings);
}

/// A block or an impl; declarations of unsafe functions document themselves under `# Safety`.
fn has_unsafe(line: &str) -> bool {
    line.contains("unsafe {") || line.contains("unsafe impl")
}

/// Within the statement and the comment above it.
fn argues(lines_up_to: &[&str]) -> bool {
    lines_up_to.iter().rev().take(8).any(|line| line.contains("SAFETY"))
}

#[test]
fn exceptions_name_what_exists() {
    let sources = sources();
    let exists = |path: &str| sources.iter().any(|source| source.path.starts_with(path));
    let paths = LONG_FILES.iter().chain(UNSAFE).map(|(path, _)| *path);
    let paths = paths.chain(LONG_FUNCTIONS.iter().map(|(path, _, _)| *path));
    report("exceptions for files that are gone", paths.filter(|path| !exists(path)).map(str::to_owned).collect());
}

#[test]
fn the_example_file_equals_the_table() {
    let path = root().join("redis.conf.example");
    let expected = tandem::config::example();
    if std::env::var_os("TANDEM_BLESS").is_some() {
        fs::write(&path, &expected).unwrap();
    }
    let text = fs::read_to_string(&path).unwrap_or_default();
    let difference = text.lines().zip(expected.lines()).position(|(a, b)| a != b);
    assert!(text == expected, "redis.conf.example differs from the table at line {difference:?}");
}
