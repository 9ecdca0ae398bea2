//! What is asked, and why it is denied.

use std::ops::BitOr;

/// What is done to a key: any of reading, writing, or neither (EXISTS).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights(u8);

impl Rights {
    pub const NONE: Rights = Rights(0);
    pub const READ: Rights = Rights(1);
    pub const WRITE: Rights = Rights(2);
    pub const ALL: Rights = Rights(3);

    /// Whether all of `wanted` are among these.
    pub fn cover(self, wanted: Rights) -> bool {
        self.0 & wanted.0 == wanted.0
    }
}

impl BitOr for Rights {
    type Output = Rights;

    fn bitor(self, other: Rights) -> Rights {
        Rights(self.0 | other.0)
    }
}

/// A request as far as rights depend on it. Words are counted from its name on.
pub trait Request {
    /// Number of the command, or of the subcommand.
    fn command(&self) -> u16;

    /// The command is for everybody, logged in or not (AUTH).
    fn is_for_all(&self) -> bool;

    /// The word after the name.
    fn first_argument(&self) -> Option<&[u8]>;

    /// The first key that is not allowed, as the number of its word.
    fn forbidden_key(&self, is_allowed: impl Fn(&[u8], Rights) -> bool) -> Option<usize>;

    /// The first channel that is not allowed, as the number of its word. True for a pattern of channels.
    fn forbidden_channel(&self, is_allowed: impl Fn(&[u8], bool) -> bool) -> Option<usize>;
}

/// Why not; the later kinds say more, and so do later words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denied {
    Command,
    /// The key at this word.
    Key(usize),
    /// The channel at this word.
    Channel(usize),
}

impl Denied {
    /// The word that it is about: the command's name, a key, a channel.
    pub fn word(self) -> usize {
        match self {
            Denied::Command => 0,
            Denied::Key(at) | Denied::Channel(at) => at,
        }
    }

    /// The error of a request, code first.
    pub fn refusal(self, command: &str) -> String {
        match self {
            Denied::Command => format!("NOPERM this user has no permissions to run the '{command}' command"),
            Denied::Key(_) => {
                "NOPERM this user has no permissions to access one of the keys used as arguments".to_owned()
            }
            Denied::Channel(_) => {
                "NOPERM this user has no permissions to access one of the channels used as arguments".to_owned()
            }
        }
    }

    /// The error of a request that was queued and must not run any more.
    pub fn late_refusal(self) -> String {
        let reason = match self {
            Denied::Command => "no permission to execute the command or subcommand",
            Denied::Key(_) => "no permission to touch the specified keys",
            Denied::Channel(_) => "no permission to access one of the channels used as arguments",
        };
        format!(
            "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This \
             command is no longer allowed for the following reason: {reason}"
        )
    }

    /// The sentence about a request of code that runs inside.
    pub fn refusal_inside(self) -> &'static str {
        match self {
            Denied::Command => "The user executing the script can't run this command or subcommand",
            Denied::Key(_) => {
                "The user executing the script can't access at least one of the keys mentioned in the command arguments"
            }
            Denied::Channel(_) => "The user executing the script can't publish to the channel mentioned in the command",
        }
    }

    /// What ACL DRYRUN answers; `object` is the command's name, the key or the channel.
    pub fn forecast(self, object: &[u8]) -> Vec<u8> {
        let (what, kind) = match self {
            Denied::Command => ("run", "command"),
            Denied::Key(_) => ("access", "key"),
            Denied::Channel(_) => ("access", "channel"),
        };
        let object = String::from_utf8_lossy(object);
        format!("This user has no permissions to {what} the '{object}' {kind}").into_bytes()
    }
}
