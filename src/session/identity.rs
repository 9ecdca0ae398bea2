//! Which user a client is. What the user may do is `acl`'s to say.

use std::sync::{Arc, LazyLock};

/// Names a user while it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UserId(u32);

impl UserId {
    /// The user that every connection begins as.
    pub const DEFAULT: UserId = UserId(0);

    pub fn new(index: usize) -> UserId {
        UserId(index as u32)
    }

    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A client's user, with what is needed of it for each request.
#[derive(Clone, Debug)]
pub struct Identity {
    pub id: UserId,
    pub name: Arc<[u8]>,
    /// There is something that it may not do, so each request is looked at.
    pub is_restricted: bool,
}

/// The default user as long as it may do everything.
impl Default for Identity {
    fn default() -> Identity {
        static NAME: LazyLock<Arc<[u8]>> = LazyLock::new(|| Arc::from(&b"default"[..]));
        Identity { id: UserId::DEFAULT, name: NAME.clone(), is_restricted: false }
    }
}
