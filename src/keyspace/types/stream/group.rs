//! Consumer groups: what was delivered to whom and not acknowledged yet.
//!
//! The pending entries of a group are a tree in the order of their IDs; each names its consumer by number. Each consumer
//! has the IDs of its own in a second tree, so what one consumer asks never looks at the others' entries.

use std::cmp::Ordering;
use std::ptr::NonNull;

use crate::keyspace::StreamId;
use crate::keyspace::epoch::{Epochs, Reclaim};
use crate::keyspace::link::Link;
use crate::keyspace::tree::{Item, Tree, free_node};
use crate::keyspace::value::Root;

/// An entry that was delivered and not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub id: StreamId,
    /// Unix time in milliseconds.
    pub time_ms: i64,
    pub count: u64,
    /// Number of the consumer that has it.
    pub consumer: u64,
}

/// A name that versions share.
pub struct Name {
    pub bytes: Box<[u8]>,
}

/// The name of a consumer by its number.
#[derive(Clone, Copy)]
pub struct Numbered {
    number: u64,
    name: Link<Name>,
}

pub struct Consumer {
    /// Birth epoch.
    epoch: u64,
    pub number: u64,
    pub name: Link<Name>,
    /// Unix time in milliseconds.
    pub seen_ms: i64,
    /// When it last got an entry, -1 for never.
    pub active_ms: i64,
    pub pending: Tree<StreamId>,
}

pub struct Group {
    /// Birth epoch.
    epoch: u64,
    pub name: Link<Name>,
    pub last_id: StreamId,
    /// `None` where the count was lost.
    pub entries_read: Option<u64>,
    pub pending: Tree<Delivery>,
    /// By name.
    pub consumers: Tree<Link<Consumer>>,
    numbers: Tree<Numbered>,
    next_number: u64,
    /// Of the consumers with their names and trees.
    consumers_bytes: usize,
}

macro_rules! items {
    ($($item:ty),*) => { $(
        impl Item for $item {
            const NODE: &'static Reclaim = {
                static NODE: Reclaim = Reclaim { free: free_node::<$item> };
                &NODE
            };

            fn weight(&self) -> u64 {
                1
            }
        }
    )* };
}

items!(StreamId, Delivery, Numbered, Link<Consumer>, Link<Group>);

static NAME: Reclaim = Reclaim { free: free_name };
static CONSUMER: Reclaim = Reclaim { free: free_consumer };
static CONSUMER_ROOT: Reclaim = Reclaim { free: free_link::<Consumer> };
static GROUP: Reclaim = Reclaim { free: free_group };
static GROUP_ROOT: Reclaim = Reclaim { free: free_link::<Group> };

impl Root for Consumer {
    const RECLAIM: &'static Reclaim = &CONSUMER;
    const ROOT_RECLAIM: &'static Reclaim = &CONSUMER_ROOT;

    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn fork(&self, epochs: &Epochs) -> Consumer {
        Consumer { epoch: epochs.current(), ..*self }
    }

    fn size_bytes(&self) -> usize {
        self.pending.bytes() + size_of::<Consumer>() + size_of::<Name>() + self.name.bytes.len()
    }
}

impl Root for Group {
    const RECLAIM: &'static Reclaim = &GROUP;
    const ROOT_RECLAIM: &'static Reclaim = &GROUP_ROOT;

    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn fork(&self, epochs: &Epochs) -> Group {
        Group { epoch: epochs.current(), ..*self }
    }

    fn size_bytes(&self) -> usize {
        let trees = self.pending.bytes() + self.consumers.bytes() + self.numbers.bytes() + self.consumers_bytes;
        trees + size_of::<Group>() + size_of::<Name>() + self.name.bytes.len()
    }
}

/// Changes what an item of a tree leads to, in a version that no snapshot sees; answers by how much it has grown too.
pub fn change_at<R: Root, T>(
    tree: &mut Tree<Link<R>>,
    epochs: &Epochs,
    at: u64,
    change: impl FnOnce(&mut R) -> T,
) -> (T, isize)
where
    Link<R>: Item,
{
    let (old, _) = tree.at(at).expect("what is changed exists");
    let before = old.size_bytes();
    if !epochs.is_shared(old.epoch()) {
        // SAFETY: no snapshot sees it, and the stream is borrowed exclusively.
        let result = change(unsafe { old.get_mut() });
        return (result, old.size_bytes() as isize - before as isize);
    }
    let mut new = old.fork(epochs);
    let result = change(&mut new);
    let growth = new.size_bytes() as isize - before as isize;
    tree.replace(epochs, at, Link::new(new));
    // Only now: as soon as its snapshot ends, it may be freed.
    epochs.retire(R::ROOT_RECLAIM, old.address(), size_of::<R>());
    (result, growth)
}

impl Name {
    pub fn new(bytes: &[u8]) -> Link<Name> {
        Link::new(Name { bytes: bytes.into() })
    }

    fn order(&self, bytes: &[u8]) -> Ordering {
        (*self.bytes).cmp(bytes)
    }
}

impl Consumer {
    /// Where its pending entry lies in its own tree, or would.
    fn place(&self, id: StreamId) -> Result<u64, u64> {
        self.pending.find(|other| other.cmp(&id)).map(|(_, at)| at)
    }
}

impl Group {
    pub fn new(epochs: &Epochs, name: &[u8], last_id: StreamId, entries_read: Option<u64>) -> Group {
        Group {
            epoch: epochs.current(),
            name: Name::new(name),
            last_id,
            entries_read,
            pending: Tree::new(),
            consumers: Tree::new(),
            numbers: Tree::new(),
            next_number: 0,
            consumers_bytes: 0,
        }
    }

    /// How a group's name stands to another.
    pub fn order(&self, name: &[u8]) -> Ordering {
        self.name.order(name)
    }

    fn consumer_place(&self, name: &[u8]) -> Result<u64, u64> {
        self.consumers.find(|consumer| consumer.name.order(name)).map(|(_, at)| at)
    }

    pub fn consumer(&self, name: &[u8]) -> Option<Link<Consumer>> {
        self.consumers.find(|consumer| consumer.name.order(name)).ok().map(|(consumer, _)| consumer)
    }

    /// The name of the consumer with a number.
    pub fn name_of(&self, number: u64) -> Option<Link<Name>> {
        self.numbers.find(|numbered| numbered.number.cmp(&number)).ok().map(|(numbered, _)| numbered.name)
    }

    pub fn delivery(&self, id: StreamId) -> Option<Delivery> {
        self.delivery_place(id).ok().map(|(delivery, _)| delivery)
    }

    fn delivery_place(&self, id: StreamId) -> Result<(Delivery, u64), u64> {
        self.pending.find(|delivery| delivery.id.cmp(&id))
    }

    /// Makes a consumer, if there is none of this name. Answers its number and whether it is new.
    pub fn add_consumer(&mut self, epochs: &Epochs, name: &[u8], seen_ms: i64) -> (u64, bool) {
        let at = match self.consumer_place(name) {
            Ok(at) => return (self.consumers.at(at).expect("just found").0.number, false),
            Err(at) => at,
        };
        let number = self.next_number;
        self.next_number += 1;
        let name = Name::new(name);
        let pending = Tree::new();
        let consumer = Consumer { epoch: epochs.current(), number, name, seen_ms, active_ms: -1, pending };
        self.consumers_bytes += consumer.size_bytes();
        self.consumers.insert(epochs, at, Link::new(consumer));
        self.numbers.push(epochs, Numbered { number, name });
        (number, true)
    }

    /// Changes a consumer that exists.
    pub fn change_consumer<T>(&mut self, epochs: &Epochs, name: &[u8], change: impl FnOnce(&mut Consumer) -> T) -> T {
        let at = self.consumer_place(name).expect("the consumer exists");
        let (result, growth) = change_at(&mut self.consumers, epochs, at, change);
        self.consumers_bytes = self.consumers_bytes.wrapping_add_signed(growth);
        result
    }

    fn change_numbered<T>(&mut self, epochs: &Epochs, number: u64, change: impl FnOnce(&mut Consumer) -> T) -> T {
        let name = self.name_of(number).expect("pending entries have consumers");
        self.change_consumer(epochs, &name.get().bytes, change)
    }

    /// Takes a consumer out with all that it has; answers the number of its pending entries.
    pub fn remove_consumer(&mut self, epochs: &Epochs, name: &[u8]) -> Option<u64> {
        let at = self.consumer_place(name).ok()?;
        let consumer = self.consumers.remove(epochs, at);
        for id in consumer.pending.items_from(0) {
            let (_, at) = self.delivery_place(id).expect("a consumer's entries are the group's");
            self.pending.remove(epochs, at);
        }
        let number = consumer.number;
        let (_, at) = self.numbers.find(|numbered| numbered.number.cmp(&number)).expect("a consumer has a number");
        self.numbers.remove(epochs, at);
        self.consumers_bytes -= consumer.size_bytes();
        epochs.retire(&NAME, consumer.name.address(), consumer.name.bytes.len());
        let pending = consumer.pending.weight();
        epochs.retire_objects(&CONSUMER, consumer.address(), consumer.size_bytes(), 1);
        Some(pending)
    }

    /// Notes a delivery; the entry belongs to its consumer from now on.
    pub fn deliver(&mut self, epochs: &Epochs, delivery: Delivery) {
        let id = delivery.id;
        match self.delivery_place(id) {
            Ok((old, at)) => {
                self.pending.replace(epochs, at, delivery);
                if old.consumer == delivery.consumer {
                    return;
                }
                self.disown(epochs, old);
            }
            Err(at) => self.pending.insert(epochs, at, delivery),
        }
        self.change_numbered(epochs, delivery.consumer, |consumer| {
            if let Err(at) = consumer.place(id) {
                consumer.pending.insert(epochs, at, id);
            }
        });
    }

    fn disown(&mut self, epochs: &Epochs, old: Delivery) {
        self.change_numbered(epochs, old.consumer, |consumer| {
            if let Ok(at) = consumer.place(old.id) {
                consumer.pending.remove(epochs, at);
            }
        });
    }

    /// The entry is pending no more; false if it was not.
    pub fn acknowledge(&mut self, epochs: &Epochs, id: StreamId) -> bool {
        let Ok((delivery, at)) = self.delivery_place(id) else { return false };
        self.pending.remove(epochs, at);
        self.disown(epochs, delivery);
        true
    }

    /// A copy that shares nothing with this one.
    pub fn duplicate(&self, epochs: &Epochs) -> Group {
        let mut copy = Group::new(epochs, &self.name.bytes, self.last_id, self.entries_read);
        for consumer in self.consumers.items_from(0) {
            copy.add_consumer(epochs, &consumer.name.bytes, consumer.seen_ms);
            copy.change_consumer(epochs, &consumer.name.bytes, |copied| {
                copied.active_ms = consumer.active_ms;
                consumer.pending.items_from(0).for_each(|id| copied.pending.push(epochs, id));
            });
        }
        for delivery in self.pending.items_from(0) {
            let name = self.name_of(delivery.consumer).expect("pending entries have consumers");
            let consumer = copy.consumer(&name.bytes).expect("all are copied").number;
            copy.pending.push(epochs, Delivery { consumer, ..delivery });
        }
        copy
    }
}

/// # Safety
/// The address is a linked root's, and nothing reaches this version of it any more.
unsafe fn free_link<R>(address: NonNull<u8>) {
    // SAFETY: the caller's promise; the nodes belong to another version and are not freed with it.
    unsafe { Link::<R>::from_address(address).free() };
}

/// # Safety
/// The address is a linked name's, and nothing reaches it any more.
unsafe fn free_name(address: NonNull<u8>) {
    // SAFETY: the caller's promise.
    unsafe { Link::<Name>::from_address(address).free() };
}

/// # Safety
/// The address is a linked consumer's, and nothing reaches it or its tree any more; its name is freed apart.
unsafe fn free_consumer(address: NonNull<u8>) {
    // SAFETY: the caller's promise.
    unsafe {
        let consumer = Link::<Consumer>::from_address(address);
        consumer.pending.free(&mut |_| ());
        consumer.free();
    }
}

/// # Safety
/// The address is a linked group's, and nothing reaches it or anything of it any more.
pub unsafe fn free_group(address: NonNull<u8>) {
    // SAFETY: the caller's promise.
    unsafe {
        let group = Link::<Group>::from_address(address);
        group.pending.free(&mut |_| ());
        group.consumers.free(&mut |consumer| free_consumer(consumer.address()));
        group.numbers.free(&mut |numbered| free_name(numbered.name.address()));
        group.name.free();
        group.free();
    }
}
