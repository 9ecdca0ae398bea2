//! Lists: packed elements while small, chunks of them in a tree when large.

use std::ptr::NonNull;

use super::big_list::{BigList, BigListIter};
use super::edit::Small;
use super::packed::{COUNT_MAX, Packed, Text, pack};
use super::small_list::{list_value, small_list};
use crate::config::CollectionLimits;
use crate::keyspace::birth::{Born, Cradle};
use crate::keyspace::blob::{BlobRef, Kind};
use crate::keyspace::link::Link;
use crate::keyspace::value::Outer;
use crate::keyspace::{Db, Encoding, Key, Strings};

/// A list read in place.
#[derive(Clone, Copy)]
pub struct ListRef<'a> {
    form: Form<'a>,
}

#[derive(Clone, Copy)]
enum Form<'a> {
    Small(Small<'a>),
    Big(&'a BigList),
}

/// Elements of a list.
#[derive(Clone)]
pub enum Elements<'a> {
    Small(Packed<'a>),
    Big(BigListIter<'a>),
}

impl<'a> Iterator for Elements<'a> {
    type Item = Text<'a>;

    fn next(&mut self) -> Option<Text<'a>> {
        match self {
            Elements::Small(packed) => packed.next(),
            Elements::Big(elements) => elements.next(),
        }
    }
}

impl<'a> ListRef<'a> {
    pub(in crate::keyspace) fn of(blob: BlobRef<'a>) -> ListRef<'a> {
        let form = match Outer::of(blob) {
            Some(Outer::List(list)) => Form::Big(list.get()),
            _ => Form::Small(small_list(blob)),
        };
        ListRef { form }
    }

    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        match self.form {
            Form::Small(small) => small.len,
            Form::Big(list) => list.len(),
        }
    }

    pub fn encoding(&self) -> Encoding {
        match self.form {
            Form::Small(_) => Encoding::Listpack,
            Form::Big(_) => Encoding::Quicklist,
        }
    }

    pub fn iter(&self) -> Elements<'a> {
        self.iter_from(0)
    }

    /// Elements from the one at `index` on, which is at most the length.
    pub fn iter_from(&self, index: usize) -> Elements<'a> {
        match self.form {
            Form::Small(Small { mut packed, .. }) => {
                packed.pass(index);
                Elements::Small(packed)
            }
            Form::Big(list) => Elements::Big(list.iter_from(index)),
        }
    }

    pub fn at(&self, index: usize) -> Option<Text<'a>> {
        if index < self.len() { self.iter_from(index).next() } else { None }
    }

    /// The root of a copy in large form.
    pub(in crate::keyspace) fn boxed_copy(&self, cradle: Cradle<'_>) -> NonNull<u8> {
        let mut copy = BigList::new(cradle.epochs);
        match self.form {
            Form::Small(small) => copy.extend(cradle.epochs, small.packed.bytes()),
            Form::Big(list) => list.pieces().for_each(|piece| copy.extend(cradle.epochs, &piece)),
        }
        Link::new(copy).address()
    }
}

/// A list as it is born.
pub fn packed_list(cradle: Cradle<'_>, elements: &Strings, limits: &CollectionLimits) -> Born {
    let packed = pack(elements.iter());
    if fits(limits, elements.len(), packed.len()) {
        return Born::Inline { kind: Kind::List, packed: list_value(elements.len(), &packed), raw: false };
    }
    let mut list = BigList::new(cradle.epochs);
    list.extend(cradle.epochs, &packed);
    Born::Boxed { kind: Kind::List, value: Link::new(list).address() }
}

fn fits(limits: &CollectionLimits, len: usize, bytes: usize) -> bool {
    len <= COUNT_MAX && limits.list_stays_packed(len, bytes)
}

impl Db {
    /// Takes `removed` elements out of a list from `at` on, and puts others in there; the list stays even if
    /// nothing is left of it. Answers the new length, `None` if the key holds nothing.
    pub fn list_splice(
        &mut self,
        key: Key<'_>,
        at: usize,
        removed: usize,
        inserted: &[&[u8]],
        limits: &CollectionLimits,
    ) -> Option<usize> {
        let (old, spot) = self.table.locate(key)?;
        let small = match Outer::of(old) {
            Some(Outer::List(list)) => return Some(self.splice_big(key, list, at, removed, inserted, limits)),
            _ => small_list(old),
        };
        let packed = pack(inserted.iter().copied());
        let mut rest = small.packed;
        let from = rest.pass(at);
        let end = from + rest.pass(removed);
        let len = small.len - removed + inserted.len();
        if fits(limits, len, small.bytes() - (end - from) + packed.len()) || inserted.is_empty() {
            self.patch_list(key, spot, len, from..end, &packed);
            return Some(len);
        }
        let mut list = BigList::new(&self.epochs);
        let elements = small.packed.bytes();
        [&elements[..from], &packed, &elements[end..]].iter().for_each(|piece| list.extend(&self.epochs, piece));
        self.outgrow(key, spot, Kind::List, list);
        Some(len)
    }

    fn splice_big(
        &mut self,
        key: Key<'_>,
        list: Link<BigList>,
        at: usize,
        removed: usize,
        inserted: &[&[u8]],
        limits: &CollectionLimits,
    ) -> usize {
        let (_, spot) = self.table.locate(key).expect("a list to change");
        let (len, bytes) = self.change_root(key, spot, list, |list, epochs| {
            if let (1, [element]) = (removed, inserted) {
                list.set(epochs, at, element);
            } else {
                list.remove(epochs, at, removed);
                for (nth, element) in inserted.iter().enumerate() {
                    list.insert(epochs, at + nth, element);
                }
            }
            (list.len(), list.packed_bytes())
        });
        // Half the limit, lest a list on the border go to and fro.
        if removed > 0 && len <= COUNT_MAX / 2 && limits.list_stays_packed(2 * len, 2 * bytes) {
            self.pack_list(key);
        }
        len
    }

    /// A list that has become small lies in its blob again.
    fn pack_list(&mut self, key: Key<'_>) {
        let Some((blob, spot)) = self.table.locate(key) else { return };
        let Some(Outer::List(list)) = Outer::of(blob) else { return };
        let packed: Vec<u8> = list.pieces().fold(Vec::new(), |packed, piece| [&packed[..], &piece].concat());
        self.shrink(key, spot, Kind::List, list, &list_value(list.len(), &packed));
    }
}
