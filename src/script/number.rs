//! Numbers as C prints and reads them: `%.17g` and `strtod`, to the digit.

use std::ffi::{CStr, c_int};

/// Prints `number` with so many significant digits as `%.*g` does, and hands it to `take`.
pub fn with_g<T>(number: f64, precision: c_int, take: impl FnOnce(&[u8]) -> T) -> T {
    // Most numbers are small integers.
    if number == number.trunc()
        && number.abs() < 1e13
        && precision >= 13
        && !(number == 0.0 && number.is_sign_negative())
    {
        return take(itoa::Buffer::new().format(number as i64).as_bytes());
    }
    let mut text = [0u8; 64];
    // SAFETY: 64 bytes hold a sign, 17 digits, a point and an exponent, and snprintf keeps to its bound.
    let len = unsafe { libc::snprintf(text.as_mut_ptr().cast(), text.len(), c"%.*g".as_ptr(), precision, number) };
    take(&text[..usize::try_from(len).unwrap_or(0).min(text.len() - 1)])
}

/// The number that `text`, which ends with a zero byte, begins with, and how many bytes that takes: 0 if it is none.
pub fn strtod(text: &[u8]) -> (f64, usize) {
    let Ok(text) = CStr::from_bytes_until_nul(text) else { return (0.0, 0) };
    let mut end = std::ptr::null_mut();
    // SAFETY: the text ends with a zero byte.
    let number = unsafe { libc::strtod(text.as_ptr(), &mut end) };
    (number, end as usize - text.as_ptr() as usize)
}

/// The cast of C, on this machine: what does not fit is the smallest integer.
pub fn to_i64(number: f64) -> i64 {
    if number >= -9_223_372_036_854_775_808.0 && number < 9_223_372_036_854_775_808.0 {
        number as i64
    } else {
        i64::MIN
    }
}

/// As `to_i64`, to an unsigned one: what is too large is 0.
pub fn to_u64(number: f64) -> u64 {
    match number {
        _ if number < 9_223_372_036_854_775_808.0 => to_i64(number) as u64,
        _ if number < 18_446_744_073_709_551_616.0 => number as u64,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_as_in_c() {
        let g = |number, precision| with_g(number, precision, |text| String::from_utf8(text.to_vec()).expect("ASCII"));
        assert_eq!(g(3.0, 17), "3");
        assert_eq!(g(-0.0, 17), "-0");
        assert_eq!(g(0.1, 17), "0.10000000000000001");
        assert_eq!(g(0.1, 14), "0.1");
        assert_eq!(g(1e14, 14), "1e+14");
        assert_eq!(g(1e16, 17), "10000000000000000");
        assert_eq!(g(12345.678, 3), "1.23e+04");
    }

    #[test]
    fn texts_are_read_as_in_c() {
        assert_eq!(strtod(b"12.5,\0"), (12.5, 4));
        assert_eq!(strtod(b"0x10]\0"), (16.0, 4));
        assert_eq!(strtod(b"x\0"), (0.0, 0));
        assert_eq!(to_i64(f64::NAN), i64::MIN);
        assert_eq!(to_i64(1e300), i64::MIN);
        assert_eq!(to_i64(-3.9), -3);
    }
}
