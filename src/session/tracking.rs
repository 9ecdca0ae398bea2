//! What a client asked of client-side caching.

use super::Token;

/// CLIENT TRACKING.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tracking {
    pub mode: TrackingMode,
    /// The client that is sent the invalidations; `None`: the client itself.
    pub redirect: Option<Token>,
    /// The client that is redirected to is gone.
    pub is_broken: bool,
    /// What the client itself changes is not told to it.
    pub noloop: bool,
    /// CLIENT CACHING: the next request is treated otherwise than the mode says.
    pub caching: bool,
}

/// Which keys a tracking client is told about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TrackingMode {
    /// All that it reads.
    #[default]
    Reads,
    /// What it reads behind CLIENT CACHING YES.
    OptIn,
    /// What it reads but behind CLIENT CACHING NO.
    OptOut,
    /// All keys that begin with one of these, read or not; none of them: all keys.
    Broadcast(Vec<Vec<u8>>),
}

impl Tracking {
    pub fn is_broadcast(&self) -> bool {
        matches!(self.mode, TrackingMode::Broadcast(_))
    }

    /// Prefixes that the client has registered so far.
    pub fn prefixes(&self) -> &[Vec<u8>] {
        match &self.mode {
            TrackingMode::Broadcast(prefixes) => prefixes,
            _ => &[],
        }
    }

    /// Memory of the prefixes, here and where the clients of each are listed.
    pub fn prefixes_bytes(&self) -> usize {
        self.prefixes().iter().map(|prefix| 2 * (size_of::<Vec<u8>>() + prefix.len()) + size_of::<Token>()).sum()
    }
}
