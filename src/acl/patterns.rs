//! Which keys and channels may be named: patterns, or all.

use crate::config::glob;

use super::Rights;

/// Keys that one selector lets its user touch.
#[derive(Clone, Debug, Default)]
pub struct KeyRules {
    pub all: bool,
    patterns: Vec<KeyPattern>,
}

#[derive(Clone, Debug)]
struct KeyPattern {
    pattern: Box<[u8]>,
    rights: Rights,
}

impl KeyPattern {
    fn describe(&self) -> Vec<u8> {
        let prefix = match self.rights {
            Rights::READ => "%R~",
            Rights::WRITE => "%W~",
            _ => "~",
        };
        [prefix.as_bytes(), &self.pattern].concat()
    }
}

impl KeyRules {
    /// All keys, or none.
    pub fn reset(&mut self, all: bool) {
        *self = KeyRules { all, patterns: Vec::new() };
    }

    /// A pattern given twice has both rights.
    pub fn add(&mut self, pattern: &[u8], rights: Rights) {
        match self.patterns.iter_mut().find(|known| *known.pattern == *pattern) {
            Some(known) => known.rights = known.rights | rights,
            None => self.patterns.push(KeyPattern { pattern: pattern.into(), rights }),
        }
    }

    pub fn permit(&self, key: &[u8], rights: Rights) -> bool {
        let matches = |known: &KeyPattern| known.rights.cover(rights) && glob::matches(&known.pattern, key, false);
        self.all || self.patterns.iter().any(matches)
    }

    /// Whether they have these rights to whatever key.
    pub fn permit_all(&self, rights: Rights) -> bool {
        self.all || self.patterns.iter().any(|known| known.rights.cover(rights) && *known.pattern == *b"*")
    }

    /// As the rules that lead to them.
    pub fn describe(&self) -> Vec<Vec<u8>> {
        if self.all {
            return vec![b"~*".to_vec()];
        }
        // Among others, `~*` would be refused, or would take their place.
        let is_alone = self.patterns.len() == 1;
        let describe = |known: &KeyPattern| match known.describe() {
            text if text == b"~*" && !is_alone => b"%RW~*".to_vec(),
            text => text,
        };
        self.patterns.iter().map(describe).collect()
    }
}

/// Channels that one selector lets its user publish and subscribe to.
#[derive(Clone, Debug, Default)]
pub struct ChannelRules {
    pub all: bool,
    patterns: Vec<Box<[u8]>>,
}

impl ChannelRules {
    /// All channels, or none.
    pub fn reset(&mut self, all: bool) {
        *self = ChannelRules { all, patterns: Vec::new() };
    }

    pub fn add(&mut self, pattern: &[u8]) {
        if !self.patterns.iter().any(|known| **known == *pattern) {
            self.patterns.push(pattern.into());
        }
    }

    /// A channel must match; a pattern must be one of those that are allowed.
    pub fn permit(&self, name: &[u8], is_pattern: bool) -> bool {
        let matches = |known: &[u8]| if is_pattern { known == name } else { glob::matches(known, name, false) };
        self.all || self.patterns.iter().any(|known| matches(known))
    }

    pub fn patterns(&self) -> impl Iterator<Item = &[u8]> {
        self.patterns.iter().map(|pattern| &**pattern)
    }

    /// As the rules that lead to them, `resetchannels` apart.
    pub fn describe(&self) -> Vec<Vec<u8>> {
        if self.all { vec![b"&*".to_vec()] } else { self.patterns().map(|pattern| [b"&", pattern].concat()).collect() }
    }
}
