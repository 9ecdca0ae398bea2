//! Lists, hashes, sets and sorted sets against std collections: random changes with several snapshots open and walkers at different
//! places, values renamed, moved, copied, emptied. Each walk must see its moment, sizes must add up, and at the end
//! nothing may be left unfreed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tandem::alloc;
use tandem::config::CollectionLimits;
use tandem::keyspace::{
    Key, KeyHasher, Keyspace, Lifetime, NewValue, Snapshot, SortedSet, SortedSetRef, Strings, Value, Walker,
};

const DATABASES: usize = 2;
const HASHER: (u64, u64) = (3, 5);

type Text = Vec<u8>;

#[derive(Clone, Debug, PartialEq)]
enum Model {
    String(Text),
    List(Arc<Vec<Text>>),
    /// Values with when their fields expire.
    Hash(Arc<BTreeMap<Text, (Text, Option<i64>)>>),
    Set(Arc<BTreeSet<Text>>),
    SortedSet(Arc<BTreeMap<Text, f64>>),
}

type Databases = Vec<BTreeMap<Text, Model>>;

fn hashed(key: &[u8]) -> Key<'_> {
    KeyHasher::new(HASHER).key(key)
}

fn seen(value: Value<'_>) -> Model {
    match value {
        Value::String(string) => Model::String(string.to_cow().into_owned()),
        Value::List(list) => {
            let elements: Vec<Text> = list.iter().map(|text| text.to_vec()).collect();
            assert_eq!(elements.len(), list.len());
            Model::List(Arc::new(elements))
        }
        Value::Hash(hash) => {
            let fields = hash.fields().map(|field| (field.name.to_vec(), (field.value.to_vec(), field.expire_at)));
            let fields: BTreeMap<_, _> = fields.collect();
            assert_eq!(fields.len(), hash.len());
            let earliest = fields.values().filter_map(|(_, at)| *at).min();
            assert_eq!(hash.earliest_expiry().is_some(), earliest.is_some());
            assert!(hash.earliest_expiry() <= earliest);
            Model::Hash(Arc::new(fields))
        }
        Value::Set(set) => {
            let members: BTreeSet<Text> = set.iter().map(|text| text.to_vec()).collect();
            assert_eq!(members.len(), set.len());
            Model::Set(Arc::new(members))
        }
        Value::SortedSet(set) => Model::SortedSet(Arc::new(seen_in_order(&set))),
        _ => panic!("a type that the test does not know"),
    }
}

/// The pairs of a sorted set, which come in order, forward and backward.
fn seen_in_order(set: &SortedSetRef<'_>) -> BTreeMap<Text, f64> {
    let pairs: Vec<(Text, f64)> = set.iter().map(|(member, score)| (member.to_vec(), score)).collect();
    assert_eq!(pairs.len(), set.len());
    assert!(pairs.is_sorted_by(|a, b| a.1 < b.1 || a.1 == b.1 && a.0 < b.0), "pairs out of order");
    let back = set.iter_before(set.len()).map(|(member, score)| (member.to_vec(), score));
    assert!(back.eq(pairs.iter().rev().cloned()), "the way back differs");
    pairs.into_iter().collect()
}

struct Walk {
    expected: Databases,
    seen: Databases,
    snapshot: Option<Snapshot>,
    walker: Option<Walker>,
}

impl Walk {
    /// False when the walk is over, and was right.
    fn go(&mut self, steps: usize) -> bool {
        if let Some(snapshot) = self.snapshot.take() {
            self.walker = Some(snapshot.walk());
        }
        let walker = self.walker.as_mut().expect("a walk under way");
        for _ in 0..steps {
            let Some(entry) = walker.next() else {
                assert!(self.seen == self.expected, "a walk saw something else than its moment");
                return false;
            };
            let twice = self.seen[entry.db].insert(entry.key.to_vec(), seen(entry.value));
            assert!(twice.is_none(), "a walk saw a key twice");
        }
        true
    }
}

struct Pair {
    rng: StdRng,
    keyspace: Keyspace,
    model: Databases,
    walks: Vec<Walk>,
    limits: CollectionLimits,
}

impl Pair {
    fn text(&mut self) -> Text {
        match self.rng.random_range(0..400) {
            0 => vec![b'x'; self.rng.random_range(0..9000)],
            1 => vec![b'y'; self.rng.random_range(65_000..90_000)],
            2..100 => self.rng.random_range(-2000i64..2000).to_string().into_bytes(),
            _ => format!("element:{}", self.rng.random_range(0..3000)).into_bytes(),
        }
    }

    fn key(&mut self, kind: &str) -> (usize, Text) {
        let number = self.rng.random_range(0..6);
        (self.rng.random_range(0..DATABASES), format!("{kind}:{number}").into_bytes())
    }

    fn change_list(&mut self) {
        let (db, name) = self.key("list");
        let count =
            if self.rng.random_ratio(1, 10) { self.rng.random_range(0..200) } else { self.rng.random_range(0..3) };
        // Some lists hold texts of one length mostly, which lie without headers.
        let of_one_length = name.ends_with(b"1");
        let text = |pair: &mut Pair| match of_one_length && pair.rng.random_ratio(199, 200) {
            true => format!("id:{:010}", pair.rng.random_range(0..1_000_000)).into_bytes(),
            false => pair.text(),
        };
        let inserted: Vec<Text> = (0..count).map(|_| text(self)).collect();
        let slices: Vec<&[u8]> = inserted.iter().map(Vec::as_slice).collect();
        let limits = self.limits;
        if !self.model[db].contains_key(&name) {
            let elements: Strings = inserted.iter().collect();
            self.keyspace.db_mut(db).insert(hashed(&name), NewValue::List(&elements, &limits), None, 0);
            self.model[db].insert(name, Model::List(Arc::new(inserted)));
            return;
        }
        let Some(Model::List(list)) = self.model[db].get_mut(&name) else { unreachable!() };
        let list = Arc::make_mut(list);
        let at = match self.rng.random_range(0..4) {
            0 => 0,
            1 => list.len(),
            _ => self.rng.random_range(0..=list.len()),
        };
        let most = if self.rng.random_ratio(1, 30) { list.len() - at } else { 3.min(list.len() - at) };
        let removed = self.rng.random_range(0..=most);
        list.splice(at..at + removed, inserted.clone());
        let len = self.keyspace.db_mut(db).list_splice(hashed(&name), at, removed, &slices, &limits);
        assert_eq!(len, Some(list.len()));
    }

    fn change_hash(&mut self) {
        let (db, name) = self.key("hash");
        let limits = self.limits;
        let (field, value) = (self.text(), self.text());
        let at = self.rng.random_range(1..1000);
        if !self.model[db].contains_key(&name) {
            let count = self.rng.random_range(0..600);
            let expire_at = self.rng.random_ratio(1, 2).then_some(at);
            let fields: BTreeMap<_, _> = (0..count).map(|_| (self.text(), (self.text(), expire_at))).collect();
            let flat: Strings = fields.iter().flat_map(|(field, (value, _))| [field, value]).collect();
            let expiries = vec![expire_at.unwrap_or(0); fields.len()];
            self.keyspace.db_mut(db).insert(hashed(&name), NewValue::Hash(&flat, &expiries, &limits), None, 0);
            self.model[db].insert(name, Model::Hash(Arc::new(fields)));
            return;
        }
        let Some(Model::Hash(fields)) = self.model[db].get_mut(&name) else { unreachable!() };
        let fields = Arc::make_mut(fields);
        let real = self.keyspace.db_mut(db);
        let before = fields.get(&field).and_then(|(_, at)| *at);
        let (lifetime, expire_at) = match at % 5 {
            0 => (Lifetime::Until(at), Some(at)),
            1 => (Lifetime::AsBefore, before),
            _ => (Lifetime::Endless, None),
        };
        match self.rng.random_range(0..100) {
            0 => {
                let gone = real.hash_expired(hashed(&name), at, usize::MAX).len();
                let all = fields.len();
                fields.retain(|_, (_, expire_at)| expire_at.is_none_or(|expire_at| expire_at >= at));
                assert_eq!(gone, all - fields.len());
            }
            1..40 => assert_eq!(real.hash_remove(hashed(&name), &field), fields.remove(&field).is_some()),
            40..50 => {
                let changed = fields.range_mut(field.clone()..).next();
                let expire_at = (at % 2 == 0).then_some(at);
                if let Some((field, (_, before))) = changed {
                    real.hash_expire(hashed(&name), field, expire_at);
                    *before = expire_at;
                }
            }
            _ => {
                let is_new = real.hash_set(hashed(&name), &field, &value, lifetime, &limits);
                assert_eq!(is_new, fields.insert(field.clone(), (value, expire_at)).is_none());
            }
        }
        let Some(Value::Hash(hash)) = real.get(hashed(&name)).map(|entry| entry.value()) else { panic!("a hash") };
        let found = hash.field(&field).map(|field| (field.value.to_vec(), field.expire_at));
        assert_eq!(found, fields.get(&field).cloned());
        assert_eq!(real.first_due_hash(0), None);
    }

    fn change_set(&mut self) {
        let (db, name) = self.key("set");
        let limits = self.limits;
        let (mut member, removes) = (self.text(), self.rng.random_ratio(2, 5));
        if name.ends_with(b"0") {
            member = self.rng.random_range(-300i64..300).to_string().into_bytes();
        }
        if !self.model[db].contains_key(&name) {
            let count = self.rng.random_range(0..40);
            let members: BTreeSet<Text> = (0..count).map(|n| format!("{}", n * n).into_bytes()).collect();
            let flat: Strings = members.iter().collect();
            self.keyspace.db_mut(db).insert(hashed(&name), NewValue::Set(&flat, &limits), None, 0);
            self.model[db].insert(name, Model::Set(Arc::new(members)));
            return;
        }
        let Some(Model::Set(members)) = self.model[db].get_mut(&name) else { unreachable!() };
        let members = Arc::make_mut(members);
        let real = self.keyspace.db_mut(db);
        if removes {
            assert_eq!(real.set_remove(hashed(&name), &member), members.remove(&member));
        } else {
            assert_eq!(real.set_add(hashed(&name), &member, &limits), Some(members.insert(member.clone())));
        }
        let Some(Value::Set(set)) = real.get(hashed(&name)).map(|entry| entry.value()) else { panic!("a set") };
        assert_eq!(set.contains(&member), members.contains(&member));
    }

    fn score(&mut self) -> f64 {
        match self.rng.random_range(0..20) {
            0 => f64::INFINITY,
            1 => f64::NEG_INFINITY,
            2..5 => f64::from(self.rng.random_range(-40i32..40)) / 8.0,
            5..8 => 1e300,
            _ => f64::from(self.rng.random_range(-300i32..300)),
        }
    }

    fn change_sorted_set(&mut self) {
        let (db, name) = self.key("zset");
        let limits = self.limits;
        let (member, score) = (self.text(), self.score());
        if !self.model[db].contains_key(&name) {
            let count = self.rng.random_range(0..500);
            let pairs: BTreeMap<Text, f64> = (0..count).map(|_| (self.text(), self.score())).collect();
            let mut set = SortedSet::default();
            pairs.iter().for_each(|(member, score)| set.push(member, *score));
            self.keyspace.db_mut(db).insert(hashed(&name), NewValue::SortedSet(&set, &limits), None, 0);
            self.model[db].insert(name, Model::SortedSet(Arc::new(pairs)));
            return;
        }
        let (action, place, many) =
            (self.rng.random_range(0..20), self.rng.random_range(0.0..1.0), self.rng.random_ratio(1, 10));
        let Some(Model::SortedSet(pairs)) = self.model[db].get_mut(&name) else { unreachable!() };
        let pairs = Arc::make_mut(pairs);
        let real = self.keyspace.db_mut(db);
        match action {
            0 => {
                let start = (place * pairs.len() as f64) as usize;
                let count = if many { pairs.len() - start } else { 4.min(pairs.len() - start) };
                let mut ordered: Vec<(f64, Text)> =
                    pairs.iter().map(|(member, score)| (*score, member.clone())).collect();
                ordered.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
                for (_, member) in &ordered[start..start + count] {
                    pairs.remove(member);
                }
                real.sorted_set_remove_ranks(hashed(&name), start..start + count);
            }
            1..8 => assert_eq!(real.sorted_set_remove(hashed(&name), &member), pairs.remove(&member).is_some()),
            _ => {
                let (old, now) = real.sorted_set_update(hashed(&name), &member, &limits, |_| Some(score));
                assert_eq!((old, now), (pairs.insert(member.clone(), score), Some(score)));
            }
        }
        let Some(Value::SortedSet(set)) = real.get(hashed(&name)).map(|entry| entry.value()) else {
            panic!("a sorted set")
        };
        assert_eq!(set.score(&member), pairs.get(&member).copied());
        let before = |other: (&Text, &f64)| *other.1 < score || *other.1 == score && *other.0 < member;
        let expected = pairs.contains_key(&member).then(|| pairs.iter().filter(|pair| before(*pair)).count());
        let rank = set.rank(&member).filter(|(_, found)| *found == score).map(|(rank, _)| rank);
        assert!(rank.is_none() || rank == expected);
        assert_eq!(set.count_scores(|other| other < score), pairs.values().filter(|other| **other < score).count());
        if let Some((rank, score)) = set.rank(&member) {
            assert_eq!(set.iter_from(rank).next().map(|(text, score)| (text.to_vec(), score)), Some((member, score)));
        }
    }

    /// Keys of every type change places, and are copied, overwritten and deleted.
    fn change_keys(&mut self) {
        let kind = ["list", "hash", "set", "zset"][self.rng.random_range(0..4)];
        let ((db, from), (to_db, to)) = (self.key(kind), self.key(kind));
        match self.rng.random_range(0..12) {
            0 => {
                self.keyspace.db_mut(db).remove(hashed(&from));
                self.model[db].remove(&from);
            }
            1 if from != to => {
                self.keyspace.db_mut(db).rename(hashed(&from), hashed(&to));
                if let Some(value) = self.model[db].remove(&from) {
                    self.model[db].insert(to, value);
                }
            }
            2 if db != to_db => {
                if self.keyspace.move_key(hashed(&from), db, to_db) {
                    let value = self.model[db].remove(&from).expect("the model has the key");
                    self.model[to_db].insert(from, value);
                }
            }
            3 if (db, &from) != (to_db, &to) => {
                self.keyspace.copy_key(db, hashed(&from), to_db, hashed(&to));
                if let Some(value) = self.model[db].get(&from).cloned() {
                    self.model[to_db].insert(to, value);
                }
            }
            4 => {
                self.keyspace.db_mut(db).set_expire(hashed(&from), Some(99));
            }
            5 => {
                let (text, name) = (self.text(), format!("{}s", String::from_utf8(from).unwrap()).into_bytes());
                self.keyspace.db_mut(db).insert(hashed(&name), NewValue::String(&text), None, 0);
                self.model[db].insert(name, Model::String(text));
            }
            6 => {
                self.keyspace.swap(0, 1);
                self.model.swap(0, 1);
            }
            _ => {}
        }
    }

    fn watch(&mut self) {
        let at = self.rng.random_range(0..4);
        if self.walks.len() < 4 {
            let (expected, seen) = (self.model.clone(), vec![BTreeMap::new(); DATABASES]);
            self.walks.push(Walk { expected, seen, snapshot: Some(self.keyspace.snapshot()), walker: None });
        } else if self.rng.random_ratio(1, 3) {
            self.walks.swap_remove(at);
        } else if !self.walks[at].go(7) {
            self.walks.swap_remove(at);
        }
    }

    fn check(&self) {
        for (db, model) in self.model.iter().enumerate() {
            let real = self.keyspace.db(db);
            assert_eq!(real.len(), model.len());
            let expires =
                |value: &&Model| matches!(value, Model::Hash(fields) if fields.values().any(|(_, at)| at.is_some()));
            assert_eq!(real.expiring_hashes(), model.values().filter(expires).count());
            let mut bytes = 0;
            real.for_each(&mut |entry| {
                assert!(seen(entry.value()) == model[entry.key()], "{}", entry.key().escape_ascii());
                bytes += entry.size_bytes();
            });
            let shape = real.shape();
            assert_eq!(shape.bytes + shape.value_bytes, bytes + shape.segments * 1024 + shape.directory_bytes);
        }
    }
}

fn run(seed: u64, steps: usize) {
    let limits = CollectionLimits { list_size: [-2, 5, -1][seed as usize % 3], ..CollectionLimits::DEFAULT };
    let mut pair = Pair {
        rng: StdRng::seed_from_u64(seed),
        keyspace: Keyspace::new(DATABASES, KeyHasher::new(HASHER)),
        model: vec![BTreeMap::new(); DATABASES],
        walks: Vec::new(),
        limits,
    };
    for step in 0..steps {
        match pair.rng.random_range(0..100) {
            0 => pair.watch(),
            1..3 => pair.change_keys(),
            3..30 => pair.change_list(),
            30..50 => pair.change_hash(),
            50..75 => pair.change_sorted_set(),
            _ => pair.change_set(),
        }
        if step % 1000 == 0 {
            pair.check();
        }
    }
    pair.check();
    pair.walks.iter_mut().for_each(|walk| while walk.go(100) {});
}

#[test]
fn collections_equal_their_model_and_every_walk_its_moment() {
    run(0, 500);
    for seed in 1..=6 {
        eprintln!("seed {seed}");
        let before = alloc::used_bytes();
        run(seed, 6000);
        let is_freed = (0..2000).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(2));
            alloc::used_bytes() <= before
        });
        assert!(is_freed, "{} bytes are left", alloc::used_bytes() - before);
    }
}
