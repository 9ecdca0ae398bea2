//! Glob patterns as KEYS, SCAN, PSUBSCRIBE and CONFIG GET know them: `*`, `?`, `[a-c]`, `[^x]`, and `\` before
//! a character that stands for itself.
//!
//! Never recursive: only the last `*` is ever tried again, so the time is at most pattern x text and a hostile pattern
//! cannot blow the stack. Quirks of Redis that are kept: a class may lack its `]`, the ends of a range may come in
//! either order, bytes above 127 sort below all others in a range, and `*` does not match the empty text.

/// True if the whole of `text` matches `pattern`; `nocase` folds ASCII letters.
pub fn matches(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut p, mut t) = (0, 0);
    // Where to go on if the rest does not match: after the last star, one character of the text further.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            retry = Some((p, t));
            continue;
        }
        match match_one(&pattern[p..], text[t], nocase) {
            Some(length) => {
                p += length;
                t += 1;
            }
            None => {
                let Some((after_star, from)) = retry else { return false };
                (p, t) = (after_star, from + 1);
                retry = Some((p, t));
            }
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

/// Length of the pattern's first element if it matches `byte`. The element is anything but a star.
fn match_one(pattern: &[u8], byte: u8, nocase: bool) -> Option<usize> {
    match *pattern.first()? {
        b'?' => Some(1),
        b'[' => match_class(pattern, byte, nocase),
        b'\\' if pattern.len() > 1 => same(pattern[1], byte, nocase).then_some(2),
        literal => same(literal, byte, nocase).then_some(1),
    }
}

fn match_class(pattern: &[u8], byte: u8, nocase: bool) -> Option<usize> {
    let negated = pattern.get(1) == Some(&b'^');
    let mut at = if negated { 2 } else { 1 };
    let mut found = false;
    loop {
        match pattern[at..] {
            [] => break,
            [b']', ..] => {
                at += 1;
                break;
            }
            // An escaped member is compared as it stands, also without regard to `nocase`.
            [b'\\', escaped, ..] => {
                found |= escaped == byte;
                at += 2;
            }
            [start, b'-', end, ..] => {
                found |= in_range(start, end, byte, nocase);
                at += 3;
            }
            [member, ..] => {
                found |= same(member, byte, nocase);
                at += 1;
            }
        }
    }
    (found != negated).then_some(at)
}

fn in_range(start: u8, end: u8, byte: u8, nocase: bool) -> bool {
    let fold = |b: u8| (if nocase { b.to_ascii_lowercase() } else { b }) as i8;
    let (low, high) = if start as i8 <= end as i8 { (start, end) } else { (end, start) };
    (fold(low)..=fold(high)).contains(&fold(byte))
}

fn same(a: u8, b: u8, nocase: bool) -> bool {
    a == b || nocase && a.eq_ignore_ascii_case(&b)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_as_in_redis() {
        let table: &[(&str, &str, bool)] = &[
            ("", "", true),
            ("*", "", false),
            ("*", "a", true),
            ("**", "abc", true),
            ("a*", "a", true),
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h*llo", "heeeello", true),
            ("h[ae]llo", "hallo", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hello", false),
            ("h[^e]llo", "hbllo", true),
            ("h[a-b]llo", "hbllo", true),
            ("h[b-a]llo", "hallo", true),
            ("[a", "a", true),
            ("[^", "x", true),
            ("[", "[", false),
            ("[]", "]", false),
            ("[\\]]", "]", true),
            ("[a-", "-", true),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("\\", "\\", true),
            ("a\\", "a\\", true),
            ("*b*", "abc", true),
            ("*bc", "abcbc", true),
            ("*a*b*c", "xaxbxbc", true),
            ("*a*b*c", "xaxbxb", false),
            ("a", "ab", false),
            ("ab", "a", false),
            ("Ab", "aB", false),
        ];
        for (pattern, text, expected) in table {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes(), false), *expected, "{pattern:?} on {text:?}");
        }
    }

    #[test]
    fn nocase_folds_letters_but_not_escaped_class_members() {
        assert!(matches(b"MAX*", b"maxmemory", true));
        assert!(matches(b"[A-C]x", b"bX", true));
        assert!(!matches(b"[\\A]", b"a", true));
    }

    #[test]
    fn high_bytes_sort_below_ascii_in_a_range() {
        assert!(matches(b"[\xf0-a]", b"\xff", false));
        assert!(matches(b"[\xf0-a]", b"0", false));
        assert!(!matches(b"[\xf0-a]", b"z", false));
    }

    #[test]
    fn a_pattern_of_many_stars_ends_soon() {
        let pattern = [b"a*".repeat(2_000), b"b".to_vec()].concat();
        assert!(!matches(&pattern, &b"a".repeat(50_000), false));
    }
}
