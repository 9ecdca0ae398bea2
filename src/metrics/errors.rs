//! Errors that clients were answered, by their code: the first word of the line.

use std::collections::BTreeMap;

/// Codes told apart at most: scripts can make up any, and must not fill the memory with them.
const CODES_MAX: usize = 128;

/// Totals since the last reset.
#[derive(Clone, Debug, Default)]
pub struct ErrorStats {
    pub total: u64,
    by_code: BTreeMap<String, u64>,
    /// Counted, and not yet laid to a command's charge.
    pending: u32,
}

impl ErrorStats {
    /// An error line without `-`.
    #[cold]
    pub fn count(&mut self, line: &str) {
        self.total += 1;
        self.pending += 1;
        let code = match line.split_once(' ') {
            Some((code, _)) if !code.is_empty() => code,
            _ => "ERR",
        };
        if let Some(count) = self.by_code.get_mut(code) {
            *count += 1;
        } else if self.by_code.len() < CODES_MAX {
            self.by_code.insert(code.to_owned(), 1);
        }
    }

    /// The command under way fails by an error that was counted when it happened.
    pub fn note_counted(&mut self) {
        self.pending += 1;
    }

    /// Whether the command that has just ended was answered with an error: asked once per command, from the inside
    /// out, so that EXEC is not charged with what happened to a request in it.
    #[inline]
    pub fn take_pending(&mut self) -> bool {
        std::mem::take(&mut self.pending) > 0
    }

    pub fn by_code(&self) -> impl Iterator<Item = (&str, u64)> {
        self.by_code.iter().map(|(code, count)| (&**code, *count))
    }

    pub fn reset(&mut self) {
        *self = ErrorStats { pending: self.pending, ..ErrorStats::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_count_under_their_first_word() {
        let mut errors = ErrorStats::default();
        for line in ["ERR syntax error", "WRONGTYPE Operation", "ERR no such key", "lonely"] {
            errors.count(line);
        }
        assert_eq!(errors.by_code().collect::<Vec<_>>(), [("ERR", 3), ("WRONGTYPE", 1)]);
        assert_eq!(errors.total, 4);
        assert!(errors.take_pending());
        assert!(!errors.take_pending());
    }

    #[test]
    fn made_up_codes_fill_nothing() {
        let mut errors = ErrorStats::default();
        (0..1000).for_each(|number| errors.count(&format!("CODE{number} text")));
        assert_eq!((errors.total, errors.by_code().count()), (1000, CODES_MAX));
        errors.reset();
        assert_eq!((errors.total, errors.by_code().count()), (0, 0));
    }
}
