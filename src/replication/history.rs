//! The history that our data follows, and the one before it up to where they agree.
//!
//! `can_continue` is the whole of PSYNC's decision, pure. The history changes in four ways: `promote` (we go on
//! alone), `continue_with` (our master did), `adopt` (a full resync gave us another), `renew` (ours cannot be
//! continued any more). The bytes themselves are the log's.

use super::Level;
use super::position::{PsyncRequest, ReplId};
use crate::log::{Log, Offset};

/// What stands for the previous history where there is none.
const NO_REPLID: &str = "0000000000000000000000000000000000000000";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    replid: ReplId,
    /// The history before, and the offset up to which ours equals it.
    previous: Option<(ReplId, Offset)>,
}

/// The answer to a PSYNC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The stream goes on behind `from`.
    Continue {
        from: Offset,
    },
    FullResync(FullResyncReason),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FullResyncReason {
    /// The replica asked for it (`PSYNC ? -1`).
    Requested,
    /// Neither our history nor the previous one.
    UnknownHistory,
    /// The previous history, but beyond where ours left it.
    BeyondPrevious,
    /// Our history, but bytes that the log has let go, or that are still to come.
    NotInLog,
}

impl History {
    pub fn new(replid: ReplId) -> History {
        History { replid, previous: None }
    }

    /// As a master after a clean restart: a new history that goes on where the saved one ended.
    pub fn restarted_as_master(saved: ReplId, offset: Offset, fresh: ReplId) -> History {
        History { replid: fresh, previous: Some((saved, offset)) }
    }

    pub fn replid(&self) -> &ReplId {
        &self.replid
    }

    /// The history before, and the offset up to which it was ours.
    pub fn previous(&self) -> Option<&(ReplId, Offset)> {
        self.previous.as_ref()
    }

    /// master_replid2 of INFO.
    pub fn replid2(&self) -> &str {
        self.previous.as_ref().map_or(NO_REPLID, |(replid, _)| replid.as_str())
    }

    /// second_repl_offset of INFO: the first byte that is not of the previous history, -1 without one.
    pub fn second_repl_offset(&self) -> i64 {
        self.previous.map_or(-1, |(_, offset)| offset.next_byte() as i64)
    }

    /// We go on alone from `offset`: those who followed the same master can follow us.
    pub fn promote(&mut self, fresh: ReplId, offset: Offset) {
        self.previous = Some((self.replid, offset));
        self.replid = fresh;
    }

    /// Our master answered `+CONTINUE <replid>` at our `offset`. True if that is a new name: then our own peers
    /// must reconnect to learn it.
    pub fn continue_with(&mut self, replid: ReplId, offset: Offset) -> bool {
        let renamed = replid != self.replid;
        if renamed {
            self.promote(replid, offset);
        }
        renamed
    }

    /// A full resync replaced our data: nothing of before is valid.
    pub fn adopt(&mut self, replid: ReplId) {
        *self = History::new(replid);
    }

    /// The old name must not be continued by anyone: the log is created or freed, or an operator wants it so.
    pub fn renew(&mut self, fresh: ReplId) {
        *self = History::new(fresh);
    }

    /// Whether `request` can be served from `log`.
    pub fn can_continue(&self, request: &PsyncRequest, log: &Log) -> Verdict {
        if request.wants_full_resync() {
            return Verdict::FullResync(FullResyncReason::Requested);
        }
        if !request.names(&self.replid) {
            match self.previous {
                Some((replid, _)) if !request.names(&replid) => {
                    return Verdict::FullResync(FullResyncReason::UnknownHistory);
                }
                Some((_, agreed)) if request.offset().is_some_and(|offset| offset > agreed) => {
                    return Verdict::FullResync(FullResyncReason::BeyondPrevious);
                }
                Some(_) => {}
                None => return Verdict::FullResync(FullResyncReason::UnknownHistory),
            }
        }
        match request.offset() {
            Some(from) if log.holds(from) => Verdict::Continue { from },
            _ => Verdict::FullResync(FullResyncReason::NotInLog),
        }
    }

    /// What to log about a promotion, right after it.
    pub fn promotion_line(&self) -> String {
        format!(
            "Setting secondary replication ID to {}, valid up to offset: {}. New replication ID is {}",
            self.replid2(),
            self.second_repl_offset(),
            self.replid
        )
    }

    /// What to log about a request that ends in a full resync; `peer` is the replica's name in log lines.
    pub fn refusal_lines(
        &self,
        reason: FullResyncReason,
        request: &PsyncRequest,
        peer: &str,
        log: &Log,
    ) -> Vec<(Level, String)> {
        let line = match reason {
            FullResyncReason::Requested => format!("Full resync requested by replica {peer}"),
            FullResyncReason::UnknownHistory => format!(
                "Partial resynchronization not accepted: Replication ID mismatch (Replica asked for '{}', my \
                 replication IDs are '{}' and '{}')",
                request.replid,
                self.replid,
                self.replid2()
            ),
            FullResyncReason::BeyondPrevious => format!(
                "Partial resynchronization not accepted: Requested offset for second ID was {}, but I can reply up \
                 to {}",
                request.byte,
                self.second_repl_offset()
            ),
            FullResyncReason::NotInLog => format!(
                "Unable to partial resync with replica {peer} for lack of backlog (Replica request was: {}).",
                request.byte
            ),
        };
        let mut lines = vec![(Level::Notice, line)];
        let claims_the_future = request.offset().is_some_and(|offset| offset > log.appended());
        if reason == FullResyncReason::NotInLog && claims_the_future {
            let line = format!(
                "Warning: replica {peer} tried to PSYNC with an offset that is greater than the master replication \
                 offset."
            );
            lines.push((Level::Warning, line));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use FullResyncReason::*;

    fn id(letter: char) -> ReplId {
        ReplId::parse(letter.to_string().repeat(40).as_bytes()).unwrap()
    }

    /// A history `b` that was `a` up to 100, and a log that holds 50 to 200.
    fn promoted() -> (History, Log) {
        let mut history = History::new(id('a'));
        history.promote(id('b'), Offset(100));
        let mut log = Log::new(1 << 20);
        log.reset(Offset(50));
        log.append(&[0; 150]);
        (history, log)
    }

    #[test]
    fn the_whole_of_psync_in_a_table() {
        let (history, log) = promoted();
        let (a, b, c) = (id('a'), id('b'), id('c'));
        let (a, b, c) = (a.as_str(), b.as_str(), c.as_str());
        let table = [
            ("?", -1, Err(Requested)),
            ("?", 120, Err(Requested)),
            (b, 121, Ok(120)),
            (b, 51, Ok(50)),
            (b, 50, Err(NotInLog)),
            (b, 201, Ok(200)),
            (b, 202, Err(NotInLog)),
            (b, 0, Err(NotInLog)),
            (b, -1, Err(NotInLog)),
            (a, 101, Ok(100)),
            (a, 102, Err(BeyondPrevious)),
            (a, 50, Err(NotInLog)),
            (a, -5, Err(NotInLog)),
            (c, 101, Err(UnknownHistory)),
            ("", 101, Err(UnknownHistory)),
            (NO_REPLID, 101, Err(UnknownHistory)),
            (b, i64::MAX, Err(NotInLog)),
        ];
        for (replid, byte, answer) in table {
            let request = PsyncRequest { replid: replid.to_owned(), byte };
            let expected = match answer {
                Ok(from) => Verdict::Continue { from: Offset(from) },
                Err(reason) => Verdict::FullResync(reason),
            };
            assert_eq!(history.can_continue(&request, &log), expected, "{request:?}");
        }
    }

    #[test]
    fn nothing_continues_from_an_inactive_log_or_from_no_previous_history() {
        let request = PsyncRequest { replid: id('a').to_string(), byte: 1 };
        let verdict = History::new(id('a')).can_continue(&request, &Log::new(0));
        assert_eq!(verdict, Verdict::FullResync(NotInLog));
        let (_, log) = promoted();
        let nothing = PsyncRequest { replid: NO_REPLID.to_owned(), byte: 60 };
        assert_eq!(History::new(id('a')).can_continue(&nothing, &log), Verdict::FullResync(UnknownHistory));
    }

    #[test]
    fn a_promoted_history_shows_its_past_and_a_new_one_none() {
        let (mut history, _) = promoted();
        assert_eq!((history.replid2(), history.second_repl_offset()), (id('a').as_str(), 101));
        let line = history.promotion_line();
        assert!(line.contains(", valid up to offset: 101. New replication ID is bbbb"), "{line}");
        history.adopt(id('c'));
        assert_eq!((history.replid2(), history.second_repl_offset()), (NO_REPLID, -1));
        assert_eq!(history.replid(), &id('c'));
    }

    #[test]
    fn a_master_that_was_promoted_passes_its_new_name_on() {
        let mut history = History::new(id('a'));
        assert!(!history.continue_with(id('a'), Offset(70)));
        assert_eq!(history.previous(), None);
        assert!(history.continue_with(id('b'), Offset(70)));
        assert_eq!(history.previous(), Some(&(id('a'), Offset(70))));
    }

    #[test]
    fn refusals_say_what_redis_says() {
        let (history, log) = promoted();
        let lines = |replid: &str, byte| {
            let request = PsyncRequest { replid: replid.to_owned(), byte };
            let Verdict::FullResync(reason) = history.can_continue(&request, &log) else { panic!("it continues") };
            let lines = history.refusal_lines(reason, &request, "10.0.0.1:6380", &log);
            lines.into_iter().map(|(_, line)| line).collect::<Vec<_>>()
        };
        assert_eq!(lines("?", -1), ["Full resync requested by replica 10.0.0.1:6380"]);
        assert!(lines("x", 5)[0].starts_with("Partial resynchronization not accepted: Replication ID mismatch"));
        assert!(lines(id('a').as_str(), 150)[0].ends_with("second ID was 150, but I can reply up to 101"));
        assert_eq!(lines(id('b').as_str(), 20).len(), 1);
        let ahead = lines(id('b').as_str(), 5_000);
        assert!(ahead[0].ends_with("for lack of backlog (Replica request was: 5000)."));
        assert!(ahead[1].contains("greater than the master replication offset"));
    }
}
