//! Ziplist, the compact encoding before listpack: each element begins with the length of the one before it.
//!
//! Header: total bytes (4), offset of the last element (4), number of elements (2, all ones if there are more). Then
//! elements, then 0xFF. Redis wrote it up to 6.2; we only read it.

use super::{Cursor, Element};

const HEADER_BYTES: usize = 10;
const END: u8 = 0xff;
/// Stands for every count that does not fit.
const MANY: u16 = u16::MAX;

/// Hands each element to `each`.
pub fn decode(blob: &[u8], each: &mut dyn FnMut(Element<'_>)) -> Result<(), &'static str> {
    if blob.len() < HEADER_BYTES + 1 {
        return Err("ziplist shorter than its header");
    }
    let total = u32::from_le_bytes(blob[..4].try_into().expect("four bytes")) as usize;
    let tail = u32::from_le_bytes(blob[4..8].try_into().expect("four bytes")) as usize;
    let count = u16::from_le_bytes(blob[8..10].try_into().expect("two bytes"));
    if total != blob.len() {
        return Err("ziplist with a wrong size");
    }
    let mut cursor = Cursor { rest: &blob[HEADER_BYTES..] };
    let (mut seen, mut last_at, mut last_len) = (0, HEADER_BYTES, 0);
    while cursor.rest.first().is_some_and(|first| *first != END) {
        let before = cursor.rest.len();
        let stored = previous_length(&mut cursor).ok_or("ziplist element cut off")?;
        if stored != last_len {
            return Err("ziplist element with a wrong length of the one before");
        }
        each(element(&mut cursor).ok_or("ziplist element cut off or of unknown encoding")?);
        (seen, last_at, last_len) = (seen + 1, blob.len() - before, before - cursor.rest.len());
    }
    if cursor.rest != [END] {
        return Err("ziplist without its end, or with bytes behind it");
    }
    if tail != last_at {
        return Err("ziplist with a wrong tail");
    }
    if count != MANY && count as usize != seen {
        return Err("ziplist with a wrong count");
    }
    Ok(())
}

fn previous_length(cursor: &mut Cursor<'_>) -> Option<usize> {
    match cursor.byte()? {
        254 => cursor.array().map(|bytes| u32::from_le_bytes(bytes) as usize),
        255 => None,
        short => Some(short as usize),
    }
}

fn element<'a>(cursor: &mut Cursor<'a>) -> Option<Element<'a>> {
    let first = cursor.byte()?;
    Some(match first {
        0..=0x3f => Element::Bytes(cursor.take(first as usize)?),
        0x40..=0x7f => {
            let len = ((first & 0x3f) as usize) << 8 | cursor.byte()? as usize;
            Element::Bytes(cursor.take(len)?)
        }
        0x80 => {
            let len = u32::from_be_bytes(cursor.array()?);
            Element::Bytes(cursor.take(len as usize)?)
        }
        0xc0 => Element::Integer(cursor.signed(2)?),
        0xd0 => Element::Integer(cursor.signed(4)?),
        0xe0 => Element::Integer(cursor.signed(8)?),
        0xf0 => Element::Integer(cursor.signed(3)?),
        0xfe => Element::Integer(cursor.signed(1)?),
        0xf1..=0xfd => Element::Integer((first & 0x0f) as i64 - 1),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A ziplist of elements given as their encoding and data.
    fn ziplist(elements: &[&[u8]]) -> Vec<u8> {
        let mut blob = vec![0; HEADER_BYTES];
        let (mut tail, mut last_len) = (HEADER_BYTES, 0);
        for element in elements {
            tail = blob.len();
            if last_len < 254 {
                blob.push(last_len as u8);
            } else {
                blob.push(254);
                blob.extend_from_slice(&(last_len as u32).to_le_bytes());
            }
            blob.extend_from_slice(element);
            last_len = blob.len() - tail;
        }
        blob.push(END);
        let total = blob.len() as u32;
        blob[..4].copy_from_slice(&total.to_le_bytes());
        blob[4..8].copy_from_slice(&(tail as u32).to_le_bytes());
        blob[8..10].copy_from_slice(&(elements.len() as u16).to_le_bytes());
        blob
    }

    fn decoded(blob: &[u8]) -> Result<Vec<String>, &'static str> {
        let mut texts = Vec::new();
        decode(blob, &mut |element| element.with_bytes(|bytes| texts.push(bytes.escape_ascii().to_string())))
            .map(|()| texts)
    }

    #[test]
    fn every_encoding() {
        let long = [&[0x41, 0x2c][..], &[b'x'; 300]].concat();
        let longer = [&[0x80, 0, 0, 0x40, 0][..], &[b'y'; 16384]].concat();
        let blob = ziplist(&[
            b"\x03abc",
            &long,
            b"\xf1",
            b"\xfd",
            b"\xfe\x80",
            b"\xc0\x00\x80",
            b"\xf0\xff\xff\x7f",
            b"\xd0\xff\xff\xff\x7f",
            b"\xe0\x00\x00\x00\x00\x00\x00\x00\x80",
            &longer,
            b"\x00",
        ]);
        let texts = decoded(&blob).unwrap();
        assert_eq!(texts[1].len(), 300);
        assert_eq!(texts[9].len(), 16384);
        assert_eq!(texts[2..9], ["0", "12", "-128", "-32768", "8388607", "2147483647", "-9223372036854775808"]);
        assert_eq!((texts[0].as_str(), texts[10].as_str()), ("abc", ""));
        assert_eq!(decoded(&ziplist(&[])).unwrap(), [""; 0]);
    }

    #[test]
    fn hostile_blobs() {
        let good = ziplist(&[b"\x01a", b"\xf2"]);
        let with = |at: usize, byte: u8| {
            let mut bad = good.clone();
            bad[at] = byte;
            bad
        };
        let cases = [
            (good[..10].to_vec(), "ziplist shorter than its header"),
            (with(0, 99), "ziplist with a wrong size"),
            (with(4, 10), "ziplist with a wrong tail"),
            (with(8, 3), "ziplist with a wrong count"),
            (with(10, 1), "ziplist element with a wrong length of the one before"),
            (with(13, 254), "ziplist element cut off"),
            (with(11, 0x3f), "ziplist element cut off or of unknown encoding"),
            (with(11, 0x81), "ziplist element cut off or of unknown encoding"),
            (with(13, 0xff), "ziplist without its end, or with bytes behind it"),
        ];
        for (blob, error) in cases {
            assert_eq!(decoded(&blob), Err(error));
        }
    }

    proptest! {
        #[test]
        fn a_changed_byte_never_panics(at in 0usize..40, byte in any::<u8>()) {
            let mut blob = ziplist(&[b"\x03abc", b"\xf1", b"\xc0\x00\x80", b"\x00"]);
            let at = at % blob.len();
            blob[at] = byte;
            let _ = decoded(&blob);
        }
    }
}
