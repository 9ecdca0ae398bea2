//! MIGRATE to and from the real Redis: values of every type arrive, what has arrived is gone here, and a replica learns it.

use super::await_equal;
use super::support::client::Client;
use super::support::server::Launch;

#[test]
fn keys_go_to_a_redis_and_come_back() {
    let (ours, theirs, replica) = (Launch::tandem().start(), Launch::redis().start(), Launch::tandem().start());
    replica.replicate_from(ours.port);
    let (mut here, mut there) = (ours.client(), theirs.client());
    fill(&mut here);
    let before = here.call("DEBUG DIGEST").to_string();
    let keys = "string number list hash set zset missing";
    assert_eq!(here.call(&format!("MIGRATE 127.0.0.1 {}  0 5000 KEYS {keys}", theirs.port)).to_string(), "OK");
    assert_eq!(here.call("DBSIZE").to_string(), "0");
    assert_eq!(there.call("DBSIZE").to_string(), "6");
    await_equal(&[&ours, &replica]);
    assert_eq!(here.count("migrate_cached_sockets"), 1);

    assert_eq!(there.call(&format!("MIGRATE 127.0.0.1 {}  0 5000 KEYS {keys}", ours.port)).to_string(), "OK");
    assert_eq!(here.call("DEBUG DIGEST").to_string(), before);
    await_equal(&[&ours, &replica]);
}

#[test]
fn what_was_refused_there_stays_here() {
    let (ours, theirs) = (Launch::tandem().start(), Launch::redis().start());
    let (mut here, mut there) = (ours.client(), theirs.client());
    there.call("SET b taken");
    for key in ["a", "b", "c"] {
        here.call(&format!("SET {key} value"));
    }
    let request = format!("MIGRATE 127.0.0.1 {}  0 5000 KEYS a b c", theirs.port);
    let refused = here.refusal(&request);
    assert_eq!(refused, "ERR Target instance replied with error: BUSYKEY Target key name already exists.");
    assert_eq!(here.call("EXISTS a b c").to_string(), "1");
    assert_eq!(here.call(&format!("{request} b").replace("5000", "5000 COPY REPLACE")).to_string(), "OK");
    assert_eq!(here.call("EXISTS b").to_string(), "1", "a copy stays");
    assert_eq!(there.call("GET b").to_string(), "value");
}

#[test]
fn who_is_not_there_or_asks_for_a_password_gets_nothing() {
    let (ours, theirs) = (Launch::tandem().start(), Launch::redis().with("requirepass", "secret").start());
    let mut here = ours.client();
    assert_eq!(here.call("MIGRATE 127.0.0.1 1 key 0 100").to_string(), "NOKEY");
    here.call("SET key value");
    let refused = here.refusal("MIGRATE 127.0.0.1 1 key 0 100");
    assert_eq!(refused, "IOERR error or timeout connecting to the client");
    let request = |tail: &str| format!("MIGRATE 127.0.0.1 {} key 0 5000{tail}", theirs.port);
    let refused = here.refusal(&request(""));
    assert_eq!(refused, "ERR Target instance replied with error: NOAUTH Authentication required.");
    assert!(here.refusal(&request(" AUTH wrong")).contains("WRONGPASS"));
    assert_eq!(here.call(&request(" AUTH2 default secret")).to_string(), "OK");
    assert_eq!(here.call("EXISTS key").to_string(), "0");
}

fn fill(client: &mut Client) {
    for line in [
        "SET string value PX 100000000",
        "SET number 12345",
        "RPUSH list a b c 4 5",
        "HSET hash field value other 7",
        "SADD set 1 2 3",
        "ZADD zset 1 one 2.5 more",
    ] {
        client.call(line);
    }
    // Its expiry runs on while it travels: digests could not agree.
    client.call("PERSIST string");
}
