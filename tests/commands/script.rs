//! Scripts and functions: what they answer, what enters the stream, what they may do.

use tandem::config::Config;

use crate::harness::Harness;

#[test]
fn scripts_are_called_by_text_and_by_sha() {
    let mut h = Harness::new();
    h.check("EVAL 'return {KEYS[1],ARGV[1],#KEYS}' 2 a b c", "[\"a\", \"c\", :2]");
    h.check("SCRIPT LOAD 'return 1'", "\"e0e1f9fabfc9d4800c877a703b823ac0578ff8db\"");
    h.check("EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0", ":1");
    h.check("EVALSHA E0E1F9FABFC9D4800C877A703B823AC0578FF8DB 0", ":1");
    h.check("SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db x", "[:1, :0]");
    h.check("SCRIPT SHOW e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "\"return 1\"");
    h.check("SCRIPT FLUSH", "+OK");
    h.check("EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0", "-NOSCRIPT No matching script. Please use EVAL.");
    h.check("SCRIPT SHOW e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "-NOSCRIPT No matching script. Please use EVAL.");
    h.check("EVAL 'return 1' x", "-ERR value is not an integer or out of range");
    h.check("EVAL 'return 1' 1", "-ERR Number of keys can't be greater than number of args");
    h.check("EVAL 'return 1' -1", "-ERR Number of keys can't be negative");
    h.check("SCRIPT KILL", "-NOTBUSY No scripts in execution right now.");
    h.check("SCRIPT DEBUG no", "+OK");
    h.check("SCRIPT DEBUG x", "-ERR Use SCRIPT DEBUG YES/SYNC/NO");
}

#[test]
fn effects_are_one_unit() {
    let mut h = Harness::new();
    h.check_stream("EVAL 'return redis.call(\"get\", KEYS[1])' 1 k", "nil", "");
    h.check_stream("EVAL 'return redis.call(\"set\", KEYS[1], \"v\")' 1 k", "+OK", "set k v");
    h.check_stream(
        "EVAL 'redis.call(\"set\", \"k\", 1) redis.call(\"incr\", \"k\") return redis.call(\"get\", \"k\")' 0",
        "\"2\"",
        "MULTI; set k 1; incr k; EXEC",
    );
    h.check_stream("EVAL 'redis.call(\"select\", 3) redis.call(\"set\", \"k\", 1)' 0", "nil", "SELECT 3; set k 1");
    h.check("GET k", "\"2\"");
    h.check_stream("SET z 1", "+OK", "SELECT 0; SET z 1");
    h.check("MULTI", "+OK");
    h.check("SET a 1", "+QUEUED");
    h.check("EVAL 'redis.call(\"incr\", \"a\") return redis.call(\"incr\", \"a\")' 0", "+QUEUED");
    h.check_stream("EXEC", "[+OK, :3]", "MULTI; SET a 1; incr a; incr a; EXEC");
    h.check_stream(
        "EVAL 'redis.call(\"incr\", \"a\") error(\"x\")' 0",
        "-ERR user_script:1: x script: eaf754e7b9285a21fda8e08e854772b58fc33488, on @user_script:1.",
        "incr a",
    );
}

#[test]
fn time_stands_still_and_chance_is_settled() {
    let mut h = Harness::new();
    h.check("SADD s a b c", ":3");
    let reply = h.send("EVAL 'return redis.call(\"spop\", \"s\")' 0").to_string();
    let member = reply.trim_matches('"').to_owned();
    h.check(&format!("SISMEMBER s {member}"), ":0");
    h.check("SET k v PX 100", "+OK");
    h.advance_ms(200);
    h.check_stream("EVAL 'redis.call(\"get\", \"k\") return redis.call(\"exists\", \"k\")' 0", ":0", "DEL k");
    h.check_stream("EVAL 'redis.call(\"set\", \"k\", \"v\", \"ex\", 1)' 0", "nil", "SET k v PXAT 1700000001200");
}

#[test]
fn what_is_not_allowed_is_refused_and_counted() {
    let mut h = Harness::new();
    for name in ["subscribe x", "multi", "watch k", "eval x 0", "client id", "config get x", "script flush", "debug x"]
    {
        let words: Vec<String> = name.split(' ').map(|word| format!("\"{word}\"")).collect();
        let reply = h.send(&format!("EVAL 'return redis.pcall({})' 0", words.join(","))).to_string();
        assert_eq!(reply, "-ERR This Redis command is not allowed from script", "{name}");
    }
    h.check("EVAL 'return redis.pcall(\"get\")' 0", "-ERR Wrong number of args calling Redis command from script");
    h.check("EVAL 'return redis.pcall(\"nosuch\")' 0", "-ERR Unknown Redis command called from script");
    h.check("EVAL 'return redis.pcall(\"config\", \"nosuch\")' 0", "-ERR Unknown Redis command called from script");
    let readers = "-ERR Write commands are not allowed from read-only scripts.";
    h.check("EVAL_RO 'return redis.pcall(\"set\", \"k\", 1)' 0", readers);
    h.check("EVAL_RO 'return redis.pcall(\"publish\", \"k\", 1)' 0", readers);
    h.check("EVAL \"#!lua flags=no-writes\\nreturn redis.pcall('set', 'k', 1)\" 0", readers);
    h.check("EVAL_RO \"#!lua\\nreturn 1\" 0", "-ERR Can not execute a script with write flag using *_ro command.");
    h.check("EVAL 'return redis.call(\"blpop\", \"nolist\", 0)' 0", "-ERR This Redis command is not allowed from script script: 59546b5853065764101ea2729478b5dc0a3d52f5, on @user_script:1.");
    let stats = String::from_utf8_lossy(h.send("INFO commandstats").bytes()).into_owned();
    assert!(stats.contains("cmdstat_get:calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0"), "{stats}");
}

#[test]
fn errors_of_commands_count_once() {
    let mut h = Harness::new();
    h.check("SET k x", "+OK");
    let reply = h.send("EVAL 'return redis.call(\"incr\", \"k\")' 0").to_string();
    assert!(reply.starts_with("-ERR value is not an integer or out of range script: "), "{reply}");
    let info = |h: &mut Harness| String::from_utf8_lossy(h.send("INFO everything").bytes()).into_owned();
    let text = info(&mut h);
    assert!(text.contains("errorstat_ERR:count=1\r\n"), "{text}");
    assert!(text.contains("cmdstat_incr:calls=1,") && text.contains("rejected_calls=0,failed_calls=1"), "{text}");
    let eval = text.lines().find(|line| line.starts_with("cmdstat_eval:")).expect("a line").to_owned();
    assert!(eval.ends_with("failed_calls=1"), "{eval}");
    h.check("EVAL 'return redis.error_reply(\"MY own\")' 0", "-MY own");
    let text = info(&mut h);
    assert!(text.contains("errorstat_MY:count=1\r\n"), "{text}");
    let eval = text.lines().find(|line| line.starts_with("cmdstat_eval:")).expect("a line").to_owned();
    assert!(eval.ends_with("failed_calls=2"), "{eval}");
}

#[test]
fn memory_above_its_limit_stops_who_did_not_say_otherwise() {
    let mut h = Harness::new();
    h.check("SET k v", "+OK");
    h.check("EVAL 'return 1' 0", ":1");
    h.check("CONFIG SET maxmemory 1", "+OK");
    let refused = h.send("EVAL 'return redis.call(\"set\", \"k\", 1)' 0").to_string();
    assert!(refused.starts_with("-OOM command not allowed when used memory > 'maxmemory'. script: "), "{refused}");
    h.check("EVAL 'return redis.call(\"get\", \"k\")' 0", "\"v\"");
    let refused = h.send("EVAL \"#!lua\\nreturn 1\" 0").to_string();
    assert!(refused.starts_with("-OOM "), "{refused}");
    h.check("EVAL \"#!lua flags=allow-oom\\nreturn redis.call('set', 'k', 1)\" 0", "+OK");
    h.check("EVAL \"#!lua flags=no-writes\\nreturn redis.call('get', 'k')\" 0", "\"1\"");
}

#[test]
fn resp3_is_the_scripts_own_affair() {
    let mut h = Harness::new();
    h.check("HSET h f v", ":1");
    h.check("EVAL 'redis.setresp(3) return redis.call(\"hgetall\", \"h\").map.f' 0", "\"v\"");
    h.check("EVAL 'return redis.call(\"hgetall\", \"h\")' 0", "[\"f\", \"v\"]");
    h.check("EVAL 'redis.setresp(3) return {true, false}' 0", "[:1, :0]");
    h.check(
        "EVAL 'redis.setresp(4)' 0",
        "-ERR RESP version must be 2 or 3. script: 68e72e4d8a428b9f599dce492315f2455a425a82, on @user_script:1.",
    );
}

#[test]
fn set_repl_decides_what_replicas_see() {
    let mut h = Harness::new();
    let before = h.engine.node.offset();
    let code = "redis.set_repl(redis.REPL_ALL) redis.call('set', 'a', 1) redis.set_repl(redis.REPL_NONE) \
                redis.call('set', 'b', 1) redis.set_repl(redis.REPL_AOF) redis.call('set', 'c', 1)";
    h.execute(&[b"EVAL", code.as_bytes(), b"0"]);
    assert_eq!(h.stream_since(before), "set a 1");
}

const LIBRARY: &str = "#!lua name=lib\\nredis.register_function('get', function(keys, args) \
                       return redis.call('get', keys[1]) end) redis.register_function{function_name='put', \
                       description='d', callback=function(keys, args) return redis.call('set', keys[1], args[1]) end} \
                       redis.register_function{function_name='look', flags={'no-writes'}, callback=function(keys) \
                       return redis.call('get', keys[1]) end}";

#[test]
fn functions_are_loaded_called_and_listed() {
    let mut h = Harness::new();
    h.check(&format!("FUNCTION LOAD \"{LIBRARY}\""), "\"lib\"");
    h.check(&format!("FUNCTION LOAD \"{LIBRARY}\""), "-ERR Library 'lib' already exists");
    h.check(&format!("FUNCTION LOAD REPLACE \"{LIBRARY}\""), "\"lib\"");
    h.check_stream("FCALL put 1 k v", "+OK", "set k v");
    h.check("FCALL GET 1 k", "\"v\"");
    h.check("FCALL_RO look 1 k", "\"v\"");
    h.check("FCALL_RO get 1 k", "-ERR Can not execute a script with write flag using *_ro command.");
    h.check("FCALL nosuch 0", "-ERR Function not found");
    h.check("FCALL put x", "-ERR Bad number of keys provided");
    h.check(
        "FUNCTION LIST LIBRARYNAME L*",
        "[[\"library_name\", \"lib\", \"engine\", \"LUA\", \"functions\", [[\"name\", \"get\", \"description\", nil, \
         \"flags\", []], [\"name\", \"put\", \"description\", \"d\", \"flags\", []], [\"name\", \"look\", \
         \"description\", nil, \"flags\", [+no-writes]]]]]",
    );
    h.check("FUNCTION LIST LIBRARYNAME x*", "[]");
    h.check(
        "FUNCTION STATS",
        "[\"running_script\", nil, \"engines\", [\"LUA\", [\"libraries_count\", :1, \"functions_count\", :3]]]",
    );
    h.check("FLUSHDB", "+OK");
    h.check("FCALL get 1 k", "nil");
    h.check_stream("FUNCTION DELETE lib", "+OK", "FUNCTION DELETE lib");
    h.check("FUNCTION DELETE lib", "-ERR Library not found");
}

#[test]
fn payloads_of_functions_are_restored_by_their_policies() {
    let mut h = Harness::new();
    h.check(&format!("FUNCTION LOAD \"{LIBRARY}\""), "\"lib\"");
    let dump = h.send("FUNCTION DUMP");
    let payload = dump.bytes().to_vec();
    let restore = |h: &mut Harness, policy: &[u8]| h.request(&[b"FUNCTION", b"RESTORE", &payload, policy]).to_string();
    assert_eq!(restore(&mut h, b"append"), "-ERR Library lib already exists");
    assert_eq!(restore(&mut h, b"replace"), "+OK");
    assert_eq!(restore(&mut h, b"flush"), "+OK");
    h.check_stream("FUNCTION FLUSH", "+OK", "FUNCTION FLUSH");
    assert_eq!(restore(&mut h, b"append"), "+OK");
    h.check("FCALL put 1 k v", "+OK");
    let other = "#!lua name=other\\nredis.register_function('get', function() end)";
    h.check(&format!("FUNCTION LOAD \"{other}\""), "-ERR Function get already exists");
    h.check("FUNCTION FLUSH ASYNC", "+OK");
    h.check(&format!("FUNCTION LOAD \"{other}\""), "\"other\"");
    assert_eq!(restore(&mut h, b"append"), "-ERR Function get already exists");
    assert_eq!(restore(&mut h, b"replace"), "-ERR Function get already exists");
    assert_eq!(
        restore(&mut h, b"what"),
        "-ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE."
    );
    h.check("FUNCTION RESTORE xyz", "-ERR DUMP payload version or checksum are wrong");
    for at in 0..payload.len() {
        let mut broken = payload.clone();
        broken[at] ^= 1;
        let reply = h.request(&[b"FUNCTION", b"RESTORE", &broken]).to_string();
        assert_eq!(reply, "-ERR DUMP payload version or checksum are wrong", "byte {at}");
    }
}

#[test]
fn a_replica_runs_what_does_not_write() {
    let mut h = Harness::new();
    h.check("EVAL 'return 1' 0", ":1");
    h.check("SET k v", "+OK");
    h.check("REPLICAOF 127.0.0.1 1", "+OK");
    h.execute_raw(b"");
    let reply = |h: &mut Harness, code: &str| {
        String::from_utf8_lossy(&h.execute(&[b"EVAL", code.as_bytes(), b"0"])).trim_end().to_owned()
    };
    assert_eq!(reply(&mut h, "return redis.call('get', 'k')"), "$1\r\nv");
    let refused = reply(&mut h, "return redis.call('set', 'k', 1)");
    assert!(refused.starts_with("-READONLY You can't write against a read only replica. script: "), "{refused}");
    assert_eq!(reply(&mut h, "#!lua\nreturn 1"), "-READONLY You can't write against a read only replica.");
    assert_eq!(reply(&mut h, "#!lua flags=no-writes\nreturn 1"), ":1");
}

#[test]
fn monitors_see_the_script_and_then_its_commands() {
    let mut h = Harness::new();
    let mut monitor = h.connect();
    h.check_by(&mut monitor, "MONITOR", "+OK");
    h.check("EVAL 'redis.call(\"set\", \"a\", 1)' 0", "nil");
    let seen = h.received(&monitor);
    let (script, command) = (seen.find("\"EVAL\"").expect("the script"), seen.find("\"set\"").expect("its command"));
    assert!(script < command && seen.contains("[0 lua] \"set\" \"a\" \"1\""), "{seen}");
}

#[test]
fn info_and_memory_know_of_code() {
    let mut h = Harness::with_config(Config::default());
    h.check("EVAL 'return 1' 0", ":1");
    h.check(&format!("FUNCTION LOAD \"{LIBRARY}\""), "\"lib\"");
    let info = String::from_utf8_lossy(h.send("INFO memory").bytes()).into_owned();
    for line in ["number_of_cached_scripts:1", "number_of_functions:3", "number_of_libraries:1"] {
        assert!(info.contains(line), "{info}");
    }
    assert!(!info.contains("used_memory_vm_eval:0\r\n") && !info.contains("used_memory_vm_functions:0\r\n"), "{info}");
}
