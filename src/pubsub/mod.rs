//! Who is subscribed to what, and who therefore gets a message. It knows names and tokens, never a socket: messages
//! are written into sessions by those who publish.
//!
//! Nothing is kept of a message, and nothing here outlives a connection (Redis document "Pub/Sub").

mod tracking;

use std::collections::{BTreeMap, BTreeSet};

use crate::config::glob;
use crate::session::Token;

pub use tracking::{Broadcast, TrackedKeys};

/// Subscribers by name.
type Topics = BTreeMap<Box<[u8]>, BTreeSet<Token>>;

/// What a subscription names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    Channel,
    Pattern,
    /// A channel that belongs to a slot; without a cluster all slots are ours.
    ShardChannel,
}

/// All subscriptions of all clients.
#[derive(Debug, Default)]
pub struct PubSub {
    channels: Topics,
    patterns: Topics,
    shard_channels: Topics,
    /// What clients hold copies of, which is another kind of subscription.
    pub tracked: TrackedKeys,
}

impl PubSub {
    fn topics(&self, topic: Topic) -> &Topics {
        match topic {
            Topic::Channel => &self.channels,
            Topic::Pattern => &self.patterns,
            Topic::ShardChannel => &self.shard_channels,
        }
    }

    fn topics_mut(&mut self, topic: Topic) -> &mut Topics {
        match topic {
            Topic::Channel => &mut self.channels,
            Topic::Pattern => &mut self.patterns,
            Topic::ShardChannel => &mut self.shard_channels,
        }
    }

    pub fn subscribe(&mut self, topic: Topic, name: &[u8], client: Token) {
        self.topics_mut(topic).entry(name.into()).or_default().insert(client);
    }

    pub fn unsubscribe(&mut self, topic: Topic, name: &[u8], client: Token) {
        let topics = self.topics_mut(topic);
        if let Some(clients) = topics.get_mut(name) {
            clients.remove(&client);
            if clients.is_empty() {
                topics.remove(name);
            }
        }
    }

    /// Nobody is subscribed to a channel or a pattern: a message has no receiver.
    pub fn is_silent(&self) -> bool {
        self.channels.is_empty() && self.patterns.is_empty()
    }

    /// Clients subscribed to exactly this name.
    pub fn subscribers(&self, topic: Topic, name: &[u8]) -> impl ExactSizeIterator<Item = Token> + use<'_> {
        static NOBODY: BTreeSet<Token> = BTreeSet::new();
        self.topics(topic).get(name).unwrap_or(&NOBODY).iter().copied()
    }

    /// Patterns that match the channel, each with its clients.
    pub fn matching<'a>(&'a self, channel: &'a [u8]) -> impl Iterator<Item = (&'a [u8], Token)> {
        let matching = self.patterns.iter().filter(move |(pattern, _)| glob::matches(pattern, channel, false));
        matching.flat_map(|(pattern, clients)| clients.iter().map(|client| (&**pattern, *client)))
    }

    /// Names that have subscribers, in order.
    pub fn names(&self, topic: Topic) -> impl ExactSizeIterator<Item = &[u8]> {
        self.topics(topic).keys().map(|name| &**name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Endpoint, Sessions};
    use crate::time::Millis;

    #[test]
    fn a_message_reaches_those_who_name_its_channel_or_match_it() {
        let mut sessions = Sessions::default();
        let [ann, bob] = [(); 2].map(|()| sessions.open(Endpoint::default(), Millis(0)));
        let mut pubsub = PubSub::default();
        assert!(pubsub.is_silent());
        pubsub.subscribe(Topic::Channel, b"news", ann);
        pubsub.subscribe(Topic::Channel, b"news", bob);
        pubsub.subscribe(Topic::Pattern, b"n*", bob);
        pubsub.subscribe(Topic::Pattern, b"x*", bob);
        pubsub.subscribe(Topic::ShardChannel, b"news", bob);
        assert_eq!(pubsub.subscribers(Topic::Channel, b"news").collect::<Vec<_>>(), [ann, bob]);
        assert_eq!(pubsub.matching(b"news").collect::<Vec<_>>(), [(&b"n*"[..], bob)]);
        pubsub.unsubscribe(Topic::Channel, b"news", ann);
        pubsub.unsubscribe(Topic::Channel, b"news", bob);
        assert_eq!(pubsub.names(Topic::Channel).len(), 0, "a channel without subscribers is gone");
        assert_eq!(pubsub.names(Topic::ShardChannel).collect::<Vec<_>>(), [b"news"]);
    }
}
