//! Who the client is, what it speaks, what it is told about others.

use tandem::config::Config;
use tandem::time::Millis;

use crate::harness::Harness;

fn with_password() -> Harness {
    let mut config = Config::default();
    config.overwrite("requirepass", b"secret").unwrap();
    Harness::with_config(config)
}

#[test]
fn ping_echo_and_select_answer() {
    let mut h = Harness::new();
    h.check("PING", "+PONG");
    h.check("ping hello", "\"hello\"");
    h.check("PING a b", "-ERR wrong number of arguments for 'ping' command");
    h.check("ECHO hi", "\"hi\"");
    h.check("SELECT 15", "+OK");
    h.check("SELECT 16", "-ERR DB index is out of range");
    h.check("SELECT -1", "-ERR DB index is out of range");
    h.check("SELECT x", "-ERR value is not an integer or out of range");
    h.check("SELECT 2147483648", "-ERR value is out of range, value must between -2147483648 and 2147483647");
}

#[test]
fn without_a_password_auth_says_so() {
    let mut h = Harness::new();
    h.check(
        "AUTH x",
        "-ERR AUTH <password> called without any password configured for the default user. Are you sure your \
         configuration is correct?",
    );
    h.check("AUTH default anything", "+OK");
    h.check("AUTH other anything", "-WRONGPASS invalid username-password pair or user is disabled.");
    h.check("AUTH a b c", "-ERR syntax error");
}

#[test]
fn a_password_is_asked_for_and_compared_whole() {
    let mut h = with_password();
    h.check("GET k", "-NOAUTH Authentication required.");
    for wrong in ["secre", "secrets", "Secret", "\"secret\\x00\"", "\"\""] {
        h.check(&format!("AUTH {wrong}"), "-WRONGPASS invalid username-password pair or user is disabled.");
    }
    h.check("AUTH secret", "+OK");
    h.check("GET k", "nil");
}

#[test]
fn a_password_set_or_taken_away_concerns_those_who_come_later() {
    let mut h = Harness::new();
    h.check("CONFIG SET requirepass secret", "+OK");
    h.check("PING", "+PONG");
    let mut other = h.connect();
    h.check_by(&mut other, "PING", "-NOAUTH Authentication required.");
    h.check("CONFIG SET requirepass \"\"", "+OK");
    h.check_by(&mut other, "PING", "+PONG");
}

#[test]
fn hello_names_the_zone_if_there_is_one() {
    let mut config = Config::default();
    config.overwrite("availability-zone", b"north").unwrap();
    let mut h = Harness::with_config(config);
    h.check(
        "HELLO",
        "[\"server\", \"redis\", \"version\", \"8.0.6\", \"proto\", :2, \"id\", :1, \"mode\", \"standalone\", \
         \"role\", \"master\", \"availability_zone\", \"north\", \"modules\", []]",
    );
}

/// Who is told the same seed has its keys in the same order, whatever else is drawn by lot.
#[test]
fn a_hash_seed_fixes_the_order_of_keys() {
    let scan = |seed: &str, engine_seed: u64| {
        let mut config = Config::default();
        config.overwrite("hash-seed", seed.as_bytes()).unwrap();
        let mut h = Harness::with_seed(config, engine_seed);
        (0..50).for_each(|number| h.check(&format!("SET key:{number} x"), "+OK"));
        h.send("SCAN 0 COUNT 1000").to_string()
    };
    assert_eq!(scan("ours", 1), scan("ours", 2));
    assert_ne!(scan("ours", 1), scan("theirs", 1));
}

#[test]
fn hello_introduces_the_server_and_chooses_the_protocol() {
    let mut h = Harness::new();
    h.check(
        "HELLO",
        "[\"server\", \"redis\", \"version\", \"8.0.6\", \"proto\", :2, \"id\", :1, \"mode\", \"standalone\", \
         \"role\", \"master\", \"modules\", []]",
    );
    h.check(
        "HELLO 3 SETNAME me",
        "{\"server\": \"redis\", \"version\": \"8.0.6\", \"proto\": :3, \"id\": :1, \"mode\": \"standalone\", \
         \"role\": \"master\", \"modules\": []}",
    );
    h.check("CLIENT GETNAME", "\"me\"");
    h.check("HELLO 4", "-NOPROTO unsupported protocol version");
    h.check("HELLO x", "-ERR Protocol version is not an integer or out of range");
    h.check("HELLO 3 AUTH a", "-ERR Syntax error in HELLO option 'AUTH'");
    h.check("HELLO 2 SETNAME \"a b\"", "-ERR Client names cannot contain spaces, newlines or special characters.");
}

#[test]
fn hello_may_log_in_and_must() {
    let mut h = with_password();
    h.check(
        "HELLO 3",
        "-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> \
         option can be used to authenticate the client and select the RESP protocol version at the same time",
    );
    h.check("HELLO 3 AUTH default wrong", "-WRONGPASS invalid username-password pair or user is disabled.");
    assert!(h.send("HELLO 2 AUTH default secret").to_string().starts_with("[\"server\""));
    h.check("PING", "+PONG");
}

#[test]
fn reset_makes_a_connection_new() {
    let mut h = with_password();
    h.check("AUTH secret", "+OK");
    h.check("CLIENT SETNAME me", "+OK");
    h.check("SELECT 3", "+OK");
    h.check("MULTI", "+OK");
    h.check("RESET", "+RESET");
    h.check("PING", "-NOAUTH Authentication required.");
    h.check("AUTH secret", "+OK");
    h.check("CLIENT GETNAME", "nil");
    assert!(h.send("CLIENT INFO").to_string().contains(" db=0 "));
}

#[test]
fn quit_answers_and_closes() {
    let mut h = Harness::new();
    h.check("QUIT", "+OK");
    assert!(h.execute(&[b"PING"]).is_empty());
}

#[test]
fn a_client_names_itself_and_its_library() {
    let mut h = Harness::new();
    h.check("CLIENT ID", ":1");
    h.check("CLIENT GETNAME", "nil");
    h.check("CLIENT SETNAME a-name", "+OK");
    h.check("CLIENT SETINFO lib-name tool", "+OK");
    h.check("CLIENT SETINFO LIB-VER 1.2", "+OK");
    h.check("CLIENT SETINFO lib-ver \"1 2\"", "-ERR lib-ver cannot contain spaces, newlines or special characters.");
    h.check("CLIENT SETINFO x y", "-ERR Unrecognized option 'x'");
    h.check("CLIENT NO-EVICT on", "+OK");
    h.check("CLIENT NO-TOUCH maybe", "-ERR syntax error");
    let line = h.send("CLIENT INFO").to_string();
    assert!(
        line.starts_with("\"id=1 addr=127.0.0.1:1 laddr= fd=0 name=a-name age=0 idle=0 flags=e db=0 sub=0"),
        "{line}"
    );
    assert!(line.ends_with("cmd=client|info user=default redir=-1 resp=2 lib-name=tool lib-ver=1.2\\n\""), "{line}");
    h.check("CLIENT SETNAME \"\"", "+OK");
    h.check("CLIENT GETNAME", "nil");
    h.check("CLIENT nothing", "-ERR unknown subcommand 'nothing'. Try CLIENT HELP.");
}

#[test]
fn the_list_can_be_narrowed() {
    let mut h = Harness::new();
    let _other = h.connect();
    let ids = |list: String| list.matches("id=1 ").count() + 2 * list.matches("id=2 ").count();
    assert_eq!(ids(h.send("CLIENT LIST").to_string()), 3);
    assert_eq!(ids(h.send("CLIENT LIST TYPE normal").to_string()), 3);
    assert_eq!(ids(h.send("CLIENT LIST TYPE replica").to_string()), 0);
    assert_eq!(ids(h.send("CLIENT LIST ID 2 99").to_string()), 2);
    h.check("CLIENT LIST TYPE x", "-ERR Unknown client type 'x'");
    h.check("CLIENT LIST ID x", "-ERR Invalid client ID");
    h.check("CLIENT LIST x", "-ERR syntax error");
}

#[test]
fn kill_closes_who_matches() {
    let mut h = Harness::new();
    let mut other = h.connect();
    h.check("CLIENT KILL 1.2.3.4:5", "-ERR No such client");
    h.check("CLIENT KILL ID 99", ":0");
    h.check("CLIENT KILL ID 1", ":0");
    h.check("CLIENT KILL TYPE master", ":0");
    h.check("CLIENT KILL MAXAGE 10", ":0");
    h.check("CLIENT KILL ID 0", "-ERR client-id should be greater than 0");
    h.check("CLIENT KILL MAXAGE 0", "-ERR maxage should be greater than 0");
    h.check("CLIENT KILL USER nobody", "-ERR No such user 'nobody'");
    h.check("CLIENT KILL TYPE x", "-ERR Unknown client type 'x'");
    h.check("CLIENT KILL ID 1 TYPE", "-ERR syntax error");
    h.advance_ms(10_000);
    h.check("CLIENT KILL USER default MAXAGE 10", ":1");
    std::mem::swap(&mut h.main, &mut other);
    assert!(h.execute(&[b"PING"]).is_empty());
    std::mem::swap(&mut h.main, &mut other);
    h.check("CLIENT KILL ID 1 SKIPME no", ":1");
    assert!(h.execute(&[b"PING"]).is_empty());
}

#[test]
fn replies_can_be_switched_off() {
    let mut h = Harness::new();
    assert!(h.execute(&[b"CLIENT", b"REPLY", b"SKIP"]).is_empty());
    assert!(h.execute(&[b"PING"]).is_empty());
    h.check("PING", "+PONG");
    assert!(h.execute(&[b"CLIENT", b"REPLY", b"OFF"]).is_empty());
    assert!(h.execute(&[b"PING"]).is_empty());
    h.check("CLIENT REPLY ON", "+OK");
    h.check("CLIENT REPLY x", "-ERR syntax error");
}

#[test]
fn a_pause_holds_writes_or_all_and_is_never_weakened() {
    let mut h = Harness::new();
    h.check("CLIENT PAUSE x", "-ERR timeout is not an integer or out of range");
    h.check("CLIENT PAUSE -1", "-ERR timeout is negative");
    h.check("CLIENT PAUSE 1 x", "-ERR CLIENT PAUSE mode must be WRITE or ALL");
    h.check("CLIENT PAUSE 1000 WRITE", "+OK");
    h.check("CLIENT PAUSE 500 WRITE", "+OK");
    h.check("GET k", "nil");
    let (until, all) = h.engine.server.pause.map(|pause| (pause.until, pause.all)).unwrap();
    assert_eq!((until, all), (Millis(1000), false));
    h.check("CLIENT UNPAUSE", "+OK");
    h.check("SET k v", "+OK");
    h.check("CLIENT PAUSE 1000 WRITE", "+OK");
    h.check("CLIENT PAUSE 500 ALL", "+OK");
    assert!(h.engine.server.pause.is_some_and(|pause| pause.all && pause.until == until));
    assert!(h.execute(&[b"CLIENT", b"UNPAUSE"]).is_empty(), "a pause of all holds this too");
}
