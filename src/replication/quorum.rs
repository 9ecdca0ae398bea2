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
