//! A place in a history: (replid, offset, selected db), and how PSYNC names it.
//!
//! PSYNC asks for the next byte, not for the offset reached; `Position::psync_offset` and `PsyncRequest::offset`
//! are the two directions of that step. Whether a request can be served is `History`'s question.

use std::fmt;

use rand::Rng;

use crate::log::Offset;

const REPLID_LEN: usize = 40;

/// The name of a history: 40 hexadecimal digits, drawn at random.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReplId([u8; REPLID_LEN]);

impl ReplId {
    /// A new name, from the generator that the caller seeds.
    pub fn random(rng: &mut impl Rng) -> ReplId {
        let mut bytes = [0; REPLID_LEN / 2];
        rng.fill_bytes(&mut bytes);
        let mut digits = [0; REPLID_LEN];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
            pair[0] = hex_digit(byte >> 4);
            pair[1] = hex_digit(byte & 15);
        }
        ReplId(digits)
    }

    /// Reads a name from wire or file; letters may be large. None if it is not 40 letters and digits.
    pub fn parse(text: &[u8]) -> Option<ReplId> {
        let digits: [u8; REPLID_LEN] = text.try_into().ok()?;
        digits.iter().all(u8::is_ascii_alphanumeric).then(|| ReplId(digits.map(|digit| digit.to_ascii_lowercase())))
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only ASCII is let in")
    }
}

fn hex_digit(nibble: u8) -> u8 {
    b"0123456789abcdef"[usize::from(nibble)]
}

impl fmt::Display for ReplId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ReplId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplId({})", self.as_str())
    }
}

/// A place in a history: of a snapshot, in the RDB, in PSYNC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub replid: ReplId,
    /// Bytes of the stream up to here.
    pub offset: Offset,
    /// The database that the stream has selected here; none where it begins with a SELECT.
    pub db: Option<usize>,
}

impl Position {
    /// What PSYNC asks for to go on from here: the next byte.
    pub fn psync_offset(&self) -> u64 {
        self.offset.next_byte()
    }
}

/// The arguments of PSYNC: the history that a replica has, and the next byte that it wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PsyncRequest {
    /// As the replica wrote it (cut and cleaned for the log): `?`, a replid, or anything else.
    pub replid: String,
    /// Number of the first byte wanted; -1 goes with `?`.
    pub byte: i64,
}

impl PsyncRequest {
    /// Longest replid text kept; a longer one matches nothing anyway.
    const REPLID_TEXT_MAX: usize = 64;

    /// None if the offset is not an integer.
    pub fn parse(replid: &[u8], byte: &[u8]) -> Option<PsyncRequest> {
        let byte = std::str::from_utf8(byte).ok()?.parse().ok()?;
        let text = String::from_utf8_lossy(&replid[..replid.len().min(Self::REPLID_TEXT_MAX)]);
        let replid = text.chars().map(|c| if c.is_control() { '.' } else { c }).collect();
        Some(PsyncRequest { replid, byte })
    }

    /// Whether the replica wants a full resync outright.
    pub fn wants_full_resync(&self) -> bool {
        self.replid.starts_with('?')
    }

    /// Whether the replica's history is the one named.
    pub fn names(&self, replid: &ReplId) -> bool {
        self.replid.eq_ignore_ascii_case(replid.as_str())
    }

    /// How far the replica says it has come; none for 0 and below.
    pub fn offset(&self) -> Option<Offset> {
        Offset::before_byte(self.byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn a_replid_is_forty_hex_digits_and_follows_from_the_seed() {
        let replid = |seed| ReplId::random(&mut StdRng::seed_from_u64(seed));
        assert_eq!(replid(1), replid(1));
        assert_ne!(replid(1), replid(2));
        assert!(replid(1).as_str().bytes().all(|digit| digit.is_ascii_hexdigit() && !digit.is_ascii_uppercase()));
        assert_eq!(ReplId::parse(replid(1).as_str().to_uppercase().as_bytes()), Some(replid(1)));
    }

    #[test]
    fn what_is_not_forty_letters_and_digits_is_no_replid() {
        for text in ["", "?", &"a".repeat(39), &"a".repeat(41), &format!("{}\n", "a".repeat(39))] {
            assert_eq!(ReplId::parse(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn psync_asks_for_the_next_byte_and_back() {
        let replid = ReplId::random(&mut StdRng::seed_from_u64(1));
        let position = Position { replid, offset: Offset(50), db: None };
        assert_eq!(position.psync_offset(), 51);
        let request = PsyncRequest::parse(replid.as_str().as_bytes(), b"51").unwrap();
        assert_eq!(request.offset(), Some(Offset(50)));
        assert!(request.names(&replid));
    }

    #[test]
    fn requests_from_the_wire() {
        let request = PsyncRequest::parse(b"?", b"-1").unwrap();
        assert!(request.wants_full_resync());
        assert_eq!(request.offset(), None);
        assert_eq!(PsyncRequest::parse(b"x", b"0").unwrap().offset(), None);
        assert_eq!(PsyncRequest::parse(b"x", b"1").unwrap().offset(), Some(Offset(0)));
        assert_eq!(PsyncRequest::parse(b"x", i64::MIN.to_string().as_bytes()).unwrap().offset(), None);
        assert_eq!(PsyncRequest::parse(b"x", b"ten"), None);
        assert_eq!(PsyncRequest::parse(b"x", b"99999999999999999999"), None);
        assert_eq!(PsyncRequest::parse(&[b'a'; 1000], b"1").unwrap().replid.len(), 64);
        assert_eq!(PsyncRequest::parse(b"a\r\nb", b"1").unwrap().replid, "a..b");
    }
}
