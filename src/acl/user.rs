//! A user: whether and how it logs in, and its rights.

use super::password::PasswordHash;
use super::rules::Terms;
use super::{Commands, Denied, Request, Rights, RuleError, Selector};

/// A new one cannot log in and may do nothing.
#[derive(Clone, Debug)]
pub struct User {
    is_enabled: bool,
    /// Any password will do.
    needs_no_password: bool,
    /// Payloads of RESTORE are looked through, as far as somebody has said so.
    sanitizes_payloads: Option<bool>,
    passwords: Vec<PasswordHash>,
    /// What stands outside parentheses.
    pub root: Selector,
    /// What stands in them. A request is allowed if any one of all selectors allows all of it.
    pub selectors: Vec<Selector>,
}

impl User {
    pub fn new(grants_channels: bool) -> User {
        User {
            is_enabled: false,
            needs_no_password: false,
            sanitizes_payloads: None,
            passwords: Vec::new(),
            root: Selector::new(grants_channels),
            selectors: Vec::new(),
        }
    }

    pub fn is_enabled(&self) -> bool {
        self.is_enabled
    }

    pub fn needs_no_password(&self) -> bool {
        self.needs_no_password
    }

    /// Takes one rule in. After an error the user is as it was.
    pub fn apply(&mut self, rule: &[u8], terms: Terms<'_>) -> Result<(), RuleError> {
        match rule.to_ascii_lowercase().as_slice() {
            b"" => {}
            b"on" => self.is_enabled = true,
            b"off" => self.is_enabled = false,
            b"skip-sanitize-payload" => self.sanitizes_payloads = Some(false),
            b"sanitize-payload" => self.sanitizes_payloads = Some(true),
            b"nopass" => self.set_password(None),
            b"resetpass" => self.forget_passwords(),
            b"clearselectors" => self.selectors.clear(),
            b"reset" => *self = User { sanitizes_payloads: Some(true), ..User::new(terms.grants_channels) },
            _ => return self.apply_prefixed(rule, terms),
        }
        Ok(())
    }

    fn apply_prefixed(&mut self, rule: &[u8], terms: Terms<'_>) -> Result<(), RuleError> {
        match rule {
            [b'>', password @ ..] => self.add_password(PasswordHash::of(password)),
            [b'#', hash @ ..] => self.add_password(PasswordHash::from_hex(hash).ok_or(RuleError::BadHash)?),
            [b'<', password @ ..] => self.remove_password(&PasswordHash::of(password))?,
            [b'!', hash @ ..] => self.remove_password(&PasswordHash::from_hex(hash).ok_or(RuleError::BadHash)?)?,
            [b'(', rules @ .., b')'] => self.selectors.push(Selector::parse(rules, terms)?),
            _ => return self.root.apply(rule, terms),
        }
        Ok(())
    }

    fn add_password(&mut self, hash: PasswordHash) {
        if !self.passwords.contains(&hash) {
            self.passwords.push(hash);
        }
        self.needs_no_password = false;
    }

    fn remove_password(&mut self, hash: &PasswordHash) -> Result<(), RuleError> {
        let at = self.passwords.iter().position(|known| known == hash).ok_or(RuleError::NoSuchPassword)?;
        self.passwords.remove(at);
        Ok(())
    }

    fn forget_passwords(&mut self) {
        self.passwords.clear();
        self.needs_no_password = false;
    }

    /// This password and no other; or none is needed.
    pub fn set_password(&mut self, password: Option<&[u8]>) {
        self.forget_passwords();
        match password {
            Some(password) => self.add_password(PasswordHash::of(password)),
            None => self.needs_no_password = true,
        }
    }

    /// Whether one may log in so. All passwords are looked at, whichever it is.
    pub(super) fn accepts(&self, hash: &PasswordHash) -> bool {
        let is_known = self.passwords.iter().fold(false, |found, known| found | known.is_same(hash));
        self.is_enabled && (self.needs_no_password || is_known)
    }

    fn all_selectors(&self) -> impl Iterator<Item = &Selector> {
        std::iter::once(&self.root).chain(&self.selectors)
    }

    /// The denial is the one that says most.
    pub fn permits(&self, request: &impl Request) -> Result<(), Denied> {
        let mut reason = Denied::Command;
        for selector in self.all_selectors() {
            match selector.permits(request) {
                Ok(()) => return Ok(()),
                Err(denied) => reason = reason.max(denied),
            }
        }
        Err(reason)
    }

    /// Whether one selector permits the request and has these rights to whatever key.
    pub fn permits_on_all_keys(&self, request: &impl Request, rights: Rights) -> bool {
        self.all_selectors().any(|selector| selector.keys.permit_all(rights) && selector.permits(request).is_ok())
    }

    /// Whether there is nothing that the user may not do.
    pub fn is_unrestricted(&self, commands: &Commands) -> bool {
        self.all_selectors().any(|selector| selector.permits_all(commands))
    }

    /// Whether the user may be subscribed to a channel, or to a pattern.
    pub fn may_hear(&self, name: &[u8], is_pattern: bool) -> bool {
        self.all_selectors().any(|selector| selector.channels.permit(name, is_pattern))
    }

    /// Whether channels that were allowed before are no longer.
    pub fn lost_channels_of(&self, before: &User) -> bool {
        let has_all = |user: &User| user.all_selectors().any(|selector| selector.channels.all);
        let is_kept = |pattern: &[u8]| {
            self.all_selectors().any(|selector| selector.channels.patterns().any(|known| known == pattern))
        };
        let mut patterns = before.all_selectors().flat_map(|selector| selector.channels.patterns());
        !has_all(self) && (has_all(before) || !patterns.all(is_kept))
    }

    /// The words for its login.
    pub fn flags(&self) -> impl Iterator<Item = &'static str> {
        [
            (self.is_enabled, "on"),
            (!self.is_enabled, "off"),
            (self.needs_no_password, "nopass"),
            (self.sanitizes_payloads == Some(false), "skip-sanitize-payload"),
            (self.sanitizes_payloads == Some(true), "sanitize-payload"),
        ]
        .into_iter()
        .filter_map(|(is_set, word)| is_set.then_some(word))
    }

    /// Digests in hexadecimal digits.
    pub fn passwords(&self) -> impl ExactSizeIterator<Item = String> {
        self.passwords.iter().map(PasswordHash::to_string)
    }

    /// As rules that make the same user.
    pub fn describe(&self, commands: &Commands) -> Vec<u8> {
        let flags = self.flags().map(|flag| flag.as_bytes().to_vec());
        let passwords = self.passwords().map(|hash| format!("#{hash}").into_bytes());
        let root = self.root.describe(commands, false);
        let inside = |selector: &Selector| [b"(", &selector.describe(commands, true)[..], b")"].concat();
        let parts = flags.chain(passwords).chain([root]).chain(self.selectors.iter().map(inside));
        parts.collect::<Vec<_>>().join(&b' ')
    }
}
