//! Doubles as text: printed as `%.17g` prints them, read as strtod reads them.

use std::io::Write;
use std::ops::Deref;

use rustc_apfloat::ieee::Double;
use rustc_apfloat::{Float, Round};

/// Digits that are printed at most.
const DIGITS: i32 = 17;
/// A sign, the digits, a point and four zeros, or an exponent: the longest text fits.
const TEXT_BYTES: usize = 32;

/// A double's text.
#[derive(Clone, Copy, Debug)]
pub struct DoubleText {
    bytes: [u8; TEXT_BYTES],
    len: usize,
}

impl Deref for DoubleText {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl DoubleText {
    /// Up to 17 digits, correctly rounded, without trailing zeros.
    pub fn new(number: f64) -> DoubleText {
        let mut text = DoubleText { bytes: [0; TEXT_BYTES], len: 0 };
        if number.is_infinite() {
            text.push(if number > 0.0 { b"inf" } else { b"-inf" });
        } else if number == 0.0 {
            text.push(if number.is_sign_negative() { b"-0" } else { b"0" });
        } else if number.abs() < 1e17 && number.trunc() == number {
            text.push(itoa::Buffer::new().format(number as i64).as_bytes());
        } else {
            text.push_fraction(number);
        }
        text
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    fn push_fraction(&mut self, number: f64) {
        if number.is_sign_negative() {
            self.push(b"-");
        }
        let (digits, exponent) = exact_digits(number.abs()).unwrap_or_else(|| printed_digits(number.abs()));
        let significant = digits.iter().rposition(|digit| *digit != b'0').map_or(1, |last| last + 1);
        let digits = &digits[..significant];
        if (-4..DIGITS).contains(&exponent) {
            self.push_fixed(digits, exponent);
        } else {
            self.push_scientific(digits, exponent);
        }
    }

    fn push_fixed(&mut self, digits: &[u8], exponent: i32) {
        if exponent < 0 {
            self.push(&b"0.000"[..1 + exponent.unsigned_abs() as usize]);
            return self.push(digits);
        }
        let whole = exponent as usize + 1;
        if digits.len() <= whole {
            self.push(digits);
            return self.push(&[b'0'; DIGITS as usize][digits.len()..whole]);
        }
        self.push(&digits[..whole]);
        self.push(b".");
        self.push(&digits[whole..]);
    }

    /// At least two digits of exponent.
    fn push_scientific(&mut self, digits: &[u8], exponent: i32) {
        self.push(&digits[..1]);
        if digits.len() > 1 {
            self.push(b".");
            self.push(&digits[1..]);
        }
        self.push(if exponent < 0 { b"e-" } else { b"e+" });
        if exponent.abs() < 10 {
            self.push(b"0");
        }
        self.push(itoa::Buffer::new().format(exponent.unsigned_abs()).as_bytes());
    }
}

/// 17 digits, and the exponent of the first.
type Digits = ([u8; DIGITS as usize], i32);

/// The digits of a number with a fraction, by integer arithmetic; `None` for those that are too small for it.
fn exact_digits(number: f64) -> Option<Digits> {
    const SHIFT_MAX: i32 = 127;
    let (mantissa, shift) = (number.to_bits() & ((1 << 52) - 1) | 1 << 52, 1075 - (number.to_bits() >> 52) as i32);
    if !(1..=SHIFT_MAX).contains(&shift) {
        return None;
    }
    // Of the first digit, or one more or less: 1233 / 4096 is the logarithm of 2.
    let mut exponent = ((52 - shift) * 1233) >> 12;
    loop {
        let scaled = u128::from(mantissa).checked_mul(*TENS.get(usize::try_from(DIGITS - 1 - exponent).ok()?)?)?;
        let (whole, rest, half) = (scaled >> shift, scaled & ((1 << shift) - 1), 1u128 << (shift - 1));
        let rounded = whole + u128::from(rest > half || rest == half && whole % 2 == 1);
        if rounded >= TENS[17] {
            exponent += 1;
        } else if rounded < TENS[16] {
            exponent -= 1;
        } else {
            let mut digits = [0; DIGITS as usize];
            digits.copy_from_slice(itoa::Buffer::new().format(rounded as u64).as_bytes());
            return Some((digits, exponent));
        }
    }
}

/// With 53 bits, all products of these fit 128 bits.
const TENS: [u128; 23] = {
    let mut tens = [1; 23];
    let mut index = 1;
    while index < tens.len() {
        tens[index] = tens[index - 1] * 10;
        index += 1;
    }
    tens
};

fn printed_digits(number: f64) -> Digits {
    let mut printed = [0; TEXT_BYTES];
    let mut rest = &mut printed[..];
    write!(rest, "{number:.16e}").expect("17 digits and an exponent fit");
    let left = rest.len();
    let printed = &printed[..TEXT_BYTES - left];
    let mark = printed.iter().position(|byte| *byte == b'e').unwrap_or(printed.len());
    // "d.ddd" without its point.
    let mut digits = [b'0'; DIGITS as usize];
    digits[0] = printed[0];
    digits[1..mark - 1].copy_from_slice(&printed[2..mark]);
    (digits, parse_exponent(&printed[mark..]))
}

/// Of `e-12`.
fn parse_exponent(text: &[u8]) -> i32 {
    let digits = text.get(1..).and_then(|text| std::str::from_utf8(text).ok());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// The whole text as a double; `None` for NaN, and for what is too large or too small for one.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let number = parse_any(text)?;
    let is_too_large = number.is_infinite() && text.iter().any(u8::is_ascii_digit);
    let is_too_small = number == 0.0 && mantissa_is_not_zero(text);
    (!is_too_large && !is_too_small).then_some(number)
}

/// As `parse_f64`, but nothing is zero, white space may come first, and what is too large is infinite.
pub fn parse_f64_leniently(text: &[u8]) -> Option<f64> {
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let text = &text[text.iter().position(|byte| !is_space(byte)).unwrap_or(text.len())..];
    if text.is_empty() { Some(0.0) } else { parse_any(text) }
}

fn parse_any(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    let number = if text.contains(['x', 'X']) { parse_hex(text)? } else { text.parse::<f64>().ok()? };
    (!number.is_nan()).then_some(number)
}

fn parse_hex(text: &str) -> Option<f64> {
    let (is_negative, magnitude) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = magnitude.to_ascii_lowercase();
    let (significand, exponent) = match lower.strip_prefix("0x")?.split_once('p') {
        Some((significand, exponent)) => (significand.to_owned(), exponent.to_owned()),
        None => (lower[2..].to_owned(), "0".to_owned()),
    };
    let exponent: i64 = exponent.parse().ok()?;
    let points = significand.bytes().filter(|byte| *byte == b'.').count();
    let digits = significand.bytes().filter(u8::is_ascii_hexdigit).count();
    if digits == 0 || points > 1 || digits + points != significand.len() || exponent.abs() > 10_000 {
        return None;
    }
    if significand.bytes().all(|byte| matches!(byte, b'0' | b'.')) {
        return Some(if is_negative { -0.0 } else { 0.0 });
    }
    let parsed = Double::from_str_r(&format!("0x{significand}p{exponent}"), Round::NearestTiesToEven).ok()?;
    let number = f64::from_bits(parsed.value.to_bits() as u64);
    Some(if is_negative { -number } else { number })
}

fn mantissa_is_not_zero(text: &[u8]) -> bool {
    let is_hex = text.iter().any(|byte| matches!(byte, b'x' | b'X'));
    let mark = if is_hex { b'p' } else { b'e' };
    let mantissa = text.iter().take_while(|byte| byte.to_ascii_lowercase() != mark);
    mantissa.into_iter().any(|byte| byte.is_ascii_hexdigit() && *byte != b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(number: f64) -> String {
        String::from_utf8_lossy(&DoubleText::new(number)).into_owned()
    }

    /// As C prints them.
    #[test]
    fn doubles_are_printed_with_seventeen_digits() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (1.0, "1"),
            (-3.5, "-3.5"),
            (0.1, "0.10000000000000001"),
            (-0.1, "-0.10000000000000001"),
            (1.5e-5, "1.5e-05"),
            (0.0001, "0.0001"),
            (0.00012345, "0.00012344999999999999"),
            (1e16, "10000000000000000"),
            (99999999999999984.0, "99999999999999984"),
            (1e17, "1e+17"),
            (4611686018427387904.0, "4.6116860184273879e+18"),
            (1e300, "1.0000000000000001e+300"),
            (1e-310, "9.9999999999999694e-311"),
            (5e-324, "4.9406564584124654e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::MIN, "-1.7976931348623157e+308"),
            (3.7, "3.7000000000000002"),
            (2499999999999999.5, "2499999999999999.5"),
            (0.99999999999999989, "0.99999999999999989"),
            (1000000.5, "1000000.5"),
            (12345678901234.5, "12345678901234.5"),
        ] {
            assert_eq!(shown(number), text);
        }
    }

    #[test]
    fn both_ways_to_the_digits_agree() {
        for n in 0..20_000u64 {
            let bits = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            // From 2^-30 to 2^52, and quotients of small numbers, some of which lie halfway.
            let exponent = 1023 - 30 + bits % 82;
            let random = f64::from_bits(bits & ((1 << 52) - 1) | exponent << 52);
            for number in [random, (n + 1) as f64 / 1024.0, (n + 1) as f64 / 1000.0, 1.0 - 1.0 / (n + 2) as f64] {
                if number.trunc() != number
                    && let Some(exact) = exact_digits(number)
                {
                    assert_eq!(exact, printed_digits(number), "{number}");
                }
            }
        }
        assert!(exact_digits(0.1).is_some() && exact_digits(1e-5).is_some() && exact_digits(1e-300).is_none());
    }

    #[test]
    fn what_is_printed_is_read() {
        for bits in (0..2000u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)) {
            let number = f64::from_bits(bits);
            if !number.is_nan() {
                assert_eq!(parse_f64(shown(number).as_bytes()).map(f64::to_bits), Some(bits), "{number}");
            }
        }
    }

    #[test]
    fn texts_are_read_as_strtod_reads_them() {
        for (text, number) in [
            ("1", 1.0),
            ("+1.5e3", 1500.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("inf", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("0x10", 16.0),
            ("-0x.8p1", -1.0),
            ("0e99999", 0.0),
            ("1e-310", 1e-310),
        ] {
            assert_eq!(parse_f64(text.as_bytes()), Some(number), "{text}");
            assert_eq!(parse_f64_leniently(text.as_bytes()), Some(number), "{text}");
        }
        for text in ["", " 1", "1 ", "1e", "nan", "1e999", "-1e999", "1e-999", "0x", "0x1p99999", "1x", "--1", "e"] {
            assert_eq!(parse_f64(text.as_bytes()), None, "{text}");
        }
        let lenient = [("", 0.0), (" ", 0.0), ("\t 2", 2.0), ("1e999", f64::INFINITY), ("1e-999", 0.0)];
        for (text, number) in lenient {
            assert_eq!(parse_f64_leniently(text.as_bytes()), Some(number), "{text}");
        }
        for text in ["1 ", "x", "nan", "-"] {
            assert_eq!(parse_f64_leniently(text.as_bytes()), None, "{text}");
        }
    }
}
