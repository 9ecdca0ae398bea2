//! What one client is subscribed to. The other direction, who is subscribed to a channel, is `pubsub`'s.

use std::collections::BTreeSet;

use super::Token;

/// Names of channels or patterns, in order.
pub type Names = BTreeSet<Box<[u8]>>;

/// Channels, patterns and shard channels of one client.
#[derive(Clone, Debug, Default)]
pub struct Subscriptions {
    pub channels: Names,
    pub patterns: Names,
    pub shard_channels: Names,
    /// Memory of the names, here and where the subscribers of each are listed.
    pub names_bytes: usize,
}

impl Subscriptions {
    /// Channels and patterns: what SUBSCRIBE and PSUBSCRIBE answer.
    pub fn count(&self) -> usize {
        self.channels.len() + self.patterns.len()
    }

    /// What one name adds to `names_bytes`.
    pub fn bytes_of(name: &[u8]) -> usize {
        2 * (size_of::<Box<[u8]>>() + name.len()) + size_of::<Token>()
    }

    pub fn is_empty(&self) -> bool {
        self.count() == 0 && self.shard_channels.is_empty()
    }
}
