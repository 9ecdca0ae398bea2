//! What scripts answer, and how they end, without a server.

use super::*;
use crate::resp::{OwnedArgs, Protocol};

/// Answers PING, and is patient for so many ticks.
struct Server {
    ticks: u32,
    patience: u32,
}

impl Host for Server {
    fn call(&mut self, args: Args<'_>, reply: &mut Reply) -> Result<(), String> {
        match args.at(0) {
            b"ping" => reply.simple("PONG"),
            b"echo" => reply.bulk(args.at(1)),
            b"fail" => reply.error("WRONGTYPE not this"),
            b"raw" => reply.buffer.extend_from_slice(args.at(1)),
            _ => return Err("Unknown Redis command called from script".to_owned()),
        }
        Ok(())
    }

    fn may_call(&mut self, _: Args<'_>) -> Option<bool> {
        Some(true)
    }

    fn log(&mut self, _: u8, _: &[u8]) {}

    fn set_propagation(&mut self, _: Propagation) {}

    fn note_error(&mut self, _: &str, _: bool) {}

    fn tick(&mut self) -> Tick {
        self.ticks += 1;
        if self.ticks > self.patience { Tick::Stop } else { Tick::GoOn }
    }
}

fn run_in(interpreter: &mut Interpreter, code: &str, patience: u32) -> String {
    let mut host = Server { ticks: 0, patience };
    let function = match interpreter.compile(code.as_bytes(), c"@user_script") {
        Ok(function) => function,
        Err(error) => return error.to_string(),
    };
    let words = OwnedArgs::of(&[b"eval", b"code", b"1", b"key", b"one", b"two"]);
    let mut reply = Reply::new(Protocol::Resp2);
    let run = Run { function, name: "sha", words: words.args(), first: 3, keys: 1, is_script: true };
    interpreter.run(&mut host, run, &mut reply);
    interpreter.release(function);
    String::from_utf8_lossy(&reply.buffer).replace("\r\n", " ").trim_end().to_owned()
}

fn run(code: &str) -> String {
    run_in(&mut Interpreter::new(), code, u32::MAX)
}

#[track_caller]
fn check(code: &str, expected: &str) {
    assert_eq!(run(code), expected, "{code}");
}

#[test]
fn values_become_replies() {
    check("return 3.99", ":3");
    check("return {1, 'a', false, {ok='fine'}, nil, 5}", "*4 :1 $1 a $-1 +fine");
    check("return KEYS[1] .. ARGV[2]", "$6 keytwo");
    check("return {err='MY error'}", "-MY error");
    check("return redis.error_reply('MY error')", "-MY error");
    check("return {double=1.5}", "$3 1.5");
    check("return", "$-1");
}

#[test]
fn commands_are_called() {
    check("return redis.call('ping')", "+PONG");
    check("return redis.call('ping').ok", "$4 PONG");
    check("return redis.call('echo', 1.5)", "$3 1.5");
    check("return redis.call('fail')", "-WRONGTYPE not this script: sha, on @user_script:1.");
    check("return redis.pcall('fail')", "-WRONGTYPE not this");
    check("return redis.pcall('nosuch')", "-ERR Unknown Redis command called from script");
    check("local ok, e = pcall(redis.call, 'fail') return e", "$18 WRONGTYPE not this");
    check("return redis.call('raw', '*2\\r\\n$1\\r\\na\\r\\n*-1\\r\\n')", "*2 $1 a $-1");
    check(
        "return redis.call({})",
        "-ERR Lua redis lib command arguments must be strings or integers script: sha, on @user_script:1.",
    );
}

#[test]
fn errors_tell_where_they_are() {
    check("error('x')", "-ERR user_script:1: x script: sha, on @user_script:1.");
    check(
        "\nfoo()",
        "-ERR user_script:2: Script attempted to access nonexistent global variable 'foo' script: sha, on @user_script:2.",
    );
    check("return {", "user_script:1: unexpected symbol near '<eof>'");
}

#[test]
fn globals_cannot_be_changed() {
    for code in [
        "x = 1",
        "setmetatable(_G, {})",
        "getmetatable(_G).__index = {}",
        "redis.call = 1",
        "rawset(redis, 'call', 1)",
        "rawset(_G, 'x', 1)",
        "table.insert(string, 1)",
        "getmetatable('').__index = 1",
        "cjson.encode = 1",
    ] {
        let reply = run(code);
        assert!(reply.contains("Attempt to modify a readonly table"), "{code}: {reply}");
    }
    check("local n = 0 for k, v in pairs(bit) do n = n + 1 end return n", ":12");
    check("return type(rawget(redis, 'call'))", "$8 function");
    check("return next(bit) ~= nil", ":1");
    for name in ["dofile", "loadfile", "print", "newproxy", "os", "io", "debug", "require"] {
        assert!(run(&format!("return {name}")).contains("nonexistent global"), "{name}");
    }
}

#[test]
fn compiled_code_is_not_loaded() {
    check("return loadstring(string.dump(function() return 1 end)) == nil", ":1");
    check("local n = 0 return load(function() n = n + 1 return ({'return ', '7'})[n] end)()", ":7");
    check("return loadstring('return 8')()", ":8");
}

#[test]
fn every_endless_script_ends() {
    let endless = [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "local function f() local ok = pcall(f) return f() end f()",
        "while true do coroutine.wrap(function() while true do end end)() end",
        "local co = coroutine.create(function() while true do coroutine.yield() end end) while true do coroutine.resume(co) end",
        "while true do pcall(coroutine.wrap(function() while true do pcall(coroutine.wrap(function() while true do end end)) end end)) end",
        "local t = {} for i = 1, 100 do t[i] = i end table.sort(t, function(a, b) while true do end end)",
        "string.gsub('aaa', 'a', function() while true do end end)",
        "xpcall(function() while true do end end, function() while true do end end)",
        "local s = 'x' while true do s = s .. 'x' end",
        "while true do pcall(function() local s = 'x' while true do s = s .. s end end) end",
        "local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) while true do pcall(function() return t[1] end) end",
        "while true do pcall(error, 'x') end",
        "while true do redis.pcall('ping') end",
    ];
    for code in endless {
        let mut interpreter = Interpreter::with_memory(64 << 20);
        let reply = run_in(&mut interpreter, code, 200);
        assert!(reply.contains("Script killed by user with SCRIPT KILL"), "{code}: {reply}");
        assert!(interpreter.memory_bytes() < 4 << 20, "{code}: {}", interpreter.memory_bytes());
        assert_eq!(run_in(&mut interpreter, "return 1", 1), ":1", "after {code}");
    }
}

#[test]
fn memory_and_depth_are_bounded() {
    let mut small = Interpreter::with_memory(32 << 20);
    let reply = run_in(&mut small, "local s = 'x' while true do s = s .. s end", u32::MAX);
    assert_eq!(reply, "-ERR Error running script sha, not enough memory");
    assert!(small.memory_bytes() < 4 << 20);
    for (code, expected) in [
        ("local t = {} for i = 1, 100000 do t = {t} end return cjson.encode(t)", "excessive nesting"),
        ("return cjson.decode(string.rep('[', 100000))", "too many nested"),
        ("return #cmsgpack.unpack(string.rep('\\145', 100000))", "Bad data format"),
        ("return string.find(string.rep('a', 200000), string.rep('a?', 100000))", "pattern too complex"),
        ("return unpack({}, 0, 2147483647)", "too many results to unpack"),
        ("return unpack({}, -2147483648, 2147483647)", "too many results to unpack"),
        ("local function f() return f() + 1 end return f()", "stack overflow"),
        ("return string.rep('x', 2147483647)", "resulting string too large"),
    ] {
        let reply = run(code);
        assert!(reply.contains(expected), "{code}: {reply}");
    }
    check("local t = {} t[1] = t return #cmsgpack.pack(t)", ":17");
}

#[test]
fn a_table_in_itself_is_answered_up_to_the_stacks_limit() {
    let answer = || {
        let reply = run("local t = {} t[1] = t return t");
        assert!(reply.ends_with("-ERR reached lua stack limit"), "{}", &reply[reply.len() - 100..]);
    };
    std::thread::Builder::new().stack_size(8 << 20).spawn(answer).expect("a thread").join().expect("an answer");
}

#[test]
fn libraries_register_their_functions() {
    let libraries = |source: &str| Libraries::of_sources([source.as_bytes()], true);
    let one = libraries(
        "#!lua name=one\nredis.register_function('f', function(keys, args) return 1 end)\n\
         redis.register_function{function_name='g', callback=function() end, flags={'no-writes'}, description='d'}",
    )
    .expect("a library");
    assert_eq!((one.len(), one.functions_len()), (1, 2));
    let (library, function) = one.function(b"g").expect("a function");
    assert_eq!(library.name, b"one");
    assert!(function.flags.has(ScriptFlags::NO_WRITES));
    for (source, error) in [
        ("redis", "Missing library metadata"),
        ("#!lua name=a-b\n", "Library names can only contain"),
        ("#!php name=a\n", "Engine 'php' not found"),
        ("#!lua name=a\n", "No functions registered"),
        ("#!lua name=a\nreturn {", "Error compiling function: user_function:2:"),
        ("#!lua name=a\nredis.call('x')", "nonexistent global variable 'call'"),
        ("#!lua name=a\nstring.rep('x', 1)", "nonexistent global variable 'string'"),
        ("#!lua name=a\nwhile true do end", "FUNCTION LOAD timeout"),
    ] {
        let refused = libraries(source).expect_err(source).to_string();
        assert!(refused.contains(error), "{source}: {refused}");
    }
}
