//! An AOF's records one after the other: requests in the canonical form, and lines that begin with `#`.
//!
//! Arguments are passed over, so that memory does not depend on what a length claims. Faults have the words of Redis's
//! tool.

use std::io::{self, BufRead, Read};

/// Lines of lengths and counts are shorter.
const LINE_BYTES: u64 = 127;
/// An annotation is shorter, for Redis too.
const ANNOTATION_BYTES: u64 = 1023;
/// Longer words are no names that matter here.
const NAME_BYTES: usize = 8;

/// What stands between two places in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    Multi,
    Exec,
    Other,
    /// `#TS:`, Unix time in seconds.
    Timestamp(i64),
    Annotation,
}

#[derive(Debug)]
pub enum Fault {
    /// The file ends in the middle of a record.
    Ended,
    /// Neither a request nor an annotation.
    Form,
    Timestamp,
    /// Something else than what must be at this place.
    At(u64, String),
    Unreadable,
}

impl From<io::Error> for Fault {
    fn from(_: io::Error) -> Fault {
        Fault::Unreadable
    }
}

pub struct Records<R> {
    source: R,
    offset: u64,
    line: u64,
    /// Where the latest line or argument begins.
    latest: u64,
}

impl<R: BufRead> Records<R> {
    /// `offset`: how far the file has been read already.
    pub fn new(source: R, offset: u64) -> Records<R> {
        Records { source, offset, line: 1, latest: offset }
    }

    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The line of requests at hand; the first one is 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Where the latest line or argument begins: the place that faults between records name.
    pub fn latest(&self) -> u64 {
        self.latest
    }

    /// The next record; none at the end of the file.
    pub fn next(&mut self) -> Result<Option<Record>, Fault> {
        match self.source.fill_buf()?.first() {
            None => Ok(None),
            Some(b'#') => self.annotation().map(Some),
            Some(b'*') => self.request().map(Some),
            Some(_) => Err(Fault::Form),
        }
    }

    fn annotation(&mut self) -> Result<Record, Fault> {
        let at = self.offset;
        let line = self.take_line(ANNOTATION_BYTES)?;
        // Redis would not notice a torn one, and its next record would go on in the same line.
        let Some(text) = line.strip_suffix(b"\n") else {
            return Err(Fault::At(at, "Expected an annotation with an end".to_owned()));
        };
        let Some(time) = text.strip_prefix(b"#TS:") else { return Ok(Record::Annotation) };
        let digits = time.strip_suffix(b"\r").and_then(|digits| std::str::from_utf8(digits).ok());
        let time = digits.and_then(|digits| digits.trim_start().parse().ok());
        time.map(Record::Timestamp).ok_or(Fault::Timestamp)
    }

    fn request(&mut self) -> Result<Record, Fault> {
        let count = self.number(b'*')?;
        let mut record = Record::Other;
        for index in 0..count {
            let head = self.bulk()?;
            record = match index {
                0 if head.eq_ignore_ascii_case(b"multi") => Record::Multi,
                0 if head.eq_ignore_ascii_case(b"exec") => Record::Exec,
                _ => record,
            };
        }
        Ok(record)
    }

    /// `<prefix><number>\r\n`
    fn number(&mut self, prefix: u8) -> Result<i64, Fault> {
        let at = self.offset;
        let line = self.take_line(LINE_BYTES)?;
        let Some((&first, rest)) = line.split_first() else { return Err(Fault::Ended) };
        if first != prefix {
            let text = format!("Expected prefix '{}', got: '{}'", prefix as char, first.escape_ascii());
            return Err(Fault::At(at, text));
        }
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'-').count();
        let number = std::str::from_utf8(&rest[..digits]).ok().and_then(|digits| digits.parse().ok());
        self.end_line(at, &rest[digits..])?;
        number.ok_or_else(|| Fault::At(at, "Expected a number".to_owned()))
    }

    /// An argument; answers its head.
    fn bulk(&mut self) -> Result<Vec<u8>, Fault> {
        let start = self.offset;
        let length = self.number(b'$')?;
        let at = self.offset;
        let Some(whole) = length.checked_add(2).and_then(|whole| u64::try_from(whole).ok()).filter(|whole| *whole >= 2)
        else {
            let text = format!("Expected to read string of {length} bytes, which is not in the suitable range");
            return Err(Fault::At(start, text));
        };
        self.latest = at;
        let mut head = vec![0; NAME_BYTES.min(length as usize)];
        let mut ending = [0; 2];
        let read = self.read(&mut head)? + self.skip(length as u64 - head.len() as u64)? + self.read(&mut ending)?;
        if read < whole {
            return Err(Fault::At(at, format!("Expected to read {whole} bytes, got {read} bytes")));
        }
        self.end_line(at, &ending)?;
        // A longer word is none that is asked for.
        Ok(if length as usize > NAME_BYTES { Vec::new() } else { head })
    }

    fn end_line(&mut self, at: u64, ending: &[u8]) -> Result<(), Fault> {
        if ending.starts_with(b"\r\n") {
            self.line += 1;
            return Ok(());
        }
        let byte = |index: usize| ending.get(index).copied().unwrap_or_default();
        Err(Fault::At(at, format!("Expected \\r\\n, got: {:02x}{:02x}", byte(0), byte(1))))
    }

    /// Up to the line's end, or as much as there is.
    fn take_line(&mut self, max: u64) -> Result<Vec<u8>, Fault> {
        self.latest = self.offset;
        let mut line = Vec::new();
        (&mut self.source).take(max).read_until(b'\n', &mut line)?;
        self.offset += line.len() as u64;
        Ok(line)
    }

    /// Fills `out` as far as the file goes.
    fn read(&mut self, out: &mut [u8]) -> Result<u64, Fault> {
        let count = io::copy(&mut (&mut self.source).take(out.len() as u64), &mut &mut *out)?;
        self.offset += count;
        Ok(count)
    }

    fn skip(&mut self, length: u64) -> Result<u64, Fault> {
        let count = io::copy(&mut (&mut self.source).take(length), &mut io::sink())?;
        self.offset += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(bytes: &[u8]) -> Result<Option<Record>, String> {
        Records::new(bytes, 0).next().map_err(|fault| match fault {
            Fault::At(at, text) => format!("{at}: {text}"),
            other => format!("{other:?}"),
        })
    }

    #[test]
    fn records_are_told_apart() {
        let cases: &[(&[u8], Option<Record>)] = &[
            (b"", None),
            (b"*1\r\n$5\r\nMULTI\r\n", Some(Record::Multi)),
            (b"*1\r\n$4\r\nexec\r\n", Some(Record::Exec)),
            (b"*2\r\n$3\r\nGET\r\n$5\r\nmulti\r\n", Some(Record::Other)),
            (b"*1\r\n$12\r\nmulti-member\r\n", Some(Record::Other)),
            (b"#TS:1700000000\r\n", Some(Record::Timestamp(1_700_000_000))),
            (b"#LOCAL:23\r\n", Some(Record::Annotation)),
        ];
        for (bytes, expected) in cases {
            assert_eq!(first(bytes).as_ref(), Ok(expected), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn faults_name_their_place() {
        let cases: &[(&[u8], &str)] = &[
            (b"SET a b\r\n", "Form"),
            (b"#TS:today\r\n", "Timestamp"),
            (b"#TS:17", "0: Expected an annotation with an end"),
            (b"*1\r\n:3\r\n", "4: Expected prefix '$', got: ':'"),
            (b"*1\r\n$3\r\nGE", "8: Expected to read 5 bytes, got 2 bytes"),
            (b"*1\r\n$3\r\nGETXY", "8: Expected \\r\\n, got: 5859"),
            (b"*1\r\n$-1\r\n", "4: Expected to read string of -1 bytes, which is not in the suitable range"),
            (
                b"*1\r\n$9223372036854775807\r\nx",
                "4: Expected to read string of 9223372036854775807 bytes, which is not in the suitable range",
            ),
            (b"*1\r\n", "Ended"),
            (b"*1x\r\n", "0: Expected \\r\\n, got: 780d"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(first(bytes), Err((*expected).to_owned()), "{}", bytes.escape_ascii());
        }
    }
}
