//! Restarts and changes of role, each without a full resync: who was a replica resumes from its file, a master's replicas
//! resume after its clean restart, and a promoted replica serves its former master.

use super::support::eventually;
use super::support::server::{Launch, Server};
use super::traffic::Traffic;
use super::{await_equal, with_backlog};
use std::thread::sleep;
use std::time::Duration;

#[test]
fn we_resume_from_our_file_as_a_replica_of_redis() {
    restart_replica(Launch::redis(), Launch::tandem());
}

#[test]
fn a_redis_replica_resumes_with_us_after_its_restart() {
    restart_replica(Launch::tandem(), Launch::redis());
}

#[test]
fn a_redis_replica_resumes_after_our_clean_restart() {
    let mut master = durable(Launch::tandem()).start();
    let replica = Launch::redis().start();
    replica.replicate_from(master.port);
    write_for(&master, Duration::from_millis(500));
    await_equal(&[&master, &replica]);

    master.restart();
    let mut client = master.client();
    eventually(Duration::from_secs(30), "the replica is back", || client.count("connected_slaves") == 1);
    assert_eq!(client.count("sync_full"), 0);
    write_for(&master, Duration::from_millis(500));
    await_equal(&[&master, &replica]);
}

/// What README.md tells an operator to do.
#[test]
fn we_take_over_from_a_running_redis() {
    let (old, new) = (with_backlog(Launch::redis()).start(), with_backlog(Launch::tandem()).start());
    write_for(&old, Duration::from_millis(500));
    new.replicate_from(old.port);
    let mut client = old.client();
    client.call("CLIENT PAUSE 10000 WRITE");
    await_equal(&[&old, &new]);
    new.client().call("REPLICAOF NO ONE");
    client.call(&format!("REPLICAOF 127.0.0.1 {}", new.port));
    client.call("CLIENT UNPAUSE");

    old.await_link();
    write_for(&new, Duration::from_millis(500));
    await_equal(&[&new, &old]);
    assert_eq!(new.client().count("sync_full"), 0, "Redis continues from where it was");
}

#[test]
fn a_paused_replica_stands_still_and_catches_up() {
    let (master, replica) = (with_backlog(Launch::tandem()).start(), Launch::tandem().start());
    replica.replicate_from(master.port);
    await_equal(&[&master, &replica]);
    let (mut writer, mut reader) = (master.client(), replica.client());
    reader.call("CLIENT PAUSE 60000 WRITE");
    let stood = reader.count("slave_repl_offset");
    writer.call("SET k v");
    let offset = writer.count("master_repl_offset");
    eventually(Duration::from_secs(10), "it has read on", || reader.count("slave_read_repl_offset") >= offset);
    assert_eq!(reader.count("slave_repl_offset"), stood);
    assert_eq!(reader.call("EXISTS k").to_string(), "0");
    reader.call("CLIENT UNPAUSE");
    await_equal(&[&master, &replica]);
    assert_eq!(reader.call("EXISTS k").to_string(), "1");
}

fn restart_replica(master: Launch, replica: Launch) {
    let master = with_backlog(master).start();
    let mut replica = durable(replica).start();
    replica.replicate_from(master.port);
    replica.client().call("CONFIG REWRITE");

    let traffic = Traffic::on(&master, 4);
    sleep(Duration::from_millis(500));
    replica.restart();
    replica.await_link();
    traffic.stop();

    await_equal(&[&master, &replica]);
    let mut client = master.client();
    assert_eq!(client.count("sync_full"), 1, "only the first attachment");
    assert_eq!(client.count("sync_partial_ok"), 1);
}

/// With a save point, a server writes its file as it ends.
fn durable(launch: Launch) -> Launch {
    with_backlog(launch).with("save", "900 1")
}

fn write_for(server: &Server, duration: Duration) {
    let traffic = Traffic::on(server, 5);
    sleep(duration);
    traffic.stop();
}
