//! Every type and encoding of Redis up to 8.0 and Valkey 9, and what is refused in each of them.

mod rdb_fixture;

use rdb_fixture::all_types::{FUNCTION, all_types, listpack, stream_node, ziplist};
use rdb_fixture::{Content, Payload, read};
use tandem::persistence::rdb::listpack::Builder;

#[test]
fn every_type_and_encoding() {
    let (payload, keys) = all_types();
    let contents = read(&payload.finished()[..]).unwrap();
    for (key, content) in &keys {
        assert_eq!(contents.content(key), content, "{key}");
    }
    assert_eq!(contents.keys.len(), keys.len());
    assert_eq!(contents.functions, [FUNCTION.as_bytes()]);
    assert_eq!(contents.module_aux, ["AAAAAAAAB"]);
    assert_eq!(contents.aux[&b"redis-ver"[..]], b"8.0.0");
}

#[test]
fn expiries_idle_times_and_frequencies_belong_to_one_key() {
    let contents = read(&all_types().0.finished()[..]).unwrap();
    let kept = |key: &str| &contents.keys[&(0, key.into())];
    let plain = kept("plain");
    assert_eq!((plain.expire_at_ms, plain.idle_s, plain.frequency), (Some(1_700_000_000_000), Some(100), None));
    let int8 = kept("int8");
    assert_eq!((int8.expire_at_ms, int8.idle_s, int8.frequency), (Some(1_700_000_000_000), None, Some(200)));
    let others = contents.keys.iter().filter(|((_, key), _)| !matches!(&key[..], b"plain" | b"int8"));
    assert!(others.into_iter().all(|(_, kept)| kept.expire_at_ms.is_none() && kept.idle_s.is_none()));
}

#[test]
fn functions_of_the_release_candidates() {
    for (description, flag) in [(&["text"][..], 1), (&[], 0)] {
        let mut payload = Payload::new(b"REDIS0010");
        payload.byte(246).strings(&["mylib", "LUA"]).length(flag).strings(description).string("return 1");
        assert_eq!(read(&payload.finished()[..]).unwrap().functions, [b"#!LUA name=mylib\nreturn 1"]);
    }
}

#[test]
fn valkey_9() {
    let mut payload = Payload::new(b"VALKEY080");
    payload.byte(243).string("job").length(2).length(0).length(100).length(5).length(5);
    payload.key(22, "hash").length(2).strings(&["f", "v"]).ms(5000).strings(&["g", "v"]).ms(-1);
    let contents = read(&payload.finished()[..]).unwrap();
    assert_eq!(*contents.content("hash"), Content::expiring_hash([("f", "v", Some(5000)), ("g", "v", None)]));
    for kind in [23, 24, 25] {
        let mut payload = Payload::new(b"VALKEY080");
        payload.key(kind, "k");
        let error = read(&payload.finished()[..]).unwrap_err().to_string();
        assert!(error.starts_with(&format!("unknown type or opcode {kind}")), "{error}");
    }
}

#[test]
fn keys_without_elements_are_passed_over() {
    let mut payload = Payload::new(b"REDIS0012");
    payload.byte(252).ms(5).key(1, "list").length(0).key(2, "set").length(0).key(4, "hash").length(0);
    payload.key(3, "zset").length(0).key(5, "zset 2").length(0).key(14, "quicklist").length(0);
    payload.key(14, "quicklist of nothing").length(1).string(ziplist(&[]));
    payload.key(18, "quicklist 2").length(1).length(2).string(listpack(&[]));
    payload.key(10, "z").string(ziplist(&[])).key(12, "z").string(ziplist(&[])).key(13, "z").string(ziplist(&[]));
    payload.key(16, "l").string(listpack(&[])).key(17, "l").string(listpack(&[])).key(20, "l").string(listpack(&[]));
    payload.key(24, "h").ms(0).length(0).key(22, "h").length(0).key(0, "last").string("v");
    let contents = read(&payload.finished()[..]).unwrap();
    assert_eq!((contents.keys.len(), contents.empty_keys), (1, 16));
    assert_eq!(contents.keys[&(0, b"last".to_vec())].expire_at_ms, None, "an expiry is not inherited");
}

/// What reading a value of type `kind` says.
fn error(kind: u8, value: impl FnOnce(&mut Payload)) -> String {
    let mut payload = Payload::new(b"REDIS0012");
    payload.key(kind, "k");
    value(&mut payload);
    let error = read(&payload.finished()[..]).unwrap_err();
    assert_eq!(error.key.as_deref(), Some(&(kind, b"k".to_vec())));
    error.fault.to_string()
}

#[test]
fn duplicates() {
    let pairs = |text: &[&str]| listpack(text);
    assert_eq!(error(2, |p| p.length(2).strings(&["a", "a"]).end()), "duplicate set members");
    assert_eq!(error(2, |p| p.length(2).string("1").raw(&[0xc0, 1]).end()), "duplicate set members");
    assert_eq!(error(20, |p| p.string(pairs(&["a", "b", "a"])).end()), "duplicate set members");
    assert_eq!(error(4, |p| p.length(2).strings(&["a", "1", "a", "2"]).end()), "duplicate hash fields");
    assert_eq!(error(9, |p| p.string(b"\x02\x01f\x01\x00v\x01f\x01\x00w\xff").end()), "duplicate hash fields");
    assert_eq!(error(13, |p| p.string(ziplist(&["a", "1", "a", "2"])).end()), "duplicate hash fields");
    assert_eq!(error(16, |p| p.string(pairs(&["a", "1", "a", "2"])).end()), "duplicate hash fields");
    assert_eq!(
        error(22, |p| p.length(2).length(0).strings(&["a", "1"]).length(0).strings(&["a", "2"]).end()),
        "duplicate hash fields"
    );
    assert_eq!(error(25, |p| p.ms(1).string(pairs(&["a", "1", "0", "a", "2", "0"])).end()), "duplicate hash fields");
    assert_eq!(error(5, |p| p.length(2).string("a").ms(0).string("a").ms(1).end()), "duplicate sorted set members");
    assert_eq!(error(12, |p| p.string(ziplist(&["a", "1", "a", "2"])).end()), "duplicate sorted set members");
    assert_eq!(error(17, |p| p.string(pairs(&["a", "1", "a", "2"])).end()), "duplicate sorted set members");
}

#[test]
fn scores_that_are_none() {
    let nan = f64::NAN.to_le_bytes();
    assert_eq!(error(5, |p| p.length(1).string("a").raw(&nan).end()), "sorted set with NaN score");
    assert_eq!(error(3, |p| p.length(1).string("a").byte(253).end()), "sorted set with NaN score");
    assert_eq!(error(3, |p| p.length(1).string("a").byte(3).raw(b"nan").end()), "sorted set with NaN score");
    assert_eq!(error(3, |p| p.length(1).string("a").byte(3).raw(b"1.x").end()), "sorted set score is not a number");
    assert_eq!(error(3, |p| p.length(1).string("a").byte(0).end()), "sorted set score is not a number");
    assert_eq!(error(17, |p| p.string(listpack(&["a", "nan"])).end()), "sorted set with NaN score");
    assert_eq!(error(17, |p| p.string(listpack(&["a", "b"])).end()), "sorted set score is not a number");
}

#[test]
fn wrong_pairing() {
    assert_eq!(error(16, |p| p.string(listpack(&["a"])).end()), "hash field without a value");
    assert_eq!(error(13, |p| p.string(ziplist(&["a", "b", "c"])).end()), "hash field without a value");
    assert_eq!(error(17, |p| p.string(listpack(&["a", "1", "b"])).end()), "sorted set member without a score");
    assert_eq!(error(25, |p| p.ms(1).string(listpack(&["a", "b"])).end()), "hash field without a value or an expiry");
    assert_eq!(error(16, |p| p.string(ziplist(&["a", "b"])).end()), "listpack element with a wrong back length");
    assert_eq!(
        error(13, |p| p.string(listpack(&["a", "b"])).end()),
        "ziplist element with a wrong length of the one before"
    );
    assert_eq!(error(11, |p| p.string(listpack(&["a", "b"])).end()), "intset of unknown width");
    assert_eq!(error(18, |p| p.length(1).length(3).string("x").end()), "unknown quicklist container");
    assert_eq!(error(18, |p| p.length(1).length(2).string("").end()), "listpack shorter than its header");
    assert_eq!(error(7, |p| p.length(1 << 10).length(6).end()), "unknown part of a module value");
}

#[test]
fn field_expiries_out_of_range() {
    const RANGE: &str = "hash field expiry out of range";
    let (largest, beyond) = ((1u64 << 48) - 1, 1u64 << 48);
    assert_eq!(error(22, |p| p.length(1).length(beyond).strings(&["f", "v"]).end()), RANGE);
    assert_eq!(error(24, |p| p.ms(beyond as i64 + 1).length(0).end()), RANGE);
    assert_eq!(error(24, |p| p.ms(-1).length(0).end()), RANGE);
    assert_eq!(error(24, |p| p.ms(largest as i64).length(1).length(2).strings(&["f", "v"]).end()), RANGE);
    assert_eq!(error(24, |p| p.ms(5).length(1).length(u64::MAX).strings(&["f", "v"]).end()), RANGE);
    for at in ["-1", "281474976710656", "x", ""] {
        assert_eq!(error(23, |p| p.string(listpack(&["f", "v", at])).end()), RANGE);
    }
}

/// What reading a stream says whose node is `node` and whose tail (length, last ID, groups) `tail` writes.
fn stream_error(node: Vec<u8>, tail: impl FnOnce(&mut Payload)) -> String {
    error(15, |p| tail(p.length(1).length(16).raw_id(1000, 0).string(node)))
}

/// A node of one entry, `numbers` in place of its parts but the one field and the one value.
fn node(head: [i64; 3], entry: [i64; 3], count: i64) -> Vec<u8> {
    let mut node = Builder::new();
    head.iter().for_each(|number| node.push_integer(*number));
    node.push(b"f");
    node.push_integer(0);
    entry.iter().for_each(|number| node.push_integer(*number));
    node.push(b"v");
    node.push_integer(count);
    node.finish()
}

#[test]
fn stream_nodes() {
    let tail = |p: &mut Payload| p.length(1).id(1000, 0).length(0).end();
    let bad = |node| stream_error(node, tail);
    assert!(read(&stream(node([1, 0, 1], [2, 0, 0], 4), tail)[..]).is_ok());
    assert_eq!(bad(node([-1, 0, 1], [2, 0, 0], 4)), "negative count in a stream node");
    assert_eq!(bad(node([1, -1, 1], [2, 0, 0], 4)), "negative count in a stream node");
    assert_eq!(bad(node([i64::MAX, i64::MAX, 1], [2, 0, 0], 4)), "stream node ends within an entry");
    assert_eq!(bad(node([1, 0, i64::MAX], [2, 0, 0], 4)), "stream node ends within an entry");
    assert_eq!(bad(node([2, 0, 1], [2, 0, 0], 4)), "stream node ends within an entry");
    assert_eq!(bad(node([0, 1, 1], [2, 0, 0], 4)), "stream node with other live entries than it counts");
    assert_eq!(bad(node([1, 0, 1], [3, 0, 0], 4)), "stream node with other live entries than it counts");
    assert_eq!(bad(node([0, 0, 1], [2, 0, 0], 4)), "stream node with more entries than it counts");
    assert_eq!(bad(node([1, 0, 1], [2, -1, 0], 4)), "stream entries out of order");
    assert_eq!(bad(node([1, 0, 1], [2, 0, 0], 5)), "stream entry with a wrong count of its elements");
    assert_eq!(bad(node([1, 0, 0], [2, 0, 0], 4)), "text in place of a number in a stream node");
    assert_eq!(bad(listpack(&[])), "stream node ends within an entry");
    assert_eq!(bad(vec![1, 2, 3]), "listpack shorter than its header");
    assert_eq!(error(15, |p| p.length(1).string("short").string(stream_node()).end()), "stream node key is not an ID");
    let twice = |p: &mut Payload| {
        let node = node([1, 0, 1], [2, 0, 0], 4);
        p.length(2).length(16).raw_id(1, 0).string(&node).length(16).raw_id(1, 0).string(&node);
    };
    assert_eq!(error(15, twice), "stream nodes out of order");
}

fn stream(node: Vec<u8>, tail: impl FnOnce(&mut Payload)) -> Vec<u8> {
    let mut payload = Payload::new(b"REDIS0009");
    tail(payload.key(15, "k").length(1).length(16).raw_id(1000, 0).string(node));
    payload.finished()
}

#[test]
fn stream_counters_and_groups() {
    let bad = |tail: &dyn Fn(&mut Payload)| stream_error(stream_node(), |p| tail(p));
    let groups = |p: &mut Payload, count| p.length(2).id(1005, 1).length(count).end();
    assert_eq!(bad(&|p| p.length(3).id(1005, 1).length(0).end()), "stream length differs from its entries");
    assert_eq!(bad(&|p| p.length(2).id(1005, 0).length(0).end()), "stream entry beyond the last ID");
    let group = |p: &mut Payload, pending: &[(u64, u64)], owners: &[(&str, &[(u64, u64)])]| {
        p.string("g").id(0, 0).length(pending.len() as u64);
        pending.iter().for_each(|(ms, seq)| p.raw_id(*ms, *seq).ms(1).length(1).end());
        p.length(owners.len() as u64);
        for (name, owned) in owners {
            p.string(name).ms(1).length(owned.len() as u64);
            owned.iter().for_each(|(ms, seq)| p.raw_id(*ms, *seq).end());
        }
    };
    let with = |pending: &[(u64, u64)], owners: &[(&str, &[(u64, u64)])]| {
        bad(&|p| {
            groups(p, 1);
            group(p, pending, owners);
        })
    };
    let (a, b) = ((1000, 0), (1005, 1));
    assert_eq!(with(&[a], &[]), "pending entry without a consumer");
    assert_eq!(with(&[a], &[("c", &[b])]), "consumer's pending entry is unknown to its group");
    assert_eq!(with(&[a], &[("c", &[a, a])]), "pending entry with two owners");
    assert_eq!(with(&[a], &[("c", &[a]), ("d", &[a])]), "pending entry with two owners");
    assert_eq!(with(&[a, a], &[("c", &[a])]), "pending entries of a group doubled or out of order");
    assert_eq!(with(&[], &[("c", &[]), ("c", &[])]), "duplicate consumer");
    let doubled = |p: &mut Payload| {
        groups(p, 2);
        group(p, &[], &[]);
        group(p, &[], &[]);
    };
    assert_eq!(bad(&doubled), "duplicate consumer group");
}

#[test]
fn a_group_that_lost_count() {
    let mut payload = Payload::new(b"REDIS0010");
    payload.key(19, "k").length(0).length(0).id(0, 0).id(0, 0).id(0, 0).length(0);
    payload.length(1).string("g").id(0, 0).length(u64::MAX).length(0).length(0);
    let contents = read(&payload.finished()[..]).unwrap();
    let Content::Stream(stream) = contents.content("k") else { panic!("a stream") };
    assert_eq!((stream.entries.len(), stream.groups[0].entries_read), (0, None));
}

#[test]
fn names_of_fields_are_kept_once_for_a_node() {
    let name = "x".repeat(1 << 20);
    let entries = 1000;
    let mut node = Builder::new();
    [entries, 0, 1].iter().for_each(|number| node.push_integer(*number));
    node.push(name.as_bytes());
    node.push_integer(0);
    for seq in 0..entries {
        [2, 0, seq].iter().for_each(|number| node.push_integer(*number));
        node.push(b"v");
        node.push_integer(4);
    }
    let contents = read(&stream(node.finish(), |p| p.length(1000).id(1000, 999).length(0).end())[..]).unwrap();
    let Content::Stream(stream) = contents.content("k") else { panic!("a stream") };
    assert_eq!(stream.strings.size_bytes(), (1 << 20) + 1000, "a megabyte must not become a gigabyte");
    assert_eq!(stream.pairs(&stream.entries[999]).next().unwrap(), (name.as_bytes(), &b"v"[..]));
}
