//! Counting peers: who has acknowledged an offset (WAIT), who is near enough to write for (min-replicas-*).

use super::peer::{PeerState, PeerStatus};
use crate::log::Offset;
use crate::time::Millis;

/// Peers online that have acknowledged `offset`.
pub fn acknowledged<'a>(peers: impl IntoIterator<Item = &'a PeerStatus>, offset: Offset) -> usize {
    online(peers).filter(|peer| peer.acked >= offset).count()
}

/// Peers online whose last sign of life is at most `max_lag_s` seconds old (min_slaves_good_slaves).
pub fn good<'a>(peers: impl IntoIterator<Item = &'a PeerStatus>, now: Millis, max_lag_s: u64) -> usize {
    online(peers).filter(|peer| peer.lag_s(now) <= max_lag_s).count()
}

fn online<'a>(peers: impl IntoIterator<Item = &'a PeerStatus>) -> impl Iterator<Item = &'a PeerStatus> {
    peers.into_iter().filter(|peer| peer.state == PeerState::Online)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(state: PeerState, acked: u64, acked_at_ms: u64) -> PeerStatus {
        PeerStatus { state, acked: Offset(acked), acked_at: Millis(acked_at_ms), sent: None }
    }

    #[test]
    fn only_online_peers_count_by_offset_and_by_lag() {
        let peers = [
            peer(PeerState::Online, 100, 9_000),
            peer(PeerState::Online, 99, 1_000),
            peer(PeerState::SendBulk, 200, 9_000),
            peer(PeerState::WaitBgsave, 200, 9_000),
        ];
        assert_eq!(acknowledged(&peers, Offset(100)), 1);
        assert_eq!(acknowledged(&peers, Offset(99)), 2);
        assert_eq!(acknowledged(&peers, Offset(101)), 0);
        assert_eq!(good(&peers, Millis(10_999), 1), 1);
        assert_eq!(good(&peers, Millis(10_999), 9), 2);
        assert_eq!(good(&peers, Millis(12_000), 1), 0);
    }
}
