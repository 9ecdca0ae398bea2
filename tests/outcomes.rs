//! What the engine does after a handler, on a bare engine: answers stay in their place, pauses stay apart.

use tandem::config::Config;
use tandem::engine::{Action, Engine, Input, SaveError, SavePurpose};
use tandem::session::{Endpoint, Token};
use tandem::time::{Millis, Now};

struct Client {
    token: Token,
    input: Input,
}

fn now() -> Now {
    Now { mono: Millis(1_000), unix_us: 1_700_000_000_000_000 }
}

fn connect(engine: &mut Engine) -> Client {
    let endpoint = Endpoint { is_local: true, peer_addr: "127.0.0.1:1".to_owned(), ..Endpoint::default() };
    let token = engine.connect(now(), endpoint).expect("room for a client");
    Client { token, input: engine.input() }
}

/// Sends a line and answers what has come back by then.
fn ask(engine: &mut Engine, client: &mut Client, line: &str) -> String {
    client.input.buffer_mut().extend_from_slice(format!("{line}\r\n").as_bytes());
    client.input.parse();
    go_on(engine, client)
}

fn go_on(engine: &mut Engine, client: &mut Client) -> String {
    engine.execute(now(), client.token, &mut client.input, 10);
    client.input.compact();
    String::from_utf8(std::mem::take(&mut engine.sessions[client.token].outbox)).expect("text")
}

#[test]
fn config_rewrite_is_answered_in_its_place_within_exec() {
    let mut config = Config::default();
    config.file = Some("some.conf".into());
    let mut engine = Engine::new(config, 1, now());
    let mut client = connect(&mut engine);
    for (line, reply) in [("MULTI", "+OK\r\n"), ("CONFIG REWRITE", "+QUEUED\r\n"), ("PING", "+QUEUED\r\n")] {
        assert_eq!(ask(&mut engine, &mut client, line), reply);
    }
    assert_eq!(ask(&mut engine, &mut client, "EXEC"), "*2\r\n+OK\r\n+PONG\r\n");
}

#[test]
fn unpause_does_not_let_writers_past_a_shutdown_that_waits_for_replicas() {
    let mut engine = Engine::new(Config::default(), 1, now());
    let (mut operator, mut writer, mut replica) = (connect(&mut engine), connect(&mut engine), connect(&mut engine));
    ask(&mut engine, &mut replica, "PSYNC ? -1");
    assert_eq!(ask(&mut engine, &mut writer, "SET a 1"), "+OK\r\n");
    assert_eq!(ask(&mut engine, &mut operator, "SHUTDOWN NOSAVE"), "", "it waits for the replica");
    assert_eq!(ask(&mut engine, &mut writer, "SET a 2"), "", "writers wait");
    let mut second = connect(&mut engine);
    assert_eq!(ask(&mut engine, &mut second, "CLIENT UNPAUSE"), "+OK\r\n");
    assert!(engine.sessions[writer.token].is_blocked(), "the shutdown still holds writers");
    assert_eq!(ask(&mut engine, &mut second, "SHUTDOWN ABORT"), "+OK\r\n");
    let told = std::mem::take(&mut engine.sessions[operator.token].outbox);
    assert_eq!(told, b"-ERR Errors trying to SHUTDOWN. Check logs.\r\n");
    assert_eq!(go_on(&mut engine, &mut writer), "+OK\r\n");
    assert_eq!(ask(&mut engine, &mut writer, "GET a"), "$1\r\n2\r\n");
}

#[test]
fn all_who_asked_for_the_end_are_told_when_it_is_called_off() {
    let mut engine = Engine::new(Config::default(), 1, now());
    let mut replica = connect(&mut engine);
    ask(&mut engine, &mut replica, "PSYNC ? -1");
    let mut writer = connect(&mut engine);
    ask(&mut engine, &mut writer, "SET a 1");
    let mut operators = [connect(&mut engine), connect(&mut engine)];
    for operator in &mut operators {
        assert_eq!(ask(&mut engine, operator, "SHUTDOWN"), "", "it waits for the end");
        assert!(engine.sessions[operator.token].is_blocked());
    }
    assert_eq!(ask(&mut engine, &mut writer, "SHUTDOWN ABORT"), "+OK\r\n");
    for operator in &operators {
        let told = std::mem::take(&mut engine.sessions[operator.token].outbox);
        assert_eq!(told, b"-ERR Errors trying to SHUTDOWN. Check logs.\r\n");
        assert!(!engine.sessions[operator.token].is_blocked());
    }
    assert_eq!(ask(&mut engine, &mut writer, "SHUTDOWN ABORT"), "-ERR No shutdown in progress.\r\n");
}

#[test]
fn exec_is_refused_where_a_request_in_it_would_be() {
    let mut config = Config::default();
    config.overwrite("replica-serve-stale-data", b"no").unwrap();
    let mut engine = Engine::new(config, 1, now());
    let (mut reader, mut operator) = (connect(&mut engine), connect(&mut engine));
    for line in ["MULTI", "GET a"] {
        ask(&mut engine, &mut reader, line);
    }
    ask(&mut engine, &mut operator, "REPLICAOF localhost 1");
    let refused = ask(&mut engine, &mut reader, "EXEC");
    assert!(refused.starts_with("-EXECABORT Transaction discarded because of: MASTERDOWN Link"), "{refused}");
    for line in ["MULTI", "PING"] {
        ask(&mut engine, &mut operator, line);
    }
    let refused = ask(&mut engine, &mut operator, "PING");
    assert!(refused.starts_with("-MASTERDOWN"), "{refused}");
}

/// Redis cannot hear it then, since it saves in the foreground.
#[test]
fn the_last_save_can_be_called_off_and_is_no_failure_then() {
    let mut engine = Engine::new(Config::default(), 1, now());
    let (mut operator, mut writer) = (connect(&mut engine), connect(&mut engine));
    assert_eq!(ask(&mut engine, &mut operator, "SHUTDOWN SAVE"), "");
    assert_eq!(ask(&mut engine, &mut writer, "SET a 1"), "", "writers wait");
    let mut second = connect(&mut engine);
    engine.take_actions();
    assert_eq!(ask(&mut engine, &mut second, "SHUTDOWN ABORT"), "+OK\r\n");
    let actions = engine.take_actions();
    assert!(actions.iter().any(|action| matches!(action, Action::CancelSave)));
    assert_eq!(go_on(&mut engine, &mut operator), "-ERR Errors trying to SHUTDOWN. Check logs.\r\n");
    assert_eq!(go_on(&mut engine, &mut writer), "+OK\r\n");
    engine.saved(now(), SavePurpose::Shutdown, Err(SaveError::CalledOff));
    assert!(engine.server.save.last_status_ok);
    assert!(!engine.take_actions().iter().any(|action| matches!(action, Action::Exit { .. })));
}
