//! What the engine can say of itself for a crash report.

use crate::command::{Args, Origin};
use crate::resp::{OwnedArgs, Reply};
use crate::session::{Endpoint, Token};
use crate::time::Now;

use super::Engine;

/// The replies of INFO and CLIENT LIST at the end of the process.
pub struct Testimony {
    pub info: String,
    pub clients: String,
    /// The client whose request was being executed, as CLIENT LIST shows it.
    pub current: Option<String>,
    pub hides_user_data: bool,
}

impl Engine {
    /// Speaks out of whatever state the engine is in; what it cannot say it leaves out.
    pub fn testify(&mut self, now: Now, client: Option<Token>) -> Testimony {
        let current = client.filter(|client| self.sessions.get(*client).is_some());
        let clients = self.ask(now, current, "client|list", &["CLIENT", "LIST"]);
        let current_line = current.and_then(|client| {
            let id = format!("id={} ", self.sessions[client].id);
            clients.lines().find(|line| line.starts_with(&id)).map(str::to_owned)
        });
        Testimony {
            info: self.ask(now, current, "info", &["INFO", "everything"]),
            clients,
            current: current_line,
            hides_user_data: self.config.hide_user_data_from_log,
        }
    }

    /// The text that a command answers, whatever it is called.
    fn ask(&mut self, now: Now, client: Option<Token>, full_name: &str, words: &[&str]) -> String {
        let row = self.table.entries().find(|(_, entry)| entry.full_name == full_name);
        let Some((id, handler)) = row.map(|(id, entry)| (id, entry.command.handler)) else { return String::new() };
        let asker = client.unwrap_or_else(|| self.sessions.open(Endpoint::default(), now.mono));
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let owned = OwnedArgs::of(&words);
        let args = Args::new(owned.args(), self.keyspace.hasher());
        let mut reply = Reply::default();
        let mut cx = self.context(now, asker, Origin::Internal, id, &mut reply);
        let _ = handler(&mut cx, &args);
        let reply = std::mem::take(&mut cx.reply);
        if client.is_none() {
            self.sessions.close(asker);
        }
        // The length stands in a line of its own before the text.
        let text = String::from_utf8_lossy(&reply.buffer).into_owned();
        text.split_once("\r\n").map_or(String::new(), |(_, text)| text.trim_end().to_owned() + "\n")
    }
}
