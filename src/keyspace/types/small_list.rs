//! A small list in its key's blob, with room at its head, so that what comes and goes there moves nothing.
//!
//! ```text
//! count     16 bits
//! gap       16 bits: so many bytes lie between here and the elements
//! the gap, then packed elements
//! ```
//! A list that is only pushed to at its tail has no gap. One that is pushed to at its head gets a quarter of its length
//! whenever it must be moved; one that is popped from at its head gets what the elements took, up to half of it all.

use std::ops::Range;

use super::edit::Small;
use super::packed::{COUNT_BYTES, Packed};
use crate::keyspace::blob::{Blob, BlobRef, Content, Kind};
use crate::keyspace::table::{RecordRef, Spot};
use crate::keyspace::{Db, Key};

/// Where the gap begins.
const HEAD: usize = COUNT_BYTES + 2;
/// Below so many bytes of elements, moving them is as cheap as not.
const GAP_WORTH: usize = 256;
static GAP: [u8; 4096] = [0; 4096];

/// A list's value as its blob holds it.
pub fn list_value(len: usize, packed: &[u8]) -> Vec<u8> {
    [&head(len, 0), packed].concat()
}

fn head(len: usize, gap: usize) -> [u8; HEAD] {
    let [count, gap] = [len, gap].map(|number| u16::try_from(number).expect("counts have 16 bits").to_le_bytes());
    [count[0], count[1], gap[0], gap[1]]
}

/// The list in a blob.
pub fn small_list(blob: BlobRef<'_>) -> Small<'_> {
    let (len, gap) = read_head(blob);
    let elements = blob.inline().and_then(|value| value.get(HEAD + gap..)).unwrap_or_default();
    Small { kind: Kind::List, raw: false, len, packed: Packed::new(elements) }
}

fn read_head(blob: BlobRef<'_>) -> (usize, usize) {
    let head = blob.inline().and_then(|value| value.first_chunk::<HEAD>()).unwrap_or(&[0; HEAD]);
    (u16::from_le_bytes([head[0], head[1]]).into(), u16::from_le_bytes([head[2], head[3]]).into())
}

impl Db {
    /// Puts bytes in the place of a range of a small list's packed elements, of which there are `len` then.
    pub(super) fn patch_list(&mut self, key: Key<'_>, spot: Spot, len: usize, range: Range<usize>, bytes: &[u8]) {
        let old = self.table.at(key.hash, spot);
        let (_, gap) = read_head(old);
        let value = old.inline().unwrap_or_default();
        let elements = value.len() - HEAD - gap - range.len() + bytes.len();
        let can_change = self.table.can_change(key.hash, spot);
        if let Some(gap) = moved_gap(gap, elements, &range, bytes)
            && can_change
        {
            self.table.change(key.hash, spot, |mut blob| {
                blob.overwrite(0, &head(len, gap));
                blob.overwrite(HEAD + gap, bytes);
            });
            return;
        }
        let grows_at_head = range.is_empty() && range.start == 0 && elements >= GAP_WORTH;
        let place = HEAD + gap + range.start..HEAD + gap + range.end;
        if can_change && !grows_at_head && old.fits(HEAD + gap + elements, old.expire_at().is_some()) {
            self.table.change(key.hash, spot, |mut blob| {
                blob.splice(place, bytes);
                blob.splice(0..HEAD, &head(len, gap));
            });
            return;
        }
        let new_gap = if grows_at_head { (elements / 4).min(GAP.len()) } else { 0 };
        let (before, behind) = (&value[HEAD + gap..place.start], &value[place.end..]);
        let parts: &[&[u8]] = &[&head(len, new_gap), &GAP[..new_gap], before, bytes, behind];
        let blob = Blob::new(
            key.bytes,
            Content::Inline { kind: Kind::List, parts, raw: false },
            old.expire_at(),
            old.access(),
        );
        self.table.replace(key.hash, spot, blob);
    }
}

/// The gap afterwards if a change at the head is only a matter of the gap.
fn moved_gap(gap: usize, elements: usize, range: &Range<usize>, bytes: &[u8]) -> Option<usize> {
    let gap = (gap + range.len()).checked_sub(bytes.len())?;
    let is_worth_it = gap <= elements.max(GAP_WORTH) && u16::try_from(gap).is_ok();
    (range.start == 0 && is_worth_it).then_some(gap)
}
