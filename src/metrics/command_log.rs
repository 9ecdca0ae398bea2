//! Requests worth a note, in three logs: slow ones (SLOWLOG of Redis), large ones, and such with a large reply
//! (COMMANDLOG of Valkey). Each keeps the latest, trimmed so that a note stays small whatever the request was.

use std::collections::VecDeque;

use crate::config::Settings;

/// Words of a request that a note keeps; the last says how many more there were.
const WORDS_MAX: usize = 32;
/// Bytes of a word that a note keeps.
const WORD_BYTES_MAX: usize = 128;

/// Which of the logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogKind {
    Slow,
    LargeRequest,
    LargeReply,
}

/// A request as a note keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trimmed(pub Vec<Vec<u8>>);

/// One noted request.
#[derive(Clone, Debug)]
pub struct Note {
    /// Grows by one per note, also beyond a reset.
    pub id: u64,
    pub unix_s: i64,
    /// Microseconds in the log of slow requests, bytes in the other two.
    pub value: u64,
    pub request: Trimmed,
    pub peer_addr: String,
    pub client_name: Vec<u8>,
}

/// The latest notes, newest first.
#[derive(Debug, Default)]
pub struct CommandLog {
    notes: VecDeque<Note>,
    next_id: u64,
    /// `None`: nothing is noted.
    threshold: Option<u64>,
    max_len: usize,
}

/// All three.
#[derive(Debug, Default)]
pub struct CommandLogs {
    pub slow: CommandLog,
    pub large_requests: CommandLog,
    pub large_replies: CommandLog,
}

impl Trimmed {
    /// Takes what a note keeps; `is_secret` names words whose content must not show.
    pub fn of<'a>(words: impl ExactSizeIterator<Item = &'a [u8]>, is_secret: impl Fn(usize) -> bool) -> Trimmed {
        let count = words.len();
        let kept = if count > WORDS_MAX { WORDS_MAX - 1 } else { count };
        let shown = |(index, word)| if is_secret(index) { b"(redacted)".to_vec() } else { trimmed(word) };
        let mut kept: Vec<Vec<u8>> = words.enumerate().take(kept).map(shown).collect();
        if count > WORDS_MAX {
            kept.push(format!("... ({} more arguments)", count - kept.len()).into_bytes());
        }
        Trimmed(kept)
    }
}

fn trimmed(word: &[u8]) -> Vec<u8> {
    if word.len() <= WORD_BYTES_MAX {
        return word.to_vec();
    }
    let rest = format!("... ({} more bytes)", word.len() - WORD_BYTES_MAX);
    [&word[..WORD_BYTES_MAX], rest.as_bytes()].concat()
}

impl CommandLog {
    /// Negative: nothing is noted.
    fn configure(&mut self, threshold: i64, max_len: usize) {
        self.threshold = u64::try_from(threshold).ok();
        self.max_len = max_len;
        self.notes.truncate(max_len);
    }

    /// The least value that is noted; none reaches the greatest number.
    pub fn threshold(&self) -> u64 {
        self.threshold.unwrap_or(u64::MAX)
    }

    pub fn add(&mut self, note: Note) {
        let id = self.next_id;
        self.next_id += 1;
        self.notes.push_front(Note { id, ..note });
        self.notes.truncate(self.max_len);
    }

    pub fn notes(&self) -> impl ExactSizeIterator<Item = &Note> {
        self.notes.iter()
    }

    pub fn clear(&mut self) {
        self.notes.clear();
    }
}

impl CommandLogs {
    pub(super) fn configure(&mut self, settings: &Settings) {
        self.slow.configure(settings.slowlog_log_slower_than_us, settings.slowlog_max_len);
        self.large_requests
            .configure(settings.commandlog_request_larger_than, settings.commandlog_large_request_max_len);
        self.large_replies.configure(settings.commandlog_reply_larger_than, settings.commandlog_large_reply_max_len);
    }

    pub fn of(&self, kind: LogKind) -> &CommandLog {
        match kind {
            LogKind::Slow => &self.slow,
            LogKind::LargeRequest => &self.large_requests,
            LogKind::LargeReply => &self.large_replies,
        }
    }

    pub fn of_mut(&mut self, kind: LogKind) -> &mut CommandLog {
        match kind {
            LogKind::Slow => &mut self.slow,
            LogKind::LargeRequest => &mut self.large_requests,
            LogKind::LargeReply => &mut self.large_replies,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note() -> Note {
        let request = Trimmed(vec![b"ping".to_vec()]);
        Note { id: 0, unix_s: 1, value: 2, request, peer_addr: String::new(), client_name: Vec::new() }
    }

    #[test]
    fn long_requests_and_long_words_are_trimmed() {
        let words = vec![&b"w"[..]; 33];
        let kept = Trimmed::of(words.into_iter(), |index| index == 1).0;
        assert_eq!((kept.len(), &kept[0][..], &kept[1][..]), (32, &b"w"[..], &b"(redacted)"[..]));
        assert_eq!(kept[31], b"... (2 more arguments)");
        let long = [b'A'; 129];
        let kept = Trimmed::of([&long[..]].into_iter(), |_| false).0;
        assert!(kept[0].ends_with(b"A... (1 more bytes)"));
    }

    #[test]
    fn the_latest_stay_and_numbers_go_on() {
        let mut log = CommandLog::default();
        log.configure(0, 3);
        (0..5).for_each(|_| log.add(note()));
        assert_eq!(log.notes().map(|note| note.id).collect::<Vec<_>>(), [4, 3, 2]);
        log.configure(0, 1);
        assert_eq!(log.notes().len(), 1);
        log.clear();
        log.add(note());
        assert_eq!(log.notes().map(|note| note.id).collect::<Vec<_>>(), [5]);
    }

    #[test]
    fn a_negative_threshold_notes_nothing() {
        let mut log = CommandLog::default();
        assert_eq!(log.threshold(), u64::MAX);
        log.configure(-1, 3);
        assert_eq!(log.threshold(), u64::MAX);
        log.configure(0, 3);
        assert_eq!(log.threshold(), 0);
    }
}
