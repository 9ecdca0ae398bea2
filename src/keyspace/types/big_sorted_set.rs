//! A large sorted set: an index of members with their scores, and a tree that orders them.
//!
//! The index is a small database of its own, as in a large set; a member's value is its score, 8 bytes. The tree's items
//! are a score and the address of the member's blob in the index, so a member is held once. What a snapshot sees of
//! either stays: a blob that is replaced in the index is retired with its epoch, as is the tree's leaf that points to it,
//! and the change of a score replaces both at once.

use std::cmp::Ordering;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::keyspace::blob::{Blob, BlobRef, Content, Kind};
use crate::keyspace::epoch::{Epochs, Reclaim};
use crate::keyspace::link::Link;
use crate::keyspace::prefetch::prefetch;
use crate::keyspace::table::{Record, RecordRef};
use crate::keyspace::tree::{Item, Items, ItemsBack, Tree, free_node};
use crate::keyspace::value::Root;
use crate::keyspace::{Db, KeyHasher};

static RANKED_NODE: Reclaim = Reclaim { free: free_node::<Ranked> };
static BIG_SORTED_SET: Reclaim = Reclaim { free: free_whole };
static BIG_SORTED_SET_ROOT: Reclaim = Reclaim { free: free_root };

/// A walk asks for a member's blob so many items ahead.
const AHEAD: usize = 4;

/// An item of the tree.
#[derive(Clone, Copy)]
pub struct Ranked {
    pub score: f64,
    blob: NonNull<u8>,
}

impl Item for Ranked {
    const NODE: &'static Reclaim = &RANKED_NODE;

    fn weight(&self) -> u64 {
        1
    }
}

impl Ranked {
    fn of(score: f64, blob: BlobRef<'_>) -> Ranked {
        Ranked { score, blob: blob.address() }
    }

    /// The member for as long as the caller keeps the version of the set that holds the item.
    pub fn member<'a>(&self) -> &'a [u8] {
        // SAFETY: the index of a version holds every blob that the tree of this version points to.
        unsafe { Blob::at(self.blob) }.key()
    }

    /// How it stands to another pair. Most scores differ, and then no blob is read.
    fn order(&self, score: f64, member: &[u8]) -> Ordering {
        let by_score = self.score.partial_cmp(&score).unwrap_or(Ordering::Equal);
        by_score.then_with(|| self.member().cmp(member))
    }
}

/// What the blob of a large sorted set points to.
pub struct BigSortedSet {
    /// Birth epoch.
    epoch: u64,
    pub index: Db,
    tree: Tree<Ranked>,
}

impl Root for BigSortedSet {
    const RECLAIM: &'static Reclaim = &BIG_SORTED_SET;
    const ROOT_RECLAIM: &'static Reclaim = &BIG_SORTED_SET_ROOT;

    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn fork(&self, epochs: &Epochs) -> BigSortedSet {
        BigSortedSet { epoch: epochs.current(), index: self.index.fork(), tree: self.tree }
    }

    fn size_bytes(&self) -> usize {
        self.index.table.bytes() + self.tree.bytes() + size_of::<BigSortedSet>()
    }
}

impl BigSortedSet {
    pub fn new(epochs: &Arc<Epochs>, hasher: KeyHasher) -> BigSortedSet {
        let index = Db::nested(Arc::clone(epochs), hasher);
        BigSortedSet { epoch: epochs.current(), index, tree: Tree::new() }
    }

    pub fn len(&self) -> usize {
        self.tree.weight() as usize
    }

    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.index.table.find(self.index.key(member)).map(score_of)
    }

    /// How many pairs come before this one.
    pub fn rank(&self, score: f64, member: &[u8]) -> usize {
        self.tree.weight_before(|item| item.order(score, member) == Ordering::Less) as usize
    }

    /// How many pairs come before the first for which `is_before` is false; the order must agree with it.
    pub fn count_before(&self, is_before: impl Fn(&Ranked) -> bool) -> usize {
        self.tree.weight_before(is_before) as usize
    }

    pub fn iter_from(&self, rank: usize) -> BigScored<'_> {
        BigScored(self.tree.items_from(rank as u64))
    }

    pub fn iter_before(&self, rank: usize) -> BigScoredBack<'_> {
        BigScoredBack(self.tree.items_before(rank as u64))
    }

    /// Puts a pair behind all others, of a member that is new.
    pub fn push(&mut self, epochs: &Epochs, member: &[u8], score: f64) {
        let item = self.insert_member(member, score);
        self.tree.push(epochs, item);
    }

    /// Gives a member its score.
    pub fn put(&mut self, epochs: &Epochs, member: &[u8], score: f64) {
        let item = match self.score(member) {
            None => self.insert_member(member, score),
            Some(old) => {
                self.tree.remove(epochs, self.rank(old, member) as u64);
                self.replace_score(member, score)
            }
        };
        let rank = self.rank(score, member);
        self.tree.insert(epochs, rank as u64, item);
    }

    fn insert_member(&mut self, member: &[u8], score: f64) -> Ranked {
        let blob = member_blob(member, score);
        // SAFETY: just made, and the index keeps it.
        let item = Ranked::of(score, unsafe { Blob::at(blob.address()) });
        self.index.table.insert(self.index.key(member).hash, blob);
        item
    }

    /// In place where no snapshot sees the member's blob.
    fn replace_score(&mut self, member: &[u8], score: f64) -> Ranked {
        let key = self.index.key(member);
        let (old, spot) = self.index.table.locate(key).expect("a member that is there");
        if self.index.table.can_change(key.hash, spot) {
            let item = Ranked::of(score, old);
            self.index.table.change(key.hash, spot, |mut blob| {
                blob.value_mut(size_of::<f64>()).copy_from_slice(&score.to_le_bytes());
            });
            return item;
        }
        let blob = member_blob(member, score);
        // SAFETY: just made, and the index keeps it.
        let item = Ranked::of(score, unsafe { Blob::at(blob.address()) });
        self.index.table.replace(key.hash, spot, blob);
        item
    }

    /// Takes a member out. False if it was not there.
    pub fn remove(&mut self, epochs: &Epochs, member: &[u8]) -> bool {
        let Some(score) = self.score(member) else { return false };
        self.tree.remove(epochs, self.rank(score, member) as u64);
        self.forget(member);
        true
    }

    pub fn remove_ranks(&mut self, epochs: &Epochs, ranks: Range<usize>) {
        for _ in ranks.clone() {
            let item = self.tree.remove(epochs, ranks.start as u64);
            let member = item.member().to_vec();
            self.forget(&member);
        }
    }

    fn forget(&mut self, member: &[u8]) {
        let key = self.index.key(member);
        if let Some((_, spot)) = self.index.table.locate(key) {
            self.index.table.remove(key.hash, spot);
        }
    }
}

fn member_blob(member: &[u8], score: f64) -> Blob {
    let content = Content::Inline { kind: Kind::String, parts: &[&score.to_le_bytes()], raw: false };
    Blob::new(member, content, None, 0)
}

/// The score that a member's blob holds.
pub fn score_of(blob: BlobRef<'_>) -> f64 {
    let bytes = blob.inline().and_then(|value| value.try_into().ok());
    f64::from_le_bytes(bytes.expect("a member's value is its score"))
}

/// Pairs of a large sorted set in order.
#[derive(Clone)]
pub struct BigScored<'a>(Items<'a, Ranked>);

impl<'a> Iterator for BigScored<'a> {
    type Item = (&'a [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<(&'a [u8], f64)> {
        if let Some(later) = self.0.ahead().get(AHEAD) {
            prefetch(later.blob.as_ptr());
        }
        self.0.next().map(|item| (item.member(), item.score))
    }
}

/// Pairs of a large sorted set, the last one first.
#[derive(Clone)]
pub struct BigScoredBack<'a>(ItemsBack<'a, Ranked>);

impl<'a> Iterator for BigScoredBack<'a> {
    type Item = (&'a [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<(&'a [u8], f64)> {
        let ahead = self.0.ahead();
        if let Some(later) = ahead.len().checked_sub(AHEAD + 1) {
            prefetch(ahead[later].blob.as_ptr());
        }
        self.0.next().map(|item| (item.member(), item.score))
    }
}

/// # Safety
/// The address is a linked sorted set's, and nothing reaches this version's root any more.
unsafe fn free_root(address: NonNull<u8>) {
    // SAFETY: the caller's promise; the nodes belong to another version and are not freed with it.
    unsafe { Link::<BigSortedSet>::from_address(address).free() };
}

/// # Safety
/// The address is a linked sorted set's, and nothing reaches it or its nodes any more.
pub unsafe fn free_whole(address: NonNull<u8>) {
    // SAFETY: the caller's promise.
    unsafe {
        let set = Box::from_raw(Link::<BigSortedSet>::from_address(address).as_ptr());
        set.tree.free(&mut |_| {});
        set.index.table.free_whole();
    }
}
