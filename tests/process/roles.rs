//! FAILOVER beside the real Redis, in every combination: no write is lost, nobody needs a full resync, and who waited for
//! the change of roles is answered.

use super::support::eventually;
use super::support::server::{Launch, Server};
use super::{await_equal, with_backlog};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn we_hand_over_to_a_tandem_replica() {
    hand_over(Launch::tandem(), Launch::tandem());
}

#[test]
fn we_hand_over_to_a_redis_replica() {
    hand_over(Launch::tandem(), Launch::redis());
}

#[test]
fn we_take_over_from_a_redis_master() {
    hand_over(Launch::redis(), Launch::tandem());
}

fn hand_over(old: Launch, new: Launch) {
    let (old, new, other) = (with_backlog(old).start(), with_backlog(new).start(), Launch::tandem().start());
    new.replicate_from(old.port);
    other.replicate_from(old.port);
    let mut client = old.client();
    for number in 0..500 {
        client.call(&format!("SET key{number} {number}"));
    }
    let target = format!("FAILOVER TO 127.0.0.1 {} TIMEOUT 20000", new.port);
    assert_eq!(client.call(&target).to_string(), "OK");
    await_state(&old, "no-failover");
    let waiting = client.refusal("SET late value");
    assert!(waiting.starts_with("READONLY"), "{waiting}");

    other.client().call(&format!("REPLICAOF 127.0.0.1 {}", new.port));
    old.await_link();
    other.await_link();
    new.client().call("SET after value");
    await_equal(&[&new, &old, &other]);
    assert_eq!(new.client().call("DBSIZE").to_string(), "501");
    assert_eq!(new.client().count("sync_full"), 0, "all go on from where they were");
}

#[test]
fn a_failover_that_cannot_be_leaves_all_as_it_was() {
    let (master, replica) = (with_backlog(Launch::tandem()).start(), Launch::tandem().start());
    let mut client = master.client();
    assert!(client.refusal("FAILOVER").starts_with("ERR FAILOVER requires connected replicas"));
    replica.replicate_from(master.port);
    replica.signal(libc::SIGSTOP);
    client.call("SET key value");
    assert_eq!(client.call("FAILOVER TIMEOUT 300").to_string(), "OK");
    assert_eq!(client.info("master_failover_state").as_deref(), Some("waiting-for-sync"));
    let mut writer = master.client();
    assert_eq!(writer.call("SET held value").to_string(), "OK", "it waits until the failover is given up");
    assert_eq!(client.info("master_failover_state").as_deref(), Some("no-failover"));
    replica.signal(libc::SIGCONT);
    await_equal(&[&master, &replica]);
    assert!(master.log().contains("FAILOVER to any replica aborted: Replica never caught up before timeout"));
}

/// Another history than that of the replica asks in vain.
#[test]
fn only_our_master_may_ask_us_to_take_over() {
    let (master, replica) = (Launch::tandem().start(), Launch::tandem().start());
    let request = "PSYNC 0123456789012345678901234567890123456789 1 FAILOVER";
    let refused = master.client().refusal(request);
    assert_eq!(refused, "ERR PSYNC FAILOVER can't be sent to a master.");
    replica.replicate_from(master.port);
    let refused = replica.client().refusal(request);
    assert_eq!(refused, "ERR PSYNC FAILOVER replid must match my replid.");
}

fn await_state(server: &Server, state: &str) {
    let mut client = server.client();
    eventually(LIMIT, "the failover ends", || client.info("master_failover_state").as_deref() == Some(state));
}
