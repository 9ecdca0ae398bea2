//! Reading a tree: by position, by order, and on from there.

use std::cmp::Ordering;

use super::node::{Entries, Node, child_for, entry_at};
use super::{Item, Tree};
use crate::keyspace::link::Link;

/// Items in order from a position on. Goes from leaf to leaf by descending again, as leaves have no links: a link
/// would make a change of one leaf a change of its neighbour.
#[derive(Clone)]
pub struct Items<'a, T: Item> {
    tree: &'a Tree<T>,
    /// The rest of the leaf that is being read.
    leaf: std::slice::Iter<'a, T>,
    /// The position behind that leaf.
    next: u64,
}

/// Items before a position, the last one first.
#[derive(Clone)]
pub struct ItemsBack<'a, T: Item> {
    tree: &'a Tree<T>,
    /// The rest of the leaf that is being read.
    leaf: std::slice::Iter<'a, T>,
    /// The position where that leaf begins.
    begin: u64,
}

impl<'a, T: Item> Items<'a, T> {
    /// What comes next in the leaf that is being read.
    pub fn ahead(&self) -> &'a [T] {
        self.leaf.as_slice()
    }
}

impl<'a, T: Item> ItemsBack<'a, T> {
    /// The rest of the leaf that is being read; what comes next is its last.
    pub fn ahead(&self) -> &'a [T] {
        self.leaf.as_slice()
    }
}

impl<T: Item> Tree<T> {
    /// The item that position `at` falls into, and where it begins.
    pub fn at(&self, at: u64) -> Option<(T, u64)> {
        let (items, index, begin) = self.leaf_at(at)?;
        Some((items[index], begin))
    }

    /// The leaf of a position: its items, the index of the one it falls into, and where that begins.
    fn leaf_at(&self, at: u64) -> Option<(&[T], usize, u64)> {
        let mut node: Link<Node<T>> = self.root.filter(|_| at < self.weight)?;
        let mut begin = 0;
        loop {
            match &node.get().entries {
                Entries::Leaf(items) => {
                    let items = items.as_slice();
                    let (index, before) = entry_at(items.iter().map(Item::weight), at - begin);
                    return Some((items, index, begin + before));
                }
                Entries::Inner(children) => {
                    let children = children.as_slice();
                    let (index, before) = entry_at(children.iter().map(|child| child.weight), at - begin);
                    begin += before;
                    node = children[index].node;
                }
            }
        }
    }

    /// Looks an item up where items are in order; `order` says how an item stands to what is looked for. Answers the
    /// item and its position, or the position where it would be.
    pub fn find(&self, order: impl Fn(&T) -> Ordering) -> Result<(T, u64), u64> {
        let mut node = self.root.ok_or(0u64)?;
        let mut before = 0;
        loop {
            match &node.get().entries {
                Entries::Leaf(items) => {
                    let items = items.as_slice();
                    let (Ok(index) | Err(index)) = items.binary_search_by(&order);
                    before += items[..index].iter().map(Item::weight).sum::<u64>();
                    let found = items.get(index).filter(|item| order(item) == Ordering::Equal);
                    return found.map(|item| (*item, before)).ok_or(before);
                }
                Entries::Inner(children) => {
                    let children = children.as_slice();
                    let index = child_for(children, &order);
                    before += children[..index].iter().map(|child| child.weight).sum::<u64>();
                    node = children[index].node;
                }
            }
        }
    }

    /// Where items are in order: the weight of those for which `is_before` is true, which come first.
    pub fn weight_before(&self, is_before: impl Fn(&T) -> bool) -> u64 {
        let order = |item: &T| if is_before(item) { Ordering::Less } else { Ordering::Greater };
        self.find(order).map_or_else(|before| before, |(_, before)| before)
    }

    /// Items from the one that position `at` falls into on.
    pub fn items_from(&self, at: u64) -> Items<'_, T> {
        let Some((items, index, begin)) = self.leaf_at(at) else {
            return Items { tree: self, leaf: [].iter(), next: self.weight };
        };
        let rest = &items[index..];
        Items { tree: self, leaf: rest.iter(), next: begin + rest.iter().map(Item::weight).sum::<u64>() }
    }

    /// Items that begin before position `at`, the last one first.
    pub fn items_before(&self, at: u64) -> ItemsBack<'_, T> {
        let Some((items, index, begin)) = at.min(self.weight).checked_sub(1).and_then(|last| self.leaf_at(last)) else {
            return ItemsBack { tree: self, leaf: [].iter(), begin: 0 };
        };
        let before: u64 = items[..index].iter().map(Item::weight).sum();
        ItemsBack { tree: self, leaf: items[..=index].iter(), begin: begin - before }
    }
}

impl<'a, T: Item> Iterator for Items<'a, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if let Some(item) = self.leaf.next() {
            return Some(*item);
        }
        if self.next >= self.tree.weight {
            return None;
        }
        *self = self.tree.items_from(self.next);
        self.leaf.next().copied()
    }
}

impl<T: Item> Iterator for ItemsBack<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if let Some(item) = self.leaf.next_back() {
            return Some(*item);
        }
        if self.begin == 0 {
            return None;
        }
        *self = self.tree.items_before(self.begin);
        self.leaf.next_back().copied()
    }
}
