//! Streams against a model of std's maps, with snapshots alive: a snapshot shows its moment whatever comes after.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tandem::config::CollectionLimits;
use tandem::keyspace::{Delivery, Key, KeyHasher, Keyspace, NewValue, Snapshot, Stream, StreamId, StreamRef, Value};

const HASHER: (u64, u64) = (3, 5);
const KEY: &[u8] = b"s";
const STEPS: usize = 6_000;
const SNAPSHOTS: usize = 4;

#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    entries: BTreeMap<StreamId, Vec<Vec<u8>>>,
    /// By name: each pending entry's consumer.
    groups: BTreeMap<Vec<u8>, BTreeMap<StreamId, Vec<u8>>>,
}

fn key() -> Key<'static> {
    KeyHasher::new(HASHER).key(KEY)
}

fn seen(stream: StreamRef<'_>) -> Model {
    let texts = |id| stream.entry(id).expect("an entry").pairs().flat_map(|(f, v)| [f.to_vec(), v.to_vec()]).collect();
    let entries: BTreeMap<StreamId, Vec<Vec<u8>>> =
        stream.range(StreamId::MIN, StreamId::MAX).map(|entry| (entry.id, texts(entry.id))).collect();
    let back: Vec<StreamId> = stream.range_back(StreamId::MIN, StreamId::MAX).map(|entry| entry.id).collect();
    assert!(back.iter().eq(entries.keys().rev()), "the way back differs");
    assert_eq!(stream.len(), entries.len() as u64);
    let groups = stream.groups().map(|group| {
        let pending: BTreeMap<_, _> =
            group.pending_from(StreamId::MIN).map(|delivery| (delivery.id, group.owner(&delivery).to_vec())).collect();
        let by_consumer: BTreeMap<_, _> = group
            .consumers()
            .flat_map(|consumer| consumer.pending_from(StreamId::MIN).map(move |id| (id, consumer.name().to_vec())))
            .collect();
        assert_eq!(pending, by_consumer, "a group and its consumers agree");
        (group.name().to_vec(), pending)
    });
    Model { groups: groups.collect(), entries }
}

fn current(keyspace: &mut Keyspace) -> Model {
    match keyspace.db_mut(0).get(key()).map(|entry| entry.value()) {
        Some(Value::Stream(stream)) => seen(stream),
        _ => panic!("a stream"),
    }
}

/// The snapshot is read to its end and was right.
fn check(snapshot: Snapshot, expected: &Model) {
    let mut walker = snapshot.walk();
    let entry = walker.next().expect("the one key");
    let Value::Stream(stream) = entry.value else { panic!("a stream") };
    assert_eq!(&seen(stream), expected, "a snapshot shows something else than its moment");
}

fn step(rng: &mut StdRng, keyspace: &mut Keyspace, model: &mut Model, limits: &CollectionLimits, clock: &mut u64) {
    let id = StreamId { ms: rng.random_range(0..*clock + 1), seq: 0 };
    let any = model.entries.range(id..).next().map(|(id, _)| *id);
    let name = [b"g", b"h"][rng.random_range(0..2)];
    let consumer = [&b"ann"[..], b"bob", b"cy"][rng.random_range(0..3)];
    let kind = rng.random_range(0..100);
    keyspace.db_mut(0).stream_change(key(), |stream| match (kind, any) {
        (0..45, _) => {
            *clock += rng.random_range(1..3);
            let id = StreamId { ms: *clock, seq: 0 };
            let fields = if rng.random_ratio(9, 10) { vec!["f"] } else { vec!["f", "other"] };
            let texts: Vec<Vec<u8>> =
                fields.iter().flat_map(|f| [f.as_bytes().to_vec(), format!("value {clock}").into_bytes()]).collect();
            stream.append(id, texts.iter().map(Vec::as_slice), limits);
            model.entries.insert(id, texts);
        }
        (45..60, Some(id)) => assert_eq!(stream.remove(id), model.entries.remove(&id).is_some()),
        (60..63, Some(id)) => {
            stream.trim(tandem::keyspace::Keep::From(id), false, 0);
            model.entries = model.entries.split_off(&id);
        }
        (63..66, _) => {
            assert_eq!(stream.create_group(name, id, None), !model.groups.contains_key(&name[..]));
            model.groups.entry(name.to_vec()).or_default();
        }
        (66, _) => assert_eq!(stream.destroy_group(name), model.groups.remove(&name[..]).is_some()),
        (67..90, Some(id)) => {
            let pending = model.groups.get_mut(&name[..]);
            stream.change_group(name, |group| {
                let (number, _) = group.add_consumer(consumer, 0);
                group.deliver(Delivery { id, time_ms: 1, count: 1, consumer: number });
                pending.expect("the group").insert(id, consumer.to_vec());
            });
        }
        (90..98, Some(id)) => {
            let pending = model.groups.get_mut(&name[..]);
            stream.change_group(name, |group| {
                assert_eq!(group.acknowledge(id), pending.expect("the group").remove(&id).is_some());
            });
        }
        _ => {
            let pending = model.groups.get_mut(&name[..]);
            stream.change_group(name, |group| {
                group.remove_consumer(consumer);
                pending.expect("the group").retain(|_, owner| owner != consumer);
            });
        }
    });
}

#[test]
fn streams_are_what_the_model_says_and_snapshots_show_their_moment() {
    for seed in 0..6 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut limits = CollectionLimits::default();
        if seed % 2 == 1 {
            limits.stream_chunk_entries = 4;
        }
        let mut keyspace = Keyspace::new(1, KeyHasher::new(HASHER));
        keyspace.db_mut(0).insert(key(), NewValue::Stream(&Stream::default(), &limits), None, 0);
        let (mut model, mut clock) = (Model::default(), 0);
        let mut snapshots: Vec<(Snapshot, Model)> = Vec::new();
        for _ in 0..STEPS {
            step(&mut rng, &mut keyspace, &mut model, &limits, &mut clock);
            if rng.random_ratio(1, 60) && snapshots.len() < SNAPSHOTS {
                assert_eq!(current(&mut keyspace), model, "seed {seed}");
                snapshots.push((keyspace.snapshot(), model.clone()));
            }
            if rng.random_ratio(1, 80) && !snapshots.is_empty() {
                let (snapshot, expected) = snapshots.swap_remove(rng.random_range(0..snapshots.len()));
                check(snapshot, &expected);
            }
        }
        assert_eq!(current(&mut keyspace), model, "seed {seed}");
        snapshots.into_iter().for_each(|(snapshot, expected)| check(snapshot, &expected));
    }
}
