//! Words with quotes and escapes, as inline requests and configuration lines have them.
//!
//! `"..."` knows \n \r \t \b \a \xHH and takes any other escaped byte as itself; `'...'` knows only `\'`.
//! A closing quote must be followed by white space or the end.

/// Splits `line` into words; `None` if a quote is not closed or is followed by more text.
pub fn split_quoted(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut at = 0;
    loop {
        while at < line.len() && is_space(line[at]) {
            at += 1;
        }
        if at == line.len() {
            return Some(words);
        }
        let mut word = Vec::new();
        at = take_word(line, at, &mut word)?;
        words.push(word);
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Reads one word from `at`; answers where it ends.
fn take_word(line: &[u8], mut at: usize, word: &mut Vec<u8>) -> Option<usize> {
    while at < line.len() {
        match line[at] {
            0 => return Some(line.len()),
            byte if is_space(byte) => return Some(at),
            b'"' => return take_double(line, at + 1, word),
            b'\'' => return take_single(line, at + 1, word),
            byte => {
                word.push(byte);
                at += 1;
            }
        }
    }
    Some(at)
}

fn take_double(line: &[u8], mut at: usize, word: &mut Vec<u8>) -> Option<usize> {
    loop {
        match *line.get(at)? {
            b'"' => return closes(line, at),
            b'\\' if hex(line, at).is_some() => {
                word.push(hex(line, at)?);
                at += 4;
            }
            b'\\' if at + 1 < line.len() => {
                word.push(match line[at + 1] {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => other,
                });
                at += 2;
            }
            byte => {
                word.push(byte);
                at += 1;
            }
        }
    }
}

fn take_single(line: &[u8], mut at: usize, word: &mut Vec<u8>) -> Option<usize> {
    loop {
        match *line.get(at)? {
            b'\'' => return closes(line, at),
            b'\\' if line.get(at + 1) == Some(&b'\'') => {
                word.push(b'\'');
                at += 2;
            }
            byte => {
                word.push(byte);
                at += 1;
            }
        }
    }
}

/// The byte after the quote at `at`, if the quote ends its word there.
fn closes(line: &[u8], at: usize) -> Option<usize> {
    line.get(at + 1).is_none_or(|&next| is_space(next)).then_some(at + 1)
}

fn hex(line: &[u8], at: usize) -> Option<u8> {
    let digits = line.get(at..at + 4)?;
    if digits[1] != b'x' {
        return None;
    }
    let high = (digits[2] as char).to_digit(16)?;
    let low = (digits[3] as char).to_digit(16)?;
    Some((high * 16 + low) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_quotes_and_escapes() {
        let cases: &[(&str, Option<&[&[u8]]>)] = &[
            ("a b  c", Some(&[b"a", b"b", b"c"])),
            ("  ", Some(&[])),
            (r#""a b" c"#, Some(&[b"a b", b"c"])),
            (r#""\x41\n" 'it\'s'"#, Some(&[b"A\n", b"it's"])),
            (r#"a"b""#, Some(&[b"ab"])),
            (r#""a"b"#, None),
            (r#""open"#, None),
            (r#"'open"#, None),
            (r#""" ''"#, Some(&[b"", b""])),
        ];
        for (line, expected) in cases {
            let words = split_quoted(line.as_bytes());
            let expected = expected.map(|words| words.iter().map(|word| word.to_vec()).collect::<Vec<_>>());
            assert_eq!(words, expected, "{line}");
        }
    }
}
