//! Numbers as SORT reads them: as C's strtod does, whose quirks scripts rely on.

use crate::command::string::long_double::LongDouble;

/// The number; `None` if it is none, or too large or small for a double. Space may stand before it, no text at all is
/// zero, and a zero byte ends the text.
pub(super) fn parse_number(text: &[u8]) -> Option<f64> {
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    if text.is_empty() {
        return Some(0.0);
    }
    let text = std::str::from_utf8(text).ok()?.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']);
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text).to_ascii_lowercase();
    if digits.starts_with("0x") {
        return LongDouble::parse(text.as_bytes()).map(LongDouble::to_f64);
    }
    let number: f64 = text.parse().ok()?;
    let is_infinite = digits.starts_with("inf");
    let is_zero = digits
        .split('e')
        .next()
        .is_some_and(|digits| !digits.bytes().any(|digit| digit.is_ascii_digit() && digit != b'0'));
    (is_infinite || number.is_normal() || number == 0.0 && is_zero).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_c_reads_them() {
        let table: &[(&[u8], Option<f64>)] = &[
            (b"", Some(0.0)),
            (b" 5", Some(5.0)),
            (b"5 ", None),
            (b" ", None),
            (b"-1.5e3", Some(-1500.0)),
            (b"0x10", Some(16.0)),
            (b"-0x1p-1", Some(-0.5)),
            (b"0e5", Some(0.0)),
            (b"-0", Some(0.0)),
            (b"inf", Some(f64::INFINITY)),
            (b"-Infinity", Some(f64::NEG_INFINITY)),
            (b"nan", None),
            (b"1e999", None),
            (b"1e-999", None),
            (b"1\0x", Some(1.0)),
            (b"one", None),
            (b"\xff", None),
        ];
        for (text, number) in table {
            assert_eq!(parse_number(text), *number, "{}", text.escape_ascii());
        }
    }
}
