//! The root of a stream, what its blob points to: entries, counters, groups by name.

use std::ptr::NonNull;

use crate::keyspace::StreamId;
use crate::keyspace::epoch::{Epochs, Reclaim};
use crate::keyspace::link::Link;
use crate::keyspace::tree::Tree;
use crate::keyspace::value::Root;

use super::group::{Group, change_at, free_group};
use super::log::Log;

static STREAM: Reclaim = Reclaim { free: free_whole };
static STREAM_ROOT: Reclaim = Reclaim { free: free_root };

#[derive(Clone, Copy)]
pub struct StreamRoot {
    /// Birth epoch.
    epoch: u64,
    pub log: Log,
    pub last_id: StreamId,
    pub max_deleted_id: StreamId,
    pub entries_added: u64,
    /// By name.
    pub groups: Tree<Link<Group>>,
    /// Of the groups with all that they have.
    groups_bytes: usize,
}

impl Root for StreamRoot {
    const RECLAIM: &'static Reclaim = &STREAM;
    const ROOT_RECLAIM: &'static Reclaim = &STREAM_ROOT;

    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn fork(&self, epochs: &Epochs) -> StreamRoot {
        StreamRoot { epoch: epochs.current(), ..*self }
    }

    fn size_bytes(&self) -> usize {
        self.log.bytes() + self.groups.bytes() + self.groups_bytes + size_of::<StreamRoot>()
    }
}

impl StreamRoot {
    pub fn new(epochs: &Epochs) -> StreamRoot {
        StreamRoot {
            epoch: epochs.current(),
            log: Log::new(),
            last_id: StreamId::MIN,
            max_deleted_id: StreamId::MIN,
            entries_added: 0,
            groups: Tree::new(),
            groups_bytes: 0,
        }
    }

    /// Where a group lies, or would.
    pub fn group_place(&self, name: &[u8]) -> Result<(Link<Group>, u64), u64> {
        self.groups.find(|group| group.order(name))
    }

    /// Puts a group in at its place, where there is none of this name.
    pub fn put_group(&mut self, epochs: &Epochs, at: u64, group: Group) {
        self.groups_bytes += group.size_bytes();
        self.groups.insert(epochs, at, Link::new(group));
    }

    pub fn remove_group(&mut self, epochs: &Epochs, at: u64) {
        let group = self.groups.remove(epochs, at);
        self.groups_bytes -= group.size_bytes();
        epochs.retire_objects(Group::RECLAIM, group.address(), group.size_bytes(), 1);
    }

    pub fn change_group<T>(&mut self, epochs: &Epochs, at: u64, change: impl FnOnce(&mut Group) -> T) -> T {
        let (result, growth) = change_at(&mut self.groups, epochs, at, change);
        self.groups_bytes = self.groups_bytes.wrapping_add_signed(growth);
        result
    }

    /// A copy that shares nothing with this one.
    pub fn duplicate(&self, epochs: &Epochs) -> StreamRoot {
        let (groups, groups_bytes) = (Tree::new(), 0);
        let log = self.log.duplicate(epochs);
        let mut copy = StreamRoot { epoch: epochs.current(), log, groups, groups_bytes, ..*self };
        for group in self.groups.items_from(0) {
            copy.put_group(epochs, copy.groups.weight(), group.duplicate(epochs));
        }
        copy
    }
}

/// # Safety
/// The address is a linked stream's, and nothing reaches this version's root any more.
unsafe fn free_root(address: NonNull<u8>) {
    // SAFETY: the caller's promise; the nodes belong to another version and are not freed with it.
    unsafe { Link::<StreamRoot>::from_address(address).free() };
}

/// # Safety
/// The address is a linked stream's, and nothing reaches it or anything of it any more.
pub unsafe fn free_whole(address: NonNull<u8>) {
    // SAFETY: the caller's promise.
    unsafe {
        let stream = Link::<StreamRoot>::from_address(address);
        stream.log.free();
        stream.groups.free(&mut |group| free_group(group.address()));
        stream.free();
    }
}
