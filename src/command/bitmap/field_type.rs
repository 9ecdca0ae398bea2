//! The integers of BITFIELD: signed or not, 1 to 64 bits wide, at any bit of a string.

/// Bytes that an integer can touch, with room to spare: 64 bits that begin within a byte touch nine.
pub const WINDOW: usize = 16;

/// `i1` to `i64`, `u1` to `u63`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldType {
    is_signed: bool,
    bits: u32,
}

/// What becomes of a number that does not fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// Only its lowest bits are kept.
    #[default]
    Wrap,
    /// The nearest number that fits is taken.
    Saturate,
    /// Nothing is changed.
    Fail,
}

impl FieldType {
    pub fn parse(word: &[u8]) -> Option<FieldType> {
        let (sign, digits) = word.split_first()?;
        let (is_signed, most) = match sign {
            b'i' => (true, 64),
            b'u' => (false, 63),
            _ => return None,
        };
        let bits = crate::resp::parse_i64(digits).filter(|bits| (1..=most).contains(bits))?;
        Some(FieldType { is_signed, bits: bits as u32 })
    }

    pub fn bits(self) -> u32 {
        self.bits
    }

    fn mask(self) -> u128 {
        (1 << self.bits) - 1
    }

    fn min(self) -> i128 {
        if self.is_signed { -(1 << (self.bits - 1)) } else { 0 }
    }

    fn max(self) -> i128 {
        self.min() + self.mask() as i128
    }

    /// The number whose first bit is bit `at`, below 8, of the window.
    pub fn read(self, window: [u8; WINDOW], at: u32) -> i128 {
        self.wrap((u128::from_be_bytes(window) >> (128 - at - self.bits)) as i128)
    }

    /// Puts a number there; the bytes that it touches.
    pub fn write(self, window: &mut [u8; WINDOW], at: u32, number: i128) -> &[u8] {
        let shift = 128 - at - self.bits;
        let others = u128::from_be_bytes(*window) & !(self.mask() << shift);
        *window = (others | (number as u128 & self.mask()) << shift).to_be_bytes();
        &window[..(at + self.bits).div_ceil(8) as usize]
    }

    /// What SET stores; `None` for nothing. A negative number is a huge unsigned one; and saturation takes a signed one
    /// for too large if it is so small that its distance from the largest one exceeds 63 bits. That is Redis's
    /// arithmetic, and who applies its stream must come to the same bytes.
    pub fn given(self, number: i64, overflow: Overflow) -> Option<i128> {
        let exact = if self.is_signed { number.into() } else { (number as u64).into() };
        let is_too_far = exact < self.min() && self.max() - exact > i64::MAX.into();
        if is_too_far && overflow == Overflow::Saturate { Some(self.max()) } else { self.fit(exact, overflow) }
    }

    /// What is stored of an exact number; `None` for nothing.
    pub fn fit(self, exact: i128, overflow: Overflow) -> Option<i128> {
        if (self.min()..=self.max()).contains(&exact) {
            return Some(exact);
        }
        match overflow {
            Overflow::Wrap => Some(self.wrap(exact)),
            Overflow::Saturate => Some(exact.clamp(self.min(), self.max())),
            Overflow::Fail => None,
        }
    }

    /// The lowest bits as a number of this type.
    fn wrap(self, number: i128) -> i128 {
        let low = (number as u128 & self.mask()) as i128;
        if low > self.max() { low - (1 << self.bits) } else { low }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(word: &str) -> FieldType {
        FieldType::parse(word.as_bytes()).unwrap()
    }

    #[test]
    fn types_have_a_sign_and_a_width() {
        for word in ["", "i", "u", "i0", "i65", "u64", "u0", "I8", "U8", "x8", "8", "i-1", "i08", "u8 "] {
            assert_eq!(FieldType::parse(word.as_bytes()), None, "{word}");
        }
        for word in ["i1", "i64", "u1", "u63"] {
            assert!(FieldType::parse(word.as_bytes()).is_some(), "{word}");
        }
    }

    #[test]
    fn what_does_not_fit_wraps_saturates_or_fails() {
        let (min, max) = (i128::from(i64::MIN), i128::from(i64::MAX));
        for (word, exact, wrapped, saturated) in [
            ("u8", 256, 0, 255),
            ("u8", -1, 255, 0),
            ("i8", 128, -128, 127),
            ("i8", -129, 127, -128),
            ("i1", 1, -1, 0),
            ("u1", 2, 0, 1),
            ("i64", max + 1, min, max),
            ("i64", min - 1, max, min),
            ("u63", max + 1, 0, max),
            ("u63", -1, max, 0),
        ] {
            assert_eq!(field(word).fit(exact, Overflow::Wrap), Some(wrapped), "{word} {exact}");
            assert_eq!(field(word).fit(exact, Overflow::Saturate), Some(saturated), "{word} {exact}");
            assert_eq!(field(word).fit(exact, Overflow::Fail), None, "{word} {exact}");
        }
    }

    #[test]
    fn set_takes_redis_arithmetic() {
        for (word, number, stored) in [
            ("u8", -1, 255),
            ("i8", -129, -128),
            ("i36", i64::MIN, (1 << 35) - 1),
            ("i36", i64::MIN + (1 << 35), -(1 << 35)),
            ("i63", -(1 << 62) - 1, (1 << 62) - 1),
            ("i64", i64::MIN, i64::MIN.into()),
        ] {
            assert_eq!(field(word).given(number, Overflow::Saturate), Some(stored), "{word} {number}");
        }
        assert_eq!(field("i36").given(i64::MIN, Overflow::Wrap), Some(0));
        assert_eq!(field("i36").given(i64::MIN, Overflow::Fail), None);
    }

    #[test]
    fn what_is_written_is_read_and_its_neighbours_stay() {
        for bits in 1..=64 {
            for at in 0..8 {
                let field = FieldType { is_signed: true, bits };
                for number in [field.min(), field.max(), -1, 0] {
                    for filler in [0x00, 0xff] {
                        let mut window = [filler; WINDOW];
                        let touched = field.write(&mut window, at, number).len();
                        assert_eq!(field.read(window, at), number, "i{bits} at {at}");
                        assert!(touched <= 9 && window[touched..].iter().all(|byte| *byte == filler));
                        field.write(&mut window, at, if filler == 0 { 0 } else { -1 });
                        assert_eq!(window, [filler; WINDOW], "i{bits} at {at}");
                    }
                }
            }
        }
    }
}
