//! Zipmap, how Redis up to 2.4 wrote small hashes: field, value, a few unused bytes behind the value.
//!
//! Header: number of pairs (1, 254 and more if there are too many). Then pairs, then 0xFF. We only read it.

use super::Cursor;

const END: u8 = 0xff;
/// As a count: not known. As a length: four bytes follow.
const BIG: u8 = 254;

/// Hands each field and each value to `each`, in turn.
pub fn decode(blob: &[u8], each: &mut dyn FnMut(&[u8])) -> Result<(), &'static str> {
    const CUT: &str = "zipmap element cut off";
    let mut cursor = Cursor { rest: blob };
    let count = cursor.byte().ok_or("zipmap shorter than its header")?;
    let mut seen = 0;
    while cursor.rest.first().is_some_and(|first| *first != END) {
        let len = length(&mut cursor).ok_or(CUT)?;
        each(cursor.take(len).ok_or(CUT)?);
        let len = length(&mut cursor).ok_or(CUT)?;
        let unused = cursor.byte().ok_or(CUT)?;
        each(cursor.take(len).ok_or(CUT)?);
        cursor.take(unused as usize).ok_or(CUT)?;
        seen += 1;
    }
    if cursor.rest != [END] {
        return Err("zipmap without its end, or with bytes behind it");
    }
    if seen == 0 {
        return Err("zipmap without elements");
    }
    if count < BIG && count as usize != seen {
        return Err("zipmap with a wrong count");
    }
    Ok(())
}

fn length(cursor: &mut Cursor<'_>) -> Option<usize> {
    match cursor.byte()? {
        BIG => cursor.array().map(|bytes| u32::from_le_bytes(bytes) as usize),
        END => None,
        short => Some(short as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(blob: &[u8]) -> Result<Vec<String>, &'static str> {
        let mut texts = Vec::new();
        decode(blob, &mut |text| texts.push(text.escape_ascii().to_string())).map(|()| texts)
    }

    #[test]
    fn pairs_with_unused_bytes_and_long_values() {
        let long = [b"\x01k\xfe\x2c\x01\x00\x00\x00".to_vec(), vec![b'x'; 300]].concat();
        let blob = [b"\x02\x03foo\x03\x02bar??".to_vec(), long, vec![END]].concat();
        let texts = decoded(&blob).unwrap();
        assert_eq!(texts[..3], ["foo", "bar", "k"]);
        assert_eq!(texts[3].len(), 300);
    }

    #[test]
    fn hostile_blobs() {
        let cases: &[(&[u8], &str)] = &[
            (b"", "zipmap shorter than its header"),
            (b"\x01", "zipmap without its end, or with bytes behind it"),
            (b"\x00\xff", "zipmap without elements"),
            (b"\x01\xff\x00", "zipmap without its end, or with bytes behind it"),
            (b"\x02\x01a\x01\x00b\xff", "zipmap with a wrong count"),
            (b"\x01\x01a\x01\x09b\xff", "zipmap element cut off"),
            (b"\x01\x01a\xff", "zipmap element cut off"),
            (b"\x01\xfe\xff\xff\xff\xffa\xff", "zipmap element cut off"),
        ];
        for (blob, error) in cases {
            assert_eq!(decoded(blob), Err(*error), "{blob:?}");
        }
        assert_eq!(decoded(b"\xfe\x01a\x01\x00b\xff").unwrap(), ["a", "b"]);
    }
}
