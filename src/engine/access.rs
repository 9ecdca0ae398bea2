//! Who may do what: requests of users that may not do everything, refusals, and users in files.

use std::path::Path;

use rand::Rng;

use crate::acl::{Context, Denied, LogEntry, Reason};
use crate::command::{Args, CommandError, CommandId, Wish, close_clients};
use crate::resp::Reply;
use crate::session::{Token, UserId};
use crate::time::Now;

use super::Engine;

const NOT_SAVED: &str =
    "ERR There was an error trying to save the ACLs. Please check the server logs for more information";

impl Engine {
    /// Whether a user may have this request executed.
    pub fn permits(&self, user: UserId, id: CommandId, args: &Args<'_>) -> Result<(), Denied> {
        self.acl.permits(user, &Wish::new(&self.table, id, args))
    }

    /// As `permits`, of a client's own user, for what was admitted before: rights may have gone since, or the user.
    pub(super) fn still_permits(&self, token: Token, id: CommandId, args: &Args<'_>) -> Result<(), Denied> {
        let session = &self.sessions[token];
        if self.must_log_in(session) {
            return Err(Denied::Command);
        }
        if session.user.is_restricted { self.permits(session.user.id, id, args) } else { Ok(()) }
    }

    /// Refuses a request at the gate.
    #[cold]
    pub(super) fn deny(
        &mut self,
        now: Now,
        token: Token,
        command: Option<CommandId>,
        args: &Args<'_>,
        denied: Denied,
        reply: &mut Reply,
    ) {
        let id = command.unwrap_or_default();
        let context = self.acl_context(token);
        self.sessions[token].last_command = self.table.entry(id).full_name;
        self.note_denial(now, token, context, id, args, denied);
        let error = CommandError::new(denied.refusal(self.table.entry(id).full_name));
        self.refuse(token, command, &error, reply);
    }

    fn acl_context(&self, token: Token) -> Context {
        if self.sessions[token].transaction.is_some() { Context::Multi } else { Context::TopLevel }
    }

    /// Remembers that a client's request was denied.
    #[cold]
    pub fn note_denial(
        &mut self,
        now: Now,
        token: Token,
        context: Context,
        id: CommandId,
        args: &Args<'_>,
        denied: Denied,
    ) {
        let name = self.table.entry(id).full_name;
        let (reason, object, count) = match denied {
            Denied::Command => (Reason::Command, name.as_bytes(), &mut self.stats.acl_denied_command),
            Denied::Key(at) => (Reason::Key, args.at(at), &mut self.stats.acl_denied_key),
            Denied::Channel(at) => (Reason::Channel, args.at(at), &mut self.stats.acl_denied_channel),
        };
        *count += 1;
        let client = self.describe_client(now.mono, token);
        let user = &self.sessions[token].user.name;
        self.acl.log.add(LogEntry::new(reason, context, object, user, now.unix_ms(), client));
    }

    /// A directive about users was set.
    pub(super) fn users_configured(&mut self, directives: &[&'static str]) {
        if directives.contains(&"requirepass") {
            self.acl.set_default_password(self.config.requirepass.as_deref());
            self.acl.refresh(&mut self.sessions);
        }
    }

    /// At the start: users of the configuration, or of the ACL file. The error keeps the server from starting.
    pub fn define_users(&mut self) -> Result<(), String> {
        for words in std::mem::take(&mut self.config.users) {
            let user = self.acl.define(&words)?;
            if !user.is_enabled() {
                let name = String::from_utf8_lossy(&words[0]).into_owned();
                self.notice(format!(
                    "The user '{name}' is disabled (there is no 'on' modifier in the user description). Make sure this \
                     is not a configuration error."
                ));
            }
        }
        if let Some(path) = self.config.aclfile.clone() {
            self.read_users(&path).map_err(|error| format!("Aborting Redis startup because of ACL errors: {error}"))?;
        }
        self.acl.refresh(&mut self.sessions);
        Ok(())
    }

    fn read_users(&mut self, path: &Path) -> Result<(), String> {
        let name = path.display().to_string();
        let text = (self.hooks.read_acl_file)(path)
            .map_err(|reason| format!("Error loading ACLs, opening file '{name}': {reason}"))?;
        self.acl.load(&name, &text)
    }

    /// ACL LOAD: nobody stays logged in as a user of before, but for the default user.
    pub(super) fn load_users(&mut self, token: Token, reply: &mut Reply) {
        let Some(path) = self.config.aclfile.clone() else { return };
        if let Err(error) = self.read_users(&path) {
            return self.fail(reply, &format!("ERR {error}"));
        }
        reply.ok();
        let strangers = self.acl.log_out(&mut self.sessions, |user| user != UserId::DEFAULT);
        close_clients(&mut self.sessions, strangers, token);
        self.acl.refresh(&mut self.sessions);
    }

    /// ACL SAVE.
    pub(super) fn save_users(&mut self, reply: &mut Reply) {
        let Some(path) = self.config.aclfile.clone() else { return };
        match (self.hooks.write_acl_file)(&path, &self.acl.text()) {
            Ok(()) => reply.ok(),
            Err(reason) => {
                self.warning(format!("Writing ACL file for ACL SAVE: {reason}"));
                self.fail(reply, NOT_SAVED);
            }
        }
    }

    /// Users as lines of the configuration, for CONFIG REWRITE; those of an ACL file stand there.
    pub(super) fn note_users_in_config(&mut self) {
        let words = |line: Vec<u8>| line.split(|byte| *byte == b' ').map(<[u8]>::to_vec).collect();
        self.config.users = match self.config.aclfile {
            Some(_) => Vec::new(),
            None => self.acl.users().map(|user| words(self.acl.describe(user))).collect(),
        };
    }

    /// ACL GENPASS.
    pub(super) fn answer_password(&mut self, digits: usize, reply: &mut Reply) {
        let mut bytes = vec![0; digits.div_ceil(2)];
        self.rng.fill_bytes(&mut bytes);
        (self.hooks.make_secret)(&mut bytes);
        let password: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        reply.bulk(&password.as_bytes()[..digits]);
    }
}
