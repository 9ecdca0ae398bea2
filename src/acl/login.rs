//! Sessions and their users: who begins as whom, who logs in, whom a change of users concerns.

use super::Acl;
use super::password::PasswordHash;
use crate::session::{ClientKind, Identity, Session, Sessions, Token, UserId};

impl Acl {
    /// Whether the default user is not for everybody: a connection must log in.
    pub fn wants_login(&self) -> bool {
        !self.lets_in_by_default()
    }

    fn lets_in_by_default(&self) -> bool {
        let user = self.default_user();
        user.is_enabled() && user.needs_no_password()
    }

    /// The user that one may log in as with this password. Takes equally long whether there is such a user.
    pub fn authenticate(&self, name: &[u8], password: &[u8]) -> Option<UserId> {
        let hash = PasswordHash::of(password);
        self.find(name).filter(|id| self.user(*id).rights.accepts(&hash))
    }

    /// A fresh connection: the default user, logged in where that needs nothing.
    pub fn begin(&self, session: &mut Session) {
        session.user = self.identity(UserId::DEFAULT);
        session.authenticated = self.lets_in_by_default();
    }

    pub fn log_in(&self, session: &mut Session, user: UserId) {
        session.user = self.identity(user);
        session.authenticated = true;
    }

    fn identity(&self, id: UserId) -> Identity {
        let user = self.user(id);
        Identity { id, name: user.name.clone(), is_restricted: self.is_restricted(id) }
    }

    fn is_restricted(&self, id: UserId) -> bool {
        !self.user(id).rights.is_unrestricted(&self.commands)
    }

    /// After users were changed: whose requests are looked at. Nobody may be of a user that is gone.
    pub fn refresh(&self, sessions: &mut Sessions) {
        for (_, session) in sessions.iter_mut().filter(|(_, session)| session.kind != ClientKind::Master) {
            session.user.is_restricted = self.is_restricted(session.user.id);
        }
    }

    /// Users are gone: their clients are strangers now. Answers who they are, for their connections to be closed.
    pub fn log_out(&self, sessions: &mut Sessions, is_gone: impl Fn(UserId) -> bool) -> Vec<Token> {
        let mut strangers = Vec::new();
        for (token, session) in sessions.iter_mut().filter(|(_, session)| is_gone(session.user.id)) {
            session.user = self.identity(UserId::DEFAULT);
            session.authenticated = false;
            strangers.push(token);
        }
        strangers
    }
}
