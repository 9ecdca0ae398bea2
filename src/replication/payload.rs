//! The framing of a full resync's payload, both directions: `$<length>` or `$EOF:<40-byte mark>`.
//!
//! Newlines may stand before the header: the master is alive, and not ready. With a length the payload ends by
//! counting; with a mark it ends where the mark shows up, which may lie across any chunk borders. What follows
//! belongs to the stream and is left to the caller. What the payload means is not looked at.

use bytes::{Buf, Bytes};
use memchr::memmem;
use rand::Rng;

use super::line::{LineBuffer, LineTooLong};
use super::position::ReplId;

const MARK_LEN: usize = 40;

/// The bytes that end a payload of unknown length: random, so that no payload holds them by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndMark([u8; MARK_LEN]);

impl EndMark {
    pub fn random(rng: &mut impl Rng) -> EndMark {
        let digits = ReplId::random(rng);
        EndMark(digits.as_str().as_bytes().try_into().expect("a replid is as long as a mark"))
    }

    /// The header that announces this mark.
    pub fn header(&self) -> Bytes {
        Bytes::from([b"$EOF:".as_slice(), &self.0, b"\r\n"].concat())
    }

    pub fn bytes(&self) -> Bytes {
        Bytes::copy_from_slice(&self.0)
    }
}

/// The header of a payload whose length is known.
pub(super) fn sized_header(payload_bytes: u64) -> Bytes {
    Bytes::from(format!("${payload_bytes}\r\n"))
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PayloadError {
    #[error("MASTER aborted replication with an error: {0}")]
    Aborted(String),
    #[error(
        "Bad protocol from MASTER, the first byte is not '$' (we received '{0}'), are you sure the host and port are right?"
    )]
    NotAPayload(String),
    #[error("Bad payload header from MASTER: {0}")]
    BadHeader(#[from] LineTooLong),
}

/// What came in, in order: any number of `KeepAlive`, one `Begin`, then chunks up to the end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PayloadPart {
    KeepAlive,
    Begin { size_bytes: Option<u64> },
    Chunk(Bytes),
}

#[derive(Debug)]
pub(super) enum PayloadReader {
    /// The header line is awaited.
    Header(LineBuffer),
    /// `left` bytes are to come.
    Sized { left: u64 },
    /// The mark is awaited; `held` are the last bytes seen, which may be its beginning.
    Marked { mark: EndMark, held: Bytes },
    /// The mark was there.
    Ended,
}

impl PayloadReader {
    pub fn new() -> PayloadReader {
        PayloadReader::Header(LineBuffer::default())
    }

    /// Takes bytes off `input`; none if they say nothing yet. To be called until `input` is empty or the payload is
    /// at its end; what is left in `input` then is not of the payload.
    pub fn read(&mut self, input: &mut Bytes) -> Result<Option<PayloadPart>, PayloadError> {
        match self {
            PayloadReader::Header(line) => match line.take_line(input)? {
                Some(line) => self.on_header(&line).map(Some),
                None => Ok(None),
            },
            PayloadReader::Sized { left } => {
                let length = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                *left -= length as u64;
                Ok(Some(PayloadPart::Chunk(input.split_to(length))))
            }
            PayloadReader::Marked { mark, held } => {
                let (chunk, found) = read_marked(mark, held, input);
                if found {
                    *self = PayloadReader::Ended;
                }
                Ok((!chunk.is_empty()).then_some(PayloadPart::Chunk(chunk)))
            }
            PayloadReader::Ended => Ok(None),
        }
    }

    /// Whether all of the payload has been read. (A length of 0 ends without a byte.)
    pub fn is_at_end(&self) -> bool {
        matches!(self, PayloadReader::Sized { left: 0 } | PayloadReader::Ended)
    }

    /// Whether the header has been read.
    pub fn has_begun(&self) -> bool {
        !matches!(self, PayloadReader::Header(_))
    }

    fn on_header(&mut self, line: &str) -> Result<PayloadPart, PayloadError> {
        if line.is_empty() {
            return Ok(PayloadPart::KeepAlive);
        }
        if let Some(error) = line.strip_prefix('-') {
            return Err(PayloadError::Aborted(error.to_owned()));
        }
        let not_a_payload = || PayloadError::NotAPayload(line.to_owned());
        let body = line.strip_prefix('$').ok_or_else(not_a_payload)?;
        if let Some(mark) = body.strip_prefix("EOF:") {
            let mark = EndMark(mark.as_bytes().try_into().map_err(|_| not_a_payload())?);
            *self = PayloadReader::Marked { mark, held: Bytes::new() };
            return Ok(PayloadPart::Begin { size_bytes: None });
        }
        let size = body.parse().map_err(|_| not_a_payload())?;
        *self = PayloadReader::Sized { left: size };
        Ok(PayloadPart::Begin { size_bytes: Some(size) })
    }
}

/// Takes payload off `input`, up to the mark if it is there; answers the payload and whether the mark was found.
fn read_marked(mark: &EndMark, held: &mut Bytes, input: &mut Bytes) -> (Bytes, bool) {
    if held.is_empty() {
        return read_after_nothing(mark, held, input);
    }
    let border = input.len().min(MARK_LEN - 1);
    let mut joint = Bytes::from([held.as_ref(), &input[..border]].concat());
    if let Some(at) = memmem::find(&joint, &mark.0) {
        input.advance(at + MARK_LEN - held.len());
        return (joint.split_to(at), true);
    }
    if border == MARK_LEN - 1 {
        // The mark does not begin in what was held.
        return (std::mem::take(held), false);
    }
    input.advance(border);
    let chunk = joint.split_to(joint.len().saturating_sub(MARK_LEN - 1));
    *held = joint;
    (chunk, false)
}

fn read_after_nothing(mark: &EndMark, held: &mut Bytes, input: &mut Bytes) -> (Bytes, bool) {
    if let Some(at) = memmem::find(input, &mark.0) {
        let chunk = input.split_to(at);
        input.advance(MARK_LEN);
        return (chunk, true);
    }
    let chunk = input.split_to(input.len().saturating_sub(MARK_LEN - 1));
    *held = std::mem::take(input);
    (chunk, false)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    const STREAM: &[u8] = b"*1\r\n$4\r\nPING\r\n";

    fn mark() -> EndMark {
        EndMark::random(&mut StdRng::seed_from_u64(7))
    }

    /// What a reader makes of chunks: keepalives, the size begun with, the payload, what was left for the stream.
    #[derive(Debug, Default, PartialEq, Eq)]
    struct Read {
        keepalives: usize,
        begun: Option<Option<u64>>,
        payload: Vec<u8>,
        rest: Vec<u8>,
    }

    fn read(chunks: &[&[u8]]) -> Result<Read, PayloadError> {
        let mut reader = PayloadReader::new();
        let mut read = Read::default();
        for chunk in chunks {
            let mut input = Bytes::copy_from_slice(chunk);
            while !input.is_empty() && !reader.is_at_end() {
                match reader.read(&mut input)? {
                    Some(PayloadPart::KeepAlive) => read.keepalives += 1,
                    Some(PayloadPart::Begin { size_bytes }) => read.begun = Some(size_bytes),
                    Some(PayloadPart::Chunk(bytes)) => read.payload.extend_from_slice(&bytes),
                    None => {}
                }
            }
            read.rest.extend_from_slice(&input);
        }
        assert!(reader.is_at_end(), "the payload has not ended");
        Ok(read)
    }

    fn marked_wire(payload: &[u8]) -> Vec<u8> {
        [b"\n\n".as_slice(), &mark().header(), payload, &mark().0, STREAM].concat()
    }

    fn sized_wire(payload: &[u8]) -> Vec<u8> {
        [b"\n\n".as_slice(), &sized_header(payload.len() as u64), payload, STREAM].concat()
    }

    fn expected(size: Option<u64>, payload: &[u8]) -> Read {
        Read { keepalives: 2, begun: Some(size), payload: payload.to_vec(), rest: STREAM.to_vec() }
    }

    /// A payload that nearly holds the mark, again and again.
    fn treacherous_payload() -> Vec<u8> {
        let mark = mark().0;
        [&mark[..39], &mark[1..], &mark[..20], b"\r\n$EOF:", &mark[..39], &mark[..1]].concat()
    }

    #[test]
    fn both_framings_survive_a_cut_at_every_byte() {
        let payload = treacherous_payload();
        let size = Some(payload.len() as u64);
        for (wire, size) in [(marked_wire(&payload), None), (sized_wire(&payload), size)] {
            for cut in 0..=wire.len() {
                assert_eq!(read(&[&wire[..cut], &wire[cut..]]), Ok(expected(size, &payload)), "cut at {cut}");
            }
            let single_bytes: Vec<&[u8]> = wire.chunks(1).collect();
            assert_eq!(read(&single_bytes), Ok(expected(size, &payload)));
        }
    }

    #[test]
    fn an_empty_payload_ends_at_once() {
        assert_eq!(read(&[&sized_wire(b"")]), Ok(expected(Some(0), b"")));
        assert_eq!(read(&[&marked_wire(b"")]), Ok(expected(None, b"")));
    }

    #[test]
    fn what_is_no_header_is_an_error_with_redis_words() {
        let error = |wire: &[u8]| read(&[wire]).unwrap_err().to_string();
        assert_eq!(error(b"-LOADING wait\r\n"), "MASTER aborted replication with an error: LOADING wait");
        assert_eq!(
            error(b"+OK\r\n"),
            "Bad protocol from MASTER, the first byte is not '$' (we received '+OK'), are you sure the host and \
             port are right?"
        );
        for header in ["$\r\n", "$-1\r\n", "$x\r\n", "$99999999999999999999\r\n", "$EOF:short\r\n"] {
            assert!(error(header.as_bytes()).starts_with("Bad protocol"), "{header:?}");
        }
        assert!(error(&[b'$'; 2_000]).starts_with("Bad payload header"));
    }

    #[test]
    fn a_huge_length_allocates_nothing() {
        let mut reader = PayloadReader::new();
        let mut input = Bytes::from_static(b"$18446744073709551615\r\nabc");
        let begin = reader.read(&mut input).unwrap();
        assert_eq!(begin, Some(PayloadPart::Begin { size_bytes: Some(u64::MAX) }));
        assert_eq!(reader.read(&mut input).unwrap(), Some(PayloadPart::Chunk(Bytes::from_static(b"abc"))));
        assert!(!reader.is_at_end());
    }

    proptest! {
        #[test]
        fn any_payload_in_any_chunks_comes_out_whole(
            // Digits of the mark's own alphabet, so that its beginnings turn up.
            payload in prop::collection::vec(prop::sample::select(mark().0.to_vec()), 0..300),
            cuts in prop::collection::vec(0..400usize, 0..12),
        ) {
            for (wire, size) in [(marked_wire(&payload), None), (sized_wire(&payload), Some(payload.len() as u64))] {
                let mut borders: Vec<usize> = cuts.iter().map(|cut| cut % wire.len()).chain([0, wire.len()]).collect();
                borders.sort_unstable();
                let chunks: Vec<&[u8]> = borders.windows(2).map(|ends| &wire[ends[0]..ends[1]]).collect();
                prop_assert_eq!(read(&chunks), Ok(expected(size, &payload)));
            }
        }
    }
}
