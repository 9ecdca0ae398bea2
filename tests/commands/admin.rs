//! INFO, CONFIG, DEBUG, MEMORY, TIME, saving and the end.

use tandem::command::ShutdownOptions;
use tandem::config::{Config, REDIS_VERSION};
use tandem::engine::{Action, SaveError, SavePurpose};

use crate::harness::{Harness, START_MS};

fn debug_allowed() -> Harness {
    let mut config = Config::default();
    config.overwrite("enable-debug-command", b"yes").unwrap();
    Harness::with_config(config)
}

/// The value of a field of INFO.
fn field(h: &mut Harness, section: &str, name: &str) -> Option<String> {
    let info = h.send(&format!("INFO {section}"));
    let text = String::from_utf8(info.bytes().to_vec()).unwrap();
    text.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.to_owned()))
}

#[test]
fn info_has_the_sections_that_are_asked_for() {
    let mut h = Harness::new();
    let titles = |h: &mut Harness, line: &str| {
        let info = h.send(line);
        let text = String::from_utf8(info.bytes().to_vec()).unwrap();
        text.lines().filter_map(|line| line.strip_prefix("# ").map(str::to_owned)).collect::<Vec<_>>().join(" ")
    };
    let default = "Server Clients Memory Persistence Stats Replication CPU Modules Errorstats Cluster Keyspace";
    assert_eq!(titles(&mut h, "INFO"), default);
    assert_eq!(titles(&mut h, "INFO default"), default);
    let everything = "Server Clients Memory Persistence Stats Replication CPU Modules Commandstats Errorstats \
                      Latencystats Cluster Keyspace";
    assert_eq!(titles(&mut h, "info EVERYTHING"), everything);
    assert_eq!(titles(&mut h, "INFO all"), everything.replace(" Modules", ""));
    assert_eq!(titles(&mut h, "INFO keyspace server"), "Server Keyspace");
    assert_eq!(titles(&mut h, "INFO nothing"), "");
}

#[test]
fn info_tells_the_truth() {
    let mut h = Harness::new();
    h.check("SET a 1", "+OK");
    h.check("SET b 1 PX 5000", "+OK");
    h.check("GET missing", "nil");
    let mut expect = |section: &str, name: &str, value: &str| {
        assert_eq!(field(&mut h, section, name).as_deref(), Some(value), "{name}");
    };
    expect("server", "redis_version", REDIS_VERSION);
    expect("server", "server_name", "tandem");
    expect("server", "tandem_version", env!("CARGO_PKG_VERSION"));
    expect("clients", "connected_clients", "1");
    expect("stats", "keyspace_misses", "1");
    expect("persistence", "rdb_changes_since_last_save", "2");
    expect("keyspace", "db0", "keys=2,expires=1,avg_ttl=5000,subexpiry=0");
    expect("replication", "role", "master");
    expect("replication", "connected_slaves", "0");
    expect("replication", "master_replid2", "0000000000000000000000000000000000000000");
    expect("replication", "second_repl_offset", "-1");
    expect("replication", "repl_backlog_active", "1");
    expect("replication", "repl_backlog_first_byte_offset", "1");
    assert_eq!(field(&mut h, "replication", "master_port"), None);
    let used: u64 = field(&mut h, "memory", "used_memory").unwrap().parse().unwrap();
    let peak: u64 = field(&mut h, "memory", "used_memory_peak").unwrap().parse().unwrap();
    assert!(used > 0 && peak >= used);
    assert!(field(&mut h, "memory", "mem_allocator").unwrap().starts_with("jemalloc-5."));
}

#[test]
fn config_gets_sets_and_refuses_as_redis_does() {
    let mut h = Harness::new();
    h.check("CONFIG GET maxmemory-policy nothing", "[\"maxmemory-policy\", \"noeviction\"]");
    h.check("CONFIG SET maxmemory 100mb hz 20", "+OK");
    h.check("CONFIG GET maxmemory", "[\"maxmemory\", \"104857600\"]");
    h.check("CONFIG SET maxmemory", "-ERR wrong number of arguments for 'config|set' command");
    h.check("CONFIG SET maxmemory 1 hz", "-ERR syntax error");
    h.check("CONFIG SET nothing 1", "-ERR Unknown option or number of arguments for CONFIG SET - 'nothing'");
    h.check(
        "CONFIG SET port 1 daemonize yes",
        "-ERR CONFIG SET failed (possibly related to argument 'daemonize') - can't set immutable config",
    );
    h.check("CONFIG REWRITE", "-ERR The server is running without a config file");
    assert!(h.stats().commands_processed > 0);
    h.check("CONFIG RESETSTAT", "+OK");
    assert_eq!(h.stats().commands_processed, 0);
}

#[test]
fn debug_is_refused_unless_allowed_and_knows_what_it_has() {
    let mut h = Harness::new();
    assert!(h.send("DEBUG DIGEST").to_string().starts_with("-ERR DEBUG command not allowed."));
    let mut h = debug_allowed();
    let unknown =
        |name: &str| format!("-ERR unknown subcommand or wrong number of arguments for '{name}'. Try DEBUG HELP.");
    h.check("DEBUG NOSUCH", &unknown("NOSUCH"));
    h.check("DEBUG sleep", &unknown("sleep"));
    h.check("DEBUG POPULATE 1 a 1 1", &unknown("POPULATE"));
    h.check("DEBUG OBJECT missing", "-ERR no such key");
    h.check("DEBUG SET-ACTIVE-EXPIRE 0", "+OK");
    assert!(h.engine.server.active_expire_off);
    h.check("DEBUG HOLDS", "nil");
    h.check("DEBUG HOLDS on", "+OK");
    assert!(h.send("DEBUG HOLDS").to_string().starts_with("[\"holds\", :0, "));
}

#[test]
fn debug_answers_for_what_is_not_here_as_a_server_without_it() {
    let mut h = debug_allowed();
    h.check("SET k v", "+OK");
    h.check("DEBUG LISTPACK k", "-ERR Not a listpack encoded object.");
    h.check("DEBUG QUICKLIST k 1", "-ERR Not a quicklist encoded object.");
    h.check("DEBUG QUICKLIST missing", "-ERR no such key");
    h.check("DEBUG HTSTATS-KEY k", "-ERR The value stored at the specified key is not represented using an hash table");
    h.check(
        "DEBUG HTSTATS 0",
        "\"[Dictionary HT]\\n number of elements: 1\\n[Expires HT]\\nNo stats available for empty dictionaries\\n\"",
    );
    h.check("DEBUG HTSTATS 16", "-ERR Out of range database");
    h.check("DEBUG HTSTATS x", "-ERR value is not an integer or out of range");
    h.check("DEBUG CLIENT-EVICTION", "-ERR maxmemory-clients is disabled.");
    h.check("DEBUG CLUSTERLINK KILL to x", "-ERR Debug option only available for cluster mode enabled setup!");
    h.check("DEBUG REPLYBUFFER RESIZING 0", "+OK");
    h.check("DEBUG REPLYBUFFER PEAK-RESET-TIME never", "+OK");
    h.check("DEBUG REPLYBUFFER PEAK-RESET-TIME x", "-ERR value is not an integer or out of range");
    h.check("DEBUG STRINGMATCH-TEST", "+Apparently Redis did not crash: test passed");
}

#[test]
fn debug_puts_things_into_replies_the_log_and_the_stream() {
    let mut h = debug_allowed();
    h.check("DEBUG ERROR \"MY words\\r\\nhere\"", "-MY words  here");
    h.engine.take_actions();
    h.check("DEBUG LOG hello", "+OK");
    let logged = h
        .engine
        .take_actions()
        .into_iter()
        .any(|action| matches!(action, Action::Log(_, line) if line == "DEBUG LOG: hello"));
    assert!(logged);
    let before = h.engine.node.offset();
    assert_eq!(h.execute(&[b"DEBUG", b"REPLICATE", b"SET", b"k", b"v"]), b"+OK\r\n");
    assert_eq!(h.stream_since(before), "SET k v");
    assert_eq!(h.execute(&[b"GET", b"k"]), b"$-1\r\n");
}

#[test]
fn with_its_cron_paused_a_server_expires_nothing_by_itself() {
    let mut h = debug_allowed();
    h.check("SET k v PX 10", "+OK");
    h.check("DEBUG PAUSE-CRON 1", "+OK");
    h.advance_ms(20);
    h.tick();
    h.check("DBSIZE", ":1");
    h.check("DEBUG PAUSE-CRON 0", "+OK");
    h.tick();
    h.check("DBSIZE", ":0");
}

#[test]
fn debug_protocol_answers_each_kind() {
    let mut h = debug_allowed();
    h.check("DEBUG PROTOCOL map", "[:0, :0, :1, :1, :2, :0]");
    h.check("DEBUG PROTOCOL bignum", "\"1234567999999999999999999999999999999\"");
    h.check("DEBUG PROTOCOL push", "-ERR RESP2 is not supported by this command");
    h.check("DEBUG PROTOCOL attrib", "\"Some real reply following the attribute\"");
    assert!(h.send("DEBUG PROTOCOL x").to_string().starts_with("-ERR Wrong protocol type name."));
    h.send("HELLO 3");
    assert_eq!(h.execute(&[b"DEBUG", b"PROTOCOL", b"true"]), b"#t\r\n");
    assert_eq!(h.execute(&[b"DEBUG", b"PROTOCOL", b"double"]), b",3.141\r\n");
    assert_eq!(h.execute(&[b"DEBUG", b"PROTOCOL", b"verbatim"]), b"=29\r\ntxt:This is a verbatim\nstring\r\n");
    assert_eq!(
        h.execute(&[b"DEBUG", b"PROTOCOL", b"attrib"]),
        b"|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n$39\r\nSome real reply following the attribute\r\n"
    );
}

/// Digests that redis-server 7.0.15 answers for the same data.
#[test]
fn the_digest_is_that_of_redis() {
    let mut h = debug_allowed();
    h.check("DEBUG DIGEST", "+0000000000000000000000000000000000000000");
    h.check("MSET a 1 b hello c \"\"", "+OK");
    h.check("DEBUG DIGEST", "+d6b85edd4d22b9bca5cab919a5832ac66b01db76");
    h.check("PEXPIREAT a 4000000000000", ":1");
    h.check("SELECT 9", "+OK");
    h.check("DEBUG POPULATE 100 k 200000", "+OK");
    h.check("DEBUG DIGEST", "+02fb80a06a4dafe46e557053cab5665ae56501f7");
    h.check("SELECT 0", "+OK");
    h.check("DEBUG DIGEST-VALUE a b missing", "[+5279988c5d1911f474bcbbf2f0a87012d40f8459, +36b23a1456b2dce2c3ed252c456761301dba8060, +0000000000000000000000000000000000000000]");
}

#[test]
fn populated_keys_are_nobody_elses_and_no_change() {
    let mut h = debug_allowed();
    h.check("SET key:1 mine", "+OK");
    h.check_stream("DEBUG POPULATE 3", "+OK", "");
    h.check("MGET key:0 key:1 key:2 key:3", "[\"value:0\", \"mine\", \"value:2\", nil]");
    assert_eq!(h.dirty(), 1);
    h.check("DEBUG POPULATE 1 p 3", "+OK");
    h.check("GET p:0", "\"val\"");
    h.check("DEBUG POPULATE 1 q 9", "+OK");
    h.check("GET q:0", "\"value:0\\x00\\x00\"");
    h.check("DEBUG POPULATE -1", "-ERR value is out of range, must be positive");
}

#[test]
fn debug_object_shows_how_a_value_is_stored() {
    let mut h = debug_allowed();
    h.check("MSET small 12 large 20000 text hello long aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "+OK");
    for (key, expected) in [
        ("small", "refcount:2147483647 encoding:int serializedlength:2"),
        ("large", "refcount:1 encoding:int serializedlength:3"),
        ("text", "refcount:1 encoding:embstr serializedlength:6"),
        ("long", "refcount:1 encoding:raw serializedlength:"),
    ] {
        let line = h.send(&format!("DEBUG OBJECT {key}")).to_string();
        assert!(line.starts_with("+Value at:0x") && line.contains(expected), "{line}");
    }
    let address = |h: &mut Harness| h.send("DEBUG OBJECT large").to_string().split(' ').nth(1).unwrap().to_owned();
    let before = address(&mut h);
    h.check("INCR large", ":20001");
    assert_eq!(address(&mut h), before);
}

#[test]
fn reload_goes_through_the_file_unless_told_not_to() {
    let mut h = debug_allowed();
    assert!(h.execute(&[b"DEBUG", b"RELOAD"]).is_empty());
    let actions = h.engine.take_actions();
    assert!(actions.iter().any(|a| matches!(a, Action::Save { purpose: SavePurpose::Reload(_), .. })));
    let mut h = debug_allowed();
    assert!(h.execute(&[b"DEBUG", b"RELOAD", b"NOSAVE"]).is_empty());
    assert!(h.engine.take_actions().iter().any(|a| matches!(a, Action::Load { .. })));
    let mut h = debug_allowed();
    h.check("DEBUG RELOAD x", "-ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
}

/// Else a restart would bring back what is gone.
#[test]
fn flushall_is_answered_once_the_file_is_as_empty() {
    for result in [Ok(()), Err(SaveError::Failed("disk full".to_owned()))] {
        let mut h = Harness::new();
        h.check("SET k v", "+OK");
        h.engine.take_actions();
        assert!(h.execute(&[b"FLUSHALL"]).is_empty());
        let actions = h.engine.take_actions();
        let save = actions.into_iter().find_map(|action| match action {
            Action::Save { snapshot, purpose, .. } => Some((snapshot, purpose)),
            _ => None,
        });
        let (snapshot, purpose) = save.expect("the file is to be written");
        assert_eq!(snapshot.db_size(0).0, 0);
        let now = h.now();
        h.engine.saved(now, purpose, result.clone());
        assert_eq!(h.execute_raw(b""), b"+OK\r\n");
        assert_eq!(h.dirty() == 0, result.is_ok());
    }
    let mut h = Harness::new();
    h.check("MULTI", "+OK");
    h.check("FLUSHALL", "+QUEUED");
    h.check("EXEC", "[+OK]");
}

#[test]
fn memory_usage_is_one_figure_and_time_is_the_clock() {
    let mut h = Harness::new();
    h.check("MEMORY USAGE missing", "nil");
    h.request(&[b"SET", b"k", &[b'a'; 33_000]]);
    let usage: u64 = h.send("MEMORY USAGE k SAMPLES 0").to_string().trim_start_matches(':').parse().unwrap();
    assert!((33_000..42_000).contains(&usage));
    h.check("MEMORY USAGE k SAMPLES -1", "-ERR syntax error");
    h.check("MEMORY USAGE k SAMPLES", "-ERR syntax error");
    h.check("TIME", &format!("[\"{}\", \"0\"]", START_MS / 1000));
}

#[test]
fn saves_are_started_once_and_counted() {
    let mut h = Harness::new();
    h.check("LASTSAVE", &format!(":{}", START_MS / 1000));
    h.check("BGSAVE x", "-ERR syntax error");
    h.check("BGSAVE SCHEDULE", "+Background saving started");
    h.check("BGSAVE", "-ERR Background save already in progress");
    h.check("BGSAVE CANCEL", "+Background saving cancelled");
    h.check("BGSAVE CANCEL", "-ERR Background saving is currently not in progress or scheduled");
    h.check("BGSAVE", "+Background saving started");
    h.check("SAVE", "-ERR Background save already in progress");
    assert_eq!(field(&mut h, "persistence", "rdb_bgsave_in_progress").as_deref(), Some("1"));
}

#[test]
fn shutdown_takes_options_that_agree() {
    let mut h = Harness::new();
    for line in ["SHUTDOWN SAVE NOSAVE", "SHUTDOWN ABORT NOW", "SHUTDOWN x"] {
        h.check(line, "-ERR syntax error");
    }
    h.check("SHUTDOWN ABORT", "-ERR No shutdown in progress.");
    assert!(h.execute(&[b"SHUTDOWN", b"NOSAVE", b"NOW"]).is_empty());
    assert!(h.engine.take_actions().iter().any(|action| matches!(action, Action::Exit { code: 0 })));
    assert_eq!(ShutdownOptions::default().save, None);
}

#[test]
fn containers_describe_themselves_from_their_rows() {
    let mut h = debug_allowed();
    for container in ["CLIENT", "COMMAND", "CONFIG", "MEMORY", "MODULE", "DEBUG"] {
        let help = h.send(&format!("{container} HELP")).to_string();
        assert!(help.starts_with(&format!("[+{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")));
        assert!(help.contains("+HELP"));
    }
}
