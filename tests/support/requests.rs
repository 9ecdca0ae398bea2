//! Random requests of every type, drawn from a seed: the same seed, the same requests.
//!
//! A template's capital letters are filled in. Nothing depends on the time: expiries are far away, streams get explicit
//! IDs. Keys are named by their type, but now and then one of another type stands in, and values of every form.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// By type: the letter of its keys, and what is done with them.
///
/// Letters: `A` any key, `V` text, `I` a small integer or what is none, `N` a wide integer, `F` a score, `D` an ID,
/// `E` an expiry, `W` a longitude, `K` a latitude, `O` a bit's offset.
#[rustfmt::skip]
pub const TYPES: &[(&str, &[&str])] = &[
    ("T", STRINGS),
    ("B", BITMAPS),
    ("P", HYPERLOGLOGS),
    ("L", LISTS),
    ("H", HASHES),
    ("S", SETS),
    ("Z", SORTED_SETS),
    ("G", POSITIONS),
    ("X", STREAMS),
    ("A", KEYS),
    ("Y", LEXICAL),
];

const STRINGS: &[&str] = &[
    "SET T V",
    "SET T V NX",
    "SET T V XX GET",
    "SET T N",
    "SET T V EXAT E",
    "SET T V KEEPTTL",
    "SETNX T V",
    "GETSET T V",
    "GETDEL T",
    "GETEX T PERSIST",
    "GETEX T EXAT E",
    "GET T",
    "STRLEN T",
    "APPEND T V",
    "SETRANGE T I V",
    "GETRANGE T I I",
    "SUBSTR T I I",
    "INCR T",
    "DECR T",
    "INCRBY T N",
    "DECRBY T N",
    "INCRBYFLOAT T F",
    "MSET T V T V",
    "MSETNX T V T V",
    "MGET T T A",
    "LCS T T",
    "LCS T T LEN",
    "LCS T T IDX MINMATCHLEN I WITHMATCHLEN",
];

const BITMAPS: &[&str] = &[
    "SETBIT B O 1",
    "SETBIT B O 0",
    "GETBIT B O",
    "BITCOUNT B",
    "BITCOUNT B I I",
    "BITCOUNT B I I BIT",
    "BITPOS B 1",
    "BITPOS B 0 I I",
    "BITPOS B 1 I I BIT",
    "BITOP AND B B B",
    "BITOP OR B B T",
    "BITOP XOR B B B",
    "BITOP NOT B B",
    "BITFIELD B SET u8 O N INCRBY i5 O I",
    "BITFIELD B OVERFLOW SAT INCRBY i16 O N GET u3 O",
    "BITFIELD B OVERFLOW FAIL INCRBY u2 O 1",
    "BITFIELD_RO B GET i64 O",
];

const HYPERLOGLOGS: &[&str] =
    &["PFADD P V", "PFADD P V V V V V", "PFADD P N N", "PFCOUNT P", "PFCOUNT P P P", "PFMERGE P P P"];

const LISTS: &[&str] = &[
    "LPUSH L V",
    "LPUSH L V V V",
    "RPUSH L V V V V V",
    "RPUSH L N N",
    "LPUSHX L V V",
    "RPUSHX L V",
    "LPOP L",
    "RPOP L",
    "LPOP L I",
    "RPOP L I",
    "LLEN L",
    "LINDEX L I",
    "LSET L I V",
    "LRANGE L I I",
    "LRANGE L 0 -1",
    "LTRIM L I -1",
    "LREM L I V",
    "LINSERT L BEFORE V V",
    "LINSERT L AFTER V V",
    "LPOS L V RANK I COUNT I MAXLEN I",
    "LPOS L V",
    "LMOVE L L LEFT RIGHT",
    "RPOPLPUSH L L",
    "LMPOP 2 L L LEFT",
    "LMPOP 1 L RIGHT COUNT I",
    "SORT L ALPHA",
    "SORT L BY nosort GET # GET T",
    "SORT L ALPHA LIMIT I I DESC STORE L",
    "SORT_RO L",
];

const HASHES: &[&str] = &[
    "HSET H V V",
    "HSET H V V V V V V",
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
    "HINCRBY H V N",
    "HINCRBYFLOAT H V F",
    "HRANDFIELD H 1000 WITHVALUES",
    "HSCAN H 0 COUNT 1000",
];

const SETS: &[&str] = &[
    "SADD S V",
    "SADD S V V V V",
    "SADD S I I I",
    "SADD S N N",
    "SREM S V V V",
    "SMOVE S S V",
    "SCARD S",
    "SISMEMBER S V",
    "SMISMEMBER S V V V",
    "SMEMBERS S",
    "SPOP S 1000",
    "SRANDMEMBER S 1000",
    "SINTER S S",
    "SUNION S S S",
    "SDIFF S S S",
    "SINTERSTORE S S S",
    "SUNIONSTORE S S S",
    "SDIFFSTORE S S S",
    "SINTERCARD 2 S S LIMIT I",
    "SSCAN S 0 COUNT 1000",
    "SORT S ALPHA",
    "SORT S LIMIT I I",
    "SORT S BY nosort STORE L",
];

/// SORT is not asked of these: Redis gives them their large form by that.
const SORTED_SETS: &[&str] = &[
    "ZADD Z F V",
    "ZADD Z F V F V F V",
    "ZADD Z N V N V",
    "ZADD Z NX F V",
    "ZADD Z XX CH F V F V",
    "ZADD Z GT F V",
    "ZADD Z LT CH F V",
    "ZADD Z INCR F V",
    "ZADD Z NX INCR F V",
    "ZINCRBY Z F V",
    "ZINCRBY Z N V",
    "ZREM Z V",
    "ZREM Z V V V",
    "ZCARD Z",
    "ZSCORE Z V",
    "ZMSCORE Z V V V",
    "ZRANK Z V",
    "ZREVRANK Z V",
    "ZCOUNT Z N N",
    "ZCOUNT Z (0.5 +inf",
    "ZRANGE Z I I",
    "ZRANGE Z 0 -1 WITHSCORES",
    "ZRANGE Z I I REV WITHSCORES",
    "ZRANGE Z N N BYSCORE LIMIT I I",
    "ZRANGE Z N N BYSCORE REV WITHSCORES",
    "ZREVRANGE Z I I",
    "ZRANGEBYSCORE Z N N WITHSCORES LIMIT I I",
    "ZREVRANGEBYSCORE Z +inf N",
    "ZRANGESTORE Z Z I I",
    "ZRANGESTORE Z Z N N BYSCORE",
    "ZPOPMIN Z",
    "ZPOPMAX Z I",
    "ZMPOP 2 Z Z MIN",
    "ZMPOP 1 Z MAX COUNT I",
    "ZREMRANGEBYRANK Z I I",
    "ZREMRANGEBYSCORE Z N N",
    "ZUNION 2 Z Z WITHSCORES",
    "ZUNION 2 Z S WEIGHTS 2 N AGGREGATE MAX WITHSCORES",
    "ZINTER 2 Z Z WITHSCORES",
    "ZINTER 2 Z S AGGREGATE MIN",
    "ZDIFF 2 Z Z WITHSCORES",
    "ZUNIONSTORE Z 2 Z Z",
    "ZINTERSTORE Z 2 Z S",
    "ZDIFFSTORE Z 2 Z Z",
    "ZINTERCARD 2 Z Z LIMIT I",
    "ZRANDMEMBER Z 1000 WITHSCORES",
    "ZSCAN Z 0 COUNT 1000",
];

/// Lexical ranges mean something only where all scores are equal, so no key of another kind comes here.
const LEXICAL: &[&str] = &[
    "ZADD Y 0 V",
    "ZADD Y 0 V 0 V 0 V",
    "ZREM Y V V",
    "ZLEXCOUNT Y - +",
    "ZLEXCOUNT Y [element:1 (element:4",
    "ZRANGE Y [element:1 + BYLEX LIMIT I I",
    "ZRANGEBYLEX Y - (element:3",
    "ZREVRANGEBYLEX Y + [element:2 LIMIT I I",
    "ZREMRANGEBYLEX Y [element:2 (element:4",
];

const POSITIONS: &[&str] = &[
    "GEOADD G W K V",
    "GEOADD G W K V W K V W K V",
    "GEOADD G NX CH W K V",
    "GEOPOS G V V",
    "GEODIST G V V km",
    "GEOHASH G V V",
    "GEOSEARCH G FROMLONLAT W K BYRADIUS 500 km ASC WITHCOORD WITHDIST WITHHASH",
    "GEOSEARCH G FROMLONLAT W K BYBOX 900 400 km DESC COUNT 3",
    "GEOSEARCH G FROMMEMBER V BYRADIUS 300000 m ASC",
    "GEOSEARCHSTORE G G FROMLONLAT W K BYRADIUS 5000 mi STOREDIST",
    "GEORADIUS G W K 800 km ASC WITHDIST COUNT 5",
    "GEORADIUSBYMEMBER G V 300 km STORE G",
    "ZREM G V V",
];

/// What says how long ago something was is not asked, nor what is trimmed about so far.
const STREAMS: &[&str] = &[
    "XADD X D f V",
    "XADD X D f V g V",
    "XADD X D f V g V",
    "XADD X NOMKSTREAM D f V",
    "XADD X MAXLEN 5 D f V",
    "XADD X MAXLEN = 3 D h V",
    "XADD X MINID D D f V",
    "XLEN X",
    "XRANGE X - +",
    "XRANGE X D D COUNT I",
    "XRANGE X (D +",
    "XREVRANGE X + - COUNT I",
    "XREVRANGE X D D",
    "XDEL X D",
    "XDEL X D D D",
    "XTRIM X MAXLEN 4",
    "XTRIM X MINID D",
    "XREAD COUNT 2 STREAMS X X D D",
    "XREAD STREAMS X $",
    "XGROUP CREATE X g D",
    "XGROUP CREATE X g $ MKSTREAM",
    "XGROUP CREATE X h 0 ENTRIESREAD 2",
    "XGROUP DESTROY X h",
    "XGROUP SETID X g D",
    "XGROUP CREATECONSUMER X g c",
    "XGROUP DELCONSUMER X g d",
    "XREADGROUP GROUP g c COUNT 2 STREAMS X >",
    "XREADGROUP GROUP g d COUNT 1 NOACK STREAMS X >",
    "XREADGROUP GROUP g d STREAMS X X > >",
    "XREADGROUP GROUP g c STREAMS X 0",
    "XREADGROUP GROUP g d COUNT 1 STREAMS X D",
    "XACK X g D",
    "XACK X g D D D",
    "XPENDING X g",
    "XCLAIM X g c 0 D",
    "XCLAIM X g d 0 D D RETRYCOUNT 5 JUSTID",
    "XCLAIM X g d 0 D FORCE LASTID D",
    "XAUTOCLAIM X g c 0 D COUNT 3",
    "XAUTOCLAIM X g d 0 0-0 JUSTID",
    "XSETID X D",
    "XINFO GROUPS X",
];

const KEYS: &[&str] = &[
    "DEL A",
    "DEL A A",
    "UNLINK A",
    "RENAME A A",
    "RENAMENX A A",
    "COPY A A",
    "COPY A A REPLACE",
    "EXISTS A A A",
    "TYPE A",
    "EXPIREAT A E",
    "EXPIREAT A E NX",
    "PEXPIREAT A E000 GT",
    "EXPIREAT A E LT",
    "EXPIRETIME A",
    "PERSIST A",
    "TOUCH A A",
    "MOVE A 1",
    "SWAPDB 0 1",
    "DBSIZE",
    "MULTI",
    "EXEC",
    "DISCARD",
    "WATCH A",
    "UNWATCH",
];

/// What may come in any order.
pub const UNORDERED: &[&str] = &[
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
];

/// A source of requests.
pub struct Requests {
    rng: SmallRng,
    /// How many keys each type has.
    keys: usize,
    ids: u64,
}

impl Requests {
    pub fn new(seed: u64, keys: usize) -> Requests {
        Requests { rng: SmallRng::seed_from_u64(seed), keys, ids: 0 }
    }

    /// The words of the next request.
    pub fn draw(&mut self) -> Vec<String> {
        let (_, templates) = TYPES[self.rng.random_range(0..TYPES.len())];
        let template = templates[self.rng.random_range(0..templates.len())];
        template.split(' ').map(|word| self.filled(word)).collect()
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.rng.random_range(0..limit)
    }

    fn filled(&mut self, word: &str) -> String {
        match word {
            "A" => self.any_key(),
            "V" => self.text(),
            "I" => self.pick(&["0", "1", "2", "3", "-1", "-2", "7", "100", "-100", "x"]),
            "O" => self.rng.random_range(0..2_000).to_string(),
            "N" => self.number(),
            "F" => self.pick(&["1", "0.5", "-3.25", "1e3", "17179869184", "3.0", "inf", "nan", "0.1"]),
            "D" => self.id(),
            "(D" => format!("({}", self.id()),
            "W" => format!("{:.4}", self.rng.random_range(-181.0..181.0)),
            "K" => format!("{:.4}", self.rng.random_range(-86.0..86.0)),
            "E" => self.pick(&["4102444800", "4102444801", "4102444799"]),
            "E000" => self.pick(&["4102444800000", "4102444800001"]),
            letter if letter.len() == 1 && TYPES.iter().any(|(key, _)| *key == letter) => {
                // Now and then a key of another type.
                if letter != "Y" && self.rng.random_ratio(1, 60) { self.any_key() } else { self.key(letter) }
            }
            _ => word.to_owned(),
        }
    }

    fn pick(&mut self, among: &[&str]) -> String {
        among[self.rng.random_range(0..among.len())].to_owned()
    }

    fn key(&mut self, letter: &str) -> String {
        format!("{}{}", letter.to_lowercase(), self.rng.random_range(0..self.keys))
    }

    fn any_key(&mut self) -> String {
        let (letter, _) = TYPES[self.rng.random_range(0..TYPES.len() - 2)];
        self.key(letter)
    }

    fn number(&mut self) -> String {
        match self.rng.random_range(0..8) {
            0 => self.pick(&["9223372036854775807", "-9223372036854775808", "9223372036854775808", "1.5", ""]),
            1..3 => self.rng.random_range(-40_000..40_000).to_string(),
            _ => self.rng.random_range(-200..200).to_string(),
        }
    }

    /// Of rising entries mostly, else of one that may be there.
    fn id(&mut self) -> String {
        if self.rng.random_ratio(1, 2) {
            self.ids += self.rng.random_range(0..3);
            return format!("{}-{}", self.ids + 1, self.rng.random_range(0..3));
        }
        format!("{}-{}", self.rng.random_range(0..self.ids + 2), self.rng.random_range(0..3))
    }

    fn text(&mut self) -> String {
        match self.rng.random_range(0..40) {
            0..4 => {
                self.pick(&["", "-0", "007", "3.25", "9223372036854775807", "a b\r\nc", "x", "-9223372036854775808"])
            }
            4..16 => self.rng.random_range(-20..20).to_string(),
            16 => "long".repeat(self.rng.random_range(10..40)),
            17 if self.rng.random_ratio(1, 8) => "huge".repeat(3_000),
            _ => format!("element:{}", self.rng.random_range(0..60)),
        }
    }
}
