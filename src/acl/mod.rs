//! Who may do what: users with their passwords and rights, refusals that are remembered, the text of users in files.
//!
//! A command is here a number with categories, a request what [`Request`] tells of it: nothing is known of handlers,
//! of the engine or of files. Implements the rules of the Redis document "ACL".

mod command_rules;
mod commands;
mod file;
mod log;
mod login;
mod password;
mod patterns;
mod request;
mod rules;
mod selector;
mod user;

use std::collections::BTreeMap;
use std::sync::Arc;

use slab::Slab;

use crate::session::{Identity, UserId};

pub use command_rules::COMMANDS_MAX;
pub use commands::{CommandRow, Commands};
pub use log::{AclLog, Context, LogEntry, Reason};
pub use request::{Denied, Request, Rights};
pub use rules::{RuleError, is_one_word};
pub use selector::Selector;
pub use user::User;

use rules::{Terms, merge_selectors};

/// A user under its name.
pub struct NamedUser {
    pub name: Arc<[u8]>,
    pub rights: User,
}

/// All users. There is always the one whose name is `default`: every connection begins as that.
pub struct Acl {
    commands: Commands,
    users: Slab<NamedUser>,
    ids: BTreeMap<Arc<[u8]>, UserId>,
    pub log: AclLog,
    /// `acl-pubsub-default`: what is created from now on may use all channels.
    pub grants_channels: bool,
}

impl Acl {
    /// With the default user, who may do everything without a password.
    pub fn new(commands: Commands) -> Acl {
        let mut acl =
            Acl { commands, users: Slab::new(), ids: BTreeMap::new(), log: AclLog::default(), grants_channels: false };
        let all_powerful = acl.all_powerful();
        let id = acl.put(&Identity::default().name, all_powerful);
        debug_assert_eq!(id, UserId::DEFAULT);
        acl
    }

    /// Rights of the default user where nothing is said of them.
    fn all_powerful(&self) -> User {
        let mut user = User::new(self.grants_channels);
        for rule in ["+@all", "~*", "&*", "on", "nopass"] {
            let applied = user.apply(rule.as_bytes(), self.terms());
            debug_assert!(applied.is_ok());
        }
        user
    }

    fn terms(&self) -> Terms<'_> {
        Terms { commands: &self.commands, grants_channels: self.grants_channels }
    }

    pub fn commands(&self) -> &Commands {
        &self.commands
    }

    pub fn find(&self, name: &[u8]) -> Option<UserId> {
        self.ids.get(name).copied()
    }

    pub fn user(&self, id: UserId) -> &NamedUser {
        &self.users[id.index()]
    }

    pub fn by_name(&self, name: &[u8]) -> Option<&User> {
        self.find(name).map(|id| &self.user(id).rights)
    }

    pub fn default_user(&self) -> &User {
        &self.user(UserId::DEFAULT).rights
    }

    /// In the order of their names.
    pub fn users(&self) -> impl ExactSizeIterator<Item = &NamedUser> {
        self.ids.values().map(|id| self.user(*id))
    }

    /// What a user becomes by these rules, or what is wrong with one of them. Nothing has changed yet.
    pub fn changed(&self, name: &[u8], rules: &[&[u8]]) -> Result<User, String> {
        let merged = merge_selectors(rules).map_err(|start| {
            format!("Unmatched parenthesis in acl selector starting at '{}'.", String::from_utf8_lossy(start))
        })?;
        let mut user = self.by_name(name).cloned().unwrap_or_else(|| User::new(self.grants_channels));
        for rule in merged {
            user.apply(&rule, self.terms()).map_err(|error| {
                format!("Error in ACL SETUSER modifier '{}': {error}", String::from_utf8_lossy(&rule))
            })?;
        }
        Ok(user)
    }

    /// Creates a user, or gives it other rights.
    pub fn put(&mut self, name: &[u8], rights: User) -> UserId {
        if let Some(id) = self.find(name) {
            self.users[id.index()].rights = rights;
            return id;
        }
        let name: Arc<[u8]> = name.into();
        let id = UserId::new(self.users.insert(NamedUser { name: name.clone(), rights }));
        self.ids.insert(name, id);
        id
    }

    /// Forgets a user; whoever is logged in as it is to be logged out.
    pub fn remove(&mut self, name: &[u8]) -> Option<UserId> {
        let id = self.find(name).filter(|id| *id != UserId::DEFAULT)?;
        self.ids.remove(name);
        self.users.remove(id.index());
        Some(id)
    }

    /// `requirepass`: the default user's one password, or none that is needed.
    pub fn set_default_password(&mut self, password: Option<&[u8]>) {
        self.users[UserId::DEFAULT.index()].rights.set_password(password);
    }

    /// Whether a user may do what is asked for.
    pub fn permits(&self, user: UserId, request: &impl Request) -> Result<(), Denied> {
        self.user(user).rights.permits(request)
    }

    /// As `permits`, and with these rights to whatever key: for requests that find keys by patterns.
    pub fn permits_on_all_keys(&self, user: UserId, request: &impl Request, rights: Rights) -> bool {
        self.user(user).rights.permits_on_all_keys(request, rights)
    }

    /// A user as ACL LIST and files have it, without the keyword.
    pub fn describe(&self, user: &NamedUser) -> Vec<u8> {
        [&user.name, &b" "[..], &user.rights.describe(&self.commands)].concat()
    }
}
