//! Sets: integers in their order or packed members while small, a table of members when large.

use std::ptr::NonNull;

use rand::{Rng, RngExt};

use super::big_table::BigTable;
use super::edit::{Patch, Small, stays_packed, with_count};
use super::packed::{COUNT_MAX, Packed, Text, integer, pack};
use crate::config::CollectionLimits;
use crate::keyspace::birth::{Born, Cradle};
use crate::keyspace::blob::{BlobRef, Kind};
use crate::keyspace::link::Link;
use crate::keyspace::value::{Outer, Root};
use crate::keyspace::{Db, Encoding, Key, Strings};

/// A set read in place.
#[derive(Clone, Copy)]
pub struct SetRef<'a> {
    form: Form<'a>,
}

#[derive(Clone, Copy)]
enum Form<'a> {
    Small(Small<'a>),
    Big(&'a BigTable),
}

impl<'a> SetRef<'a> {
    pub(in crate::keyspace) fn of(blob: BlobRef<'a>) -> SetRef<'a> {
        let form = match Outer::of(blob) {
            Some(Outer::Table(table)) => Form::Big(table.get()),
            _ => Form::Small(Small::of(blob)),
        };
        SetRef { form }
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
            Form::Small(Small { raw: false, kind: Kind::IntSet, .. }) => Encoding::Intset,
            Form::Small(Small { raw: false, .. }) => Encoding::Listpack,
            _ => Encoding::Hashtable,
        }
    }

    pub fn contains(&self, member: &[u8]) -> bool {
        match self.form {
            Form::Small(small) => find(small, member).is_ok(),
            Form::Big(table) => table.contains(member),
        }
    }

    /// Members; integers in their order, while all are.
    pub fn iter(&self) -> impl Iterator<Item = Text<'a>> + use<'a> {
        let (small, big) = match self.form {
            Form::Small(small) => (Some(small.packed), None),
            Form::Big(table) => (None, Some(table.entries.entries())),
        };
        let members = big.into_iter().flatten().map(|entry| Text::Lent(entry.key()));
        small.into_iter().flatten().chain(members)
    }

    /// One step of SSCAN; a small set is one step.
    pub fn scan(&self, cursor: u64, each: &mut dyn FnMut(Text<'a>)) -> u64 {
        match self.form {
            Form::Small(small) => {
                small.packed.for_each(each);
                0
            }
            Form::Big(table) => table.entries.scan(cursor, &mut |entry| each(Text::Lent(entry.key()))),
        }
    }

    /// A member at random, each with the same chance.
    pub fn random(&self, rng: &mut dyn Rng) -> Option<Text<'a>> {
        match self.form {
            Form::Small(small) if small.len > 0 => {
                let mut packed = small.packed;
                packed.pass(rng.random_range(0..small.len));
                packed.next()
            }
            Form::Small(_) => None,
            Form::Big(table) => table.entries.random_fair(rng).map(|entry| Text::Lent(entry.key())),
        }
    }

    /// The root of a copy in large form.
    pub(in crate::keyspace) fn boxed_copy(&self, cradle: Cradle<'_>) -> NonNull<u8> {
        Link::new(self.copy(cradle)).address()
    }

    fn copy(&self, cradle: Cradle<'_>) -> BigTable {
        let mut copy = BigTable::new(cradle.epochs, cradle.hasher);
        for member in self.iter() {
            copy.set(&member, b"");
        }
        copy
    }
}

/// Where a member lies among packed ones, or where it is to be put.
fn find(small: Small<'_>, member: &[u8]) -> Result<usize, usize> {
    match (small.kind, integer(member)) {
        (Kind::IntSet, Some(number)) => small.packed.find_integer(number),
        (Kind::IntSet, None) => Err(small.bytes()),
        _ => small.packed.find(&pack([member]), 1).ok_or(small.bytes()),
    }
}

/// A set as it is born.
pub fn packed_set(cradle: Cradle<'_>, members: &Strings, limits: &CollectionLimits) -> Born {
    let len = members.len();
    if len <= limits.set_integers.min(COUNT_MAX)
        && let Some(mut numbers) = members.iter().map(integer).collect::<Option<Vec<i64>>>()
    {
        numbers.sort_unstable();
        let texts: Vec<Text<'_>> = numbers.into_iter().map(Text::from).collect();
        let packed = pack(texts.iter().map(|text| &text[..]));
        return Born::Inline { kind: Kind::IntSet, packed: with_count(len, &packed), raw: false };
    }
    let raw = len > limits.set_entries || members.iter().any(|member| member.len() > limits.set_value_bytes);
    if stays_packed(raw, len, members.size_bytes()) {
        let packed = pack(members.iter());
        return Born::Inline { kind: Kind::Set, packed: with_count(len, &packed), raw };
    }
    let mut table = BigTable::new(cradle.epochs, cradle.hasher);
    for member in members.iter() {
        table.set(member, b"");
    }
    Born::Boxed { kind: Kind::Set, value: Link::new(table).address() }
}

/// What a small set is with one more member: its kind, and whether it counts as large.
fn grown(small: Small<'_>, member: &[u8], limits: &CollectionLimits) -> (Kind, bool) {
    let len = small.len + 1;
    if small.kind == Kind::IntSet && integer(member).is_some() {
        return if len <= limits.set_integers { (Kind::IntSet, false) } else { (Kind::Set, true) };
    }
    let is_short = |text: &[u8]| text.len() <= limits.set_value_bytes;
    let others_are_short = small.kind == Kind::Set || small.packed.into_iter().all(|text| is_short(&text));
    (Kind::Set, small.raw || len > limits.set_entries || !is_short(member) || !others_are_short)
}

impl Db {
    /// Adds a member. False if it was there, `None` if the key holds nothing.
    pub fn set_add(&mut self, key: Key<'_>, member: &[u8], limits: &CollectionLimits) -> Option<bool> {
        let (old, spot) = self.table.locate(key)?;
        if let Some(Outer::Table(table)) = Outer::of(old) {
            // A version that a snapshot sees is not left for nothing.
            if self.epochs.is_shared(table.epoch()) && table.contains(member) {
                return Some(false);
            }
            return Some(self.change_root(key, spot, table, |table, _| table.set(member, b"")));
        }
        let small = Small::of(old);
        let Err(at) = find(small, member) else { return Some(false) };
        let bytes = pack([member]);
        let (kind, raw) = grown(small, member, limits);
        let len = small.len + 1;
        if stays_packed(raw, len, small.bytes() + bytes.len()) {
            self.patch(key, spot, Patch { kind, raw, len, range: at..at, bytes: &bytes });
        } else {
            let mut table = SetRef::of(old).copy(self.cradle());
            table.set(member, b"");
            self.outgrow(key, spot, Kind::Set, table);
        }
        Some(true)
    }

    /// Takes a member out of a set, which stays even if nothing is left of it. False if it was not there.
    pub fn set_remove(&mut self, key: Key<'_>, member: &[u8]) -> bool {
        let (old, spot) = self.table.locate(key).expect("a set to change");
        if let Some(Outer::Table(table)) = Outer::of(old) {
            return table.contains(member) && self.change_root(key, spot, table, |table, _| table.remove(member));
        }
        let small = Small::of(old);
        let Ok(at) = find(small, member) else { return false };
        let range = at..at + Packed::new(&small.packed.bytes()[at..]).pass(1);
        self.patch(key, spot, Patch { kind: small.kind, raw: small.raw, len: small.len - 1, range, bytes: &[] });
        true
    }
}
