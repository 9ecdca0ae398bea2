//! RDB beside a real redis-server 7.0.15: we read what it saves, it reads what we write, value by value.

mod rdb_fixture;

use std::path::{Path, PathBuf};
use std::process::Command;

use rdb_fixture::redis::{Folder, Redis, Reply};
use rdb_fixture::{Content, Contents, Kept, read};
use tandem::keyspace::{KeyHasher, Keyspace, NewValue};
use tandem::persistence::disk::Disk;
use tandem::persistence::rdb::{
    AccessInfo, Preamble, ReplicationInfo, Stream, StreamId, Strings, WriterOptions, dump_payload, restore_payload,
    save, write_snapshot,
};
use tandem::server::disk::RealDisk;

const REPLID: &str = "0123456789abcdef0123456789abcdef01234567";
const LONG: &str = "a string longer than what compact encodings take, which is sixty-four bytes by default";

/// The folder of Redis's source, which `tests/run` unpacks.
fn redis_source() -> PathBuf {
    let path = std::env::var_os("TANDEM_REDIS_SRC").map_or_else(|| "tests/.cache/redis-7.0.15".into(), PathBuf::from);
    assert!(path.is_dir(), "{} is missing: run tests/run once, it unpacks Redis's source", path.display());
    path
}

fn saved(redis: &mut Redis, folder: &Folder) -> Contents {
    redis.run("SAVE");
    read(std::fs::File::open(folder.path().join("dump.rdb")).unwrap()).unwrap()
}

/// What redis answers about a key of the selected database.
fn asked(redis: &mut Redis, key: &[u8]) -> Content {
    match redis.ok(&[b"TYPE", key]).text().as_str() {
        "string" => Content::string(redis.ok(&[b"GET", key]).bytes()),
        "list" => Content::list(redis.ok(&[b"LRANGE", key, b"0", b"-1"]).strings()),
        "set" => Content::set(redis.ok(&[b"SMEMBERS", key]).strings()),
        "zset" => {
            let flat = redis.ok(&[&b"ZRANGE"[..], key, b"0", b"-1", b"WITHSCORES"]).strings();
            let score = |text: &[u8]| std::str::from_utf8(text).unwrap().parse().unwrap();
            Content::sorted_set(flat.chunks(2).map(|pair| (pair[0].clone(), score(&pair[1]))))
        }
        "hash" => {
            let flat = redis.ok(&[b"HGETALL", key]).strings();
            Content::hash(flat.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())))
        }
        "stream" => Content::string(asked_stream(redis, key)),
        other => panic!("{} is a {other}", key.escape_ascii()),
    }
}

fn shown(content: &Content) -> String {
    match content {
        Content::String(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => format!("{other:?}"),
    }
}

/// A stream as XRANGE and XINFO tell it, in words that `told` uses too.
fn asked_stream(redis: &mut Redis, key: &[u8]) -> String {
    let mut lines = Vec::new();
    for entry in redis.ok(&[b"XRANGE", key, b"-", b"+"]).array() {
        let [id, pairs] = entry.array() else { panic!("{entry:?}") };
        lines.push(format!("{} {:?}", id.text(), Strings::from_iter(pairs.strings())));
    }
    let info = redis.ok(&[&b"XINFO"[..], b"STREAM", key, b"FULL", b"COUNT", b"0"]);
    let text = |name| info.field(name).text();
    lines.push(format!(
        "last {} deleted {} added {}",
        text("last-generated-id"),
        text("max-deleted-entry-id"),
        text("entries-added")
    ));
    for group in info.field("groups").array() {
        let read = match group.field("entries-read") {
            Reply::Nil => None,
            count => Some(count.number() as u64),
        };
        lines.push(format!(
            "group {} {} {read:?}",
            group.field("name").text(),
            group.field("last-delivered-id").text()
        ));
        for pending in group.field("pending").array() {
            let [id, consumer, time, count] = pending.array() else { panic!("{pending:?}") };
            lines.push(format!("{} {} {} {}", id.text(), consumer.text(), time.number(), count.number()));
        }
        for consumer in group.field("consumers").array() {
            lines.push(format!("consumer {} {}", consumer.field("name").text(), consumer.field("seen-time").number()));
        }
    }
    lines.join("\n")
}

fn told(stream: &Stream) -> String {
    let id = |id: StreamId| format!("{}-{}", id.ms, id.seq);
    let mut lines = Vec::new();
    for entry in &stream.entries {
        let flat: Strings = stream.pairs(entry).flat_map(|(field, value)| [field, value]).collect();
        lines.push(format!("{} {flat:?}", id(entry.id)));
    }
    let meta = stream.meta.expect("7.0 writes it");
    lines.push(format!("last {} deleted {} added {}", id(stream.last_id), id(meta.max_deleted_id), meta.entries_added));
    for group in &stream.groups {
        let name = |bytes: &[u8]| bytes.escape_ascii().to_string();
        lines.push(format!("group {} {} {:?}", name(&group.name), id(group.last_id), group.entries_read));
        for pending in &group.pending {
            let consumer = name(&group.consumers[pending.consumer].name);
            lines.push(format!(
                "{} {consumer} {} {}",
                id(pending.id),
                pending.delivery_time_ms,
                pending.delivery_count
            ));
        }
        for consumer in &group.consumers {
            lines.push(format!("consumer {} {}", name(&consumer.name), consumer.seen_time_ms));
        }
    }
    lines.join("\n")
}

fn assert_equals(redis: &mut Redis, contents: &Contents) {
    for ((db, key), kept) in &contents.keys {
        redis.run(&format!("SELECT {db}"));
        let Kept { content, expire_at_ms, .. } = kept;
        let content = match content {
            Content::Stream(stream) => Content::string(told(stream)),
            other => other.clone(),
        };
        let expected = asked(redis, key);
        assert!(
            content == expected,
            "key {}:\n{}\ninstead of\n{}",
            key.escape_ascii(),
            shown(&content),
            shown(&expected)
        );
        assert_eq!(expire_at_ms.unwrap_or(-1), redis.ok(&[b"PEXPIRETIME", &key[..]]).number());
    }
    for db in 0..16 {
        redis.run(&format!("SELECT {db}"));
        let expected = contents.keys.keys().filter(|(of, _)| *of == db).count();
        assert_eq!(redis.run("DBSIZE").number(), expected as i64, "DB {db}");
    }
}

/// Keys of every type and encoding that 7.0 has.
fn fill(redis: &mut Redis) {
    for (key, value) in
        [("int8", "-7"), ("int16", "3000"), ("int32", "-70000"), ("int64", "9000000000"), ("text", "héllo\r\n\0")]
    {
        redis.ok(&["SET", key, value]);
    }
    redis.ok(&["SET", "compressible", &LONG.repeat(500)]);
    redis.run("PEXPIREAT text 4000000000123");
    redis.run("RPUSH list a 1 -70000 9000000000");
    (0..500).for_each(|n| drop(redis.ok(&["RPUSH", "long list", &format!("{n} {LONG}")])));
    redis.run("CONFIG SET list-max-listpack-size 3");
    redis.run("DEBUG QUICKLIST-PACKED-THRESHOLD 200B");
    (0..20).for_each(|n| drop(redis.ok(&["RPUSH", "plain nodes", &"x".repeat(n * 40)])));
    redis.run("SADD intset16 1 2 -3");
    redis.run("SADD intset32 1 70000");
    redis.run("SADD intset64 1 9000000000");
    redis.run("SADD set a b 1");
    redis.run("ZADD zset 1 a 2.5 b -inf c inf d 1e300 e 0.1 f 3 7");
    redis.ok(&["ZADD", "skiplist", "1.1", LONG, "-2", "b", "inf", "c"]);
    redis.run("HSET hash f v g 12 h -70000");
    redis.ok(&["HSET", "big hash", "f", LONG, "g", ""]);
    (0..600).for_each(|n| drop(redis.run(&format!("HSET many f{n} {n}"))));
    redis.run("SELECT 5");
    redis.run("CONFIG SET stream-node-max-entries 3");
    (1..12).for_each(|n| drop(redis.run(&format!("XADD stream {n}-{} temp {n} unit C", n % 3))));
    redis.run("XADD stream 20-1 other fields here 1");
    redis.run("XDEL stream 4-1 5-2 6-0 7-1");
    redis.run("XGROUP CREATE stream g 0");
    redis.run("XGROUP CREATE stream empty $");
    redis.run("XREADGROUP GROUP g alice COUNT 4 STREAMS stream >");
    redis.run("XREADGROUP GROUP g bob COUNT 2 STREAMS stream >");
    redis.run("XACK stream g 2-2");
    redis.run("XADD gone 1-1 a b");
    redis.run("XDEL gone 1-1");
    redis.ok(&["FUNCTION", "LOAD", "#!lua name=mylib\nredis.register_function('f', function() return 1 end)"]);
}

#[test]
fn we_read_what_redis_saves() {
    let folder = Folder::new("rdb-read");
    for compression in ["yes", "no"] {
        let mut redis = Redis::start(folder.path(), &["--rdbcompression", compression, "--dbfilename", "dump.rdb"]);
        redis.run("FLUSHALL");
        redis.run("FUNCTION FLUSH");
        fill(&mut redis);
        let contents = saved(&mut redis, &folder);
        assert!(contents.keys.len() == 20);
        assert_equals(&mut redis, &contents);
        assert_eq!(contents.functions.len(), 1);
        assert_eq!(contents.aux[&b"redis-ver"[..]], b"7.0.15");
    }
}

#[test]
fn we_read_idle_times_and_frequencies() {
    let folder = Folder::new("rdb-access");
    let mut redis = Redis::start(folder.path(), &["--maxmemory-policy", "allkeys-lru"]);
    redis.run("SET k v");
    let contents = saved(&mut redis, &folder);
    let key = (0, b"k".to_vec());
    assert!(contents.keys[&key].idle_s.is_some_and(|idle| idle < 60) && contents.keys[&key].frequency.is_none());
    redis.run("CONFIG SET maxmemory-policy allkeys-lfu");
    redis.run("SET k v");
    let contents = saved(&mut redis, &folder);
    assert!(contents.keys[&key].frequency.is_some() && contents.keys[&key].idle_s.is_none());
}

/// Strings of all encodings in several databases, with and without expiry.
fn our_keyspace() -> Keyspace {
    let mut keyspace = Keyspace::new(16, KeyHasher::new((7, 9)));
    let noise: Vec<u8> = (0..100_000u64).map(|n| (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect();
    let values: Vec<Vec<u8>> = ["", "0", "-129", "2147483647", "9000000000", "007", "short", LONG]
        .iter()
        .map(|text| text.as_bytes().to_vec())
        .chain([LONG.repeat(3000).into_bytes(), noise[..50].to_vec(), noise])
        .collect();
    for db in [0, 3, 15] {
        for (index, value) in values.iter().enumerate() {
            let name = format!("key {index} of {db}");
            let key = keyspace.hasher().key(name.as_bytes());
            let expire_at = (index % 2 == 0).then_some(4_000_000_000_000 + index as i64);
            keyspace.db_mut(db).insert(key, NewValue::String(value), expire_at, 0);
        }
    }
    keyspace
}

fn check_with_redis_check_rdb(file: &Path) {
    let output = Command::new("redis-check-rdb")
        .arg(file)
        .output()
        .expect("redis-check-rdb must be installed: apt-get install redis-tools");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("Checksum OK"), "{text}");
}

#[test]
fn redis_reads_what_we_write() {
    for access in [AccessInfo::Omit, AccessInfo::Lru { clock_s: 100 }, AccessInfo::Lfu { clock_min: 0, decay_min: 1 }] {
        let folder = Folder::new("rdb-write");
        let mut keyspace = our_keyspace();
        let preamble = Preamble {
            redis_version: "7.4.0",
            created_s: 1_700_000_000,
            used_memory_bytes: 1 << 20,
            replication: Some(ReplicationInfo { stream_db: 0, replid: REPLID, offset: 4242 }),
            is_aof_base: false,
        };
        let function = b"#!lua name=ours\nredis.register_function('g', function() return 'from us' end)";
        let options = WriterOptions { compression: true, checksum: true, access };
        let disk = RealDisk::new(folder.path());
        let keys = save(&disk, Path::new("dump.rdb"), std::process::id(), true, |sink| {
            write_snapshot(keyspace.snapshot(), &preamble, &[function], options, sink)
        });
        assert_eq!(keys.unwrap(), 33);
        assert_eq!(disk.list(Path::new("")).unwrap(), [Path::new("dump.rdb")]);
        check_with_redis_check_rdb(&folder.path().join("dump.rdb"));

        let contents = read(disk.read(Path::new("dump.rdb")).unwrap()).unwrap();
        assert_eq!(contents.keys.len(), 33);
        let mut redis = Redis::start(folder.path(), &[]);
        assert_equals(&mut redis, &contents);
        assert_eq!(redis.run("FCALL g 0").text(), "from us");
        let info = redis.run("INFO replication").text();
        assert!(
            info.contains(&format!("master_replid2:{REPLID}")) && info.contains("second_repl_offset:4243"),
            "{info}"
        );
    }
}

#[test]
fn dump_and_restore_cross_over() {
    let folder = Folder::new("rdb-dump");
    let mut redis = Redis::start(folder.path(), &[]);
    fill(&mut redis);
    let contents = saved(&mut redis, &folder);
    for ((db, key), kept) in &contents.keys {
        redis.run(&format!("SELECT {db}"));
        let payload = redis.ok(&[b"DUMP", &key[..]]).bytes();
        assert_eq!(restore_payload(&payload, Content::of).unwrap(), kept.content, "{}", key.escape_ascii());
    }
    let keyspace = our_keyspace();
    let mut compared = 0;
    keyspace.db(3).for_each(&mut |entry| {
        let payload = dump_payload(&entry.value(), true);
        redis.ok(&[b"RESTORE", entry.key(), b"0", &payload[..]]);
        let tandem::keyspace::Value::String(string) = entry.value() else { panic!("strings only") };
        assert_eq!(redis.ok(&[b"GET", entry.key()]).bytes(), *string.to_cow());
        compared += 1;
    });
    assert_eq!(compared, 11);
}

#[test]
fn files_of_old_servers() {
    let assets = redis_source().join("tests/assets");
    for name in ["encodings", "hash-ziplist", "hash-zipmap", "list-quicklist", "zset-ziplist", "corrupt_empty_keys"] {
        let file = assets.join(format!("{name}.rdb"));
        let folder = Folder::new("rdb-old");
        std::fs::copy(&file, folder.path().join("dump.rdb")).unwrap();
        let contents = read(std::fs::File::open(&file).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut redis = Redis::start(folder.path(), &[]);
        assert_equals(&mut redis, &contents);
        assert_eq!(contents.keys.is_empty(), name == "corrupt_empty_keys");
        assert_eq!(contents.empty_keys > 0, name == "corrupt_empty_keys");
    }
}

#[test]
fn a_corrupt_ziplist_is_noticed() {
    let file = redis_source().join("tests/assets/corrupt_ziplist.rdb");
    let error = read(std::fs::File::open(file).unwrap()).unwrap_err();
    assert!(error.to_string().contains("ziplist"), "{error}");
}
