//! The tree against a `Vec`, with versions kept as snapshots keep them.

use std::cmp::Ordering;
use std::sync::Arc;

use proptest::prelude::*;

use super::{Item, Tree, free_node};
use crate::keyspace::epoch::{Epochs, Freeing, Reclaim};

static NUMBERS: Reclaim = Reclaim { free: free_node::<Number> };

/// An element that weighs 1, or what its number says.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Number(u64, u32);

impl Item for Number {
    const NODE: &'static Reclaim = &NUMBERS;

    fn weight(&self) -> u64 {
        u64::from(self.1)
    }
}

/// A version, its content, and the epoch that it is kept for.
struct Kept {
    epoch: u64,
    tree: Tree<Number>,
    content: Vec<Number>,
}

struct Pair {
    epochs: Arc<Epochs>,
    freeing: Freeing,
    tree: Tree<Number>,
    model: Vec<Number>,
    kept: Vec<Kept>,
}

impl Pair {
    fn new() -> Pair {
        let epochs = Epochs::new();
        let freeing = Freeing::start(&epochs);
        Pair { epochs, freeing, tree: Tree::new(), model: Vec::new(), kept: Vec::new() }
    }

    fn begin_of(&self, index: usize) -> u64 {
        self.model[..index].iter().map(Item::weight).sum()
    }

    fn insert(&mut self, index: usize, item: Number) {
        self.tree.insert(&self.epochs, self.begin_of(index), item);
        self.model.insert(index, item);
    }

    fn keep(&mut self) {
        if self.kept.len() == 3 {
            let kept = self.kept.remove(1);
            check(&kept.tree, &kept.content);
            self.epochs.end_snapshot(kept.epoch);
        }
        let epoch = self.epochs.begin_snapshot();
        self.kept.push(Kept { epoch, tree: self.tree, content: self.model.clone() });
    }

    fn finish(self) {
        check(&self.tree, &self.model);
        for kept in self.kept {
            check(&kept.tree, &kept.content);
            self.epochs.end_snapshot(kept.epoch);
        }
        drop(self.freeing);
        assert_eq!(self.epochs.retired_bytes(), 0);
        let mut freed = 0;
        // SAFETY: no version is kept any more.
        unsafe { self.tree.free(&mut |_| freed += 1) };
        assert_eq!(freed, self.model.len());
    }
}

fn check(tree: &Tree<Number>, content: &[Number]) {
    assert!(tree.items_from(0).eq(content.iter().copied()));
    assert!(tree.items_before(tree.weight()).eq(content.iter().rev().copied()));
    assert_eq!(tree.weight(), content.iter().map(Item::weight).sum::<u64>());
    let mut begin = 0;
    for item in content.iter().step_by(7) {
        let (index, _) = content.iter().enumerate().find(|(_, other)| *other == item).unwrap();
        let at = content[..index].iter().map(Item::weight).sum::<u64>();
        assert_eq!(tree.at(at + item.weight() - 1), Some((*item, at)));
        begin = at;
        assert!(tree.items_from(at).eq(content[index..].iter().copied()));
        assert!(tree.items_before(at).eq(content[..index].iter().rev().copied()));
        assert_eq!(tree.items_before(at + 1).next(), Some(*item));
    }
    assert!(tree.items_from(begin).count() <= content.len());
    assert_eq!(tree.at(tree.weight()), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_tree_by_position_equals_a_vec_in_every_version(
        actions in prop::collection::vec((0..100u8, any::<u32>(), 1..40u32), 1..1500),
        shrinking in any::<bool>(),
    ) {
        let mut pair = Pair::new();
        for (number, (action, place, weight)) in actions.iter().copied().enumerate() {
            let half = number > actions.len() / 2 && shrinking;
            let item = Number(number as u64, weight);
            let index = place as usize % (pair.model.len() + 1);
            match action {
                0..2 => pair.keep(),
                2..30 if index < pair.model.len() => {
                    let at = pair.begin_of(index);
                    prop_assert_eq!(pair.tree.replace(&pair.epochs, at, item), pair.model[index]);
                    pair.model[index] = item;
                }
                30..50 => pair.insert(pair.model.len(), item),
                _ if half && index < pair.model.len() => {
                    let at = pair.begin_of(index) + u64::from(place) % pair.model[index].weight();
                    prop_assert_eq!(pair.tree.remove(&pair.epochs, at), pair.model.remove(index));
                }
                _ => pair.insert(index, item),
            }
        }
        pair.finish();
    }

    #[test]
    fn a_tree_in_order_finds_ranks(keys in prop::collection::btree_set(0..5000u64, 1..1200), probes in prop::collection::vec(0..5000u64, 50)) {
        let mut pair = Pair::new();
        let mut shuffled: Vec<u64> = keys.iter().copied().collect();
        shuffled.sort_by_key(|key| key.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        for key in shuffled {
            let place = pair.tree.find(|item| item.0.cmp(&key));
            let rank = place.expect_err("each key comes once");
            pair.insert(rank as usize, Number(key, 1));
        }
        let order = |probe: u64| move |item: &Number| -> Ordering { item.0.cmp(&probe) };
        for probe in probes {
            let rank = keys.range(..probe).count() as u64;
            let expected = if keys.contains(&probe) { Ok((Number(probe, 1), rank)) } else { Err(rank) };
            prop_assert_eq!(pair.tree.find(order(probe)), expected);
            prop_assert_eq!(pair.tree.weight_before(|item| item.0 < probe), rank);
            let after = rank + u64::from(keys.contains(&probe));
            prop_assert_eq!(pair.tree.weight_before(|item| item.0 <= probe), after);
        }
        pair.finish();
    }
}

#[test]
fn removing_all_leaves_no_node() {
    let mut pair = Pair::new();
    for number in 0..5000 {
        pair.tree.push(&pair.epochs, Number(number, 1));
    }
    assert!(pair.tree.bytes() < 5000 * 19, "what grows at its end fills its leaves");
    for _ in 0..5000 {
        let middle = pair.tree.weight() / 2;
        pair.tree.remove(&pair.epochs, middle);
    }
    assert_eq!((pair.tree.bytes(), pair.tree.weight()), (0, 0));
    pair.finish();
}
