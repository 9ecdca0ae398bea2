//! The number type of INCRBYFLOAT: x87 extended precision, read as C's strtold reads and printed as `%.17Lf` prints,
//! so that sums equal Redis's to the last digit.

use std::fmt;

use rustc_apfloat::ieee::{Double, X87DoubleExtended};
use rustc_apfloat::{Float, FloatConvert, Round, Status};

/// Longer texts are no numbers: Redis copies them into a buffer of 5 KiB.
const TEXT_MAX_BYTES: usize = 5 * 1024 - 1;
/// Beyond this exponent every number of such length is zero or infinite.
const EXPONENT_MAX: i64 = 40_000;
/// Digits behind the point.
const DECIMALS: usize = 17;
/// 64 bits of significand; the exponent's bias, moved to the significand's last bit.
const EXPONENT_BIAS: i32 = 16383 + 63;

/// A finite or infinite number, never NaN.
#[derive(Clone, Copy, Debug)]
pub(in crate::command) struct LongDouble(X87DoubleExtended);

impl LongDouble {
    pub const ZERO: LongDouble = LongDouble(X87DoubleExtended::ZERO);

    /// Reads the whole text; `None` if it is no number, or too large or too small for one.
    pub fn parse(text: &[u8]) -> Option<LongDouble> {
        if text.is_empty() || text.len() > TEXT_MAX_BYTES {
            return None;
        }
        let text = std::str::from_utf8(text).ok()?;
        let (is_negative, magnitude) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let number = parse_magnitude(&magnitude.to_ascii_lowercase())?;
        Some(LongDouble(if is_negative { -number } else { number }))
    }

    /// Rounded to a double.
    pub fn to_f64(self) -> f64 {
        let rounded: Double = self.0.convert(&mut false).value;
        f64::from_bits(rounded.to_bits() as u64)
    }

    pub fn is_finite(self) -> bool {
        self.0.is_finite()
    }

    /// The sum, unless it is infinite or no number.
    pub fn plus(self, other: LongDouble) -> Option<LongDouble> {
        let sum = (self.0 + other.0).value;
        sum.is_finite().then_some(LongDouble(sum))
    }
}

fn parse_magnitude(text: &str) -> Option<X87DoubleExtended> {
    if matches!(text, "inf" | "infinity") {
        return Some(X87DoubleExtended::INFINITY);
    }
    let (prefix, digits, mark) = match text.strip_prefix("0x") {
        Some(rest) => ("0x", rest, 'p'),
        None => ("", text, 'e'),
    };
    let (significand, exponent) = match digits.split_once(mark) {
        Some((significand, exponent)) => (significand, parse_exponent(exponent)?),
        None => (digits, 0),
    };
    let is_hex = !prefix.is_empty();
    let is_digit = |byte: u8| if is_hex { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() };
    let points = significand.bytes().filter(|&byte| byte == b'.').count();
    let digits = significand.bytes().filter(|&byte| is_digit(byte)).count();
    if digits == 0 || points > 1 || digits + points != significand.len() {
        return None;
    }
    if significand.bytes().all(|byte| matches!(byte, b'0' | b'.')) {
        return Some(X87DoubleExtended::ZERO);
    }
    let canonical = format!("{prefix}{significand}{mark}{exponent}");
    let parsed = X87DoubleExtended::from_str_r(&canonical, Round::NearestTiesToEven).ok()?;
    let is_out_of_range = parsed.value.is_zero() || parsed.status.contains(Status::OVERFLOW);
    (!is_out_of_range).then_some(parsed.value)
}

/// The exponent, cut off where more makes no difference.
fn parse_exponent(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(sign * digits.parse().unwrap_or(EXPONENT_MAX).min(EXPONENT_MAX))
}

/// Seventeen digits behind the point, correctly rounded, without trailing zeros.
impl fmt::Display for LongDouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.0.to_bits();
        let significand = bits as u64;
        let exponent = (bits >> 64 & 0x7fff) as i32 - EXPONENT_BIAS;
        let (whole, fraction) = match exponent {
            0.. => (shifted_left(significand, exponent as u32), 0),
            _ => fixed_point(significand, exponent.unsigned_abs()),
        };
        let fraction = format!("{fraction:0DECIMALS$}");
        let fraction = fraction.trim_end_matches('0');
        let is_zero = whole == "0" && fraction.is_empty();
        let sign = if self.0.is_negative() && !is_zero { "-" } else { "" };
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{point}{fraction}")
    }
}

/// `significand / 2^shift` as a whole part and 17 decimals, ties rounded to even.
fn fixed_point(significand: u64, shift: u32) -> (String, u64) {
    const SCALE: u128 = 10u128.pow(DECIMALS as u32);
    // Below 2^121 / 2^127: rounds to zero.
    if shift > 126 {
        return ("0".to_owned(), 0);
    }
    let whole = if shift < 64 { significand >> shift } else { 0 };
    let below_point = u128::from(significand) & ((1 << shift) - 1);
    let scaled = below_point * SCALE;
    let (mut decimals, rest, half) = (scaled >> shift, scaled & ((1 << shift) - 1), 1u128 << (shift - 1));
    if rest > half || (rest == half && decimals % 2 == 1) {
        decimals += 1;
    }
    let carry = u64::from(decimals == SCALE);
    ((u128::from(whole) + u128::from(carry)).to_string(), if carry == 1 { 0 } else { decimals as u64 })
}

/// `significand * 2^shift` in decimal.
fn shifted_left(significand: u64, shift: u32) -> String {
    const BASE: u64 = 1_000_000_000;
    // Least significant first.
    let mut limbs = vec![significand % BASE, significand / BASE % BASE, significand / BASE / BASE];
    let mut left = shift;
    while left > 0 {
        let step = left.min(32);
        let mut carry = 0;
        for limb in &mut limbs {
            let product = (*limb << step) + carry;
            (*limb, carry) = (product % BASE, product / BASE);
        }
        while carry > 0 {
            limbs.push(carry % BASE);
            carry /= BASE;
        }
        left -= step;
    }
    let text: String = limbs.iter().rev().map(|limb| format!("{limb:09}")).collect();
    let digits = text.trim_start_matches('0');
    if digits.is_empty() { "0".to_owned() } else { digits.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(a: &str, b: &str) -> Option<String> {
        let sum = LongDouble::parse(a.as_bytes())?.plus(LongDouble::parse(b.as_bytes())?);
        sum.map(|sum| sum.to_string())
    }

    /// Sums as redis-server 7.0.15 on x86-64 answers them.
    #[test]
    fn sums_equal_those_of_redis() {
        let table = [
            ("0", "0", "0"),
            ("1", "0.25", "1.25"),
            ("1.1", "2.2", "3.3"),
            ("0.1", "0.2", "0.3"),
            ("10.50", "0.1", "10.6"),
            ("5.0e3", "2.0e2", "5200"),
            ("3.0", "1.1", "4.1"),
            ("17179869184", "1.5", "17179869185.5"),
            ("17179869184", "17179869184", "34359738368"),
            ("1", "-1.1", "-0.1"),
            ("0", "-0.0", "0"),
            ("-0", "0", "0"),
            ("1e-17", "0", "0.00000000000000001"),
            ("4e-18", "0", "0"),
            ("-4e-18", "0", "0"),
            ("1e-4940", "0", "0"),
            ("1e20", "0", "100000000000000000000"),
            ("1e30", "1", "1000000000000000000024696061952"),
            ("9007199254740993", "0.5", "9007199254740993.5"),
            ("0.99999999999999999", "0", "0.99999999999999999"),
            ("0.999999999999999999", "0", "1"),
            ("0x10", "0x.8p1", "17"),
            ("+5", "5.", "10"),
        ];
        for (a, b, expected) in table {
            assert_eq!(sum(a, b).as_deref(), Some(expected), "{a} + {b}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", " 1", "1 ", ".", "1e", "e5", "1.2.3", "0x", "nan", "--1", "1e99999", "1e-99999", "1_0", "é"] {
            assert!(LongDouble::parse(text.as_bytes()).is_none(), "{text:?}");
        }
        assert!(LongDouble::parse(&[b'1'; TEXT_MAX_BYTES + 1]).is_none());
    }

    #[test]
    fn infinity_is_read_but_never_a_sum() {
        assert_eq!(sum("inf", "1"), None);
        assert_eq!(sum("inf", "-inf"), None);
        assert_eq!(sum("1e4932", "1e4932"), None);
    }

    #[test]
    fn the_largest_numbers_have_all_their_digits() {
        let text = sum("1e4932", "0").unwrap();
        assert_eq!(text.len(), 4933);
        assert!(text.starts_with("1000000000000000000"));
    }
}
