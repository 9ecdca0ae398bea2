//! Scripts that have no end, want everything, or call what they can with what they should not.

use std::time::{Duration, Instant};

use super::attacker::{Attacker, Dice};
use super::support::client::{Client, encode};
use super::support::eventually;
use super::support::server::Launch;
use super::witness::Witness;

const THRESHOLD: Duration = Duration::from_millis(50);
/// Beyond the threshold until others hear of it, and from SCRIPT KILL to the end. A tenth of it where nothing else runs.
const PATIENCE: Duration = Duration::from_secs(2);

const ENDLESS: &[&str] = &[
    "while true do end",
    "while true do pcall(function() while true do end end) end",
    "local function f() pcall(f) return f() end f()",
    "while true do coroutine.wrap(function() while true do end end)() end",
    "while true do pcall(coroutine.wrap(function() while true do pcall(coroutine.wrap(function() while true do end end)) \
     end end)) end",
    "local t = {} for i = 1, 100 do t[i] = i end table.sort(t, function(a, b) while true do end end)",
    "string.gsub('aaa', 'a', function() while true do end end)",
    "xpcall(function() while true do end end, function() while true do end end)",
    "local s = 'x' while true do s = s .. 'x' end",
    "while true do pcall(function() local s = 'x' while true do s = s .. s end end) end",
    "while true do redis.pcall('get', 'key:1') end",
    "while true do redis.pcall('nosuch') end",
    "local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) while true do pcall(function() return \
     t[1] end) end",
];

/// Waits until the other client is answered BUSY, and says how long that took.
fn await_busy(client: &mut Client) -> Duration {
    let began = Instant::now();
    while began.elapsed() < 2 * PATIENCE {
        let reply = client.request(&["PING"]).expect("an answer").to_string();
        if reply.starts_with("BUSY ") {
            return began.elapsed();
        }
    }
    panic!("nobody is told that the server is busy");
}

#[test]
fn endless_scripts_are_heard_of_and_killed() {
    for threads in ["1", "3"] {
        let threshold_ms = THRESHOLD.as_millis().to_string();
        let launch = Launch::tandem().with("busy-reply-threshold", &threshold_ms).with("io-threads", threads);
        let server = launch.start();
        let mut witness = Witness::of(&server);
        for code in ENDLESS {
            let mut attacker = Attacker::of(&server);
            attacker.throw(&encode(&["EVAL", code, "0"]));
            let busy_after = await_busy(&mut witness.client);
            assert!(busy_after < THRESHOLD + PATIENCE, "BUSY after {busy_after:?}: {code}");
            let newcomer = server.client().request(&["GET", "key:1"]).expect("an answer").to_string();
            assert!(newcomer.starts_with("BUSY "), "{newcomer}");
            let killed_at = Instant::now();
            assert_eq!(witness.client.call("SCRIPT KILL").to_string(), "OK");
            let answer = attacker.line();
            assert!(killed_at.elapsed() < PATIENCE, "ended after {:?}: {code}", killed_at.elapsed());
            assert!(answer.starts_with("-ERR Script killed by user with SCRIPT KILL"), "{answer}");
            witness.check(code);
        }
        witness.client.call("SCRIPT FLUSH");
        witness.check_end(&server, "endless scripts");
    }
}

#[test]
fn who_runs_an_endless_script_may_leave_and_the_server_may_end() {
    let mut server = Launch::tandem().with("busy-reply-threshold", "50").start();
    let mut witness = Witness::of(&server);
    let mut attacker = Attacker::of(&server);
    attacker.throw(&encode(&["EVAL", "while true do end", "0"]));
    await_busy(&mut witness.client);
    drop(attacker);
    witness.client.call("SCRIPT KILL");
    let is_over = |client: &mut Client| client.request(&["PING"]).is_ok_and(|reply| !reply.is_error());
    eventually(PATIENCE, "the script has ended", || is_over(&mut witness.client));
    witness.check("a script whose client has left");
    let mut attacker = Attacker::of(&server);
    attacker.throw(&encode(&["EVAL", "redis.call('set', 'a', 1) while true do end", "0"]));
    await_busy(&mut witness.client);
    let refused = witness.client.request(&["SCRIPT", "KILL"]).expect("an answer").to_string();
    assert!(refused.starts_with("UNKILLABLE "), "{refused}");
    witness.client.send(b"SHUTDOWN NOSAVE\r\n").expect("a connection");
    assert_eq!(server.await_end(), (Some(0), None));
}

/// Everything that a script can call, by name.
const FUNCTIONS: &[&str] = &[
    "cjson.encode",
    "cjson.decode",
    "cjson.encode_sparse_array",
    "cjson.encode_max_depth",
    "cjson.decode_max_depth",
    "cjson.encode_number_precision",
    "cjson.encode_keep_buffer",
    "cjson.encode_invalid_numbers",
    "cjson.decode_invalid_numbers",
    "cjson.new",
    "cmsgpack.pack",
    "cmsgpack.unpack",
    "cmsgpack.unpack_one",
    "cmsgpack.unpack_limit",
    "struct.pack",
    "struct.unpack",
    "struct.size",
    "bit.tohex",
    "bit.tobit",
    "bit.band",
    "bit.lshift",
    "bit.rol",
    "bit.bswap",
    "redis.call",
    "redis.pcall",
    "redis.sha1hex",
    "redis.error_reply",
    "redis.status_reply",
    "redis.setresp",
    "redis.set_repl",
    "redis.acl_check_cmd",
    "redis.log",
    "string.rep",
    "string.format",
    "string.find",
    "string.gsub",
    "string.gmatch",
    "string.match",
    "string.sub",
    "string.byte",
    "string.char",
    "string.dump",
    "string.reverse",
    "table.concat",
    "table.insert",
    "table.remove",
    "table.sort",
    "table.maxn",
    "table.foreach",
    "unpack",
    "select",
    "next",
    "pairs",
    "ipairs",
    "rawset",
    "rawget",
    "rawequal",
    "setmetatable",
    "getmetatable",
    "tostring",
    "tonumber",
    "pcall",
    "xpcall",
    "error",
    "assert",
    "loadstring",
    "collectgarbage",
    "gcinfo",
    "coroutine.create",
    "coroutine.resume",
    "coroutine.wrap",
    "coroutine.yield",
    "coroutine.status",
    "coroutine.running",
    "math.random",
    "math.randomseed",
    "math.floor",
    "math.fmod",
];

const VALUES: &[&str] = &[
    "nil",
    "true",
    "false",
    "0",
    "-1",
    "1.5",
    "2147483647",
    "-2147483648",
    "9007199254740993",
    "1e308",
    "1/0",
    "0/0",
    "''",
    "'a'",
    "'%s%d%q'",
    "'[%a]-(.)%1'",
    "'\\0\\255'",
    "string.rep('x', 1000)",
    "'>I4bhs!8'",
    "'c0i32c2147483647'",
    "'{\"a\":[1,2,{\"b\":null}]}'",
    "string.rep('[', 2000)",
    "string.rep('\\145', 2000)",
    "'\\221\\255\\255\\255\\255'",
    "'stop'",
    "'count'",
    "{}",
    "{1, 2, 3}",
    "{a = 1}",
    "{[1e9] = 1}",
    "{[-1] = {}}",
    "loop",
    "deep",
    "strange",
    "redis",
    "_G",
    "string",
    "function() return 1 end",
    "function(...) return ... end",
    "function() error({}) end",
    "error",
    "coroutine.create(function() coroutine.yield(1) end)",
    "cjson.null",
    "print_nothing",
    "'get'",
    "'key:1'",
    "ARGV[1]",
];

const PRELUDE: &str = "local loop = {} loop[1] = loop loop.x = loop local deep = {} for i = 1, 500 do deep = {deep} end \
                       local strange = setmetatable({}, {__index = function(t, k) return k end, __newindex = \
                       function() error('no') end, __call = function() return 1 end, __tostring = function() return {} \
                       end, __lt = function() return true end, __concat = function() return 'c' end}) \
                       local print_nothing = function() end local kept = {} ";

/// Calls with anything, one in another, in coroutines, and with garbage collected in between.
fn program(dice: &mut Dice) -> String {
    let mut code = PRELUDE.to_owned();
    for _ in 0..1 + dice.below(8) {
        let function = dice.pick(FUNCTIONS);
        let arguments: Vec<&str> = (0..dice.below(4)).map(|_| *dice.pick(VALUES)).collect();
        let arguments = arguments.join(", ");
        let separator = if arguments.is_empty() { "" } else { ", " };
        code.push_str(&match dice.below(5) {
            0 => format!("kept[#kept + 1] = select(2, pcall({function}{separator}{arguments})) "),
            1 => format!("pcall(coroutine.wrap(function() return {function}({arguments}) end)) "),
            2 => format!("pcall({function}, kept[#kept]{separator}{arguments}) collectgarbage() "),
            3 => format!("pcall(string.gsub, 'abc', '.', function() return {function}({arguments}) end) "),
            _ => format!("pcall(table.sort, {{3, 1, 2}}, function() return {function}({arguments}) end) "),
        });
    }
    code + *dice.pick(&["return kept", "return #kept", "return cjson.encode(kept)", "error(kept)", "return loop"])
}

#[test]
fn scripts_of_any_kind_are_answered() {
    let server = Launch::tandem().with("busy-reply-threshold", "0").start();
    let mut witness = Witness::of(&server);
    let mut dice = Dice(0x5eed);
    for round in 0..1_500 {
        let mut attacker = Attacker::of(&server);
        let (code, argument) = (program(&mut dice), dice.bytes(20));
        let request = [b"EVAL_RO".as_slice(), code.as_bytes(), b"0", &argument];
        attacker.throw(&encode(&request));
        assert!("+-:$*".contains(&attacker.hear(1)), "{code}");
        if round % 100 == 0 {
            witness.check(&code);
        }
    }
    witness.client.call("SCRIPT FLUSH");
    witness.check_end(&server, "scripts of any kind");
}
