//! Nodes of a tree: a leaf holds items, an inner node children with what they weigh.

use std::cmp::Ordering;

use super::Item;
use crate::keyspace::link::Link;

/// With it a node of 8-, 16- or 24-byte items just fits a size class of the allocator.
pub(super) const LEAF: usize = 61;
pub(super) const INNER: usize = 20;

/// Up to `N` things in order. Never empty for longer than an edit takes, so there is always one to fill the rest with.
#[derive(Clone)]
pub(super) struct Seq<T, const N: usize> {
    len: usize,
    items: [T; N],
}

impl<T: Copy, const N: usize> Seq<T, N> {
    pub fn of(item: T) -> Seq<T, N> {
        Seq { len: 1, items: [item; N] }
    }

    pub fn as_slice(&self) -> &[T] {
        &self.items[..self.len]
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn insert(&mut self, index: usize, item: T) {
        self.items.copy_within(index..self.len, index + 1);
        self.items[index] = item;
        self.len += 1;
    }

    pub fn remove(&mut self, index: usize) -> T {
        let item = self.items[index];
        self.items.copy_within(index + 1..self.len, index);
        self.len -= 1;
        item
    }

    pub fn item_mut(&mut self, index: usize) -> &mut T {
        &mut self.items[..self.len][index]
    }

    pub fn append(&mut self, more: &[T]) {
        self.items[self.len..self.len + more.len()].copy_from_slice(more);
        self.len += more.len();
    }

    /// Adds an item to one that is full: a second sequence takes the upper half. What grows at its end stays full, and
    /// the second one begins with the item.
    pub fn insert_splitting(&mut self, index: usize, item: T) -> Seq<T, N> {
        if index == self.len {
            return Seq::of(item);
        }
        let half = self.len / 2;
        let mut upper = Seq::of(self.items[half]);
        upper.append(&self.items[half + 1..self.len]);
        self.len = half;
        if index <= half {
            self.insert(index, item)
        } else {
            upper.insert(index - half, item)
        }
        upper
    }
}

/// A subtree, what it weighs and its first item.
#[derive(Clone, Copy)]
pub(super) struct Child<T> {
    pub node: Link<Node<T>>,
    pub weight: u64,
    pub first: T,
}

#[derive(Clone)]
pub(super) enum Entries<T> {
    Leaf(Seq<T, LEAF>),
    Inner(Seq<Child<T>, INNER>),
}

pub(super) struct Node<T> {
    /// Birth epoch.
    pub epoch: u64,
    pub entries: Entries<T>,
}

impl<T: Item> Node<T> {
    pub fn weight(&self) -> u64 {
        match &self.entries {
            Entries::Leaf(items) => items.as_slice().iter().map(Item::weight).sum(),
            Entries::Inner(children) => children.as_slice().iter().map(|child| child.weight).sum(),
        }
    }

    pub fn first(&self) -> T {
        match &self.entries {
            Entries::Leaf(items) => items.as_slice()[0],
            Entries::Inner(children) => children.as_slice()[0].first,
        }
    }

    pub fn len(&self) -> usize {
        match &self.entries {
            Entries::Leaf(items) => items.len(),
            Entries::Inner(children) => children.len(),
        }
    }
}

impl<T: Item> Child<T> {
    pub fn of(node: Link<Node<T>>) -> Child<T> {
        Child { node, weight: node.weight(), first: node.first() }
    }
}

/// The entry that position `at` falls into, and the weight before it. A position at the end of all is past the last.
pub(super) fn entry_at(weights: impl Iterator<Item = u64>, at: u64) -> (usize, u64) {
    let (mut index, mut before) = (0, 0);
    for weight in weights {
        if at < before + weight {
            break;
        }
        before += weight;
        index += 1;
    }
    (index, before)
}

/// The last child that may hold what `order` looks for: the last one that does not begin beyond it.
pub(super) fn child_for<T>(children: &[Child<T>], order: &impl Fn(&T) -> Ordering) -> usize {
    children.partition_point(|child| order(&child.first) != Ordering::Greater).saturating_sub(1)
}
