//! One line of text as words: the quoting that configuration files, arguments and inline requests share.
//!
//! Words are separated by blanks. Inside `"..."` the escapes `\n \r \t \a \b \xHH` and `\` before any other character
//! hold; inside `'...'` only `\'`. A closing quote must be followed by a blank or the end. A NUL ends the line.

/// A quote was left open, or something follows a closing quote directly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnbalancedQuotes;

/// The words of `line`.
pub fn split_words(line: &[u8]) -> Result<Vec<Vec<u8>>, UnbalancedQuotes> {
    let end = line.iter().position(|&byte| byte == 0).unwrap_or(line.len());
    let mut rest = &line[..end];
    let mut words = Vec::new();
    loop {
        rest = rest.trim_ascii_start();
        // Vertical tabs separate words, though they do not end one.
        while let [0x0b, tail @ ..] = rest {
            rest = tail.trim_ascii_start();
        }
        if rest.is_empty() {
            return Ok(words);
        }
        let (word, tail) = take_word(rest)?;
        words.push(word);
        rest = tail;
    }
}

fn take_word(line: &[u8]) -> Result<(Vec<u8>, &[u8]), UnbalancedQuotes> {
    let mut word = Vec::new();
    let mut rest = line;
    loop {
        match rest {
            [] | [b' ' | b'\n' | b'\r' | b'\t', ..] => return Ok((word, rest)),
            [b'"', tail @ ..] => return take_double_quoted(tail, &mut word).map(|rest| (word, rest)),
            [b'\'', tail @ ..] => return take_single_quoted(tail, &mut word).map(|rest| (word, rest)),
            [byte, tail @ ..] => {
                word.push(*byte);
                rest = tail;
            }
        }
    }
}

fn take_double_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Result<&'a [u8], UnbalancedQuotes> {
    loop {
        rest = match rest {
            [] => return Err(UnbalancedQuotes),
            [b'"', tail @ ..] => return after_quote(tail),
            [b'\\', b'x', high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                word.push(hex_digit(*high) << 4 | hex_digit(*low));
                tail
            }
            [b'\\', escaped, tail @ ..] => {
                word.push(unescape(*escaped));
                tail
            }
            [byte, tail @ ..] => {
                word.push(*byte);
                tail
            }
        }
    }
}

fn take_single_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Result<&'a [u8], UnbalancedQuotes> {
    loop {
        rest = match rest {
            [] => return Err(UnbalancedQuotes),
            [b'\'', tail @ ..] => return after_quote(tail),
            [b'\\', b'\'', tail @ ..] => {
                word.push(b'\'');
                tail
            }
            [byte, tail @ ..] => {
                word.push(*byte);
                tail
            }
        }
    }
}

fn after_quote(rest: &[u8]) -> Result<&[u8], UnbalancedQuotes> {
    match rest.first() {
        Some(byte) if !byte.is_ascii_whitespace() && *byte != 0x0b => Err(UnbalancedQuotes),
        _ => Ok(rest),
    }
}

fn unescape(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

fn hex_digit(digit: u8) -> u8 {
    (digit as char).to_digit(16).map_or(0, |value| value as u8)
}

/// `word` in double quotes, so that [`split_words`] reads it back and no control character is left.
pub fn quote(word: &[u8]) -> Vec<u8> {
    let mut quoted = vec![b'"'];
    for &byte in word {
        match byte {
            b'\\' | b'"' => quoted.extend([b'\\', byte]),
            b'\n' => quoted.extend(b"\\n"),
            b'\r' => quoted.extend(b"\\r"),
            b'\t' => quoted.extend(b"\\t"),
            0x07 => quoted.extend(b"\\a"),
            0x08 => quoted.extend(b"\\b"),
            b' '..=b'~' => quoted.push(byte),
            _ => quoted.extend(format!("\\x{byte:02x}").bytes()),
        }
    }
    quoted.push(b'"');
    quoted
}

/// `word` as it is where that reads back unchanged, else quoted.
pub fn quote_if_needed(word: &[u8]) -> Vec<u8> {
    let plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\');
    if !word.is_empty() && word.iter().all(plain) { word.to_vec() } else { quote(word) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(line: &str) -> Option<Vec<String>> {
        let words = split_words(line.as_bytes()).ok()?;
        Some(words.into_iter().map(|word| word.into_iter().map(char::from).collect()).collect())
    }

    #[test]
    fn lines_split_as_in_redis() {
        let table: &[(&str, Option<&[&str]>)] = &[
            ("", Some(&[])),
            ("  \t ", Some(&[])),
            ("port 6379", Some(&["port", "6379"])),
            ("a \"b c\" 'd e'", Some(&["a", "b c", "d e"])),
            ("a \"\" ''", Some(&["a", "", ""])),
            ("pre\"fix\"", Some(&["prefix"])),
            ("\"\\x41\\n\\\"\\q\"", Some(&["A\n\"q"])),
            ("\"\\x4\"", Some(&["x4"])),
            ("'it\\'s \\n'", Some(&["it's \\n"])),
            ("a\\ b", Some(&["a\\", "b"])),
            ("a\0b", Some(&["a"])),
            ("a\x0bb \x0b c", Some(&["a\x0bb", "c"])),
            ("\"open", None),
            ("'open", None),
            ("\"a\"b", None),
            ("'a'b", None),
            ("\"a\\", None),
        ];
        for (line, expected) in table {
            let expected = expected.map(|words| words.iter().map(|word| word.to_string()).collect::<Vec<_>>());
            assert_eq!(words(line), expected, "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_quoted_reads_back(word: Vec<u8>) {
            for quoted in [quote(&word), quote_if_needed(&word)] {
                prop_assert!(quoted.iter().all(|byte| (b' '..=b'~').contains(byte)));
                prop_assert_eq!(split_words(&quoted), Ok(vec![word.clone()]));
            }
        }

        #[test]
        fn any_line_splits_or_is_refused(line: Vec<u8>) {
            let _ = split_words(&line);
        }
    }
}
