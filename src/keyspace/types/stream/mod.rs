//! Streams: entries in chunks, the way Redis's listpacks have them, and consumer groups. Also the smallest stream is a
//! value outside its blob.

mod chunk;
mod group;
mod log;
mod progress;
mod root;

use std::ptr::NonNull;

use crate::config::CollectionLimits;
use crate::keyspace::birth::{Born, Cradle};
use crate::keyspace::blob::{BlobRef, Kind};
use crate::keyspace::epoch::Epochs;
use crate::keyspace::link::Link;
use crate::keyspace::tree::Tree;
use crate::keyspace::value::Outer;
use crate::keyspace::{Db, Encoding, Key, Stream, StreamId, StreamMeta};

pub use chunk::EntryRef;
pub use group::Delivery;
use group::{Consumer, Group};
pub use log::{Entries, Keep};
pub use progress::StreamCounters;
pub(in crate::keyspace) use root::{StreamRoot, free_whole};

/// A stream read in place.
#[derive(Clone, Copy)]
pub struct StreamRef<'a> {
    root: &'a StreamRoot,
}

/// A group read in place.
#[derive(Clone, Copy)]
pub struct GroupRef<'a> {
    group: &'a Group,
}

/// A consumer read in place.
#[derive(Clone, Copy)]
pub struct ConsumerRef<'a> {
    consumer: &'a Consumer,
}

/// A stream to change.
pub struct StreamMut<'a> {
    root: &'a mut StreamRoot,
    epochs: &'a Epochs,
}

/// A group to change.
pub struct GroupMut<'a> {
    group: &'a mut Group,
    epochs: &'a Epochs,
}

impl<'a> StreamRef<'a> {
    pub(in crate::keyspace) fn of(blob: BlobRef<'a>) -> StreamRef<'a> {
        match Outer::of(blob) {
            Some(Outer::Stream(root)) => StreamRef { root: root.get() },
            _ => unreachable!("streams lie outside their blobs"),
        }
    }

    pub fn len(&self) -> u64 {
        self.root.log.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn encoding(&self) -> Encoding {
        Encoding::Stream
    }

    /// The greatest ID that ever was.
    pub fn last_id(&self) -> StreamId {
        self.root.last_id
    }

    /// ID of the first entry; 0-0 if there is none.
    pub fn first_id(&self) -> StreamId {
        self.range(StreamId::MIN, StreamId::MAX).next().map_or(StreamId::MIN, |entry| entry.id)
    }

    pub fn max_deleted_id(&self) -> StreamId {
        self.root.max_deleted_id
    }

    /// Entries that ever were.
    pub fn entries_added(&self) -> u64 {
        self.root.entries_added
    }

    pub fn chunks(&self) -> usize {
        self.root.log.chunks()
    }

    /// Entries of each chunk, chunk by chunk.
    pub fn by_chunk(&self) -> impl Iterator<Item = Vec<EntryRef<'a>>> + use<'a> {
        self.root.log.each_chunk().map(|chunk| chunk.walk().collect())
    }

    pub fn entry(&self, id: StreamId) -> Option<EntryRef<'a>> {
        self.root.log.entry(id)
    }

    /// Entries from one ID to another, both included.
    pub fn range(&self, from: StreamId, to: StreamId) -> Entries<'a> {
        self.root.log.range(from, to)
    }

    /// The same from the last one back.
    pub fn range_back(&self, from: StreamId, to: StreamId) -> impl Iterator<Item = EntryRef<'a>> + use<'a> {
        self.root.log.range_back(from, to)
    }

    pub fn groups_len(&self) -> usize {
        self.root.groups.weight() as usize
    }

    /// Groups in the order of their names.
    pub fn groups(&self) -> impl Iterator<Item = GroupRef<'a>> + use<'a> {
        self.root.groups.items_from(0).map(|group| GroupRef { group: group.get() })
    }

    pub fn group(&self, name: &[u8]) -> Option<GroupRef<'a>> {
        self.root.group_place(name).ok().map(|(group, _)| GroupRef { group: group.get() })
    }

    /// The root of a copy.
    pub(in crate::keyspace) fn boxed_copy(&self, cradle: Cradle<'_>) -> NonNull<u8> {
        Link::new(self.root.duplicate(cradle.epochs)).address()
    }
}

/// IDs of pending entries, or deliveries, from one on.
fn from_id<T: crate::keyspace::tree::Item>(
    tree: &Tree<T>,
    from: StreamId,
    id: impl Fn(&T) -> StreamId,
) -> impl Iterator<Item = T> {
    tree.items_from(tree.weight_before(|item| id(item) < from))
}

impl<'a> GroupRef<'a> {
    pub fn name(&self) -> &'a [u8] {
        &self.group.name.get().bytes
    }

    /// ID of the last entry that was delivered.
    pub fn last_id(&self) -> StreamId {
        self.group.last_id
    }

    /// Entries delivered so far; `None` where the count was lost.
    pub fn entries_read(&self) -> Option<u64> {
        self.group.entries_read
    }

    pub fn pending_len(&self) -> u64 {
        self.group.pending.weight()
    }

    pub fn delivery(&self, id: StreamId) -> Option<Delivery> {
        self.group.delivery(id)
    }

    /// Pending entries from an ID on.
    pub fn pending_from(&self, from: StreamId) -> impl Iterator<Item = Delivery> + use<'a> {
        from_id(&self.group.pending, from, |delivery| delivery.id)
    }

    /// The last pending entry.
    pub fn last_pending(&self) -> Option<Delivery> {
        self.group.pending.items_before(self.pending_len()).next()
    }

    /// The name of the consumer that has a pending entry.
    pub fn owner(&self, delivery: &Delivery) -> &'a [u8] {
        self.group.name_of(delivery.consumer).map_or(&[], |name| &name.get().bytes)
    }

    pub fn consumers_len(&self) -> usize {
        self.group.consumers.weight() as usize
    }

    /// Consumers in the order of their names.
    pub fn consumers(&self) -> impl Iterator<Item = ConsumerRef<'a>> + use<'a> {
        self.group.consumers.items_from(0).map(|consumer| ConsumerRef { consumer: consumer.get() })
    }

    pub fn consumer(&self, name: &[u8]) -> Option<ConsumerRef<'a>> {
        self.group.consumer(name).map(|consumer| ConsumerRef { consumer: consumer.get() })
    }
}

impl<'a> ConsumerRef<'a> {
    pub fn name(&self) -> &'a [u8] {
        &self.consumer.name.get().bytes
    }

    pub fn number(&self) -> u64 {
        self.consumer.number
    }

    /// When it last asked for something: Unix time in milliseconds.
    pub fn seen_ms(&self) -> i64 {
        self.consumer.seen_ms
    }

    /// When it last got something; -1 for never.
    pub fn active_ms(&self) -> i64 {
        self.consumer.active_ms
    }

    pub fn pending_len(&self) -> u64 {
        self.consumer.pending.weight()
    }

    /// IDs of its pending entries from one on.
    pub fn pending_from(&self, from: StreamId) -> impl Iterator<Item = StreamId> + use<'a> {
        from_id(&self.consumer.pending, from, |id| *id)
    }
}

impl StreamMut<'_> {
    /// Adds an entry; its ID is beyond the last one. `texts` are fields and values in turn.
    pub fn append<'t>(
        &mut self,
        id: StreamId,
        texts: impl ExactSizeIterator<Item = &'t [u8]> + Clone,
        limits: &CollectionLimits,
    ) {
        debug_assert!(id > self.root.last_id);
        self.root.log.append(self.epochs, id, texts, limits);
        self.root.last_id = id;
        self.root.entries_added = self.root.entries_added.wrapping_add(1);
    }

    /// Takes an entry out; false if there is none.
    pub fn remove(&mut self, id: StreamId) -> bool {
        let removed = self.root.log.remove(self.epochs, id);
        if removed {
            self.root.max_deleted_id = self.root.max_deleted_id.max(id);
        }
        removed
    }

    /// As `Log::trim`.
    pub fn trim(&mut self, keep: Keep, by_chunks: bool, limit: u64) -> u64 {
        self.root.log.trim(self.epochs, keep, by_chunks, limit)
    }

    pub fn set_last_id(&mut self, id: StreamId) {
        self.root.last_id = id;
    }

    pub fn set_entries_added(&mut self, entries: u64) {
        self.root.entries_added = entries;
    }

    pub fn set_max_deleted_id(&mut self, id: StreamId) {
        self.root.max_deleted_id = id;
    }

    /// False if there is a group of this name.
    pub fn create_group(&mut self, name: &[u8], last_id: StreamId, entries_read: Option<u64>) -> bool {
        let Err(at) = self.root.group_place(name) else { return false };
        self.root.put_group(self.epochs, at, Group::new(self.epochs, name, last_id, entries_read));
        true
    }

    /// False if there is none.
    pub fn destroy_group(&mut self, name: &[u8]) -> bool {
        let Ok((_, at)) = self.root.group_place(name) else { return false };
        self.root.remove_group(self.epochs, at);
        true
    }

    /// Changes a group; `None` if there is none.
    pub fn change_group<T>(&mut self, name: &[u8], change: impl FnOnce(&mut GroupMut<'_>) -> T) -> Option<T> {
        let (_, at) = self.root.group_place(name).ok()?;
        let epochs = self.epochs;
        Some(self.root.change_group(epochs, at, |group| change(&mut GroupMut { group, epochs })))
    }
}

impl GroupMut<'_> {
    pub fn set_position(&mut self, last_id: StreamId, entries_read: Option<u64>) {
        self.group.last_id = last_id;
        self.group.entries_read = entries_read;
    }

    /// Makes a consumer, if there is none of this name. Answers its number, and whether it is new.
    pub fn add_consumer(&mut self, name: &[u8], now_ms: i64) -> (u64, bool) {
        self.group.add_consumer(self.epochs, name, now_ms)
    }

    /// The consumer, which exists, asked for something; got it, if `is_active`.
    pub fn see(&mut self, name: &[u8], now_ms: i64, is_active: bool) {
        self.group.change_consumer(self.epochs, name, |consumer| {
            consumer.seen_ms = now_ms;
            if is_active {
                consumer.active_ms = now_ms;
            }
        });
    }

    /// Takes a consumer out with its pending entries; answers their number.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<u64> {
        self.group.remove_consumer(self.epochs, name)
    }

    /// The entry is pending from now on, or is another consumer's.
    pub fn deliver(&mut self, delivery: Delivery) {
        self.group.deliver(self.epochs, delivery);
    }

    /// The entry is pending no more; false if it was not.
    pub fn acknowledge(&mut self, id: StreamId) -> bool {
        self.group.acknowledge(self.epochs, id)
    }
}

/// A stream as it is born.
pub fn born_stream(cradle: Cradle<'_>, stream: &Stream, limits: &CollectionLimits) -> Born {
    let epochs = cradle.epochs;
    let mut root = StreamRoot::new(epochs);
    for entry in &stream.entries {
        let texts: Vec<&[u8]> = stream.pairs(entry).flat_map(|(field, value)| [field, value]).collect();
        root.log.append(epochs, entry.id, texts.iter().copied(), limits);
    }
    root.last_id = stream.last_id;
    // What older payloads do not say: as if nothing had ever been deleted.
    let entries_added = stream.entries.len() as u64;
    let meta = stream.meta.unwrap_or(StreamMeta { entries_added, ..StreamMeta::default() });
    root.max_deleted_id = meta.max_deleted_id;
    root.entries_added = meta.entries_added;
    let counters = StreamCounters::of(&StreamRef { root: &root });
    for group in &stream.groups {
        // Names of groups are distinct.
        let (Ok((_, at)) | Err(at)) = root.group_place(&group.name);
        root.put_group(epochs, at, born_group(epochs, group));
        if stream.meta.is_none() {
            let entries_read = counters.number_of(group.last_id);
            root.change_group(epochs, at, |born| born.entries_read = entries_read);
        }
    }
    Born::Boxed { kind: Kind::Stream, value: Link::new(root).address() }
}

fn born_group(epochs: &Epochs, group: &crate::keyspace::Group) -> Group {
    let mut born = Group::new(epochs, &group.name, group.last_id, group.entries_read);
    let mut numbers = Vec::with_capacity(group.consumers.len());
    for consumer in &group.consumers {
        numbers.push(born.add_consumer(epochs, &consumer.name, consumer.seen_time_ms).0);
        born.change_consumer(epochs, &consumer.name, |born| born.active_ms = consumer.active_time_ms);
    }
    for pending in &group.pending {
        let (id, time_ms, count) = (pending.id, pending.delivery_time_ms, pending.delivery_count);
        born.deliver(epochs, Delivery { id, time_ms, count, consumer: numbers[pending.consumer] });
    }
    born
}

impl Db {
    /// Changes a stream, in a version that no snapshot sees; `None` if the key holds none.
    pub fn stream_change<T>(&mut self, key: Key<'_>, change: impl FnOnce(&mut StreamMut<'_>) -> T) -> Option<T> {
        let (old, spot) = self.table.locate(key)?;
        let Some(Outer::Stream(root)) = Outer::of(old) else { return None };
        Some(self.change_root(key, spot, root, |root, epochs| change(&mut StreamMut { root, epochs })))
    }
}
