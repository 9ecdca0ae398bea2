//! A key with its hash, computed once, outside the lock.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

/// Key bytes and their keyed 64-bit hash.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    pub bytes: &'a [u8],
    pub hash: u64,
}

/// SipHash-1-3 under the server's secret: who cannot know it cannot make keys collide.
#[derive(Clone, Copy, Debug)]
pub struct KeyHasher {
    secret: (u64, u64),
    /// Bits that hashes keep, so that tests can make keys collide.
    #[cfg(test)]
    mask: u64,
}

impl KeyHasher {
    pub fn new(secret: (u64, u64)) -> KeyHasher {
        KeyHasher {
            secret,
            #[cfg(test)]
            mask: u64::MAX,
        }
    }

    #[cfg(test)]
    pub(super) fn masked(secret: (u64, u64), mask: u64) -> KeyHasher {
        KeyHasher { secret, mask }
    }

    pub fn hash(&self, bytes: &[u8]) -> u64 {
        let mut sip = SipHasher13::new_with_keys(self.secret.0, self.secret.1);
        sip.write(bytes);
        let hash = sip.finish();
        #[cfg(test)]
        let hash = hash & self.mask;
        hash
    }

    pub fn key<'a>(&self, bytes: &'a [u8]) -> Key<'a> {
        Key { bytes, hash: self.hash(bytes) }
    }
}
