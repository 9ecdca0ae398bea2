//! Programs for files that no server is using: they check an RDB file or an AOF, and tell what an RDB file holds.
//!
//! They are parts of the one binary, named by the first argument or, as Redis names them, by the name that the binary is
//! called by. They read with the server's own reader, so what they accept is what a server loads. What scripts look for
//! in the output of Redis's tools stands in that of ours: the sentences and the exit codes.

mod check_aof;
mod check_rdb;
mod inspect;
mod progress;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// A program of this binary that is not the server.
#[derive(Clone, Copy)]
pub struct Tool {
    /// What the first argument says.
    name: &'static str,
    /// What Redis calls the program.
    old_name: Option<&'static str>,
    run: fn(&Call, &mut dyn Write) -> Result<(), Stop>,
}

const TOOLS: &[Tool] = &[
    Tool { name: "check-rdb", old_name: Some("redis-check-rdb"), run: check_rdb::run },
    Tool { name: "check-aof", old_name: Some("redis-check-aof"), run: check_aof::run },
    Tool { name: "inspect", old_name: None, run: inspect::run },
];

/// How a tool was called: by which words, with which arguments.
pub struct Call {
    program: String,
    arguments: Vec<OsString>,
}

/// Why a tool ends before its work is done.
enum Stop {
    /// The reason is printed already.
    Told,
    /// A reason for standard error.
    Because(String),
    /// What it prints cannot be written.
    Unwritten(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        Stop::Unwritten(error)
    }
}

impl Tool {
    /// The tool that is meant by the name of the program or by its first argument, and how it is called.
    pub fn find(program: &str, arguments: &[OsString]) -> Option<(Tool, Call)> {
        let file = program.rsplit('/').next().unwrap_or_default();
        let by_name = TOOLS.iter().find(|tool| tool.old_name.is_some_and(|name| file.contains(name)));
        if let Some(tool) = by_name {
            return Some((*tool, Call { program: program.to_owned(), arguments: arguments.to_vec() }));
        }
        let (first, rest) = arguments.split_first()?;
        let tool = TOOLS.iter().find(|tool| first == tool.name)?;
        Some((*tool, Call { program: format!("{program} {}", tool.name), arguments: rest.to_vec() }))
    }

    pub fn run(&self, call: &Call) -> ExitCode {
        let mut out = io::stdout().lock();
        let ended = (self.run)(call, &mut out).and_then(|()| Ok(out.flush()?));
        match ended {
            Ok(()) => return ExitCode::SUCCESS,
            Err(Stop::Told) => {}
            Err(Stop::Because(reason)) => eprintln!("{reason}"),
            // Whoever read it has seen enough.
            Err(Stop::Unwritten(error)) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Err(Stop::Unwritten(error)) => eprintln!("The output cannot be written: {error}"),
        }
        ExitCode::FAILURE
    }
}

/// Unix time in milliseconds.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// What the system says of an error, without Rust's number behind it.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
