//! Users and what they may do: rules, logins, refusals and who remembers them.

use tandem::config::Config;

use crate::harness::{Connection, Harness};

const WRONG_PASS: &str = "-WRONGPASS invalid username-password pair or user is disabled.";
const NO_KEY: &str = "-NOPERM this user has no permissions to access one of the keys used as arguments";
const NO_CHANNEL: &str = "-NOPERM this user has no permissions to access one of the channels used as arguments";

fn no_command(name: &str) -> String {
    format!("-NOPERM this user has no permissions to run the '{name}' command")
}

/// A server with a user `ann` of these rules, and her connection.
fn with_ann(rules: &str) -> (Harness, Connection) {
    let mut h = Harness::new();
    h.check(&format!("ACL SETUSER ann on nopass {rules}"), "+OK");
    let mut ann = h.connect();
    h.check_by(&mut ann, "AUTH ann x", "+OK");
    (h, ann)
}

fn field(h: &mut Harness, user: &str, name: &str) -> String {
    let reply = h.send(&format!("ACL GETUSER {user}"));
    let items = reply.items();
    let at = items.iter().position(|item| item.bytes() == name.as_bytes()).expect("the field");
    items[at + 1].to_string()
}

#[test]
fn everybody_begins_as_the_default_user() {
    let mut h = Harness::new();
    h.check("ACL WHOAMI", "\"default\"");
    h.check("ACL USERS", "[\"default\"]");
    h.check("ACL LIST", "[\"user default on nopass ~* &* +@all\"]");
    h.check(
        "ACL GETUSER default",
        "[\"flags\", [\"on\", \"nopass\"], \"passwords\", [], \"commands\", \"+@all\", \"keys\", \"~*\", \"channels\", \
         \"&*\", \"selectors\", []]",
    );
    h.check("ACL GETUSER nobody", "nil");
    h.check("ACL DELUSER default", "-ERR The 'default' user cannot be removed");
    h.check("ACL DELUSER nobody", ":0");
}

#[test]
fn a_new_user_cannot_log_in_and_may_do_nothing() {
    let mut h = Harness::new();
    h.check("ACL SETUSER ann", "+OK");
    h.check("AUTH ann x", WRONG_PASS);
    h.check("ACL SETUSER ann >one", "+OK");
    h.check("AUTH ann one", WRONG_PASS);
    h.check("ACL SETUSER ann on", "+OK");
    h.check("AUTH ann one", "+OK");
    h.check("GET k", &no_command("get"));
    h.check("ACL WHOAMI", &no_command("acl|whoami"));
    h.check("AUTH default x", "+OK");
    h.check(
        "ACL LIST",
        "[\"user ann on #7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed resetchannels -@all\", \
         \"user default on nopass ~* &* +@all\"]",
    );
}

#[test]
fn passwords_come_and_go() {
    const ONE: &str = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";
    let mut h = Harness::new();
    h.check(&format!("ACL SETUSER ann on >one >two #{ONE}"), "+OK");
    h.check("AUTH ann one", "+OK");
    h.check("AUTH ann two", "+OK");
    h.check("AUTH default x", "+OK");
    h.check("ACL SETUSER ann <two", "+OK");
    h.check("AUTH ann two", WRONG_PASS);
    h.check(
        "ACL SETUSER ann <two",
        "-ERR Error in ACL SETUSER modifier '<two': The password you are trying to remove from the user does not exist",
    );
    for hash in ["#abc", &format!("#{}", ONE.to_uppercase()), &format!("!{ONE}0")] {
        h.check(
            &format!("ACL SETUSER ann {hash}"),
            &format!(
                "-ERR Error in ACL SETUSER modifier '{hash}': The password hash must be exactly 64 characters and \
                 contain only lowercase hexadecimal characters"
            ),
        );
    }
    h.check(&format!("ACL SETUSER ann !{ONE}"), "+OK");
    h.check("AUTH ann one", WRONG_PASS);
    h.check("ACL SETUSER ann nopass", "+OK");
    h.check("AUTH ann whatever", "+OK");
    h.check("AUTH default x", "+OK");
    h.check("ACL SETUSER ann resetpass", "+OK");
    h.check("AUTH ann whatever", WRONG_PASS);
    h.check("AUTH ann \"\"", WRONG_PASS);
}

#[test]
fn the_first_wrong_rule_changes_nothing() {
    let mut h = Harness::new();
    for (rules, error) in [
        ("on +nothing", "modifier '+nothing': Unknown command or category name in ACL"),
        ("on -get|a", "modifier '-get|a': Unknown command or category name in ACL"),
        ("on +@nothing", "modifier '+@nothing': Unknown command or category name in ACL"),
        ("on +config|nothing", "modifier '+config|nothing': Unknown command or category name in ACL"),
        ("on +config|get|x", "modifier '+config|get|x': Allowing first-arg of a subcommand is not supported"),
        ("on +get|", "modifier '+get|': Syntax error"),
        ("on %~x", "modifier '%~x': Syntax error"),
        ("on %RR~x", "modifier '%RR~x': Syntax error"),
        ("on %X~x", "modifier '%X~x': Syntax error"),
        ("on %", "modifier '%': Syntax error"),
        ("on \"~a b\"", "modifier '~a b': Syntax error"),
        ("on \"&a\\tb\"", "modifier '&a\tb': Syntax error"),
        ("on nonsense", "modifier 'nonsense': Syntax error"),
        ("on )", "modifier ')': Syntax error"),
        ("on (nonsense)", "modifier '(nonsense)': Syntax error"),
        ("on \"(~a \\\"b)\"", "modifier '(~a \"b)': Syntax error"),
        ("on (~a on)", "modifier '(~a on)': Syntax error"),
    ] {
        h.check(&format!("ACL SETUSER ann {rules}"), &format!("-ERR Error in ACL SETUSER {error}"));
    }
    h.check("ACL SETUSER ann on ( ~a", "-ERR Unmatched parenthesis in acl selector starting at '('.");
    h.check("ACL GETUSER ann", "nil");
    h.check("ACL SETUSER \"a b\"", "-ERR Usernames can't contain spaces or null characters");
    for (rules, what) in [("~* ~a", "'allkeys'"), ("&* &a", "'allchannels'"), ("allkeys %R~a", "'allkeys'")] {
        let reply = h.send(&format!("ACL SETUSER ann {rules}")).to_string();
        assert!(reply.contains(&format!("Adding a pattern after the * pattern (or the {what} flag)")), "{reply}");
    }
}

#[test]
fn rules_are_told_back_as_short_as_they_can_be() {
    let mut h = Harness::new();
    for (rules, commands) in [
        ("+@all", "+@all"),
        ("allcommands -get", "+@all -get"),
        ("+@all -client +client|id", "+@all -client +client|id"),
        ("+@all -client|kill", "+@all -client|kill"),
        ("+config -config|set", "-@all +config -config|set"),
        ("+memory|doctor", "-@all +memory|doctor"),
        ("+memory|doctor +memory", "-@all +memory"),
        ("+SELECT|0 +select|1 +Select|0", "-@all +select|0 +select|1"),
        ("+select|0 +select", "-@all +select"),
        ("+select|0 -select", "-@all"),
        ("+select|0 -@connection", "-@all"),
        ("+@all -select +select|0", "+@all -select +select|0"),
        ("+@hash", "-@all +@hash"),
        ("+@all -@hash", "+@all -@hash"),
        ("+@hash -hset", "-@all +@hash -hset"),
        ("+@all nocommands", "-@all"),
    ] {
        h.check(&format!("ACL SETUSER ann reset {rules}"), "+OK");
        assert_eq!(field(&mut h, "ann", "commands"), format!("\"{commands}\""), "{rules}");
    }
}

#[test]
fn flags_patterns_and_selectors_are_told_back() {
    let mut h = Harness::new();
    h.check("ACL SETUSER ann reset %R~a %W~a %rw~b ~c %W~d %R~e &x &y &x (~k +get) ( %R~l &* +set )", "+OK");
    assert_eq!(field(&mut h, "ann", "flags"), "[\"off\", \"sanitize-payload\"]");
    assert_eq!(field(&mut h, "ann", "keys"), "\"~a ~b ~c %W~d %R~e\"");
    assert_eq!(field(&mut h, "ann", "channels"), "\"&x &y\"");
    assert_eq!(
        field(&mut h, "ann", "selectors"),
        "[[\"commands\", \"-@all +get\", \"keys\", \"~k\", \"channels\", \"\"], [\"commands\", \"-@all +set\", \"keys\", \
         \"%R~l\", \"channels\", \"&*\"]]"
    );
    assert!(h.send("ACL LIST").to_string().starts_with(
        "[\"user ann off sanitize-payload ~a ~b ~c %W~d %R~e resetchannels &x &y -@all (~k resetchannels -@all +get) \
         (%R~l &* -@all +set)\", "
    ));
    h.check("ACL SETUSER ann skip-sanitize-payload clearselectors resetkeys", "+OK");
    assert_eq!(field(&mut h, "ann", "flags"), "[\"off\", \"skip-sanitize-payload\"]");
    assert_eq!(field(&mut h, "ann", "selectors"), "[]");
    assert_eq!(field(&mut h, "ann", "keys"), "\"\"");
    h.check("HELLO 3", &h_hello3());
    assert!(h.send("ACL GETUSER ann").to_string().starts_with("{\"flags\": "));
}

fn h_hello3() -> String {
    "{\"server\": \"redis\", \"version\": \"8.0.6\", \"proto\": :3, \"id\": :1, \"mode\": \"standalone\", \"role\": \
     \"master\", \"modules\": []}"
        .to_owned()
}

/// `~*` would be refused behind another pattern.
#[test]
fn all_keys_among_other_patterns_are_told_so_that_they_can_be_read_again() {
    let mut h = Harness::new();
    h.check("ACL SETUSER ann reset %RW~*", "+OK");
    assert_eq!(field(&mut h, "ann", "keys"), "\"~*\"");
    h.check("ACL SETUSER ann %RW~a %R~b", "+OK");
    assert_eq!(field(&mut h, "ann", "keys"), "\"%RW~* ~a %R~b\"");
}

#[test]
fn commands_are_allowed_one_by_one() {
    let (mut h, mut ann) = with_ann("~* +get +config|get +select|0");
    h.check_by(&mut ann, "GET k", "nil");
    h.check_by(&mut ann, "SET k v", &no_command("set"));
    h.check_by(&mut ann, "CONFIG GET port", "[\"port\", \"6379\"]");
    h.check_by(&mut ann, "CONFIG SET port 1", &no_command("config|set"));
    h.check_by(&mut ann, "SELECT 0", "+OK");
    h.check_by(&mut ann, "SELECT 1", &no_command("select"));
    h.check_by(&mut ann, "CONFIG NOTHING", "-ERR unknown subcommand 'NOTHING'. Try CONFIG HELP.");
    h.check_by(&mut ann, "GET", "-ERR wrong number of arguments for 'get' command");
    // For these no right is needed.
    h.check_by(&mut ann, "AUTH ann y", "+OK");
    h.check_by(&mut ann, "RESET", "+RESET");
    h.check_by(&mut ann, "ACL WHOAMI", "\"default\"");
}

#[test]
fn keys_must_match_with_the_rights_that_are_used() {
    let (mut h, mut ann) = with_ann("+@all %R~r:* %W~w:* ~a:*");
    for (request, is_allowed) in [
        ("GET r:1", true),
        ("GET w:1", false),
        ("GET x", false),
        ("SET w:1 v", true),
        ("SET w:1 get", true),
        ("SET w:1 v GET", false),
        ("SET a:1 v GET", true),
        ("SET r:1 v", false),
        ("MGET r:1 a:1", true),
        ("MGET r:1 w:1", false),
        ("MSET w:1 r:1 a:1 x", true),
        ("MSET w:1 v r:1 v", false),
        ("COPY r:1 w:2", true),
        ("COPY w:1 r:1", false),
        ("EXISTS r:1 w:1", true),
        ("EXISTS x", false),
        ("STRLEN w:1", true),
        ("SINTERCARD 2 r:1 r:2", true),
        ("SINTERCARD 2 r:1 w:2", false),
        ("BITFIELD r:b GET u4 0", true),
        ("BITFIELD r:b SET u4 0 1", false),
        ("BITFIELD a:b SET u4 0 1", true),
        ("PING", true),
        ("DBSIZE", true),
    ] {
        let reply = h.send_by(&mut ann, request).to_string();
        assert_eq!(reply != NO_KEY, is_allowed, "{request}: {reply}");
    }
}

#[test]
fn channels_must_match_and_patterns_be_named() {
    let (mut h, mut ann) = with_ann("+@all &news:* &one");
    h.check_by(&mut ann, "PUBLISH news:1 x", ":0");
    h.check_by(&mut ann, "SPUBLISH one x", ":0");
    h.check_by(&mut ann, "PUBLISH two x", NO_CHANNEL);
    h.check_by(&mut ann, "SPUBLISH two x", NO_CHANNEL);
    h.check_by(&mut ann, "SUBSCRIBE one two", NO_CHANNEL);
    h.check_by(&mut ann, "SSUBSCRIBE two", NO_CHANNEL);
    h.check_by(&mut ann, "PSUBSCRIBE news:1", NO_CHANNEL);
    h.check_by(&mut ann, "PUNSUBSCRIBE anything", "[\"punsubscribe\", \"anything\", :0]");
    h.check_by(&mut ann, "PSUBSCRIBE news:*", "[\"psubscribe\", \"news:*\", :1]");
}

#[test]
fn a_selector_allows_all_of_a_request_or_nothing() {
    let (mut h, mut ann) = with_ann("(+@write ~w:*) (+@read ~r:*)");
    h.check_by(&mut ann, "PING", &no_command("ping"));
    h.check_by(&mut ann, "SET w:1 v", "+OK");
    h.check_by(&mut ann, "GET r:1", "nil");
    h.check_by(&mut ann, "GET w:1", NO_KEY);
    h.check_by(&mut ann, "SET r:1 v", NO_KEY);
    h.check("ACL SETUSER ann clearselectors", "+OK");
    h.check_by(&mut ann, "SET w:1 v", &no_command("set"));
}

#[test]
fn rights_are_asked_for_again_when_a_queue_runs() {
    let (mut h, mut ann) = with_ann("~* +@all");
    h.check_by(&mut ann, "MULTI", "+OK");
    for request in ["SET a 1", "SET b 2", "PUBLISH c x", "GET d"] {
        h.check_by(&mut ann, request, if request.starts_with('P') { NO_CHANNEL } else { "+QUEUED" });
    }
    h.check_by(&mut ann, "EXEC", "-EXECABORT Transaction discarded because of previous errors.");
    h.check("ACL SETUSER ann &*", "+OK");
    h.check_by(&mut ann, "MULTI", "+OK");
    for request in ["SET a 1", "SET b 2", "PUBLISH c x", "GET a", "DEL a"] {
        h.check_by(&mut ann, request, "+QUEUED");
    }
    h.check("ACL SETUSER ann resetkeys resetchannels ~a -get", "+OK");
    let late = "-NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This \
                command is no longer allowed for the following reason:";
    h.check_by(
        &mut ann,
        "EXEC",
        &format!(
            "[+OK, {late} no permission to touch the specified keys, {late} no permission to access one of the \
             channels used as arguments, {late} no permission to execute the command or subcommand, :1]"
        ),
    );
    h.check("ACL SETUSER ann +get ~b", "+OK");
    h.check_by(&mut ann, "GET b", "nil");
}

/// A transaction that takes its own user's rights away.
#[test]
fn a_queue_may_take_rights_from_itself() {
    let (mut h, mut ann) = with_ann("~* &* +@all");
    for (request, reply) in [("MULTI", "+OK"), ("ACL SETUSER ann -set", "+QUEUED"), ("SET k v", "+QUEUED")] {
        h.check_by(&mut ann, request, reply);
    }
    let reply = h.send_by(&mut ann, "EXEC").to_string();
    assert!(reply.starts_with("[+OK, -NOPERM ACLs rules changed"), "{reply}");
    h.check("EXISTS k", ":0");
}

#[test]
fn rights_are_asked_for_again_when_a_wait_ends() {
    let (mut h, mut ann) = with_ann("~* +@all");
    let wait = |h: &mut Harness, ann: &mut Connection| {
        std::mem::swap(&mut h.main, ann);
        assert!(h.execute(&[b"BLPOP", b"k", b"0"]).is_empty());
        std::mem::swap(&mut h.main, ann);
    };
    wait(&mut h, &mut ann);
    h.check("ACL SETUSER ann -blpop", "+OK");
    h.check("RPUSH k v", ":1");
    assert_eq!(h.received(&ann), no_command("blpop"));
    h.check("LLEN k", ":1");
    h.check("DEL k", ":1");
    h.check("ACL SETUSER ann +blpop", "+OK");
    wait(&mut h, &mut ann);
    h.check("ACL SETUSER ann resetkeys", "+OK");
    h.check("RPUSH k v", ":1");
    assert_eq!(h.received(&ann), NO_KEY);
    h.check("LLEN k", ":1");
}

#[test]
fn who_loses_a_channel_or_a_user_loses_the_connection() {
    let (mut h, mut ann) = with_ann("+@all &a &b* &c");
    let mut bob = h.connect();
    h.check_by(&mut bob, "AUTH ann x", "+OK");
    h.check_all_by(&mut ann, "SUBSCRIBE a bob", "[\"subscribe\", \"a\", :1]; [\"subscribe\", \"bob\", :2]");
    h.check_by(&mut bob, "SSUBSCRIBE c", "[\"ssubscribe\", \"c\", :1]");
    let is_open = |h: &mut Harness, client: &mut Connection| {
        std::mem::swap(&mut h.main, client);
        let is_open = !h.execute(&[b"PING"]).is_empty();
        std::mem::swap(&mut h.main, client);
        is_open
    };
    h.check("ACL SETUSER ann &d", "+OK");
    h.check("ACL SETUSER ann resetchannels &a &bo*", "+OK");
    assert!(is_open(&mut h, &mut ann), "what it hears is still allowed");
    assert!(!is_open(&mut h, &mut bob), "the shard channel is not");
    h.check("ACL DELUSER ann nobody ann", ":1");
    assert!(!is_open(&mut h, &mut ann));
    h.check("ACL WHOAMI", "\"default\"");
}

#[test]
fn whoever_deletes_itself_gets_the_answer() {
    let (mut h, mut ann) = with_ann("+@all");
    h.check_by(&mut ann, "ACL DELUSER ann", ":1");
    std::mem::swap(&mut h.main, &mut ann);
    assert!(h.execute(&[b"PING"]).is_empty());
}

#[test]
fn the_log_tells_refusals_and_counts_those_alike() {
    let (mut h, mut ann) = with_ann("+set +multi +publish ~k");
    h.check("ACL LOG", "[]");
    for request in ["GET a", "GET b", "SET x 1", "PUBLISH c m", "AUTH ann2 wrong"] {
        assert!(h.send_by(&mut ann, request).to_string().starts_with('-'));
    }
    h.check_by(&mut ann, "MULTI", "+OK");
    h.check_by(&mut ann, "GET a", &no_command("get"));
    h.advance_ms(1_500);
    let log = h.send("ACL LOG");
    let shown: Vec<String> = log
        .items()
        .iter()
        .map(|entry| {
            let items = entry.items();
            [1, 3, 5, 7, 9, 11, 15].map(|at| items[at].to_string()).join(" ").replace('"', "")
        })
        .collect();
    assert_eq!(
        shown,
        [
            ":1 command multi get ann 1.5 :4",
            ":1 auth toplevel AUTH ann2 1.5 :3",
            ":1 channel toplevel c ann 1.5 :2",
            ":1 key toplevel x ann 1.5 :1",
            ":2 command toplevel get ann 1.5 :0",
        ]
    );
    let client = log.items()[3].items()[13].to_string();
    assert!(client.contains(" cmd=set user=ann "), "{client}");
    assert_eq!(h.send("ACL LOG 2").items().len(), 2);
    h.check("ACL LOG -1", "[]");
    h.check("ACL LOG x", "-ERR value is not an integer or out of range");
    let info = h.send("INFO stats").to_string();
    for line in ["auth:1", "cmd:3", "key:1", "channel:1"] {
        assert!(info.contains(&format!("acl_access_denied_{line}\\r")), "{line} in {info}");
    }
    h.check("CONFIG SET acllog-max-len 1", "+OK");
    h.check("AUTH nobody x", WRONG_PASS);
    assert_eq!(h.send("ACL LOG").items().len(), 1);
    h.check("ACL LOG RESET", "+OK");
    h.check("ACL LOG", "[]");
}

#[test]
fn what_a_minute_lies_between_is_not_alike() {
    let (mut h, mut ann) = with_ann("");
    h.check_by(&mut ann, "GET k", &no_command("get"));
    h.advance_ms(60_001);
    h.check_by(&mut ann, "GET k", &no_command("get"));
    assert_eq!(h.send("ACL LOG").items().len(), 2);
}

#[test]
fn dryrun_foretells() {
    let mut h = Harness::new();
    h.check("ACL SETUSER ann +get +publish +client ~k", "+OK");
    h.check("ACL DRYRUN ann GET k", "+OK");
    h.check("ACL DRYRUN ann GET x", r#""This user has no permissions to access the \'x\' key""#);
    h.check("ACL DRYRUN ann PUBLISH c m", r#""This user has no permissions to access the \'c\' channel""#);
    h.check("ACL DRYRUN ann SET k v", r#""This user has no permissions to run the \'set\' command""#);
    h.check("ACL DRYRUN ann CLIENT ID", "+OK");
    h.check("ACL DRYRUN ann CONFIG GET x", r#""This user has no permissions to run the \'config|get\' command""#);
    h.check("ACL DRYRUN ann GET", "-ERR wrong number of arguments for 'get' command");
    h.check("ACL DRYRUN ann CLIENT", "-ERR wrong number of arguments for 'client' command");
    h.check("ACL DRYRUN ann CLIENT NOTHING", "-ERR Command 'CLIENT' not found");
    h.check("ACL DRYRUN ann NOTHING x", "-ERR Command 'NOTHING' not found");
    h.check("ACL DRYRUN nobody GET k", "-ERR User 'nobody' not found");
    h.check("ACL LOG", "[]");
}

#[test]
fn code_may_do_what_its_user_may() {
    let (mut h, mut ann) = with_ann("+eval +get +set +sort +rpush ~k ~l");
    let no_command = "-ERR The user executing the script can't run this command or subcommand script: ";
    let no_key = "-ERR The user executing the script can't access at least one of the keys mentioned in the command \
                  arguments script: ";
    for (script, answer) in [
        ("return redis.call('set', 'k', 'v')", "+OK"),
        ("return redis.call('get', 'x')", no_key),
        ("return redis.call('del', 'k')", no_command),
        ("return {redis.acl_check_cmd('get', 'k'), redis.acl_check_cmd('get', 'x')}", "[:1, nil]"),
        ("return redis.acl_check_cmd('del', 'k')", "nil"),
        ("return redis.call('rpush', 'l', '1')", ":1"),
        ("return redis.call('sort', 'l', 'get', 'x*')", "-ERR GET option of SORT denied"),
    ] {
        let reply = h.send_by(&mut ann, &format!("EVAL \"{script}\" 0")).to_string();
        assert!(reply.starts_with(answer), "{script}: {reply}");
    }
    h.check_by(&mut ann, "EVAL \"return 1\" 1 x", NO_KEY);
    let log = h.send("ACL LOG");
    let shown: Vec<String> =
        log.items().iter().map(|entry| [3, 5, 7].map(|at| entry.items()[at].to_string()).join(" ")).collect();
    assert_eq!(shown, ["\"key\" \"toplevel\" \"x\"", "\"command\" \"lua\" \"del\"", "\"key\" \"lua\" \"x\""]);
}

#[test]
fn sort_follows_patterns_only_for_those_who_may_read_all() {
    let (mut h, mut ann) = with_ann("+sort +sort_ro ~l");
    h.check("RPUSH l 2 1", ":2");
    let [by, get] =
        ["BY", "GET"].map(|option| format!("-ERR {option} option of SORT denied due to insufficient ACL permissions."));
    h.check_by(&mut ann, "SORT l", "[\"1\", \"2\"]");
    h.check_by(&mut ann, "SORT l BY nosort", "[\"2\", \"1\"]");
    h.check_by(&mut ann, "SORT l BY w*", &by);
    h.check_by(&mut ann, "SORT_RO l GET #", &get);
    h.check_by(&mut ann, "SORT l STORE x STORE l GET x*", &get);
    h.check("ACL SETUSER ann (+sort ~l %R~*)", "+OK");
    h.check_by(&mut ann, "SORT l BY w* GET #", "[\"1\", \"2\"]");
    h.check_by(&mut ann, "SORT l STORE l STORE x", NO_KEY);
}

/// Who is nobody any more goes on as nobody: what the default user may do is for those who log in as it.
#[test]
fn a_queue_that_deletes_its_own_user_ends_with_it() {
    let (mut h, mut ann) = with_ann("~* &* +@all");
    h.check("ACL SETUSER default resetpass >secret", "+OK");
    for (request, reply) in [("MULTI", "+OK"), ("ACL DELUSER ann", "+QUEUED"), ("SET k v", "+QUEUED")] {
        h.check_by(&mut ann, request, reply);
    }
    let reply = h.send_by(&mut ann, "EXEC").to_string();
    assert!(reply.starts_with("[:1, -NOPERM ACLs rules changed"), "{reply}");
    h.check("EXISTS k", ":0");
}

#[test]
fn nothing_is_given_to_a_waiting_client_whose_user_is_gone() {
    let (mut h, mut ann) = with_ann("~* +@all");
    std::mem::swap(&mut h.main, &mut ann);
    assert!(h.execute(&[b"BLPOP", b"k", b"0"]).is_empty());
    std::mem::swap(&mut h.main, &mut ann);
    h.check("ACL DELUSER ann", ":1");
    h.check("RPUSH k v", ":1");
    h.check("LLEN k", ":1");
}

#[test]
fn passwords_are_made_of_as_many_bits_as_wanted() {
    let mut h = Harness::new();
    let mut password = |bits: &str| h.send(&format!("ACL GENPASS {bits}")).bytes().to_vec();
    let first = password("");
    assert_eq!(first.len(), 64);
    assert!(first.iter().all(|byte| byte.is_ascii_hexdigit()));
    assert_ne!(first, password(""));
    assert_eq!([password("1").len(), password("5").len(), password("4096").len()], [1, 2, 1024]);
    for bits in ["0", "-1", "4097"] {
        h.check(
            &format!("ACL GENPASS {bits}"),
            "-ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096",
        );
    }
}

#[test]
fn categories_list_their_commands() {
    let mut h = Harness::new();
    assert_eq!(h.send("ACL CAT").items().len(), 21);
    let names = h.send("ACL CAT Transaction").to_string();
    assert_eq!(names.matches('"').count(), 10, "{names}");
    h.check("ACL CAT nothing", "-ERR Unknown category 'nothing'");
    h.check("ACL CAT a b", "-ERR unknown subcommand or wrong number of arguments for 'CAT'. Try ACL HELP.");
}

#[test]
fn requirepass_is_the_default_users_password() {
    let mut h = Harness::new();
    h.check("CONFIG SET requirepass secret", "+OK");
    let hash = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
    h.check("ACL LIST", &format!("[\"user default on #{hash} ~* &* +@all\"]"));
    h.check("ACL SETUSER default >more", "+OK");
    let mut other = h.connect();
    h.check_by(&mut other, "PING", "-NOAUTH Authentication required.");
    h.check_by(&mut other, "AUTH more", "+OK");
    h.check("CONFIG SET requirepass \"\"", "+OK");
    h.check("ACL LIST", "[\"user default on nopass ~* &* +@all\"]");
    h.check("ACL SETUSER default off", "+OK");
    let mut third = h.connect();
    h.check_by(&mut third, "PING", "-NOAUTH Authentication required.");
    h.check_by(&mut third, "AUTH default x", WRONG_PASS);
    h.check("ACL SETUSER default on", "+OK");
    h.check_by(&mut third, "PING", "+PONG");
    assert!(h.send_by(&mut third, "HELLO").to_string().starts_with("-NOAUTH HELLO must be called"));
}

#[test]
fn the_default_user_can_be_restricted_for_those_who_are_there() {
    let mut h = Harness::new();
    let mut other = h.connect();
    h.check("ACL SETUSER ann on >a +@all", "+OK");
    h.check("ACL SETUSER default -@all", "+OK");
    h.check_by(&mut other, "PING", &no_command("ping"));
    assert!(h.send_by(&mut other, "HELLO 2 AUTH ann a").to_string().starts_with("[\"server\""));
    h.check_by(&mut other, "PING", "+PONG");
    h.check_by(&mut other, "ACL SETUSER default +@all", "+OK");
    h.check("PING", "+PONG");
}

#[test]
fn new_users_may_hear_what_the_directive_says() {
    let mut config = Config::default();
    config.overwrite("acl-pubsub-default", b"allchannels").unwrap();
    let mut h = Harness::with_config(config);
    h.check("ACL SETUSER ann (+get)", "+OK");
    assert_eq!(field(&mut h, "ann", "channels"), "\"&*\"");
    h.check("CONFIG SET acl-pubsub-default resetchannels", "+OK");
    assert_eq!(field(&mut h, "ann", "channels"), "\"&*\"");
    h.check("ACL SETUSER ann reset", "+OK");
    assert_eq!(field(&mut h, "ann", "channels"), "\"\"");
}

#[test]
fn clients_are_listed_and_killed_by_user() {
    let (mut h, mut ann) = with_ann("+@all");
    let list = h.send("CLIENT LIST").to_string();
    assert!(list.contains(" user=default ") && list.contains(" user=ann "), "{list}");
    h.check("CLIENT KILL USER nobody", "-ERR No such user 'nobody'");
    h.check("CLIENT KILL USER ann", ":1");
    std::mem::swap(&mut h.main, &mut ann);
    assert!(h.execute(&[b"PING"]).is_empty());
}

#[test]
fn without_a_file_nothing_is_loaded_or_saved() {
    let mut h = Harness::new();
    for request in ["ACL LOAD", "ACL SAVE"] {
        let reply = h.send(request).to_string();
        assert!(reply.starts_with("-ERR This Redis instance is not configured to use an ACL file."), "{reply}");
    }
}

#[test]
fn users_of_the_configuration_are_defined_at_the_start() {
    let words = |line: &str| line.split(' ').map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>();
    let mut config = Config::default();
    config.users = vec![words("ann on >a ~k +get ( +set ~s )"), words("default on nopass ~* +@all")];
    let mut h = Harness::with_config(config);
    h.engine.define_users().unwrap();
    h.check("SUBSCRIBE c", NO_CHANNEL);
    assert_eq!(field(&mut h, "default", "flags"), "[\"on\", \"nopass\", \"sanitize-payload\"]");
    h.check("AUTH ann a", "+OK");
    h.check("SET s v", "+OK");
    h.check("SET k v", NO_KEY);

    let mut config = Config::default();
    config.users = vec![words("ann +nothing")];
    assert_eq!(
        Harness::with_config(config).engine.define_users().unwrap_err(),
        "Error loading ACL rule '+nothing' for the user named 'ann': Unknown command or category name in ACL"
    );
}

#[test]
fn secrets_of_rules_stay_out_of_the_slow_log() {
    let mut h = Harness::new();
    h.check("CONFIG SET slowlog-log-slower-than 0", "+OK");
    h.check("ACL SETUSER ann >secret", "+OK");
    let notes = h.send("SLOWLOG GET").to_string();
    assert!(notes.contains(r#"["ACL", "SETUSER", "(redacted)", "(redacted)"]"#), "{notes}");
}
