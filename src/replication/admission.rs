//! Which waiting replicas' full resyncs start now.
//!
//! A replica waits `repl-diskless-sync-delay` for others to come, so that one snapshot serves them all; it never
//! waits for a full resync that already runs. `repl-max-full-syncs` bounds how many run side by side: who finds no
//! room keeps its place. Pure; the snapshots are the engine's.

use crate::time::Millis;

/// The directives that decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// `repl-diskless-sync-delay`, in milliseconds.
    pub delay_ms: u64,
    /// `repl-diskless-sync-max-replicas`: so many waiting replicas do not wait on; 0 means no such number.
    pub start_at_replicas: usize,
    /// `repl-max-full-syncs`.
    pub running_max: usize,
}

/// A replica that waits for its snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting<Peer> {
    pub peer: Peer,
    pub since: Millis,
}

impl Admission {
    /// Who starts now, longest wait first: nobody, or all that `running_max` leaves room for.
    pub fn admit<Peer: Copy>(&self, now: Millis, waiting: &[Waiting<Peer>], running: usize) -> Vec<Peer> {
        let mut waiting = waiting.to_vec();
        waiting.sort_by_key(|replica| replica.since);
        let enough = self.start_at_replicas > 0 && waiting.len() >= self.start_at_replicas;
        let waited = waiting.first().is_some_and(|oldest| now.since(oldest.since) >= self.delay_ms);
        if !enough && !waited {
            return Vec::new();
        }
        waiting.truncate(self.running_max.saturating_sub(running));
        waiting.iter().map(|replica| replica.peer).collect()
    }

    /// When `admit` may answer otherwise though nothing else happens.
    pub fn next_at<Peer>(&self, waiting: &[Waiting<Peer>], running: usize) -> Option<Millis> {
        let oldest = waiting.iter().map(|replica| replica.since).min()?;
        (running < self.running_max).then(|| oldest.plus(self.delay_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADMISSION: Admission = Admission { delay_ms: 5_000, start_at_replicas: 0, running_max: 3 };

    fn since(times: &[u64]) -> Vec<Waiting<usize>> {
        times.iter().enumerate().map(|(peer, at)| Waiting { peer, since: Millis(*at) }).collect()
    }

    #[test]
    fn the_first_to_wait_long_enough_takes_all_others_with_it() {
        let waiting = since(&[4_000, 1_000, 5_500]);
        assert!(ADMISSION.admit(Millis(5_999), &waiting, 0).is_empty());
        assert_eq!(ADMISSION.next_at(&waiting, 0), Some(Millis(6_000)));
        assert_eq!(ADMISSION.admit(Millis(6_000), &waiting, 0), [1, 0, 2]);
    }

    #[test]
    fn a_late_one_does_not_wait_for_a_running_one_but_for_room() {
        assert_eq!(ADMISSION.admit(Millis(9_000), &since(&[1_000, 2_000]), 2), [0]);
        assert!(ADMISSION.admit(Millis(9_000), &since(&[1_000]), 3).is_empty());
        assert_eq!(ADMISSION.next_at(&since(&[1_000]), 3), None);
        assert!(ADMISSION.admit(Millis(9_000), &since(&[1_000]), 4).is_empty());
    }

    #[test]
    fn enough_waiting_replicas_do_not_wait_on() {
        let admission = Admission { start_at_replicas: 2, ..ADMISSION };
        assert!(admission.admit(Millis(1_001), &since(&[1_000]), 0).is_empty());
        assert_eq!(admission.admit(Millis(1_001), &since(&[1_000, 1_001]), 0), [0, 1]);
    }

    #[test]
    fn nobody_waiting_is_nothing_to_do() {
        let nobody: [Waiting<usize>; 0] = [];
        assert!(ADMISSION.admit(Millis(9_000), &nobody, 0).is_empty());
        assert_eq!(ADMISSION.next_at(&nobody, 0), None);
    }
}
