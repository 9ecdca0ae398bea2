//! Users as lines of text: `user <name> <rule>...`, in a file of their own or in the configuration.
//!
//! A file takes effect as a whole or not at all; there are no comments in it, since it is written anew as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::rules::{RuleError, is_one_word, merge_selectors};
use super::{Acl, User};
use crate::session::Identity;

/// Users that were read and do not hold yet.
type Draft = BTreeMap<Arc<[u8]>, User>;

impl Acl {
    /// Takes the users of a file in, in place of all others. Whoever is logged in as another than the default user has
    /// to be logged out: those users are gone, even if others have their names. The error is all that is wrong.
    pub fn load(&mut self, file_name: &str, text: &[u8]) -> Result<(), String> {
        let mut draft = Draft::new();
        let mut errors = String::new();
        for (line, number) in text.split(|byte| *byte == b'\n').zip(1..) {
            if let Err(error) = self.read_line(&mut draft, line.trim_ascii(), &format!("{file_name}:{number}"), number)
            {
                errors += &error;
            }
        }
        if !errors.is_empty() {
            let kept = "WARNING: ACL errors detected, no change to the previously active ACL rules was performed";
            return Err(errors + kept);
        }
        let default_name = Identity::default().name;
        draft.entry(default_name.clone()).or_insert_with(|| self.all_powerful());
        for name in self.ids.keys().cloned().collect::<Vec<_>>() {
            self.remove(&name);
        }
        for (name, user) in draft {
            self.put(&name, user);
        }
        Ok(())
    }

    fn read_line(&self, draft: &mut Draft, line: &[u8], place: &str, number: usize) -> Result<(), String> {
        if line.is_empty() {
            return Ok(());
        }
        let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        let [b"user", name, rules @ ..] = words.as_slice() else {
            return Err(format!("{place} should start with user keyword followed by the username. "));
        };
        let shown = String::from_utf8_lossy(name);
        if !is_one_word(name) {
            return Err(format!("'{place}: username '{shown}' contains invalid characters. "));
        }
        if draft.contains_key(*name) {
            return Err(format!("WARNING: Duplicate user '{shown}' found on line {number}. "));
        }
        let (user, error) = self.read_rules(rules, place);
        draft.insert((*name).into(), user);
        if error.is_empty() { Ok(()) } else { Err(error) }
    }

    /// A user by its rules, and what is wrong with them: each unknown command, and the first other error.
    fn read_rules(&self, rules: &[&[u8]], place: &str) -> (User, String) {
        let mut user = User::new(self.grants_channels);
        let Ok(merged) = merge_selectors(rules) else {
            return (user, format!("{place}: Unmatched parenthesis in selector definition."));
        };
        let (mut errors, mut is_broken) = (String::new(), false);
        for rule in merged {
            let rule = rule.trim_ascii();
            match user.apply(rule, self.terms()) {
                Err(error @ RuleError::UnknownCommand) => {
                    let rule = String::from_utf8_lossy(rule);
                    errors += &format!("{place}: Error in applying operation '{rule}': {error}. ");
                }
                Err(error) if !is_broken => {
                    errors += &format!("{place}: {error}. ");
                    is_broken = true;
                }
                _ => {}
            }
        }
        (user, errors)
    }

    /// All users as the text of a file.
    pub fn text(&self) -> Vec<u8> {
        self.users().flat_map(|user| [b"user ", &self.describe(user)[..], b"\n"].concat()).collect()
    }

    /// What is wrong with the rules of a line of the configuration: the rule, and why. Commands that are not known are
    /// told later, when the users are made.
    pub fn check_rules(&self, rules: &[Vec<u8>]) -> Result<(), (Vec<u8>, RuleError)> {
        let rules: Vec<&[u8]> = rules.iter().map(Vec::as_slice).collect();
        let merged = merge_selectors(&rules).map_err(|start| (start.to_vec(), RuleError::Syntax))?;
        let mut user = User::new(self.grants_channels);
        for rule in merged {
            match user.apply(&rule, self.terms()) {
                Ok(()) | Err(RuleError::UnknownCommand) => {}
                Err(error) => return Err((rule, error)),
            }
        }
        Ok(())
    }

    /// Makes a user of the configuration: words are its name and rules, from nothing.
    pub fn define(&mut self, words: &[Vec<u8>]) -> Result<&User, String> {
        let [name, rules @ ..] = words else { return Err("a user without a name".to_owned()) };
        if !is_one_word(name) {
            return Err("Spaces not allowed in ACL usernames".to_owned());
        }
        let rules: Vec<&[u8]> = rules.iter().map(Vec::as_slice).collect();
        let mut user = User::new(self.grants_channels);
        if **name == *Identity::default().name {
            user.apply(b"reset", self.terms()).map_err(|error| error.to_string())?;
        }
        for rule in merge_selectors(&rules).unwrap_or_default() {
            user.apply(&rule, self.terms()).map_err(|error| {
                let (rule, name) = (String::from_utf8_lossy(&rule), String::from_utf8_lossy(name));
                format!("Error loading ACL rule '{rule}' for the user named '{name}': {error}")
            })?;
        }
        let id = self.put(name, user);
        Ok(&self.user(id).rights)
    }
}
