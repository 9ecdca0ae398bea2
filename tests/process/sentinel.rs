//! Under three real Sentinels: a master dies or stands still, one of its replicas takes over, the other follows that one,
//! the old master comes back as a replica, and no write that a replica had acknowledged is lost.

use super::await_equal;
use super::support::client::{Client, Reply};
use super::support::eventually;
use super::support::server::{Launch, Server};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);
const WRITES: usize = 300;

#[test]
fn sentinels_replace_a_master_that_died() {
    let mut group = Group::start();
    let acknowledged = group.write("before");
    let old = group.master();
    group.servers[old].signal(libc::SIGKILL);
    group.servers[old].await_end();
    let new = group.await_another(old);
    group.check(new, "before", acknowledged);

    group.servers[old].start_again();
    group.await_agreement(new);
}

#[test]
fn sentinels_replace_a_master_that_stands_still() {
    let group = Group::start();
    let acknowledged = group.write("before");
    let old = group.master();
    group.servers[old].signal(libc::SIGSTOP);
    let new = group.await_another(old);
    group.check(new, "before", acknowledged);
    group.servers[old].signal(libc::SIGCONT);
    group.await_agreement(new);
}

/// What an operator does: `SENTINEL FAILOVER`, while all is well.
#[test]
fn sentinels_change_a_master_that_is_well() {
    let group = Group::start();
    let acknowledged = group.write("before");
    let old = group.master();
    group.sentinels[0].client().call("SENTINEL FAILOVER ours");
    let new = group.await_another(old);
    group.check(new, "before", acknowledged);
    group.await_agreement(new);
}

/// A master, two replicas, three Sentinels.
struct Group {
    servers: Vec<Server>,
    sentinels: Vec<Server>,
}

impl Group {
    fn start() -> Group {
        let launch = || Launch::tandem().with("repl-backlog-size", "100mb").start();
        let servers: Vec<Server> = (0..3).map(|_| launch()).collect();
        servers[1].replicate_from(servers[0].port);
        servers[2].replicate_from(servers[0].port);
        let sentinels: Vec<Server> = (0..3).map(|_| Launch::redis().argument("--sentinel").start()).collect();
        for sentinel in &sentinels {
            let mut client = sentinel.client();
            client.call(&format!("SENTINEL MONITOR ours 127.0.0.1 {} 2", servers[0].port));
            client.call("SENTINEL SET ours down-after-milliseconds 1000 failover-timeout 10000");
        }
        for sentinel in &sentinels {
            let mut client = sentinel.client();
            eventually(LIMIT, "a Sentinel knows the others and both replicas", || {
                field(&mut client, "num-slaves") == "2" && field(&mut client, "num-other-sentinels") == "2"
            });
        }
        Group { servers, sentinels }
    }

    /// Writes of which at least one replica has said that it has them; the number of the last.
    fn write(&self, prefix: &str) -> usize {
        let mut client = self.servers[self.master()].client();
        for number in 0..WRITES {
            client.call(&format!("SET {prefix}{number} {number}"));
            assert_ne!(client.call("WAIT 1 5000").to_string(), "0");
        }
        WRITES
    }

    fn check(&self, master: usize, prefix: &str, acknowledged: usize) {
        let mut client = self.servers[master].client();
        for number in 0..acknowledged {
            assert_eq!(client.call(&format!("GET {prefix}{number}")).to_string(), number.to_string());
        }
        client.call("SET after value");
    }

    /// Whom the Sentinels call the master.
    fn master(&self) -> usize {
        let reply = self.sentinels[0].client().call("SENTINEL GET-MASTER-ADDR-BY-NAME ours").to_string();
        let port = reply.lines().nth(1).expect("address and port").to_owned();
        self.servers.iter().position(|server| server.port.to_string() == port).expect("one of ours")
    }

    fn await_another(&self, old: usize) -> usize {
        eventually(LIMIT, "another master", || self.master() != old);
        let new = self.master();
        let mut client = self.servers[new].client();
        eventually(LIMIT, "it leads", || client.info("role").as_deref() == Some("master"));
        new
    }

    /// All others follow the new master, and have its data.
    fn await_agreement(&self, master: usize) {
        let port = self.servers[master].port.to_string();
        for server in self.servers.iter().filter(|server| server.port.to_string() != port) {
            eventually(LIMIT, "the Sentinels tell it whom to follow", || {
                let mut client = server.client();
                client.info("master_port").as_ref() == Some(&port)
                    && client.info("master_link_status").as_deref() == Some("up")
            });
        }
        await_equal(&self.servers.iter().collect::<Vec<_>>());
    }
}

/// A field of what a Sentinel says of the master.
fn field(client: &mut Client, name: &str) -> String {
    let Reply::Array(words) = client.call("SENTINEL MASTER ours") else { return String::new() };
    let words: Vec<String> = words.iter().map(Reply::to_string).collect();
    words.chunks(2).find(|pair| pair[0] == name).map_or(String::new(), |pair| pair[1].clone())
}
