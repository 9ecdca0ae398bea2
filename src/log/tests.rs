//! The log against a vector that keeps everything, and its rules one by one.

use proptest::prelude::*;

use super::blocks::BLOCK_BYTES;
use super::*;

const BLOCK: u64 = BLOCK_BYTES as u64;

/// Bytes that tell their offset, so that a read from the wrong place shows.
fn stream(from: u64, length: usize) -> Vec<u8> {
    (from..from + length as u64).map(|at| (at % 251) as u8).collect()
}

fn active_log(backlog_bytes: u64) -> Log {
    let mut log = Log::new(backlog_bytes);
    log.activate();
    log
}

fn filled(log: &mut Log, length: usize) {
    let bytes = stream(log.appended().0, length);
    log.append(&bytes);
}

fn read_all(log: &Log, mut from: Offset, max_bytes: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while from < log.appended() {
        let piece = log.read(from, max_bytes).unwrap();
        assert!(!piece.is_empty() && piece.len() <= max_bytes);
        from = from.plus(piece.len() as u64);
        bytes.extend_from_slice(&piece);
    }
    bytes
}

#[test]
fn an_inactive_log_neither_keeps_nor_counts() {
    let mut log = Log::new(1 << 20);
    log.append(b"nobody listens");
    assert_eq!((log.is_active(), log.appended(), log.held_bytes()), (false, Offset(0), 0));
    assert_eq!(log.read(Offset(0), 10), Err(NotInLog(Offset(0))));
    assert_eq!(log.attach(Offset(0)), Err(NotInLog(Offset(0))));
    assert_eq!(log.memory(), LogMemory::default());
    log.activate();
    log.append(b"somebody does");
    assert_eq!((log.is_active(), log.appended(), log.held_bytes()), (true, Offset(13), 13));
}

#[test]
fn activating_twice_keeps_what_is_there() {
    let mut log = active_log(1 << 20);
    log.append(b"abc");
    log.activate();
    assert_eq!(log.read(Offset(0), 10).unwrap(), "abc");
}

#[test]
fn reads_stop_at_block_borders_and_at_the_end() {
    let mut log = active_log(1 << 20);
    filled(&mut log, BLOCK_BYTES + 10);
    assert_eq!(log.read(Offset(BLOCK - 4), 100).unwrap(), stream(BLOCK - 4, 4));
    assert_eq!(log.read(Offset(BLOCK), 100).unwrap(), stream(BLOCK, 10));
    assert!(log.read(Offset(BLOCK + 10), 100).unwrap().is_empty());
    assert_eq!(log.read(Offset(BLOCK + 11), 100), Err(NotInLog(Offset(BLOCK + 11))));
    assert_eq!(read_all(&log, Offset(0), 7), stream(0, BLOCK_BYTES + 10));
}

#[test]
fn a_slice_outlives_its_block_in_the_log() {
    let mut log = active_log(MIN_BACKLOG_BYTES);
    filled(&mut log, BLOCK_BYTES);
    let slice = log.read(Offset(5), 20).unwrap();
    filled(&mut log, 4 * BLOCK_BYTES);
    assert!(!log.holds(Offset(5)));
    assert_eq!(slice, stream(5, 20));
}

#[test]
fn the_backlog_keeps_its_size_to_a_block() {
    let mut log = active_log(3 * BLOCK);
    for _ in 0..1_000 {
        filled(&mut log, 997);
        let wanted = log.appended().0.min(3 * BLOCK);
        assert!(log.held_bytes() >= wanted && log.held_bytes() < wanted + 2 * BLOCK);
    }
}

#[test]
fn the_slowest_cursor_pins_and_lets_go_at_once() {
    let mut log = active_log(MIN_BACKLOG_BYTES);
    let slow = log.attach(Offset(0)).unwrap();
    let fast = log.attach(Offset(0)).unwrap();
    filled(&mut log, 20 * BLOCK_BYTES);
    log.advance(fast, 20 * BLOCK);
    assert_eq!(log.first(), Offset(0));
    assert!(log.memory().uncounted_bytes >= 18 * BLOCK);
    log.advance(slow, 10 * BLOCK + 1);
    assert_eq!(log.first(), Offset(10 * BLOCK));
    log.detach(slow);
    assert_eq!(log.first(), Offset(19 * BLOCK));
    assert!(log.memory().uncounted_bytes < BLOCK);
}

#[test]
fn a_cursor_never_passes_the_end() {
    let mut log = active_log(MIN_BACKLOG_BYTES);
    let cursor = log.attach(Offset(0)).unwrap();
    filled(&mut log, 10);
    log.advance(cursor, u64::MAX);
    assert_eq!(log.position_of(cursor), Some(Offset(10)));
}

#[test]
fn a_reset_starts_elsewhere_and_forgets_all_cursors() {
    let mut log = active_log(1 << 20);
    filled(&mut log, 100);
    let cursor = log.attach(Offset(50)).unwrap();
    log.reset(Offset(7_000));
    assert_eq!((log.first(), log.appended(), log.cursors()), (Offset(7_000), Offset(7_000), 0));
    assert_eq!(log.position_of(cursor), None);
    log.advance(cursor, 10);
    log.detach(cursor);
    let other = log.attach(Offset(7_000)).unwrap();
    assert_ne!(cursor, other);
    filled(&mut log, 3);
    assert_eq!(log.read(Offset(7_000), 10).unwrap(), stream(7_000, 3));
}

#[test]
fn a_smaller_backlog_takes_effect_at_once_and_never_below_the_least() {
    let mut log = active_log(100 * BLOCK);
    filled(&mut log, 50 * BLOCK_BYTES);
    log.resize(10 * BLOCK);
    assert_eq!(log.held_bytes(), 10 * BLOCK);
    log.resize(1);
    assert_eq!((log.backlog_bytes(), log.held_bytes()), (MIN_BACKLOG_BYTES, MIN_BACKLOG_BYTES));
}

#[test]
fn much_that_is_let_go_goes_in_bounded_steps() {
    let mut log = active_log(MIN_BACKLOG_BYTES);
    let cursor = log.attach(Offset(0)).unwrap();
    let block = stream(0, BLOCK_BYTES);
    for _ in 0..RELEASED_BLOCKS_MAX + 100 {
        log.append(&block);
    }
    log.detach(cursor);
    assert_eq!(log.first(), Offset(RELEASED_BLOCKS_MAX as u64 * BLOCK));
    log.release();
    assert_eq!(log.held_bytes(), MIN_BACKLOG_BYTES);
}

#[test]
fn a_log_without_peers_is_freed_after_its_time_and_keeps_its_offset() {
    let ttl = Some(1_000);
    let mut log = active_log(1 << 20);
    filled(&mut log, 10);
    let cursor = log.attach(Offset(10)).unwrap();
    assert!(!log.expire(Millis(0), ttl));
    assert!(!log.expire(Millis(9_000), ttl));
    log.detach(cursor);
    assert!(!log.expire(Millis(9_500), ttl));
    assert!(!log.expire(Millis(10_000), None), "as a replica time does not count");
    assert!(!log.expire(Millis(20_000), ttl));
    assert!(!log.expire(Millis(21_000), ttl));
    assert!(log.expire(Millis(21_001), ttl));
    assert_eq!((log.is_active(), log.appended(), log.first()), (false, Offset(10), Offset(10)));
    assert!(!log.expire(Millis(99_000), ttl));
}

#[derive(Clone, Debug)]
enum Step {
    Append(usize),
    Attach(usize),
    Advance(usize, u64),
    Detach(usize),
    Resize(u64),
    Read(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..3 * BLOCK_BYTES).prop_map(Step::Append),
        4 => (0..200usize).prop_map(Step::Append),
        2 => any::<usize>().prop_map(Step::Attach),
        6 => (any::<usize>(), 0..3 * BLOCK).prop_map(|(which, bytes)| Step::Advance(which, bytes)),
        1 => any::<usize>().prop_map(Step::Detach),
        1 => (0..12 * BLOCK).prop_map(Step::Resize),
        6 => (any::<usize>(), 1..2 * BLOCK_BYTES).prop_map(|(at, max)| Step::Read(at, max)),
    ]
}

/// What the log must do, with nothing ever let go.
struct Model {
    start: u64,
    bytes: Vec<u8>,
    cursors: Vec<(CursorId, u64)>,
    /// Where the backlog has begun at most: a larger one later brings nothing back.
    backlog_from: u64,
}

impl Model {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// An offset that the log holds.
    fn held(&self, log: &Log, pick: usize) -> u64 {
        log.first().0 + pick as u64 % (self.end() - log.first().0 + 1)
    }

    fn apply(&mut self, log: &mut Log, step: Step) {
        match step {
            Step::Append(length) => {
                let bytes = stream(self.end(), length);
                log.append(&bytes);
                self.bytes.extend_from_slice(&bytes);
            }
            Step::Attach(pick) if self.cursors.len() < 4 => {
                let at = self.held(log, pick);
                self.cursors.push((log.attach(Offset(at)).unwrap(), at));
            }
            Step::Advance(pick, bytes) if !self.cursors.is_empty() => {
                let (index, end) = (pick % self.cursors.len(), self.end());
                let (cursor, at) = &mut self.cursors[index];
                log.advance(*cursor, bytes);
                *at = (*at + bytes).min(end);
            }
            Step::Detach(pick) if !self.cursors.is_empty() => {
                let (cursor, _) = self.cursors.swap_remove(pick % self.cursors.len());
                log.detach(cursor);
            }
            Step::Resize(bytes) => log.resize(bytes),
            Step::Read(pick, max_bytes) => {
                let at = self.held(log, pick);
                let read = log.read(Offset(at), max_bytes).unwrap();
                let expected = &self.bytes[(at - self.start) as usize..];
                assert_eq!(read, expected[..read.len()]);
                assert_eq!(read.is_empty(), expected.is_empty());
            }
            Step::Attach(_) | Step::Advance(..) | Step::Detach(_) => {}
        }
    }

    fn check(&mut self, log: &Log) {
        assert_eq!(log.appended().0, self.end());
        self.backlog_from = self.end().saturating_sub(log.backlog_bytes()).max(self.backlog_from);
        let needed_from = self.cursors.iter().map(|(_, at)| *at).chain([self.backlog_from]).min().unwrap();
        assert!(log.first().0 <= needed_from, "something needed was let go");
        for (cursor, at) in &self.cursors {
            assert_eq!(log.position_of(*cursor), Some(Offset(*at)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_log_reads_as_a_vector_that_keeps_everything(
        start in 0..3 * BLOCK,
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut log = Log::new(MIN_BACKLOG_BYTES);
        log.reset(Offset(start));
        let mut model = Model { start, bytes: Vec::new(), cursors: Vec::new(), backlog_from: start };
        for step in steps {
            model.apply(&mut log, step);
            model.check(&log);
        }
        log.release();
        let kept = model.cursors.iter().map(|(_, at)| *at).min().unwrap_or(u64::MAX);
        let wanted_from = kept.min(model.end().saturating_sub(log.backlog_bytes())).max(start);
        prop_assert!(wanted_from.saturating_sub(log.first().0) < BLOCK, "a block that nobody needs was kept");
        let expected = &model.bytes[(log.first().0 - start) as usize..];
        prop_assert_eq!(read_all(&log, log.first(), 10_000), expected);
    }
}
