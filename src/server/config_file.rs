//! Configuration files on the real file system: reading them at the start, replacing one on CONFIG REWRITE.
//!
//! A rewritten file is complete or untouched: a temporary file beside it is written, synced and renamed over it.

use crate::acl::Acl;
use crate::command::{CommandTable, acl_commands};
use crate::config::{Config, Files, StartError, glob};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

/// The configuration that the program's arguments ask for. Changes the working folder if `dir` is set.
pub fn load(arguments: &[OsString]) -> Result<Config, StartError> {
    Config::load(arguments, &mut RealFiles::default())
}

/// Brings the file that the server was started with up to date with `config`. The error is the reply's text.
pub fn rewrite(config: &Config, all: bool) -> Result<(), String> {
    let Some(path) = &config.file else { return Err("The server is running without a config file".to_owned()) };
    let old_text = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        result => result,
    };
    let written = old_text.and_then(|old_text| replace_file(path, &config.rewrite(&old_text, all)));
    written.map_err(|error| format!("Rewriting config file: {}", reason(&error)))
}

fn replace_file(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = PathBuf::from(temporary);
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(&temporary)?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(dir)?.sync_all()
    };
    let written = write();
    if written.is_err() {
        // Gone already if the rename was done.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// The operating system's words for an error, without the number that Rust adds.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// The text of the ACL file. The error is the system's reason.
pub fn read_acl_file(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| reason(&error))
}

pub fn write_acl_file(path: &Path, text: &[u8]) -> Result<(), String> {
    replace_file(path, text).map_err(|error| reason(&error))
}

#[derive(Default)]
struct RealFiles {
    commands: CommandTable,
    /// Made with the first user.
    acl: Option<Acl>,
}

impl Files for RealFiles {
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, String> {
        fs::read(path).map_err(|error| reason(&error))
    }

    fn read_stdin(&mut self) -> Result<Vec<u8>, String> {
        let mut text = Vec::new();
        io::stdin().read_to_end(&mut text).map_err(|error| reason(&error))?;
        Ok(text)
    }

    fn expand(&mut self, pattern: &Path) -> Vec<PathBuf> {
        let mut found = expand(pattern);
        found.sort();
        found
    }

    fn change_dir(&mut self, dir: &Path) -> Result<PathBuf, String> {
        std::env::set_current_dir(dir).and_then(|()| std::env::current_dir()).map_err(|error| reason(&error))
    }

    fn check_appendable(&mut self, path: &Path) -> Result<(), String> {
        OpenOptions::new().create(true).append(true).open(path).map(drop).map_err(|error| reason(&error))
    }

    fn absolute(&mut self, path: &Path) -> PathBuf {
        std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).components().collect()
    }

    fn check_user(&mut self, rules: &[Vec<u8>]) -> Result<(), String> {
        let acl = self.acl.get_or_insert_with(|| Acl::new(acl_commands(&self.commands)));
        acl.check_rules(rules)
            .map_err(|(rule, error)| format!("Error in user declaration '{}': {error}", String::from_utf8_lossy(&rule)))
    }

    fn rename_command(&mut self, from: &[u8], to: &[u8]) -> Result<(), String> {
        self.commands.rename(from, to).map_err(|error| error.to_string())
    }
}

/// Paths that match a pattern, part by part. As in a shell, a leading dot must be spelt out.
fn expand(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        found = found.into_iter().flat_map(|base| expand_part(&base, part)).collect();
    }
    found.retain(|path| path.exists());
    found
}

fn expand_part(base: &Path, part: Component<'_>) -> Vec<PathBuf> {
    let name = part.as_os_str().as_bytes();
    if !name.iter().any(|byte| b"*?[".contains(byte)) {
        return vec![base.join(part)];
    }
    let dir = if base.as_os_str().is_empty() { Path::new(".") } else { base };
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name());
    let shown = names.filter(|entry| !entry.as_bytes().starts_with(b".") || name.starts_with(b"."));
    shown.filter(|entry| glob::matches(name, entry.as_bytes(), false)).map(|entry| base.join(entry)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of its own for each test, gone at the end.
    struct TestDir(PathBuf);

    impl TestDir {
        fn new(name: &str) -> TestDir {
            let path = std::env::temp_dir().join(format!("tandem-config-{name}-{}", std::process::id()));
            fs::create_dir_all(path.join("conf.d")).unwrap();
            TestDir(path)
        }

        fn write(&self, name: &str, text: &str) -> PathBuf {
            fs::write(self.0.join(name), text).unwrap();
            self.0.join(name)
        }
    }

    impl Drop for TestDir {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn wildcards_find_sorted_files() {
        let dir = TestDir::new("expand");
        for name in ["conf.d/b.conf", "conf.d/a.conf", "conf.d/.hidden.conf", "conf.d/c.txt"] {
            dir.write(name, "");
        }
        let found = RealFiles::default().expand(&dir.0.join("c*.d/[a-z]*.conf"));
        assert_eq!(found, [dir.0.join("conf.d/a.conf"), dir.0.join("conf.d/b.conf")]);
        assert_eq!(RealFiles::default().expand(&dir.0.join("conf.d/.h*")), [dir.0.join("conf.d/.hidden.conf")]);
        assert_eq!(RealFiles::default().expand(&dir.0.join("none/*.conf")), [] as [PathBuf; 0]);
    }

    #[test]
    fn files_load_rewrite_and_load_again() {
        let dir = TestDir::new("rewrite");
        dir.write("conf.d/a.conf", "timeout 5\n");
        let path = dir.write("redis.conf", &format!("# mine\nport 7000\ninclude {}/conf.d/*.conf\n", dir.0.display()));
        let mut config = load(&[path.clone().into()]).unwrap();
        assert_eq!((config.port, config.timeout_s, config.file.clone()), (7000, 5, Some(path.clone())));

        config.overwrite("port", b"7001").unwrap();
        config.overwrite("dir", dir.0.as_os_str().as_bytes()).unwrap();
        rewrite(&config, false).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# mine\nport 7001\ninclude "), "{text}");
        assert_eq!(fs::read_dir(&dir.0).unwrap().count(), 2, "no temporary file is left");
    }

    #[test]
    fn rewriting_says_why_it_cannot() {
        let mut config = Config::default();
        assert_eq!(rewrite(&config, false).unwrap_err(), "The server is running without a config file");
        config.file = Some(PathBuf::from("/nonexistent/redis.conf"));
        assert_eq!(rewrite(&config, false).unwrap_err(), "Rewriting config file: No such file or directory");
    }
}
