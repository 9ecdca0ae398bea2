//! Messages of the server's own: events of keys (Redis document "Keyspace notifications"), published as a unit ends.

use crate::command::publish;

use super::Engine;

impl Engine {
    /// Publishes the key events of the unit that ends: in the channel of the key, of the event, or both.
    #[cold]
    pub(super) fn publish_key_events(&mut self) {
        let classes = self.effects.event_classes;
        for (db, event, key) in self.effects.take_events() {
            if self.pubsub.is_silent() {
                continue;
            }
            if classes.in_keyspace() {
                let channel = [format!("__keyspace@{db}__:").as_bytes(), &key].concat();
                publish(&self.pubsub, &mut self.sessions, None, &channel, event.as_bytes());
            }
            if classes.in_keyevent() {
                let channel = format!("__keyevent@{db}__:{event}");
                publish(&self.pubsub, &mut self.sessions, None, channel.as_bytes(), &key);
            }
        }
    }
}
