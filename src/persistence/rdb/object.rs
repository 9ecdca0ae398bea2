//! Decodes values of every type but strings, which the reader lends directly.
//!
//! All of a value is checked here: members and fields are distinct, scores are numbers, compact encodings agree with
//! their headers. Memory grows with the bytes read, never with a count that the payload claims.

use std::hash::Hasher;
use std::io::Read;

use super::compact::Compact;
use super::error::{Fault, RdbError};
use super::format::{Dialect, kind};
use super::input::Input;
use super::stream;
use super::value::{Hash, ModuleId, RdbValue, SortedSet, Strings};

/// Field expiries are 48 bits of milliseconds.
const MAX_FIELD_EXPIRY: u64 = (1 << 48) - 1;

/// Decodes one value after the other.
pub(super) struct Decoder {
    dialect: Dialect,
    duplicates: Duplicates,
}

impl Decoder {
    pub fn new(dialect: Dialect) -> Decoder {
        Decoder { dialect, duplicates: Duplicates::default() }
    }

    /// Whether a type byte is one of a value.
    pub fn is_object(code: u8) -> bool {
        matches!(code, kind::STRING..=kind::MODULE_2 | kind::HASH_ZIPMAP..=kind::HASH_LISTPACK_EX)
    }

    /// The value of type `code`, which is not a plain string.
    pub fn object<R: Read>(&mut self, input: &mut Input<R>, code: u8) -> Result<RdbValue<'static>, RdbError> {
        Ok(match code {
            kind::LIST => RdbValue::List(strings(input, 1)?),
            kind::LIST_ZIPLIST => RdbValue::List(blob(input, Compact::Ziplist)?),
            kind::LIST_QUICKLIST => RdbValue::List(quicklist(input, false)?),
            kind::LIST_QUICKLIST_2 => RdbValue::List(quicklist(input, true)?),
            kind::SET => self.set(input, strings)?,
            kind::SET_INTSET => RdbValue::Set(blob(input, Compact::Intset)?),
            kind::SET_LISTPACK => self.set(input, |input, _| blob(input, Compact::Listpack))?,
            kind::ZSET => self.sorted_set(input, text_score)?,
            kind::ZSET_2 => self.sorted_set(input, binary_score)?,
            kind::ZSET_ZIPLIST => self.compact_sorted_set(input, Compact::Ziplist)?,
            kind::ZSET_LISTPACK => self.compact_sorted_set(input, Compact::Listpack)?,
            kind::HASH => self.hash(input, |input| strings(input, 2))?,
            kind::HASH_ZIPMAP => self.hash(input, |input| blob(input, Compact::Zipmap))?,
            kind::HASH_ZIPLIST => self.hash(input, |input| blob(input, Compact::Ziplist))?,
            kind::HASH_LISTPACK => self.hash(input, |input| blob(input, Compact::Listpack))?,
            kind::VALKEY_HASH_2 if self.dialect == Dialect::Valkey => self.valkey_hash(input)?,
            kind::HASH_METADATA_PRE_GA..=kind::HASH_LISTPACK_EX if self.dialect == Dialect::Valkey => {
                return Err(input.error(Fault::UnknownType(code)));
            }
            kind::HASH_METADATA_PRE_GA => self.hash_with_expiries(input, None)?,
            kind::HASH_METADATA => {
                let earliest = earliest_expiry(input)?;
                self.hash_with_expiries(input, Some(earliest))?
            }
            kind::HASH_LISTPACK_EX_PRE_GA => self.listpack_ex(input)?,
            kind::HASH_LISTPACK_EX => {
                earliest_expiry(input)?;
                self.listpack_ex(input)?
            }
            kind::STREAM_LISTPACKS => self.stream(input, 1)?,
            kind::STREAM_LISTPACKS_2 => self.stream(input, 2)?,
            kind::STREAM_LISTPACKS_3 => self.stream(input, 3)?,
            kind::MODULE_2 => {
                let id = ModuleId(input.length()?);
                skip_module_value(input)?;
                RdbValue::Module(id)
            }
            kind::MODULE => {
                let id = ModuleId(input.length()?);
                return Err(input.error(Fault::OpaqueModule(id)));
            }
            _ => return Err(input.error(Fault::UnknownType(code))),
        })
    }

    fn set<R: Read>(
        &mut self,
        input: &mut Input<R>,
        read: impl FnOnce(&mut Input<R>, u64) -> Result<Strings, RdbError>,
    ) -> Result<RdbValue<'static>, RdbError> {
        let members = read(input, 1)?;
        self.check_distinct(input, &members, 1, "duplicate set members")?;
        Ok(RdbValue::Set(members))
    }

    fn sorted_set<R: Read>(
        &mut self,
        input: &mut Input<R>,
        score: impl Fn(&mut Input<R>) -> Result<f64, RdbError>,
    ) -> Result<RdbValue<'static>, RdbError> {
        let mut set = SortedSet::default();
        for _ in 0..input.length()? {
            set.members.push(input.string()?);
            set.scores.push(score(input)?);
        }
        self.finish_sorted_set(input, set)
    }

    fn compact_sorted_set<R: Read>(
        &mut self,
        input: &mut Input<R>,
        format: Compact,
    ) -> Result<RdbValue<'static>, RdbError> {
        let flat = blob(input, format)?;
        let mut set = SortedSet::default();
        for pair in 0..flat.len() / 2 {
            set.members.push(flat.at(2 * pair));
            let score = parse_score(flat.at(2 * pair + 1));
            set.scores.push(score.ok_or_else(|| input.corrupt("sorted set score is not a number"))?);
        }
        if flat.len() % 2 != 0 {
            return Err(input.corrupt("sorted set member without a score"));
        }
        self.finish_sorted_set(input, set)
    }

    fn finish_sorted_set<R: Read>(&mut self, input: &Input<R>, set: SortedSet) -> Result<RdbValue<'static>, RdbError> {
        if set.scores.iter().any(|score| score.is_nan()) {
            return Err(input.corrupt("sorted set with NaN score"));
        }
        self.check_distinct(input, &set.members, 1, "duplicate sorted set members")?;
        Ok(RdbValue::SortedSet(set))
    }

    fn hash<R: Read>(
        &mut self,
        input: &mut Input<R>,
        read: impl FnOnce(&mut Input<R>) -> Result<Strings, RdbError>,
    ) -> Result<RdbValue<'static>, RdbError> {
        let pairs = read(input)?;
        self.finish_hash(input, Hash { pairs, expire_at_ms: Vec::new() })
    }

    fn finish_hash<R: Read>(&mut self, input: &Input<R>, hash: Hash) -> Result<RdbValue<'static>, RdbError> {
        if hash.pairs.len() % 2 != 0 {
            return Err(input.corrupt("hash field without a value"));
        }
        self.check_distinct(input, &hash.pairs, 2, "duplicate hash fields")?;
        Ok(RdbValue::Hash(hash))
    }

    /// Redis 7.4: expiry, field, value. An expiry counts from `earliest`, plus one, or is absolute; 0 is none.
    fn hash_with_expiries<R: Read>(
        &mut self,
        input: &mut Input<R>,
        earliest: Option<u64>,
    ) -> Result<RdbValue<'static>, RdbError> {
        let mut hash = Hash::default();
        for _ in 0..input.length()? {
            let stored = input.length()?;
            let at = match earliest {
                Some(earliest) if stored != 0 => (stored - 1).checked_add(earliest),
                _ => Some(stored),
            };
            let at = at.filter(|at| *at <= MAX_FIELD_EXPIRY);
            hash.expire_at_ms.push(at.ok_or_else(|| input.corrupt("hash field expiry out of range"))? as i64);
            hash.pairs.push(input.string()?);
            hash.pairs.push(input.string()?);
        }
        self.finish_hash(input, hash)
    }

    /// Redis 7.4: a listpack of field, value, absolute expiry or 0.
    fn listpack_ex<R: Read>(&mut self, input: &mut Input<R>) -> Result<RdbValue<'static>, RdbError> {
        let flat = blob(input, Compact::Listpack)?;
        let mut hash = Hash::default();
        for index in (0..flat.len()).step_by(3) {
            if index + 2 >= flat.len() {
                return Err(input.corrupt("hash field without a value or an expiry"));
            }
            hash.pairs.push(flat.at(index));
            hash.pairs.push(flat.at(index + 1));
            let at = std::str::from_utf8(flat.at(index + 2)).ok().and_then(|text| text.parse::<u64>().ok());
            let at = at.filter(|at| *at <= MAX_FIELD_EXPIRY);
            hash.expire_at_ms.push(at.ok_or_else(|| input.corrupt("hash field expiry out of range"))? as i64);
        }
        self.finish_hash(input, hash)
    }

    /// Valkey 9: field, value, absolute expiry or -1.
    fn valkey_hash<R: Read>(&mut self, input: &mut Input<R>) -> Result<RdbValue<'static>, RdbError> {
        let mut hash = Hash::default();
        for _ in 0..input.length()? {
            hash.pairs.push(input.string()?);
            hash.pairs.push(input.string()?);
            let at = match input.milliseconds()? {
                -1 => 0,
                at if at > 0 => at,
                _ => return Err(input.corrupt("hash field expiry out of range")),
            };
            hash.expire_at_ms.push(at);
        }
        self.finish_hash(input, hash)
    }

    fn stream<R: Read>(&mut self, input: &mut Input<R>, version: u8) -> Result<RdbValue<'static>, RdbError> {
        let stream = stream::read(input, version)?;
        let groups: Strings = stream.groups.iter().map(|group| &group.name).collect();
        self.check_distinct(input, &groups, 1, "duplicate consumer group")?;
        for group in &stream.groups {
            let consumers: Strings = group.consumers.iter().map(|consumer| &consumer.name).collect();
            self.check_distinct(input, &consumers, 1, "duplicate consumer")?;
        }
        Ok(RdbValue::Stream(Box::new(stream)))
    }

    fn check_distinct<R: Read>(
        &mut self,
        input: &Input<R>,
        strings: &Strings,
        step: usize,
        what: &'static str,
    ) -> Result<(), RdbError> {
        if self.duplicates.are_in(strings, step) { Err(input.corrupt(what)) } else { Ok(()) }
    }
}

/// Finds equal strings by sorting their hashes: no table that chosen strings could degrade, no memory held per value.
#[derive(Default)]
struct Duplicates {
    hashes: Vec<(u64, usize)>,
}

impl Duplicates {
    const KEPT: usize = 1 << 16;

    /// Whether two of every `step`th string are equal.
    fn are_in(&mut self, strings: &Strings, step: usize) -> bool {
        self.hashes.clear();
        self.hashes.shrink_to(Duplicates::KEPT);
        self.hashes.extend((0..strings.len()).step_by(step).map(|index| (hash(strings.at(index)), index)));
        self.hashes.sort_unstable();
        self.hashes.chunk_by(|a, b| a.0 == b.0).any(|same| same.len() > 1 && any_equal(strings, same))
    }
}

/// Among strings of one hash, which chosen input can make many.
fn any_equal(strings: &Strings, same_hash: &[(u64, usize)]) -> bool {
    let mut candidates: Vec<&[u8]> = same_hash.iter().map(|(_, index)| strings.at(*index)).collect();
    candidates.sort_unstable();
    candidates.windows(2).any(|pair| pair[0] == pair[1])
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

/// A count, and `per_element` times as many strings.
fn strings<R: Read>(input: &mut Input<R>, per_element: u64) -> Result<Strings, RdbError> {
    let count = input.length()?.checked_mul(per_element).ok_or_else(|| input.corrupt("impossible element count"))?;
    let mut strings = Strings::default();
    for _ in 0..count {
        strings.push(input.string()?);
    }
    Ok(strings)
}

/// A string that is a compact encoding of many.
fn blob<R: Read>(input: &mut Input<R>, format: Compact) -> Result<Strings, RdbError> {
    let mut strings = Strings::default();
    append_blob(input, format, &mut strings)?;
    Ok(strings)
}

fn append_blob<R: Read>(input: &mut Input<R>, format: Compact, strings: &mut Strings) -> Result<(), RdbError> {
    let decoded = format.decode(input.string()?, &mut |element| strings.push(element));
    decoded.map_err(|what| input.corrupt(what))
}

/// Nodes of a list: ziplists, or since 7.0 listpacks and single large elements.
fn quicklist<R: Read>(input: &mut Input<R>, has_containers: bool) -> Result<Strings, RdbError> {
    const PLAIN: u64 = 1;
    const PACKED: u64 = 2;
    let mut strings = Strings::default();
    for _ in 0..input.length()? {
        let container = if has_containers { input.length()? } else { PACKED };
        match container {
            PACKED if has_containers => append_blob(input, Compact::Listpack, &mut strings)?,
            PACKED => append_blob(input, Compact::Ziplist, &mut strings)?,
            PLAIN => strings.push(input.string()?),
            _ => return Err(input.corrupt("unknown quicklist container")),
        }
    }
    Ok(strings)
}

fn binary_score<R: Read>(input: &mut Input<R>) -> Result<f64, RdbError> {
    Ok(f64::from_le_bytes(input.array()?))
}

/// A length byte and text, or one of three lengths that mean what text cannot say.
fn text_score<R: Read>(input: &mut Input<R>) -> Result<f64, RdbError> {
    match input.byte()? {
        253 => Ok(f64::NAN),
        254 => Ok(f64::INFINITY),
        255 => Ok(f64::NEG_INFINITY),
        len => {
            let score = parse_score(input.slice(len as u64)?);
            score.ok_or_else(|| input.corrupt("sorted set score is not a number"))
        }
    }
}

fn parse_score(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The earliest field expiry of a hash; one beyond the largest says that there is none.
fn earliest_expiry<R: Read>(input: &mut Input<R>) -> Result<u64, RdbError> {
    let earliest = u64::from_le_bytes(input.array()?);
    if earliest > MAX_FIELD_EXPIRY + 1 {
        return Err(input.corrupt("hash field expiry out of range"));
    }
    Ok(earliest)
}

/// Modules write their values as a sequence of tagged parts, so that others can pass over them.
pub(super) fn skip_module_value<R: Read>(input: &mut Input<R>) -> Result<(), RdbError> {
    const EOF: u64 = 0;
    const SINT: u64 = 1;
    const UINT: u64 = 2;
    const FLOAT: u64 = 3;
    const DOUBLE: u64 = 4;
    const STRING: u64 = 5;
    loop {
        match input.length()? {
            EOF => return Ok(()),
            SINT | UINT => drop(input.length()?),
            FLOAT => drop(input.array::<4>()?),
            DOUBLE => drop(input.array::<8>()?),
            STRING => drop(input.string()?),
            _ => return Err(input.corrupt("unknown part of a module value")),
        }
    }
}
