//! Hashes: packed pairs while small, a table of fields when large.
//!
//! Where a field of a small hash expires, all its fields are packed as triples: name, value, and when it expires, as a
//! number or as nothing. A large one's fields expire as the keys of a database do.

use std::ptr::NonNull;

use rand::{Rng, RngExt};

use super::big_table::{BigTable, string};
use super::edit::{Patch, Small, stays_packed, with_count};
use super::packed::{Kept, Packed, Text, pack, put};
use crate::config::CollectionLimits;
use crate::keyspace::birth::{Born, Cradle};
use crate::keyspace::blob::{BlobRef, Kind};
use crate::keyspace::link::Link;
use crate::keyspace::table::Spot;
use crate::keyspace::value::Outer;
use crate::keyspace::{Db, Encoding, Entry, Key, Strings, UnixMs};

/// A large hash is asked for a random field so many times before its fields are looked through for one that lives.
const RANDOM_TRIES: usize = 100;

/// A field as it is kept.
#[derive(Clone, Debug)]
pub struct Field<'a> {
    pub name: Text<'a>,
    pub value: Text<'a>,
    pub expire_at: Option<UnixMs>,
}

impl Field<'_> {
    fn is_live(&self, as_of: UnixMs) -> bool {
        self.expire_at.is_none_or(|at| at >= as_of)
    }
}

/// What becomes of a field's expiry when it is given a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    Endless,
    AsBefore,
    Until(UnixMs),
}

impl Lifetime {
    fn expire_at(self, before: Option<UnixMs>) -> Option<UnixMs> {
        match self {
            Lifetime::Endless => None,
            Lifetime::AsBefore => before,
            Lifetime::Until(at) => Some(at),
        }
    }
}

/// A hash read in place.
#[derive(Clone, Copy)]
pub struct HashRef<'a> {
    form: Form<'a>,
    /// What expired before is hidden.
    as_of: UnixMs,
}

#[derive(Clone, Copy)]
enum Form<'a> {
    Small(Small<'a>),
    Big(&'a BigTable),
}

fn field_of<'a>(entry: Entry<'a>) -> Field<'a> {
    let value = Text::from(string(entry.value()).to_cow());
    Field { name: Text::Lent(entry.key()), value, expire_at: entry.expire_at() }
}

fn pair_of<'a>(field: Field<'a>) -> (Text<'a>, Text<'a>) {
    (field.name, field.value)
}

/// Elements per field.
fn stride(small: &Small<'_>) -> usize {
    if small.kind == Kind::ExpiringHash { 3 } else { 2 }
}

/// Takes the first field off; `stride` says whether its expiry follows.
fn take_field<'a>(packed: &mut Packed<'a>, stride: usize) -> Option<Field<'a>> {
    let (name, value) = (packed.next()?, packed.next()?);
    let expiry = if stride == 3 { packed.take_first() } else { None };
    let expire_at = match expiry {
        Some(Kept::Integer(at)) => Some(at),
        _ => None,
    };
    Some(Field { name, value, expire_at })
}

/// Fields packed, as what they then are.
fn pack_fields(fields: &[Field<'_>]) -> (Kind, Vec<u8>) {
    let is_expiring = fields.iter().any(|field| field.expire_at.is_some());
    let mut packed = Vec::new();
    for Field { name, value, expire_at } in fields {
        put(&mut packed, name);
        put(&mut packed, value);
        if is_expiring {
            let expiry = expire_at.map(Text::from);
            put(&mut packed, expiry.as_deref().unwrap_or_default());
        }
    }
    (if is_expiring { Kind::ExpiringHash } else { Kind::Hash }, packed)
}

/// When the first field of a hash expires.
pub fn earliest_in(blob: BlobRef<'_>) -> Option<UnixMs> {
    match blob.kind() {
        Kind::Hash | Kind::ExpiringHash => HashRef::of(blob).earliest_expiry(),
        _ => None,
    }
}

impl<'a> HashRef<'a> {
    pub(in crate::keyspace) fn of(blob: BlobRef<'a>) -> HashRef<'a> {
        let form = match Outer::of(blob) {
            Some(Outer::Table(table)) => Form::Big(table.get()),
            _ => Form::Small(Small::of(blob)),
        };
        HashRef { form, as_of: UnixMs::MIN }
    }

    /// The same without the fields that expire before.
    pub fn as_of(self, as_of: UnixMs) -> HashRef<'a> {
        HashRef { as_of, ..self }
    }

    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        let all = match self.form {
            Form::Small(small) => small.len,
            Form::Big(table) => table.len(),
        };
        if self.hides_some() { all - self.hidden() } else { all }
    }

    /// Whether fields may be hidden. Costs little where none is.
    fn hides_some(&self) -> bool {
        self.as_of != UnixMs::MIN && self.earliest_expiry().is_some_and(|at| at < self.as_of)
    }

    fn hidden(&self) -> usize {
        let mut hidden = 0;
        self.each_overdue(self.as_of, &mut |_| hidden += 1);
        hidden
    }

    /// Calls `each` for the fields that expire before `now`.
    fn each_overdue(&self, now: UnixMs, each: &mut dyn FnMut(&[u8])) {
        match self.form {
            Form::Small(_) => {
                let fields = self.as_of(UnixMs::MIN).fields();
                fields.filter(|field| !field.is_live(now)).for_each(|field| each(&field.name));
            }
            Form::Big(table) => table.overdue(now, each),
        }
    }

    /// A time before which no field expires; nothing if none ever does.
    pub fn earliest_expiry(&self) -> Option<UnixMs> {
        match self.form {
            Form::Small(small) if small.kind == Kind::ExpiringHash => {
                self.as_of(UnixMs::MIN).fields().filter_map(|field| field.expire_at).min()
            }
            Form::Small(_) => None,
            Form::Big(table) => table.earliest(),
        }
    }

    pub fn encoding(&self) -> Encoding {
        match self.form {
            Form::Small(Small { raw: false, kind: Kind::ExpiringHash, .. }) => Encoding::ListpackEx,
            Form::Small(Small { raw: false, .. }) => Encoding::Listpack,
            _ => Encoding::Hashtable,
        }
    }

    pub fn field(&self, name: &[u8]) -> Option<Field<'a>> {
        let found = match self.form {
            Form::Small(small) => {
                let stride = stride(&small);
                let at = small.packed.find(&pack([name]), stride)?;
                take_field(&mut Packed::new(&small.packed.bytes()[at..]), stride)
            }
            Form::Big(table) => table.entry(name).map(field_of),
        };
        found.filter(|field| field.is_live(self.as_of))
    }

    pub fn value(&self, field: &[u8]) -> Option<Text<'a>> {
        self.field(field).map(|field| field.value)
    }

    /// All fields; in the order they came in, while the hash is small.
    pub fn fields(&self) -> impl Iterator<Item = Field<'a>> + use<'a> {
        let (small, big) = match self.form {
            Form::Small(small) => (Some(small), None),
            Form::Big(table) => (None, Some(table.entries.entries())),
        };
        let stride = small.as_ref().map_or(0, stride);
        let mut packed = small.map_or(Packed::new(&[]), |small| small.packed);
        let packed = std::iter::from_fn(move || take_field(&mut packed, stride));
        let as_of = self.as_of;
        packed.chain(big.into_iter().flatten().map(field_of)).filter(move |field| field.is_live(as_of))
    }

    /// Fields with their values.
    pub fn iter(&self) -> impl Iterator<Item = (Text<'a>, Text<'a>)> + use<'a> {
        self.fields().map(pair_of)
    }

    /// One step of HSCAN; a small hash is one step.
    pub fn scan(&self, cursor: u64, each: &mut dyn FnMut(Text<'a>, Text<'a>)) -> u64 {
        match self.form {
            Form::Small(_) => {
                self.iter().for_each(|(field, value)| each(field, value));
                0
            }
            Form::Big(table) => table.entries.scan(cursor, &mut |entry| {
                let field = field_of(entry);
                if field.is_live(self.as_of) {
                    each(field.name, field.value);
                }
            }),
        }
    }

    /// A pair at random, each with the same chance; none only if there is none.
    pub fn random(&self, rng: &mut dyn Rng) -> Option<(Text<'a>, Text<'a>)> {
        match self.form {
            Form::Small(small) if small.kind == Kind::ExpiringHash => {
                let live = self.len();
                if live == 0 { None } else { self.iter().nth(rng.random_range(0..live)) }
            }
            Form::Small(small) if small.len > 0 => {
                let mut packed = small.packed;
                packed.pass(2 * rng.random_range(0..small.len));
                Some((packed.next()?, packed.next()?))
            }
            Form::Small(_) => None,
            Form::Big(table) => {
                let mut tries = (0..RANDOM_TRIES).filter_map(|_| table.entries.random_fair(rng).map(field_of));
                let found = tries.find(|field| field.is_live(self.as_of)).map(pair_of);
                found.or_else(|| self.iter().next())
            }
        }
    }

    /// The root of a copy in large form.
    pub(in crate::keyspace) fn boxed_copy(&self, cradle: Cradle<'_>) -> NonNull<u8> {
        Link::new(self.copy(cradle)).address()
    }

    fn copy(&self, cradle: Cradle<'_>) -> BigTable {
        table_of(cradle, self.fields())
    }
}

fn table_of<'a>(cradle: Cradle<'_>, fields: impl Iterator<Item = Field<'a>>) -> BigTable {
    let mut table = BigTable::new(cradle.epochs, cradle.hasher);
    for Field { name, value, expire_at } in fields {
        table.set_until(&name, &value, expire_at);
    }
    table
}

/// A hash as it is born.
pub fn packed_hash(cradle: Cradle<'_>, pairs: &Strings, expiries: &[UnixMs], limits: &CollectionLimits) -> Born {
    let len = pairs.len() / 2;
    let raw = len > limits.hash_entries || pairs.iter().any(|text| text.len() > limits.hash_value_bytes);
    let fields = (0..len).map(|index| Field {
        name: Text::Lent(pairs.at(2 * index)),
        value: Text::Lent(pairs.at(2 * index + 1)),
        expire_at: expiries.get(index).copied().filter(|at| *at != 0),
    });
    if stays_packed(raw, len, pairs.size_bytes()) {
        let (kind, packed) = pack_fields(&fields.collect::<Vec<_>>());
        return Born::Inline { kind, packed: with_count(len, &packed), raw };
    }
    Born::Boxed { kind: Kind::Hash, value: Link::new(table_of(cradle, fields)).address() }
}

impl Db {
    /// Gives a field its value. The key must hold a hash. True if the field is new.
    pub fn hash_set(
        &mut self,
        key: Key<'_>,
        field: &[u8],
        value: &[u8],
        lifetime: Lifetime,
        limits: &CollectionLimits,
    ) -> bool {
        let (old, spot) = self.table.locate(key).expect("a hash to change");
        if let Some(Outer::Table(table)) = Outer::of(old) {
            let is_expiring = lifetime != Lifetime::Endless || table.earliest().is_some();
            let is_new = self.change_root(key, spot, table, |table, _| {
                let before = is_expiring.then(|| table.entry(field)?.expire_at()).flatten();
                table.set_until(field, value, lifetime.expire_at(before))
            });
            self.settle(key, is_expiring);
            return is_new;
        }
        let small = Small::of(old);
        let is_long = field.len().max(value.len()) > limits.hash_value_bytes;
        if small.kind == Kind::ExpiringHash || matches!(lifetime, Lifetime::Until(_)) {
            return self.set_among_expiring(key, spot, (field, value), lifetime, |raw, len| {
                raw || is_long || len > limits.hash_entries
            });
        }
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

    /// `hash_set` of a small hash of which fields expire, or will.
    fn set_among_expiring(
        &mut self,
        key: Key<'_>,
        spot: Spot,
        (name, value): (&[u8], &[u8]),
        lifetime: Lifetime,
        is_raw: impl FnOnce(bool, usize) -> bool,
    ) -> bool {
        let mut is_new = false;
        self.repack(key, spot, is_raw, |fields| {
            let text = |bytes: &[u8]| Text::Joined(bytes.to_vec());
            match fields.iter_mut().find(|field| &field.name[..] == name) {
                Some(field) => {
                    field.value = text(value);
                    field.expire_at = lifetime.expire_at(field.expire_at);
                }
                None => {
                    is_new = true;
                    fields.push(Field { name: text(name), value: text(value), expire_at: lifetime.expire_at(None) });
                }
            }
        });
        is_new
    }

    /// Takes a field out of a hash, which stays even if nothing is left of it. False if it was not there.
    pub fn hash_remove(&mut self, key: Key<'_>, field: &[u8]) -> bool {
        let (old, spot) = self.table.locate(key).expect("a hash to change");
        if let Some(Outer::Table(table)) = Outer::of(old) {
            let is_expiring = table.earliest().is_some();
            let was_there = table.contains(field) && self.change_root(key, spot, table, |table, _| table.remove(field));
            self.settle(key, is_expiring);
            return was_there;
        }
        let small = Small::of(old);
        let Some(at) = small.packed.find(&pack([field]), stride(&small)) else { return false };
        if small.kind == Kind::ExpiringHash {
            self.repack(key, spot, |raw, _| raw, |fields| fields.retain(|other| &other.name[..] != field));
            return true;
        }
        let range = at..at + Packed::new(&small.packed.bytes()[at..]).pass(2);
        self.patch(key, spot, Patch { kind: Kind::Hash, raw: small.raw, len: small.len - 1, range, bytes: &[] });
        true
    }

    /// Gives a field that is there another expiry, or none.
    pub fn hash_expire(&mut self, key: Key<'_>, field: &[u8], expire_at: Option<UnixMs>) {
        let (old, spot) = self.table.locate(key).expect("a hash to change");
        if let Some(Outer::Table(table)) = Outer::of(old) {
            self.change_root(key, spot, table, |table, _| table.expire(field, expire_at));
            return self.settle(key, true);
        }
        self.repack(
            key,
            spot,
            |raw, _| raw,
            |fields| {
                let found = fields.iter_mut().find(|other| &other.name[..] == field);
                found.into_iter().for_each(|found| found.expire_at = expire_at);
            },
        );
    }

    /// Takes fields out that expired before `now`, at most so many, and answers them. The hash stays even if nothing is
    /// left of it.
    pub fn hash_expired(&mut self, key: Key<'_>, now: UnixMs, limit: usize) -> Strings {
        let mut gone = Strings::default();
        let Some((old, spot)) = self.table.locate(key) else { return gone };
        HashRef::of(old).each_overdue(now, &mut |field| {
            if gone.len() < limit {
                gone.push(field);
            }
        });
        if let Some(Outer::Table(table)) = Outer::of(old) {
            self.change_root(key, spot, table, |table, _| {
                for field in gone.iter() {
                    table.remove(field);
                }
                table.settle_earliest(now);
            });
            self.settle(key, true);
        } else if !gone.is_empty() {
            let is_gone = |field: &Field<'_>| gone.iter().any(|gone| gone == &field.name[..]);
            self.repack(key, spot, |raw, _| raw, |fields| fields.retain(|field| !is_gone(field)));
        }
        gone
    }

    /// Changes the fields of a small hash, and packs them anew.
    fn repack(
        &mut self,
        key: Key<'_>,
        spot: Spot,
        is_raw: impl FnOnce(bool, usize) -> bool,
        change: impl FnOnce(&mut Vec<Field<'_>>),
    ) {
        let old = self.table.at(key.hash, spot);
        let small = Small::of(old);
        let mut fields: Vec<Field<'_>> = HashRef::of(old).fields().collect();
        change(&mut fields);
        let (len, raw) = (fields.len(), is_raw(small.raw, fields.len()));
        let (kind, packed) = pack_fields(&fields);
        if stays_packed(raw, len, packed.len()) {
            self.patch(key, spot, Patch { kind, raw, len, range: 0..small.bytes(), bytes: &packed });
        } else {
            let table = table_of(self.cradle(), fields.into_iter());
            self.outgrow(key, spot, Kind::Hash, table);
        }
        self.settle(key, true);
    }

    /// After a change of a hash: notes when its first field expires, if any may.
    fn settle(&mut self, key: Key<'_>, is_expiring: bool) {
        if is_expiring {
            let earliest = self.table.find(key).and_then(earliest_in);
            self.note_fields(key, earliest);
        }
    }
}
