//! What process lists show of us: the memory that held the arguments, written over.
//!
//! Linux shows that memory as it stands. The environment lies behind it, so a long title may go on there once the
//! environment has moved.

use std::env;
use std::fs;
use std::path::Path;

use crate::config::Settings;

/// The memory of the arguments and, if it follows without a gap, of the environment.
#[derive(Debug)]
pub struct ProcessTitle {
    start: usize,
    arguments_bytes: usize,
    capacity_bytes: usize,
}

impl ProcessTitle {
    /// Takes the memory. Must come before any thread is started, and after the last look at the program's arguments.
    pub fn claim() -> Option<ProcessTitle> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // The name of the program, in parentheses, may contain anything.
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split_ascii_whitespace().collect();
        // The first field after the name is the third of proc(5).
        let address = |field: usize| fields.get(field - 3)?.parse::<usize>().ok();
        let (start, end) = (address(48)?, address(49)?);
        let (environment, environment_end) = (address(50)?, address(51)?);
        if start == 0 || end <= start {
            return None;
        }
        let last = if environment == end { environment_end.max(end) } else { end };
        move_environment();
        Some(ProcessTitle { start, arguments_bytes: end - start, capacity_bytes: last - start })
    }

    /// Shows `title`, as much as there is room for.
    pub fn show(&self, title: &str) {
        let text = &title.as_bytes()[..title.len().min(self.capacity_bytes - 1)];
        // A title that ends before the arguments did leaves zeroes; one that reaches their end must not end in one, or
        // the kernel would take the rest of it for the environment.
        let cleared = self.arguments_bytes.max(text.len() + 1);
        // SAFETY: the kernel gave this memory to the arguments and the environment of this process. The environment
        // has moved, the arguments are looked at no more, and `cleared` is at most `capacity_bytes`.
        unsafe {
            let start = self.start as *mut u8;
            start.write_bytes(0, cleared);
            start.copy_from_nonoverlapping(text.as_ptr(), text.len());
        }
    }
}

/// Lets the C library keep copies of its own of all variables.
fn move_environment() {
    for (name, value) in env::vars_os().collect::<Vec<_>>() {
        // SAFETY: no other thread runs yet that could read the environment while it changes.
        unsafe { env::set_var(name, value) };
    }
}

/// The template with its variables filled in: `{title}` is the name by which the program was started.
pub fn expand_title(settings: &Settings, program: &str, config_file: Option<&Path>) -> String {
    let socket = settings.unixsocket.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let variable = |name: &str| match name {
        "title" => program.to_owned(),
        "listen-addr" if settings.port == 0 => format!("unixsocket:{socket}"),
        "listen-addr" => format!("{}:{}", settings.bind.first().map_or("*", String::as_str), settings.port),
        "config-file" => config_file.map_or("-".to_owned(), |path| path.display().to_string()),
        "port" => settings.port.to_string(),
        "tls-port" => "0".to_owned(),
        "unixsocket" => socket.clone(),
        // The mode of a server that is neither a cluster's node nor a sentinel has no name.
        _ => String::new(),
    };
    let mut title = String::new();
    let mut rest = settings.proc_title_template.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        title.push_str(before);
        if let Some(after_brace) = after.strip_prefix('{') {
            title.push('{');
            rest = after_brace;
        } else {
            let (name, after_name) = after.split_once('}').unwrap_or((after, ""));
            title.push_str(&variable(name));
            rest = after_name;
        }
    }
    title.push_str(rest);
    title.trim_matches(' ').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_template_is_filled_in() {
        let mut config = Config::default();
        config.overwrite("bind", b"10.0.0.1 -::1").unwrap();
        let table = [
            ("{title} {listen-addr} {server-mode}", "redis-server 10.0.0.1:6379"),
            ("{title}-{port} {{x}} {config-file}", "redis-server-6379 {x}} /etc/r.conf"),
            ("  {tls-port} ", "0"),
        ];
        for (template, expected) in table {
            config.overwrite("proc-title-template", template.as_bytes()).unwrap();
            assert_eq!(expand_title(&config, "redis-server", Some(Path::new("/etc/r.conf"))), expected);
        }
        config.overwrite("port", b"0").unwrap();
        config.overwrite("unixsocket", b"/run/r.sock").unwrap();
        config.overwrite("proc-title-template", b"{listen-addr} {config-file}").unwrap();
        assert_eq!(expand_title(&config, "x", None), "unixsocket:/run/r.sock -");
    }
}
