//! A tree of plain numbers: the general form of `Tree`, by position and in order, for its bench.

use std::ptr::NonNull;
use std::sync::Arc;

use super::{Item, Tree, free_node};
use crate::keyspace::epoch::{Epochs, Freeing, Reclaim};

static NUMBERS: Reclaim = Reclaim { free: free_node::<u64> };

impl Item for u64 {
    const NODE: &'static Reclaim = &NUMBERS;

    fn weight(&self) -> u64 {
        1
    }
}

/// A sequence of numbers with its versions.
pub struct Numbers {
    epochs: Arc<Epochs>,
    tree: Tree<u64>,
    _freeing: Freeing,
}

/// A version of the sequence that stays as it is.
pub struct Version {
    epochs: Arc<Epochs>,
    epoch: u64,
    tree: Tree<u64>,
}

impl Default for Numbers {
    fn default() -> Numbers {
        let epochs = Epochs::new();
        let freeing = Freeing::start(&epochs);
        Numbers { epochs, tree: Tree::new(), _freeing: freeing }
    }
}

impl Numbers {
    pub fn len(&self) -> u64 {
        self.tree.weight()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the nodes.
    pub fn bytes(&self) -> usize {
        self.tree.bytes()
    }

    pub fn push(&mut self, number: u64) {
        self.tree.push(&self.epochs, number);
    }

    pub fn insert_at(&mut self, position: u64, number: u64) {
        self.tree.insert(&self.epochs, position, number);
    }

    pub fn remove_at(&mut self, position: u64) -> u64 {
        self.tree.remove(&self.epochs, position)
    }

    pub fn at(&self, position: u64) -> Option<u64> {
        self.tree.at(position).map(|(number, _)| number)
    }

    /// The rank of a number where all are in order, or the one it would have.
    pub fn rank(&self, number: u64) -> Result<u64, u64> {
        self.tree.find(|other| other.cmp(&number)).map(|(_, rank)| rank)
    }

    /// Puts a number in by order. False if it is there.
    pub fn insert_in_order(&mut self, number: u64) -> bool {
        match self.rank(number) {
            Ok(_) => false,
            Err(rank) => {
                self.insert_at(rank, number);
                true
            }
        }
    }

    /// Sum from a position on: a walk.
    pub fn sum_from(&self, position: u64) -> u64 {
        self.tree.items_from(position).fold(0, u64::wrapping_add)
    }

    pub fn version(&mut self) -> Version {
        Version { epochs: Arc::clone(&self.epochs), epoch: self.epochs.begin_snapshot(), tree: self.tree }
    }

    pub fn retired_bytes(&self) -> usize {
        self.epochs.retired_bytes()
    }
}

impl Version {
    pub fn sum(&self) -> u64 {
        self.tree.items_from(0).fold(0, u64::wrapping_add)
    }
}

impl Drop for Version {
    fn drop(&mut self) {
        self.epochs.end_snapshot(self.epoch);
    }
}

static TREE: Reclaim = Reclaim { free: free_tree };

/// # Safety
/// The address is of a boxed tree that nothing reaches any more.
unsafe fn free_tree(address: NonNull<u8>) {
    // SAFETY: the caller's promise.
    unsafe { Box::from_raw(address.cast::<Tree<u64>>().as_ptr()).free(&mut |_| {}) };
}

impl Drop for Numbers {
    fn drop(&mut self) {
        let tree = NonNull::from(Box::leak(Box::new(self.tree)));
        self.epochs.retire(&TREE, tree.cast(), self.tree.bytes());
    }
}
