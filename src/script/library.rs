//! Libraries of functions, as data: what is saved, dumped and sent to replicas. The interpreter's part is made of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::flags::{ScriptFlags, shown};
use super::{Host, Interpreter, Propagation, ScriptError, Tick};
use crate::resp::{Args, Reply};
use crate::words::split_words;

pub(super) const BAD_NAME: &str =
    "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long";

/// Ticks after which a library that is being loaded has run for too long: tens of millions of steps.
const LOAD_TICKS_MAX: u32 = 5_000;

/// One function of a library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    pub name: Vec<u8>,
    pub description: Option<Vec<u8>>,
    pub flags: ScriptFlags,
}

/// A library under its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    pub name: Vec<u8>,
    /// All of its text, the first line included.
    pub source: Arc<[u8]>,
    pub functions: Vec<Function>,
}

/// What becomes of libraries of the same name when others are restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    Append,
    Replace,
    Flush,
}

/// All libraries, and whose function a name is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Libraries {
    by_name: BTreeMap<Vec<u8>, Arc<Library>>,
    /// Function, whatever its case, in lower case -> library.
    owners: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// Whether it is made of letters, digits and `_`.
pub(super) fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

impl Library {
    /// Runs the text of a library, so that it registers its functions with `interpreter`; the numbers under which they
    /// are kept there stand in the same order.
    pub(super) fn load(
        source: &[u8],
        interpreter: &mut Interpreter,
        is_bounded: bool,
    ) -> Result<(Library, Vec<std::ffi::c_int>), ScriptError> {
        let (name, code) = metadata(source)?;
        let mut host = LoadHost { ticks: 0, is_bounded };
        let registered = interpreter.load_library(&mut host, code)?;
        if registered.is_empty() {
            return Err(ScriptError::new("No functions registered"));
        }
        let kept = registered.iter().map(|registration| registration.callback).collect();
        let functions = registered.into_iter().map(|registration| Function {
            name: registration.name,
            description: registration.description,
            flags: registration.flags,
        });
        Ok((Library { name, source: source.into(), functions: functions.collect() }, kept))
    }
}

/// Name and code of a library's text; its first line's end stays with the code.
pub(super) fn metadata(source: &[u8]) -> Result<(Vec<u8>, &[u8]), ScriptError> {
    if !source.starts_with(b"#!") {
        return Err(ScriptError::new("Missing library metadata"));
    }
    let invalid = || ScriptError::new("Invalid library metadata");
    let (line, code) = source.split_at(memchr::memchr(b'\n', source).ok_or_else(invalid)?);
    let words = split_words(line).ok().filter(|words| !words.is_empty()).ok_or_else(invalid)?;
    let mut name = None;
    for word in &words[1..] {
        if !word.get(..5).is_some_and(|key| key.eq_ignore_ascii_case(b"name=")) {
            return Err(ScriptError::new(format!("Invalid metadata value given: {}", shown(word))));
        }
        if name.replace(word[5..].to_vec()).is_some() {
            return Err(ScriptError::new("Invalid metadata value, name argument was given multiple times"));
        }
    }
    let name = name.ok_or_else(|| ScriptError::new("Library name was not given"))?;
    if !is_name(&name) {
        return Err(ScriptError::new(BAD_NAME));
    }
    let engine = &words[0][2..];
    if !engine.eq_ignore_ascii_case(b"lua") {
        return Err(ScriptError::new(format!("Engine '{}' not found", shown(engine))));
    }
    Ok((name, code))
}

impl Libraries {
    /// Out of the texts of a file or payload, in an interpreter of their own. They ran where they come from, so they
    /// may take their time unless `is_bounded`.
    pub fn of_sources<'s>(
        sources: impl IntoIterator<Item = &'s [u8]>,
        is_bounded: bool,
    ) -> Result<Libraries, ScriptError> {
        let mut libraries = Libraries::default();
        let mut interpreter = None;
        for source in sources {
            let (library, _) = Library::load(source, interpreter.get_or_insert_with(Interpreter::new), is_bounded)?;
            if libraries.by_name.contains_key(&library.name) {
                return Err(ScriptError::new(format!("Library '{}' already exists", shown(&library.name))));
            }
            libraries.check_collisions(&library)?;
            libraries.add(library);
        }
        Ok(libraries)
    }

    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    pub fn functions_len(&self) -> usize {
        self.owners.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Library>> {
        self.by_name.values()
    }

    pub fn get(&self, name: &[u8]) -> Option<&Arc<Library>> {
        self.by_name.get(name)
    }

    /// A function and the library that has it.
    pub fn function(&self, name: &[u8]) -> Option<(&Arc<Library>, &Function)> {
        let library = self.by_name.get(self.owners.get(&name.to_ascii_lowercase())?)?;
        let function = library.functions.iter().find(|function| function.name.eq_ignore_ascii_case(name))?;
        Some((library, function))
    }

    /// The texts, as files and payloads hold them.
    pub fn sources(&self) -> Vec<Arc<[u8]>> {
        self.iter().map(|library| library.source.clone()).collect()
    }

    pub fn size_bytes(&self) -> usize {
        let of_library = |library: &Arc<Library>| {
            let functions = library.functions.iter().map(|function| size_of::<Function>() + 2 * function.name.len());
            size_of::<Library>() + library.source.len() + functions.sum::<usize>()
        };
        self.iter().map(of_library).sum()
    }

    /// No two libraries may have a function of the same name.
    pub(super) fn check_collisions(&self, library: &Library) -> Result<(), ScriptError> {
        let is_taken = |function: &&Function| {
            self.owners.get(&function.name.to_ascii_lowercase()).is_some_and(|owner| *owner != library.name)
        };
        let taken = library.functions.iter().find(is_taken);
        match taken {
            Some(function) => Err(ScriptError::new(format!("Function {} already exists", shown(&function.name)))),
            None => Ok(()),
        }
    }

    /// Adds, or replaces the one of the same name.
    pub(super) fn add(&mut self, library: Library) {
        self.remove(&library.name);
        for function in &library.functions {
            self.owners.insert(function.name.to_ascii_lowercase(), library.name.clone());
        }
        self.by_name.insert(library.name.clone(), Arc::new(library));
    }

    pub(super) fn remove(&mut self, name: &[u8]) -> Option<Arc<Library>> {
        let library = self.by_name.remove(name)?;
        library.functions.iter().for_each(|function| drop(self.owners.remove(&function.name.to_ascii_lowercase())));
        Some(library)
    }

    /// Takes others in; after an error everything is as it was.
    pub fn restore(&mut self, others: Libraries, policy: Policy) -> Result<(), ScriptError> {
        if policy == Policy::Flush {
            *self = others;
            return Ok(());
        }
        let mut joined = self.clone();
        for library in others.iter() {
            if joined.remove(&library.name).is_some() && policy == Policy::Append {
                return Err(ScriptError::new(format!("Library {} already exists", shown(&library.name))));
            }
        }
        for library in others.iter() {
            joined.check_collisions(library)?;
            joined.add(Library::clone(library));
        }
        *self = joined;
        Ok(())
    }
}

/// What a library reaches while it is loaded: only the log, and the end of its time.
struct LoadHost {
    ticks: u32,
    is_bounded: bool,
}

impl Host for LoadHost {
    fn call(&mut self, _: Args<'_>, _: &mut Reply) -> Result<(), String> {
        Err("redis.call/pcall can only be called inside a script invocation".to_owned())
    }

    fn may_call(&mut self, _: Args<'_>) -> Option<bool> {
        None
    }

    fn log(&mut self, _: u8, _: &[u8]) {}

    fn set_propagation(&mut self, _: Propagation) {}

    fn note_error(&mut self, _: &str, _: bool) {}

    fn tick(&mut self) -> Tick {
        self.ticks += 1;
        if self.is_bounded && self.ticks > LOAD_TICKS_MAX { Tick::Stop } else { Tick::GoOn }
    }
}
