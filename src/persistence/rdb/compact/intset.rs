//! Intset: a sorted array of integers of 2, 4 or 8 bytes, all of one width.

/// Hands each number to `each`, in ascending order.
pub fn decode(blob: &[u8], each: &mut dyn FnMut(i64)) -> Result<(), &'static str> {
    let (header, body) = blob.split_at_checked(8).ok_or("intset shorter than its header")?;
    let width = u32::from_le_bytes(header[..4].try_into().expect("four bytes")) as usize;
    let count = u32::from_le_bytes(header[4..].try_into().expect("four bytes")) as usize;
    if !matches!(width, 2 | 4 | 8) {
        return Err("intset of unknown width");
    }
    if count.checked_mul(width) != Some(body.len()) {
        return Err("intset with a wrong count");
    }
    if count == 0 {
        return Err("intset without elements");
    }
    let mut last = None;
    for bytes in body.chunks_exact(width) {
        let mut wide = [0; 8];
        wide[8 - width..].copy_from_slice(bytes);
        let number = i64::from_le_bytes(wide) >> (64 - 8 * width);
        if last.is_some_and(|last| number <= last) {
            return Err("intset out of order or with duplicates");
        }
        last = Some(number);
        each(number);
    }
    Ok(())
}

/// The intset of `numbers`, which are ascending and distinct, in the least width that holds them.
pub fn encode(numbers: &[i64]) -> Vec<u8> {
    let holds = |min: i64, max: i64| numbers.iter().all(|number| (min..=max).contains(number));
    let width = if holds(i16::MIN.into(), i16::MAX.into()) {
        2
    } else if holds(i32::MIN.into(), i32::MAX.into()) {
        4
    } else {
        8
    };
    let mut blob = Vec::with_capacity(8 + numbers.len() * width);
    blob.extend_from_slice(&(width as u32).to_le_bytes());
    blob.extend_from_slice(&(numbers.len() as u32).to_le_bytes());
    for number in numbers {
        blob.extend_from_slice(&number.to_le_bytes()[..width]);
    }
    blob
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(blob: &[u8]) -> Result<Vec<i64>, &'static str> {
        let mut numbers = Vec::new();
        decode(blob, &mut |number| numbers.push(number)).map(|()| numbers)
    }

    #[test]
    fn widths() {
        for (numbers, width) in [
            (vec![-32768, 0, 32767], 2),
            (vec![0, 32768], 4),
            (vec![i32::MIN as i64, i32::MAX as i64], 4),
            (vec![i64::MIN, -1, i64::MAX], 8),
        ] {
            let blob = encode(&numbers);
            assert_eq!(blob.len(), 8 + numbers.len() * width);
            assert_eq!(decoded(&blob).unwrap(), numbers);
        }
    }

    #[test]
    fn hostile_blobs() {
        let header = |width: u32, count: u32| [width.to_le_bytes(), count.to_le_bytes()].concat();
        let with = |header: Vec<u8>, body: &[u8]| [&header[..], body].concat();
        let cases: &[(Vec<u8>, &str)] = &[
            (vec![0; 7], "intset shorter than its header"),
            (with(header(3, 1), &[0; 3]), "intset of unknown width"),
            (with(header(2, 2), &[0; 3]), "intset with a wrong count"),
            (with(header(8, u32::MAX), &[0; 8]), "intset with a wrong count"),
            (header(2, 0), "intset without elements"),
            (with(header(2, 2), &[1, 0, 1, 0]), "intset out of order or with duplicates"),
            (with(header(2, 2), &[1, 0, 0xff, 0xff]), "intset out of order or with duplicates"),
        ];
        for (blob, error) in cases {
            assert_eq!(decoded(blob), Err(*error));
        }
    }

    proptest! {
        #[test]
        fn round_trip(numbers in prop::collection::btree_set(any::<i64>(), 1..50), shift in 0u32..63) {
            let mut numbers: Vec<i64> = numbers.into_iter().map(|number| number >> shift).collect();
            numbers.dedup();
            prop_assert_eq!(decoded(&encode(&numbers)).unwrap(), numbers);
        }

        #[test]
        fn garbage_never_panics(blob in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = decoded(&blob);
        }
    }
}
