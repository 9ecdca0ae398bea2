//! The elements of a list's chunk: packed, or, where all are strings of one length, one after the other without headers.
//!
//! ```text
//! 0xf9, a length, elements      uniform: so many bytes each
//! anything else                 packed elements
//! ```
//! Lists of IDs, hashes and the like have elements of one length; the header would be 6 % of 16 bytes.

use std::borrow::Cow;

use super::packed::{Kept, Packed, Text, integer, pack, put};

const UNIFORM: u8 = 0xf9;
const PREFIX: usize = 2;

/// A chunk's elements, and the walk through them.
#[derive(Clone, Copy)]
pub enum Run<'a> {
    Packed(Packed<'a>),
    Uniform { len: usize, rest: &'a [u8] },
}

impl<'a> Run<'a> {
    pub fn of(chunk: &'a [u8]) -> Run<'a> {
        match chunk {
            [UNIFORM, len, rest @ ..] => Run::Uniform { len: usize::from(*len), rest },
            packed => Run::Packed(Packed::new(packed)),
        }
    }

    /// Where in its chunk the element `index` begins, or where the last one ends.
    pub fn offset(mut self, index: usize) -> usize {
        match &mut self {
            Run::Packed(packed) => packed.pass(index),
            Run::Uniform { len, .. } => PREFIX + *len * index,
        }
    }

    /// Passes over so many elements.
    pub fn pass(&mut self, count: usize) {
        match self {
            Run::Packed(packed) => drop(packed.pass(count)),
            Run::Uniform { len, rest } => *rest = &rest[*len * count..],
        }
    }

    /// An element as it lies in such a run; `None` if the run must be packed to take it.
    pub fn form_of(self, element: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        match self {
            Run::Packed(_) => Some(pack([element]).into()),
            Run::Uniform { len, .. } => (uniform_len(element) == Some(len)).then_some(element.into()),
        }
    }

    /// What another run's elements are as bytes in this one, if they need not be packed anew.
    pub fn elements_of(self, other: Run<'a>) -> Option<&'a [u8]> {
        match (self, other) {
            (Run::Packed(_), Run::Packed(more)) => Some(more.bytes()),
            (Run::Uniform { len, .. }, Run::Uniform { len: same, rest }) if len == same => Some(rest),
            _ => None,
        }
    }

    /// The chunk of the elements from here on.
    pub fn chunk(self) -> Cow<'a, [u8]> {
        match self {
            Run::Packed(packed) => packed.bytes().into(),
            Run::Uniform { len, rest } => [&[UNIFORM, len as u8], rest].concat().into(),
        }
    }

    /// The elements from here on, packed.
    pub fn packed(self) -> Cow<'a, [u8]> {
        match self {
            Run::Packed(packed) => packed.bytes().into(),
            Run::Uniform { len, rest } => pack(rest.chunks_exact(len)).into(),
        }
    }
}

impl<'a> Iterator for Run<'a> {
    type Item = Text<'a>;

    #[inline]
    fn next(&mut self) -> Option<Text<'a>> {
        match self {
            Run::Packed(packed) => packed.next(),
            Run::Uniform { len, rest } => {
                let (element, more) = rest.split_at_checked(*len)?;
                *rest = more;
                Some(Text::Lent(element))
            }
        }
    }
}

/// The length that a uniform run would have of which this is an element.
fn uniform_len(element: &[u8]) -> Option<usize> {
    ((1..=255).contains(&element.len()) && integer(element).is_none()).then_some(element.len())
}

/// A chunk of one element.
pub fn chunk_of(element: &[u8]) -> Vec<u8> {
    match uniform_len(element) {
        Some(len) => [&[UNIFORM, len as u8], element].concat(),
        None => pack([element]),
    }
}

/// A chunk of at most `max` bytes, or of one element, from the head of packed elements, and how many it holds. It is
/// uniform if all that it can hold, or all that there is, is of one length.
pub fn take_chunk(packed: &mut Packed<'_>, max: usize) -> (Vec<u8>, usize) {
    if let Some((chunk, count)) = take_uniform(*packed, max) {
        packed.pass(count);
        return (chunk, count);
    }
    let (mut chunk, mut count) = (Vec::new(), 0);
    while !packed.bytes().is_empty() {
        let mut after = *packed;
        let len = after.pass(1);
        if count > 0 && chunk.len() + len > max {
            break;
        }
        chunk.extend_from_slice(&packed.bytes()[..len]);
        (*packed, count) = (after, count + 1);
    }
    (chunk, count)
}

fn take_uniform(mut packed: Packed<'_>, max: usize) -> Option<(Vec<u8>, usize)> {
    let Kept::String(first) = packed.take_first()? else { return None };
    let len = uniform_len(first)?;
    let (mut chunk, mut count) = (chunk_of(first), 1);
    while chunk.len() + len <= max {
        match packed.take_first() {
            None => break,
            Some(Kept::String(element)) if element.len() == len => chunk.extend_from_slice(element),
            Some(_) => return None,
        }
        count += 1;
    }
    Some((chunk, count))
}

/// A run as a packed chunk, with one more element before the one at `index`.
pub fn packed_with(mut run: Run<'_>, index: usize, element: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    run.by_ref().take(index).for_each(|text| put(&mut packed, &text));
    put(&mut packed, element);
    run.for_each(|text| put(&mut packed, &text));
    packed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(run: Run<'_>) -> Vec<String> {
        run.map(|text| String::from_utf8_lossy(&text).into_owned()).collect()
    }

    #[test]
    fn elements_of_one_length_have_no_headers() {
        for (elements, uniform) in [
            (vec!["ab", "cd", "ef"], true),
            (vec!["ab", "12", "ef"], false),
            (vec!["ab", "cde"], false),
            (vec!["", ""], false),
            (vec!["007", "008"], true),
        ] {
            let packed = pack(elements.iter().map(|text| text.as_bytes()));
            let mut rest = Packed::new(&packed);
            let (chunk, count) = take_chunk(&mut rest, 100);
            assert_eq!(
                (texts(Run::of(&chunk)), count),
                (elements.iter().map(|e| e.to_string()).collect(), elements.len())
            );
            assert_eq!(matches!(Run::of(&chunk), Run::Uniform { .. }), uniform, "{elements:?}");
            assert_eq!(&*Run::of(&chunk).packed(), packed);
        }
    }

    #[test]
    fn a_chunk_ends_at_its_limit() {
        for (text, taken) in [("abcd", 4), ("1234", 6)] {
            let packed = pack([text.as_bytes(); 20]);
            let mut rest = Packed::new(&packed);
            assert_eq!(take_chunk(&mut rest, 18).1, taken, "{text}");
            assert_eq!(rest.count(), 20 - taken);
        }
    }
}
