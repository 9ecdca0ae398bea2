//! INFO beside that of redis-server 7.0.15: the same sections with the same fields in the same order.

use super::daemon::free_port;
use super::support::client::Client;
use super::support::server::{Launch, Server};

/// Fields of Redis 7.0.15 that have no meaning here.
const LEFT_OUT: &[(&str, &str)] = &[
    ("redis_build_id", "names a build of Redis"),
    ("atomicvar_api", "C"),
    ("gcc_version", "C"),
    ("current_cow_peak", "no child whose copied pages could be counted; mem_retired is what snapshots hold"),
    ("current_cow_size", "as above"),
    ("current_cow_size_age", "as above"),
    ("rdb_last_cow_size", "as above"),
    ("aof_last_cow_size", "as above"),
    ("module_fork_last_cow_size", "as above"),
    ("dump_payload_sanitizations", "a payload is always checked as a whole; there is no second, deeper check to count"),
    ("io_threaded_reads_processed", "no thread reads for another"),
    ("io_threaded_writes_processed", "no thread writes for another"),
    ("reply_buffer_shrinks", "replies lie in one buffer that follows their size"),
    ("reply_buffer_expands", "as above"),
    ("used_cpu_sys_main_thread", "no thread is the main one: each executes its connections' requests"),
    ("used_cpu_user_main_thread", "as above"),
];

/// Our fields that Redis 7.0.15 lacks, and who has them.
const OURS: &[(&str, &str)] = &[
    ("server_name", "Valkey"),
    ("tandem_version", "ours"),
    ("listener0", "Redis 8"),
    ("expired_subkeys", "Redis 8"),
    ("pubsub_clients", "Redis 8"),
    ("watching_clients", "Redis 8"),
    ("total_watched_keys", "Redis 8"),
    ("total_blocking_keys", "Redis 8"),
    ("total_blocking_keys_on_nokey", "Redis 8"),
    ("paused_reason", "Valkey 9"),
    ("paused_actions", "Valkey 9"),
    ("paused_timeout_milliseconds", "Valkey 9"),
    ("mem_retired", "ours: replaced or deleted, but still seen by a snapshot or not freed yet"),
    ("acl_access_denied_auth", "Redis 8"),
    ("acl_access_denied_cmd", "Redis 8"),
    ("acl_access_denied_key", "Redis 8"),
    ("acl_access_denied_channel", "Redis 8"),
    ("client_query_buffer_limit_disconnections", "Redis 8"),
    ("client_output_buffer_limit_disconnections", "Redis 8"),
];

#[test]
fn a_master_has_the_fields_of_redis() {
    let servers = start();
    let used = ["SET key value EX 100", "GET key", "WAIT 0 1"];
    for client in &mut servers.each_ref().map(Server::client) {
        used.iter().for_each(|line| drop(client.call(line)));
        client.request(&["NOSUCH"]).expect("an error that counts");
    }
    compare(&servers);
}

#[test]
fn a_replica_without_its_master_has_the_fields_of_redis() {
    let servers = start();
    let port = free_port();
    for server in &servers {
        server.client().call(&format!("REPLICAOF 127.0.0.1 {port}"));
    }
    compare(&servers);
}

/// Ours, then theirs.
fn start() -> [Server; 2] {
    [Launch::tandem().start(), Launch::redis().start()]
}

fn compare(servers: &[Server; 2]) {
    let [ours, theirs] = servers.each_ref().map(|server| names(&mut server.client()));
    let is_in = |list: &[(&str, &str)], name: &String| list.iter().any(|(listed, _)| listed == name);
    for (listed, present, absent) in [(LEFT_OUT, &theirs, &ours), (OURS, &ours, &theirs)] {
        for (name, _) in listed {
            assert!(present.iter().any(|other| other == name), "{name}: listed as there, but missing");
            assert!(!absent.iter().any(|other| other == name), "{name}: listed as missing, but there");
        }
    }
    let [ours, theirs] = [(ours, OURS), (theirs, LEFT_OUT)]
        .map(|(names, list)| names.into_iter().filter(|name| !is_in(list, name)).collect::<Vec<_>>());
    assert_eq!(ours, theirs);
}

/// Titles and names in their order; those of commands, which Redis has in none, sorted.
fn names(client: &mut Client) -> Vec<String> {
    let info = client.call("INFO everything").to_string();
    let name = |line: &str| line.split(':').next().unwrap_or_default().trim().to_owned();
    let mut names: Vec<String> = info.lines().map(name).collect();
    for prefix in ["cmdstat_", "latency_percentiles_usec_"] {
        let first = names.iter().position(|name| name.starts_with(prefix)).unwrap_or_default();
        let count = names.iter().filter(|name| name.starts_with(prefix)).count();
        names[first..first + count].sort();
    }
    names
}
