//! Numbers of the configuration: strict integers, memory sizes, percentages, octal modes, bounds.
//!
//! All are held as `i128`, wide enough for every signed and unsigned type that Redis uses, so a bound is compared
//! once and nothing wraps, not even a size with a unit that Redis would let wrap.

/// Parses an integer in its one canonical form: no blanks, no plus sign, no leading zero, within 64 bits.
pub fn parse_integer(text: &[u8]) -> Option<i128> {
    let text = std::str::from_utf8(text).ok()?;
    let number: i64 = text.parse().ok()?;
    (number.to_string() == text).then_some(i128::from(number))
}

/// Parses digits with an optional unit: `k m g` are powers of 1000, `kb mb gb` of 1024, in any case.
pub fn parse_memory(text: &[u8]) -> Option<i128> {
    let digits_end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(digits_end);
    let factor: i128 = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1000 * 1000,
        b"mb" => 1 << 20,
        b"g" => 1000 * 1000 * 1000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    let number = match std::str::from_utf8(digits).ok()? {
        // No digits at all count as zero: `maxmemory ""` is a way to lift the limit.
        "" => 0,
        // More than 64 bits count as the greatest number: for the bounds to refuse.
        digits => i128::from(digits.parse().unwrap_or(u64::MAX)),
    };
    Some(number * factor)
}

/// Parses `n%` to n.
pub fn parse_percent(text: &[u8]) -> Option<i128> {
    parse_integer(text.strip_suffix(b"%")?).filter(|&percent| percent >= 0)
}

pub fn parse_octal(text: &[u8]) -> Option<i128> {
    let text = std::str::from_utf8(text).ok()?.trim_ascii_start();
    if text.is_empty() { Some(0) } else { i64::from_str_radix(text, 8).ok().map(i128::from) }
}

/// `bytes` with the largest of gb, mb, kb that divides it: the notation of rewritten files.
pub fn format_memory(bytes: i128) -> String {
    let units = [(1 << 30, "gb"), (1 << 20, "mb"), (1 << 10, "kb")];
    match units.iter().find(|(factor, _)| bytes != 0 && bytes % factor == 0) {
        Some((factor, unit)) => format!("{}{unit}", bytes / factor),
        None => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_have_one_form() {
        for (text, expected) in [("0", Some(0)), ("-1", Some(-1)), ("9223372036854775807", Some(i64::MAX.into()))] {
            assert_eq!(parse_integer(text.as_bytes()), expected, "{text}");
        }
        for text in ["", "-", "+1", "01", "-0", " 1", "1 ", "1.0", "0x10", "9223372036854775808"] {
            assert_eq!(parse_integer(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn memory_sizes_take_units() {
        let table = [
            ("0", 0),
            ("", 0),
            ("1b", 1),
            ("1k", 1000),
            ("1kb", 1024),
            ("1M", 1_000_000),
            ("1Mb", 1 << 20),
            ("2g", 2_000_000_000),
            ("2GB", 2 << 30),
            ("18446744073709551615", u64::MAX as i128),
            ("18446744073709551616", u64::MAX as i128),
            ("18446744073709551615k", u64::MAX as i128 * 1000),
        ];
        for (text, expected) in table {
            assert_eq!(parse_memory(text.as_bytes()), Some(expected), "{text}");
        }
        for text in ["-1", "1 mb", "1tb", "1.5gb", "mb1"] {
            assert_eq!(parse_memory(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn percentages_and_modes() {
        assert_eq!(parse_percent(b"5%"), Some(5));
        assert_eq!(parse_percent(b"-5%"), None);
        assert_eq!(parse_percent(b"%"), None);
        assert_eq!(parse_octal(b"0700"), Some(0o700));
        assert_eq!(parse_octal(b"8"), None);
    }

    #[test]
    fn sizes_are_written_with_the_largest_unit() {
        for (bytes, text) in [(0, "0"), (1, "1"), (1000, "1000"), (1024, "1kb"), (64 << 20, "64mb"), (3 << 30, "3gb")] {
            assert_eq!(format_memory(bytes), text);
            assert_eq!(parse_memory(text.as_bytes()), Some(bytes));
        }
    }
}
