//! A counted B+tree whose nodes are shared with snapshots: a change copies the path that a snapshot sees, no more.
//!
//! Items have a weight, and a position is the weight before an item: 1 for elements (lists by index, sorted sets by
//! rank), a chunk's length for strings. Where items are in order, `find` goes by that order and answers the position,
//! so a rank and the place to insert are one descent. What an item owns is its owner's business: the tree copies items.

mod cursor;
mod node;
#[doc(hidden)]
pub mod numbers;

use std::ptr::NonNull;

use super::epoch::{Epochs, Reclaim};
use super::link::Link;
pub(super) use cursor::{Items, ItemsBack};
use node::{Child, Entries, INNER, LEAF, Node, Seq, entry_at};

/// What a tree holds: small, copied when its node is.
pub(super) trait Item: Copy {
    /// How a retired node of such items is freed: `free_node::<Self>`.
    const NODE: &'static Reclaim;

    /// Not 0.
    fn weight(&self) -> u64;
}

/// A version of a tree. A clone is the version that a snapshot keeps; only one of them may be changed from then on.
#[derive(Clone, Copy)]
pub(super) struct Tree<T: Item> {
    root: Option<Link<Node<T>>>,
    weight: u64,
    nodes: usize,
}

/// # Safety
/// The address is of a linked node of items `T` that nothing reaches any more.
pub(super) unsafe fn free_node<T: Item>(address: NonNull<u8>) {
    // SAFETY: the caller's promise.
    unsafe { Link::<Node<T>>::from_address(address).free() };
}

impl<T: Item> Tree<T> {
    pub fn new() -> Tree<T> {
        Tree { root: None, weight: 0, nodes: 0 }
    }

    /// Weight of all items: the position behind the last.
    pub fn weight(&self) -> u64 {
        self.weight
    }

    /// Bytes of the nodes of this version.
    pub fn bytes(&self) -> usize {
        self.nodes * node_bytes::<T>()
    }

    /// Puts an item in at a position: the begin of another item, or the end.
    pub fn insert(&mut self, epochs: &Epochs, at: u64, item: T) {
        assert!(at <= self.weight, "the position is in the tree");
        let mut edit = Edit { epochs, nodes: &mut self.nodes };
        self.weight += item.weight();
        let Some(root) = self.root else {
            self.root = Some(edit.born(Entries::Leaf(Seq::of(item))));
            return;
        };
        let (root, sibling) = edit.insert(root, at, item);
        self.root = Some(match sibling {
            None => root,
            Some(sibling) => {
                let mut children = Seq::of(Child::of(root));
                children.insert(1, Child::of(sibling));
                edit.born(Entries::Inner(children))
            }
        });
    }

    /// Puts an item in behind all others.
    pub fn push(&mut self, epochs: &Epochs, item: T) {
        self.insert(epochs, self.weight, item);
    }

    /// Takes the item that position `at` falls into out.
    pub fn remove(&mut self, epochs: &Epochs, at: u64) -> T {
        let mut root = self.root_at(at);
        let mut edit = Edit { epochs, nodes: &mut self.nodes };
        let item = edit.remove(&mut root, at);
        self.weight -= item.weight();
        while let Entries::Inner(children) = &root.get().entries
            && children.len() == 1
        {
            let child = children.as_slice()[0].node;
            edit.discard(root);
            root = child;
        }
        self.root = if root.len() == 0 {
            edit.discard(root);
            None
        } else {
            Some(root)
        };
        item
    }

    /// Puts another item in the place of the one that position `at` falls into; answers the old one.
    pub fn replace(&mut self, epochs: &Epochs, at: u64, item: T) -> T {
        let mut root = self.root_at(at);
        let old = Edit { epochs, nodes: &mut self.nodes }.replace(&mut root, at, item);
        self.root = Some(root);
        self.weight = self.weight + item.weight() - old.weight();
        old
    }

    fn root_at(&self, at: u64) -> Link<Node<T>> {
        assert!(at < self.weight, "the position is in the tree");
        self.root.expect("a tree with weight has a root")
    }

    /// Frees all nodes, after `each` has seen every item.
    ///
    /// # Safety
    /// Nothing reaches this version any more; nodes that it shares with others are not freed by them.
    pub unsafe fn free(self, each: &mut dyn FnMut(T)) {
        if let Some(root) = self.root {
            // SAFETY: the caller's promise.
            unsafe { free_below(root, each) };
        }
    }
}

const fn node_bytes<T: Item>() -> usize {
    crate::alloc::class_size(size_of::<Node<T>>())
}

/// # Safety
/// As `Tree::free`.
unsafe fn free_below<T: Item>(node: Link<Node<T>>, each: &mut dyn FnMut(T)) {
    match &node.get().entries {
        Entries::Leaf(items) => items.as_slice().iter().for_each(|item| each(*item)),
        // SAFETY: the caller's promise.
        Entries::Inner(children) => {
            children.as_slice().iter().for_each(|child| unsafe { free_below(child.node, each) })
        }
    }
    // SAFETY: the caller's promise.
    unsafe { node.free() };
}

/// One change: makes the nodes of a path writable, and counts them.
struct Edit<'a> {
    epochs: &'a Epochs,
    nodes: &'a mut usize,
}

impl Edit<'_> {
    fn born<T: Item>(&mut self, entries: Entries<T>) -> Link<Node<T>> {
        *self.nodes += 1;
        Link::new(Node { epoch: self.epochs.current(), entries })
    }

    /// Does away with a node that this version no longer holds.
    fn discard<T: Item>(&mut self, node: Link<Node<T>>) {
        *self.nodes -= 1;
        if self.epochs.is_shared(node.epoch) {
            self.epochs.retire(T::NODE, node.address(), node_bytes::<T>());
        } else {
            // SAFETY: neither this version nor a snapshot reaches it.
            unsafe { node.free() };
        }
    }

    /// The entries of a node, which is replaced by a copy if a snapshot sees it.
    fn entries<'n, T: Item>(&mut self, node: &'n mut Link<Node<T>>) -> &'n mut Entries<T> {
        if self.epochs.is_shared(node.epoch) {
            let copy = self.born(node.get().entries.clone());
            self.discard(std::mem::replace(node, copy));
        }
        // SAFETY: no snapshot sees it, and this version is borrowed exclusively.
        &mut unsafe { node.get_mut() }.entries
    }

    /// Answers the node, or its copy, and a second one if it was full.
    fn insert<T: Item>(&mut self, mut node: Link<Node<T>>, at: u64, item: T) -> (Link<Node<T>>, Option<Link<Node<T>>>) {
        let sibling = match self.entries(&mut node) {
            Entries::Leaf(items) => {
                let (index, before) = entry_at(items.as_slice().iter().map(Item::weight), at);
                assert!(at == before, "the position is the begin of an item");
                put(items, index, item).map(Entries::Leaf)
            }
            Entries::Inner(children) => self.insert_below(children, at, item).map(Entries::Inner),
        };
        let sibling = sibling.map(|entries| self.born(entries));
        (node, sibling)
    }

    fn insert_below<T: Item>(
        &mut self,
        children: &mut Seq<Child<T>, INNER>,
        at: u64,
        item: T,
    ) -> Option<Seq<Child<T>, INNER>> {
        // Behind the last item of a child is inside it: what grows at its end fills its last leaf.
        let (index, before) = match at.checked_sub(1) {
            Some(position) => entry_at(children.as_slice().iter().map(|child| child.weight), position),
            None => (0, 0),
        };
        let child = children.item_mut(index);
        let (node, sibling) = self.insert(child.node, at - before, item);
        match sibling {
            None => {
                *child = Child { node, weight: child.weight + item.weight(), first: node.first() };
                None
            }
            Some(sibling) => {
                *child = Child::of(node);
                put(children, index + 1, Child::of(sibling))
            }
        }
    }

    fn remove<T: Item>(&mut self, node: &mut Link<Node<T>>, at: u64) -> T {
        match self.entries(node) {
            Entries::Leaf(items) => {
                let (index, _) = entry_at(items.as_slice().iter().map(Item::weight), at);
                items.remove(index)
            }
            Entries::Inner(children) => {
                let (index, before) = entry_at(children.as_slice().iter().map(|child| child.weight), at);
                let child = children.item_mut(index);
                let item = self.remove(&mut child.node, at - before);
                child.weight -= item.weight();
                if child.node.len() == 0 {
                    self.discard(children.remove(index).node);
                } else {
                    child.first = child.node.first();
                    self.merge_around(children, index);
                }
                item
            }
        }
    }

    /// Merges a child that has become small with a neighbour, if both together leave room to grow.
    fn merge_around<T: Item>(&mut self, children: &mut Seq<Child<T>, INNER>, index: usize) {
        let left = if index + 1 < children.len() { index } else { index.saturating_sub(1) };
        let [a, b] = match children.as_slice()[left..] {
            [a, b, ..] => [a, b],
            _ => return,
        };
        let together = a.node.len() + b.node.len();
        let capacity = if matches!(a.node.entries, Entries::Leaf(_)) { LEAF } else { INNER };
        if together > capacity * 3 / 4 || a.node.len().min(b.node.len()) > capacity / 4 {
            return;
        }
        let merged = children.item_mut(left);
        merged.weight += b.weight;
        match (self.entries(&mut merged.node), &b.node.get().entries) {
            (Entries::Leaf(items), Entries::Leaf(more)) => items.append(more.as_slice()),
            (Entries::Inner(items), Entries::Inner(more)) => items.append(more.as_slice()),
            _ => unreachable!("all leaves are equally deep"),
        }
        self.discard(children.remove(left + 1).node);
    }

    fn replace<T: Item>(&mut self, node: &mut Link<Node<T>>, at: u64, item: T) -> T {
        match self.entries(node) {
            Entries::Leaf(items) => {
                let (index, _) = entry_at(items.as_slice().iter().map(Item::weight), at);
                std::mem::replace(items.item_mut(index), item)
            }
            Entries::Inner(children) => {
                let (index, before) = entry_at(children.as_slice().iter().map(|child| child.weight), at);
                let child = children.item_mut(index);
                let old = self.replace(&mut child.node, at - before, item);
                child.weight = child.weight + item.weight() - old.weight();
                child.first = child.node.first();
                old
            }
        }
    }
}

/// Adds to a sequence; answers the second one if it had to be split.
fn put<T: Copy, const N: usize>(seq: &mut Seq<T, N>, index: usize, item: T) -> Option<Seq<T, N>> {
    if seq.len() == N {
        return Some(seq.insert_splitting(index, item));
    }
    seq.insert(index, item);
    None
}

#[cfg(test)]
mod tests;
