//! One set of rights that hold together: commands, keys and channels. A user has one of its own, and any number more.

use super::command_rules::CommandRules;
use super::patterns::{ChannelRules, KeyRules};
use super::rules::{Terms, is_one_word};
use super::{Commands, Denied, Request, Rights, RuleError};
use crate::words::{quote, quote_if_needed, split_words};

/// May do nothing until rules say otherwise.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    pub commands: CommandRules,
    pub keys: KeyRules,
    pub channels: ChannelRules,
}

impl Selector {
    pub fn new(grants_channels: bool) -> Selector {
        let mut selector = Selector::default();
        selector.channels.all = grants_channels;
        selector
    }

    /// A selector in parentheses: its rules are words of a line.
    pub fn parse(text: &[u8], terms: Terms<'_>) -> Result<Selector, RuleError> {
        let mut selector = Selector::new(terms.grants_channels);
        for rule in split_words(text).map_err(|_| RuleError::Syntax)? {
            selector.apply(&rule, terms)?;
        }
        Ok(selector)
    }

    pub fn apply(&mut self, rule: &[u8], terms: Terms<'_>) -> Result<(), RuleError> {
        match rule.to_ascii_lowercase().as_slice() {
            b"allkeys" | b"~*" => self.keys.reset(true),
            b"resetkeys" => self.keys.reset(false),
            b"allchannels" | b"&*" => self.channels.reset(true),
            b"resetchannels" => self.channels.reset(false),
            b"allcommands" | b"+@all" => self.commands.allow_all(),
            b"nocommands" | b"-@all" => self.commands.allow_none(),
            _ => return self.apply_prefixed(rule, terms.commands),
        }
        Ok(())
    }

    fn apply_prefixed(&mut self, rule: &[u8], commands: &Commands) -> Result<(), RuleError> {
        match rule {
            [b'~', pattern @ ..] => self.add_key_pattern(pattern, Rights::ALL),
            [b'%', rest @ ..] => {
                let (rights, pattern) = split_rights(rest)?;
                self.add_key_pattern(pattern, rights)
            }
            [b'&', pattern @ ..] => self.add_channel_pattern(pattern),
            [sign @ (b'+' | b'-'), b'@', name @ ..] => {
                let category = commands.category(name).ok_or(RuleError::UnknownCommand)?;
                self.commands.change_category(commands, category, *sign == b'+');
                Ok(())
            }
            [b'+', name @ ..] if name.contains(&b'|') => self.allow_part(name, commands),
            [sign @ (b'+' | b'-'), name @ ..] => {
                let id = commands.find(name).ok_or(RuleError::UnknownCommand)?;
                self.commands.change(commands, id, *sign == b'+');
                Ok(())
            }
            _ => Err(RuleError::Syntax),
        }
    }

    fn add_key_pattern(&mut self, pattern: &[u8], rights: Rights) -> Result<(), RuleError> {
        if self.keys.all {
            return Err(RuleError::AfterAllKeys);
        }
        if !is_one_word(pattern) {
            return Err(RuleError::Syntax);
        }
        self.keys.add(pattern, rights);
        Ok(())
    }

    fn add_channel_pattern(&mut self, pattern: &[u8]) -> Result<(), RuleError> {
        if self.channels.all {
            return Err(RuleError::AfterAllChannels);
        }
        if !is_one_word(pattern) {
            return Err(RuleError::Syntax);
        }
        self.channels.add(pattern);
        Ok(())
    }

    /// `config|get`: a subcommand; `select|0`: a command with this first argument only.
    fn allow_part(&mut self, name: &[u8], commands: &Commands) -> Result<(), RuleError> {
        let bar = name.iter().rposition(|byte| *byte == b'|').unwrap_or_default();
        let (whole, part) = (&name[..bar], &name[bar + 1..]);
        let id = commands.find(whole).ok_or(RuleError::UnknownCommand)?;
        let row = commands.row(id);
        if row.is_subcommand {
            return Err(RuleError::FirstArgumentOfSubcommand);
        }
        if part.is_empty() {
            return Err(RuleError::Syntax);
        }
        if row.subcommands.is_empty() {
            self.commands.allow_first_argument(id, part);
        } else {
            let id = commands.find(name).ok_or(RuleError::UnknownCommand)?;
            self.commands.change(commands, id, true);
        }
        Ok(())
    }

    pub fn permits(&self, request: &impl Request) -> Result<(), Denied> {
        if !request.is_for_all() && !self.commands.permit(request.command(), request.first_argument()) {
            return Err(Denied::Command);
        }
        if !self.keys.all
            && let Some(at) = request.forbidden_key(|key, rights| self.keys.permit(key, rights))
        {
            return Err(Denied::Key(at));
        }
        if !self.channels.all
            && let Some(at) = request.forbidden_channel(|name, is_pattern| self.channels.permit(name, is_pattern))
        {
            return Err(Denied::Channel(at));
        }
        Ok(())
    }

    /// Whether it permits everything.
    pub fn permits_all(&self, commands: &Commands) -> bool {
        self.keys.all && self.channels.all && self.commands.permit_all(commands)
    }

    /// As rules. Inside parentheses words are read with their quotes, so there they are quoted where that matters, also
    /// where they would be taken for the end.
    pub fn describe(&self, commands: &Commands, is_inside: bool) -> Vec<u8> {
        let mut words = self.keys.describe();
        if !self.channels.all {
            words.push(b"resetchannels".to_vec());
        }
        words.extend(self.channels.describe());
        if is_inside {
            let quoted = |word: &[u8]| if word.ends_with(b")") { quote(word) } else { quote_if_needed(word) };
            words.iter_mut().for_each(|word| *word = quoted(word));
        }
        words.push(self.commands.describe(commands).into_bytes());
        words.join(&b' ')
    }
}

/// `R~pattern`, `W~pattern`, `RW~pattern`, each letter at most once; one at least, or nobody could say what it allows.
fn split_rights(text: &[u8]) -> Result<(Rights, &[u8]), RuleError> {
    let mut rights = Rights::NONE;
    let mut rest = text;
    while let [letter, tail @ ..] = rest {
        let right = match letter.to_ascii_uppercase() {
            b'R' => Rights::READ,
            b'W' => Rights::WRITE,
            b'~' => {
                rest = tail;
                break;
            }
            _ => return Err(RuleError::Syntax),
        };
        if rights.cover(right) {
            return Err(RuleError::Syntax);
        }
        rights = rights | right;
        rest = tail;
    }
    if rights == Rights::NONE { Err(RuleError::Syntax) } else { Ok((rights, rest)) }
}
