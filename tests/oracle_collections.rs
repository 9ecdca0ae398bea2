//! Lists, hashes, sets and sorted sets beside the real redis-server: random requests are answered alike, unordered where Redis
//! promises no order; the data have the same digest; payloads pass in both directions.

#[allow(dead_code)]
#[path = "commands/harness.rs"]
mod harness;
#[allow(dead_code)]
#[path = "support/oracle.rs"]
mod oracle;
#[allow(dead_code)]
#[path = "support/mod.rs"]
mod support;
#[allow(dead_code)]
#[path = "commands/value.rs"]
mod value;

use harness::Harness;
use oracle::Oracle;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use support::server::Launch;
use tandem::command::keyspace_digest;
use value::Value;

const TEMPLATES: &[&str] = &[
    "LPUSH L V",
    "LPUSH L V V V",
    "RPUSH L V",
    "RPUSH L V V V V V",
    "LPUSHX L V V",
    "RPUSHX L V",
    "LPOP L",
    "RPOP L",
    "LPOP L I",
    "RPOP L I",
    "LPOP L I I",
    "LLEN L",
    "LINDEX L I",
    "LSET L I V",
    "LRANGE L I I",
    "LRANGE L 0 -1",
    "LTRIM L I I",
    "LREM L I V",
    "LINSERT L BEFORE V V",
    "LINSERT L AFTER V V",
    "LINSERT L BESIDE V V",
    "LPOS L V",
    "LPOS L V RANK I",
    "LPOS L V COUNT I",
    "LPOS L V RANK I COUNT I MAXLEN I",
    "LMOVE L L LEFT RIGHT",
    "LMOVE L L RIGHT LEFT",
    "LMOVE L L LEFT LEFT",
    "LMOVE L L RIGHT UP",
    "RPOPLPUSH L L",
    "LMPOP 2 L L LEFT",
    "LMPOP 1 L RIGHT COUNT I",
    "LMPOP I L LEFT",
    "HSET H V V",
    "HSET H V V V V V V",
    "HSET H V V V",
    "HMSET H V V",
    "HSETNX H V V",
    "HGET H V",
    "HMGET H V V V",
    "HGETALL H",
    "HDEL H V",
    "HDEL H V V V",
    "HLEN H",
    "HEXISTS H V",
    "HKEYS H",
    "HVALS H",
    "HSTRLEN H V",
    "HINCRBY H V I",
    "HINCRBY H V V",
    "HINCRBYFLOAT H V V",
    "HRANDFIELD H 1000",
    "HRANDFIELD H 1000 WITHVALUES",
    "HRANDFIELD H 1 VALUES",
    "HSCAN H 0 COUNT 1000",
    "HSCAN H 0 COUNT 1000 MATCH 1*",
    "HSCAN H 0 COUNT 0",
    "HSCAN H x",
    "SADD S V",
    "SADD S V V V V",
    "SADD S I I I",
    "SREM S V",
    "SREM S V V V",
    "SMOVE S S V",
    "SCARD S",
    "SISMEMBER S V",
    "SMISMEMBER S V V V",
    "SMEMBERS S",
    "SPOP S 1000",
    "SPOP S -1",
    "SPOP S 0",
    "SRANDMEMBER S 1000",
    "SRANDMEMBER S x",
    "SINTER S S",
    "SINTER S S S",
    "SUNION S S S",
    "SDIFF S S",
    "SDIFF S S S",
    "SINTERSTORE S S S",
    "SUNIONSTORE S S S",
    "SDIFFSTORE S S S",
    "SINTERCARD 2 S S",
    "SINTERCARD 2 S S LIMIT I",
    "SINTERCARD I S S",
    "SSCAN S 0 COUNT 1000",
    "SSCAN S 0 COUNT 1000 MATCH *5*",
    "ZADD Z F V",
    "ZADD Z F V F V F V",
    "ZADD Z O F V",
    "ZADD Z O O F V F V",
    "ZADD Z O O O F V",
    "ZADD Z INCR F V",
    "ZADD Z XX INCR F V",
    "ZADD Z F",
    "ZINCRBY Z F V",
    "ZREM Z V",
    "ZREM Z V V V",
    "ZCARD Z",
    "ZSCORE Z V",
    "ZMSCORE Z V V V",
    "ZRANK Z V",
    "ZREVRANK Z V",
    "ZCOUNT Z B B",
    "ZRANGE Z I I",
    "ZRANGE Z 0 -1 WITHSCORES",
    "ZRANGE Z I I REV WITHSCORES",
    "ZRANGE Z B B BYSCORE",
    "ZRANGE Z B B BYSCORE REV WITHSCORES",
    "ZRANGE Z B B BYSCORE LIMIT I I WITHSCORES",
    "ZRANGE Z B B BYSCORE LIMIT I I REV",
    "ZRANGE Z X X BYLEX WITHSCORES",
    "ZRANGE Z I I LIMIT I I",
    "ZREVRANGE Z I I WITHSCORES",
    "ZRANGEBYSCORE Z B B WITHSCORES",
    "ZRANGEBYSCORE Z B B LIMIT I I",
    "ZREVRANGEBYSCORE Z B B LIMIT I I",
    "ZRANGEBYLEX E X X",
    "ZRANGEBYLEX E X X LIMIT I I",
    "ZREVRANGEBYLEX E X X LIMIT I I",
    "ZLEXCOUNT E X X",
    "ZADD E 0 V 0 V 0 V",
    "ZREMRANGEBYLEX E X X",
    "ZRANGESTORE Z Z I I",
    "ZRANGESTORE Z Z I I REV",
    "ZRANGESTORE Z Z B B BYSCORE LIMIT I I",
    "ZREMRANGEBYRANK Z I I",
    "ZREMRANGEBYSCORE Z B B",
    "ZPOPMIN Z",
    "ZPOPMAX Z",
    "ZPOPMIN Z I",
    "ZPOPMAX Z I",
    "ZMPOP 2 Z Z MIN",
    "ZMPOP 1 Z MAX COUNT I",
    "ZMPOP I Z MIN",
    "BZPOPMIN Z Z x",
    "ZUNION 2 Z Z WITHSCORES",
    "ZUNION 3 Z Z S WEIGHTS F F F WITHSCORES",
    "ZUNION 2 Z Z AGGREGATE MIN WITHSCORES",
    "ZINTER 2 Z Z AGGREGATE MAX WITHSCORES",
    "ZINTER 3 Z S Z WEIGHTS F F F WITHSCORES",
    "ZINTER I Z Z",
    "ZDIFF 2 Z Z WITHSCORES",
    "ZDIFF 3 Z S Z",
    "ZUNIONSTORE Z 2 Z Z",
    "ZUNIONSTORE Z 3 Z S Z WEIGHTS F F F AGGREGATE MAX",
    "ZINTERSTORE Z 2 Z Z WEIGHTS F F",
    "ZINTERSTORE Z 2 Z Z AGGREGATE V",
    "ZDIFFSTORE Z 2 Z Z",
    "ZINTERCARD 2 Z Z",
    "ZINTERCARD 2 Z S LIMIT I",
    "ZRANDMEMBER Z 1000",
    "ZRANDMEMBER Z 1000 WITHSCORES",
    "ZRANDMEMBER Z x",
    "ZSCAN Z 0 COUNT 1000",
    "ZSCAN Z 0 COUNT 1000 MATCH *1*",
    "GEOADD G N T V",
    "GEOADD G N T V N T V N T V",
    "GEOADD G O N T V",
    "GEOADD G O O N T V N T",
    "GEOPOS G V V",
    "GEOHASH G V V",
    "GEODIST G V V",
    "GEODIST G V V U",
    "GEOSEARCH G FROMLONLAT N T BYRADIUS R U ASC",
    "GEOSEARCH G FROMLONLAT N T BYBOX R R U DESC WITHCOORD WITHDIST WITHHASH",
    "GEOSEARCH G FROMMEMBER V BYRADIUS R U WITHDIST",
    "GEOSEARCH G FROMMEMBER V BYBOX R R U COUNT I",
    "GEOSEARCH G FROMLONLAT N T BYRADIUS R U COUNT I ANY",
    "GEOSEARCH G FROMLONLAT N T BYRADIUS R U W W W",
    "GEOSEARCH G W W W",
    "GEOSEARCHSTORE G G FROMLONLAT N T BYRADIUS R U",
    "GEOSEARCHSTORE Z G FROMLONLAT N T BYBOX R R U STOREDIST",
    "GEOSEARCHSTORE Z G FROMMEMBER V BYBOX R R U W",
    "GEORADIUS G N T R U WITHCOORD WITHDIST WITHHASH ASC",
    "GEORADIUS G N T R U W W",
    "GEORADIUS G N T R U STORE Z",
    "GEORADIUS_RO G N T R U COUNT I DESC",
    "GEORADIUS_RO G N T R U STORE Z",
    "GEORADIUSBYMEMBER G V R U STOREDIST Z COUNT I",
    "GEORADIUSBYMEMBER G V R U W W",
    "GEORADIUSBYMEMBER_RO G V R U WITHDIST DESC",
    "ZREM G V V V",
    "ZSCORE G V",
    "DEL A",
    "RENAME A A",
    "COPY A A REPLACE",
    "EXISTS A",
    "TYPE A",
    "GET A",
    "SET A V",
    "APPEND A V",
    "EXPIREAT A 4102444800",
    "PERSIST A",
    "MULTI",
    "EXEC",
    "DBSIZE",
];

/// What may come in any order.
const UNORDERED: &[&str] = &[
    "HGETALL",
    "HKEYS",
    "HVALS",
    "HRANDFIELD",
    "HSCAN",
    "SMEMBERS",
    "SPOP",
    "SRANDMEMBER",
    "SINTER",
    "SUNION",
    "SDIFF",
    "SSCAN",
    "ZRANDMEMBER",
    "ZSCAN",
    "EXEC",
];

fn text(rng: &mut SmallRng) -> String {
    const ODD: &[&str] = &["", "-0", "007", "3.25", "9223372036854775807", "-9223372036854775808", "a b\r\nc", "x"];
    match rng.random_range(0..40) {
        0..6 => ODD[rng.random_range(0..ODD.len())].to_owned(),
        6..18 => rng.random_range(-20..20).to_string(),
        18 => "long".repeat(rng.random_range(10..40)),
        19 => "huge".repeat(3_000),
        _ => format!("element:{}", rng.random_range(0..30)),
    }
}

const GEO_WORDS: &[&str] =
    &["WITHCOORD", "WITHDIST", "WITHHASH", "ASC", "DESC", "ANY", "COUNT", "5", "STOREDIST", "STORE", "FROMMEMBER", "x"];

/// Most lie together, some anywhere.
fn degrees(rng: &mut SmallRng, max: f64) -> String {
    match rng.random_range(0..10) {
        0 => ["0", "180", "-180", "85.05112878", "x", "nan"][rng.random_range(0..6)].to_owned(),
        1..4 => rng.random_range(-max..max).to_string(),
        4..7 => rng.random_range(10.0..12.0).to_string(),
        _ => rng.random_range(10.0..10.1).to_string(),
    }
}

fn score(rng: &mut SmallRng) -> String {
    const ODD: &[&str] = &[
        "inf",
        "-inf",
        "+inf",
        "0.1",
        "-0",
        "1e17",
        "1e300",
        "1e-5",
        "9007199254740993",
        "nan",
        "x",
        "",
        "0x10",
        "1e999",
        "3.5",
    ];
    match rng.random_range(0..8) {
        0 => ODD[rng.random_range(0..ODD.len())].to_owned(),
        1 => (f64::from(rng.random_range(-1000i32..1000)) / 7.0).to_string(),
        _ => rng.random_range(-12..12).to_string(),
    }
}

fn request(rng: &mut SmallRng) -> Vec<String> {
    let template = TEMPLATES[rng.random_range(0..TEMPLATES.len())];
    let mut fill = |word: &str| {
        // Now and then a key of another type.
        let kind = if rng.random_ratio(1, 60) { "A" } else { word };
        let number = rng.random_range(0..3);
        match (word, kind) {
            ("L" | "H" | "S" | "Z" | "G" | "A", "A") => {
                format!("{}{number}", ["l", "h", "s", "z", "g", "string"][rng.random_range(0..6)])
            }
            ("L", _) => format!("l{number}"),
            ("H", _) => format!("h{number}"),
            ("S", _) => format!("s{number}"),
            ("Z", _) => format!("z{number}"),
            ("E", _) => "equal".to_owned(),
            ("V", _) => text(rng),
            ("G", _) => format!("g{number}"),
            ("N", _) => degrees(rng, 182.0),
            ("T", _) => degrees(rng, 86.0),
            ("R", _) => {
                ["0", "1", "500", "12.5", "20000", "1e7", "-1", "x", "3000", "150"][rng.random_range(0..10)].into()
            }
            ("U", _) => ["m", "km", "KM", "ft", "mi", "km", "km", "yd"][rng.random_range(0..8)].into(),
            ("W", _) => GEO_WORDS[rng.random_range(0..GEO_WORDS.len())].into(),
            ("F", _) => score(rng),
            ("B", _) => format!("{}{}", ["", "", "("][number], score(rng)),
            ("X", _) => match rng.random_range(0..5) {
                0 => ["-", "+", "", "x", "-x"][rng.random_range(0..5)].to_owned(),
                _ => format!("{}{}", ["[", "("][number % 2], text(rng)),
            },
            ("O", _) => ["NX", "XX", "GT", "LT", "CH", "INCR", "gt"][rng.random_range(0..7)].to_owned(),
            ("I", _) => ["0", "1", "2", "3", "-1", "-2", "7", "100", "-100", "x"][rng.random_range(0..10)].to_owned(),
            _ => word.to_owned(),
        }
    };
    template.split(' ').map(&mut fill).collect()
}

/// The smallest lists of a reply sorted, all of it.
fn unordered(value: &Value) -> String {
    match value {
        Value::Array(items) | Value::Set(items) => {
            let mut shown: Vec<String> = items.iter().map(unordered).collect();
            shown.sort();
            shown.join(" ")
        }
        Value::Map(pairs) => {
            let mut shown: Vec<String> = pairs.iter().map(|(key, value)| format!("{key} {value}")).collect();
            shown.sort();
            shown.join(" ")
        }
        other => other.to_string(),
    }
}

fn words(request: &[String]) -> Vec<&[u8]> {
    request.iter().map(|word| word.as_bytes()).collect()
}

fn oracle() -> Oracle {
    Oracle::of(Launch::redis().with("enable-debug-command", "yes"))
}

#[test]
fn random_requests_to_collections_are_answered_as_by_redis() {
    let mut oracle = oracle();
    for seed in 0..9 {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut ours = Harness::new();
        // The same data in every form.
        if seed % 2 == 1 {
            for name in ["hash-max-listpack-entries", "set-max-intset-entries", "list-max-listpack-size"] {
                ours.send(&format!("CONFIG SET {name} 5"));
            }
        }
        // Here the form shows in replies.
        let entries = if seed % 3 == 1 { "5" } else { "128" };
        ours.send(&format!("CONFIG SET zset-max-listpack-entries {entries}"));
        oracle.send(&["CONFIG", "SET", "zset-max-listpack-entries", entries]);
        let protocol = if seed % 3 == 2 { "3" } else { "2" };
        (ours.send(&format!("HELLO {protocol}")), oracle.send(&["HELLO", protocol]));
        oracle.send(&["DISCARD"]);
        oracle.send(&["FLUSHALL"]);
        let mut past: Vec<String> = Vec::new();
        for number in 0..6_000 {
            let request = request(&mut rng);
            past.push(request.join(" "));
            let (our_reply, their_reply) = (ours.request(&words(&request)), oracle.request(&words(&request)));
            let show = if UNORDERED.contains(&request[0].as_str()) { unordered } else { Value::to_string };
            let recent = || past[past.len().saturating_sub(12)..].join("\n");
            assert_eq!(show(&our_reply), show(&their_reply), "seed {seed}, request {number}:\n{}", recent());
            if number % 500 == 499 {
                (ours.request(&[b"EXEC"]), oracle.send(&["EXEC"]));
                let digest = oracle.send(&["DEBUG", "DIGEST"]);
                let our_digest = keyspace_digest(&ours.engine.keyspace).to_string();
                assert_eq!(our_digest.as_bytes(), digest.bytes(), "seed {seed}, request {number}:\n{}", recent());
            }
        }
    }
}

/// Small ones, large ones, and what stands between.
#[test]
fn payloads_of_collections_pass_between_both() {
    let (mut ours, mut oracle) = (Harness::new(), oracle());
    let mut rng = SmallRng::seed_from_u64(5);
    for (name, verb) in [("l", "RPUSH"), ("h", "HSET"), ("s", "SADD"), ("n", "SADD"), ("z", "ZADD")] {
        for count in [1, 2, 40, 400, 3_000] {
            for key in ["k", "copy", "back"] {
                ours.send(&format!("DEL {key}"));
                oracle.send(&["DEL", key]);
            }
            for numbers in (0..count).collect::<Vec<i32>>().chunks(300) {
                let mut request = vec![verb.to_owned(), "k".to_owned()];
                for number in numbers {
                    if name == "z" {
                        let number = f64::from(rng.random_range(-1000i32..1000)) / 8.0;
                        request.push(number.to_string());
                    }
                    let prefix = if name == "n" { String::new() } else { text(&mut rng) };
                    request.push(format!("{prefix}{number}"));
                    if name == "h" {
                        request.push(text(&mut rng));
                    }
                }
                (ours.request(&words(&request)), oracle.request(&words(&request)));
            }
            let (our_payload, their_payload) = (ours.send("DUMP k"), oracle.send(&["DUMP", "k"]));
            let accepted = oracle.request(&[b"RESTORE", b"copy", b"0", our_payload.bytes()]);
            assert_eq!(accepted.to_string(), "+OK", "Redis takes our {name} of {count}");
            let accepted = ours.request(&[b"RESTORE", b"copy", b"0", their_payload.bytes()]);
            assert_eq!(accepted.to_string(), "+OK", "we take the {name} of {count} of Redis");
            let digest = oracle.send(&["DEBUG", "DIGEST"]);
            let our_digest = keyspace_digest(&ours.engine.keyspace).to_string();
            assert_eq!(our_digest.as_bytes(), digest.bytes(), "{name} of {count}");
        }
    }
}
