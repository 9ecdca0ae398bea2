//! The tutorial that everybody has read: two configuration files, two daemons, redis-cli.

use super::daemon::{Folder, LIMIT, await_pong, await_replication, cli, free_port, is_alive};
use super::support::eventually;

const READ_ONLY: &str = "READONLY You can't write against a read only replica.";

#[test]
fn two_daemons_follow_the_classic_tutorial() {
    let folder = Folder::new();
    let (master, replica) = (free_port(), free_port());
    write_config(&folder, master, "");
    write_config(&folder, replica, &format!("slaveof 127.0.0.1 {master}\n"));
    for port in [master, replica] {
        let status = folder.tandem().arg(format!("{port}.conf")).status().expect("the program starts");
        assert_eq!(status.code(), Some(0), "the parent leaves its daemon alone");
    }
    let pids = [master, replica].map(|port| {
        await_pong(port);
        folder.pid(&format!("{port}.pid")).expect("a pid file")
    });

    await_replication(master, "connected_slaves:1");
    await_replication(replica, "master_link_status:up");
    let info = cli(master, "info replication");
    assert!(info.starts_with("# Replication\nrole:master\nconnected_slaves:1\nslave0:ip=127.0.0.1,port="), "{info}");
    assert!(info.contains(&format!("slave0:ip=127.0.0.1,port={replica},state=online,offset=")), "{info}");
    let info = cli(replica, "info replication");
    let expected =
        format!("# Replication\nrole:slave\nmaster_host:127.0.0.1\nmaster_port:{master}\nmaster_link_status:up\n");
    assert!(info.starts_with(&expected), "{info}");
    assert!(info.contains("\nslave_read_only:1\n"), "{info}");

    assert_eq!(cli(master, "set greeting hello"), "OK");
    eventually(LIMIT, "the write arrives", || cli(replica, "get greeting") == "hello");
    assert_eq!(cli(replica, "set greeting other"), READ_ONLY);

    assert_eq!(cli(replica, "slaveof no one"), "OK");
    assert_eq!(cli(replica, "set greeting other"), "OK");
    assert!(cli(replica, "info replication").starts_with("# Replication\nrole:master\n"));
    assert_eq!(cli(replica, &format!("slaveof 127.0.0.1 {master}")), "OK");
    await_replication(replica, "master_link_status:up");
    assert_eq!(cli(replica, "get greeting"), "hello");
    assert_eq!(cli(replica, &format!("slaveof 127.0.0.1 {master}")), "OK Already connected to specified master");

    for (port, pid) in [(replica, pids[1]), (master, pids[0])] {
        assert_eq!(cli(port, "shutdown"), "");
        eventually(LIMIT, "the daemon ends", || !is_alive(pid));
        let log = folder.read(&format!("{port}.log"));
        assert!(log.contains("Ready to accept connections") && log.contains("bye bye..."), "{log}");
        assert!(!folder.path(&format!("{port}.pid")).exists(), "the pid file goes with its process");
        assert!(folder.path(&format!("dump-{port}.rdb")).exists(), "the data are saved");
    }
}

fn write_config(folder: &Folder, port: u16, more: &str) {
    let text = format!(
        "daemonize yes\npidfile {}\nport {port}\nlogfile \"{port}.log\"\ndbfilename dump-{port}.rdb\n\
         slave-read-only yes\n{more}",
        folder.path(&format!("{port}.pid")).display()
    );
    folder.write(&format!("{port}.conf"), &text);
}
