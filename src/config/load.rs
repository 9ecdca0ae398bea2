//! From arguments to a configuration: `[file] [--directive value ...] [-]`, with `include` on the way.
//!
//! The file is read first, then standard input, then the arguments, which read like lines of a file; the last word
//! wins. Everything outside (files, the working folder) is behind [`Files`]. The first bad line stops the start.

use super::value::{Kind, Value};
use super::{Config, Directive, REDIS_VERSION, shown, table};
use crate::words::{quote, split_words};
use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The world outside, as loading needs it. An error is the operating system's text, or what Redis says.
pub trait Files {
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, String>;
    fn read_stdin(&mut self) -> Result<Vec<u8>, String>;
    /// Files whose path matches a pattern with wildcards, sorted.
    fn expand(&mut self, pattern: &Path) -> Vec<PathBuf>;
    /// Makes this folder the one that relative paths start from, and answers its absolute path.
    fn change_dir(&mut self, dir: &Path) -> Result<PathBuf, String>;
    fn check_appendable(&mut self, path: &Path) -> Result<(), String>;
    fn absolute(&mut self, path: &Path) -> PathBuf;
    /// `user`: whether these rules can be followed; the error names the one that cannot.
    fn check_user(&mut self, _rules: &[Vec<u8>]) -> Result<(), String> {
        Ok(())
    }
    /// `rename-command`: whether there is such a command, and nothing else under the new name.
    fn rename_command(&mut self, _from: &[u8], _to: &[u8]) -> Result<(), String> {
        Ok(())
    }
}

/// Where a line came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    File(PathBuf),
    Stdin,
    Arguments,
}

/// Why the server does not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartError {
    BadLine {
        origin: Origin,
        number: usize,
        line: String,
        reason: String,
    },
    /// Each line is good, but not all of them together.
    BadConfiguration {
        reason: String,
    },
    Unreadable {
        path: PathBuf,
        reason: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File(path) => write!(f, "{}", path.display()),
            Origin::Stdin => write!(f, "standard input"),
            Origin::Arguments => write!(f, "the arguments"),
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headline = format!("\n*** FATAL CONFIG FILE ERROR (Redis {REDIS_VERSION}) ***");
        match self {
            StartError::BadLine { origin, number, line, reason } => write!(
                f,
                "{headline}\nReading the configuration file, at line {number} of {origin}\n>>> '{line}'\n{reason}"
            ),
            StartError::BadConfiguration { reason } => write!(f, "{headline}\n{reason}"),
            StartError::Unreadable { path, reason } => {
                write!(f, "Fatal error, can't open config file '{}': {reason}", path.display())
            }
        }
    }
}

impl std::error::Error for StartError {}

const TWO_PLACES_OF_USERS: &str = "Configuring Redis with users defined in redis.conf and at the same setting an ACL \
                                   file path is invalid. This setup is very likely to lead to configuration errors and \
                                   security holes, please define either an ACL file or declare users directly in your \
                                   redis.conf, but not both.";
const DUPLICATE_USER: &str = "Duplicate user found. A user can only be defined once in config files";

/// Files that include each other end here.
const INCLUDE_DEPTH_MAX: usize = 16;
const INCLUDED_FILES_MAX: usize = 1_000;

/// Directives of old versions that are skipped if they have one value.
const REMOVED: &[&[u8]] = &[b"list-max-ziplist-entries", b"list-max-ziplist-value", b"lua-replicate-commands"];

impl Config {
    /// The configuration that `arguments` (without the program's name) ask for.
    pub fn load(arguments: &[OsString], files: &mut dyn Files) -> Result<Config, StartError> {
        let command_line = CommandLine::parse(arguments);
        let mut loader = Loader { config: Config::default(), files, has_save_line: false, depth: 0, included_files: 0 };
        if let Some(path) = command_line.file {
            let path = loader.files.absolute(&path);
            loader.load_file(&path)?;
            loader.config.file = Some(path);
        }
        if command_line.reads_stdin {
            let path = PathBuf::from("-");
            let text = loader.files.read_stdin().map_err(|reason| StartError::Unreadable { path, reason })?;
            loader.load_text(&text, &Origin::Stdin)?;
        }
        loader.load_text(&command_line.lines, &Origin::Arguments)?;
        loader.finish()
    }
}

/// Arguments, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
struct CommandLine {
    file: Option<PathBuf>,
    reads_stdin: bool,
    /// The directives as the text of a file.
    lines: Vec<u8>,
}

impl CommandLine {
    fn parse(arguments: &[OsString]) -> CommandLine {
        let mut parsed = CommandLine::default();
        let mut rest = arguments;
        if let Some(first) = arguments.first().filter(|first| !first.as_bytes().starts_with(b"-")) {
            parsed.file = Some(PathBuf::from(first));
            rest = &arguments[1..];
        }
        // A directive takes at least one value, even one that begins with dashes.
        let mut awaits_value = false;
        for (at, argument) in rest.iter().enumerate() {
            let argument = argument.as_bytes();
            let next = rest.get(at + 1);
            let is_first = at == 0 && parsed.file.is_none();
            if argument == b"-" && (is_first || next.is_none()) {
                parsed.reads_stdin = true;
            } else if let Some(directive) = argument.strip_prefix(b"--").filter(|_| !awaits_value) {
                awaits_value = parsed.begin_line(directive, next);
            } else {
                parsed.lines.extend(quote(argument));
                parsed.lines.push(b' ');
                awaits_value = false;
            }
        }
        parsed
    }

    /// Begins the line of `directive`, which may have its values in the same argument. Answers whether one must follow.
    fn begin_line(&mut self, directive: &[u8], next: Option<&OsString>) -> bool {
        if !self.lines.is_empty() {
            self.lines.push(b'\n');
        }
        self.lines.extend(directive);
        self.lines.push(b' ');
        let is_bare = split_words(directive).is_ok_and(|words| words.len() <= 1);
        // `--save` and `--sentinel` may stand alone: no save points, and a mode of Redis.
        let next_is_directive = next.is_none_or(|next| next.as_bytes().starts_with(b"--"));
        let name = directive.trim_ascii().to_ascii_lowercase();
        if is_bare && next_is_directive && (name == b"save" || name == b"sentinel") {
            if name == b"save" {
                self.lines.extend(b"\"\"");
            }
            return false;
        }
        is_bare
    }
}

struct Loader<'a> {
    config: Config,
    files: &'a mut dyn Files,
    /// The first `save` line replaces the default points, the later ones add to it.
    has_save_line: bool,
    depth: usize,
    included_files: usize,
}

/// What is wrong with a line; or the whole error, if it stands in an included file.
enum LineError {
    Reason(String),
    Start(StartError),
}

impl From<&str> for LineError {
    fn from(reason: &str) -> LineError {
        LineError::Reason(reason.to_owned())
    }
}

impl From<String> for LineError {
    fn from(reason: String) -> LineError {
        LineError::Reason(reason)
    }
}

impl Loader<'_> {
    fn load_file(&mut self, path: &Path) -> Result<(), StartError> {
        let text = self.files.read(path);
        let text = text.map_err(|reason| StartError::Unreadable { path: path.to_owned(), reason })?;
        self.load_text(&text, &Origin::File(path.to_owned()))
    }

    fn load_text(&mut self, text: &[u8], origin: &Origin) -> Result<(), StartError> {
        for (at, line) in text.split(|&byte| byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            self.load_line(line).map_err(|error| match error {
                LineError::Start(error) => error,
                LineError::Reason(reason) => StartError::BadLine {
                    origin: origin.clone(),
                    number: at + 1,
                    line: String::from_utf8_lossy(line).into_owned(),
                    reason,
                },
            })?;
        }
        Ok(())
    }

    fn load_line(&mut self, line: &[u8]) -> Result<(), LineError> {
        if line.starts_with(b"#") {
            return Ok(());
        }
        let words = split_words(line).map_err(|_| "Unbalanced quotes in configuration line")?;
        let Some((name, arguments)) = words.split_first() else { return Ok(()) };
        let name = name.to_ascii_lowercase();
        match table::find(&name) {
            Some((number, row)) => self.load_directive(number, row, arguments),
            None => self.load_other(&name, arguments),
        }
    }

    fn load_directive(&mut self, number: usize, row: &'static Directive, words: &[Vec<u8>]) -> Result<(), LineError> {
        let value = match words {
            _ if !row.kind.takes_many() && words.len() != 1 => return Err("wrong number of arguments".into()),
            // Several values may stand in one word, as in `--save "900 1"`.
            [word] if row.kind.takes_many() && !word.is_empty() => {
                let words = split_words(word).map_err(|_| "Unbalanced quotes in configuration line")?;
                row.parse(&words, Some(&self.config.values[number]))?
            }
            _ => row.parse(words, Some(&self.config.values[number]))?,
        };
        let value = match (row.kind, value) {
            (Kind::SavePoints, Value::SavePoints(points)) => self.add_save_points(points),
            (_, Value::Text(dir)) if row.name == "dir" => {
                let dir = self.files.change_dir(Path::new(&OsString::from_vec(dir)))?;
                Value::Text(dir.into_os_string().into_vec())
            }
            (_, value) => value,
        };
        self.config.replace(number, row, value);
        Ok(())
    }

    /// An empty line takes all points away, those of earlier lines too.
    fn add_save_points(&mut self, points: Vec<super::SavePoint>) -> Value {
        let keeps = self.has_save_line && !points.is_empty();
        self.has_save_line = true;
        let earlier = if keeps { self.config.save_points.clone() } else { Vec::new() };
        Value::SavePoints([earlier, points].concat())
    }

    /// Directives that are no values: CONFIG GET does not know them.
    fn load_other(&mut self, name: &[u8], arguments: &[Vec<u8>]) -> Result<(), LineError> {
        match (name, arguments) {
            (b"include", [path]) => self.include(path),
            (b"rename-command", [from, to]) => {
                self.files.rename_command(from, to)?;
                self.config.renamed_commands.push((from.clone(), to.clone()));
                Ok(())
            }
            (b"user", [name, rules @ ..]) => {
                if self.config.users.iter().any(|user| user[0] == *name) {
                    return Err(format!("Error in user declaration '{}': {DUPLICATE_USER}", shown(name)).into());
                }
                self.files.check_user(rules)?;
                self.config.users.push(arguments.to_vec());
                Ok(())
            }
            (b"loadmodule", [_, ..]) => Err("modules are not supported".into()),
            (b"sentinel", []) => Err("sentinel mode is not supported".into()),
            (b"sentinel", _) => Err("sentinel directive while not in sentinel mode".into()),
            (_, [_]) if REMOVED.contains(&name) => Ok(()),
            (_, []) if name.contains(&b'.') => Err("Module config specified without value".into()),
            _ if name.contains(&b'.') => Err("directive of a module, but modules are not supported".into()),
            _ => Err("Bad directive or wrong number of arguments".into()),
        }
    }

    fn include(&mut self, path: &[u8]) -> Result<(), LineError> {
        let pattern = PathBuf::from(OsString::from_vec(path.to_vec()));
        let has_wildcard = path.iter().any(|byte| b"*?[".contains(byte));
        // A pattern may match nothing; a name must exist.
        let paths = if has_wildcard { self.files.expand(&pattern) } else { vec![pattern] };
        self.included_files += paths.len();
        if self.depth >= INCLUDE_DEPTH_MAX || self.included_files > INCLUDED_FILES_MAX {
            return Err("too many files included: does one include itself?".into());
        }
        self.depth += 1;
        for path in paths {
            self.load_file(&path).map_err(LineError::Start)?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Checks what no line can check alone.
    fn finish(mut self) -> Result<Config, StartError> {
        let bad = |reason: String| StartError::BadConfiguration { reason };
        if let Some(path) = self.config.logfile.clone() {
            self.files.check_appendable(&path).map_err(|reason| bad(format!("Can't open the log file: {reason}")))?;
        }
        let is_cluster = self.config.value("cluster-enabled").is_some_and(|value| value == b"yes");
        if is_cluster && self.config.replicaof.is_some() {
            return Err(bad("replicaof directive not allowed in cluster mode".into()));
        }
        if self.config.aclfile.is_some() && !self.config.users.is_empty() {
            return Err(bad(TWO_PLACES_OF_USERS.into()));
        }
        let dir = self.files.absolute(&self.config.dir);
        self.config.overwrite("dir", dir.as_os_str().as_bytes()).map_err(bad)?;
        Ok(self.config)
    }
}

#[cfg(test)]
mod tests;
