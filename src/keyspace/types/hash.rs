//! Hashes: packed pairs while small, a table of fields when large.

use std::ptr::NonNull;

use rand::{Rng, RngExt};

use super::big_table::{BigTable, string};
use super::edit::{Patch, Small, stays_packed, with_count};
use super::packed::{Packed, Text, pack, put};
use crate::config::CollectionLimits;
use crate::keyspace::birth::{Born, Cradle};
use crate::keyspace::blob::{BlobRef, Kind};
use crate::keyspace::link::Link;
use crate::keyspace::value::Outer;
use crate::keyspace::{Db, Encoding, Entry, Key, Strings};

/// A hash read in place.
#[derive(Clone, Copy)]
pub struct HashRef<'a> {
    form: Form<'a>,
}

#[derive(Clone, Copy)]
enum Form<'a> {
    Small(Small<'a>),
    Big(&'a BigTable),
}

fn pair<'a>(entry: Entry<'a>) -> (Text<'a>, Text<'a>) {
    (Text::Lent(entry.key()), Text::from(string(entry.value()).to_cow()))
}

impl<'a> HashRef<'a> {
    pub(in crate::keyspace) fn of(blob: BlobRef<'a>) -> HashRef<'a> {
        let form = match Outer::of(blob) {
            Some(Outer::Table(table)) => Form::Big(table.get()),
            _ => Form::Small(Small::of(blob)),
        };
        HashRef { form }
    }

    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        match self.form {
            Form::Small(small) => small.len,
            Form::Big(table) => table.len(),
        }
    }

    pub fn encoding(&self) -> Encoding {
        match self.form {
            Form::Small(Small { raw: false, .. }) => Encoding::Listpack,
            _ => Encoding::Hashtable,
        }
    }

    pub fn value(&self, field: &[u8]) -> Option<Text<'a>> {
        match self.form {
            Form::Small(small) => {
                let at = small.packed.find(&pack([field]), 2)?;
                let mut rest = Packed::new(&small.packed.bytes()[at..]);
                rest.pass(1);
                rest.next()
            }
            Form::Big(table) => table.value(field).map(|string| Text::from(string.to_cow())),
        }
    }

    /// Fields with their values; in the order they came in, while the hash is small.
    pub fn iter(&self) -> impl Iterator<Item = (Text<'a>, Text<'a>)> + use<'a> {
        let (small, big) = match self.form {
            Form::Small(small) => (Some(small.packed), None),
            Form::Big(table) => (None, Some(table.entries.entries())),
        };
        let mut packed = small.unwrap_or(Packed::new(&[]));
        let pairs = std::iter::from_fn(move || Some((packed.next()?, packed.next()?)));
        pairs.chain(big.into_iter().flatten().map(pair))
    }

    /// One step of HSCAN; a small hash is one step.
    pub fn scan(&self, cursor: u64, each: &mut dyn FnMut(Text<'a>, Text<'a>)) -> u64 {
        match self.form {
            Form::Small(_) => {
                self.iter().for_each(|(field, value)| each(field, value));
                0
            }
            Form::Big(table) => table.entries.scan(cursor, &mut |entry| {
                let (field, value) = pair(entry);
                each(field, value);
            }),
        }
    }

    /// A pair at random, each with the same chance.
    pub fn random(&self, rng: &mut dyn Rng) -> Option<(Text<'a>, Text<'a>)> {
        match self.form {
            Form::Small(small) if small.len > 0 => {
                let mut packed = small.packed;
                packed.pass(2 * rng.random_range(0..small.len));
                Some((packed.next()?, packed.next()?))
            }
            Form::Small(_) => None,
            Form::Big(table) => table.entries.random_fair(rng).map(pair),
        }
    }

    /// The root of a copy in large form.
    pub(in crate::keyspace) fn boxed_copy(&self, cradle: Cradle<'_>) -> NonNull<u8> {
        Link::new(self.copy(cradle)).address()
    }

    fn copy(&self, cradle: Cradle<'_>) -> BigTable {
        let mut copy = BigTable::new(cradle.epochs, cradle.hasher);
        for (field, value) in self.iter() {
            copy.set(&field, &value);
        }
        copy
    }
}

/// A hash as it is born.
pub fn packed_hash(cradle: Cradle<'_>, pairs: &Strings, limits: &CollectionLimits) -> Born {
    let len = pairs.len() / 2;
    let raw = len > limits.hash_entries || pairs.iter().any(|text| text.len() > limits.hash_value_bytes);
    if stays_packed(raw, len, pairs.size_bytes()) {
        let packed = pack(pairs.iter());
        return Born::Inline { kind: Kind::Hash, packed: with_count(len, &packed), raw };
    }
    let mut table = BigTable::new(cradle.epochs, cradle.hasher);
    for index in 0..len {
        table.set(pairs.at(2 * index), pairs.at(2 * index + 1));
    }
    Born::Boxed { kind: Kind::Hash, value: Link::new(table).address() }
}

impl Db {
    /// Gives a field its value. The key must hold a hash. True if the field is new.
    pub fn hash_set(&mut self, key: Key<'_>, field: &[u8], value: &[u8], limits: &CollectionLimits) -> bool {
        let (old, spot) = self.table.locate(key).expect("a hash to change");
        if let Some(Outer::Table(table)) = Outer::of(old) {
            return self.change_root(key, spot, table, |table, _| table.set(field, value));
        }
        let small = Small::of(old);
        let mut bytes = pack([field]);
        let (range, len) = match small.packed.find(&bytes, 2) {
            Some(at) => {
                let from = at + bytes.len();
                bytes.clear();
                (from..from + Packed::new(&small.packed.bytes()[from..]).pass(1), small.len)
            }
            None => (small.bytes()..small.bytes(), small.len + 1),
        };
        put(&mut bytes, value);
        let is_new = len > small.len;
        let is_long = field.len().max(value.len()) > limits.hash_value_bytes;
        let raw = small.raw || is_long || len > limits.hash_entries;
        if stays_packed(raw, len, small.bytes() + bytes.len() - range.len()) {
            self.patch(key, spot, Patch { kind: Kind::Hash, raw, len, range, bytes: &bytes });
        } else {
            let mut table = HashRef::of(old).copy(self.cradle());
            table.set(field, value);
            self.outgrow(key, spot, Kind::Hash, table);
        }
        is_new
    }

    /// Takes a field out of a hash, which stays even if nothing is left of it. False if it was not there.
    pub fn hash_remove(&mut self, key: Key<'_>, field: &[u8]) -> bool {
        let (old, spot) = self.table.locate(key).expect("a hash to change");
        if let Some(Outer::Table(table)) = Outer::of(old) {
            return table.contains(field) && self.change_root(key, spot, table, |table, _| table.remove(field));
        }
        let small = Small::of(old);
        let Some(at) = small.packed.find(&pack([field]), 2) else { return false };
        let range = at..at + Packed::new(&small.packed.bytes()[at..]).pass(2);
        self.patch(key, spot, Patch { kind: Kind::Hash, raw: small.raw, len: small.len - 1, range, bytes: &[] });
        true
    }
}
