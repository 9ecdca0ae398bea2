//! What an element points to: `#` itself, `prefix*suffix` the string of a key, `prefix*suffix->field` a field of a
//! hash.

use crate::command::Database;

/// Where patterns are looked up.
pub(super) struct Lookup<'l, 'd> {
    pub db: &'l mut Database<'d>,
    /// What has expired is deleted first, so that whoever follows the stream finds the same.
    pub is_storing: bool,
}

pub(super) enum Pattern<'a> {
    /// `#`.
    Element,
    /// It names no key: nothing is found.
    Nothing,
    Key {
        before: &'a [u8],
        after: &'a [u8],
        field: Option<&'a [u8]>,
    },
}

impl<'a> Pattern<'a> {
    pub fn new(pattern: &'a [u8]) -> Pattern<'a> {
        if pattern == b"#" {
            return Pattern::Element;
        }
        let Some(star) = pattern.iter().position(|byte| *byte == b'*') else { return Pattern::Nothing };
        let (before, rest) = (&pattern[..star], &pattern[star + 1..]);
        match rest.windows(2).position(|two| two == b"->") {
            Some(arrow) if arrow + 2 < rest.len() => {
                Pattern::Key { before, after: &rest[..arrow], field: Some(&rest[arrow + 2..]) }
            }
            _ => Pattern::Key { before, after: rest, field: None },
        }
    }

    /// What the element points to; nothing where the key is missing or holds something else.
    pub fn follow(&self, lookup: &mut Lookup<'_, '_>, element: &[u8]) -> Option<Vec<u8>> {
        let (before, after, field) = match *self {
            Pattern::Element => return Some(element.to_vec()),
            Pattern::Nothing => return None,
            Pattern::Key { before, after, field } => (before, after, field),
        };
        let name = [before, element, after].concat();
        let key = lookup.db.keyspace.hasher().key(&name);
        let (db, is_storing) = (&mut *lookup.db, lookup.is_storing);
        if let Some(field) = field {
            let hash = if is_storing { db.write_hash(key) } else { db.read_hash(key) };
            return Some(hash.ok()??.value(field)?.to_vec());
        }
        let string = if is_storing { db.write_string(key) } else { db.read_string(key) };
        Some(string.ok()??.to_cow().into_owned())
    }
}
