//! A replica attaches to a master that holds data and is written to: one of the two is the real Redis.

use super::await_equal;
use super::support::client::Client;
use super::support::server::Launch;
use super::traffic::Traffic;
use std::thread::sleep;
use std::time::Duration;

#[test]
fn a_redis_replica_attaches_to_us_under_load() {
    attach_under_load(Launch::tandem(), Launch::redis());
}

#[test]
fn we_attach_to_a_redis_master_under_load() {
    attach_under_load(Launch::redis(), Launch::tandem());
}

#[test]
fn two_redis_replicas_attach_to_us_at_moments_of_their_own() {
    let (master, first, second) = (Launch::tandem().start(), Launch::redis().start(), Launch::redis().start());
    fill(&mut master.client());
    let traffic = Traffic::on(&master, 3);
    first.client().call(&format!("REPLICAOF 127.0.0.1 {}", master.port));
    sleep(Duration::from_millis(20));
    second.client().call(&format!("REPLICAOF 127.0.0.1 {}", master.port));
    first.await_link();
    second.await_link();
    traffic.stop();
    await_equal(&[&master, &first, &second]);
}

#[test]
fn wait_counts_a_redis_replica_that_has_acknowledged() {
    let (master, replica) = (Launch::tandem().start(), Launch::redis().start());
    replica.replicate_from(master.port);
    let mut client = master.client();
    client.call("SET key value");
    assert_eq!(client.call("WAIT 1 5000").to_string(), "1");
}

fn attach_under_load(master: Launch, replica: Launch) {
    let (master, replica) = (master.start(), replica.start());
    fill(&mut master.client());
    // What the replica held before must not survive.
    replica.client().call("SET leftover value");
    let traffic = Traffic::on(&master, 1);
    replica.replicate_from(master.port);
    sleep(Duration::from_secs(1));
    traffic.stop();
    await_equal(&[&master, &replica]);
    assert_eq!(master.client().count("sync_full"), 1);
}

/// Each form in which a string can stand in a payload, in several databases, with and without a time to live.
fn fill(client: &mut Client) {
    let values = ["", "7", "-129", "70000", "9223372036854775807", "00012", "embstr", "3.14"];
    for database in [0, 9, 15] {
        client.call(&format!("SELECT {database}"));
        for value in values {
            client.request(&["SET", &format!("plain:{value}"), value]).expect("OK");
            client.request(&["SET", &format!("volatile:{value}"), value, "EX", "5000"]).expect("OK");
        }
        client.call(&format!("SET compressible {}", "tandem".repeat(20_000)));
        let every_byte: Vec<u8> = (0..1_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        client.request(&[b"SET", &b"binary\r\n\0"[..], &every_byte]).expect("OK");
    }
    let many: Vec<String> = (0..20_000).flat_map(|n| [format!("many:{n}"), format!("value {n}")]).collect();
    client.request(&[vec!["MSET".to_owned()], many].concat()).expect("OK");
}
