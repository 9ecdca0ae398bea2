//! Every command of the server's own table, with too few arguments, too many, and absurd ones.

use super::attacker::Dice;
use super::support::client::{Client, Reply, encode};
use super::support::server::Launch;
use super::witness::Witness;

/// Names, with the container first where there is one, and arities, as COMMAND tells them.
pub fn commands(client: &mut Client) -> Vec<(Vec<String>, i64)> {
    let Reply::Array(rows) = client.call("COMMAND") else { panic!("COMMAND answers an array") };
    let mut all = Vec::new();
    rows.iter().for_each(|row| collect(row, &mut all));
    assert!(all.len() > 100, "{} commands", all.len());
    all
}

fn collect(row: &Reply, all: &mut Vec<(Vec<String>, i64)>) {
    let Reply::Array(fields) = row else { panic!("a command is an array: {row}") };
    let Reply::Integer(arity) = fields[1] else { panic!("an arity is a number: {row}") };
    let Reply::Array(subcommands) = &fields[9] else { panic!("subcommands are an array: {row}") };
    all.push((fields[0].to_string().split('|').map(str::to_owned).collect(), arity));
    subcommands.iter().for_each(|row| collect(row, all));
}

#[test]
fn wrong_arity_of_every_command() {
    let server = Launch::tandem().start();
    let mut witness = Witness::of(&server);
    let mut client = server.client();
    let mut refused = 0;
    for (name, arity) in commands(&mut witness.client) {
        let least = arity.unsigned_abs() as usize;
        let lengths = if arity > 0 { vec![least - 1, least + 1] } else { vec![least - 1] };
        for length in lengths.into_iter().filter(|&length| length >= name.len()) {
            let mut request = name.clone();
            request.resize(length, "x".to_owned());
            let reply = client.request(&request).expect("an answer").to_string();
            let full_name = name.join("|");
            let is_container = reply.starts_with("ERR unknown subcommand");
            let expected = format!("wrong number of arguments for '{full_name}' command");
            // EXEC tells of its own end.
            let is_wrong =
                reply == format!("ERR {expected}") || reply.starts_with("EXECABORT") && reply.ends_with(&expected);
            assert!(is_wrong || is_container, "{request:?}: {reply}");
            refused += 1;
        }
    }
    assert!(refused > 100, "{refused} requests");
    drop(client);
    witness.check_end(&server, "wrong arities");
}

/// A refused command spoils a transaction: EXEC runs none of it.
#[test]
fn wrong_arity_in_a_transaction() {
    let server = Launch::tandem().start();
    let mut witness = Witness::of(&server);
    let mut client = server.client();
    for bad in [&["GET"][..], &["SET", "key:1"], &["nonsense"], &["CLIENT", "nonsense"]] {
        client.call("MULTI");
        client.call("SET key:1 changed");
        assert!(client.request(bad).expect("an answer").is_error());
        let reply = client.request(&["EXEC"]).expect("an answer").to_string();
        assert!(reply.starts_with("EXECABORT"), "{bad:?}: {reply}");
        witness.check("a spoilt transaction");
    }
    drop(client);
    witness.check_end(&server, "spoilt transactions");
}

/// Numbers at the edge of every type, and what is no number.
const VALUES: &[&str] = &[
    "-9223372036854775808",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "-2147483649",
    "4294967296",
    "2147483647",
    "-1",
    "0",
    "1",
    "-0",
    "536870912",
    "1e400",
    "-1e400",
    "nan",
    "inf",
    "-inf",
    "1e-400",
    "0x7fffffffffffffff",
    "",
    " ",
    "\0",
    "*",
    "[",
    "[^",
    "\\",
    "key:1",
    "string",
    "n",
    "\r\n",
    "EX",
    "PX",
    "EXAT",
    "PXAT",
    "GET",
    "NX",
    "XX",
    "COUNT",
    "MATCH",
    "TYPE",
    "ID",
    "IDX",
    "LEN",
    "MINMATCHLEN",
    "REPLACE",
    "ABSTTL",
    "FREQ",
    "IDLETIME",
    "DB",
    "SAMPLES",
    "yes",
    "no",
    "on",
    "off",
];
/// These end the server, put it to sleep, hold all others back, move its files or leave it without data, as they should.
const EXCEPT: &[&str] =
    &["shutdown", "debug", "pause", "replicaof", "slaveof", "config", "psync", "sync", "save", "bgsave"];

#[test]
fn absurd_arguments_of_every_command() {
    let server = Launch::tandem().start();
    let mut witness = Witness::of(&server);
    let all = commands(&mut witness.client);
    let mut dice = Dice(0xab5);
    let mut client = server.client();
    for round in 0..12 {
        for (name, arity) in &all {
            if name.iter().any(|word| EXCEPT.contains(&word.as_str())) {
                continue;
            }
            let request = absurd(&mut dice, name, *arity);
            let shown = format!("{:?} in round {round}", &request);
            client.send(&encode(&request)).expect("the server reads");
            // Whatever came of it (no answer, a block, a closed link), the next client is served.
            client = server.client();
            let pong = client.request(&["PING"]).unwrap_or_else(|error| panic!("{shown}: {error}"));
            assert_eq!(pong.to_string(), "PONG", "{shown}");
        }
    }
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

fn absurd(dice: &mut Dice, name: &[String], arity: i64) -> Vec<String> {
    let least = arity.unsigned_abs() as usize;
    let length = if arity > 0 { least } else { least + dice.below(5) };
    let mut request = name.to_vec();
    while request.len() < length {
        request.push((*dice.pick(VALUES)).to_owned());
    }
    request
}
