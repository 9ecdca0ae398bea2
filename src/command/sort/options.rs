//! What a SORT asks for.

use std::ops::Range;

use crate::command::{Args, CommandError};

use super::pattern::Pattern;

const BY_DENIED: CommandError =
    CommandError::fixed("ERR BY option of SORT denied due to insufficient ACL permissions.");
const GET_DENIED: CommandError =
    CommandError::fixed("ERR GET option of SORT denied due to insufficient ACL permissions.");

/// Options that take so many words after them.
const WITH_WORDS: [(&str, usize); 3] = [("LIMIT", 2), ("GET", 1), ("BY", 1)];

#[derive(Default)]
pub(super) struct Options<'a> {
    /// What elements are compared by instead of themselves.
    pub by: Option<Pattern<'a>>,
    pub get: Vec<Pattern<'a>>,
    pub is_descending: bool,
    /// Texts are compared, not numbers.
    pub is_alpha: bool,
    /// The word that names the destination.
    pub store: Option<usize>,
    /// Offset and count; a negative count is all.
    limit: Option<(i64, i64)>,
    is_unsorted: bool,
}

impl<'a> Options<'a> {
    /// `may_follow`: the client may read whatever key elements point to.
    pub fn parse(args: &Args<'a>, may_store: bool, may_follow: bool) -> Result<Options<'a>, CommandError> {
        let mut options = Options::default();
        let mut index = 2;
        while index < args.len() {
            let follow = args.len() - index - 1;
            let words = match args.at(index).to_ascii_lowercase().as_slice() {
                b"asc" => options.take(|options| options.is_descending = false),
                b"desc" => options.take(|options| options.is_descending = true),
                b"alpha" => options.take(|options| options.is_alpha = true),
                b"limit" if follow >= 2 => {
                    options.limit = Some((args.int(index + 1)?, args.int(index + 2)?));
                    2
                }
                b"store" if follow >= 1 && may_store => {
                    options.store = Some(index + 1);
                    1
                }
                b"by" if follow >= 1 && !may_follow && args.at(index + 1).contains(&b'*') => return Err(BY_DENIED),
                b"get" if follow >= 1 && !may_follow => return Err(GET_DENIED),
                b"by" if follow >= 1 => {
                    options.by = Some(Pattern::new(args.at(index + 1)));
                    // What is the same for all elements does not order them.
                    options.is_unsorted |= !args.at(index + 1).contains(&b'*');
                    1
                }
                b"get" if follow >= 1 => {
                    options.get.push(Pattern::new(args.at(index + 1)));
                    1
                }
                _ => return Err(CommandError::SYNTAX),
            };
            index += 1 + words;
        }
        Ok(options)
    }

    fn take(&mut self, set: impl FnOnce(&mut Options<'a>)) -> usize {
        set(self);
        0
    }

    pub fn is_sorting(&self) -> bool {
        !self.is_unsorted
    }

    /// Sorts by the elements' texts though told not to sort.
    pub fn sort_anyway(&mut self) {
        if self.is_unsorted {
            self.is_unsorted = false;
            self.is_alpha = true;
            self.by = None;
        }
    }

    /// Which of so many elements are asked for.
    pub fn window(&self, len: usize) -> Range<usize> {
        let Some((offset, count)) = self.limit else { return 0..len };
        let start = usize::try_from(offset.max(0)).map_or(len, |start| start.min(len));
        let rest = len - start;
        let count = usize::try_from(count).map_or(rest, |count| count.min(rest));
        start..start + count
    }

    /// Which elements need to be looked at: to sort, all.
    pub fn window_of_unsorted(&self, len: usize) -> Range<usize> {
        if self.is_unsorted { self.window(len) } else { 0..len }
    }
}

/// Where the destination stands, in a request that may be malformed: the last one counts.
pub(super) fn destination(args: &[&[u8]]) -> Option<usize> {
    let is = |index: usize, word: &str| args[index].eq_ignore_ascii_case(word.as_bytes());
    let mut found = None;
    let mut index = 2;
    while index < args.len() {
        if let Some((_, words)) = WITH_WORDS.iter().find(|(option, _)| is(index, option)) {
            index += words;
        } else if is(index, "STORE") && index + 1 < args.len() {
            found = Some(index + 1);
        }
        index += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_stay_within_the_elements() {
        let window = |limit| Options { limit, ..Options::default() }.window(5);
        assert_eq!(window(None), 0..5);
        assert_eq!(window(Some((1, 2))), 1..3);
        assert_eq!(window(Some((-3, 2))), 0..2);
        assert_eq!(window(Some((3, -1))), 3..5);
        assert_eq!(window(Some((9, 2))), 5..5);
        assert_eq!(window(Some((1, i64::MAX))), 1..5);
        assert_eq!(window(Some((i64::MAX, i64::MAX))), 5..5);
    }

    #[test]
    fn the_last_destination_counts() {
        let at = |line: &str| destination(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>());
        assert_eq!(at("sort k store a store b"), Some(5));
        assert_eq!(at("sort k by store store d"), Some(5));
        assert_eq!(at("sort k limit 0 store"), None);
        assert_eq!(at("sort k store"), None);
    }
}
