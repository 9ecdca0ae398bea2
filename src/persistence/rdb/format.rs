//! The alphabet of RDB: signatures, opcodes, value types, length and integer encodings.
//!
//! Numbers and layouts are those of Redis's rdb.h (versions 1 to 12) and Valkey's (80). Only bytes here, no streams.

use std::fmt;

/// The version we write where it carries all of the data: Redis from 7.0 on reads it.
pub const WRITTEN_VERSION: u16 = 10;
/// The version we write where fields of hashes expire: Redis from 7.4 on reads it.
pub const EXPIRING_FIELDS_VERSION: u16 = 12;

/// Whose numbering a payload follows: above version 11 Redis and Valkey went their own ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Redis,
    Valkey,
}

/// Version of a file (in its signature) or of a DUMP payload (in its footer).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    pub dialect: Dialect,
    pub number: u16,
}

impl Version {
    /// The newest format of Redis that we read: 7.4 and 8.0.
    pub const NEWEST_REDIS: u16 = 12;
    /// The format of Valkey 9. Older Valkeys write Redis's version 11.
    pub const VALKEY: u16 = 80;
    /// Bytes of either signature.
    pub const SIGNATURE_LEN: usize = 9;

    /// Reads a signature; `None` if it is none at all, whatever the version.
    pub fn from_signature(bytes: &[u8; Version::SIGNATURE_LEN]) -> Option<Version> {
        let (dialect, digits) = match bytes.strip_prefix(b"REDIS") {
            Some(digits) => (Dialect::Redis, digits),
            None => (Dialect::Valkey, bytes.strip_prefix(b"VALKEY")?),
        };
        let number =
            digits.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + (digit - b'0') as u16))?;
        Some(Version { dialect, number })
    }

    /// The version of a DUMP payload, which has no signature: numbers tell the dialects apart.
    pub fn from_footer(number: u16) -> Version {
        let dialect = if number >= Version::VALKEY { Dialect::Valkey } else { Dialect::Redis };
        Version { dialect, number }
    }

    pub fn is_readable(self) -> bool {
        match self.dialect {
            Dialect::Redis => (1..=Version::NEWEST_REDIS).contains(&self.number),
            Dialect::Valkey => self.number == Version::VALKEY,
        }
    }

    /// Version 5 brought the checksum behind the EOF opcode.
    pub fn has_checksum(self) -> bool {
        self.number >= 5
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number.fmt(f)
    }
}

/// What stands where a value's type could stand.
pub mod opcode {
    /// Valkey 9: a slot is being imported. Job name, count, ranges.
    pub const SLOT_IMPORT: u8 = 243;
    /// Redis 7.4: slot, its keys, its keys with an expiry.
    pub const SLOT_INFO: u8 = 244;
    pub const FUNCTION: u8 = 245;
    /// Functions as the release candidates of 7.0 wrote them: name, engine, description, code.
    pub const FUNCTION_PRE_GA: u8 = 246;
    pub const MODULE_AUX: u8 = 247;
    /// LRU: seconds idle, of the next key.
    pub const IDLE: u8 = 248;
    /// LFU: counter of the next key.
    pub const FREQ: u8 = 249;
    pub const AUX: u8 = 250;
    pub const RESIZE_DB: u8 = 251;
    pub const EXPIRE_MS: u8 = 252;
    pub const EXPIRE_S: u8 = 253;
    pub const SELECT_DB: u8 = 254;
    pub const EOF: u8 = 255;
}

/// Type byte of a value: its type and its encoding in one.
pub mod kind {
    pub const STRING: u8 = 0;
    pub const LIST: u8 = 1;
    pub const SET: u8 = 2;
    /// Scores as text.
    pub const ZSET: u8 = 3;
    pub const HASH: u8 = 4;
    /// Scores as binary doubles.
    pub const ZSET_2: u8 = 5;
    /// Not self-describing: only the module itself could read it.
    pub const MODULE: u8 = 6;
    pub const MODULE_2: u8 = 7;
    pub const HASH_ZIPMAP: u8 = 9;
    pub const LIST_ZIPLIST: u8 = 10;
    pub const SET_INTSET: u8 = 11;
    pub const ZSET_ZIPLIST: u8 = 12;
    pub const HASH_ZIPLIST: u8 = 13;
    pub const LIST_QUICKLIST: u8 = 14;
    pub const STREAM_LISTPACKS: u8 = 15;
    pub const HASH_LISTPACK: u8 = 16;
    pub const ZSET_LISTPACK: u8 = 17;
    pub const LIST_QUICKLIST_2: u8 = 18;
    pub const STREAM_LISTPACKS_2: u8 = 19;
    /// From here on version 11.
    pub const SET_LISTPACK: u8 = 20;
    pub const STREAM_LISTPACKS_3: u8 = 21;
    /// Redis: fields with expiries as release candidates of 7.4 wrote them. Valkey 9 gave the number another meaning.
    pub const HASH_METADATA_PRE_GA: u8 = 22;
    pub const VALKEY_HASH_2: u8 = 22;
    pub const HASH_LISTPACK_EX_PRE_GA: u8 = 23;
    pub const HASH_METADATA: u8 = 24;
    pub const HASH_LISTPACK_EX: u8 = 25;
}

/// A length, or the mark that a string in a special encoding follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    Plain(u64),
    Encoded(u8),
}

/// String encodings behind [`Length::Encoded`].
pub mod encoding {
    pub const INT8: u8 = 0;
    pub const INT16: u8 = 1;
    pub const INT32: u8 = 2;
    pub const LZF: u8 = 3;
}

/// Two top bits set: the other six name a string encoding.
pub const ENCODED: u8 = 0b1100_0000;
/// A 32-bit length follows, big endian.
pub const LENGTH_32: u8 = 0x80;
/// A 64-bit length follows, big endian.
pub const LENGTH_64: u8 = 0x81;

/// Appends a length in its shortest form.
pub fn put_length(out: &mut Vec<u8>, length: u64) {
    if length < 1 << 6 {
        out.push(length as u8);
    } else if length < 1 << 14 {
        out.extend_from_slice(&(length as u16 | 0x4000).to_be_bytes());
    } else if let Ok(length) = u32::try_from(length) {
        out.push(LENGTH_32);
        out.extend_from_slice(&length.to_be_bytes());
    } else {
        out.push(LENGTH_64);
        out.extend_from_slice(&length.to_be_bytes());
    }
}

/// Appends a string that is the decimal form of a small integer as that integer; false if it is none.
pub fn put_integer_string(out: &mut Vec<u8>, text: &[u8]) -> bool {
    let Some(number) = canonical_i32(text) else { return false };
    if let Ok(number) = i8::try_from(number) {
        out.extend_from_slice(&[ENCODED | encoding::INT8, number as u8]);
    } else if let Ok(number) = i16::try_from(number) {
        out.push(ENCODED | encoding::INT16);
        out.extend_from_slice(&number.to_le_bytes());
    } else {
        out.push(ENCODED | encoding::INT32);
        out.extend_from_slice(&number.to_le_bytes());
    }
    true
}

/// The number whose decimal form is exactly `text`: no sign but a minus, no leading zero, no "-0".
fn canonical_i32(text: &[u8]) -> Option<i32> {
    if text.is_empty() || text.len() > 11 {
        return None;
    }
    let (negative, digits) = match text.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] => {}
        _ => return None,
    }
    let magnitude =
        digits.iter().try_fold(0i64, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + (digit - b'0') as i64))?;
    i32::try_from(if negative { -magnitude } else { magnitude }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_their_shortest_form() {
        let cases: &[(u64, &[u8])] = &[
            (0, &[0]),
            (63, &[63]),
            (64, &[0x40, 64]),
            (16383, &[0x7f, 0xff]),
            (16384, &[0x80, 0, 0, 0x40, 0]),
            (u32::MAX as u64, &[0x80, 0xff, 0xff, 0xff, 0xff]),
            (u32::MAX as u64 + 1, &[0x81, 0, 0, 0, 1, 0, 0, 0, 0]),
            (u64::MAX, &[0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ];
        for (length, bytes) in cases {
            let mut out = Vec::new();
            put_length(&mut out, *length);
            assert_eq!(out, *bytes, "{length}");
        }
    }

    #[test]
    fn integers_are_recognized_only_in_canonical_form() {
        let cases: &[(&str, &[u8])] = &[
            ("0", &[0xc0, 0]),
            ("127", &[0xc0, 127]),
            ("-128", &[0xc0, 0x80]),
            ("128", &[0xc1, 128, 0]),
            ("-129", &[0xc1, 0x7f, 0xff]),
            ("32767", &[0xc1, 0xff, 0x7f]),
            ("32768", &[0xc2, 0, 0x80, 0, 0]),
            ("2147483647", &[0xc2, 0xff, 0xff, 0xff, 0x7f]),
            ("-2147483648", &[0xc2, 0, 0, 0, 0x80]),
        ];
        for (text, bytes) in cases {
            let mut out = Vec::new();
            assert!(put_integer_string(&mut out, text.as_bytes()), "{text}");
            assert_eq!(out, *bytes, "{text}");
        }
        for text in [
            "",
            "-",
            "-0",
            "00",
            "01",
            "+1",
            " 1",
            "1 ",
            "1.0",
            "2147483648",
            "-2147483649",
            "99999999999",
            "-99999999999",
        ] {
            assert!(!put_integer_string(&mut Vec::new(), text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn signatures() {
        let redis = |number| Some(Version { dialect: Dialect::Redis, number });
        assert_eq!(Version::from_signature(b"REDIS0010"), redis(10));
        assert_eq!(Version::from_signature(b"REDIS9999"), redis(9999));
        assert_eq!(Version::from_signature(b"VALKEY080"), Some(Version { dialect: Dialect::Valkey, number: 80 }));
        for bad in [b"REDIS 010", b"REDIS-001", b"redis0010", b"VALKEY-80", b"\0\0\0\0\0\0\0\0\0"] {
            assert_eq!(Version::from_signature(bad), None);
        }
        let readable = |bytes| Version::from_signature(bytes).is_some_and(Version::is_readable);
        assert!(readable(b"REDIS0001") && readable(b"REDIS0012") && readable(b"VALKEY080"));
        assert!(
            !readable(b"REDIS0000") && !readable(b"REDIS0013") && !readable(b"VALKEY081") && !readable(b"VALKEY012")
        );
    }
}
