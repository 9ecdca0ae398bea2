//! Rules of users, drawn by lot: whatever they are, they are refused or taken in as a whole, and what is told of a user
//! makes the same user again.

use proptest::prelude::*;

use tandem::acl::{Acl, Request, Rights};
use tandem::command::{CommandTable, acl_commands};

fn acl() -> Acl {
    Acl::new(acl_commands(&CommandTable::new()))
}

/// A command alone, without keys and channels.
struct Bare(u16);

impl Request for Bare {
    fn command(&self) -> u16 {
        self.0
    }

    fn is_for_all(&self) -> bool {
        false
    }

    fn first_argument(&self) -> Option<&[u8]> {
        None
    }

    fn forbidden_key(&self, _: impl Fn(&[u8], Rights) -> bool) -> Option<usize> {
        None
    }

    fn forbidden_channel(&self, _: impl Fn(&[u8], bool) -> bool) -> Option<usize> {
        None
    }
}

/// Rules that are good, most of them.
fn rule() -> impl Strategy<Value = String> {
    let table = CommandTable::new();
    let names: Vec<&'static str> = table.entries().map(|(_, entry)| entry.full_name).collect();
    let categories: Vec<&'static str> = acl().commands().categories().to_vec();
    let sign = prop::sample::select(vec!["+", "-"]);
    let command = (sign.clone(), prop::sample::select(names)).prop_map(|(sign, name)| format!("{sign}{name}"));
    let category = (sign, prop::sample::select(categories)).prop_map(|(sign, name)| format!("{sign}@{name}"));
    let pattern =
        ("(~|%R~|%W~|%RW~|&)", "[a-c*?\"'\\\\\\[\\])(]{0,4}").prop_map(|(kind, text)| format!("{kind}{text}"));
    let word = prop::sample::select(vec![
        "+@all",
        "-@all",
        "allkeys",
        "resetkeys",
        "allchannels",
        "resetchannels",
        "+select|0",
        "+debug|object",
    ])
    .prop_map(str::to_owned);
    prop_oneof![command, category, pattern, word]
}

/// As `rule`, and what belongs to a whole user.
fn user_rule() -> impl Strategy<Value = String> {
    let whole = vec!["on", "off", "nopass", ">secret", "resetpass", "reset", "sanitize-payload", "clearselectors"];
    let selector = prop::collection::vec(rule(), 0..4).prop_map(|rules| format!("({})", rules.join(" ")));
    prop_oneof![4 => rule(), 1 => prop::sample::select(whole).prop_map(str::to_owned), 1 => selector]
}

/// The rules of a list that are accepted, one after the other.
fn define(acl: &mut Acl, name: &str, rules: &[String]) {
    for rule in rules {
        if let Ok(user) = acl.changed(name.as_bytes(), &[rule.as_bytes()]) {
            acl.put(name.as_bytes(), user);
        }
    }
}

proptest! {
    #[test]
    fn what_is_told_of_users_makes_them_again(rules in prop::collection::vec(user_rule(), 0..12)) {
        let mut ours = acl();
        define(&mut ours, "ann", &rules);
        let text = ours.text();
        let mut again = acl();
        let loaded = again.load("users.acl", &text);
        prop_assert_eq!(&loaded, &Ok(()), "{}", String::from_utf8_lossy(&text));
        prop_assert_eq!(String::from_utf8(again.text()), String::from_utf8(text));
        let Some(id) = ours.find(b"ann") else { return Ok(()) };
        let other = again.find(b"ann").expect("she is there again");
        for (command, row) in ours.commands().rows() {
            let request = Bare(command);
            prop_assert_eq!(ours.permits(id, &request), again.permits(other, &request), "{}", row.name);
        }
    }

    #[test]
    fn any_bytes_are_rules_or_refused(rules: Vec<Vec<u8>>) {
        let mut acl = acl();
        let words: Vec<&[u8]> = rules.iter().map(Vec::as_slice).collect();
        if let Ok(user) = acl.changed(b"ann", &words) {
            acl.put(b"ann", user);
        }
        let _ = acl.text();
    }

    #[test]
    fn any_text_is_users_or_refused(text in "([ -~]|\n|user |on |\\(|\\)){0,80}") {
        let mut acl = acl();
        let before = acl.text();
        if acl.load("users.acl", text.as_bytes()).is_err() {
            prop_assert_eq!(acl.text(), before);
        }
        prop_assert!(acl.find(b"default").is_some());
    }
}

#[test]
fn a_file_is_taken_in_as_a_whole_or_not_at_all() {
    let mut acl = acl();
    let kept = "WARNING: ACL errors detected, no change to the previously active ACL rules was performed";
    for (text, error) in [
        ("usr ann", "f:1 should start with user keyword followed by the username. "),
        ("\n\nuser", "f:3 should start with user keyword followed by the username. "),
        ("# users", "f:1 should start with user keyword followed by the username. "),
        ("user a\tb on", "'f:1: username 'a\tb' contains invalid characters. "),
        ("user ann on\nuser ann off", "WARNING: Duplicate user 'ann' found on line 2. "),
        ("user ann (~a", "f:1: Unmatched parenthesis in selector definition."),
        (
            "user ann +nothing ~a +@nothing",
            "f:1: Error in applying operation '+nothing': Unknown command or category name in ACL. f:1: Error in applying \
             operation '+@nothing': Unknown command or category name in ACL. ",
        ),
        ("user ann nonsense more\nuser bob nonsense", "f:1: Syntax error. f:2: Syntax error. "),
    ] {
        assert_eq!(acl.load("f", text.as_bytes()), Err(format!("{error}{kept}")), "{text}");
        assert_eq!(acl.text(), b"user default on nopass ~* &* +@all\n");
    }
    acl.load("f", b"\r\nuser bob  on  ( ~a   +get ) \r\n\nuser default off").unwrap();
    assert_eq!(
        String::from_utf8(acl.text()).unwrap(),
        "user bob on resetchannels -@all (~a resetchannels -@all +get)\nuser default off resetchannels -@all\n"
    );
    acl.load("f", b"").unwrap();
    assert_eq!(acl.text(), b"user default on nopass ~* &* +@all\n");
}
