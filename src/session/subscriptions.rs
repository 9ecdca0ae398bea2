//! What one client is subscribed to. The other direction, who is subscribed to a channel, is `pubsub`'s.

use std::collections::BTreeSet;

/// Names of channels or patterns, in order.
pub type Names = BTreeSet<Box<[u8]>>;

/// Channels, patterns and shard channels of one client.
#[derive(Clone, Debug, Default)]
pub struct Subscriptions {
    pub channels: Names,
    pub patterns: Names,
    pub shard_channels: Names,
}

impl Subscriptions {
    /// Channels and patterns: what SUBSCRIBE and PSUBSCRIBE answer.
    pub fn count(&self) -> usize {
        self.channels.len() + self.patterns.len()
    }

    pub fn is_empty(&self) -> bool {
        self.count() == 0 && self.shard_channels.is_empty()
    }
}
