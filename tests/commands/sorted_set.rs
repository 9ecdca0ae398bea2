//! Sorted sets: what is answered, what is propagated, how they are kept, who waits.

use crate::harness::Harness;

#[test]
fn members_get_scores() {
    let mut h = Harness::new();
    h.check("ZADD z 1 a 2 b 1 a", ":2");
    h.check("ZADD z 3 a", ":0");
    h.check("ZADD z CH 4 a 2 b 5 c", ":2");
    h.check("ZRANGE z 0 -1 WITHSCORES", "[\"b\", \"2\", \"a\", \"4\", \"c\", \"5\"]");
    h.check("ZADD z NX 9 a 6 d", ":1");
    h.check("ZADD z XX CH 9 x 7 d", ":1");
    h.check("ZADD z GT CH 1 d 10 e", ":1");
    h.check("ZADD z LT CH 1 d", ":1");
    h.check("ZMSCORE z a d e x", "[\"4\", \"1\", \"10\", nil]");
    h.check("ZADD z INCR 0.5 a", "\"4.5\"");
    h.check("ZADD z NX INCR 0.5 a", "nil");
    h.check("ZADD z XX INCR 0.5 x", "nil");
    h.check("ZINCRBY z -inf a", "\"-inf\"");
    h.check("ZINCRBY z inf a", "-ERR resulting score is not a number (NaN)");
    h.check("ZADD missing XX 1 a", ":0");
    h.check("EXISTS missing", ":0");
    h.check("ZADD z 1", "-ERR wrong number of arguments for 'zadd' command");
    h.check("ZADD z NX 1", "-ERR syntax error");
    h.check("ZADD z 1 a nan b", "-ERR value is not a valid float");
    h.check("ZADD z NX XX 1 a", "-ERR XX and NX options at the same time are not compatible");
    h.check("ZADD z GT LT 1 a", "-ERR GT, LT, and/or NX options at the same time are not compatible");
    h.check("ZADD z INCR 1 a 2 b", "-ERR INCR option supports a single increment-element pair");
}

#[test]
fn ranges_by_rank_score_and_member() {
    let mut h = Harness::new();
    h.send("ZADD z 1 a 2 b 3 c 4 d");
    for (line, expected) in [
        ("ZRANGE z 1 2", "[\"b\", \"c\"]"),
        ("ZRANGE z 0 1 REV", "[\"d\", \"c\"]"),
        ("ZREVRANGE z -2 -1 WITHSCORES", "[\"b\", \"2\", \"a\", \"1\"]"),
        ("ZRANGE z (1 3 BYSCORE", "[\"b\", \"c\"]"),
        ("ZRANGE z +inf (2 BYSCORE REV LIMIT 1 5", "[\"c\"]"),
        ("ZRANGEBYSCORE z -inf inf LIMIT 1 2", "[\"b\", \"c\"]"),
        ("ZRANGEBYSCORE z -inf inf LIMIT 2 -1", "[\"c\", \"d\"]"),
        ("ZRANGEBYSCORE z -inf inf LIMIT -1 2", "[]"),
        ("ZREVRANGEBYSCORE z 3 (1 WITHSCORES", "[\"c\", \"3\", \"b\", \"2\"]"),
        ("ZCOUNT z (1 3", ":2"),
        ("ZCOUNT z 3 1", ":0"),
        ("ZRANGEBYLEX z - +", "[\"a\", \"b\", \"c\", \"d\"]"),
        ("ZRANGEBYLEX z (a [c", "[\"b\", \"c\"]"),
        ("ZREVRANGEBYLEX z [c - LIMIT 1 1", "[\"b\"]"),
        ("ZLEXCOUNT z [b +", ":3"),
        ("ZRANK z c", ":2"),
        ("ZREVRANK z c", ":1"),
        ("ZRANK z c WITHSCORE", "[:2, \"3\"]"),
        ("ZREVRANK z x WITHSCORE", "nil"),
        ("ZRANK z c WITHSCORES", "-ERR syntax error"),
        (
            "ZRANGE z 0 -1 LIMIT 0 1",
            "-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
        ),
        ("ZRANGE z - + BYLEX WITHSCORES", "-ERR syntax error, WITHSCORES not supported in combination with BYLEX"),
        ("ZRANGE z x 1 BYSCORE", "-ERR min or max is not a float"),
        ("ZRANGE z x + BYLEX", "-ERR min or max not valid string range item"),
        ("ZRANGESTORE d z 1 -2", ":2"),
        ("ZRANGE d 0 -1 WITHSCORES", "[\"b\", \"2\", \"c\", \"3\"]"),
        ("ZRANGESTORE d z 9 9", ":0"),
        ("EXISTS d", ":0"),
        ("ZREMRANGEBYRANK z 0 0", ":1"),
        ("ZREMRANGEBYSCORE z (2 3", ":1"),
        ("ZREMRANGEBYLEX z [d [d", ":1"),
        ("ZRANGE z 0 -1", "[\"b\"]"),
        ("ZREM z b x", ":1"),
        ("EXISTS z", ":0"),
    ] {
        h.check(line, expected);
    }
}

#[test]
fn scores_are_answered_in_either_protocol() {
    let mut h = Harness::new();
    h.send("ZADD z 0.1 a 1e20 b -inf c");
    h.check("ZRANGE z 0 0 WITHSCORES", "[\"c\", \"-inf\"]");
    h.send("HELLO 3");
    h.check("ZRANGE z 0 -1 WITHSCORES", "[[\"c\", ,-inf], [\"a\", ,0.10000000000000001], [\"b\", ,1e+20]]");
    h.check("ZPOPMIN z", "[\"c\", ,-inf]");
    h.check("ZPOPMIN z 1", "[[\"a\", ,0.10000000000000001]]");
    h.check("ZMPOP 1 z MAX", "[\"z\", [[\"b\", ,1e+20]]]");
    h.check("ZMPOP 1 z MAX", "nil");
}

#[test]
fn sorted_sets_are_kept_as_the_limits_say() {
    let mut h = Harness::new();
    for number in 0..128 {
        h.send(&format!("ZADD z {number} {number}"));
    }
    h.check("OBJECT ENCODING z", "\"listpack\"");
    h.send("ZADD z 5 more");
    h.check("OBJECT ENCODING z", "\"skiplist\"");
    h.send("ZADD long 1 a");
    h.request(&[b"ZADD", b"long", b"2", &[b'x'; 65]]);
    h.check("OBJECT ENCODING long", "\"skiplist\"");
    h.check("ZCARD long", ":2");
    h.check("TYPE long", "+zset");
    h.check("COPY z copy", ":1");
    h.check("ZRANGE copy 5 6 WITHSCORES", "[\"5\", \"5\", \"more\", \"5\"]");
    h.check("ZINCRBY copy 1000 5", "\"1005\"");
    h.check("ZSCORE z 5", "\"5\"");
    h.check("ZREVRANK copy 5", ":0");
    h.check("ZREMRANGEBYRANK copy 0 -2", ":128");
    h.check("ZRANGE copy 0 -1 WITHSCORES", "[\"5\", \"1005\"]");
}

#[test]
fn pops_enter_the_stream_as_what_they_did() {
    let mut h = Harness::new();
    h.send("ZADD z 1 a 2 b 3 c 4 d 5 e");
    h.check_stream("ZPOPMIN z", "[\"a\", \"1\"]", "ZPOPMIN z");
    h.check_stream("ZMPOP 2 x z MAX COUNT 2", "[\"z\", [[\"e\", \"5\"], [\"d\", \"4\"]]]", "ZPOPMAX z 2");
    h.check_stream("BZPOPMIN x z 0", "[\"z\", \"b\", \"2\"]", "ZPOPMIN z");
    h.check_stream("ZADD z GT 1 c", ":0", "");
    h.check_stream("ZINCRBY z 0 c", "\"3\"", "");
    h.check_stream("ZPOPMAX z 9", "[\"c\", \"3\"]", "ZPOPMAX z 9");
    h.check("EXISTS z", ":0");
}

#[test]
fn sets_are_combined() {
    let mut h = Harness::new();
    h.send("ZADD a 1 x 2 y");
    h.send("ZADD b 10 y 20 z");
    h.send("SADD s y w");
    h.check("ZUNION 2 a b WITHSCORES", "[\"x\", \"1\", \"y\", \"12\", \"z\", \"20\"]");
    h.check("ZINTER 3 a b s WEIGHTS 2 1 5 WITHSCORES", "[\"y\", \"19\"]");
    h.check("ZDIFF 2 a s WITHSCORES", "[\"x\", \"1\"]");
    h.check("ZINTERCARD 2 a b LIMIT 1", ":1");
    h.check_stream("ZUNIONSTORE d 2 a b AGGREGATE MAX", ":3", "ZUNIONSTORE d 2 a b AGGREGATE MAX");
    h.check("ZSCORE d y", "\"10\"");
    h.check_stream("ZINTERSTORE d 2 a missing", ":0", "ZINTERSTORE d 2 a missing");
    h.check("EXISTS d", ":0");
    h.check("ZUNION 0 a", "-ERR at least 1 input key is needed for 'zunion' command");
    h.check("ZUNION 3 a b", "-ERR syntax error");
    h.check("ZUNION 1 a WEIGHTS x", "-ERR weight value is not a float");
    h.check("ZDIFF 1 a WEIGHTS 1", "-ERR syntax error");
}

#[test]
fn chance_chooses_members() {
    let mut h = Harness::new();
    h.check("ZRANDMEMBER z", "nil");
    h.check("ZRANDMEMBER z 5", "[]");
    h.send("ZADD z 1 a");
    h.check("ZRANDMEMBER z", "\"a\"");
    h.check("ZRANDMEMBER z -2 WITHSCORES", "[\"a\", \"1\", \"a\", \"1\"]");
    for number in 0..600 {
        h.send(&format!("ZADD z {number} member:{number}"));
    }
    let drawn = h.send("ZRANDMEMBER z 50");
    let distinct: std::collections::HashSet<_> = drawn.items().iter().map(|member| member.bytes().to_vec()).collect();
    assert_eq!(distinct.len(), 50);
    let mut seen = 0;
    let mut cursor = "0".to_owned();
    loop {
        let step = h.send(&format!("ZSCAN z {cursor}"));
        seen += step.items()[1].items().len();
        cursor = String::from_utf8_lossy(step.items()[0].bytes()).into_owned();
        if cursor == "0" {
            break;
        }
    }
    assert_eq!(seen, 2 * 601);
}

#[test]
fn who_waits_for_members_is_served_in_order() {
    let mut h = Harness::new();
    let (mut first, mut second, mut third) = (h.connect(), h.connect(), h.connect());
    h.check_all_by(&mut first, "BZPOPMIN z y 0", "");
    h.check_all_by(&mut second, "BZPOPMAX z 0", "");
    h.check_all_by(&mut third, "BZMPOP 0 2 x z MIN COUNT 9", "");
    h.check_stream("ZADD z 1 a 2 b 3 c 4 d", ":4", "ZADD z 1 a 2 b 3 c 4 d; ZPOPMIN z; ZPOPMAX z; ZPOPMIN z 2");
    assert_eq!(h.received(&first), "[\"z\", \"a\", \"1\"]");
    assert_eq!(h.received(&second), "[\"z\", \"d\", \"4\"]");
    assert_eq!(h.received(&third), "[\"z\", [[\"b\", \"2\"], [\"c\", \"3\"]]]");
    h.check("EXISTS z", ":0");
}

/// Clients that wait for other types on the same key stay where they are.
#[test]
fn only_a_sorted_set_ends_the_wait_for_one() {
    let mut h = Harness::new();
    let (mut list, mut sorted) = (h.connect(), h.connect());
    h.check_all_by(&mut list, "BLPOP k 0", "");
    h.check_all_by(&mut sorted, "BZPOPMIN k 0", "");
    h.send("ZADD k 1 a");
    assert_eq!(h.received(&list), "");
    assert_eq!(h.received(&sorted), "[\"k\", \"a\", \"1\"]");
    h.check_all_by(&mut sorted, "BZPOPMIN k 0.1", "");
    h.send("RPUSH k x");
    assert_eq!(h.received(&list), "[\"k\", \"x\"]");
    h.advance_ms(100);
    h.tick();
    assert_eq!(h.received(&sorted), "nil");
}

#[test]
fn key_events_tell_what_happened() {
    let mut h = Harness::new();
    h.send("CONFIG SET notify-keyspace-events Ez$g");
    let mut listener = h.connect();
    h.send_by(&mut listener, "PSUBSCRIBE __keyevent@0__:*");
    for (line, events) in [
        ("ZADD z 1 a 2 b 3 c 4 d 5 e", &["zadd"][..]),
        ("ZADD z 1 a", &[]),
        ("ZADD z INCR 1 a", &["zincr"]),
        ("ZINCRBY z 1 a", &["zincr"]),
        ("ZREM z a x", &["zrem"]),
        ("ZRANGESTORE d z 0 0", &["zrangestore"]),
        ("ZRANGESTORE d z 9 9", &["del"]),
        ("ZUNIONSTORE d 1 z", &["zunionstore"]),
        ("ZINTERSTORE d 1 z", &["zinterstore"]),
        ("ZDIFFSTORE d 1 z", &["zdiffstore"]),
        ("ZDIFFSTORE d 2 z z", &["del"]),
        ("ZPOPMIN z", &["zpopmin"]),
        ("ZPOPMAX z", &["zpopmax"]),
        ("ZREMRANGEBYRANK z 0 0", &["zremrangebyrank"]),
        ("ZREMRANGEBYSCORE z 9 9", &[]),
        ("ZREMRANGEBYSCORE z -inf inf", &["zremrangebyscore", "del"]),
        ("GEOADD g 1 1 a", &["zadd"]),
        ("GEOSEARCHSTORE d g FROMMEMBER a BYRADIUS 1 km", &["geosearchstore"]),
        ("GEORADIUS g 1 1 1 km STORE d", &["georadiusstore"]),
        ("GEORADIUS g 9 1 1 km STORE d", &["del"]),
    ] {
        h.send(line);
        let received = h.received(&listener);
        let told: Vec<&str> =
            received.split("__keyevent@0__:").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let told: Vec<&str> = told.into_iter().filter(|event| *event != "*").collect();
        assert_eq!(told, events, "{line}: {received}");
    }
}

#[test]
fn positions_are_scores() {
    let mut h = Harness::new();
    h.check_stream(
        "GEOADD Sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania",
        ":2",
        "ZADD Sicily 3479099956230698 Palermo 3479447370796909 Catania",
    );
    h.check_stream("GEOADD Sicily CH 13.361389 38.115556 Palermo", ":0", "");
    h.check("GEOPOS Sicily Palermo x", "[[\"13.36138933897018433\", \"38.11555639549629859\"], nil]");
    h.check("GEOHASH Sicily Palermo x", "[\"sqc8b49rny0\", nil]");
    h.check("GEODIST Sicily Palermo Catania", "\"166274.1516\"");
    h.check("GEODIST Sicily Palermo Catania km", "\"166.2742\"");
    h.check("GEODIST Sicily Palermo x", "nil");
    h.check("GEODIST Sicily Palermo Catania yd", "-ERR unsupported unit provided. please use M, KM, FT, MI");
    h.check("GEORADIUS Sicily 15 37 200 km ASC", "[\"Catania\", \"Palermo\"]");
    h.check("GEORADIUS Sicily 15 37 200 km WITHDIST COUNT 1", "[[\"Catania\", \"56.4413\"]]");
    h.check("GEORADIUSBYMEMBER Sicily Palermo 10 km", "[\"Palermo\"]");
    h.check("GEOSEARCH Sicily FROMLONLAT 15 37 BYBOX 400 400 km DESC", "[\"Palermo\", \"Catania\"]");
    h.check_stream(
        "GEOSEARCHSTORE d Sicily FROMLONLAT 15 37 BYRADIUS 100 km STOREDIST",
        ":1",
        "GEOSEARCHSTORE d Sicily FROMLONLAT 15 37 BYRADIUS 100 km STOREDIST",
    );
    h.check("ZRANGE d 0 -1 WITHSCORES", "[\"Catania\", \"56.441257870158204\"]");
    h.check("GEOADD Sicily 181 0 x", "-ERR invalid longitude,latitude pair 181.000000,0.000000");
    h.check("GEOSEARCH Sicily FROMLONLAT 15 37", "-ERR wrong number of arguments for 'geosearch' command");
    h.check(
        "GEOSEARCH Sicily BYRADIUS 1 km ASC WITHDIST",
        "-ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH",
    );
}
