//! All that the server has of code: scripts by the SHA-1 of their text, libraries, the interpreters that hold them
//! compiled, and what runs now.

use std::collections::BTreeMap;
use std::ffi::c_int;

use super::flags::shown;
use super::{Interpreter, Libraries, Library, Policy, ScriptError, ScriptFlags, Sha1Hex, sha1_hex, shebang_of};
use crate::time::Now;

/// What kind of code runs: each is killed by its own command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Script,
    Function,
}

/// Code that runs inside.
#[derive(Clone, Debug)]
pub struct Running {
    pub kind: Kind,
    /// SHA-1 of the script, or name of the function.
    pub name: String,
    /// What it sees as "now", to its end.
    pub began: Now,
    /// Past the threshold: others are answered BUSY.
    pub is_busy: bool,
    pub is_killed: bool,
    /// It has changed data, or may have: it cannot be ended half-way.
    pub has_written: bool,
    /// It came in the master's stream.
    pub is_from_master: bool,
    /// The request that runs it, once others can ask for it.
    pub request: Vec<Vec<u8>>,
    pub duration_ms: u64,
}

/// A script that can be called by its SHA-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cached {
    pub sha: Sha1Hex,
    /// `None`: no first line says what it may do.
    pub flags: Option<ScriptFlags>,
    /// As the interpreter keeps it.
    pub function: c_int,
}

#[derive(Default)]
pub struct Scripts {
    cached: BTreeMap<Sha1Hex, (Box<[u8]>, Cached)>,
    cached_bytes: usize,
    /// Made when it is first needed; away while it runs.
    pub eval: Option<Box<Interpreter>>,
    pub functions: Option<Box<Interpreter>>,
    libraries: Libraries,
    /// Functions that are compiled, by name in lower case, as the interpreter keeps them.
    compiled: BTreeMap<Vec<u8>, c_int>,
    pub running: Option<Running>,
}

impl Scripts {
    /// A cached script by its SHA-1, whatever the case.
    pub fn find(&self, sha: &[u8]) -> Option<Cached> {
        let mut key: Sha1Hex = sha.try_into().ok()?;
        key.make_ascii_lowercase();
        self.cached.get(&key).map(|(_, cached)| *cached)
    }

    /// The text of a cached script.
    pub fn text(&self, sha: &[u8]) -> Option<&[u8]> {
        let cached = self.find(sha)?;
        self.cached.get(&cached.sha).map(|(text, _)| &**text)
    }

    /// The script with this text, compiled and cached if it is not yet.
    pub fn load(&mut self, text: &[u8]) -> Result<Cached, ScriptError> {
        let sha = sha1_hex(text);
        if let Some((_, cached)) = self.cached.get(&sha) {
            return Ok(*cached);
        }
        let (flags, code) = shebang_of(text)?;
        let interpreter = self.eval.get_or_insert_default();
        let function = interpreter
            .compile(code, c"@user_script")
            .map_err(|error| ScriptError(format!("Error compiling script (new function): {error}")))?;
        let cached = Cached { sha, flags, function };
        self.cached_bytes += text.len() + size_of::<(Sha1Hex, Box<[u8]>, Cached)>();
        self.cached.insert(sha, (text.into(), cached));
        Ok(cached)
    }

    /// Forgets all scripts, and what they left in their interpreter.
    pub fn flush(&mut self) {
        self.cached.clear();
        self.cached_bytes = 0;
        self.eval = None;
    }

    pub fn cached_len(&self) -> usize {
        self.cached.len()
    }

    pub fn cached_bytes(&self) -> usize {
        self.cached_bytes
    }

    /// Memory of the interpreters of scripts and of functions.
    pub fn interpreters_bytes(&self) -> (usize, usize) {
        let bytes =
            |interpreter: &Option<Box<Interpreter>>| interpreter.as_ref().map_or(0, |found| found.memory_bytes());
        (bytes(&self.eval), bytes(&self.functions))
    }

    pub fn libraries(&self) -> &Libraries {
        &self.libraries
    }

    /// Takes others in place of all libraries.
    pub fn set_libraries(&mut self, libraries: Libraries) {
        self.libraries = libraries;
        self.compiled.clear();
        self.functions = None;
    }

    /// FUNCTION LOAD; answers the library's name.
    pub fn load_library(&mut self, source: &[u8], replaces: bool, is_bounded: bool) -> Result<Vec<u8>, ScriptError> {
        let (name, _) = super::library::metadata(source)?;
        if !replaces && self.libraries.get(&name).is_some() {
            return Err(ScriptError(format!("Library '{}' already exists", shown(&name))));
        }
        let interpreter = self.functions.get_or_insert_default();
        let (library, kept) = Library::load(source, interpreter, is_bounded)?;
        if let Err(error) = self.libraries.check_collisions(&library) {
            kept.into_iter().for_each(|function| interpreter.release(function));
            return Err(error);
        }
        self.forget_compiled(&name);
        let names = library.functions.iter().map(|function| function.name.to_ascii_lowercase());
        self.compiled.extend(names.zip(kept));
        self.libraries.add(library);
        Ok(name)
    }

    /// False if there is none of this name.
    pub fn delete_library(&mut self, name: &[u8]) -> bool {
        self.forget_compiled(name);
        self.libraries.remove(name).is_some()
    }

    fn forget_compiled(&mut self, library: &[u8]) {
        let Some(library) = self.libraries.get(library) else { return };
        for function in &library.functions {
            let kept = self.compiled.remove(&function.name.to_ascii_lowercase());
            if let (Some(kept), Some(interpreter)) = (kept, &mut self.functions) {
                interpreter.release(kept);
            }
        }
    }

    /// FUNCTION RESTORE: what is not compiled yet will be when it is called.
    pub fn restore(&mut self, others: Libraries, policy: Policy) -> Result<(), ScriptError> {
        let mut libraries = self.libraries.clone();
        libraries.restore(others, policy)?;
        self.set_libraries(libraries);
        Ok(())
    }

    /// A function as its interpreter keeps it; its library is compiled first if it came as a text.
    pub fn compiled(&mut self, name: &[u8]) -> Result<c_int, ScriptError> {
        let key = name.to_ascii_lowercase();
        if let Some(kept) = self.compiled.get(&key) {
            return Ok(*kept);
        }
        let missing = || ScriptError::new("Function not found");
        let (library, _) = self.libraries.function(name).ok_or_else(missing)?;
        let source = library.source.clone();
        let (library, kept) = Library::load(&source, self.functions.get_or_insert_default(), false)?;
        let names = library.functions.into_iter().map(|function| function.name.to_ascii_lowercase());
        self.compiled.extend(names.zip(kept));
        self.compiled.get(&key).copied().ok_or_else(missing)
    }
}
