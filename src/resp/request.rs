//! The request parser: cuts a connection's buffer into requests, as positions, without copying or allocating
//! per request. It goes on where the last read left off, so a request that arrives in many pieces is read once.
//!
//! It deliberately does not know what a command is, nor who reads: limits are handed in with each call.

use super::ProtocolError;
use crate::words::split_words;

/// A line that announces a count or a length, or an inline request, is at most this long.
const LINE_MAX_BYTES: usize = 64 * 1024;
const UNAUTHENTICATED_ARGS_MAX: i64 = 10;
const UNAUTHENTICATED_BULK_MAX_BYTES: i64 = 16 * 1024;

/// Arguments and requests of one read, for which memory is kept.
const KEPT_SPANS: usize = 4 * 1024;

/// What the reader of this buffer may send.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `proto-max-bulk-len`.
    pub bulk_max_bytes: i64,
    /// Before AUTH a request is small, and each is executed before the next is read.
    pub authenticated: bool,
    /// The master's stream holds bulks of any length, and no inline request but the empty one, a sign of life: words
    /// between its frames mean that we have lost our place in it.
    pub is_from_master: bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { bulk_max_bytes: 512 * 1024 * 1024, authenticated: true, is_from_master: false }
    }
}

/// `start..end` in the buffer.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: usize,
    end: usize,
}

/// A complete request: which spans are its arguments, which bytes of the buffer it takes.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    first_arg: usize,
    argc: usize,
    bytes: Span,
    is_inline: bool,
}

impl Request {
    /// Bytes of the stream that this request takes, keepalive newlines before it included.
    pub fn size_bytes(&self) -> usize {
        self.bytes.end - self.bytes.start
    }

    /// Where the request stands in the buffer.
    pub fn bytes(&self) -> std::ops::Range<usize> {
        self.bytes.start..self.bytes.end
    }
}

/// What is read of a request that is not yet complete.
#[derive(Clone, Copy, Debug)]
struct Partial {
    start: usize,
    first_arg: usize,
    /// Arguments still to come.
    missing: usize,
    /// Length of the argument under way, once its header is read.
    bulk_len: Option<usize>,
}

/// Requests cut out of one buffer, and the state of the one that is under way.
#[derive(Debug, Default)]
pub struct Parser {
    spans: Vec<Span>,
    requests: Vec<Request>,
    /// Everything before is parsed.
    at: usize,
    /// Where the search for a line's end goes on.
    scanned: usize,
    partial: Option<Partial>,
    error: Option<ProtocolError>,
}

/// The arguments of one request; `args[0]` is the command's name.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    buffer: &'a [u8],
    spans: &'a [Span],
    bytes: Span,
    /// Unquoted in place: the bytes are no request any more.
    is_inline: bool,
}

impl<'a> Args<'a> {
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    pub fn at(&self, index: usize) -> &'a [u8] {
        let span = self.spans[index];
        &self.buffer[span.start..span.end]
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &'a [u8]> + ExactSizeIterator + Clone + use<'a> {
        let buffer = self.buffer;
        self.spans.iter().map(move |span| &buffer[span.start..span.end])
    }

    /// Length of the request as it came.
    pub fn size_bytes(&self) -> usize {
        self.bytes.end - self.bytes.start
    }

    /// The request as it came.
    pub fn raw(&self) -> &'a [u8] {
        &self.buffer[self.bytes.start..self.bytes.end]
    }

    /// A copy that outlives the buffer.
    pub fn to_owned_args(&self) -> OwnedArgs {
        let shift = self.bytes.start;
        let spans = self.spans.iter().map(|span| Span { start: span.start - shift, end: span.end - shift });
        OwnedArgs { buffer: self.raw().into(), spans: spans.collect(), is_inline: self.is_inline }
    }

    /// Appends the request in canonical form; one copy if it came in that form.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let raw = self.raw();
        if !self.is_inline && raw.len() == self.canonical_len() {
            out.extend_from_slice(raw);
        } else {
            super::encode_command(out, &self.iter().collect::<Vec<_>>());
        }
    }

    /// Headers without leading zeros or signs have exactly this length, any other form is longer.
    fn canonical_len(&self) -> usize {
        let header = |n: usize| 3 + n.checked_ilog10().unwrap_or(0) as usize + 1;
        header(self.len())
            + self.spans.iter().map(|span| header(span.end - span.start) + span.end - span.start + 2).sum::<usize>()
    }
}

/// A request that owns its bytes: queued, or made inside the server.
#[derive(Clone, Debug)]
pub struct OwnedArgs {
    buffer: Box<[u8]>,
    spans: Box<[Span]>,
    is_inline: bool,
}

impl OwnedArgs {
    /// The canonical form of these arguments.
    pub fn of(args: &[&[u8]]) -> OwnedArgs {
        let mut buffer = Vec::new();
        super::encode_command(&mut buffer, args);
        let mut spans = Vec::with_capacity(args.len());
        let mut end = 0;
        for arg in args {
            // Each argument is followed by CR LF and preceded by a header: find it from the front.
            let header = memchr::memchr(b'$', &buffer[end..]).expect("a bulk header") + end;
            let start = memchr::memchr(b'\n', &buffer[header..]).expect("a header's end") + header + 1;
            end = start + arg.len();
            spans.push(Span { start, end });
        }
        OwnedArgs { buffer: buffer.into(), spans: spans.into(), is_inline: false }
    }

    pub fn args(&self) -> Args<'_> {
        Args {
            buffer: &self.buffer,
            spans: &self.spans,
            bytes: Span { start: 0, end: self.buffer.len() },
            is_inline: self.is_inline,
        }
    }

    /// Bytes allocated for it.
    pub fn size_bytes(&self) -> usize {
        self.buffer.len() + std::mem::size_of_val(&*self.spans)
    }
}

impl Parser {
    /// Parses what is complete in `buffer`, which holds the same bytes as at the last call, and more.
    /// Quoted words of inline requests are unquoted in place. An error is kept behind the requests before it.
    pub fn parse(&mut self, buffer: &mut [u8], limits: Limits) {
        while self.error.is_none() && self.at < buffer.len() {
            if !limits.authenticated && !self.requests.is_empty() {
                return;
            }
            match self.parse_one(buffer, limits) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => self.error = Some(error),
            }
        }
    }

    /// Complete requests, in order.
    pub fn requests(&self) -> &[Request] {
        &self.requests
    }

    /// What ends the connection after the complete requests.
    pub fn error(&self) -> Option<ProtocolError> {
        self.error
    }

    /// The arguments of a request of this parser.
    pub fn args<'a>(&'a self, request: &Request, buffer: &'a [u8]) -> Args<'a> {
        Args {
            buffer,
            spans: &self.spans[request.first_arg..request.first_arg + request.argc],
            bytes: request.bytes,
            is_inline: request.is_inline,
        }
    }

    /// Everything before is looked at; what is behind is not, be it that it was not allowed yet.
    pub fn parsed_len(&self) -> usize {
        self.at
    }

    /// Length of the buffer at which the argument under way is complete, if its length is known.
    pub fn wanted_len(&self) -> Option<usize> {
        let partial = self.partial?;
        partial.bulk_len.map(|len| self.at.saturating_add(len).saturating_add(2))
    }

    /// Forgets the complete requests; answers how many bytes at the head of the buffer are to be dropped.
    pub fn consume(&mut self) -> usize {
        let (dropped, first_arg) = match self.partial {
            Some(partial) => (partial.start, partial.first_arg),
            None => (self.at, self.spans.len()),
        };
        self.requests.clear();
        self.requests.shrink_to(KEPT_SPANS);
        self.spans.drain(..first_arg);
        if self.partial.is_none() {
            self.spans.shrink_to(KEPT_SPANS);
        }
        for span in &mut self.spans {
            span.start -= dropped;
            span.end -= dropped;
        }
        if let Some(partial) = &mut self.partial {
            partial.start = 0;
            partial.first_arg = 0;
        }
        self.at -= dropped;
        self.scanned = self.scanned.saturating_sub(dropped);
        dropped
    }

    /// Goes on with one request; false if it is not complete yet.
    fn parse_one(&mut self, buffer: &mut [u8], limits: Limits) -> Result<bool, ProtocolError> {
        if self.partial.is_none() {
            if buffer[self.at] != b'*' {
                return self.parse_inline(buffer, limits);
            }
            let short = short_number(buffer, self.at).map(|(count, next)| (Some(count as i64), next));
            let header = if short.is_some() { short } else { self.header(buffer, ProtocolError::CountTooBig)? };
            let Some((count, next)) = header else { return Ok(false) };
            let count = count.filter(|&count| count <= i32::MAX as i64).ok_or(ProtocolError::BadCount)?;
            if count > UNAUTHENTICATED_ARGS_MAX && !limits.authenticated {
                return Err(ProtocolError::UnauthenticatedCount);
            }
            let start = self.at;
            self.at = next;
            if count <= 0 {
                self.push_request(start, self.spans.len(), false);
                return Ok(true);
            }
            self.partial =
                Some(Partial { start, first_arg: self.spans.len(), missing: count as usize, bulk_len: None });
        }
        self.parse_bulks(buffer, limits)
    }

    fn parse_bulks(&mut self, buffer: &[u8], limits: Limits) -> Result<bool, ProtocolError> {
        let Some(mut partial) = self.partial else { return Ok(false) };
        while partial.missing > 0 {
            let len = match partial.bulk_len {
                Some(len) => len,
                None => {
                    let Some(len) = self.bulk_len(buffer, limits)? else { break };
                    len
                }
            };
            if buffer.len() - self.at < len + 2 {
                partial.bulk_len = Some(len);
                break;
            }
            self.spans.push(Span { start: self.at, end: self.at + len });
            self.at += len + 2;
            partial.missing -= 1;
            partial.bulk_len = None;
        }
        if partial.missing > 0 {
            self.partial = Some(partial);
            return Ok(false);
        }
        self.partial = None;
        self.push_request(partial.start, partial.first_arg, false);
        Ok(true)
    }

    /// Reads `$<len>\r\n`; `None` if it is not complete yet.
    #[inline]
    fn bulk_len(&mut self, buffer: &[u8], limits: Limits) -> Result<Option<usize>, ProtocolError> {
        let Some(&first) = buffer.get(self.at) else { return Ok(None) };
        // Below every limit.
        if first == b'$'
            && let Some((len, next)) = short_number(buffer, self.at)
        {
            self.at = next;
            return Ok(Some(len));
        }
        if first != b'$' {
            // Redis reads the whole line before it complains.
            return match self.line_end(buffer, ProtocolError::LengthTooBig)? {
                Some(_) => Err(ProtocolError::ExpectedBulk(first)),
                None => Ok(None),
            };
        }
        let Some((len, next)) = self.header(buffer, ProtocolError::LengthTooBig)? else { return Ok(None) };
        let len = len.filter(|&len| len >= 0).ok_or(ProtocolError::BadLength)?;
        if len > limits.bulk_max_bytes && !limits.is_from_master {
            return Err(ProtocolError::BadLength);
        }
        if len > UNAUTHENTICATED_BULK_MAX_BYTES && !limits.authenticated {
            return Err(ProtocolError::UnauthenticatedLength);
        }
        self.at = next;
        Ok(Some(len as usize))
    }

    /// Reads the number between the type byte at `at` and CR LF, and where the next line begins.
    /// The number is `None` if it is not one. A short line is read in one pass.
    #[inline]
    fn header(&mut self, buffer: &[u8], too_big: ProtocolError) -> Result<Option<(Option<i64>, usize)>, ProtocolError> {
        let digits = &buffer[self.at + 1..];
        let mut number = 0i64;
        for (index, &byte) in digits.iter().take(10).enumerate() {
            if byte.is_ascii_digit() {
                number = number * 10 + (byte - b'0') as i64;
            } else if byte == b'\r' && index > 0 && (digits[0] != b'0' || index == 1) {
                return Ok((digits.len() > index + 1).then_some((Some(number), self.at + index + 3)));
            } else {
                break;
            }
        }
        let Some(end) = self.line_end(buffer, too_big)? else { return Ok(None) };
        Ok(Some((parse_i64(&buffer[self.at + 1..end]), end + 2)))
    }

    /// Position of the CR that ends the line at `at`, once the LF behind it is there too.
    fn line_end(&mut self, buffer: &[u8], too_big: ProtocolError) -> Result<Option<usize>, ProtocolError> {
        let from = self.scanned.max(self.at);
        match memchr::memchr(b'\r', &buffer[from..]) {
            Some(found) if from + found + 1 < buffer.len() => {
                self.scanned = 0;
                Ok(Some(from + found))
            }
            Some(_) => Ok(None),
            None if buffer.len() - self.at > LINE_MAX_BYTES => Err(too_big),
            None => {
                self.scanned = buffer.len();
                Ok(None)
            }
        }
    }

    fn parse_inline(&mut self, buffer: &mut [u8], limits: Limits) -> Result<bool, ProtocolError> {
        let from = self.scanned.max(self.at);
        let Some(found) = memchr::memchr(b'\n', &buffer[from..]) else {
            if buffer.len() - self.at > LINE_MAX_BYTES {
                return Err(ProtocolError::InlineTooBig);
            }
            self.scanned = buffer.len();
            return Ok(false);
        };
        self.scanned = 0;
        let (start, end) = (self.at, from + found);
        let line_end = if end > start && buffer[end - 1] == b'\r' { end - 1 } else { end };
        if limits.is_from_master && line_end > start {
            return Err(ProtocolError::InlineFromMaster);
        }
        let words = split_words(&buffer[start..line_end]).map_err(|_| ProtocolError::UnbalancedQuotes)?;
        let first_arg = self.spans.len();
        let mut write_at = start;
        for word in &words {
            // Unquoting never lengthens, so the words fit where the line was.
            buffer[write_at..write_at + word.len()].copy_from_slice(word);
            self.spans.push(Span { start: write_at, end: write_at + word.len() });
            write_at += word.len();
        }
        self.at = end + 1;
        self.push_request(start, first_arg, true);
        Ok(true)
    }

    fn push_request(&mut self, start: usize, first_arg: usize, is_inline: bool) {
        let argc = self.spans.len() - first_arg;
        self.requests.push(Request { first_arg, argc, bytes: Span { start, end: self.at }, is_inline });
    }
}

/// The number behind the type byte at `at`, and where the next line begins, if it has one digit or two and its line
/// is all there: so are most.
#[inline(always)]
fn short_number(buffer: &[u8], at: usize) -> Option<(usize, usize)> {
    match buffer.get(at + 1..)? {
        [ones @ b'0'..=b'9', b'\r', _, ..] => Some((usize::from(ones - b'0'), at + 4)),
        [tens @ b'1'..=b'9', ones @ b'0'..=b'9', b'\r', _, ..] => {
            Some((usize::from((tens - b'0') * 10 + ones - b'0'), at + 5))
        }
        _ => None,
    }
}

/// A decimal i64 in the strict form: no sign but `-`, no leading zeros, no spaces.
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] if digits.len() <= 19 => {}
        _ => return None,
    }
    let mut number = 0i64;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        number = number.checked_mul(10)?.checked_sub((digit - b'0') as i64)?;
    }
    if negative { Some(number) } else { number.checked_neg() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(parser: &Parser, buffer: &[u8]) -> Vec<Vec<Vec<u8>>> {
        let list = |request| parser.args(request, buffer).iter().map(<[u8]>::to_vec).collect();
        parser.requests().iter().map(list).collect()
    }

    #[test]
    fn a_pipeline_fed_byte_by_byte_equals_it_fed_whole() {
        let stream = b"*2\r\n$3\r\nGET\r\n$1\r\na\r\nset \"x\\x20y\" 'z'\r\n*0\r\n\r\n*3\r\n$3\r\nSET\r\n$0\r\n\r\n$5\r\nhello\r\n";
        let mut whole = stream.to_vec();
        let mut parser = Parser::default();
        parser.parse(&mut whole, Limits::default());
        let expected = requests(&parser, &whole);
        assert_eq!(expected.len(), 5);
        assert_eq!(expected[1], vec![b"set".to_vec(), b"x y".to_vec(), b"z".to_vec()]);

        let (mut parser, mut buffer, mut seen) = (Parser::default(), Vec::new(), Vec::new());
        for &byte in stream {
            buffer.push(byte);
            parser.parse(&mut buffer, Limits::default());
            seen.extend(requests(&parser, &buffer));
            buffer.drain(..parser.consume());
        }
        assert_eq!(seen, expected);
        assert!(buffer.is_empty());
    }

    #[test]
    fn protocol_errors_are_redis_s() {
        let long = [b"*".as_slice(), &[b'1'; LINE_MAX_BYTES + 2]].concat();
        let inline = vec![b'a'; LINE_MAX_BYTES + 2];
        let cases: &[(&[u8], ProtocolError)] = &[
            (b"*x\r\n", ProtocolError::BadCount),
            (b"*3000000000\r\n", ProtocolError::BadCount),
            (b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n", ProtocolError::ExpectedBulk(b'f')),
            (b"*1\r\n$-1\r\n", ProtocolError::BadLength),
            (b"*1\r\n$2000000000\r\n", ProtocolError::BadLength),
            (b"*1\r\n$blabla\r\n", ProtocolError::BadLength),
            (b"set \"a\r\n", ProtocolError::UnbalancedQuotes),
            (&long, ProtocolError::CountTooBig),
            (&inline, ProtocolError::InlineTooBig),
        ];
        for (input, expected) in cases {
            let (mut parser, mut buffer) = (Parser::default(), input.to_vec());
            parser.parse(&mut buffer, Limits::default());
            assert_eq!(parser.error(), Some(*expected), "{:?}", String::from_utf8_lossy(&input[..input.len().min(40)]));
        }
    }

    #[test]
    fn before_auth_requests_are_small_and_come_one_by_one() {
        let limits = Limits { authenticated: false, ..Limits::default() };
        for (input, expected) in [
            (b"*11\r\n".as_slice(), ProtocolError::UnauthenticatedCount),
            (b"*1\r\n$20000\r\n".as_slice(), ProtocolError::UnauthenticatedLength),
        ] {
            let (mut parser, mut buffer) = (Parser::default(), input.to_vec());
            parser.parse(&mut buffer, limits);
            assert_eq!(parser.error(), Some(expected));
        }
        let (mut parser, mut buffer) = (Parser::default(), b"ping\r\nping\r\n".to_vec());
        parser.parse(&mut buffer, limits);
        assert_eq!(parser.requests().len(), 1);
    }

    #[test]
    fn other_forms_are_encoded_canonically() {
        for input in [
            b"set a b\r\n".as_slice(),
            b"*03\r\n$3\r\nset\r\n$01\r\na\r\n$1\r\nb\r\n",
            b"*3\r\n$3\r\nset\r\n$1\r\na\r\n$1\r\nb\r\n",
        ] {
            let (mut parser, mut buffer, mut out) = (Parser::default(), input.to_vec(), Vec::new());
            parser.parse(&mut buffer, Limits::default());
            if let Some(request) = parser.requests().first() {
                parser.args(request, &buffer).encode(&mut out);
                assert_eq!(out, b"*3\r\n$3\r\nset\r\n$1\r\na\r\n$1\r\nb\r\n");
            } else {
                assert!(parser.error().is_some());
            }
        }
    }

    #[test]
    fn an_inline_request_cannot_pose_as_a_canonical_one() {
        // Unquoted in place, these bytes are the canonical form of something else, of the right length.
        let mut buffer = b"\"\\x2a1\\r\\n$4\\r\\nevil\" \n".to_vec();
        let (mut parser, mut out) = (Parser::default(), Vec::new());
        parser.parse(&mut buffer, Limits::default());
        parser.args(&parser.requests()[0], &buffer).encode(&mut out);
        assert_eq!(out, b"*1\r\n$12\r\n*1\r\n$4\r\nevil\r\n");
    }

    #[test]
    fn owned_requests_keep_their_arguments() {
        let args: Vec<&[u8]> = vec![b"set", b"a$b\n", b"", b"0123456789ab"];
        let owned = OwnedArgs::of(&args);
        assert_eq!(owned.args().iter().collect::<Vec<_>>(), args);
        let mut buffer = [b"ping\r\n".as_slice(), owned.args().raw()].concat();
        let mut parser = Parser::default();
        parser.parse(&mut buffer, Limits::default());
        let copy = parser.args(&parser.requests()[1], &buffer).to_owned_args();
        assert_eq!(copy.args().iter().collect::<Vec<_>>(), args);
    }

    #[test]
    fn integers_are_strict() {
        let cases: &[(&[u8], Option<i64>)] = &[
            (b"0", Some(0)),
            (b"-1", Some(-1)),
            (b"9223372036854775807", Some(i64::MAX)),
            (b"-9223372036854775808", Some(i64::MIN)),
            (b"9223372036854775808", None),
            (b"-0", None),
            (b"01", None),
            (b"+1", None),
            (b" 1", None),
            (b"", None),
            (b"-", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_i64(text), *expected, "{:?}", String::from_utf8_lossy(text));
        }
    }
}
