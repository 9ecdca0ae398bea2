//! A payload with every type and encoding of Redis up to 8.0, and what it holds.

use tandem::persistence::rdb::listpack::Builder;
use tandem::persistence::rdb::{Consumer, Group, Pending, Stream, StreamEntry, StreamId, Strings, intset};

use super::{Content, Payload};

pub const FUNCTION: &str = "#!lua name=mylib\nredis.register_function('f', function() return 1 end)";
/// "AAAAAAAAB", encoding version 1.
const MODULE: u64 = 1 << 10 | 1;
const MS: i64 = 1_700_000_000_000;

pub fn listpack(strings: &[&str]) -> Vec<u8> {
    let mut builder = Builder::new();
    strings.iter().for_each(|string| builder.push(string.as_bytes()));
    builder.finish()
}

/// A ziplist of short strings.
pub fn ziplist(strings: &[&str]) -> Vec<u8> {
    let mut body = Vec::new();
    let (mut tail, mut before) = (10, 0);
    for string in strings {
        tail = 10 + body.len();
        body.extend_from_slice(&[before, string.len() as u8]);
        body.extend_from_slice(string.as_bytes());
        before = 2 + string.len() as u8;
    }
    let total = 10 + body.len() as u32 + 1;
    let count = strings.len() as u16;
    [&total.to_le_bytes()[..], &(tail as u32).to_le_bytes(), &count.to_le_bytes(), &body, &[0xff]].concat()
}

/// Two entries with the master's fields, one of them deleted, and one with its own.
pub fn stream_node() -> Vec<u8> {
    let mut node = Builder::new();
    let numbers = |node: &mut Builder, numbers: &[i64]| numbers.iter().for_each(|n| node.push_integer(*n));
    numbers(&mut node, &[2, 1, 1]);
    node.push(b"temp");
    numbers(&mut node, &[0, 2, 0, 0]);
    node.push(b"20");
    numbers(&mut node, &[4, 3, 5, 0]);
    node.push(b"21");
    numbers(&mut node, &[4, 0, 5, 1, 2]);
    ["a", "1", "b", "2"].iter().for_each(|text| node.push(text.as_bytes()));
    numbers(&mut node, &[8]);
    node.finish()
}

/// The stream's node, length and last ID.
fn stream_head(payload: &mut Payload) {
    payload.length(1).length(16).raw_id(1000, 0).string(stream_node());
    payload.length(2).id(1005, 1);
}

/// One group: two entries pending with one consumer, another one idle.
fn stream_groups(payload: &mut Payload, version: u8) {
    payload.length(1).string("group").id(1005, 1);
    if version >= 2 {
        payload.length(3);
    }
    payload.length(2);
    payload.raw_id(1000, 0).ms(MS).length(1);
    payload.raw_id(1005, 1).ms(MS + 1).length(7);
    payload.length(2);
    for (name, active) in [("busy", MS + 2), ("idle", -1)] {
        payload.string(name).ms(MS + 3);
        if version >= 3 {
            payload.ms(active);
        }
        if name == "busy" {
            payload.length(2).raw_id(1000, 0).raw_id(1005, 1);
        } else {
            payload.length(0);
        }
    }
}

fn stream_meta(payload: &mut Payload) {
    payload.id(1000, 0).id(1005, 0).length(3);
}

fn stream(version: u8) -> Content {
    let id = |ms, seq| StreamId { ms, seq };
    let pending = |id, delivery_time_ms, delivery_count| Pending { id, delivery_time_ms, delivery_count, consumer: 0 };
    let consumer = |name: &str, active| Consumer {
        name: name.into(),
        seen_time_ms: MS + 3,
        active_time_ms: if version >= 3 { active } else { MS + 3 },
    };
    let entry = |id, fields, values| StreamEntry { id, fields, values };
    let meta =
        tandem::persistence::rdb::StreamMeta { first_id: id(1000, 0), max_deleted_id: id(1005, 0), entries_added: 3 };
    Content::Stream(Box::new(Stream {
        entries: vec![entry(id(1000, 0), 0..1, 1..2), entry(id(1005, 1), 2..4, 4..6)],
        strings: Strings::from_iter(["temp", "20", "a", "b", "1", "2"]),
        last_id: id(1005, 1),
        meta: (version >= 2).then_some(meta),
        groups: vec![Group {
            name: b"group".into(),
            last_id: id(1005, 1),
            entries_read: (version >= 2).then_some(3),
            pending: vec![pending(id(1000, 0), MS, 1), pending(id(1005, 1), MS + 1, 7)],
            consumers: vec![consumer("busy", MS + 2), consumer("idle", -1)],
        }],
    }))
}

/// The payload, unfinished, and its keys.
pub fn all_types() -> (Payload, Vec<(&'static str, Content)>) {
    let mut payload = Payload::new(b"REDIS0012");
    payload.byte(250).strings(&["redis-ver", "8.0.0"]).byte(245).string(FUNCTION);
    payload.byte(247).length(MODULE).length(2).length(1);
    payload.length(1).length(9).length(3).raw(&[0; 4]).length(4).raw(&[0; 8]).length(5).string("x").length(0);
    payload.byte(254).length(0).byte(251).length(40).length(2).byte(244).length(7).length(40).length(2);
    let mut keys = Vec::new();
    strings(&mut payload, &mut keys);
    lists_and_sets(&mut payload, &mut keys);
    sorted_sets(&mut payload, &mut keys);
    hashes(&mut payload, &mut keys);
    expiring_hashes(&mut payload, &mut keys);
    streams(&mut payload, &mut keys);
    payload.key(7, "module").length(MODULE).length(2).length(5).length(5).string("blob").length(0);
    keys.push(("module", Content::Module("AAAAAAAAB".into())));
    (payload, keys)
}

type Keys = Vec<(&'static str, Content)>;

fn strings(payload: &mut Payload, keys: &mut Keys) {
    payload.byte(252).ms(MS).byte(248).length(100).key(0, "plain").string("text");
    payload.byte(253).raw(&1_700_000_000i32.to_le_bytes()).byte(249).byte(200).key(0, "int8").raw(&[0xc0, 0xff]);
    payload.key(0, "int16").raw(&[0xc1, 0, 0x80]).key(0, "int32").raw(&[0xc2, 0, 0, 0, 0x80]);
    payload.key(0, "lzf").byte(0xc3).length(4).length(4).raw(&[0, b'a', 0x20, 0]);
    for (key, text) in
        [("plain", "text"), ("int8", "-1"), ("int16", "-32768"), ("int32", "-2147483648"), ("lzf", "aaaa")]
    {
        keys.push((key, Content::string(text)));
    }
}

fn lists_and_sets(payload: &mut Payload, keys: &mut Keys) {
    payload.key(1, "list").length(3).strings(&["a", "b", "a"]);
    payload.key(10, "list ziplist").string(ziplist(&["a", "b", "a"]));
    payload.key(14, "quicklist").length(2).string(ziplist(&["a", "b"])).string(ziplist(&["a"]));
    payload.key(18, "quicklist 2").length(3);
    payload.length(2).string(listpack(&["a"])).length(1).string("b").length(2).string(listpack(&["a"]));
    for key in ["list", "list ziplist", "quicklist", "quicklist 2"] {
        keys.push((key, Content::list(["a", "b", "a"])));
    }
    payload.key(2, "set").length(2).strings(&["-1", "70000"]);
    payload.key(11, "intset").string(intset::encode(&[-1, 70000]));
    payload.key(20, "set listpack").string(listpack(&["70000", "-1"]));
    for key in ["set", "intset", "set listpack"] {
        keys.push((key, Content::set(["-1", "70000"])));
    }
}

fn sorted_sets(payload: &mut Payload, keys: &mut Keys) {
    payload.key(3, "zset").length(3).string("a").byte(255).string("b").byte(3).raw(b"1.5").string("c").byte(254);
    payload.key(5, "zset 2").length(3);
    for (member, score) in [("a", f64::NEG_INFINITY), ("b", 1.5), ("c", f64::INFINITY)] {
        payload.string(member).raw(&score.to_le_bytes());
    }
    payload.key(12, "zset ziplist").string(ziplist(&["a", "-inf", "b", "1.5", "c", "inf"]));
    payload.key(17, "zset listpack").string(listpack(&["a", "-inf", "b", "1.5", "c", "inf"]));
    for key in ["zset", "zset 2", "zset ziplist", "zset listpack"] {
        keys.push((key, Content::sorted_set([("a", f64::NEG_INFINITY), ("b", 1.5), ("c", f64::INFINITY)])));
    }
}

fn hashes(payload: &mut Payload, keys: &mut Keys) {
    payload.key(4, "hash").length(2).strings(&["f", "v", "g", "v"]);
    payload.key(9, "zipmap").string(b"\x02\x01f\x01\x02v__\x01g\x01\x00v\xff");
    payload.key(13, "hash ziplist").string(ziplist(&["f", "v", "g", "v"]));
    payload.key(16, "hash listpack").string(listpack(&["f", "v", "g", "v"]));
    for key in ["hash", "zipmap", "hash ziplist", "hash listpack"] {
        keys.push((key, Content::hash([("f", "v"), ("g", "v")])));
    }
}

fn expiring_hashes(payload: &mut Payload, keys: &mut Keys) {
    let at = MS as u64;
    payload.key(22, "hash metadata rc").length(2).length(at + 5).strings(&["f", "v"]).length(0).strings(&["g", "v"]);
    payload.key(23, "hash listpack rc").string(listpack(&["f", "v", "1700000000005", "g", "v", "0"]));
    payload.key(24, "hash metadata").ms(MS).length(2).length(6).strings(&["f", "v"]).length(0).strings(&["g", "v"]);
    payload.key(25, "hash listpack ex").ms(MS + 5).string(listpack(&["f", "v", "1700000000005", "g", "v", "0"]));
    for key in ["hash metadata rc", "hash listpack rc", "hash metadata", "hash listpack ex"] {
        keys.push((key, Content::expiring_hash([("f", "v", Some(MS + 5)), ("g", "v", None)])));
    }
}

fn streams(payload: &mut Payload, keys: &mut Keys) {
    for (key, kind, version) in [("stream", 15, 1), ("stream 2", 19, 2), ("stream 3", 21, 3)] {
        payload.key(kind, key);
        stream_head(payload);
        if version >= 2 {
            stream_meta(payload);
        }
        stream_groups(payload, version);
        keys.push((key, stream(version)));
    }
}
