//! What a client did wrong on the wire. Each costs it the connection; the text is Redis's.

use thiserror::Error;

/// Sent as `-ERR Protocol error: <text>`, then the connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProtocolError {
    #[error("too big inline request")]
    InlineTooBig,
    #[error("unbalanced quotes in request")]
    UnbalancedQuotes,
    #[error("too big mbulk count string")]
    CountTooBig,
    #[error("invalid multibulk length")]
    BadCount,
    #[error("unauthenticated multibulk length")]
    UnauthenticatedCount,
    #[error("too big bulk count string")]
    LengthTooBig,
    #[error("expected '$', got '{}'", *.0 as char)]
    ExpectedBulk(u8),
    #[error("Master using the inline protocol. Desync?")]
    InlineFromMaster,
    #[error("invalid bulk length")]
    BadLength,
    #[error("unauthenticated bulk length")]
    UnauthenticatedLength,
}
