//! The words that users are made of, as far as they belong to no part of a user.

use thiserror::Error;

use super::Commands;

/// Why a rule is refused, in Redis's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RuleError {
    #[error("Unknown command or category name in ACL")]
    UnknownCommand,
    #[error("Syntax error")]
    Syntax,
    #[error(
        "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try \
         'resetkeys' to start with an empty list of patterns"
    )]
    AfterAllKeys,
    #[error(
        "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. \
         Try 'resetchannels' to start with an empty list of channels"
    )]
    AfterAllChannels,
    #[error("The password you are trying to remove from the user does not exist")]
    NoSuchPassword,
    #[error("The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters")]
    BadHash,
    #[error("Allowing first-arg of a subcommand is not supported")]
    FirstArgumentOfSubcommand,
}

/// What rules are read by.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    pub commands: &'a Commands,
    /// What begins empty may use all channels.
    pub grants_channels: bool,
}

/// Whether a name or a pattern can stand in a line of users.
pub fn is_one_word(text: &[u8]) -> bool {
    !text.iter().any(|byte| matches!(byte, 0 | b' ' | b'\t'..=b'\r'))
}

/// Rules with each selector as one, wherever its parentheses stand. The error is where an open one begins.
pub fn merge_selectors<'r>(rules: &[&'r [u8]]) -> Result<Vec<Vec<u8>>, &'r [u8]> {
    let mut merged = Vec::new();
    let mut open: Option<(&[u8], Vec<u8>)> = None;
    for rule in rules {
        let closes = rule.ends_with(b")");
        if rule.starts_with(b"(") && !closes {
            open = Some((rule, rule.to_vec()));
        } else if let Some((start, selector)) = open.take() {
            let selector = [&selector, &b" "[..], rule].concat();
            if closes { merged.push(selector) } else { open = Some((start, selector)) }
        } else {
            merged.push(rule.to_vec());
        }
    }
    open.map_or(Ok(merged), |(start, _)| Err(start))
}
